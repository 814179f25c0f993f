"""Recurrence: whole sequences by PyTorch's fused kernels, and single steps."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from .case import Case, Floats, Lengths, Tensors, with_cell_states, with_mask, with_states

SEQUENCES, STATE = Floats((32, 64, 128)), Floats((32, 128))
STEP = CELL_STATE = Floats((64, 256))
UNITS, CELL_UNITS = 128, 256


def lstm_weights(weights: Tensors) -> Tensors:
    """(kernel, recurrent kernel, bias) per layer and direction as PyTorch's four; its second bias stays 0."""
    held = []
    for kernel, recurrent, bias in zip(weights[::3], weights[1::3], weights[2::3], strict=True):
        held += [kernel.t(), recurrent.t(), bias, torch.zeros_like(bias).requires_grad_(False)]
    return held


def gru_weights(weights: Tensors) -> Tensors:
    """The same with two biases, and Keras' gates z, r, n as PyTorch's r, z, n: copies."""
    kernel, recurrent, biases = weights
    return [_reset_first(w) for w in (kernel.t(), recurrent.t(), *biases.unbind(0))]


def _reset_first(w: torch.Tensor) -> torch.Tensor:
    update, reset, new = w.chunk(3)
    return torch.cat((reset, update, new))


def _zeros(x: Tensors, layers: int = 1) -> torch.Tensor:
    return x[0].new_zeros(layers, len(x[0]), UNITS)


def _lstm(x: Tensors, w: Tensors) -> torch.Tensor:
    """All steps."""
    zeros = _zeros(x)
    return torch.lstm(x[0], (zeros, zeros), w, True, 1, 0.0, True, False, True)[0]


def _lstm_with_states(x: Tensors, w: Tensors) -> torch.Tensor:
    first = (x[1].unsqueeze(0), x[2].unsqueeze(0))
    return torch.lstm(x[0], first, w, True, 1, 0.0, True, False, True)[1][0]


def _lstm_masked(x: Tensors, w: Tensors) -> torch.Tensor:
    zeros = _zeros(x)
    packed = pack_padded_sequence(x[0], x[1].sum(1), batch_first=True, enforce_sorted=False)
    first = (zeros, zeros)
    _, h, _ = torch.lstm(packed.data, packed.batch_sizes, first, w, True, 1, 0.0, True, False)
    return h[0][packed.unsorted_indices]


def _lstm_of_two_layers(x: Tensors, w: Tensors) -> torch.Tensor:
    zeros = _zeros(x, 2)
    return torch.lstm(x[0], (zeros, zeros), w, True, 2, 0.0, True, False, True)[0]


def _lstm_both_ways(x: Tensors, w: Tensors) -> torch.Tensor:
    zeros = _zeros(x, 2)
    return torch.lstm(x[0], (zeros, zeros), w, True, 1, 0.0, True, True, True)[0]


def _gru(x: Tensors, w: Tensors) -> torch.Tensor:
    return torch.gru(x[0], _zeros(x), w, True, 1, 0.0, True, False, True)[0]


def _simple_rnn(x: Tensors, w: Tensors) -> torch.Tensor:
    return torch.rnn_tanh(x[0], _zeros(x), w, True, 1, 0.0, True, False, True)[0]


def _two_cells(x: Tensors, w: Tensors) -> tuple[torch.Tensor, ...]:
    first = torch.lstm_cell(x[0], (x[1], x[2]), *w[:4])
    second = torch.lstm_cell(first[0], (x[3], x[4]), *w[4:])
    return second[0], *first, *second


def _lstm_cell(x: Tensors, w: Tensors) -> tuple[torch.Tensor, ...]:
    h, c = torch.lstm_cell(x[0], (x[1], x[2]), *w)
    return h, h, c


def _gru_cell(x: Tensors, w: Tensors) -> tuple[torch.Tensor, ...]:
    h = torch.gru_cell(x[0], x[1], *w)
    return h, h


def _simple_cell(x: Tensors, w: Tensors) -> tuple[torch.Tensor, ...]:
    h = torch.rnn_tanh_cell(x[0], x[1], *w)
    return h, h


def _stacked_call(x):
    return (x[0], [[x[1], x[2]], [x[3], x[4]]]), {}


def _linear(weights: Tensors) -> Tensors:
    return [weights[0].t(), weights[1]]


def conv_lstm_weights(weights: Tensors) -> Tensors:
    """Kernels (..., in, 4 * filters) seen as (4 * filters, in, ...)."""
    return [w if w.dim() == 1 else w.movedim((-1, -2), (0, 1)) for w in weights]


def _conv_lstm(conv: Callable[..., torch.Tensor], x: Tensors, w: Tensors) -> torch.Tensor:
    """The input's share of the gates at all steps at once, then a loop over the steps."""
    kernel, recurrent, bias = w
    shares = conv(x[0].flatten(0, 1).movedim(-1, 1), kernel, bias, padding=1).unflatten(0, x[0].shape[:2])
    h = c = shares.new_zeros(())
    for t, share in enumerate(shares.unbind(1)):
        gates = share if t == 0 else share + conv(h, recurrent, padding=1)
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return h.movedim(1, -1)


SIZE = "32x64x128, 128 units"
WITH_STATES = (SEQUENCES, STATE, STATE)

CASES = [
    Case("LSTM", SIZE, lambda L: L.LSTM(UNITS, return_sequences=True), (SEQUENCES,), _lstm, held=lstm_weights),
    Case("LSTM", f"{SIZE}, initial state", lambda L: L.LSTM(UNITS), WITH_STATES, _lstm_with_states, with_states,
         lstm_weights),
    Case("LSTM", f"{SIZE}, right-padded mask", lambda L: L.LSTM(UNITS), (SEQUENCES, Lengths((32, 64))), _lstm_masked,
         with_mask, lstm_weights),
    Case("GRU", SIZE, lambda L: L.GRU(UNITS, return_sequences=True), (SEQUENCES,), _gru, held=gru_weights),
    Case("SimpleRNN", SIZE, lambda L: L.SimpleRNN(UNITS, return_sequences=True), (SEQUENCES,), _simple_rnn,
         held=lstm_weights),
    Case("RNN", f"of two LSTMCells, {SIZE}",
         lambda L: L.RNN([L.LSTMCell(UNITS), L.LSTMCell(UNITS)], return_sequences=True), (SEQUENCES,),
         _lstm_of_two_layers, held=lstm_weights),
    Case("Bidirectional", f"of LSTM, {SIZE}", lambda L: L.Bidirectional(L.LSTM(UNITS, return_sequences=True)),
         (SEQUENCES,), _lstm_both_ways, held=lstm_weights),
    Case("TimeDistributed", "of Dense, 32x64x128, 128 units", lambda L: L.TimeDistributed(L.Dense(UNITS)),
         (SEQUENCES,), lambda x, w: F.linear(x[0], w[0], w[1]), held=_linear),
    Case("LSTMCell", "64x256, 256 units", lambda L: L.LSTMCell(CELL_UNITS), (STEP, CELL_STATE, CELL_STATE), _lstm_cell,
         with_cell_states, lstm_weights),
    Case("GRUCell", "64x256, 256 units", lambda L: L.GRUCell(CELL_UNITS), (STEP, CELL_STATE), _gru_cell,
         with_cell_states, gru_weights),
    Case("SimpleRNNCell", "64x256, 256 units", lambda L: L.SimpleRNNCell(CELL_UNITS), (STEP, CELL_STATE), _simple_cell,
         with_cell_states, lstm_weights),
    Case("StackedRNNCells", "of two LSTMCells, 64x256, 256 units",
         lambda L: L.StackedRNNCells([L.LSTMCell(CELL_UNITS), L.LSTMCell(CELL_UNITS)]), (STEP, *(CELL_STATE,) * 4),
         _two_cells, _stacked_call, lstm_weights),
    Case("ConvLSTM1D", "8x10x64x16, 16 filters of 3", lambda L: L.ConvLSTM1D(16, 3, padding="same"),
         (Floats((8, 10, 64, 16)),), partial(_conv_lstm, F.conv1d), held=conv_lstm_weights),
    Case("ConvLSTM2D", "8x10x16x16x8, 16 filters of 3x3", lambda L: L.ConvLSTM2D(16, 3, padding="same"),
         (Floats((8, 10, 16, 16, 8)),), partial(_conv_lstm, F.conv2d), held=conv_lstm_weights),
    Case("ConvLSTM3D", "2x6x8x8x8x8, 8 filters of 3x3x3", lambda L: L.ConvLSTM3D(8, 3, padding="same"),
         (Floats((2, 6, 8, 8, 8, 8)),), partial(_conv_lstm, F.conv3d), held=conv_lstm_weights),
]  # fmt: skip
