"""SimpleRNN: the plain recurrent network over a sequence."""

from __future__ import annotations

from typing import Any

from .of_cell import CellRNN, cell_option, cell_options
from .simple_rnn_cell import SimpleRNNCell


class SimpleRNN(CellRNN):
    """`h_t = activation(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias)`.

    Input (B, T, F). Output (B, U), the last step's, or (B, T, U) with `return_sequences`; with `return_state` a tuple
    of that and h (B, U). Where the mask (B, T) is False, the step is skipped. Weights, in the layer's `cell`:
    `kernel` (F, U), `recurrent_kernel` (U, U), `bias` (U,).

    With `tanh` or `relu` and without `recurrent_dropout` PyTorch's own kernel does the work.

    Args:
        units: width U of the output and the state.
        activation: name or function.
        use_bias: add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each step of the optimizer.
        dropout, recurrent_dropout: fraction of the inputs, of the states that drop in training, the same at all steps.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        seed: own random numbers for dropout.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout is not in 0..1.
        ShapeError: the input is not (B, T, F), or the initial state does not fit.

    >>> SimpleRNN(4).compute_output_shape((None, 10, 3))
    (None, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            **cell_options(kwargs, "simple_rnn_cell"),
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )

    units = cell_option("units")
