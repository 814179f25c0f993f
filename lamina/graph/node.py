"""Node: one call. Symbolic: the handle on one of its results."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import torch

from lamina.operations import function_name
from lamina.sizes import tree
from lamina.sizes.world import ENDS, Shape, World

from .operation import Held, Operation
from .source import Source


class Symbolic(tree.Whole):
    """One result of a node that has not run yet: a tensor, or a number such as an axis' size.

    The graph hangs on these: a symbolic holds its node, a node holds its arguments, and nothing holds them back.
    A graph that nobody holds is freed at once, by reference counts alone.
    """

    __slots__ = ("__weakref__", "index", "node")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index

    @property
    def moves(self) -> bool:
        """Whether the two examples differ: something about it is known only at run time."""
        raise NotImplementedError

    def example(self, k: int) -> Any:
        """The ``k``-th of the two examples that shapes are inferred with, see `lamina.graph.infer`."""
        raise NotImplementedError


class Spec(Protocol):
    """What is known of one result before it is computed; makes the symbolic for it."""

    def make(self, node: Node, index: int) -> Symbolic: ...


class Leaf(tree.Whole):
    """Marks, in a node's output structure, the place of its ``index``-th symbolic result."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class Constant(Held):
    """A tensor or parameter of the user's that became an argument of a node.

    A module, so that it moves with ``model.to(device)`` and a parameter is trained and saved with the model.
    """

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.training = False
        # What was detached from a weight of ours is still a kind of parameter, but to be held like any other tensor.
        if isinstance(value, torch.nn.Parameter) and not getattr(value, "is_detached", False):
            self.value = value
        else:
            self.register_buffer("value", value.detach())


_NUMBERS = itertools.count()


def last_number() -> int:
    """A number higher than those of all nodes so far, and lower than those of all that come."""
    return next(_NUMBERS)


class Node:
    """One call of an operation: what was called, with what, what it gives, and which line of the user's code did it.

    Nodes are calls, not layers: a layer that is called twice would make a cycle of layers, but makes two nodes.

    Attributes:
        op: a layer, or a function of tensors.
        args, kwargs: as given, any nesting of list, tuple, dict, with `Symbolic` at the leaves.
        inputs: the distinct symbolics among them, in order.
        specs: one per symbolic result.
        template: the structure the call returns, with `Leaf(i)` where the i-th symbolic result stands.
        masks: for each result the symbolic boolean mask that goes with it, or None.
        ends_masks: a function that passes on no mask, as Keras' operations in a model read from its file.
        source: the user's file and line.
        number: nodes made later have higher ones.
        worlds: the two that its results' examples are of, see `lamina.graph.infer`.
        fixed: where it goes with some sizes of the unknown axes only, the shapes of the tensors that it takes.
        found: examples of its results in other worlds, as far as anybody asked.
    """

    __slots__ = (
        "__weakref__", "_made", "args", "ends_masks", "fixed", "found", "inputs", "kwargs", "masks", "number", "op",
        "source", "specs", "template", "worlds",
    )  # fmt: skip

    def __init__(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], source: Source) -> None:
        self.op = op
        self.args = args
        self.kwargs = kwargs
        self.source = source
        self.inputs: tuple[Symbolic, ...] = _distinct_symbolics((args, kwargs))
        self.specs: list[Spec] = []
        self.template: Any = None
        self.masks: list[Symbolic | None] = []
        self.ends_masks = False
        self.number = next(_NUMBERS)
        self.worlds: tuple[World, World] = ENDS
        self.fixed: list[Shape] | None = None
        self.found: dict[World, Any] = {}
        self._made: dict[int, weakref.ref[Symbolic]] = {}

    def give(self, specs: list[Spec], template: Any, worlds: tuple[World, World] = ENDS) -> None:
        """Say what the call returns, and in which worlds its examples are that."""
        self.specs, self.template, self.worlds = specs, template, worlds
        self.masks = [None] * len(specs)

    def handle(self, index: int) -> Symbolic:
        """The handle on one result: the same object as long as anybody holds it."""
        ref = self._made.get(index)
        made = ref() if ref is not None else None
        if made is None:
            made = self.specs[index].make(self, index)
            self._made[index] = weakref.ref(made)
        return made

    @property
    def outputs(self) -> list[Symbolic]:
        return [self.handle(i) for i in range(len(self.specs))]

    @property
    def output(self) -> Any:
        """What the user got from the call: the symbolic results in the structure that the call returns."""
        return tree.map_leaves(lambda v: self.handle(v.index) if isinstance(v, Leaf) else v, self.template)

    @property
    def label(self) -> str:
        """What was called, for people: ``Dense "logits"`` or ``torch.tanh``."""
        return describe_op(self.op)

    def __repr__(self) -> str:
        return f"<Node {self.label}, {self.source}>"


def _distinct_symbolics(nested: Any) -> tuple[Symbolic, ...]:
    found: dict[tuple[int, int], Symbolic] = {}
    for leaf in tree.leaves(nested):
        if isinstance(leaf, Symbolic):
            found.setdefault((id(leaf.node), leaf.index), leaf)
    return tuple(found.values())


def describe_op(op: Any) -> str:
    """``Dense "logits"`` for a layer, ``torch.tanh`` for a function."""
    if isinstance(op, Operation):
        return f'{type(op).__name__} "{op.name}"'
    return type(op).__name__ if isinstance(op, torch.nn.Module) else function_name(op)


def short_name(op: Any) -> str:
    """A layer's name, or the last part of a function's."""
    return getattr(op, "name", None) or function_name(op).rpartition(".")[2]


def is_input_node(node: Node) -> bool:
    """Whether the node is an `Input`: it has no arguments, its result is what the user will give."""
    return isinstance(node.op, Operation) and node.op.is_input
