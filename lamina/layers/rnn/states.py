"""States of recurrent cells: one tensor where `state_size` is a number, a list where it is a list, at any depth."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, StructureError, tree
from lamina.layers.base import Layer

from .cell import SteppedCell
from .time_loop import Step


def check_cell(cell: Any) -> None:
    """Raise ArgumentError unless this can be the cell of an RNN."""
    if isinstance(cell, Layer) and "return_sequences" in vars(cell):  # hasattr takes 10 us where it is not
        raise ArgumentError(
            f"{cell!r} cannot be the cell of a recurrent layer: it is one itself.",
            expected="what does a single step, such as LSTMCell(units)",
            hint="the layer alone, without RNN() around it; or its cell, layer.cell",
        )
    if isinstance(cell, type) or not (hasattr(cell, "call") or callable(cell)) or not hasattr(cell, "state_size"):
        raise ArgumentError(
            f"{cell!r} cannot be the cell of a recurrent layer.",
            expected="a layer with call(inputs, states) -> (output, new_states) and an attribute state_size",
            hint="LSTMCell(units), or class MyCell(Layer) with self.state_size = units",
        )


def is_built(cell: Any) -> bool:
    """Whether a cell, and each cell of a stack, has its weights."""
    return getattr(cell, "built", True) and all(map(is_built, getattr(cell, "cells", ())))


def output_size(cell: Any) -> int:
    """Width of the cell's output: its `output_size`, else its first state's."""
    size = getattr(cell, "output_size", None)
    return int(size if size is not None else next(tree.leaves(cell.state_size)))


def initial_states(cell: Any, batch_size: Any) -> Any:
    """The cell's own first states, zeros where it does not say; packed as `state_size` is."""
    given = getattr(cell, "get_initial_state", None)
    if given is None:
        return tree.map_leaves(lambda size: torch.zeros((batch_size, size)), cell.state_size)
    states = given(batch_size=batch_size)
    if isinstance(cell, SteppedCell):  # which packs them so; looking costs 8 % of a small layer's time
        return states if isinstance(cell.state_size, list) else states[0]
    return packed_states(cell.state_size, states)


def packed_states(sizes: Any, states: Any) -> Any:
    """States in whatever nesting, nested as `sizes` is.

    Raises:
        StructureError: another number of states.

    >>> packed_states([4, [8, 8]], ["a", "b", "c"])
    ['a', ['b', 'c']]
    """
    due, got = len(list(tree.leaves(sizes))), list(tree.leaves(states))
    if len(got) != due:
        raise StructureError(
            "The initial state has another number of tensors than the cell has states.",
            got=f"{len(got)}: {tree.describe(states)}",
            expected=f"{due}, of sizes {sizes}",
        )
    return tree.pack_like(sizes, iter(got))


def step_of(cell: Any) -> Step:
    """One step of any cell, (inputs, states) -> (output, new states); a built layer's without a first call's checks."""
    call = cell.launch if isinstance(cell, Layer) and cell.built else cell if callable(cell) else cell.call
    several = isinstance(cell.state_size, (list, tuple))

    def step(inputs: torch.Tensor, states: Any) -> tuple[torch.Tensor, Any]:
        output, new = call(inputs, as_list(states))
        if several:
            return output, as_list(new)
        return output, new[0] if isinstance(new, (list, tuple)) else new

    return step


def as_list(states: Any) -> list[Any]:
    """The states in a list, also where there is but one."""
    return list(states) if isinstance(states, (list, tuple)) else [states]
