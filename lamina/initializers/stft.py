"""STFT: the kernel of a convolution that is a short-time Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError, ShapeError

from .base import Initializer, empty
from .windows import NAMES, window


class STFT(Initializer):
    """The real or imaginary part of `window[t] * exp(-2 pi i t f / n) / scale`, for a kernel (T, 1, n / 2 + 1).

    T is the length of a frame and n that of the transform; a convolution with both parts, with strides of a frame's
    step, is the short-time Fourier transform of a signal. `scale` is the root of the sum of the window's squares for
    "density", so that squares of the result are a power density, the sum of its values for "spectrum".

    Args:
        side: "real" or "imag".
        window: a name ("hann", "hamming", "blackman", ...), T numbers, or None for none, and then no `scale` either.
        scaling: "density", "spectrum" or None.
        periodic: the window is one period of a repeated one; else it is symmetric.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: when called, if the shape does not have three axes, or `window` not T numbers.

    >>> STFT("real", window=None)((2, 1, 2))[:, 0]
    tensor([[ 1.,  1.],
            [ 1., -1.]])
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        _refuse_other("side", side, ("real", "imag"))
        _refuse_other("scaling", scaling, (None, "density", "spectrum"))
        if isinstance(window, str):
            _refuse_other("window", window, NAMES)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = bool(periodic)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A new kernel of `shape`."""
        tensor = empty(shape, dtype, self)
        if tensor.ndim != 3:
            raise ShapeError(
                "STFT makes kernels of three axes.", got=repr(tuple(tensor.shape)), expected="(frame, 1, frequencies)"
            )
        frame, _, frequencies = tensor.shape
        turns = np.outer(np.arange(frame), np.arange(frequencies)) / (2 * (frequencies - 1) or 1)
        wave = np.cos(2 * np.pi * turns) if self.side == "real" else -np.sin(2 * np.pi * turns)
        kernel = wave * self._scaled_window(frame)[:, None]
        return tensor.copy_(torch.as_tensor(kernel).unsqueeze(1))

    def _scaled_window(self, frame: int) -> np.ndarray[Any, Any]:
        if self.window is None:
            return np.ones(frame)
        made = window(self.window, frame, self.periodic) if isinstance(self.window, str) else self._given()
        if made.shape != (frame,):
            raise ShapeError("The window does not fit the frame.", got=f"shape {made.shape}", expected=f"({frame},)")
        if self.scaling is None:
            return made
        result: np.ndarray[Any, Any] = made / (
            np.sqrt(np.square(made).sum()) if self.scaling == "density" else np.abs(made).sum()
        )
        return result

    def _given(self) -> np.ndarray[Any, Any]:
        values = self.window.detach().cpu() if isinstance(self.window, Tensor) else self.window
        return np.asarray(values, dtype=np.float64)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types: an array becomes a list."""
        named = self.window is None or isinstance(self.window, str)
        return {
            "side": self.side,
            "window": self.window if named else self._given().tolist(),
            "periodic": self.periodic,
            "scaling": self.scaling,
        }


def _refuse_other(name: str, value: Any, options: tuple[Any, ...]) -> None:
    if value not in options:
        raise ArgumentError(
            f"STFT: {name} cannot be {value!r}.", got=repr(value), expected="one of " + ", ".join(map(repr, options))
        )
