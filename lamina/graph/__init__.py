"""What a model is: symbolic tensors, nodes, and graphs. Knows no layer and no training."""

from lamina.sizes import tree

from .errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    GraphError,
    LaminaError,
    ShapeError,
    StructureError,
    ValueNeededError,
)
from .graph import Graph
from .node import Constant, Node, Symbolic
from .source import Source
from .symbolic import SymbolicInt, SymbolicTensor, TensorSpec, record

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Constant",
    "DtypeError",
    "Graph",
    "GraphError",
    "LaminaError",
    "Node",
    "ShapeError",
    "Source",
    "StructureError",
    "Symbolic",
    "SymbolicInt",
    "SymbolicTensor",
    "TensorSpec",
    "ValueNeededError",
    "record",
    "tree",
]


def __dir__() -> list[str]:
    return sorted(__all__)
