"""Where a PyTorch lacks one of its private symbols, Lamina gives the same numbers, or says what there is not.

Each test takes the symbols of one file of `lamina/_torch` away and binds that file anew, as on such a PyTorch.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import lamina
from lamina import Input, Model, layers, ops, optimizers
from lamina._torch import (
    ctc,
    dispatch,
    foreach,
    fused,
    gamma,
    loops,
    modules,
    onednn,
    symbols,
    tracing,
    transforms,
    weight_norm,
)
from lamina.losses.torch_loss import is_torch_loss
from lamina.ops.ctc_operator import ctc_loss

Without = Callable[..., None]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Without]:
    """Take all symbols of a file away, or those of these paths."""
    touched: list[ModuleType] = []
    find = symbols.found

    def take(module: ModuleType, *paths: str) -> None:
        gone = paths or tuple(symbol.path for symbol in module.SYMBOLS)
        assert gone
        assert all(find(path) is not None for path in gone)
        monkeypatch.setattr(symbols, "found", lambda path: None if path in gone else find(path))
        touched.append(importlib.reload(module))

    yield take
    monkeypatch.undo()
    for module in touched:
        importlib.reload(module)


# ---- optimizers ----------------------------------------------------------------------------------------------------

NAMES = ("Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD ScheduleFreeAdamW").split()
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"clipnorm": 0.1, "use_ema": True, "ema_overwrite_frequency": 2},
    {"clipvalue": 0.05, "weight_decay": 0.1},
    {"global_clipnorm": 0.1, "gradient_accumulation_steps": 2, "loss_scale_factor": 4.0},
)
OWN: dict[str, dict[str, Any]] = {
    "Adam": {"amsgrad": True},
    "Ftrl": {"l1_regularization_strength": 0.01, "l2_shrinkage_regularization_strength": 0.1},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "SGD": {"momentum": 0.9, "nesterov": True},
}


def trained(name: str, options: dict[str, Any], kernels: bool) -> list[torch.Tensor]:
    """Weights of several shapes and orders of axes after five steps."""
    rng = torch.Generator().manual_seed(0)
    shapes = ((4, 3), (3, 4), (5,), (2, 2, 3))
    weights = [nn.Parameter(torch.randn(shape, generator=rng)) for shape in shapes]
    weights[1] = nn.Parameter(torch.randn((4, 3), generator=rng).t())
    optimizer = getattr(optimizers, name)(learning_rate=0.1, **options)
    if not kernels:
        optimizer.kernel = None
    for _ in range(5):
        optimizer.apply([torch.randn(w.shape, generator=rng) for w in weights], weights)
    return [w.detach().clone() for w in weights]


@pytest.mark.parametrize("options", SETTINGS, ids=lambda options: "-".join(options) or "plain")
@pytest.mark.parametrize("name", NAMES)
def test_optimizers_without_foreach(name: str, options: dict[str, Any], without: Without) -> None:
    cases = [options, {**options, **OWN[name]}] if name in OWN else [options]
    due = [trained(name, case, kernels=False) for case in cases]
    without(foreach)
    assert foreach.add_ is not torch._foreach_add_
    assert_close([trained(name, case, kernels=False) for case in cases], due, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("paths", [(), ("torch._C._dispatch_has_kernel_for_dispatch_key",), ("torch._fused_adamw_",)])
@pytest.mark.parametrize("name", ["Adagrad", "Adam", "AdamW", "Muon", "SGD"])
def test_optimizers_without_fused_kernels(name: str, paths: tuple[str, ...], without: Without) -> None:
    due = trained(name, OWN.get(name, {}), kernels=True)
    without(fused, *paths)
    assert fused.runs_on("sgd", torch.device("cpu")) is (paths == ("torch._fused_adamw_",))
    assert not fused.runs_on("adam", torch.device("cpu"))
    assert_close(trained(name, OWN.get(name, {}), kernels=True), due, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", foreach._NAMES)
def test_each_loop_is_pytorchs_function(name: str) -> None:
    rng = torch.Generator().manual_seed(1)

    def drawn() -> list[torch.Tensor]:
        return [torch.rand(shape, generator=rng) + 0.5 for shape in ((3,), (2, 2), ())]

    numbers: dict[str, list[tuple[Any, ...]]] = {
        "lerp_": [(drawn(), 0.25)],
        "pow": [(0.5,), (2.0,)],
        "norm": [(), (1,), (float("inf"),)],
        "clamp_max": [(0.7,)],
        "clamp_min_": [(0.7,)],
    }
    for key in ("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_"):
        numbers[key] = [(drawn(),), (2.0,)]
    for key in ("mul", "mul_", "div", "div_"):
        numbers[key] += [(torch.tensor(3.0),), ([1.0, 2.0, 3.0],)]
    for key in ("addcmul_", "addcdiv_"):
        numbers[key] = [(drawn(), drawn())]
    for key in ("maximum_", "copy_"):
        numbers[key] = [(drawn(),)]
    for others in numbers.get(name, [()]):
        options = {"value": -0.3} if name.startswith("addc") else {}
        if name in ("add", "add_") and isinstance(others[0], list):
            options = {"alpha": -0.5}
        one = drawn()
        two = [value.clone() for value in one]
        due = getattr(torch, f"_foreach_{name}")(one, *others, **options)
        got = foreach._loop(name)(two, *others, **options)
        assert_close(two, one)  # what works in place has changed, the others have not
        if not name.endswith("_"):
            assert_close(got, list(due))


# ---- random numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_lengths_of_weights(without: Without, dim: int) -> None:
    v = torch.randn(3, 4)
    g = torch.rand({0: (3, 1), 1: (1, 4), -1: ()}[dim])
    due = weight_norm.scaled(v, g, dim)
    without(weight_norm)
    torch.testing.assert_close(weight_norm.scaled(v, g, dim), due)


def gammas() -> torch.Tensor:
    alpha = torch.tensor([0.2, 1.0, 7.0]).repeat(50, 1)
    return gamma.standard(alpha, generator=torch.Generator().manual_seed(3))


def test_gamma_numbers_are_the_same_and_leave_the_global_generator_alone(without: Without) -> None:
    due = gammas()
    torch.manual_seed(8)
    unseeded = gamma.standard(torch.full((4,), 2.0))
    without(gamma)
    torch.manual_seed(8)
    assert torch.equal(gamma.standard(torch.full((4,), 2.0)), unseeded)
    before = torch.random.get_rng_state()
    assert torch.equal(gammas(), due)
    assert torch.equal(torch.random.get_rng_state(), before)
    generator = torch.Generator().manual_seed(3)  # one generator goes on, as it does with PyTorch's own
    first, second = (gamma.standard(torch.full((8,), 2.0), generator=generator) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slopes_of_gamma_numbers(dtype: torch.dtype, without: Without) -> None:
    generator = torch.Generator().manual_seed(5)
    alpha = torch.tensor([0.1, 0.5, 1.0, 3.0, 20.0, 200.0], dtype=dtype).repeat(200, 1)
    sample = torch._standard_gamma(alpha, generator=generator).clamp(min=1e-20)
    due = torch._standard_gamma_grad(alpha, sample)
    without(gamma)
    # PyTorch's own is an approximation by polynomials, good to 5e-4.
    assert_close(gamma.slope(alpha, sample), due, rtol=2e-3, atol=1e-5)


def test_a_gamma_layer_of_numbers_trains(without: Without) -> None:
    def slope() -> torch.Tensor:
        alpha = torch.tensor([0.5, 2.0, 9.0], requires_grad=True)
        lamina.random.gamma((3,), alpha, seed=4).sum().backward()
        assert alpha.grad is not None
        return alpha.grad

    due = slope()
    without(gamma, "torch._standard_gamma", "torch._standard_gamma_grad")
    assert_close(slope(), due, rtol=2e-3, atol=1e-5)


def test_beta_numbers_have_no_gradient(without: Without) -> None:
    due = lamina.random.beta((4,), 2.0, 3.0, seed=1)
    without(gamma)
    assert torch.equal(lamina.random.beta((4,), 2.0, 3.0, seed=1), due)
    alpha = torch.tensor(2.0, requires_grad=True)
    sample = lamina.random.beta((4,), alpha, 3.0, seed=1)
    with pytest.raises(NotImplementedError, match="has no gradient of Dirichlet numbers, so random.beta has none"):
        sample.sum().backward()


# ---- CTC -----------------------------------------------------------------------------------------------------------


def ctc_case(blank: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    rng = torch.Generator().manual_seed(2)
    logits = torch.randn(9, 5, 4, generator=rng, dtype=dtype)
    classes = [c for c in range(4) if c != blank]
    labels = torch.tensor(classes)[torch.randint(3, (5, 4), generator=rng)]
    labels[0] = classes[0]  # the same one again and again: a blank must come between
    return logits, labels, torch.tensor([9, 4, 7, 9, 1]), torch.tensor([4, 2, 3, 1, 0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("blank", [0, 3])
def test_ctc(blank: int, dtype: torch.dtype, without: Without) -> None:
    logits, labels, steps, lengths = ctc_case(blank, dtype)

    def run(loss: Callable[..., torch.Tensor], *options: Any) -> tuple[torch.Tensor, torch.Tensor]:
        given = logits.clone().requires_grad_()
        losses = loss(given.log_softmax(-1), labels, steps, lengths, blank, *options)
        (losses * torch.arange(1.0, 6.0, dtype=dtype)).sum().backward()
        assert given.grad is not None
        return losses.detach(), given.grad

    due = run(F.ctc_loss, "none")
    without(ctc)
    assert ctc.forward is not torch.ops.aten._ctc_loss.Tensor
    assert_close(run(ctc_loss), due)


def test_ctc_of_ops_and_of_a_graph(without: Without) -> None:
    target = torch.tensor([[1, 2, 1, 0], [2, 2, 0, 0]])
    logits = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(0))
    sizes = (torch.tensor([3, 2]), torch.tensor([8, 6]))
    due = ops.ctc_loss(target, logits, *sizes)
    without(ctc)
    assert_close(ops.ctc_loss(target, logits, *sizes), due)
    inputs = Input(batch_shape=(2, 8, 4))
    model = Model(inputs, layers.Lambda(lambda x: ops.ctc_loss(target, x, *sizes))(inputs))
    assert_close(model(logits), due)


# ---- oneDNN --------------------------------------------------------------------------------------------------------


def residual() -> Model:
    inputs = Input((8, 8, 16))
    h = layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs))
    h = layers.ReLU()(h)
    h = layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(h))
    return Model(inputs, layers.Activation("relu")(layers.add([h, inputs])))


def test_predictions_without_fused_convolutions(without: Without) -> None:
    lamina.utils.set_random_seed(0)
    model, x = residual(), np.random.default_rng(0).normal(size=(4, 8, 8, 16)).astype("float32")
    due = model.predict(x, verbose=0)
    without(onednn)
    assert onednn.convolutions() is None
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(x, verbose=0), due, atol=1e-5)


def test_kernels_with_other_arguments_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert onednn._fitting(onednn._RNN) is not None
    for path in onednn._RNN:
        other = {key: text.replace("bool", "int", 1) if key == path else text for key, text in onednn._RNN.items()}
        assert onednn._fitting(other) is None
    assert onednn._fitting({"torch.relu": "Tensor input"}) is None


def test_the_gradient_of_an_lstm_without_its_kernel(without: Without) -> None:
    rng = torch.Generator().manual_seed(0)
    shapes = ((2, 5, 3), (2, 4), (2, 4), (16, 3), (16, 4), (16,))
    given = [torch.randn(shape, generator=rng) * 0.5 for shape in shapes]

    def gradients() -> list[torch.Tensor]:
        leaves = [value.clone().requires_grad_() for value in given]
        outputs, last = torch.ops.lamina.lstm(*leaves)
        (outputs.square().sum() + last.sum()).backward()
        return [leaf.grad for leaf in leaves]  # type: ignore[misc]

    assert onednn.rnn_layer is not None
    due = gradients()
    without(onednn)
    assert onednn.rnn_layer is None
    assert_close(gradients(), due)


# ---- loops ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scan", "while_loop"])
def test_loops_that_the_compiler_cannot_keep(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"torch._higher_order_ops.{name}", None)
    with pytest.raises(NotImplementedError, match=rf"has no {name} that torch.compile .* without fullgraph=True"):
        getattr(loops, name)()


def test_compiled_loops_run_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise loops._missing("scan")

    monkeypatch.setattr(loops, "scan", missing)
    monkeypatch.setattr(loops, "while_loop", missing)
    x = torch.arange(6.0).reshape(3, 2)

    def total(x: torch.Tensor) -> Any:
        return ops.scan(lambda s, row: (s + row, s * 2), torch.zeros(2), x)

    def halved(x: torch.Tensor) -> Any:
        return ops.while_loop(lambda v: v.sum() > 1, lambda v: (v / 2,), (x,))

    for function in (total, halved):
        assert_close(torch.compile(function, backend="eager")(x), function(x))


# ---- modules, modes, tracing ---------------------------------------------------------------------------------------


def test_hooks_on_all_modules_are_taken_to_be_there(without: Without) -> None:
    lamina.utils.set_random_seed(0)
    model, x = residual(), np.random.default_rng(0).normal(size=(4, 8, 8, 16)).astype("float32")
    due = model.predict(x, verbose=0)
    without(modules, "torch.nn.modules.module._has_any_global_hook")
    assert modules.any_global_hook()
    np.testing.assert_allclose(model.predict(x, verbose=0), due, atol=1e-5)


def test_losses_of_torch_are_known(without: Without) -> None:
    class Own(nn.SmoothL1Loss):
        pass

    kinds = [kind for name, kind in vars(nn).items() if name.endswith("Loss")]
    assert len(kinds) > 15
    without(modules, "torch.nn.modules.loss._Loss")
    assert all(issubclass(kind, modules.LOSSES) for kind in kinds)
    assert is_torch_loss(Own())
    assert is_torch_loss(F.mse_loss)
    assert not is_torch_loss(nn.Linear(1, 1))


@pytest.mark.parametrize(
    "path", ["torch.overrides._get_current_function_mode_stack", "torch.utils._device.DeviceContext"]
)
def test_the_device_that_the_user_told_torch(path: str, without: Without) -> None:
    without(modules, path)
    assert modules.chosen_device(0) is None
    with torch.device("meta"):
        assert modules.chosen_device(1) is None
        assert modules.chosen_device(0) == torch.device("meta")
    with torch.device("cuda", 1):
        assert modules.chosen_device(0) == torch.device("cuda", 1)
    with torch.device("cpu"):
        assert lamina.devices.current_device() == (lamina.devices.accelerator() or torch.device("cpu"))


def test_a_layer_without_gradients_within_is_saved(without: Without, tmp_path: Any) -> None:
    def partly(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            mean = x.mean(-1, keepdim=True)
        return x * mean

    without(tracing)
    assert (torch.set_grad_enabled,) == tracing.SET_GRADIENTS
    inputs = Input((3,))
    Model(inputs, layers.Lambda(partly)(inputs)).save(tmp_path / "m.lamina")
    x = torch.rand(2, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(lamina.models.load_model(tmp_path / "m.lamina")(x).sum(), x)
    (due,) = torch.autograd.grad(partly(x).sum(), x)
    assert_close(slope, due)


def test_a_tracer_that_does_not_say_what_it_takes_for_granted() -> None:
    with pytest.raises(NotImplementedError, match="does not say what its tracer takes for granted about sizes"):
        tracing.guards(object())  # type: ignore[arg-type]


def test_without_knowing_of_tracers_a_model_runs_and_plain_weights_are_traced(without: Without) -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    without(dispatch)
    x = Input((4,))
    model, rows = Model(x, layers.Dense(2)(x)), torch.ones(3, 4)
    with pytest.raises(TypeError, match="__torch_dispatch__"):
        make_fx(model)(rows)
    weights = dict(model.named_parameters())
    graph = make_fx(lambda weights, rows: torch.func.functional_call(model, weights, rows))(weights, rows)
    assert_close(graph(weights, rows), model(rows))


def test_without_knowing_of_transforms_layers_without_kernels_go_on(without: Without) -> None:
    without(transforms)
    rows = torch.randn(3, 2, 5, 4)
    for layer in (layers.LSTM(3, use_cudnn=False), layers.GRU(3, use_cudnn=False)):
        layer(rows[0])
        assert_close(torch.vmap(layer)(rows), torch.stack([layer(part) for part in rows]))
    fused_layer = layers.LSTM(3)
    assert torch.func.grad(lambda part: fused_layer(part).sum())(rows[0]).shape == rows[0].shape
