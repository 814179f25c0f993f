"""Who asks whether an object has something, lists what it has, copies or pickles it, meets no surprise.

Libraries find out by ``hasattr`` what they were given: scikit-learn and explainers look for ``predict_proba``.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle

import pytest
import torch

import lamina
from lamina import Input, Model, Sequential, layers, optimizers


class Own(Model):
    def call(self, x):
        return x


class Doubles(layers.Layer):
    cache = None

    def call(self, x):
        return x * 2 if getattr(self, "nothing_of_the_kind", None) is None else x


def drawn():
    x = Input((3,))
    return Model(x, layers.Dense(2)(x))


def called():
    layer = layers.Dense(2)
    layer(Input((3,)))
    return layer


OBJECTS = {
    "dense": lambda: layers.Dense(2),
    "lstm": lambda: layers.LSTM(2),
    "embedding": lambda: layers.Embedding(3, 2),
    "attention": lambda: layers.MultiHeadAttention(1, 2),
    "called": called,
    "of the user's": Doubles,
    "model of the user's": Own,
    "drawn": drawn,
    "sequential, unbuilt": lambda: Sequential([layers.Dense(2)]),
    "sequential": lambda: Sequential([Input((3,)), layers.Dense(2)]),
    "module": lambda: layers.TorchModule(torch.nn.Linear(3, 2)),
    "adam": lambda: optimizers.Adam(),
    "symbolic": lambda: Input((3,)),
    "metric": lambda: lamina.metrics.Accuracy(),
    "loss": lambda: lamina.losses.MeanSquaredError(),
    "callback": lambda: lamina.callbacks.EarlyStopping(),
}
MODELS = ["model of the user's", "drawn", "sequential, unbuilt", "sequential"]
GONE = "predict_proba predict_classes fit_generator evaluate_generator predict_generator partial_fit score".split()


@pytest.mark.parametrize("name", OBJECTS)
def test_every_attribute_of_a_class_is_there_or_is_missing(name):
    thing = OBJECTS[name]()
    for attribute in {*object.__dir__(thing), *dir(type(thing))}:
        getattr(thing, attribute, None)  # raises nothing
    inspect.getmembers(thing)


@pytest.mark.parametrize("name", [name for name in OBJECTS if name != "symbolic"])
def test_it_has_nothing_that_others_look_for(name):
    thing = OBJECTS[name]()
    for attribute in ("__array__", "__iter__", "__len__", "__getitem__", "__dlpack__", "__array_interface__", "keys"):
        assert not hasattr(thing, attribute)


@pytest.mark.parametrize("attribute", GONE)
@pytest.mark.parametrize("name", MODELS)
def test_what_keras_models_had_is_not_there_and_says_what_to_write(name, attribute):
    model = OBJECTS[name]()
    assert not hasattr(model, attribute)
    assert not hasattr(type(model), attribute)
    assert attribute not in dir(model)
    assert getattr(model, attribute, 7) == 7
    with pytest.raises(lamina.LaminaError, match=rf"no attribute '{attribute}'(.|\n)*duck_typing.py(.|\n)*try"):
        getattr(model, attribute)


@pytest.mark.parametrize("name", ["sequential", "model of the user's"])
def test_a_part_by_such_a_name_is_found(name):
    model = OBJECTS[name]()
    model.score = layers.Dense(1)
    assert model.score.units == 1
    assert hasattr(model, "score")


@pytest.mark.parametrize(
    "name, attribute, hint",
    [
        ("sequential", "sumary", "'summary'"),
        ("drawn", "evalute", "'evaluate'"),
        ("dense", "kernel", "build"),
        ("dense", "unit", "'units'"),
        ("called", "weight", "kernel"),
        ("of the user's", "add_metric", "metrics"),
    ],
)
def test_the_nearest_name_is_told(name, attribute, hint):
    with pytest.raises(AttributeError) as caught:
        getattr(OBJECTS[name](), attribute)
    assert hint in str(caught.value.hint)
    assert f"'{attribute}'?" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize("attribute", ["input", "output"])
def test_what_was_not_drawn_has_no_ends(attribute):
    layer = layers.Dense(2)
    assert not hasattr(layer, attribute)
    with pytest.raises(lamina.ArgumentError, match=f"has no {attribute}: it was never called"):
        getattr(layer, attribute)
    held = layer(Input((3,)))
    assert hasattr(layer, attribute)
    assert layer.output is held


@pytest.mark.parametrize("attribute", ["input", "inputs", "output_shape", "output_names"])
def test_a_model_without_a_graph_has_no_ends(attribute):
    assert not hasattr(Own(), attribute)
    with pytest.raises(lamina.ArgumentError, match="defined by its call"):
        getattr(Own(), attribute)
    with pytest.raises(lamina.ArgumentError, match=r"not built yet\.(.|\n)*try +Input"):
        getattr(Sequential([layers.Dense(2)]), attribute)


def test_the_error_within_a_property_is_told():
    class Counts(layers.Layer):
        @property
        def size(self):
            return self.kernle.shape

    with pytest.raises(AttributeError, match="no attribute 'kernle'"):
        Counts().size  # noqa: B018  it is the reading that is tried
    assert not hasattr(Counts(), "size")


@pytest.mark.parametrize("kind", [optimizers.Optimizer, optimizers.Adam])
def test_an_optimizer_has_no_older_name(kind):
    assert not hasattr(kind, "lr")
    assert "lr" not in dir(kind(0.1))
    with pytest.raises(AttributeError, match="learning_rate"):
        kind.lr  # noqa: B018


@pytest.mark.parametrize("name", [name for name in OBJECTS if name != "symbolic"])
def test_it_can_be_copied_and_pickled(name):
    thing = OBJECTS[name]()
    copy.copy(thing)
    copy.deepcopy(thing)
    pickle.loads(pickle.dumps(thing))


def test_every_kind_of_error_is_where_it_says_so_that_it_can_be_pickled():
    kinds = [lamina.LaminaError]
    for kind in kinds:
        kinds.extend(each for each in kind.__subclasses__() if each.__module__.startswith("lamina"))
    assert len(kinds) > 15
    for kind in kinds:
        assert getattr(importlib.import_module(kind.__module__), kind.__name__) is kind


@pytest.mark.parametrize("name", ["zq", "ww", "kernl", "x1"])
@pytest.mark.parametrize("built", [False, True])
def test_an_error_can_be_read_whether_or_not_another_name_is_near(name, built):
    layer = Doubles()
    if built:
        layer(torch.ones(2, 3))
    with pytest.raises(AttributeError) as caught:
        getattr(layer, name)
    assert name in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_compiler_may_ask_as_well():
    layer = Doubles()
    layer(torch.ones(2, 3))
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    assert compiled(torch.ones(2, 3)).tolist() == layer(torch.ones(2, 3)).tolist()


@pytest.mark.parametrize("kind", [layers.Layer, Model])
def test_what_is_there_needs_no_other_name(kind):
    assert [name for name in kind.names_elsewhere if hasattr(kind, name)] == []
