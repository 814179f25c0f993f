"""The benchmark compares like with like: the same data and the same function; and its ratios are what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import application_builds
import graph_build
import numpy as np
import peer_keras
import peer_torch
import pytest
import report
import resnet50
import schedule
import torch
from torch import nn
from workloads import WORKLOADS

BENCHMARKS = Path(report.__file__).parent
CASES = list(WORKLOADS)
LIBRARIES = ("lamina", "keras")


class Recorder:
    """A library whose layers are noted in the order in which they are created."""

    def __init__(self, library: ModuleType) -> None:
        self.Input, self.Model, self.losses, self.created = library.Input, library.Model, library.losses, []
        self.layers = SimpleNamespace(
            **{name: self._noting(getattr(library.layers, name)) for name in dir(library.layers) if name[0].isupper()}
        )

    def _noting(self, layer_class):
        def create(*args, **kwargs):
            self.created.append(layer_class(*args, **kwargs))
            return self.created[-1]

        return create


def copy_weights(layer, module: nn.Module) -> None:
    """The weights of one Keras layer into the PyTorch module that stands for it."""
    w = [torch.from_numpy(np.array(a)) for a in layer.get_weights()]
    if isinstance(module, peer_torch.CausalSelfAttention):  # kernels (F, heads, F/heads), the last one the other way
        width = len(w[0])
        pairs = [(module.qkv.weight, torch.cat([w[i].reshape(width, -1).T for i in (0, 2, 4)]))]
        pairs += [(module.qkv.bias, torch.cat([w[i].flatten() for i in (1, 3, 5)]))]
        pairs += [(module.out.weight, w[6].reshape(-1, width).T), (module.out.bias, w[7])]
    elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):  # HWIO -> OIHW; HWOI -> IOHW
        pairs = list(zip(module.parameters(), [w[0].permute(3, 2, 0, 1), *w[1:]], strict=True))
    elif isinstance(module, nn.LSTM):
        pairs = [(module.weight_ih_l0, w[0].T), (module.weight_hh_l0, w[1].T), (module.bias_ih_l0, w[2])]
    elif isinstance(module, nn.Linear):
        pairs = [(module.weight, w[0].T), (module.bias, w[1])]
    elif isinstance(module, nn.BatchNorm2d):
        own = (module.weight, module.bias, module.running_mean, module.running_var)
        pairs = list(zip(own, w, strict=True))
    else:
        pairs = list(zip(module.parameters(), w, strict=True))
    for own, theirs in pairs:
        assert own.shape == theirs.shape
        own.data.copy_(theirs)


def weighted_modules(model: nn.Module) -> list[nn.Module]:
    """The modules that stand for one Keras layer with weights, in the order of their creation."""
    whole = (peer_torch.CausalSelfAttention,)
    inside = {id(child) for m in model.modules() if isinstance(m, whole) for child in m.children()}
    return [
        m
        for m in model.modules()
        if id(m) not in inside and (isinstance(m, whole) or next(m.parameters(recurse=False), None) is not None)
    ]


def pad_as_keras(model: nn.Module) -> None:
    """Strided 3x3 convolutions pad (0, 1), as "same" does; the one difference between the peers."""
    for m in model.modules():
        if isinstance(m, nn.Conv2d) and m.stride == (2, 2) and m.kernel_size == (3, 3):
            m.padding = (0, 0)
            m.register_forward_pre_hook(lambda _, args: (nn.functional.pad(args[0], (0, 1, 0, 1)),))


def shake(model) -> None:
    """Moves all weights off their initial zeros and ones, so that a mixed-up pair of them shows."""
    rng = np.random.default_rng(1)
    for variable in model.weights:
        value = np.array(variable.numpy() if hasattr(variable, "numpy") else variable)
        variable.assign(value + 0.1 * np.abs(rng.standard_normal(value.shape)).astype("float32"))


def twins(case: str, library: str, shaken: bool) -> tuple[peer_keras.KerasPeer, peer_torch.TorchPeer]:
    """Both peers of a workload, with the same weights."""
    pytest.importorskip(library)
    theirs, own = peer_keras.KerasPeer("lamina" if library == "lamina" else "torch"), peer_torch.TorchPeer()
    theirs.keras = recorder = Recorder(theirs.keras)
    theirs.build(case, "cpu")
    own.build(case, "cpu")
    if shaken:
        shake(theirs.model)
    layers = [layer for layer in recorder.created if layer.weights]
    for layer, module in zip(layers, weighted_modules(own.model), strict=True):
        copy_weights(layer, module)
    own.model.eval()  # the bare call leaves the mode alone, which a new PyTorch module has set to training
    return theirs, own


def assert_close_to_scale(a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    """Differences measured against the largest value: logits near zero say nothing."""
    np.testing.assert_allclose(a / np.abs(b).max(), b / np.abs(b).max(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_data_has_the_declared_shapes_and_is_repeatable(case: str) -> None:
    workload = WORKLOADS[case]
    inputs, targets = workload.data(2)
    for arrays, spec in ((inputs, workload.inputs), (targets, workload.targets)):
        found = {name: (a.shape, str(a.dtype)) for name, a in arrays.items()}
        assert found == {name: ((2 * workload.batch_size, *shape), dtype) for name, (shape, dtype) in spec.items()}
        assert list(arrays) == list(spec)
    again, _ = workload.data(2)
    for name, a in inputs.items():
        np.testing.assert_array_equal(a, again[name])
        assert not np.array_equal(a[0], a[1]), "the rows of a data set differ"


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("case", CASES)
def test_keras_code_and_hand_written_model_are_the_same_function(case: str, library: str) -> None:
    theirs, own = twins(case, library, shaken=True)
    pad_as_keras(own.model)
    inputs = {name: a[:4] for name, a in WORKLOADS[case].data(1)[0].items()}
    assert theirs.trainable_params() == own.trainable_params() == WORKLOADS[case].params
    for a, b in zip(theirs.call(inputs), own.call(inputs), strict=True):
        assert_close_to_scale(a, b.transpose(0, 2, 3, 1) if case == "unet" else b, 1e-4)
    for a, b in zip(theirs.predict(inputs), theirs.call(inputs), strict=True):
        assert_close_to_scale(a, b, 1e-5)


@pytest.mark.quick_cases(6)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("case", CASES)
def test_a_first_step_reports_the_same_loss_and_later_steps_follow(case: str, library: str) -> None:
    """The same loss function on the same outputs in training mode; then the same optimizer."""
    theirs, own = twins(case, library, shaken=False)
    pad_as_keras(own.model)
    inputs, targets = ({name: a[:8] for name, a in arrays.items()} for arrays in WORKLOADS[case].data(1))
    theirs.compile()
    own.compile()
    losses = [(theirs.fit(inputs, targets), own.fit(inputs, targets))]
    assert losses[0][0] == pytest.approx(losses[0][1], rel=1e-4)
    for a, b in zip(theirs.predict(inputs), own.predict(inputs), strict=True):  # the moving statistics have moved alike
        assert_close_to_scale(a, b.transpose(0, 2, 3, 1) if case == "unet" else b, 0.03)
    losses += [(theirs.fit(inputs, targets), own.fit(inputs, targets)) for _ in range(3)]
    # Later ones drift apart a little: the two add Adam's epsilon at another place, which tiny gradients feel.
    assert losses[3][0] == pytest.approx(losses[3][1], rel=0.05)
    assert losses[3][0] < losses[0][0]


def test_resnet50_is_the_one_of_keras() -> None:
    lamina, keras = pytest.importorskip("lamina"), pytest.importorskip("keras")
    ours, reference = resnet50.build(lamina), keras.applications.ResNet50(weights=None)
    assert ours.count_params() == reference.count_params() == resnet50.VALUES
    shapes = [sorted(tuple(v.shape) for v in m.weights) for m in (ours, reference)]
    assert shapes[0] == shapes[1]
    drawn = [tuple(initializer(shape).shape) for initializer, shape in graph_build.draws(ours)]
    assert sorted(drawn) == shapes[0]


def test_plain_draws_are_of_the_weights_of_an_application() -> None:
    lamina = pytest.importorskip("lamina")
    model = lamina.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3))
    todo = application_builds.draws(model)
    for weight, draw in zip(model.weights, [draw for weights in todo for _, draw in weights], strict=True):
        again = draw()
        assert again.shape == weight.shape
        # Of the same distribution: the same constant, or the same deviation as far as so many numbers tell it.
        assert torch.allclose(again.std(correction=0), weight.std(correction=0), rtol=0.3)
    assert len(list(application_builds.bare_modules(todo).parameters())) == len(model.trainable_weights)


def test_a_ratio_is_the_median_over_pairs_of_the_same_repeat() -> None:
    times = {("torch", 0): 10.0, ("lamina", 0): 9.0, ("torch", 1): 20.0, ("lamina", 1): 36.0, ("torch", 2): 10.0,
             ("lamina", 2): 12.0, ("lamina", 3): 1.0}  # fmt: skip
    records = [
        {"what": "training", "case": "mlp", "peer": peer, "repeat": repeat, "status": "ok", "step_ms": ms}
        for (peer, repeat), ms in times.items()
    ]
    records += [{"what": "training", "case": "mlp", "peer": "keras-jax", "repeat": 0, "status": "not installed"}]
    assert report.ratios(records, "lamina", "torch", "step_ms") == [0.9, 1.8, 1.2]
    text = report.markdown(records, {"date": "2026-01-01", "processor": "X"}, "")
    assert "| workload | torch, ms | lamina | keras-jax |" in text
    assert "| mlp | 10.0 | 1.20 (0.90–1.80) | not installed |" in text
    assert "8 runs went well" not in text
    assert "7 runs went well" in text


def test_failures_and_flat_losses_are_reported() -> None:
    base = {"what": "training", "case": "mlp", "peer": "lamina", "repeat": 0}
    failed = base | {"status": "failed: exit code 1: boom"}
    flat = base | {"status": "ok", "first_loss": 1.0, "last_loss": 1.5, "params": 3, "params_ok": False}
    lines = "\n".join(report.checks([failed, failed, flat]))
    assert "failed: exit code 1: boom (2 of the repeats)" in lines
    assert "the loss did not fall: lamina mlp" in lines
    assert "another number of parameters than declared: lamina mlp (3)" in lines


def test_peers_take_turns_and_the_yardstick_always_runs() -> None:
    plan = schedule.Plan(["training"], ["lamina"], ["mlp", "cnn"], repeats=2, seconds=1.0)
    order = [(job.repeat, job.case, job.peer) for job in plan.jobs()]
    assert order == [
        (0, "mlp", "torch"), (0, "mlp", "lamina"), (0, "cnn", "lamina"), (0, "cnn", "torch"),
        (1, "mlp", "torch"), (1, "mlp", "lamina"), (1, "cnn", "lamina"), (1, "cnn", "torch"),
    ]  # fmt: skip


@pytest.mark.slow
def test_one_command_measures_and_writes_json_and_markdown(tmp_path: Path) -> None:
    options = ["--what", "training", "--cases", "mlp", "--peers", "torch", "--repeats", "1", "--seconds", "0.1"]
    files = ["--json", str(tmp_path / "r.json"), "--markdown", str(tmp_path / "r.md")]
    command = [sys.executable, str(BENCHMARKS / "run.py"), *options, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (record,) = json.loads((tmp_path / "r.json").read_text())["records"]
    assert record["status"] == "ok"
    assert record["params"] == WORKLOADS["mlp"].params
    assert 0 < record["predict_ms"] < record["step_ms"] * 50
    assert f"| mlp | {record['step_ms']:.1f} |" in (tmp_path / "r.md").read_text()


def test_gpu_command_ends_cleanly_without_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--json", str(tmp_path / "r.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "no CUDA device" in done.stdout
    assert not (tmp_path / "r.json").exists()
