"""STFTSpectrogram: a signal as strengths of its frequencies over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lamina.config import epsilon
from lamina.graph.source import warn
from lamina.initializers import STFT
from lamina.layers.arguments import CHANNELS_LAST, choice, image_format, refuse, whole
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, channel_axis, check_rank, same_pads, window_counts

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel, by a convolution whose kernels may be trained.

    Input (B, T, C), or (B, C, T) with "channels_first". Output for each of T' frames the N = fft_length / 2 + 1
    frequencies (twice that for "stft") of each channel: (B, T', C * N), or with `expand_dims` an image (B, T', N, C);
    with "channels_first" (B, C * N, T') or (B, C, T', N).

    Weights: `real_kernel` and `imag_kernel` (frame_length, 1, N), of which "real" and "imag" have one. Give
    `trainable=False` for the transform as it is.

    Args:
        mode: of X = real + i imag: "magnitude" |X|, "log" log |X|, "psd" |X|^2 with both sides of the spectrum in one,
            "real", "imag", "angle" in radians, "stft" real and imag one after the other. Under the root and the
            logarithm stands at least 1e-7 (`lamina.config.epsilon()`).
        frame_length: samples of a frame.
        frame_step: samples from one frame to the next, 1..frame_length; half a frame by default.
        fft_length: samples of the transform, at least a frame; the next power of two by default.
        window: name of a window ("hann", "hamming", ...), numbers, or None.
        periodic, scaling: as in `initializers.STFT`.
        padding: "valid" (frames inside the signal) or "same" (T' = ceil(T / frame_step)).
        expand_dims: frequencies and channels on axes of their own.
        data_format: "channels_last" or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input does not have three axes, or is shorter than a frame.

    >>> STFTSpectrogram(frame_length=256, frame_step=128, fft_length=512).compute_output_shape((None, 16000, 1))
    (None, 124, 257)
    """

    casts_integers = True

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mode = choice(self, "mode", mode, MODES)
        self.frame_length = whole(self, "frame_length", frame_length)
        self.frame_step = None if frame_step is None else whole(self, "frame_step", frame_step)
        self.fft_length = None if fft_length is None else whole(self, "fft_length", fft_length)
        self.window = window if window is None or isinstance(window, str) else np.asarray(window).tolist()
        if not isinstance(self.window, (str, list, type(None))):
            raise refuse(self, "window", window, "the name of a window, numbers, or None")
        self.periodic = bool(periodic)
        self.scaling = scaling
        self.padding = choice(self, "padding", padding, ("valid", "same"))
        self.expand_dims = bool(expand_dims)
        self.data_format = image_format(self, data_format)
        self._refuse_odd_lengths()
        self._initializers = {side: STFT(side, self.window, scaling, self.periodic) for side in ("real", "imag")}
        self._step = self.frame_step or max(1, self.frame_length // 2)
        self._frequencies = (self.fft_length or 1 << (self.frame_length - 1).bit_length()) // 2 + 1
        self.input_spec = InputSpec(ndim=3)

    def _refuse_odd_lengths(self) -> None:
        frame, step, fft = self.frame_length, self.frame_step, self.fft_length
        if step is not None and step > frame:
            raise refuse(self, "frame_step", step, f"at most frame_length={frame}")
        if fft is not None and fft < frame:
            raise refuse(self, "fft_length", fft, f"at least frame_length={frame}")
        if fft is not None and fft & (fft - 1):
            warn(f"STFTSpectrogram: fft_length={fft} is no power of two.")

    real_kernel: torch.Tensor
    imag_kernel: torch.Tensor

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        shape = (self.frame_length, 1, self._frequencies)
        for side, other in (("real", "imag"), ("imag", "real")):
            if self.mode != other:
                kernel = self.add_weight(shape, self._initializers[side], name=f"{side}_kernel")
                setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        signals = inputs.mT if self.data_format == CHANNELS_LAST else inputs  # (B, C, T)
        if self.mode in ("real", "imag"):
            kernel = self.real_kernel if self.mode == "real" else self.imag_kernel
            return self._ordered(self._slide(signals, kernel))
        both = self._slide(signals, torch.cat((self.real_kernel, self.imag_kernel), -1))
        if self.mode == "stft":
            return self._ordered(both)
        real, imag = both.split(self._frequencies, dim=2)
        if self.mode == "angle":
            return self._ordered(torch.atan2(imag, real))
        power = real.square() + imag.square()
        if self.mode == "psd":
            return self._ordered(power + F.pad(power[:, :, 1:-1], (0, 0, 1, 1)))
        magnitude = self._ordered(power.clamp(min=epsilon()).sqrt())
        return magnitude if self.mode == "magnitude" else magnitude.clamp(min=epsilon()).log()

    def _slide(self, signals: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        """(B, C, T) and (frame, 1, N) -> (B, C, N, T')."""
        batch, channels, size = signals.shape
        signals = signals.reshape(batch * channels, 1, size)
        if self.padding == "same":
            signals = F.pad(signals, same_pads([size], [self.frame_length], [self._step])[0])
        frames = F.conv1d(signals, kernel.permute(2, 1, 0), stride=self._step)
        result: torch.Tensor = frames.unflatten(0, (batch, channels))
        return result

    def _ordered(self, spectrum: torch.Tensor) -> torch.Tensor:
        """(B, C, N, T') in the layer's order of axes."""
        if self.data_format == CHANNELS_LAST:
            return spectrum.permute(0, 3, 2, 1) if self.expand_dims else spectrum.flatten(1, 2).mT
        return spectrum.mT if self.expand_dims else spectrum.flatten(1, 2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_rank(self, input_shape, 3)
        frames = window_counts(self, input_shape, [self.frame_length], [self._step], self.padding, self.data_format)[0]
        channels = input_shape[channel_axis(self.data_format)]
        frequencies = self._frequencies * (2 if self.mode == "stft" else 1)
        joined = None if channels is None else channels * frequencies
        if self.data_format == CHANNELS_LAST:
            return (input_shape[0], frames, *((frequencies, channels) if self.expand_dims else (joined,)))
        return (input_shape[0], *((channels, frames, frequencies) if self.expand_dims else (joined, frames)))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mode": self.mode,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
            "padding": self.padding,
            "expand_dims": self.expand_dims,
            "data_format": self.data_format,
        }
