"""The masks of a graph's outputs, drawn from its inputs by the part of the graph that makes them."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import Graph, Program, SymbolicTensor
from lamina.graph.walk import key_of, reached


class OutputMasks:
    """Makes the masks of a graph's outputs from its inputs, symbolic or not.

    Args:
        graph: of a model.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._parts: dict[Any, tuple[list[SymbolicTensor], Graph, Program]] = {}

    @property
    def some(self) -> bool:
        """Whether an output has one."""
        return any(t.mask is not None for t in self._graph.outputs)

    def of(self, inputs: list[Any]) -> list[Any]:
        """One mask, or None, for each output.

        Args:
            inputs: flat, in declared order.
        """
        given = dict(zip(self._graph.inputs, inputs, strict=True))
        return [self._one(t, given) for t in self._graph.outputs]

    def _one(self, output: SymbolicTensor, given: dict[SymbolicTensor, Any]) -> Any:
        if output.mask is None:
            return None
        key = key_of(output)
        if key not in self._parts:
            inputs = self._graph.inputs
            used = [t for t in inputs if key_of(t) in reached([output.mask], inputs)]
            part = Graph(used, output.mask)
            self._parts[key] = used, part, Program(part)
        used, part, program = self._parts[key]
        values = [given[t] for t in used]
        if all(isinstance(v, torch.Tensor) for v in values):
            return program.run(*values)
        return part.rebuild(inputs=values).outputs[0]
