"""What a person reads where a call cannot be drawn, or finds other sizes than it was drawn for when it runs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

from lamina.sizes import tree
from lamina.sizes.search import REFUSALS
from lamina.sizes.world import Shape, merged_shape

from .errors import LaminaError, ShapeError, ValueNeededError
from .infer import joint_of, search_for
from .node import Node


def explained(node: Node, error: Exception) -> LaminaError:
    """The error of an operation that could not be tried on shapes alone, with the call and the user's line."""
    high = joint_of(node.inputs, 0)
    if isinstance(error, LaminaError):
        search_for(node).reworded(error, high)
        error.args = (error.headline,)
        error.where = error.where or str(node.source)
        return error
    got = "\n".join(f"{s}, {s.node.source}" for s in node.inputs)
    text = str(error).strip()
    needs_values = "meta tensors" in text or "meta device" in text or isinstance(error, NotImplementedError)
    if needs_values:
        return ValueNeededError(
            f"{node.label} needs the values of its input, which exist only when the model runs.",
            got=got,
            where=str(node.source),
            hint="layers.Lambda(function, output_shape=...) or a Layer with compute_output_shape, which runs on values",
        )
    indexes = node.op is operator.getitem
    if isinstance(error, TypeError) and any(arg is None for arg in tree.leaves(node.args[1:])) and not indexes:
        return ShapeError(
            f"{node.label} was given None for a size: x.shape has None where only run time tells.",
            got=got,
            expected="whole numbers, or sizes as x.size() gives them",
            where=str(node.source),
            hint="b, t, c = x.size() instead of b, t, c = x.shape: arithmetic on such sizes is recorded",
        )
    text = search_for(node).reworded(error, high)
    return ShapeError(
        f"{node.label} cannot take this input.",
        got=got,
        expected=text.splitlines()[0] if text else type(error).__name__,
        where=str(node.source),
    )


class Fixed:
    """Runs a call that fixes the size of an unknown axis; where another size comes, the error says which was drawn."""

    def __init__(self, node: Node) -> None:
        self._label, self._where = node.label, str(node.source)
        self._takes: list[Shape] = node.fixed or []
        self._gives: list[Shape] = [merged_shape(spec.examples) for spec in node.specs if hasattr(spec, "dtype")]  # type: ignore[attr-defined]

    def __call__(self, call: Callable[..., Any], *inputs: Any) -> Any:
        if torch.compiler.is_compiling():
            return call(*inputs)
        try:
            result = call(*inputs)
        except LaminaError:
            raise
        except REFUSALS as error:
            raise self._refused(inputs) from error
        first = result if isinstance(result, torch.Tensor) else None
        if first is not None and any(n not in (None, m) for n, m in zip(self._gives[0], first.shape, strict=True)):
            raise self._refused(inputs)
        return result

    def _refused(self, inputs: Any) -> ShapeError:
        return ShapeError(
            f"{self._label} cannot take an input of this size.",
            got=_told(tuple(t.shape) for t in inputs if isinstance(t, torch.Tensor)),
            expected=f"{_told(self._takes)}: the call goes with this size of the unknown axis only",
            where=self._where,
        )


def _told(shapes: Any) -> str:
    return ", ".join(map(str, shapes))
