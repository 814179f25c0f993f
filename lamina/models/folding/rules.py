"""Rules: how a graph is rewritten for inference. One rule a function, looked up by what a node calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch

from lamina._torch import modules
from lamina.graph import Graph, Node, SymbolicTensor, tree
from lamina.graph.dtypes import to_torch
from lamina.graph.walk import key_of
from lamina.layers import pooling
from lamina.layers.activation import Activation
from lamina.layers.convolution import Conv2D, DepthwiseConv2D
from lamina.layers.convolution.base import Convolution
from lamina.layers.core.identity import Identity
from lamina.layers.geometry import Pads, channel_axis
from lamina.layers.merging import Add
from lamina.layers.normalization import BatchNormalization
from lamina.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from lamina.layers.reshaping import ZeroPadding2D
from lamina.operations import OPERATIONS

from .changes import CHANGING, change_of, is_linear
from .steps import LINEAR, Fused, InPlace

# Layers that do nothing in inference mode. Penalties on activities belong to training, too.
VANISHING = (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
_POOLINGS = tuple(dict.fromkeys(getattr(pooling, name) for name in pooling.__all__))
# The result of these is new memory, which nobody else holds; and they hold on to nothing that they read.
_NEW_MEMORY = (BatchNormalization, *(kind for kind in _POOLINGS if not kind.__name__.startswith("Global")))
_READS_ONLY = (BatchNormalization, *_POOLINGS, *LINEAR)


def rewritten(graph: Graph) -> Graph:
    """The same function in inference mode, in fewer steps; layers are shared, the given graph is untouched.

    1. Nested models become part of the graph, what does nothing in inference mode vanishes.
    2. `BatchNormalization`, a sum and an activation join the convolution or `Dense` before them, see `Fused`.
    3. A sum whose other term nobody needs afterwards is computed in the memory of that.
    """
    flat = graph.rebuild(_Flattening(graph).apply)
    fused = flat.rebuild(_Fusion(flat).apply)
    _reuse_memory(fused)
    return fused


def is_plain(layer: torch.nn.Module) -> bool:
    """Whether nobody but the layer's own class has a say in what a call of it does."""
    own = vars(layer)
    return not modules.has_hooks(layer) and own.keys().isdisjoint(("call", "forward"))


def make_node(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], like: Node) -> Any:
    """The result of a call whose results are like those of another node. Nothing is tried, no layer is told."""
    node = Node(op, args, kwargs, like.source)
    node.give(list(like.specs), like.template, like.worlds)
    node.fixed = like.fixed
    return node.output


# -- 1. flat


class _Flattening:
    """Puts the calls of nested models in the places of the calls of these.

    A graph has each name once, and two models may have given one name to layers of theirs: then the inner one stays.
    """

    def __init__(self, graph: Graph) -> None:
        self._named: dict[str, Any] = {}
        self._clash(graph)

    def apply(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        op: Any = node.op
        plain = isinstance(op, torch.nn.Module) and is_plain(op)
        if plain and len(args) == 1 and are_defaults(kwargs):
            if _does_nothing(op) and isinstance(args[0], SymbolicTensor) and alike(args[0], node.outputs[0]):
                return args[0]
            given = inputs_of(op, args[0]) if getattr(op, "is_drawn", False) else None
            if given is not None and not self._clash(op.graph):
                return op.graph.rebuild(self.apply, given).output_structure
        return make_node(op, args, kwargs, node)

    def _clash(self, graph: Graph) -> bool:
        """Whether a layer in the graph has a name that another one has been given; else the names are taken."""
        ops: list[Any] = [node.op for node in graph.nodes]
        given = {op.name: op for op in ops if not getattr(op, "auto_named", True)}
        if any(self._named.get(name, op) is not op for name, op in given.items()):
            return True
        self._named |= given
        return False


def _does_nothing(layer: torch.nn.Module) -> bool:
    return type(layer) in VANISHING or (type(layer) is Activation and is_linear(layer.activation))


def inputs_of(model: Any, given: Any) -> Any:
    """What a nested model is called on, in its own structure; None where the call would convert or share any of it."""
    flat = model.match_inputs(given)
    declared = model.graph.inputs
    fits = all(isinstance(g, SymbolicTensor) and _fits(g, d) for g, d in zip(flat, declared, strict=True))
    if not fits or len({key_of(t) for t in flat}) < len(flat):
        return None
    return tree.pack_like(model.graph.input_structure, iter(flat))


def _fits(given: SymbolicTensor, declared: SymbolicTensor) -> bool:
    sizes = zip(given.shape, declared.shape, strict=False)
    same_rank = len(given.shape) == len(declared.shape)
    return same_rank and given.dtype == declared.dtype and all(d is None or g == d for g, d in sizes)


def alike(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and all(a.example(k).shape == b.example(k).shape for k in (0, 1))


def are_defaults(kwargs: dict[str, Any]) -> bool:
    """Whether named arguments say nothing that inference mode does not: ``training=False``, ``mask=None``."""
    return all(value is None or value is False for value in kwargs.values())


# -- 2. fused


class _Fusion:
    """Rewrites the nodes of a flat graph one by one, each with what its inputs have become."""

    def __init__(self, graph: Graph) -> None:
        self.readers = Counter(key_of(leaf) for node in graph.nodes for leaf in tensors_in((node.args, node.kwargs)))
        self.readers.update(key_of(t) for t in graph.outputs)

    def apply(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        op = node.op
        is_module = isinstance(op, torch.nn.Module)
        rule = _RULES.get(type(op) if is_module else op)
        found = None
        if rule is not None and are_defaults(kwargs) and (not is_module or is_usual(op)):
            found = rule(self, node, args)
        return make_node(op, args, kwargs, node) if found is None else make_node(*found, {}, node)

    def open_step(self, old: Any, new: Any) -> tuple[Fused, tuple[Any, ...]] | None:
        """The step that makes `new`, and its arguments, if more can join it: nobody else reads what it makes."""
        if not isinstance(new, SymbolicTensor) or self.readers[key_of(old)] != 1:
            return None
        op: Any = new.node.op
        if isinstance(op, Fused):
            return (op, new.node.args) if op.change is None else None
        alone = len(new.node.args) == 1 and not new.node.kwargs
        if type(op) not in LINEAR or not alone or not is_usual(op) or not is_linear(op.activation):
            return None
        return Fused(op), new.node.args


Found = tuple[Callable[..., Any], tuple[Any, ...]] | None


def _normalization(fusion: _Fusion, node: Node, args: tuple[Any, ...]) -> Found:
    """BatchNormalization of the channels that the layer before it makes."""
    found = fusion.open_step(node.args[0], args[0]) if len(args) == 1 else None
    if found is None or found[0].adds:
        return None
    step, inputs = found
    layer, rank = step.layer, args[0].ndim
    axis = channel_axis(layer.data_format) if isinstance(layer, Convolution) else -1
    if node.op._index != axis % rank:  # type: ignore[attr-defined]
        return None
    return Fused(layer, (*step.norms, node.op), pads=step.pads), inputs


def _activation(fusion: _Fusion, node: Node, args: tuple[Any, ...]) -> Found:
    """An activation of something that nobody else reads."""
    change = change_of(node.op)
    if change is None or len(args) != 1:
        return None
    found = fusion.open_step(node.args[0], args[0])
    if found is not None:
        step, inputs = found
        return Fused(step.layer, step.norms, step.adds, change, step.pads), inputs
    floating = isinstance(args[0], SymbolicTensor) and args[0].dtype.is_floating_point
    if floating and fusion.readers[key_of(node.args[0])] == 1 and _makes_new_memory(args[0].node):
        return InPlace(change, getattr(node.op, "name", change.name)), args
    return None


def _linear(fusion: _Fusion, node: Node, args: tuple[Any, ...]) -> Found:
    """A layer that has an activation as an argument of its own, or zeros added to its input for it alone."""
    layer: Any = node.op
    change = change_of(layer.activation)
    if len(args) != 1 or not (change is not None or is_linear(layer.activation)):
        return None
    pads = _pads_before(fusion, layer, node.args[0], args[0])
    if pads is not None:
        return Fused(layer, change=change, pads=pads), args[0].node.args
    return (Fused(layer, change=change), args) if change is not None else None


def _pads_before(fusion: _Fusion, layer: Any, old: Any, new: Any) -> Pads | None:
    """The zeros that a layer adds to the input of this convolution, which it can add by itself."""
    zeros: Any = new.node.op if isinstance(new, SymbolicTensor) else None
    if type(zeros) is not ZeroPadding2D or type(layer) not in (Conv2D, DepthwiseConv2D):
        return None
    plain = is_usual(zeros) and len(new.node.args) == 1 and not new.node.kwargs and fusion.readers[key_of(old)] == 1
    # A convolution that looks at single pixels takes them out without any padding.
    fits = layer.padding == "valid" and layer.data_format == zeros.data_format and not layer._skips_positions
    return list(zeros.padding) if plain and fits else None


def _sum(fusion: _Fusion, node: Node, args: tuple[Any, ...]) -> Found:
    """A sum of two tensors, one of which a convolution or Dense makes for it alone."""
    old, new = (node.args[0], args[0]) if isinstance(node.op, Add) else (node.args, args)
    if len(new) != 2 or not all(isinstance(t, SymbolicTensor) and alike(t, node.outputs[0]) for t in new):
        return None
    for i in (1, 0):
        found = fusion.open_step(old[i], new[i])
        if found is not None and not found[0].adds:
            step, inputs = found
            return Fused(step.layer, step.norms, adds=True, pads=step.pads), (*inputs, new[1 - i])
    return None


SUMS = (Add, *OPERATIONS.named("add").functions.values())
_RULES: dict[Any, Callable[[_Fusion, Node, tuple[Any, ...]], Found]] = {
    BatchNormalization: _normalization,
    **dict.fromkeys(CHANGING, _activation),
    **dict.fromkeys(LINEAR, _linear),
    **dict.fromkeys(SUMS, _sum),
}


def is_usual(layer: Any) -> bool:
    """Whether a call of the layer is its class's `call` on its weights, and no more: no hook, penalty or cast."""
    dtype = to_torch(layer.compute_dtype)
    floats = [w for w in layer.weights if w.is_floating_point()]
    same = all(w.dtype == dtype and not w.is_inference() for w in floats)
    return is_plain(layer) and layer.activity_regularizer is None and layer.built and same


# -- 3. in the memory of what nobody needs


def _reuse_memory(graph: Graph) -> None:
    """Let each sum take the memory of its other term, where all who read that come before and keep nothing of it."""
    last = {key_of(leaf): i for i, node in enumerate(graph.nodes) for leaf in node.inputs}
    last.update(dict.fromkeys(map(key_of, graph.outputs), len(graph.nodes)))
    kept = {key_of(leaf) for node in graph.nodes if not _reads_only(node) for leaf in node.inputs}
    for i, node in enumerate(graph.nodes):
        step: Any = node.op
        if isinstance(step, Fused) and step.adds:
            x, other = node.args
            free = last[key_of(other)] == i and key_of(other) not in kept and key_of(x) != key_of(other)
            step.reuse = free and _makes_new_memory(other.node)


def _makes_new_memory(node: Node) -> bool:
    return isinstance(node.op, (Fused, InPlace)) or (type(node.op) in _NEW_MEMORY and is_plain(node.op))  # type: ignore[arg-type]


def _reads_only(node: Node) -> bool:
    return isinstance(node.op, Fused) or (type(node.op) in _READS_ONLY and is_plain(node.op))  # type: ignore[arg-type]


def tensors_in(nested: Any) -> list[Any]:
    return [leaf for leaf in tree.leaves(nested) if isinstance(leaf, SymbolicTensor)]
