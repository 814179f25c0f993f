"""The masks of a graph's outputs, made from its inputs by the part of the graph that makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lamina.graph import Graph, SymbolicTensor
from lamina.graph.walk import key_of, reached
from lamina.program import Program


class OutputMasks:
    """Makes the masks of a graph's outputs from its inputs, symbolic or not.

    Args:
        graph: of a model.

    Attributes:
        some: whether an output has a mask.
    """

    def __init__(self, graph: Graph) -> None:
        self._inputs = graph.inputs
        self._masks: list[Any] = [t.mask for t in graph.outputs]
        self.some = any(mask is not None for mask in self._masks)
        self._parts: list[tuple[list[int], Graph, Program] | None] | None = None

    def write(self) -> None:
        """Have the programs ready, which PyTorch's tracers cannot write."""
        if self._parts is None:
            self._parts = [None if mask is None else self._part_of(mask) for mask in self._masks]

    def of(self, inputs: list[Any]) -> list[Any]:
        """One mask, or None, for each output.

        Args:
            inputs: flat, in declared order.
        """
        self.write()
        return [self._one(part, inputs) for part in self._parts or ()]

    def _part_of(self, mask: SymbolicTensor) -> tuple[list[int], Graph, Program]:
        """Which inputs a mask depends on, the graph from these to the mask, and that as a program."""
        met = reached([mask], self._inputs)
        places = [place for place, tensor in enumerate(self._inputs) if key_of(tensor) in met]
        part = Graph([self._inputs[place] for place in places], mask)
        return places, part, Program(part)

    def _one(self, found: tuple[list[int], Graph, Program] | None, inputs: list[Any]) -> Any:
        if found is None:
            return None
        places, part, program = found
        values = [inputs[place] for place in places]
        if all(isinstance(v, torch.Tensor) for v in values):
            return program.run(*values)
        with _found_on_none(values):
            return part.rebuild(inputs=values).outputs[0]


@contextmanager
def _found_on_none(symbolics: list[Any]) -> Iterator[None]:
    """Within it, layers find no masks on these: the calls of a part have those that they are to use as arguments."""
    own = [s.node.masks[s.index] for s in symbolics]
    for s in symbolics:
        s.node.masks[s.index] = None
    try:
        yield
    finally:
        for s, mask in zip(symbolics, own, strict=True):
            s.node.masks[s.index] = mask
