"""What LSTM, GRU, SimpleRNN and ConvLSTM share: an RNN around one cell, whose options read as the layer's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.layers.arguments import refuse
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, known_size
from lamina.layers.spec import check_inputs

from .cell import RecurrentCell, SteppedCell
from .rnn import RNN


def cell_option(name: str) -> property:
    return property(lambda layer: getattr(layer.cell, name), doc=f"The cell's `{name}`.")


class CellRNN(RNN):
    """Base of the layers that are an RNN around one cell of their own, for inputs of `ndim` axes."""

    cell: SteppedCell
    features_axis = -1

    def __init__(self, cell: SteppedCell, *, ndim: int = 3, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=ndim)

    def check_exchange(self, cell: Any) -> None:
        kind = type(self.cell)
        if not isinstance(cell, kind):
            raise ArgumentError(
                f"{self.label} runs a {kind.__name__}; files and get_config() say no other.",
                got=type(cell).__name__,
                expected=f"a {kind.__name__}",
                hint="RNN(cell, ...) runs any cell",
            )

    activation = cell_option("activation")
    use_bias = cell_option("use_bias")
    kernel_initializer = cell_option("kernel_initializer")
    recurrent_initializer = cell_option("recurrent_initializer")
    bias_initializer = cell_option("bias_initializer")
    kernel_regularizer = cell_option("kernel_regularizer")
    recurrent_regularizer = cell_option("recurrent_regularizer")
    bias_regularizer = cell_option("bias_regularizer")
    kernel_constraint = cell_option("kernel_constraint")
    recurrent_constraint = cell_option("recurrent_constraint")
    bias_constraint = cell_option("bias_constraint")
    dropout = cell_option("dropout")
    recurrent_dropout = cell_option("recurrent_dropout")
    seed = cell_option("seed")

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        axis = self.features_axis
        known_size(self, sequences_shape, axis, "the features")
        super().build(sequences_shape, initial_state_shape)
        self.input_spec = InputSpec(ndim=self.input_spec.ndim, axes={axis: sequences_shape[axis]})

    def _refuse_other_width(self, sequences: torch.Tensor) -> None:
        width = (self.input_spec.axes or {}).get(self.features_axis)
        size = sequences.shape[self.features_axis]
        if width is not None and type(size) is int and size != width:  # a tracer's number would note the question
            check_inputs(self, self.input_spec, [sequences], lambda _: "")

    def get_config(self) -> dict[str, Any]:
        return {**self.cell.get_config(), **Layer.get_config(self), **self.run_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new layer, without weights, from what `get_config` gave."""
        return cls(**config)


class KernelRNN(CellRNN):
    """Base of LSTM and GRU, which let the user decide whether PyTorch's kernel does the work."""

    def __init__(self, cell: RecurrentCell, *, use_cudnn: bool | str = "auto", **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        if use_cudnn not in ("auto", True, False):
            raise refuse(self, "use_cudnn", use_cudnn, '"auto", True or False')
        if use_cudnn is True and (not cell.fuses() or cell.recurrent_dropout > 0):
            raise ArgumentError(
                f"{self.label}: no kernel of PyTorch computes this, so use_cudnn=True cannot be.",
                got=f"activation {cell.activation.__name__}, recurrent_dropout {cell.recurrent_dropout}",
                expected="the default activations, no recurrent_dropout, and reset_after=True in a GRU",
                hint='use_cudnn="auto"',
            )
        self.use_cudnn = use_cudnn
        self.fuse = use_cudnn is not False

    units = cell_option("units")

    def get_config(self) -> dict[str, Any]:
        # Keras leaves it out. Here it decides the last bits of what comes out, so a loaded layer must know it.
        config = super().get_config()
        return config if self.use_cudnn == "auto" else {**config, "use_cudnn": self.use_cudnn}


def cell_options(kwargs: dict[str, Any], name: str) -> dict[str, Any]:
    """What the layer's common arguments mean for its cell; takes out those that are the cell's alone."""
    options = {"dtype": kwargs.get("dtype"), "trainable": kwargs.get("trainable", True), "name": name}
    if "implementation" in kwargs:
        options["implementation"] = kwargs.pop("implementation")
    return options
