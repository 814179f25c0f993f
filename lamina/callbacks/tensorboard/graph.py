"""A model's graph as the one that TensorBoard draws: a node for each call, nested models as boxes that open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.graph import Graph, Node, Symbolic, SymbolicTensor, tree
from lamina.graph.node import Constant
from lamina.graph.walk import key_of
from lamina.operations import function_name

# What a result is called within the drawing: the node that makes it.
Places = dict[tuple[int, int], str]


def graph_def(graph: Graph) -> Any:
    """TensorFlow's ``GraphDef`` of a graph, the format of TensorBoard's graph tab."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    return GraphDef(node=list(_nodes(graph, "", {}, {})), versions=VersionDef(producer=22))


def _nodes(graph: Graph, scope: str, given: Places, places: Places) -> Iterator[Any]:
    """The nodes of a graph whose inputs are `given`, what feeds them; notes in `places` where each result is."""
    for node in graph.nodes:
        name = scope + graph.name_of(node).replace(":", ".")  # a colon would name an output
        sources = list(dict.fromkeys(places[key_of(s)] for s in node.inputs))
        inner = getattr(node.op, "graph", None)
        if isinstance(inner, Graph):
            fed = [places[key_of(s)] for s in _fed(inner, node)]
            within: Places = {}
            yield from _nodes(inner, f"{name}/", _by_key(inner, fed), within)
            for symbolic, inside in zip(node.outputs, inner.outputs, strict=True):
                places[key_of(symbolic)] = within[key_of(inside)]
            continue
        sources += [given[key_of(s)] for s in node.outputs if key_of(s) in given]
        for symbolic in node.outputs:
            places[key_of(symbolic)] = name
        yield _node_def(node, name, sources)


def _by_key(graph: Graph, fed: list[str]) -> Places:
    return {key_of(t): place for t, place in zip(graph.inputs, fed, strict=True)}


def _fed(graph: Graph, node: Node) -> list[Symbolic]:
    """What a nested model is called on, in the order of its own inputs: a dict is read by name."""
    given = node.args[0] if node.args else node.kwargs
    if isinstance(given, Mapping):
        declared = graph.input_structure
        given = [given.get(key) for key in (declared if isinstance(declared, Mapping) else graph.input_names)]
    return [leaf for leaf in tree.leaves(given) if isinstance(leaf, Symbolic)]


def _node_def(node: Node, name: str, sources: list[str]) -> Any:
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    shapes = [
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=-1 if n is None else n) for n in s.shape])
        for s in node.outputs
        if isinstance(s, SymbolicTensor)
    ]
    op: Any = node.op
    is_layer = hasattr(op, "parameters") and not isinstance(op, Constant)
    attributes = {
        "_output_shapes": AttrValue(list=AttrValue.ListValue(shape=shapes)),
        "source": AttrValue(s=str(node.source).encode()),
    }
    if is_layer:
        attributes["parameters"] = AttrValue(i=sum(p.numel() for p in op.parameters()))
    kind = type(node.op).__name__ if is_layer or isinstance(node.op, Constant) else function_name(node.op)
    return NodeDef(name=name, op=kind, input=sources, attr=attributes)
