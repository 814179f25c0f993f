"""Lists and dicts that hold themselves: an error that says it, wherever they are given, and no endless work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamina import Input, Model, StructureError, layers, losses, metrics, ops, random, saving

X, Y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")


def looped(kind: type = list) -> Any:
    if kind is dict:
        entry: dict[str, Any] = {"a": 1.0}
        entry["b"] = [entry]
        return entry
    items: list[Any] = [1.0]
    items.append((items,))
    return items


def model() -> Model:
    x = Input((4,))
    made = Model(x, layers.Dense(2)(x))
    made.compile("sgd", "mse")
    return made


CASES: dict[str, Callable[[Any], Any]] = {
    "ops.while_loop": lambda loop: ops.while_loop(lambda v: False, lambda v: v, [loop]),
    "ops.scan": lambda loop: ops.scan(lambda carry, v: (carry, v), loop, X),
    "ops.map": lambda loop: ops.map(lambda v: v, loop),
    "ops.vectorized_map": lambda loop: ops.vectorized_map(lambda v: v, loop),
    "ops.take": lambda loop: ops.take(X, loop),
    "ops.pad": lambda loop: ops.pad(X, loop),
    "ops.switch": lambda loop: ops.switch(0, [lambda v: v], loop),
    "x[...]": lambda loop: Input((4,))[loop],
    "compile loss": lambda loop: model().compile("sgd", loop),
    "compile metrics": lambda loop: model().compile("sgd", "mse", metrics=loop),
    "compile loss_weights": lambda loop: model().compile("sgd", "mse", loss_weights=loop),
    "fit x": lambda loop: model().fit(loop, Y, verbose=0),
    "fit y": lambda loop: model().fit(X, loop, verbose=0),
    "predict": lambda loop: model().predict(loop, verbose=0),
    "train_on_batch": lambda loop: model().train_on_batch(X, loop),
    "a call": lambda loop: model()(loop),
    "Model": lambda loop: Model(Input((4,)), loop),
    "build": lambda loop: layers.Dense(2).build(loop),
    "from_config": lambda loop: Model.from_config(loop),
    "serialize": lambda loop: saving.serialize_keras_object(loop),
}
OF_LISTS: dict[str, Callable[[Any], Any]] = {
    "ops.add": lambda loop: ops.add(loop, 1),
    "ops.sum": lambda loop: ops.sum(loop),
    "ops.reshape": lambda loop: ops.reshape(X, loop),
    "symbolic": lambda loop: ops.add(Input((4,)), loop),
    "random": lambda loop: random.normal(loop),
    "a loss": lambda loop: losses.mean_squared_error(loop, Y),
    "a metric": lambda loop: metrics.Mean()(Y, sample_weight=loop),
    "adapt": lambda loop: layers.StringLookup(vocabulary=loop),
}


@pytest.mark.parametrize("kind", (list, dict))
@pytest.mark.parametrize("case", CASES)
def test_what_holds_itself_is_refused(case: str, kind: type) -> None:
    with pytest.raises(StructureError, match="holds itself"):
        CASES[case](looped(kind))


@pytest.mark.parametrize("case", OF_LISTS)
def test_lists_that_hold_themselves_are_no_arrays(case: str) -> None:
    with pytest.raises(StructureError, match="holds itself"):
        OF_LISTS[case](looped())


def test_what_is_deep_only_stays_a_recursion_error() -> None:
    deep: Any = 1.0
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        ops.add(deep, 1)
