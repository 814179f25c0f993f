"""Signals as sums of waves: Fourier transforms of the last axes, at once or in windows that move along.

Complex numbers come and go as two tensors of floats, (real, imaginary), as in Keras. `n` counts samples, `k`
frequencies, `L` is the length of the transform.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, DtypeError, ShapeError

from .numbers import numbers
from .one_node import one_node, one_node_of
from .operands import common, floating, here, larger, tensor

_WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


@one_node
def fft(x: Any) -> Any:
    """The transform of the last axis: `X[k] = sum over n of x[n] * exp(-2 pi i k n / L)`.

    Cooley & Tukey 1965, https://doi.org/10.1090/S0025-5718-1965-0178586-1.

    Args:
        x: (real, imaginary), floats of one shape (..., L).

    Returns:
        (real, imaginary), both (..., L).

    Raises:
        ArgumentError: not two tensors. DtypeError: no floats. ShapeError: two shapes.

    >>> fft(([1.0, 2.0], [0.0, 1.0]))
    (tensor([ 3., -1.]), tensor([ 1., -1.]))
    """
    return _two(torch.fft.fft(_complex("fft", x)))


@one_node
def fft2(x: Any) -> Any:
    """The transform of the last two axes, (..., H, W): `fft` along each.

    Args, results and errors as in `fft`.

    >>> fft2(([[1.0, 2.0], [3.0, 4.0]], torch.zeros(2, 2)))[0]
    tensor([[10., -2.],
            [-4.,  0.]])
    """
    return _two(torch.fft.fft2(_complex("fft2", x, 2)))


@one_node
def ifft2(x: Any) -> Any:
    """What `fft2` came from: `x[n] = 1/L sum over k of X[k] * exp(2 pi i k n / L)` along the last two axes.

    Args, results and errors as in `fft`.

    >>> ifft2(fft2(([[1.0, 2.0], [3.0, 4.0]], torch.zeros(2, 2))))[0]
    tensor([[1., 2.],
            [3., 4.]])
    """
    return _two(torch.fft.ifft2(_complex("ifft2", x, 2)))


@one_node_of(numbers=("fft_length",))
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """The transform of real numbers, of which only the frequencies from 0 to half are kept: the others mirror them.

    Args:
        x: (..., N), real.
        fft_length: L; longer signals are cut, shorter ones filled up with zeros. By default N.

    Returns:
        (real, imaginary), both (..., L // 2 + 1).

    Raises:
        ArgumentError: a length below 1.

    >>> rfft([0.0, 1.0, 2.0, 3.0])
    (tensor([ 6., -2., -2.]), tensor([0., 2., 0.]))
    """
    return _two(torch.fft.rfft(_ranked("rfft", floating(x), 1), _length("rfft", fft_length)))


@one_node_of(numbers=("fft_length",))
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The real numbers that `rfft` came from.

    Args:
        x: (real, imaginary), floats of one shape (..., K), with K = L // 2 + 1; cut or filled up with zeros where it is
            another.
        fft_length: L, the length of the result; by default 2 * (K - 1), so an odd one has to be said.

    Returns:
        (..., L).

    Raises:
        ArgumentError: not two tensors, or a length below 1. DtypeError: no floats. ShapeError: two shapes.

    >>> irfft(rfft([5.0, 1.0, 2.0, 3.0, 4.0]), 5).round()
    tensor([5., 1., 2., 3., 4.])
    """
    return torch.fft.irfft(_complex("irfft", x), _length("irfft", fft_length))


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows that move along the last axis: `out[..., i, j] = x[..., i * sequence_stride + j]`.

    Args:
        x: (..., N).
        sequence_length: of each window, at most N.
        sequence_stride: from the start of one to the start of the next; at least 1.

    Returns:
        (..., 1 + (N - sequence_length) // sequence_stride, sequence_length), a view of `x`.

    Raises:
        ArgumentError: a length or stride below 1. ShapeError: `x` is shorter than a window.

    >>> extract_sequences([1, 2, 3, 4, 5, 6], 3, 2)
    tensor([[1, 2, 3],
            [3, 4, 5]], dtype=torch.int32)
    """
    sequence_length, sequence_stride = numbers(sequence_length), numbers(sequence_stride)
    _positive("extract_sequences", sequence_length=sequence_length, sequence_stride=sequence_stride)
    x = tensor(x)
    if x.ndim == 0 or (x.shape[-1] is not None and x.shape[-1] < sequence_length):
        raise ShapeError(
            "ops.extract_sequences: the last axis is shorter than a sequence.",
            got=f"shape {tuple(x.shape)}",
            expected=f"at least {sequence_length} along the last axis",
            where=here(),
        )
    return x.unfold(-1, sequence_length, sequence_stride)


@one_node_of(numbers=("sequence_length", "sequence_stride", "fft_length"))
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The short-time Fourier transform: `rfft` of `window * x` in pieces that move along the last axis.

    Args:
        x: (..., N), float32 or float64.
        sequence_length: of the window, at most `fft_length`; a shorter window lies in the middle of its piece.
        sequence_stride: from the start of one piece to the start of the next.
        fft_length: L, the length of a piece and of its transform.
        window: "hann", "hamming", (sequence_length,) numbers, or None for ones.
        center: whether the t-th piece has its middle at `t * sequence_stride`, for which `x` is mirrored at its ends;
            else it begins there.

    Returns:
        (real, imaginary), both (..., T, L // 2 + 1); T = 1 + (N + 2 * (L // 2) - L) // sequence_stride if centred,
        else 1 + (N - L) // sequence_stride.

    Raises:
        ArgumentError: a length or stride below 1, a window longer than `fft_length`, an unknown window. DtypeError: `x`
            has another dtype. ShapeError: `x` is shorter than a piece, or the window has another shape.

    >>> [part.shape for part in stft(torch.ones(2, 16), 4, 2, 8)]
    [torch.Size([2, 9, 5]), torch.Size([2, 9, 5])]
    """
    x = tensor(x)
    if x.dtype not in (torch.float32, torch.float64):
        raise DtypeError("ops.stft takes float32 or float64.", got=f"{x.dtype}", hint="ops.cast(x, 'float32')")
    frame = _frame_window("stft", window, sequence_length, sequence_stride, fft_length, x)
    if center:
        x = _mirrored(x, fft_length // 2)
    pieces = extract_sequences(x, fft_length, sequence_stride)
    return rfft(pieces if frame is None else pieces * frame)


@one_node_of(numbers=("sequence_length", "sequence_stride", "fft_length", "length"))
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The signal that `stft` with the same arguments came from: its pieces, weighted by the window and overlaid.

    `out[n] = sum over t of w[n - t s] * piece[t][n - t s] / sum over t of w[n - t s]**2`, where the second sum is over
    the pieces there are if `center` and `sequence_length == fft_length`, which makes it the inverse up to the ends;
    else, as in Keras, over endlessly many. Without a window the pieces are summed and not divided.
    Griffin & Lim 1984, https://doi.org/10.1109/TASSP.1984.1164317.

    Args:
        x: (real, imaginary), floats of one shape (..., T, L // 2 + 1).
        sequence_length: of the window, at most `fft_length`.
        sequence_stride: from the start of one piece to the start of the next; at most `fft_length`.
        fft_length: L.
        length: of the result, which is cut or filled up with zeros; by default as long as the pieces reach.
        window: "hann", "hamming", (sequence_length,) numbers, or None for ones.
        center: whether the pieces had their middle at `t * sequence_stride`; then L // 2 is cut off at both ends.

    Returns:
        (..., length).

    Raises:
        ArgumentError: a length or stride that cannot be, an unknown window. DtypeError: no floats. ShapeError: two
            shapes, fewer than two axes, or another number of frequencies.

    >>> x = torch.arange(12.0)
    >>> istft(stft(x, 4, 2, 4), 4, 2, 4).round()[4:8]
    tensor([4., 5., 6., 7.])
    """
    spectrum = _complex("istft", x)
    frame = _frame_window("istft", window, sequence_length, sequence_stride, fft_length, spectrum.real)
    if sequence_stride > fft_length:
        raise ArgumentError("ops.istft: there are gaps between the pieces.", got=f"sequence_stride={sequence_stride}")
    if spectrum.ndim < 2 or spectrum.shape[-1] != fft_length // 2 + 1:
        raise ShapeError(
            "ops.istft takes pieces of frequencies.",
            got=f"shape {tuple(spectrum.shape)}",
            expected=f"(..., T, {fft_length // 2 + 1}) for fft_length={fft_length}",
        )
    pieces = torch.fft.irfft(spectrum, fft_length)
    signal = _laid_over(pieces if frame is None else pieces * frame, sequence_stride)
    total = signal.shape[-1]
    start = fft_length // 2 if center else 0
    end = total - start if length is None else start + length
    signal = signal[..., start:end]
    if frame is not None:  # after the cut: where the window is 0 at the very ends, there is nothing to divide by
        weights = _weights if center and sequence_length == fft_length else _endless_weights
        signal = signal / weights(frame.square(), pieces.shape[-2], sequence_stride, total)[start:end]
    return F.pad(signal, (0, larger(end - total, 0)))


def _mirrored(x: torch.Tensor, width: int) -> torch.Tensor:
    """With so many values more at both ends of the last axis, mirrored there."""
    if not x.ndim or x.shape[-1] <= width:
        raise ShapeError(
            "ops.stft: the signal is too short to be mirrored at its ends.",
            got=f"shape {tuple(x.shape)}",
            expected=f"more than {width} along the last axis, half of fft_length",
        )
    return F.pad(x.reshape(-1, x.shape[-1]), (width, width), mode="reflect").reshape(*x.shape[:-1], -1)


def _laid_over(pieces: torch.Tensor, stride: int) -> torch.Tensor:
    """(..., T, L) -> (..., L + (T - 1) * stride): the t-th piece from `t * stride` on, what overlaps is summed."""
    *batch, count, length = pieces.shape
    starts = torch.arange(count, device=pieces.device) * stride
    places = (starts.unsqueeze(1) + torch.arange(length, device=pieces.device)).reshape(-1)
    total = length + (count - 1) * stride
    # Ten times as fast as F.fold, which is made for pictures.
    return pieces.new_zeros((*batch, total)).index_add(-1, places, pieces.reshape(*batch, -1))


def _weights(squares: torch.Tensor, count: int, stride: int, total: int) -> torch.Tensor:
    """How much of the window's square lies over each sample."""
    return _laid_over(squares.expand(count, -1), stride)


def _endless_weights(squares: torch.Tensor, count: int, stride: int, total: int) -> torch.Tensor:
    """The same if the pieces went on for ever on both sides: it repeats with the stride."""
    period = F.pad(squares, (0, -len(squares) % stride)).reshape(-1, stride).sum(0)
    return period.repeat(-(-total // stride))[:total]


def _frame_window(name: str, window: Any, width: int, stride: int, length: int, beside: torch.Tensor) -> Any:
    """The window as (length,) numbers like those `beside`, with zeros at both ends; None if all are 1."""
    _positive(name, sequence_length=width, sequence_stride=stride, fft_length=length)
    if length < width:
        raise ArgumentError(
            f"ops.{name}: the sequences are longer than their transform.",
            got=f"sequence_length={width}, fft_length={length}",
            expected="sequence_length <= fft_length",
        )
    if isinstance(window, str):
        if window not in _WINDOWS:
            raise ArgumentError(f"ops.{name} has no window {window!r}.", expected=f"{[*_WINDOWS]}, numbers or None")
        make: Callable[..., torch.Tensor] = _WINDOWS[window]
        window = make(width, periodic=True, dtype=beside.dtype, device=beside.device)
    elif window is None:
        if width == length or name == "istft":
            return None
        window = torch.ones(width, dtype=beside.dtype, device=beside.device)
    else:
        window = common(beside, window)[1].to(beside.dtype)
        if window.shape != (width,):
            raise ShapeError(
                f"ops.{name}: the window has another length.",
                got=f"shape {tuple(window.shape)}",
                expected=f"({width},), the sequence_length",
            )
    left = (length - width) // 2
    return F.pad(window, (left, length - width - left))


def _complex(name: str, x: Any, rank: int = 1) -> torch.Tensor:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ArgumentError(
            f"ops.{name} takes two tensors, the real and the imaginary part.",
            got=f"{type(x).__name__}" + (f" of {len(x)}" if isinstance(x, (tuple, list)) else ""),
            hint=f"ops.{name}((real, imaginary))",
        )
    real, imaginary = common(*x)
    if real.shape != imaginary.shape:
        raise ShapeError(
            f"ops.{name}: the real and the imaginary part have two shapes.",
            got=f"{tuple(real.shape)} and {tuple(imaginary.shape)}",
        )
    if not _ranked(name, real, rank).dtype.is_floating_point:
        raise DtypeError(f"ops.{name} takes floats.", got=f"{real.dtype}", hint="ops.cast(x, 'float32')")
    return torch.complex(real, imaginary)


def _ranked(name: str, x: torch.Tensor, rank: int) -> torch.Tensor:
    if x.ndim < rank:
        raise ShapeError(f"ops.{name} needs {rank} or more axes.", got=f"shape {tuple(x.shape)}", where=here())
    return x


def _two(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.real, x.imag


def _length(name: str, fft_length: int | None) -> int | None:
    if fft_length is not None:
        _positive(name, fft_length=fft_length)
    return fft_length


def _positive(name: str, **sizes: int) -> None:
    for argument, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ArgumentError(
                f"ops.{name}: {argument} must be a positive integer.", got=f"{argument}={size!r}", where=here()
            )
