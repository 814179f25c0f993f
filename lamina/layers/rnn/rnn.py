"""RNN: a cell over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.graph import ShapeError, tree
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, shape_error
from lamina.layers.mask_shapes import check_mask
from lamina.layers.parts import part_config, part_from_config
from lamina.layers.precision import cast_floats

from .cell import check_state_shapes
from .run import run_over_time
from .stacked_rnn_cells import StackedRNNCells
from .states import as_list, check_cell, initial_states, is_built, output_size, packed_states
from .time_loop import Wanted


class RNN(Layer):
    """Runs a cell over the steps of a sequence.

    Input (B, T, ...). Output: the last output (B, U), or with `return_sequences` all of them (B, T, U); with
    `return_state` a tuple of that and the cell's last states. Where the mask (B, T) is False, the step is skipped:
    states stay, the output before is repeated.

    Cells of ours run on PyTorch's kernels where their arguments allow, under masks of any pattern too; others are
    called step by step. `torch.compile` sees a kernel as one operation and unrolls steps: 50 of a small cell take some
    10 s to compile.

    Args:
        cell: a layer with `call(inputs (B, ...), states) -> (output, new_states)` and `state_size` (a number, or a list
            with one for each state), or a list of such cells to be stacked. `output_size` and
            `get_initial_state(batch_size)` are used where it has them.
        return_sequences: give the outputs of all steps.
        return_state: give the last states too.
        go_backwards: from the last step to the first; the outputs stand in that order.
        stateful: a batch starts where the one before ended, sample by sample, until `reset_state()`.
        unroll: accepted for Keras' sake; steps are never traced into a loop, so there is none to unroll.
        zero_output_for_mask: outputs at masked steps are 0.

    Raises:
        ArgumentError: the cell lacks `call` or `state_size`.
        ShapeError: the initial state does not fit the cell.

    >>> from lamina.layers.rnn import GRUCell
    >>> RNN(GRUCell(4), return_sequences=True)(torch.zeros(2, 7, 3)).shape
    torch.Size([2, 7, 4])
    """

    casts_integers = True

    # Whether PyTorch's kernels may be used; the layers LSTM and GRU let the user forbid it.
    fuse = True
    casts_parts = True

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(cell)
        self.cell = cell
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)

    @property
    def several_results(self) -> str | None:
        """What to write for a call that is to give the states too; for who unpacks the one tensor that it gives."""
        return (
            None if self.return_state else f"{type(self).__name__}(..., return_state=True), which gives the states too"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "cell" and "cell" in self.__dict__.get("_modules", {}):
            self.check_exchange(value)
            self.reset_state(forget=True)  # another cell may have others
        super().__setattr__(name, value)

    def check_exchange(self, cell: Any) -> None:
        """Raise ArgumentError unless this can take the place of the cell."""
        check_cell(cell)

    @property
    def _has_built(self) -> bool:
        """Whether the weights are made: the cell's too, which may have been exchanged."""
        return self._built and is_built(self.cell)

    def _dtype_within(self, cell: Any) -> torch.dtype:
        """The dtype that the cell's own policy wants of what goes in; its weights are cast with the layer's, or not."""
        while isinstance(cell, StackedRNNCells):
            cell = cell.cells[0]
        if not isinstance(cell, Layer):
            return self._torch_dtype
        return cell._torch_dtype if self._mixed else cell._variable_torch_dtype

    @property
    def state_size(self) -> list[Any]:
        """One entry per state: its width, or a list of widths."""
        return as_list(self.cell.state_size)

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer):
            self.cell._build_once((sequences_shape[0], *sequences_shape[2:]))
            if self.input_spec.ndim is None and len(sequences_shape) == 3:
                self.input_spec = InputSpec(min_ndim=3, axes={-1: sequences_shape[-1]})
        self._inner_dtype = self._dtype_within(self.cell)
        step_shape = (sequences_shape[0], *sequences_shape[2:])
        if self.stateful and None not in [n for shape in shape_list(self.step_shapes(step_shape)[1]) for n in shape]:
            states = self.blank_states(step_shape)
            if not any(state.is_meta for state in tree.leaves(states)):  # a file is read: the first batch makes them
                self._remember(states)

    def dtype_changed(self) -> None:
        if self.built:
            self._inner_dtype = self._dtype_within(self.cell)

    def call(self, sequences: torch.Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        self._refuse_no_steps(sequences.shape)
        self._refuse_other_width(sequences)
        if type(self.cell) is StackedRNNCells and not self.built:  # somebody wrote into its list
            self._build_once(tuple(sequences.shape))
        if self._inner_dtype != sequences.dtype:
            sequences = sequences.to(self._inner_dtype)
        states = self._first_states(sequences, initial_state)
        if mask is not None:
            mask = self._mask_of_steps(mask, sequences)
        if self.go_backwards:
            sequences = sequences.flip(1)
            mask = mask.flip(1) if mask is not None else None
        wanted = Wanted(self.return_sequences, self.return_state or self.stateful, self.zero_output_for_mask)
        outputs, last, states = run_over_time(self.cell, sequences, states, mask, training, wanted, self.fuse)
        if self.stateful:
            self._remember(states)
        output = outputs if self.return_sequences else last
        result = (output, *as_list(states)) if self.return_state else output
        return result if self._inner_dtype == self._torch_dtype else cast_floats(result, self._torch_dtype)

    # -- states

    def _first_states(self, sequences: torch.Tensor, given: Any) -> Any:
        """The states to start from: those given, those kept from the batch before, or the cell's own."""
        batch = sequences.shape[0]
        if given is not None:
            states = packed_states(self.cell.state_size, given)
            if not torch.compiler.is_compiling():
                due = self.step_shapes((batch, *sequences.shape[2:]))[1]
                check_state_shapes(self, shape_list(due), [tuple(state.shape) for state in tree.leaves(states)])
        elif self.stateful and self.states is not None:
            # A copy: the kept ones are overwritten before the backward pass reads these.
            states = tree.map_leaves(torch.clone, packed_states(self.cell.state_size, self.states))
        else:
            states = self.blank_states((batch, *sequences.shape[2:]))
        if self.stateful:
            for state in tree.leaves(states):
                if state.shape[0] != batch:
                    raise ShapeError(
                        f"{self.label} is stateful, so each batch goes on where the one before ended.",
                        got=f"a batch of {batch}",
                        expected=f"a batch of {state.shape[0]}, as before",
                        hint="batches of one size, or reset_state(forget=True) in between",
                    )
        return tree.map_leaves(lambda s: s.to(device=sequences.device, dtype=self._inner_dtype), states)

    def _remember(self, states: Any) -> None:
        """Keep the last states for the next batch; they move with the layer but are not saved with it."""
        # Detached, and not under `no_grad`: an exporter cannot write a region down that has no result.
        for i, state in enumerate(tree.leaves(states)):
            kept = self._buffers.get(f"state_{i}")
            if kept is None:
                self.register_buffer(f"state_{i}", _own_copy(state.detach()), persistent=False)
            else:
                kept.copy_(state.detach())

    @property
    def states(self) -> list[torch.Tensor] | None:
        """With `stateful`, the states that the next batch starts from; None before the first."""
        kept = [self._buffers.get(f"state_{i}") for i, _ in enumerate(tree.leaves(self.state_size))]
        return None if any(state is None for state in kept) else kept  # type: ignore[return-value]

    def reset_state(self, forget: bool = False) -> None:
        """Start the next batch from zeros; with `forget` it may be of another size."""
        for i, state in enumerate(self.states or []):
            if forget:
                del self._buffers[f"state_{i}"]
            else:
                state.zero_()

    reset_states = reset_state

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The cell's own first states for a batch of this size."""
        return as_list(initial_states(self.cell, batch_size))

    def blank_states(self, step_shape: Shape) -> Any:
        """The states to start from, for a step of inputs of this shape (B, ...)."""
        return initial_states(self.cell, step_shape[0])

    # -- shapes and masks

    def _refuse_no_steps(self, sequences_shape: Shape) -> None:
        if sequences_shape[1] == 0:
            raise shape_error(self, sequences_shape, "at least one time step")

    def _refuse_other_width(self, sequences: torch.Tensor) -> None:
        """Refuse inputs of another width than the weights', where a kernel would compute something all the same."""

    def _mask_of_steps(self, mask: torch.Tensor, sequences: torch.Tensor) -> torch.Tensor:
        """The mask as booleans (B, T)."""
        if mask.dim() == 3 and mask.shape[2] == 1:
            mask = mask.squeeze(2)
        if mask.shape != sequences.shape[:2]:
            check_mask(self, mask, sequences.shape[:2], sequences)
            mask = mask.expand(sequences.shape[:2])
        return mask if mask.dtype is torch.bool else mask.bool()

    def step_shapes(self, step_shape: Shape) -> tuple[Shape, Any]:
        """Shapes of one step's output and of the states, nested as the cell has them, for inputs (B, ...)."""
        batch = step_shape[0]
        return (batch, output_size(self.cell)), tree.map_leaves(lambda size: (batch, size), self.state_size)

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        if len(sequences_shape) < 3:
            raise shape_error(
                self, sequences_shape, "at least 3 axes, (batch, time, features)", "Reshape or an Embedding before it"
            )
        self._refuse_no_steps(sequences_shape)
        batch, steps, *features = sequences_shape
        output, states = self.step_shapes((batch, *features))
        if initial_state_shape is not None:
            check_state_shapes(self, shape_list(states), shape_list(initial_state_shape))
        if self.return_sequences:
            output = (batch, steps, *output[1:])
        return (output, *states) if self.return_state else output

    only_passes_masks = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = next(tree.leaves(mask)) if isinstance(mask, (list, tuple)) else mask
        mask = mask if self.return_sequences else None
        return [mask] + [None] * len(self.state_size) if self.return_state else mask

    def run_config(self) -> dict[str, bool]:
        """How the cell is run, as `get_config` gives it."""
        return {
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": part_config(self.cell), **self.run_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new layer with a new cell; a cell class that is not ours comes from `custom_objects`."""
        return cls(**{**config, "cell": part_from_config(config["cell"], custom_objects)})


def shape_list(shapes: Any) -> list[Shape]:
    """The shapes of a nesting of shapes, in order."""
    if all(size is None or isinstance(size, int) for size in shapes):
        return [tuple(shapes)]
    return [shape for item in shapes for shape in shape_list(item)]


def _own_copy(state: torch.Tensor) -> torch.Tensor:
    """A copy that may be written to afterwards, made by `predict` too: PyTorch's inference mode would forbid it."""
    if not torch.is_inference_mode_enabled():
        return state.clone()
    with torch.inference_mode(False):
        return state.clone()
