"""Calls that go with some sizes of the unknown axes only: they are checked when they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.graph.errors import LaminaError, ShapeError
from lamina.graph.node import Leaf, Node
from lamina.sizes import tree
from lamina.sizes.search import REFUSALS
from lamina.sizes.world import Shape


class Fixed:
    """Runs a call that does not go with every size of the unknown axes; the error says what it was drawn for."""

    def __init__(self, node: Node) -> None:
        self._label, self._where = node.label, str(node.source)
        self._takes: list[Shape] = node.fixed or []
        self._fixes = self._takes != [getattr(symbolic, "shape", ()) for symbolic in node.inputs]
        shapes = [getattr(spec.make(node, i), "shape", None) for i, spec in enumerate(node.specs)]
        self._gives = [shapes[leaf.index] if isinstance(leaf, Leaf) else None for leaf in tree.leaves(node.template)]

    def __call__(self, call: Callable[..., Any], *inputs: Any) -> Any:
        if torch.compiler.is_compiling():
            return call(*inputs)
        try:
            result = call(*inputs)
        except LaminaError:
            raise
        except REFUSALS as error:
            raise self._refused(inputs) from error
        leaves = list(tree.leaves(result))
        if len(leaves) != len(self._gives) or not all(map(_has_rank, leaves, self._gives)):
            raise self._refused(inputs, leaves)
        if not all(map(_has_sizes, leaves, self._gives)):
            raise self._refused(inputs)
        return result

    def _refused(self, inputs: Any, made: list[Any] | None = None) -> ShapeError:
        got = _told(tuple(t.shape) for t in inputs if isinstance(t, torch.Tensor))
        expected, hint = f"{_told(self._takes)}: the call goes with this size of the unknown axis only", None
        if made is not None:
            got = f"{got}, of which it makes {_told(tuple(getattr(leaf, 'shape', ())) for leaf in made)}"
        if made is not None or not self._fixes:
            expected = f"a size of which it makes {_told(self._gives)}, as it was drawn"
            hint = "a call that gives as many tensors and axes for every size, or a fixed size in Input(...)"
        headline = f"{self._label} cannot take an input of this size."
        return ShapeError(headline, got=got, expected=expected, where=self._where, hint=hint)


def _has_rank(leaf: Any, shape: Shape | None) -> bool:
    return shape is None or len(getattr(leaf, "shape", ())) == len(shape)


def _has_sizes(leaf: Any, shape: Shape | None) -> bool:
    return shape is None or all(n in (None, m) for n, m in zip(shape, leaf.shape, strict=True))


def _told(shapes: Any) -> str:
    return ", ".join(map(str, shapes))
