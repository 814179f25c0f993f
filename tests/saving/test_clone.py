"""clone_model: nothing is shared with the source, and within the clone what is shared within the source."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from lamina import ArgumentError, Model, Sequential, StructureError, layers, metrics, optimizers
from lamina.layers import Dense, Input, Layer
from lamina.models import clone_model
from tests.saving.cases import CASES
from tests.saving.look import same


def tensors(model: Any) -> set[int]:
    """Where in memory each weight begins."""
    return {t.untyped_storage().data_ptr() for t in model.state_dict().values() if t.numel()}


def pattern(model: Any) -> list[list[str]]:
    """Paths of the state, grouped by the tensor that they lead to."""
    groups: dict[int, list[str]] = {}
    for path, tensor in model.state_dict(keep_vars=True).items():
        groups.setdefault(id(tensor), []).append(path)
    return list(groups.values())


@pytest.mark.parametrize("name", [name for name in CASES if name != "deep_chain"])
def test_a_clone_is_the_same_model_with_weights_of_its_own(name: str) -> None:
    model, inputs = CASES[name]()
    clone = clone_model(model)
    assert not tensors(model) & tensors(clone)
    assert pattern(clone) == pattern(model)
    assert [w.requires_grad for w in clone.weights] == [w.requires_grad for w in model.weights]
    kinds, due = ([(type(layer), layer.name) for layer in m.layers] for m in (clone, model))
    assert kinds == due
    assert not {id(layer) for layer in clone.layers} & {id(layer) for layer in model.layers}
    assert clone.input_names == model.input_names
    assert clone.output_names == model.output_names
    clone.load_state_dict(model.state_dict())
    assert same(clone(inputs), model(inputs))


def test_weights_are_drawn_anew() -> None:
    model = Sequential([Input((20,)), Dense(20, name="a"), layers.BatchNormalization(name="norm")])
    with torch.no_grad():
        model.get_layer("norm").moving_mean.fill_(5.0)
    clone = clone_model(model)
    assert not torch.equal(clone.get_layer("a").kernel, model.get_layer("a").kernel)
    assert clone.get_layer("norm").moving_mean.sum() == 0


def test_training_the_clone_leaves_the_source_alone() -> None:
    model, inputs = CASES["layers_shared_across_models"]()
    before = model(inputs).clone()
    clone = clone_model(model)
    clone.compile("sgd", "mse")
    clone.fit(inputs, torch.zeros(len(inputs), 2), verbose=0)
    assert torch.equal(model(inputs), before)


def test_a_layer_shared_across_models_is_one_layer_in_the_clone() -> None:
    model, _ = CASES["layers_shared_across_models"]()
    clone = clone_model(model)
    trunk = clone.get_layer("trunk")
    assert trunk is not model.get_layer("trunk")
    assert clone.get_layer("one").get_layer("trunk") is trunk
    assert clone.get_layer("two").get_layer("small").get_layer("trunk") is trunk


def test_new_inputs() -> None:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model({"a": a, "b": b}, Dense(2)(a) + Dense(2)(b))
    c, d = (Input((4,), batch_size=7, name=name) for name in "cd")
    for given in ([c, d], {"first": c, "second": d}):
        clone = clone_model(model, input_tensors=given)
        assert clone.inputs == [c, d]
        assert list(clone.input) == ["a", "b"]
        assert clone.output_shape == (7, 2)
    middle = Dense(4)(Input((3,)))
    assert clone_model(Model(a, Dense(2)(a)), middle).inputs[0] is middle


def test_new_inputs_of_a_sequential() -> None:
    model = Sequential([Input((4,)), Dense(2)])
    x = Input((4,), batch_size=3, name="x")
    assert clone_model(model, x).inputs[0] is x
    assert clone_model(model, [Dense(4)(x)]).input_shape == (3, 4)
    unbuilt = Sequential([Dense(2), Dense(1)])
    assert clone_model(unbuilt).graph is None
    assert clone_model(unbuilt, x).output_shape == (3, 1)


def test_inputs_that_do_not_match() -> None:
    x = Input((4,))
    model = Model(x, Dense(2)(x))
    for wrong in ([], [x, x], torch.ones(2, 4), [torch.ones(2, 4)]):
        with pytest.raises(StructureError, match="needs a symbolic tensor for each of 1 inputs"):
            clone_model(model, wrong)
    with pytest.raises(StructureError, match="A Sequential has one input"):
        clone_model(Sequential([Dense(2)]), [x, x])


def test_clone_function_makes_the_layers() -> None:
    x = Input((4,))
    inner = Model(x, Dense(3, name="inner_dense")(x), name="inner")
    shared = Dense(3, name="shared")
    model = Model(x, layers.Dropout(0.5)(shared(x) + shared(x)) * inner(x))
    seen = []

    def clone_function(layer: Layer) -> Any:
        seen.append(layer.name)
        return layers.Identity() if isinstance(layer, layers.Dropout) else layer

    clone = clone_model(model, clone_function=clone_function)
    assert sorted(seen) == ["dropout", "inner", "shared"]
    assert clone.get_layer("shared") is shared
    assert clone.get_layer("inner") is inner
    seen.clear()
    clone = clone_model(model, clone_function=clone_function, recursive=True)
    assert sorted(seen) == ["dropout", "inner_dense", "shared"]
    assert clone.get_layer("inner") is not inner
    assert clone.get_layer("inner").layers[1] is inner.layers[1]


def test_call_function_calls_them() -> None:
    x = Input((4,))
    model = Model(x, Dense(2)(Dense(3)(x)))

    def call_function(layer: Layer, *args: Any, **kwargs: Any) -> Any:
        result = layer(*args, **kwargs)
        return layers.Dropout(0.5)(result) if isinstance(layer, Dense) else result

    clone = clone_model(model, call_function=call_function)
    assert [type(layer).__name__ for layer in clone.layers] == ["InputLayer", "Dense", "Dropout", "Dense", "Dropout"]


def test_layers_without_a_config_are_copied() -> None:
    x = Input((4,))
    linear = torch.nn.Linear(4, 3)
    model = Model(x, layers.Lambda(lambda t: t * 2)(layers.TorchModule(linear)(x)))
    clone = clone_model(model)
    assert not tensors(model) & tensors(clone)
    assert torch.equal(clone(torch.ones(1, 4)), model(torch.ones(1, 4)))


def test_code_of_the_users_within_our_layers_comes_along() -> None:
    def double(t: torch.Tensor) -> torch.Tensor:
        return t * 2

    x = Input((5, 4))
    inner = Input((4,))
    y = layers.TimeDistributed(Model(inner, Dense(4, activation=double)(inner)))(x)
    model = Model(x, layers.LSTM(2, activation=double)(y))
    clone = clone_model(model)
    clone.set_weights(model.get_weights())
    assert torch.equal(clone(torch.ones(1, 5, 4)), model(torch.ones(1, 5, 4)))


def test_a_subclass_that_is_drawn_keeps_its_class() -> None:
    class Kept(Model):
        pass

    class Made(Model):
        def __init__(self, units: int) -> None:
            x = Input((4,))
            super().__init__(x, Dense(units)(x))

    x = Input((4,))
    assert type(clone_model(Kept(x, Dense(2)(x)))) is Kept
    assert type(clone_model(Made(2))) is Made
    assert clone_model(Made(3)).output_shape == (None, 3)


def test_what_cannot_be_cloned() -> None:
    class Needs(Layer):
        def __init__(self, units: int) -> None:
            super().__init__()
            self.units = units

        def call(self, inputs: Any) -> Any:
            return inputs * self.units

    class Subclassed(Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    x = Input((4,))
    model = Model(x, Needs(torch.tensor(2))(x))
    with pytest.raises(ArgumentError, match='Needs "needs" cannot be cloned') as caught:
        clone_model(model)
    assert "clone_function=copy.deepcopy" in str(caught.value)
    assert torch.equal(clone_model(model, clone_function=copy.deepcopy)(torch.ones(1, 4)), 2 * torch.ones(1, 4))
    for wrong in (Dense(2), None):
        with pytest.raises(ArgumentError, match="clone_model clones models"):
            clone_model(wrong)
    for more in ({"clone_function": copy.deepcopy}, {"input_tensors": Input((4,))}, {"call_function": lambda f, x: x}):
        with pytest.raises(ArgumentError, match="models that are drawn as a graph"):
            clone_model(Subclassed(), **more)


class OfCode(Model):
    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [Dense(units), layers.BatchNormalization()]
        self.end = Dense(2, trainable=False)

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.end(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("built", [True, False])
def test_a_model_of_code_is_made_again_from_its_config(built: bool) -> None:
    model, x = OfCode(5, name="mine"), torch.ones(2, 4)
    if built:
        model(x)
    clone = clone_model(model)
    assert type(clone) is OfCode
    assert (clone.name, clone.units, clone.built) == ("mine", 5, built)
    assert not tensors(model) & tensors(clone)
    assert clone.end.trainable is False
    assert clone(x).shape == (2, 2)
    if built:
        assert not torch.equal(clone.blocks[0].kernel, model.blocks[0].kernel)
        clone.set_weights(model.get_weights())
        torch.testing.assert_close(clone(x), model(x))


@pytest.mark.parametrize("made", [lambda: Sequential([Input((4,)), Dense(2)]), lambda: OfCode()])
def test_a_compiled_model_has_a_compiled_clone(made: Any) -> None:
    model, x, y = made(), torch.ones(4, 4), torch.ones(4, 2)
    metric = metrics.MeanAbsoluteError(name="mine")
    model.compile(optimizers.Adam(0.25, beta_1=0.8), "mse", metrics=[metric], weighted_metrics=["mse"])
    model.fit(x, y, epochs=2, verbose=0)
    clone = clone_model(model)
    assert clone.compiled
    assert clone.optimizer is not model.optimizer
    assert clone.optimizer.get_config() == model.optimizer.get_config()
    assert (clone.optimizer.iterations, model.optimizer.iterations) == (0, 2)
    before = [weight.copy() for weight in model.get_weights()]
    history = clone.fit(x, y, verbose=0)
    assert set(history.history) == {"loss", "mine", "mse"}
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_clone_is_not_compiled_by_what_belongs_to_one_model() -> None:
    model = Sequential([Input((4,)), Dense(2)])
    model.compile(torch.optim.SGD(model.parameters(), 0.1), "mse")
    assert not clone_model(model).compiled
    assert not clone_model(Sequential([Input((4,)), Dense(2)])).compiled


@pytest.mark.parametrize("activation", [layers.LeakyReLU(0.3), layers.PReLU(), layers.ReLU(max_value=2.0)], ids=str)
def test_a_layer_as_activation(activation: Any) -> None:
    source = Sequential([Input((4,)), Dense(3, activation=activation)])
    twin = clone_model(source)
    twin.set_weights(source.get_weights())
    x = torch.randn(5, 4)
    assert torch.equal(twin(x), source(x))
    assert twin.layers[-1].activation is not activation
    alone = Dense.from_config(source.layers[-1].get_config())
    assert type(alone.activation) is type(activation)
