"""What a model is: symbolic tensors, nodes, graphs, and the programs made from them. Knows no layer and no training."""

from lamina.sizes import tree

from .errors import (
    ArgumentError,
    DtypeError,
    GraphError,
    LaminaError,
    ShapeError,
    StructureError,
    ValueNeededError,
)
from .graph import Graph
from .node import Constant, Node, Symbolic
from .program import Program
from .source import Source
from .symbolic import SymbolicInt, SymbolicTensor, TensorSpec, record

__all__ = [
    "ArgumentError",
    "Constant",
    "DtypeError",
    "Graph",
    "GraphError",
    "LaminaError",
    "Node",
    "Program",
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
