"""LSTMCell: one step of the long short-term memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lamina import activations, initializers

from . import opaque
from .cell import RecurrentCell, States, gated_linear, is_sigmoid, is_tanh
from .lstm_kernel import lstm

# A gate's input so large that its sigmoid is exactly 0 or 1 in every float dtype.
_SHUT = 1e4


class LSTMCell(RecurrentCell):
    """A long short-term memory, with `a_g = x @ kernel_g + h @ recurrent_kernel_g + bias_g` for each gate g:

        i, f, o = recurrent_activation(a_i), recurrent_activation(a_f), recurrent_activation(a_o)
        c' = f * c + i * activation(a_c)
        h' = o * activation(c')

    `cell(x (B, F), [h (B, U), c (B, U)])` gives `(h', [h', c'])`. Weights: `kernel` (F, 4U), `recurrent_kernel` (U,
    4U) and `bias` (4U,), gates in the order i, f, c, o. Arguments as in `LSTM`.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout is not in 0..1.

    >>> output, states = LSTMCell(4)(torch.zeros(2, 3), [torch.zeros(2, 4), torch.zeros(2, 4)])
    >>> output.shape, len(states)
    (torch.Size([2, 4]), 2)
    """

    gates = 4

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
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
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = bool(unit_forget_bias)
        self.state_size = [self.units, self.units]

    def first_bias(self, initializer: Any) -> Any:
        return with_open_forget_gate(initializer, self.units) if self.unit_forget_bias else initializer

    def step(self, projected: torch.Tensor, states: States, drops: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        h, c = states
        recurrent = self.recurrent_kernel
        if drops is None:
            a = torch.addmm(projected, h, recurrent)  # in one operation, without transposing there and back
        else:
            a = projected + gated_linear(h, recurrent.t(), None, drops)
        h, c = gated_memory(a.chunk(4, -1), c, self.activation, self.recurrent_activation)
        return h, [h, c]

    def fuses(self) -> bool:
        return is_tanh(self.activation) and is_sigmoid(self.recurrent_activation)

    def fused(self, inputs: torch.Tensor, states: States, padding: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        weight = self.kernel.t().contiguous()
        if padding is not None:
            # One more feature, 1 in the padding, shuts the input gate and opens the forget gate there: c stays as it
            # was. 1.1x the time of the kernel alone, where packed sequences take 2.5x (2 CPU cores, B=64, T=80,
            # U=128).
            inputs = torch.cat((inputs, padding.unsqueeze(-1).to(inputs.dtype)), -1)
            weight = torch.cat((weight, self._hold_memory(weight)), 1)
        recurrent = self.recurrent_kernel.t().contiguous()
        if opaque.wanted(inputs):
            bias = weight.new_zeros(4 * self.units) if self.bias is None else self.bias
            outputs, c = opaque.lstm(inputs, *states, weight, recurrent, bias)
            return outputs, [outputs[:, -1], c]
        weights = [weight, recurrent]
        if self.bias is not None:
            weights += [self.bias, torch.zeros_like(self.bias)]
        outputs, h, c = lstm(inputs, states[0], states[1], weights, torch.is_grad_enabled())
        if h.ndim == 4:  # where an export looks for shapes only, torch 2.11 takes (1, B, U) for (1, 1, B, U)
            return outputs, [h.flatten(0, -2), c.flatten(0, -2)]
        return outputs, [h.squeeze(0), c.squeeze(0)]

    def _hold_memory(self, weight: torch.Tensor) -> torch.Tensor:
        """(4U, 1): the padding feature's weight for the gates i, f, c, o."""
        size = (self.units, 1)
        zeros = weight.new_zeros((2 * self.units, 1))
        return torch.cat((weight.new_full(size, -_SHUT), weight.new_full(size, _SHUT), zeros))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }


def gated_memory(
    gates: Sequence[torch.Tensor], c: torch.Tensor, activation: Callable[..., Any], gate: Callable[..., Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(h', c') from what goes into the gates i, f, c, o and from the memory c."""
    a_i, a_f, a_c, a_o = gates
    c = torch.addcmul(gate(a_f) * c, gate(a_i), activation(a_c))
    return gate(a_o) * activation(c), c


def with_open_forget_gate(initializer: Any, units: int) -> Any:
    """The initializer of a bias (4U,) whose forget gate starts at 1, the others as `initializer` says."""

    def forget_gate_open(shape: Any, dtype: Any = None) -> torch.Tensor:
        parts = (initializer, (units,)), (initializers.Ones(), (units,)), (initializer, (2 * units,))
        return torch.cat([init(size, dtype=dtype) for init, size in parts])

    return forget_gate_open
