"""``torch.fx.symbolic_trace`` of layers and models.

A model is drawn already, so nothing is traced: its nodes become fx's, each layer a ``call_module``, each function a
``call_function``. A model with a ``call`` of its own is traced through that, each layer in it as a ``call_module``.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

from lamina.graph import ArgumentError, Constant, Graph, GraphError, tree
from lamina.graph.node import Leaf, Symbolic, is_input_node
from lamina.graph.walk import key_of


def call(layer: Any, proxy: torch.fx.Proxy, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A layer or model called with proxies among its arguments.

    Raises:
        ArgumentError: it has no weights yet, so nobody knows what it computes.
    """
    if not layer.built:
        raise ArgumentError(
            f"{layer.label} was called with a torch.fx.Proxy before it was built.",
            hint="call it on a tensor, or layer.build(shape), before torch.fx.symbolic_trace",
        )
    tracer: Any = proxy.tracer
    path = tracer.path_of_module(layer)
    if not hasattr(layer, "graph") or tracer.is_leaf_module(layer, path):  # it is no model, or is to stay whole
        return tracer.create_proxy("call_module", path, args, kwargs)
    if layer.graph is None:
        return layer.call(*args, **kwargs)
    return run(tracer, layer.graph, list(tree.leaves(args)))


def root(layer: Any, args: Any) -> Any:
    """What fx traces itself, whose arguments it gives as one proxy, ``args``, since they are ``*args``.

    Raises:
        GraphError: a layer by itself, whose code fx cannot follow.
    """
    graph = getattr(layer, "graph", None)
    if graph is not None:
        return run(args.tracer, graph, [args[i] for i in range(len(graph.inputs))])
    parameters = inspect.signature(layer.call).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    mode = {"training": layer.training} if layer.takes_training else {}
    try:
        return layer.call(*[args[i] for i in range(len(needed))], **mode)
    except (torch.fx.proxy.TraceError, NameError, RuntimeError, TypeError) as error:
        raise GraphError(
            f"torch.fx cannot trace {layer.label} by itself: what it does depends on shapes or is done to its state.",
            got=f"{type(error).__name__}: {error}",
            hint="torch.fx.symbolic_trace(Model(x, layer(x))), where the layer is one node",
        ) from error


def run(tracer: Any, graph: Graph, inputs: list[Any]) -> Any:
    """The graph on proxies, node by node."""
    known = dict(zip(map(key_of, graph.inputs), inputs, strict=True))

    def value(leaf: Any) -> Any:
        if isinstance(leaf, Symbolic):
            return known[key_of(leaf)]
        if isinstance(leaf, Constant):
            return tracer.create_proxy("get_attr", f"{tracer.path_of_module(leaf)}.value", (), {})
        return leaf

    for node in graph.nodes:
        if is_input_node(node) or all((id(node), k) in known for k in range(len(node.specs))):
            continue
        args, kwargs = tree.map_leaves(value, (node.args, node.kwargs))
        if isinstance(node.op, torch.nn.Module):
            result = call(node.op, next(iter(inputs)), args, kwargs)
        else:
            result = tracer.create_proxy("call_function", node.op, args, kwargs)
        for path, leaf in tree.paths(node.template):
            if isinstance(leaf, Leaf):
                known.setdefault((id(node), leaf.index), _part(result, path))
    return tree.map_leaves(value, tree.alone(graph.output_structure))


def _part(result: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        result = result[step]
    return result
