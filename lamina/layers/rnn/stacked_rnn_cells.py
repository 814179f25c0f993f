"""StackedRNNCells: several cells as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamina.graph import ArgumentError
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape
from lamina.layers.parts import part_config, part_from_config

from .states import check_cell, initial_states, is_built, output_size, step_of


class StackedRNNCells(Layer):
    """Cells one after the other at each time step: the output of one is the input of the next.

    `cells(x, states)` takes and gives one entry of states for each cell. `RNN([cell, cell])` makes this by itself.

    Args:
        cells: layers with `call(inputs, states)` and `state_size`.

    Raises:
        ArgumentError: no cells, or one that lacks `call` or `state_size`.

    >>> from lamina.layers.rnn import LSTMCell
    >>> StackedRNNCells([LSTMCell(4), LSTMCell(8)]).state_size
    [[4, 4], [8, 8]]
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ArgumentError("StackedRNNCells needs cells.", got=repr(cells), expected="a list of at least one cell")
        for cell in cells:
            check_cell(cell)
        self.cells = list(cells)

    @property
    def _has_built(self) -> bool:
        """Whether the weights are made: those of all cells, which may have been exchanged."""
        return self._built and all(map(is_built, self.cells))

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        return output_size(self.cells[-1])

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer):
                cell._build_once(input_shape)
            input_shape = (*input_shape[:-1], output_size(cell))

    def call(self, inputs: Any, states: Any) -> Any:
        new = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, after = step_of(cell)(inputs, state)
            # In the structure that came: a list of one state stays a list.
            listed = isinstance(state, (list, tuple)) and not isinstance(after, (list, tuple))
            new.append([after] if listed else after)
        return inputs, new

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The cells' first states."""
        return [initial_states(cell, batch_size) for cell in self.cells]

    def compute_output_shape(  # type: ignore[override]  # a cell is called on its states, too
        self, input_shape: Shape, states_shape: Any
    ) -> Any:
        return (*input_shape[:-1], self.output_size), states_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [part_config(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> StackedRNNCells:
        """A new stack of new cells; classes that are not ours come from `custom_objects`."""
        cells = [part_from_config(cell, custom_objects) for cell in config["cells"]]
        return cls(**{**config, "cells": cells})
