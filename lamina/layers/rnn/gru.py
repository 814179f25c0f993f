"""GRU: gated recurrent unit over a sequence."""

from __future__ import annotations

from typing import Any

from .gru_cell import GRUCell
from .of_cell import KernelRNN, cell_option, cell_options


class GRU(KernelRNN):
    """Gated recurrent unit; `GRUCell` has the formulas.

    Input (B, T, F). Output (B, U), the last step's, or (B, T, U) with `return_sequences`; with `return_state` a tuple
    of that and h (B, U). Where the mask (B, T) is False, the step is skipped. Weights, in the layer's `cell`:
    `kernel` (F, 3U), `recurrent_kernel` (U, 3U) in the order z, r, n; `bias` (2, 3U), or (3U,) without `reset_after`.

    With the default activations, `reset_after` and no `recurrent_dropout` PyTorch's own kernel does the work.

    Args:
        units: width U of the output and the state.
        activation, recurrent_activation: of the candidate; of the gates.
        use_bias: add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each step of the optimizer.
        dropout, recurrent_dropout: fraction of the inputs, of the states that drop in training, the same at all steps.
        seed: own random numbers for dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        reset_after: apply the reset gate after the product with `recurrent_kernel`, not before.
        use_cudnn: "auto", True (an error where PyTorch's kernel cannot do it), False (step by step).

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout is not in 0..1.
        ShapeError: the input is not (B, T, F), or the initial state does not fit.

    >>> GRU(4, return_state=True).compute_output_shape((None, 10, 3))
    ((None, 4), (None, 4))
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units,
            activation,
            recurrent_activation,
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
            reset_after,
            seed,
            **cell_options(kwargs, "gru_cell"),
        )
        super().__init__(
            cell,
            use_cudnn=use_cudnn,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )

    recurrent_activation = cell_option("recurrent_activation")
    reset_after = cell_option("reset_after")
