"""Losses and metrics in any nesting that Keras takes, and what they are called in the logs: compared with Keras."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import StructureError

keras = pytest.importorskip("keras")
X, Y = np.ones((8, 3), "float32"), np.full((8, 1), 0.5, "float32")
Pair = namedtuple("Pair", "p q")


def history_of(library: Any, outputs: Any, y: Any, **compiled: Any) -> Any:
    """The logs of an epoch of a model with up to three outputs, all weights one."""
    x = library.Input((3,), name="x")
    heads = [library.layers.Dense(1, name=name, kernel_initializer="ones")(x) for name in ("y1", "y2", "y3")]
    model = library.Model(x, outputs(*heads))
    model.compile("sgd", **compiled)
    return model.fit(X, y, verbose=0).history


def ours_and_keras(outputs: Any, y: Any, **compiled: Any) -> None:
    ours = history_of(lamina, outputs, y, **compiled)
    theirs = history_of(keras, outputs, y, **compiled)
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5, err_msg=name)


NESTED = lambda a, b, c: {"a": (a, b), "b": {"b1": a, "b2": b}, "d": c}  # noqa: E731
NESTED_Y = {"a": (Y, Y), "b": {"b1": Y, "b2": Y}, "d": Y}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    "outputs, y, compiled",
    [
        (NESTED, NESTED_Y, {"loss": "mse"}),
        (lambda a, b, c: {"a": (a, b), "d": c}, {"a": (Y, Y), "d": Y},
         {"loss": "mse", "metrics": {"a": ("mse", "mae"), "d": "mae"}}),
        (lambda a, b, c: [a, (b, c)], [Y, (Y, Y)], {"loss": ["mse", "mae", "mse"]}),
        (lambda a, b, c: [a, b], [Y, Y], {"loss": ["mse", ["mae"]], "loss_weights": [0.1, 2.0]}),
        (lambda a, b, c: {"p": a, "q": b}, {"p": Y, "q": Y}, {"loss": {"p": "mse", "q": ["mae"]}}),
        (lambda a, b, c: {"p": a, "q": b}, {"p": Y, "q": Y}, {"loss": {"p": "mse"}, "metrics": {"q": "mae"}}),
        (lambda a, b, c: [a, b], [Y, Y],
         {"loss": "mse", "metrics": [["mae", "mae"], "mae"], "weighted_metrics": [["mae", "mae"], "mse"]}),
        (lambda a, b, c: a, Y, {"loss": ["mse"], "metrics": ["mae", "mae"], "weighted_metrics": ["mae", "mse", "mae"]}),
        (lambda a, b, c: a, Y, {"loss": {"y1": ["mse"]}}),
    ],
)  # fmt: skip
def test_the_same_numbers_under_the_same_names(outputs: Any, y: Any, compiled: Any) -> None:
    ours_and_keras(outputs, y, **compiled)


def distance(y_true: Any, y_pred: Any) -> Any:
    """Of anything: what a function of several outputs together is given has their nesting."""
    true, pred = lamina.tree.flatten(y_true), lamina.tree.flatten(y_pred)
    assert type(y_true) is type(y_pred)
    return sum(abs(t - p).mean() for t, p in zip(true, pred, strict=True))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "outputs, y, loss",
    [
        (lambda a, b, c: (a, b), (Y, Y), [distance, (distance, "mse")]),
        (lambda a, b, c: [a, b], [Y, Y], (distance, ["mse", distance])),
        (lambda a, b, c: {"p": a, "q": b}, {"p": Y, "q": Y}, [distance, {"p": "mse", "q": distance}]),
        (lambda a, b, c: Pair(a, b), Pair(Y, Y), [distance, Pair("mse", distance)]),
        (NESTED, NESTED_Y, {"a": [distance, (None, "mse")], "b": [distance, {"b1": "mae"}], "d": distance}),
    ],
)
def test_one_loss_of_several_outputs_together(outputs: Any, y: Any, loss: Any, weighted: bool) -> None:
    weights = lamina.tree.map_structure(lambda _: 0.25, loss) if weighted and not isinstance(loss, dict) else None
    ours_and_keras(outputs, y, loss=loss, loss_weights=weights)


def test_several_losses_of_one_output_are_summed() -> None:
    heads = lambda a, b, c: [a, b]  # noqa: E731
    both = history_of(lamina, heads, [Y, Y], loss=["mse", ["mae", "mse"]], loss_weights=[1.0, 0.5, 2.0])
    mse = history_of(lamina, heads, [Y, Y], loss=["mse", "mse"])
    mae = history_of(lamina, heads, [Y, Y], loss=["mse", "mae"])
    due = mse["y1_loss"][0] + 0.5 * mae["y2_loss"][0] + 2.0 * mse["y2_loss"][0]
    np.testing.assert_allclose(both["loss"], [due], rtol=1e-6)


def test_a_place_that_the_outputs_do_not_have_is_named() -> None:
    with pytest.raises(StructureError, match=r"\['b', 'b9'\]"):
        history_of(lamina, NESTED, NESTED_Y, loss={"a": ["mse", "mse"], "b": {"b9": "mse"}})
    with pytest.raises(StructureError, match="3 weights for 2 losses"):
        history_of(lamina, lambda a, b, c: [a, b], [Y, Y], loss=["mse", ["mse"]], loss_weights=[1, 2, 3])
    x = lamina.Input((3,))
    model = lamina.Model(x, [lamina.layers.Dense(1)(x), lamina.layers.Dense(1)(x)])
    model.compile("sgd", loss=(distance, ["mse", "mse"]))
    with pytest.raises(lamina.ArgumentError, match="several sample weights"):
        model.fit(X, [Y, Y], sample_weight=[np.ones(8), np.ones(8)], verbose=0)
