"""SimpleRNNCell: one step of the plain recurrent network."""

from __future__ import annotations

from typing import Any

import torch

from . import opaque
from .cell import RecurrentCell, States, gated_linear, is_relu, is_tanh


class SimpleRNNCell(RecurrentCell):
    """`h' = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    `cell(x (B, F), [h (B, U)])` gives `(h', [h'])`. Weights: `kernel` (F, U), `recurrent_kernel` (U, U), `bias` (U,).
    Arguments as in `SimpleRNN`.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout is not in 0..1.

    >>> output, states = SimpleRNNCell(4)(torch.zeros(2, 3), [torch.zeros(2, 4)])
    >>> output.shape
    torch.Size([2, 4])
    """

    gates = 1
    masks_per_gate = False

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            initializers=(kernel_initializer, recurrent_initializer, bias_initializer),
            regularizers=(kernel_regularizer, recurrent_regularizer, bias_regularizer),
            constraints=(kernel_constraint, recurrent_constraint, bias_constraint),
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )

    def step(self, projected: torch.Tensor, states: States, drops: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        recurrent = self.recurrent_kernel
        if drops is None:
            h = torch.addmm(projected, states[0], recurrent)  # in one operation, without transposing there and back
        else:
            h = projected + gated_linear(states[0], recurrent.t(), None, drops)
        h = self.activation(h)
        return h, [h]

    def fuses(self) -> bool:
        return is_tanh(self.activation) or is_relu(self.activation)

    def fused(self, inputs: torch.Tensor, states: States, padding: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        weights = [self.kernel.t().contiguous(), self.recurrent_kernel.t().contiguous()]
        if opaque.wanted(inputs):
            operator = opaque.rnn_tanh if is_tanh(self.activation) else opaque.rnn_relu
            bias = weights[0].new_zeros(self.units) if self.bias is None else self.bias
            outputs = operator(inputs, states[0], *weights, bias)
            return outputs, [outputs[:, -1]]
        if self.bias is not None:
            weights += [self.bias, torch.zeros_like(self.bias)]
        kernel = torch.rnn_tanh if is_tanh(self.activation) else torch.rnn_relu
        outputs, h = kernel(
            inputs, states[0].unsqueeze(0), weights, self.use_bias, 1, 0.0, torch.is_grad_enabled(), False, True
        )
        return outputs, [h.squeeze(0)]
