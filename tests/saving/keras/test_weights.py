"""Weights between Keras and Lamina, both ways, for every layer that both have; what real Keras 3 and Keras 2 wrote."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.saving.errors import LoadingError
from lamina.saving.keras_files.weights import keras_tensors, read_keras_weights, write_keras_weights
from lamina.sizes.tree import leaves_in_order
from tests.layers.cases import CASES
from tests.layers.cases.form import made
from tests.saving.keras import keras2_models

FIXTURES = Path(__file__).parent / "fixtures"
LIBRARIES = (keras, lamina)
RNG = np.random.default_rng(2)


# -- layers

TWO_INPUTS = ("MultiHeadAttention", "GroupQueryAttention")


# What changes which weights a layer has: of the cases that agree in these, all but the first are slow tests.
SETS_OF_WEIGHTS = set(
    "axis center depth_multiplier groups mask_zero merge_mode output_shape reset_after rms_scaling scale shared_axes"
    " unit_forget_bias use_bias use_gate value_dim".split()
)


NONE = ("Lambda", "Masking", "ActivityRegularization", "Equalization")  # the last Keras cannot draw a second time


DTYPES = {"CategoryEncoding": "int64"}  # what takes no fractions


def cases() -> list[Any]:
    """Of the parity tables, each class with each set of weights that it may have; calls with masks and states apart."""
    rows: list[Any] = [
        (
            case.layer,
            dict(case.arguments),
            case.shapes,
            case.options.get("input_dtype") or DTYPES.get(case.layer, "float32"),
        )
        for case in CASES
        if not case.call and case.arguments.get("dtype") in (None, "float32")
    ]
    for more in ({}, {"use_bias": False}, {"use_gate": True, "value_dim": 3}, {"output_shape": 7}):
        rows.append(("MultiHeadAttention", {"num_heads": 2, "key_dim": 4, **more}, (2, 5, 3), "float32"))
    groups = {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}
    rows += [("GroupQueryAttention", {**groups, **more}, (2, 5, 3), "float32") for more in ({}, {"use_gate": True})]
    seen: dict[str, list[Any]] = {}
    for row in rows:
        if row[0] not in NONE and not row[1].get("stateful"):
            seen.setdefault(f"{row[0]}{sorted(row[1])}", []).append(row)
    first: dict[tuple[Any, ...], str] = {}
    for key, same in seen.items():
        first.setdefault((same[0][0], *sorted(SETS_OF_WEIGHTS & set(same[0][1]))), key)
    quick = set(first.values())
    return [
        pytest.param(*same[0], id=key[:80], marks=() if key in quick else pytest.mark.slow)
        for key, same in seen.items()
    ]


def single(library: Any, name: str, kwargs: Any, shapes: Any, dtype: str) -> Any:
    layers = library.layers
    layer = getattr(layers, name)(**made(kwargs, layers))
    if isinstance(shapes, list):
        inputs = [layers.Input(batch_shape=shape, dtype=dtype) for shape in shapes]
        return library.Model(inputs, layer(inputs))
    inputs = layers.Input(batch_shape=shapes, dtype=dtype)
    return library.Model(inputs, layer(inputs, inputs) if name in TWO_INPUTS else layer(inputs))


def data(shapes: Any, dtype: str) -> Any:
    if isinstance(shapes, list):
        return [data(shape, dtype) for shape in shapes]
    return RNG.normal(size=shapes).astype("f4") if dtype == "float32" else RNG.integers(0, 2, shapes).astype(dtype)


def scramble(model: Any) -> None:
    """Weights that no two of are alike, and no variance below zero."""
    model.set_weights([np.abs(RNG.normal(size=weight.shape)).astype("f4") + 0.1 for weight in model.get_weights()])


def tensors(model: Any, x: Any) -> list[np.ndarray]:
    with torch.no_grad():
        given = [torch.as_tensor(part) for part in x] if isinstance(x, list) else torch.as_tensor(x)
        out = model(given, training=False)  # layers on pictures draw numbers where nobody says a mode
    return [np.asarray(part) for part in leaves_in_order(out)]


def same(first: Any, second: Any, x: Any) -> None:
    for ours, theirs in zip(tensors(first, x), tensors(second, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name, kwargs, shapes, dtype", cases())
def test_each_layer_both_ways(name: str, kwargs: Any, shapes: Any, dtype: str, tmp_path: Path) -> None:
    theirs, ours = (single(library, name, kwargs, shapes, dtype) for library in LIBRARIES)
    x = data(shapes, dtype)
    scramble(theirs)
    theirs.save_weights(tmp_path / "keras.weights.h5")
    assert ours.load_weights(tmp_path / "keras.weights.h5") is None
    same(ours, theirs, x)
    scramble(ours)
    ours.save_weights(tmp_path / "lamina.weights.h5")
    theirs.load_weights(tmp_path / "lamina.weights.h5")
    same(theirs, ours, x)


def test_the_tables_hold_every_layer_with_weights() -> None:
    with_weights = {
        "Dense", "EinsumDense", "Embedding", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose",
        "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "PReLU",
        "BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "LSTM", "GRU",
        "SimpleRNN", "RNN", "Bidirectional", "TimeDistributed", "MultiHeadAttention", "Attention", "AdditiveAttention",
        "GroupQueryAttention", "ReversibleEmbedding", "SpectralNormalization", "Normalization", "Pipeline",
    }  # fmt: skip
    assert with_weights <= {case.values[0] for case in cases()}


# -- models


def counted(library: Any) -> Any:
    """Classes many times, one of them shared; a model in a model, a chain in that."""
    L = library.layers
    x = L.Input((6,))
    shared = L.Dense(6, name="shared")
    inner = L.Input((6,))
    h = L.Dense(5)(L.BatchNormalization()(shared(inner)))
    sub = library.Model(inner, library.Sequential([L.Input((5,)), L.Dense(6), L.Dropout(0.2), L.Dense(6)])(h))
    h = L.Add()([sub(shared(x)), L.Dense(6)(x), sub(x)])
    return library.Model(x, [L.Dense(2)(h), L.Dense(3)(shared(h))])


def by_key(library: Any) -> Any:
    """Outputs in dicts whose keys are in no order, from layers of one class and shape; in a nested model, too."""
    L = library.layers
    inner = L.Input((6,))
    sub = library.Model(inner, {"z": L.Dense(6)(inner), "y": [L.Dense(6)(inner)], "x": L.Dense(6)(inner)})
    x = L.Input((6,))
    given = sub(x)
    heads = {"second": L.Dense(6)(given["z"]), "first": L.Dense(6)(given["x"]), "more": [L.Dense(6)(x)]}
    return library.Model(x, heads)


class OfLists:
    """A subclassed model with layers in attributes, lists and dicts, public and private."""

    @staticmethod
    def of(library: Any) -> Any:
        L = library.layers

        class Net(library.Model):
            def __init__(self) -> None:
                super().__init__()
                self.first = L.Dense(4)
                self.blocks = [L.Dense(4), [L.Dense(4), L.BatchNormalization()], L.Dense(4)]
                self._head = L.EinsumDense("ab,bc->ac", 4)
                self.top = L.EinsumDense("ab,bc->ac", 3)
                self.by_name = {"b": L.Dense(4), "a": L.Dense(4)}
                self.again = self.first

            def call(self, inputs: Any) -> Any:
                h = self.first(inputs)
                h = self.blocks[1][1](self.blocks[1][0](self.blocks[0](h)))
                h = self.by_name["a"](self.by_name["b"](self.blocks[2](self.again(h))))
                return self.top(self._head(h))

        net = Net()
        net(torch.zeros(2, 4))
        return net


MODELS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "counted": (counted, (3, 6)),
    "by key": (by_key, (3, 6)),
    "of lists": (OfLists.of, (3, 4)),
    "functional": (keras2_models.functional, (3, 8, 8, 3)),
    "nested": (keras2_models.nested, (3, 5)),
    "attention": (keras2_models.attention, (3, 5, 6)),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_both_ways(name: str, tmp_path: Path) -> None:
    make, shape = MODELS[name]
    theirs, ours = (make(library) for library in LIBRARIES)
    x = data(shape, "float32")
    scramble(theirs)
    theirs.save_weights(tmp_path / "keras.weights.h5")
    ours.load_weights(tmp_path / "keras.weights.h5")
    same(ours, theirs, x)
    scramble(ours)
    ours.save_weights(tmp_path / "lamina.weights.h5")
    theirs.load_weights(tmp_path / "lamina.weights.h5")
    same(theirs, ours, x)


def test_the_same_arrays_at_the_same_places(tmp_path: Path) -> None:
    """What Keras makes of a model of Lamina's weights is what Lamina wrote, array by array."""
    import h5py

    theirs, ours = (counted(library) for library in LIBRARIES)
    ours.save_weights(tmp_path / "lamina.weights.h5")
    theirs.load_weights(tmp_path / "lamina.weights.h5")
    theirs.save_weights(tmp_path / "keras.weights.h5")
    found: list[dict[str, Any]] = []
    for name in ("lamina", "keras"):
        arrays: dict[str, Any] = {}
        with h5py.File(tmp_path / f"{name}.weights.h5") as file:
            file.visititems(lambda path, item, into=arrays: into.update({path: getattr(item, "shape", None)}))
        found.append(arrays)
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_other_dtypes(dtype: str, tmp_path: Path) -> None:
    theirs, ours = (
        library.Sequential([library.layers.Input((3,)), library.layers.Dense(2, dtype=dtype)]) for library in LIBRARIES
    )
    theirs.save_weights(tmp_path / "keras.weights.h5")
    ours.load_weights(tmp_path / "keras.weights.h5")
    assert torch.equal(ours.weights[0].data, theirs.weights[0].value.data)
    scramble(ours) if dtype != "bfloat16" else ours.weights[0].data.normal_()
    ours.save_weights(tmp_path / "lamina.weights.h5")
    theirs.load_weights(tmp_path / "lamina.weights.h5")
    assert torch.equal(ours.weights[0].data, theirs.weights[0].value.data)


def test_into_weights_without_storage(tmp_path: Path) -> None:
    """As a model from a `.keras` file is made: kernels lie in memory as PyTorch's kernels want them."""
    theirs = keras2_models.functional(keras)
    theirs.save_weights(tmp_path / "keras.weights.h5")
    with lamina.device("meta"):
        ours = keras2_models.functional(lamina)
    plain = keras2_models.functional(lamina)
    read_keras_weights(ours, (tmp_path / "keras.weights.h5").read_bytes(), "the file")
    same(ours, theirs, data((3, 8, 8, 3), "float32"))
    assert [weight.stride() for weight in ours.weights] == [weight.stride() for weight in plain.weights]


# -- what does not fit


def small(library: Any, *units: int) -> Any:
    return library.Sequential([library.layers.Input((3,)), *(library.layers.Dense(n) for n in units)])


def test_all_that_does_not_fit_is_listed_and_nothing_changed(tmp_path: Path) -> None:
    small(keras, 2, 2, 2).save_weights(tmp_path / "three.weights.h5")
    ours = small(lamina, 4, 2)
    before = ours.get_weights()
    with pytest.raises(LoadingError, match=r"(?s)unexpected +layers/dense_2/vars/0.*different +dense.kernel \(3, 2\)"):
        ours.load_weights(tmp_path / "three.weights.h5")
    with pytest.raises(LoadingError, match=r"missing +dense_3.bias"):
        small(lamina, 2, 2, 2, 2).load_weights(tmp_path / "three.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, ours.get_weights(), strict=True))


def test_partial_tells_what_was_what(tmp_path: Path) -> None:
    theirs = small(keras, 2, 2, 2)
    theirs.save_weights(tmp_path / "three.weights.h5")
    ours = small(lamina, 2, 5)
    report = ours.load_weights(tmp_path / "three.weights.h5", partial=True)
    assert set(report.loaded) == {"dense.kernel", "dense.bias"}
    assert set(report.mismatched) == {"dense_1.kernel", "dense_1.bias"}
    assert set(report.unexpected) == {"layers/dense_2/vars/0", "layers/dense_2/vars/1"}
    np.testing.assert_array_equal(ours.get_weights()[0], theirs.get_weights()[0])


def test_states_that_are_no_weights_are_passed_over(tmp_path: Path) -> None:
    """Keras before 3.6 stored the generators' states, Keras 2 the metrics'."""
    import h5py

    theirs = small(keras, 2)
    theirs.save_weights(tmp_path / "old.weights.h5")
    with h5py.File(tmp_path / "old.weights.h5", "a") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "u4")
        file["metrics/mean/vars/0"] = np.zeros((), "f4")
        file["optimizer/vars/0"] = np.zeros((), "i8")
    ours = small(lamina, 2)
    ours.load_weights(tmp_path / "old.weights.h5")
    same(ours, theirs, data((4, 3), "float32"))


def foreign() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))


# Where modules of PyTorch stand in a model without a graph: attribute -> wrapped (one, or a list), or as they are.
MODULES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "lists": lambda wrap: {"parts": [wrap(foreign()), wrap(torch.nn.Linear(3, 3))]},
    "first": lambda wrap: {"a": wrap(foreign()), "b": wrap(torch.nn.Linear(3, 3))},
    "last": lambda wrap: {"x": wrap(foreign()), "y": wrap(torch.nn.Linear(3, 3))},
    "as they are": lambda wrap: {"a": foreign(), "b": torch.nn.Linear(3, 3)},
    "mixed": lambda wrap: {"a": torch.nn.Linear(3, 3), "b": wrap(foreign())},
    "as they are, last": lambda wrap: {"x": foreign(), "y": torch.nn.Linear(3, 3)},
    "before a list": lambda wrap: {"a": torch.nn.Linear(3, 3), "parts": [wrap(foreign())]},
    "behind a list": lambda wrap: {"parts": [wrap(foreign())], "x": torch.nn.Linear(3, 3), "z": wrap(foreign())},
}


def with_modules(library: Any, where: str) -> Any:
    class Net(library.Model):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            parts = MODULES[where](library.layers.TorchModuleWrapper)
            self.names = list(parts)
            for name, part in parts.items():
                setattr(self, name, part)
            self.fc = library.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            for name in self.names:
                part = getattr(self, name)
                for each in part if isinstance(part, list) else [part]:
                    inputs = each(inputs)
            return self.fc(inputs)

    model = Net()
    model(np.zeros((2, 3), "float32"))
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 2)
    return model


@pytest.mark.parametrize("where", MODULES)
@pytest.mark.parametrize("writer, reader", [(keras, lamina), (lamina, keras), (lamina, lamina)])
def test_modules_of_pytorch_stand_where_keras_wraps_them(tmp_path: Path, where: str, writer: Any, reader: Any) -> None:
    one, two = with_modules(writer, where), with_modules(reader, where)
    one.save_weights(tmp_path / "m.weights.h5")
    two.load_weights(tmp_path / "m.weights.h5")
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    expected = torch.as_tensor(one(x, training=False))
    torch.testing.assert_close(torch.as_tensor(two(x, training=False)), expected)


def test_a_mapping_is_refused(tmp_path: Path) -> None:
    ours = small(lamina, 2)
    ours.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="need no mapping"):
        ours.load_weights(tmp_path / "m.weights.h5", mapping={"dense.kernel": "x"})


# -- optimizers

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"learning_rate": 0.1}),
    "SGD with momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "Adam": ("Adam", {}),
    "Adam, amsgrad, averaged": ("Adam", {"amsgrad": True, "use_ema": True}),
    "Adam, accumulating": ("Adam", {"gradient_accumulation_steps": 2}),
    "AdamW": ("AdamW", {}),
    "RMSprop": ("RMSprop", {}),
    "RMSprop, centered": ("RMSprop", {"momentum": 0.5, "centered": True}),
    "Adagrad": ("Adagrad", {}),
    "Adadelta": ("Adadelta", {}),
    "Adamax": ("Adamax", {}),
    "Ftrl": ("Ftrl", {}),
    "Lion": ("Lion", {}),
    "Lamb": ("Lamb", {}),
    "Nadam": ("Nadam", {}),
}


def compiled(library: Any, name: str, kwargs: Any) -> Any:
    L = library.layers
    model = library.Sequential([L.Input((3,)), L.Dense(4), L.BatchNormalization(), L.Dense(2)])
    model.layers[0].trainable = False
    model.compile(getattr(library.optimizers, name)(**kwargs), "mse")
    return model


def fit(model: Any, times: int) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(8, 3)).astype("f4"), rng.normal(size=(8, 2)).astype("f4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y, epochs=times, batch_size=4, shuffle=False, verbose=0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_in_the_other_library(name: str, tmp_path: Path) -> None:
    theirs, ours = (compiled(library, *OPTIMIZERS[name]) for library in LIBRARIES)
    x = data((4, 3), "float32")
    fit(theirs, 3)
    theirs.save_weights(tmp_path / "keras.weights.h5")
    assert read_keras_weights(ours, tmp_path / "keras.weights.h5", "the file", optimizer=True) == []
    assert ours.optimizer._iterations == int(theirs.optimizer._iterations.value)
    fit(theirs, 2)
    fit(ours, 2)
    same(ours, theirs, x)
    assert write_keras_weights(ours, tmp_path / "lamina.weights.h5", optimizer=True) == []
    again = compiled(keras, *OPTIMIZERS[name])
    again.optimizer.build(again.trainable_variables)
    again.load_weights(tmp_path / "lamina.weights.h5")
    fit(again, 2)
    fit(ours, 2)
    same(again, ours, x)


def test_what_of_an_optimizer_is_not_carried(tmp_path: Path) -> None:
    theirs, ours = compiled(keras, "Adam", {}), compiled(lamina, "SGD", {"momentum": 0.9})
    fit(theirs, 1)
    theirs.save_weights(tmp_path / "keras.weights.h5")
    (said,) = read_keras_weights(ours, tmp_path / "keras.weights.h5", "the file", optimizer=True)
    assert "the optimizer's state: " in said
    ours = compiled(lamina, "Adafactor", {})
    fit(ours, 1)
    (said,) = write_keras_weights(ours, tmp_path / "lamina.weights.h5", optimizer=True)
    assert "the state of Adafactor" in said


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_the_learning_rate_comes_back_as_it_was_given(ending: str, tmp_path: Path) -> None:
    """Files hold it in 32 bits, as Keras has it; the config tells 0.001."""
    ours = compiled(lamina, "Adam", {"learning_rate": 0.001})
    fit(ours, 1)
    ours.save(tmp_path / f"m.{ending}")
    again = lamina.models.load_model(tmp_path / f"m.{ending}")
    assert again.optimizer.get_config() == ours.optimizer.get_config()
    ours.optimizer.learning_rate = 0.1  # later than the config was made: the state counts
    again.optimizer.learning_rate = 0.3
    write_keras_weights(ours, tmp_path / "w.weights.h5", optimizer=True)
    read_keras_weights(again, tmp_path / "w.weights.h5", "the file", optimizer=True)
    assert float(again.optimizer.learning_rate) == pytest.approx(0.1)


# -- Keras 2


@pytest.mark.parametrize(
    "file",
    [*sorted(path.name for path in FIXTURES.glob("*.h5") if path.name != "heap_without_end.h5"), "functional.keras"],
)
def test_what_keras_2_wrote(file: str) -> None:
    name = file.split(".")[0].removesuffix("_alone")
    ours = getattr(keras2_models, name)(lamina)
    if file.endswith(".keras"):
        content = zipfile.ZipFile(FIXTURES / file).read("model.weights.h5")
        read_keras_weights(ours, content, "the file")
    else:
        ours.load_weights(FIXTURES / file)
    with np.load(FIXTURES / f"{name}.npz") as kept:
        np.testing.assert_allclose(ours.predict(kept["x"], verbose=0), kept["y"], rtol=1e-5, atol=1e-6)


def test_another_model_than_that_of_the_file() -> None:
    ours = small(lamina, 2, 2)
    with pytest.raises(LoadingError, match=r"(?s)another model.*got +3 layers with weights.*expected +2"):
        keras_tensors(ours, FIXTURES / "attention.h5", "the file")
