"""Joining: a graph's program for training, in which what follows a convolution at once is one step.

Nothing is computed otherwise than by the layers one by one, so weights come out the same to the last bit. What it
saves: the sum and the rectifier run in the memory of the normalization's result, which nobody else knows, and nothing
leaves PyTorch's order of axes in between.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch

from lamina.graph import Graph, Node, SymbolicTensor
from lamina.graph.walk import key_of
from lamina.layers.convolution.base import Convolution
from lamina.layers.geometry import channel_axis
from lamina.layers.merging import Add
from lamina.layers.normalization import BatchNormalization
from lamina.probing import stand_in
from lamina.program import Program

from .changes import CHANGING, RELU, change_of, is_linear
from .rules import SUMS, alike, inputs_of, is_plain, is_usual, make_node, tensors_in
from .settings import Settings
from .steps import LINEAR, InPlace


class Joining:
    """The rewritten graph of a model as a `Program`. It holds layers and no model, and nothing that is saved holds it.

    Args:
        graph: of the model.

    Attributes:
        program: takes what the model's own program takes and gives what it gives; None where no rule applied.
    """

    def __init__(self, graph: Graph) -> None:
        self._settings = Settings(graph)
        flat = graph.rebuild(_flattened)
        joined = flat.rebuild(_Join(flat).apply)
        found = any(isinstance(node.op, (Joined, InPlace)) for node in joined.nodes)
        self.program = Program(joined, unpacks=True) if found else None

    def holds(self) -> bool:
        """Whether every layer is what it was: same hooks, same settings."""
        return self._settings.hold()


class Joined:
    """`relu(norm(convolution(x)) + other)`, each part but one of the first two optional.

    Args:
        layer: a convolution whose own activation is linear or stands for `rectifies`; None where there is none.
        norm: `BatchNormalization` of its channels, or None.
        adds: whether it is called with a second tensor, which is added.
        rectifies: whether a rectifier is the last part.
    """

    def __init__(self, layer: Any, norm: Any = None, adds: bool = False, rectifies: bool = False) -> None:
        self.layer, self.norm, self.adds, self.rectifies = layer, norm, adds, rectifies
        first = layer if layer is not None else norm
        self.name = first.name
        parts = [type(part).__name__ for part in (layer, norm) if part is not None]
        self.__name__ = "+".join([*parts, *(["Add"] if adds else []), *(["relu"] if rectifies else [])])
        if layer is not None:
            self._enter, self._leave = layer._enter, layer._leave
        else:
            self._enter, self._leave = norm._views or (_same, _same)
        # Stand-ins that share the weights, and take and give tensors in PyTorch's order of axes.
        self._convolve = None if layer is None else stand_in(layer, {"activation": None, "_leave": _same})
        self._normalize = None if norm is None else stand_in(norm, {"_views": None, "_index": 1, "_trainable": True})

    def __call__(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        y = self._enter(x) if self._convolve is None else self._convolve.call(x)
        if self._normalize is not None:
            y = self._normalize.call(y, training=self.norm.training and self.norm.trainable)
        elif y._base is not None:  # of a product: to write into it would cost autograd more than new memory
            y = y if other is None else y + self._enter(other)
            return self._leave(y.relu() if self.rectifies else y)  # type: ignore[no-any-return]
        if other is not None:
            other = self._enter(other)
            y = y.add_(other) if y.shape == other.shape else y + other
        if self.rectifies:
            y = y.relu_()
        return self._leave(y)  # type: ignore[no-any-return]


def _same(x: torch.Tensor) -> torch.Tensor:
    return x


def _flattened(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Nested models become part of the graph; every layer stays."""
    op: Any = node.op
    if getattr(op, "is_drawn", False) and is_plain(op) and len(args) == 1 and not kwargs:
        given = inputs_of(op, args[0])
        if given is not None:
            return op.graph.rebuild(_flattened, given).output_structure
    return make_node(op, args, kwargs, node)


class _Join:
    """Rewrites the nodes of a flat graph one by one, each with what its inputs have become."""

    def __init__(self, graph: Graph) -> None:
        self.readers = Counter(key_of(leaf) for node in graph.nodes for leaf in tensors_in((node.args, node.kwargs)))
        self.readers.update(key_of(t) for t in graph.outputs)

    def apply(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        op: Any = node.op
        found = None
        if not kwargs and (not isinstance(op, torch.nn.Module) or is_usual(op)):
            if isinstance(op, Convolution) and type(op) in LINEAR and change_of(op.activation) is RELU:
                found = Joined(op, rectifies=True), args
            elif type(op) is BatchNormalization and len(args) == 1 and not op.synchronized:
                found = self._normalization(op, node.args[0], args[0])
            elif (type(op) if isinstance(op, torch.nn.Module) else op) in SUMS:
                found = self._sum(node, args)
            elif (type(op) if isinstance(op, torch.nn.Module) else op) in CHANGING and change_of(op) is RELU:
                found = self._rectifier(node, args)
        return make_node(op, args, kwargs, node) if found is None else make_node(*found, {}, node)

    def _open(self, old: Any, new: Any) -> tuple[Joined, tuple[Any, ...]] | None:
        """The step that makes `new`, and its arguments, if more can join it: nobody else reads what it makes."""
        if not isinstance(new, SymbolicTensor) or self.readers[key_of(old)] != 1:
            return None
        op: Any = new.node.op
        if isinstance(op, Joined):
            return None if op.rectifies else (op, new.node.args)
        convolves = isinstance(op, Convolution) and type(op) in LINEAR and len(new.node.args) == 1
        if convolves and not new.node.kwargs and is_usual(op) and is_linear(op.activation):
            return Joined(op), new.node.args
        return None

    def _normalization(self, norm: Any, old: Any, new: Any) -> Any:
        found = self._open(old, new)
        if found is not None and found[0].norm is None and not found[0].adds:
            layer = found[0].layer
            if norm._index == channel_axis(layer.data_format) % new.ndim:
                return Joined(layer, norm), found[1]
        on_second = norm._views is not None or norm._index == 1
        return (Joined(None, norm), (new,)) if on_second else None

    def _sum(self, node: Node, args: tuple[Any, ...]) -> Any:
        old, new = (node.args[0], args[0]) if isinstance(node.op, Add) else (node.args, args)
        if len(new) != 2 or not all(isinstance(t, SymbolicTensor) and alike(t, node.outputs[0]) for t in new):
            return None
        for i in (1, 0):
            found = self._open(old[i], new[i])
            if found is not None and not found[0].adds:
                step, inputs = found
                return Joined(step.layer, step.norm, adds=True), (*inputs, new[1 - i])
        return None

    def _rectifier(self, node: Node, args: tuple[Any, ...]) -> Any:
        if len(args) != 1:
            return None
        found = self._open(node.args[0], args[0])
        if found is not None:
            step, inputs = found
            return Joined(step.layer, step.norm, step.adds, rectifies=True), inputs
        maker: Any = args[0].node.op if isinstance(args[0], SymbolicTensor) else None
        sums = (type(maker) if isinstance(maker, torch.nn.Module) else maker) in SUMS
        if sums and self.readers[key_of(node.args[0])] == 1 and args[0].dtype.is_floating_point:
            return InPlace(RELU, getattr(node.op, "name", "relu")), args
        return None
