"""What the user's own code raises comes through as it is, with a note: in which layer, and where that was called."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from lamina import Input, Model, ShapeError
from lamina.layers import Lambda, Layer


class MineError(Exception):
    pass


def raises(kind: type[Exception]) -> Any:
    def act(x):
        raise kind("mine")

    return act


# What the user's code does, and what comes of it.
FAULTS = {
    "attribute": (lambda x: x.no_such_thing, AttributeError, "no_such_thing"),
    "type": (lambda x: len(3), TypeError, "no len()"),
    "key": (lambda x: {}["k"], KeyError, "k"),
    "name": (lambda x: undefined_name, NameError, "undefined_name"),  # noqa: F821
    "value": (lambda x: int("q"), ValueError, "invalid literal"),
    "index": (lambda x: [][1], IndexError, "out of range"),
    "zero": (lambda x: 1 / 0, ZeroDivisionError, "division by zero"),
    "own": (raises(MineError), MineError, "mine"),
    "runtime": (raises(RuntimeError), RuntimeError, "mine"),
    "assertion": (raises(AssertionError), AssertionError, "mine"),
    "not implemented": (raises(NotImplementedError), NotImplementedError, "mine"),
}


def of(act: Any, name: str) -> dict[str, type]:
    class InCall(Layer):
        def call(self, x):
            act(x)
            return x

    class InBuild(Layer):
        def build(self, input_shape):
            act(input_shape)

        def call(self, x):
            return x

    class InRule(Layer):
        def call(self, x):
            return x

        def compute_output_shape(self, input_shape):
            act(input_shape)

    class InModel(Model):
        def call(self, x):
            act(x)
            return x

    class InForward(Layer):
        def forward(self, x):
            act(x)
            return x

    class InLambda(Lambda):
        def __init__(self):
            super().__init__(lambda x: act(x))

    return {kind.__name__: kind for kind in (InCall, InBuild, InRule, InModel, InForward, InLambda)}[name]


@pytest.mark.parametrize("place", ["InCall", "InBuild", "InRule", "InModel", "InForward", "InLambda"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("drawn", [True, False])
def test_type_text_and_note(fault, place, drawn):
    act, kind, text = FAULTS[fault]
    if place == "InRule" and not drawn:
        return  # a rule of the user's is asked where the layer is drawn
    layer = of(act, place)(**({} if place == "InLambda" else {"name": "mine"}))
    given = Input((3,)) if drawn else torch.ones(2, 3)
    with pytest.raises(kind, match=text.replace("(", r"\(").replace(")", r"\)")) as caught:
        layer(given)
    here = sys._getframe().f_lineno - 1
    assert type(caught.value) is kind
    name = layer.name
    assert caught.value.__notes__ == [f"in layer {name} ({place}), called at {relative()}:{here}"]


def relative() -> str:
    from lamina.graph.source import Source

    return str(Source(__file__, 0)).removesuffix(":0")


@pytest.mark.parametrize("drawn", [True, False])
def test_each_layer_around_it_says_where(drawn):
    class Inner(Layer):
        def call(self, x):
            return x.no_such_thing

    class Outer(Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = Inner(name="deep")

        def call(self, x):
            return self.inner(x)

    with pytest.raises(AttributeError) as caught:
        Outer(name="around")(Input((3,)) if drawn else torch.ones(2, 3))
    first, second = caught.value.__notes__
    assert first.startswith("in layer deep (Inner), called at ")
    assert second.startswith("in layer around (Outer), called at ")
    assert first.rsplit(":", 1) != second.rsplit(":", 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_building_a_model_from_a_shape(fault):
    act, kind, _ = FAULTS[fault]
    with pytest.raises(kind) as caught:
        of(act, "InModel")(name="m").build((None, 3))
    assert type(caught.value) is kind
    assert caught.value.__notes__[-1].startswith("in layer m (InModel), called at ")


def test_no_size_of_a_trial_is_in_the_text():
    class Checks(Layer):
        def call(self, x):
            if x.shape[1] != 7:
                raise RuntimeError(f"{tuple(x.shape)} has not 7 steps")
            return x

    class Never(Checks):
        def call(self, x):
            raise RuntimeError(f"{tuple(x.shape)} is never right")

    assert Checks()(Input((None, 4))).shape == (None, 7, 4)
    with pytest.raises(RuntimeError, match=r"\(None, None, 4\) is never right"):
        Never()(Input((None, 4)))


def test_what_pytorch_refuses_is_told_as_before():
    class Wrong(Layer):
        def call(self, x):
            return x @ torch.ones(7, 7)

    with pytest.raises(ShapeError, match="Wrong") as caught:
        Wrong()(Input((3,)))
    assert "test_errors_of_users.py:" in str(caught.value)
    with pytest.raises(RuntimeError, match="shapes") as real:
        Wrong(name="w")(torch.ones(2, 3))
    assert real.value.__notes__[0].startswith("in layer w (Wrong), called at ")
