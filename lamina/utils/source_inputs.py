"""The inputs that a symbolic tensor depends on."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError, SymbolicTensor
from lamina.graph.node import is_input_node
from lamina.graph.walk import walk
from lamina.tracebacks import door


@door
def get_source_inputs(tensor: Any) -> list[SymbolicTensor]:
    """The symbolic tensors of all `Input`s that a symbolic tensor depends on, each once.

    Raises:
        ArgumentError: no symbolic tensor.

    >>> a, b = lamina.Input((2,), name="a"), lamina.Input((2,), name="b")
    >>> [t.name for t in get_source_inputs(a * 2 + b)]
    ['a', 'b']
    """
    if not isinstance(tensor, SymbolicTensor):
        raise ArgumentError("utils.get_source_inputs takes a symbolic tensor.", got=type(tensor).__name__)
    nodes, _ = walk([tensor], set())
    outputs = (output for node in nodes if is_input_node(node) for output in node.outputs)
    return [output for output in outputs if isinstance(output, SymbolicTensor)]
