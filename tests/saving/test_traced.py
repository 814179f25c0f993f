"""Layers and models of the user's, loaded in a process that has none of their code: same bits, trained, saved again."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Model, layers
from lamina.layers import BatchNormalization, Dense, Dropout, Input, Layer
from lamina.models import load_model
from lamina.saving import LoadingError, SavingError
from lamina.saving.archive import read_archive, write_archive
from lamina.saving.traced.allow_list import ATEN, operation_of_name
from tests.saving.elsewhere import elsewhere
from tests.saving.look import same


class Block(Layer):
    """Layers within, running averages, random numbers, a loss, a constant, a size that is not known."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = Dense(4, activation="relu", kernel_regularizer="l2")
        self.norm = BatchNormalization()
        self.drop = Dropout(0.5)
        self.parts = [Dense(4), Dense(4)]

    def call(self, inputs: Any, training: bool = False) -> Any:
        y = self.drop(self.norm(self.dense(inputs)))
        self.add_loss((y**2).mean())
        for part in self.parts:
            y = torch.tanh(part(y)) + torch.tensor([1.0, 2.0, 3.0, 4.0])
        return y.reshape(inputs.shape[0], 2, -1)


class Modes(Layer):
    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * 3 if training else inputs / 3


class Structures(Layer):
    def call(self, inputs: Any, *, scale: float, mask: Any = None) -> Any:
        total = inputs["a"] * scale + inputs["b"][0]
        return {"sum": total, "both": (total.mean(1), total.max(dim=1).values)}


class Averaging(Layer):
    """A buffer that moves in training."""

    def build(self, input_shape: Any) -> None:
        self.mean = self.add_weight((input_shape[-1],), initializer="zeros", trainable=False, name="mean")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.mean.assign(self.mean * 0.9 + inputs.mean(0).detach() * 0.1)
        return inputs - self.mean


class Text(Model):
    """A model without a graph, with a mask and recurrent layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = layers.Embedding(20, 6)
        self.lstm = layers.LSTM(5, return_sequences=True)
        self.gru = layers.GRU(4)
        self.head = Dense(2)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.head(self.gru(self.lstm(self.embedding(inputs))))


class Doubled(Model):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = Dense(units)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs) * 2


def mixed() -> Any:
    x = Input((3,))
    y = Dense(1)(Block(dtype="mixed_bfloat16", name="block")(Dense(3, dtype="mixed_bfloat16")(x))[:, 0])
    return Model(x, y), torch.randn(6, 3)


def functional(layer: Any, *shape: int | None, rows: int = 6) -> Any:
    x = Input(shape)
    return Model(x, Dense(1)(layer(Dense(shape[-1])(x)))), torch.randn(rows, *[7 if n is None else n for n in shape])


def structures() -> Any:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    found = Structures()({"a": Dense(4)(a), "b": [b]}, scale=0.5)
    return Model({"a": a, "b": b}, [found["sum"], *found["both"]]), {"a": torch.randn(5, 4), "b": torch.randn(5, 4)}


def called_twice() -> Any:
    x, y = Input((4,)), Input((3, 4))
    layer = Modes()
    return Model([x, y], [layer(Dense(4)(x)), layer(Dense(4)(y))]), [torch.randn(5, 4), torch.randn(5, 3, 4)]


def bare() -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 2)
    )


def transformer() -> Any:
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    return Model.from_module(layer, inputs=(5, 8)), torch.randn(4, 5, 8)


CASES = {
    "block": lambda: functional(Block(name="block"), 3),
    "modes": lambda: functional(Modes(), 4),
    "structures": structures,
    "averaging": lambda: functional(Averaging(), 4),
    "unknown_time": lambda: functional(layers.Lambda(lambda t: t.cumsum(1) / t.shape[1]), None, 4),
    "activation": lambda: functional(Dense(5, activation=lambda t: t * torch.sigmoid(1.5 * t)), 4),
    "called_twice": called_twice,
    "mixed": mixed,
    "nested_model": lambda: functional(Doubled(4, name="doubled"), 4),
    "module": lambda: (Model.from_module(bare(), inputs=torch.zeros(1, 3, 6, 6)), torch.randn(4, 3, 6, 6)),
    "linear": lambda: functional(layers.TorchModule(torch.nn.Linear(4, 4)), 5, 4),
    "transformer": transformer,
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("traced")
    here, there = elsewhere(folder, {name: case() for name, case in CASES.items()})
    return folder, here, there


@pytest.mark.parametrize("name", CASES)
def test_predictions_are_bit_equal(facts: Any, name: str) -> None:
    _, here, there = facts
    assert same(there[name]["outputs"], here[name]["outputs"])
    for fact in ("keys", "paths", "trained", "names", "nodes"):
        assert there[name][fact] == here[name][fact]


@pytest.mark.parametrize("name", CASES)
def test_one_more_step_is_bit_equal(facts: Any, name: str) -> None:
    _, here, there = facts
    ours, theirs = here[name]["step"], there[name]["step"]
    assert ours is not None
    assert theirs["logs"] == ours["logs"]
    assert same(theirs["weights"], ours["weights"])
    assert same(theirs["optimizer"], ours["optimizer"])


@pytest.mark.parametrize("name", CASES)
def test_what_was_loaded_is_saved_as_the_same_bytes(facts: Any, name: str) -> None:
    folder, _, _ = facts
    assert (folder / f"again-{name}.lamina").read_bytes() == (folder / f"{name}.lamina").read_bytes()


def subclassed() -> tuple[Any, torch.Tensor]:
    model, tokens = Text(), torch.randint(0, 20, (5, 7))
    model.compile("adam", "mse")
    model.fit(tokens, torch.zeros(5, 2), verbose=0)
    return model, tokens


@pytest.mark.slow
def test_a_subclassed_model_without_its_class(tmp_path: Path) -> None:
    model, tokens = subclassed()
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    assert np.array_equal(loaded.predict(tokens, verbose=0), model.predict(tokens, verbose=0))
    longer = torch.randint(0, 20, (2, 7))
    assert torch.equal(loaded(longer), model(longer))
    for one in (model, loaded):
        one.fit(tokens, torch.ones(5, 2), verbose=0, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(loaded.weights, model.weights, strict=True))
    loaded.save(tmp_path / "again.lamina")
    restored = load_model(tmp_path / "again.lamina", custom_objects={"Text": Text})
    assert type(restored) is Text
    assert torch.equal(restored(tokens), model(tokens))


def test_summary_and_picture_say_that_it_is_traced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    functional(Block(name="block"), 3)[0].save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    loaded.summary()
    assert "block (Block (traced))" in capsys.readouterr().out
    lamina.utils.plot_model(loaded, str(tmp_path / "m.svg"))
    assert "Block (traced)" in (tmp_path / "m.svg").read_text()


def test_copies_of_a_traced_layer_run(tmp_path: Path) -> None:
    import copy
    import pickle

    model, data = functional(Block(name="block"), 3)
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    for other in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert torch.equal(other(data), loaded(data))
    assert lamina.models.clone_model(loaded).get_layer("block").weights[0] is not loaded.get_layer("block").weights[0]


def test_a_traced_layer_compiles(tmp_path: Path) -> None:
    model, data = functional(Modes(), 4)
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    compiled = torch.compile(loaded, fullgraph=True, backend="eager")
    assert torch.allclose(compiled(data), model(data))


def test_another_call_than_those_that_were_traced_is_refused_by_name(tmp_path: Path) -> None:
    model, _ = functional(Modes(), 4)
    model.save(tmp_path / "m.lamina")
    with pytest.raises(lamina.ArgumentError, match=r"Modes \(traced\) \"modes\" was not called like this") as caught:
        load_model(tmp_path / "m.lamina").get_layer("modes")(torch.ones(2, 3, 3))
    assert 'custom_objects={"Modes": Modes}' in str(caught.value)


# -- what cannot be traced


def code(call: Any) -> Layer:
    class Code(Layer):
        def call(self, inputs: Any, training: bool = False) -> Any:
            return call(inputs)

    # Its shape is told: a trial on shapes alone would need the values as well.
    Code.compute_output_shape = lambda self, shape: shape
    return Code(name="code")


COUNTER = iter(range(10**9))


@pytest.mark.parametrize(
    "call,why",
    (
        (lambda x: x * 2 if float(x.sum()) > 0 else x, "in inference mode, "),
        (lambda x: x * torch.from_numpy(np.tanh(x.detach().numpy())), "in inference mode, "),
        (lambda x: x.sum(0) / float(x.shape[0]) + x, "shape[0] == 48 (test_traced.py:"),
        (lambda x: x + 100 if x.shape[0] == 5 else x, "depends on a size"),
        (lambda x: x + 100 if x.shape[0] > 64 else x, "shape[0] <= 64 (test_traced.py:"),
        (lambda x: x + next(COUNTER), "in inference mode, on inputs of shape (1, 4)"),
    ),
)
def test_what_cannot_be_traced_is_refused_when_saving(tmp_path: Path, call: Any, why: str) -> None:
    x = Input((4,))
    model = Model(x, code(call)(x))
    with pytest.raises(SavingError, match='Code "code" cannot be saved') as caught:
        model.save(tmp_path / "m.lamina")
    assert why in str(caught.value)
    assert "register_keras_serializable" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_class_that_is_registered_needs_no_trace(tmp_path: Path) -> None:
    layer = code(lambda x: x * 2 if float(x.sum()) > 0 else x)
    x = Input((4,))
    with lamina.saving.custom_object_scope({"Code": type(layer)}):
        Model(x, layer(x)).save(tmp_path / "m.lamina")
        assert type(load_model(tmp_path / "m.lamina").get_layer("code")) is type(layer)
    with pytest.raises(LoadingError, match="The class 'Code' of the layer 'code' is not Lamina's"):
        load_model(tmp_path / "m.lamina")


# -- what a file may not say


@pytest.mark.parametrize(
    "name",
    (
        "aten.from_file.default", "aten.set_.source_Storage", "aten._local_scalar_dense.default", "aten.item.default",
        "aten.resize_.default", "aten.data.default", "prim.device.default", "operator.attrgetter",
        "aten._reshape_alias.default", "aten.native_batch_norm.default", "aten.lstm.data", "operator.methodcaller",
        "builtins.eval", "aten.relu", "aten.relu.default.default", "aten.relu.__class__",
        "aten.__class__.default", "aten.mul.nothing", "", 3, None, ["aten.relu.default"],
    ),
)  # fmt: skip
def test_an_operation_that_is_not_allowed(name: Any) -> None:
    with pytest.raises(LoadingError, match="not allowed|PyTorch has no operation"):
        operation_of_name(name)


def test_the_list_of_operations_holds_none_that_leaves_tensors() -> None:
    odd = ("file", "storage", "resize", "record_stream", "share", "pin_", "quant", "sparse", "cudnn", "item", "numpy")
    even = ("quantile", "nanquantile", "numpy_T")  # numbers of tensors, and x.T
    assert not [name for name in ATEN if any(part in name for part in odd) and name.split(".")[1] not in even]


def test_a_recurrent_kernel_whose_states_do_not_fit_is_refused_before_it_runs() -> None:
    run = operation_of_name("aten.lstm.input")
    cell = torch.nn.LSTM(3, 4)
    weights, data = list(cell.parameters()), torch.ones(5, 2, 3)
    good = [torch.zeros(1, 2, 4)] * 2
    more = (True, 1, 0.0, False, False, False)
    torch.testing.assert_close(run(data, good, weights, *more)[0], cell(data)[0])
    for states, given in (([torch.zeros(1, 2, 4000)] * 2, weights), (good, weights[:2]), (good, [weights[0]] * 4)):
        with pytest.raises(ValueError, match="do not fit a recurrent layer"):
            run(data, states, given, *more)


def test_fresh_memory_is_not_shown() -> None:
    assert not operation_of_name("aten.empty.memory_format")([1000], device=torch.device("cpu")).any()


WRONG = (
    (lambda t: t["calls"][0]["inference"]["nodes"][0].__setitem__(0, "aten.from_file.default"), "not allowed"),
    (lambda t: t["calls"][0]["inference"]["nodes"][0].__setitem__(1, [{"$value": 10**9}]), "points to nothing"),
    (lambda t: t["calls"][0]["inference"]["nodes"][0].__setitem__(1, [{"$value": -1}]), "points to nothing"),
    (lambda t: t["calls"][0]["inference"]["nodes"][0].append(1), "malformed"),
    (lambda t: t["calls"][0]["inference"].__setitem__("outputs", {"$value": 10**9}), "points to nothing"),
    (lambda t: t["calls"][0].pop("training"), "malformed"),
    (lambda t: t["calls"][0].__setitem__("code", "x"), "does not know"),
    (lambda t: t.__setitem__("module", "os"), "does not know"),
    (lambda t: t["weights"].append(dict(t["weights"][0])), "a weight that cannot be"),
    (lambda t: t["weights"][0].__setitem__("path", "..kernel"), "a weight that cannot be"),
    (lambda t: t["weights"][0].__setitem__("shape", [10**12, 10**6]), "different|cannot be"),
    (lambda t: t["weights"][0].__setitem__("regularizer", {"class_name": "os.system", "config": {}}), "regularizer"),
    (lambda t: t["constants"].append({"shape": [10**12], "dtype": "float32", "values": [1.0]}), "constant that cannot"),
)


@pytest.mark.parametrize("change,message", WRONG)
def test_a_trace_with_one_thing_wrong(facts: Any, tmp_path: Path, change: Any, message: str) -> None:
    members = read_archive(facts[0] / "block.lamina")
    document = json.loads(bytes(members["model.json"]))
    entry = next(e for e in document["model"]["config"]["layers"] if "traced" in e)
    change(entry["traced"])
    path = tmp_path / "m.lamina"
    write_archive(path, {**members, "model.json": json.dumps(document).encode()}, overwrite=True)
    with pytest.raises(lamina.LaminaError, match=message):
        load_model(path)


def test_only_what_is_not_ours_is_traced(tmp_path: Path) -> None:
    x = Input((4,))
    Model(x, layers.Lambda(torch.tanh)(Dense(3, activation="relu")(x))).save(tmp_path / "m.lamina")
    with zipfile.ZipFile(tmp_path / "m.lamina") as archive:
        assert b'"traced"' not in archive.read("model.json")


class _Reversed(torch.autograd.Function):
    """Passes its input on, and turns its gradient round."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return -gradient


class TurnsGradients(Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return _Reversed.apply(inputs * self.scale)


def test_a_gradient_of_ones_own_is_not_lost_in_silence(tmp_path: Path) -> None:
    x = Input((3,))
    model = Model(x, TurnsGradients()(x))
    with pytest.raises(SavingError, match="other gradients than its code"):
        model.save(tmp_path / "model.lamina")


def test_what_could_not_be_drawn_again_is_refused_while_saving(tmp_path):
    class Picks(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.kept = torch.tensor([True, False, True])

        def call(self, inputs):
            return inputs[..., torch.nonzero(self.kept)[:, 0]]

    x = Input((3,))
    model = Model(x, Picks()(x))  # a trial knows the constant; one of a file's calls runs on shapes alone
    with pytest.raises(SavingError, match="cannot be drawn again"):
        model.save(tmp_path / "a.lamina")
