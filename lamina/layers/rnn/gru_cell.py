"""GRUCell: one step of the gated recurrent unit."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina import activations

from . import opaque
from .cell import RecurrentCell, States, gated_linear, is_sigmoid, is_tanh


class GRUCell(RecurrentCell):
    """A gated recurrent unit, with `x_g = x @ kernel_g + bias_g` and `h_g = h @ recurrent_kernel_g` for each gate g:

        z = recurrent_activation(x_z + h_z)                how much of the old state stays
        r = recurrent_activation(x_r + h_r)                how much of it the candidate sees
        n = activation(x_n + r * h_n)                      the candidate
        h' = z * h + (1 - z) * n

    With `reset_after=False` the candidate is `activation(x_n + (r * h) @ recurrent_kernel_n)`. `cell(x (B, F), [h (B,
    U)])` gives `(h', [h'])`. Weights: `kernel` (F, 3U) and `recurrent_kernel` (U, 3U) in the order z, r, n; `bias`
    (2, 3U), for the input's and the state's product, or (3U,) without `reset_after`. Arguments as in `GRU`.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout is not in 0..1.

    >>> output, states = GRUCell(4)(torch.zeros(2, 3), [torch.zeros(2, 4)])
    >>> output.shape
    torch.Size([2, 4])
    """

    gates = 3

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
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
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = bool(reset_after)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    @property
    def input_bias(self) -> torch.Tensor | None:
        return self.bias[0] if self.bias is not None and self.reset_after else self.bias

    def step(self, projected: torch.Tensor, states: States, drops: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        h = states[0]
        weight = self.recurrent_kernel.t()
        x_z, x_r, x_n = projected.chunk(3, -1)
        if self.reset_after:
            bias = self.bias[1] if self.bias is not None else None
            h_z, h_r, h_n = gated_linear(h, weight, bias, drops).chunk(3, -1)
            r = self.recurrent_activation(x_r + h_r)
            new = torch.addcmul(x_n, r, h_n)
        else:
            gate_drops = drops[:2] if drops is not None else None
            h_z, h_r = gated_linear(h, weight[: 2 * self.units], None, gate_drops).chunk(2, -1)
            r = self.recurrent_activation(x_r + h_r)
            new = x_n + F.linear(r * h if drops is None else r * h * drops[2], weight[2 * self.units :])
        z = self.recurrent_activation(x_z + h_z)
        new = self.activation(new)
        h = torch.addcmul(new, z, h - new)
        return h, [h]

    def fuses(self) -> bool:
        return self.reset_after and is_tanh(self.activation) and is_sigmoid(self.recurrent_activation)

    def fused(self, inputs: torch.Tensor, states: States, padding: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        weights = [self.kernel.t(), self.recurrent_kernel.t()]
        if self.bias is not None:
            weights += self.bias.unbind(0)
        weights = [_in_torch_order(weight) for weight in weights]
        if opaque.wanted(inputs):
            zeros = [] if self.use_bias else [weights[0].new_zeros(3 * self.units)] * 2
            outputs = opaque.gru(inputs, states[0], *weights, *zeros)
            return outputs, [outputs[:, -1]]
        outputs, h = torch.gru(
            inputs,
            states[0].unsqueeze(0),
            weights,
            self.use_bias,
            1,
            0.0,
            torch.is_grad_enabled(),
            False,
            True,
        )
        return outputs, [h.squeeze(0)]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "reset_after": self.reset_after,
        }


def _in_torch_order(weight: torch.Tensor) -> torch.Tensor:
    """Rows of the gates z, r, n as PyTorch wants them: r, z, n. No view can say that; the copy is small."""
    z, r, n = weight.chunk(3)
    return torch.cat((r, z, n))
