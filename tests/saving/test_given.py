"""Classes of the user's without a get_config of their own: made again from what they were given, or refused, or traced;
never from their defaults. And what a class adds to a graph, and Keras' hooks of saving."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import lamina
from lamina import Model, Sequential
from lamina.graph import LaminaError
from lamina.layers import Dense, Dropout, Input, Layer, TimeDistributed
from lamina.models import clone_model, load_model, model_from_json
from lamina.saving import LoadingError, SavingError, register_keras_serializable

X = torch.linspace(-1, 1, 12).reshape(3, 4)


class Scaled(Layer):
    def __init__(self, by: float = 1.0, *, shift: Any = (0.0, 0.0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by, self.shift = by, shift

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.by + self.shift[1]


class NoKeywords(Layer):
    """Neither name nor trainable."""

    def __init__(self, by: float = 1.0) -> None:
        super().__init__()
        self.by = by
        self.inner = Dense(4)

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) * self.by


class Inherits(Scaled):
    """No __init__ of its own."""


class Further(NoKeywords):
    def __init__(self, power: int = 1, by: float = 2.0) -> None:
        super().__init__(by)
        self.power = power

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return super().call(x) ** self.power


class OfOurs(Dense):
    """A layer of Lamina's decides by itself what the base class would tell of it."""

    def __init__(self, units: int, scale: float = 1.0) -> None:
        super().__init__(units, activation="relu")
        self.scale = scale

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return super().call(x) * self.scale


class WithConfig(Scaled):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "by": self.by, "shift": self.shift}


class BelowOneWithConfig(WithConfig):
    def __init__(self, times: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.times = times

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return super().call(x) * self.times


class ByCall(Model):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.dense = Dense(width)

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(x)


class Stars(Model):
    def __init__(self, *args: Any, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alpha = alpha

    def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(x, training, mask) * self.alpha


class Places(Model):
    def __init__(self, inputs: Any, outputs: Any, alpha: float) -> None:
        super().__init__(inputs, outputs)
        self.alpha = alpha

    def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(x, training, mask) * self.alpha


class Width(Model):
    def __init__(self, width: int = 8) -> None:
        x = Input((4,))
        super().__init__(x, Dense(width)(x))
        self.width = width


class Chain(Sequential):
    def __init__(self, width: int = 8) -> None:
        super().__init__([Input((4,)), Dense(width, activation="tanh"), Dense(2)])


CLASSES = {
    cls.__name__: cls
    for cls in (
        Scaled, NoKeywords, Inherits, Further, OfOurs, WithConfig, BelowOneWithConfig, ByCall, Stars,
        Places, Width, Chain,
    )
}  # fmt: skip


def drawn(cls: Any, *args: Any, **kwargs: Any) -> Model:
    """A model of the class between an input and a Dense."""
    x = Input((4,))
    return cls(x, Dense(2)(x), *args, **kwargs)


def around(*layers: Any) -> Model:
    x = y = Input((4,))
    for layer in layers:
        y = layer(y)
    return Model(x, y)


def shared() -> Model:
    x, layer = Input((4,)), Scaled(3.0)
    return Model(x, layer(layer(x)) + Dense(4)(layer(x)))


MODELS: dict[str, Any] = {
    "positional": lambda: around(Scaled(5.0), Dense(2)),
    "by keyword": lambda: around(Scaled(by=5.0, shift=[1, 2.5], name="s", trainable=False)),
    "without kwargs": lambda: around(NoKeywords(5.0)),
    "inherited init": lambda: around(Inherits(5.0)),
    "two classes": lambda: around(Further(2)),
    "a subclass of Dense": lambda: around(OfOurs(3, 5.0)),
    "below one with a config": lambda: around(BelowOneWithConfig(3, by=2.0)),
    "shared": shared,
    "nested": lambda: around(around(Scaled(5.0), Dense(4)), Scaled(2.0)),
    "in a Sequential": lambda: Sequential([Input((4,)), Scaled(5.0), Dense(2)]),
    "subclassed within": lambda: around(ByCall(5)),
    "*args, alpha": lambda: drawn(Stars, alpha=3.0),
    "inputs=, outputs=": lambda: Stars(inputs=(x := Input((4,))), outputs=Dense(2)(x), alpha=3.0, name="named"),
    "inputs, outputs, alpha": lambda: drawn(Places, 3.0),
    "draws by itself": lambda: Width(5),
    "a chain": lambda: Chain(5),
    "a graph in a graph": lambda: around(drawn(Places, 3.0), Dense(2)),
    "drawn by itself in a graph": lambda: around(Width(4), Width(4), Chain(3)),
}


def same(other: Any, model: Any) -> None:
    other.set_weights(model.get_weights())
    assert torch.equal(other(X), model(X))
    assert type(other) is type(model)


@pytest.mark.quick_cases(6)
@pytest.mark.parametrize("name", MODELS)
def test_what_a_class_was_given_comes_back(name: str, tmp_path: Any) -> None:
    model = MODELS[name]()
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects=CLASSES)
    assert torch.equal(loaded(X), model(X))
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    same(loaded, model)
    loaded.save(tmp_path / "again.lamina")  # from what it was given by the reader
    assert torch.equal(load_model(tmp_path / "again.lamina", custom_objects=CLASSES)(X), model(X))


@pytest.mark.parametrize("name", MODELS)
def test_so_it_does_in_copies(name: str) -> None:
    model = MODELS[name]()
    same(clone_model(model), model)
    same(model_from_json(model.to_json(), CLASSES), model)
    same(type(model).from_config(model.get_config(), custom_objects=CLASSES), model)


@pytest.mark.parametrize("name", ["*args, alpha", "inputs, outputs, alpha", "draws by itself", "a chain"])
def test_without_its_class_a_graph_answers_as_its_class_did(name: str, tmp_path: Any) -> None:
    model = MODELS[name]()
    model.save(tmp_path / "m.lamina")
    assert torch.equal(load_model(tmp_path / "m.lamina")(X), model(X))


def test_a_graph_within_that_is_more_than_a_graph_needs_its_class(tmp_path: Any) -> None:
    MODELS["a graph in a graph"]().save(tmp_path / "m.lamina")
    with pytest.raises(LoadingError, match="no class is imported by name"):
        load_model(tmp_path / "m.lamina")


def test_a_subclassed_model_comes_back_as_wide_as_it_was(tmp_path: Any) -> None:
    model = ByCall(5)
    model(X)
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"ByCall": ByCall})
    assert type(loaded) is ByCall
    assert torch.equal(loaded(X), model(X))
    assert ByCall.from_config(model.get_config())(X).shape == (3, 5)


def test_what_was_given_is_kept_as_it_was() -> None:
    class Appends(Layer):
        def __init__(self, sizes: list[int], **kwargs: Any) -> None:
            super().__init__(**kwargs)
            sizes.append(1)

    sizes = [3]
    layer = Appends(sizes, name="a")
    sizes.append(7)
    assert layer.get_config()["sizes"] == [3]
    assert layer.get_config()["name"] == "a"


@pytest.mark.parametrize("value", [torch.ones(4), lambda x: x, object()])
def test_what_has_no_word_is_refused_in_words_and_traced_in_files(value: Any, tmp_path: Any) -> None:
    class Holds(Layer):
        def __init__(self, value: Any = None) -> None:
            super().__init__()
            self.factor = 2.0 if value is None else 3.0

        def call(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.factor

    model = around(Holds(value))
    for write in (model.to_json, model.get_config, lambda: clone_model(model)):
        with pytest.raises((LaminaError, NotImplementedError), match=r"'value' is a|cannot be saved"):
            write()
    model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match="what was traced of it though its class Holds is at hand"):
        loaded = load_model(tmp_path / "m.lamina", custom_objects={"Holds": Holds})
    assert torch.equal(loaded(X), X * 3)


class Forgets(Layer):
    def __init__(self, by: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.by

    def get_config(self) -> dict[str, Any]:
        return super().get_config()  # without by


def test_a_config_that_makes_another_layer_is_not_preferred(tmp_path: Any) -> None:
    model = around(Forgets(5.0))
    with pytest.warns(UserWarning, match=r"what its get_config\(\) gives does not make the same layer"):
        model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match="what was traced of it though its class Forgets is at hand"):
        loaded = load_model(tmp_path / "m.lamina", custom_objects={"Forgets": Forgets})
    assert torch.equal(loaded(X), model(X))


@register_keras_serializable("given")
class Branches(Forgets):
    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.by if float(x.sum()) == 0.5 else x * self.by * 2

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def test_where_it_cannot_be_traced_either_it_is_refused(tmp_path: Any) -> None:
    around(Branches()).save(tmp_path / "as_by_default.lamina")
    with pytest.raises(SavingError, match="does not make the same layer again"):
        around(Branches(5.0)).save(tmp_path / "m.lamina")
    assert not (tmp_path / "m.lamina").exists()


def test_state_set_afterwards_counts(tmp_path: Any) -> None:
    model = around(Scaled(5.0))
    model.layers[1].by = 7.0
    with pytest.warns(UserWarning, match="does not make the same layer"):
        model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match="what was traced of it though its class Scaled is at hand"):
        loaded = load_model(tmp_path / "m.lamina", custom_objects=CLASSES)
    assert torch.equal(loaded(X), X * 7)


def test_chance_within_is_no_difference(tmp_path: Any) -> None:
    class Noisy(Layer):
        def __init__(self, rate: float = 0.1, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.drop, self.dense = Dropout(rate, seed=1), Dense(4)

        def call(self, x: torch.Tensor, training: bool | None = None) -> torch.Tensor:
            return self.drop(self.dense(x), training=training)

    model = around(Noisy(0.5))
    model.save(tmp_path / "m.lamina")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(tmp_path / "m.lamina", custom_objects={"Noisy": Noisy})
    assert type(loaded.layers[1]) is Noisy
    assert loaded.layers[1].drop.rate == 0.5


def test_a_wrapper_holds_what_its_layer_was_given() -> None:
    with lamina.saving.custom_object_scope(CLASSES):
        again = TimeDistributed.from_config(TimeDistributed(Scaled(5.0)).get_config())
    assert again.layer.by == 5.0


# -- Keras' hooks


class Built(Layer):
    """Has weights that its call knows nothing of."""

    def add(self, count: int) -> None:
        self.count = count
        for i in range(count):
            setattr(self, f"w{i}", self.add_weight((4,), initializer="ones", name=f"w{i}"))

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x + sum(getattr(self, f"w{i}") for i in range(self.count))

    def get_build_config(self) -> dict[str, Any]:
        return {"count": self.count}

    def build_from_config(self, config: dict[str, Any]) -> None:
        self.add(config["count"])


def test_a_layer_is_built_from_its_build_config(tmp_path: Any) -> None:
    layer = Built()
    layer.add(3)
    model = around(layer)
    model.save(tmp_path / "m.lamina")
    for custom_objects in ({"Built": Built}, None):
        loaded = load_model(tmp_path / "m.lamina", custom_objects=custom_objects)
        assert torch.equal(loaded(X), model(X))
    assert model_from_json(model.to_json(), {"Built": Built}).layers[1].count == 3


class Compiles(Model):
    """As Keras' guide on saving has it."""

    def compile(self, optimizer: Any, power: int) -> None:  # type: ignore[override]
        super().compile(optimizer=optimizer, loss="mse")
        self.power = power
        self.given_optimizer = optimizer

    def get_compile_config(self) -> dict[str, Any]:
        return {"optimizer": self.given_optimizer, "power": self.power}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(lamina.saving.deserialize_keras_object(config["optimizer"]), config["power"])


def test_a_model_compiles_itself_from_its_config(tmp_path: Any) -> None:
    x = Input((4,))
    model = Compiles(x, Dense(1)(x))
    model.compile(lamina.optimizers.Adam(0.05), power=3)
    model.fit(X, X[:, :1], verbose=0)
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"Compiles": Compiles})
    assert loaded.power == 3
    for one in (model, loaded):
        one.fit(X, X[:, :1], verbose=0)
    assert torch.equal(loaded(X), model(X))
    with pytest.warns(UserWarning, match="not compiled: its class compiles it"):
        load_plain(tmp_path)


def load_plain(folder: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*as a plain Model")
        return load_model(folder / "m.lamina")


def tampered(model: Model, change: Any) -> str:
    document = json.loads(model.to_json())
    change(document["model"])
    return json.dumps(document)


def test_words_of_hooks_do_nothing_to_a_class_of_ours() -> None:
    def hook(entry: Any) -> None:
        entry["config"]["layers"][1]["build_config"] = {"input_shape": [2, 10**9]}

    def given(entry: Any) -> None:
        entry["config"]["given"] = {"args": [10**9], "kwargs": {"dtype": "float64"}}

    model = around(Dense(2))
    for change in (hook, given):
        same(model_from_json(tampered(model, change)), model)


@pytest.mark.parametrize("words", [[], {"args": {}}, {"args": [{"$code": 1}], "kwargs": {}}, {"args": [], "more": 1}])
def test_what_a_class_is_given_is_plain_data(words: Any) -> None:
    text = tampered(drawn(Stars, alpha=2.0), lambda entry: entry["config"].update(given=words))
    with pytest.raises(LoadingError):
        model_from_json(text, CLASSES)


@dataclass(eq=False, repr=False)  # a module is told apart by its id
class Affine(Layer):
    by: float = 2.0
    sizes: tuple[int, ...] = (1,)
    bias: float = 1.0

    def __post_init__(self) -> None:
        super().__init__()

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.by + self.bias


@dataclass(eq=False, repr=False)
class Units(Model):
    units: int = 3

    def __post_init__(self) -> None:
        super().__init__()
        self.dense = Dense(self.units)

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(x)


@pytest.mark.parametrize("ending", ["lamina", "keras"])
def test_a_dataclass_is_made_again_from_its_fields(ending: str, tmp_path: Any) -> None:
    model = around(Affine(5.0, (2, 3), bias=2.0))
    coded = Units(5)
    coded(X)
    own = {"Affine": Affine, "Units": Units}
    for one in (model, coded):
        one.save(tmp_path / f"m.{ending}")
        loaded = load_model(tmp_path / f"m.{ending}", custom_objects=own)
        assert torch.equal(loaded(X), one(X))
        assert type(loaded) is type(one)
    assert torch.equal(clone_model(model)(X), model(X))
