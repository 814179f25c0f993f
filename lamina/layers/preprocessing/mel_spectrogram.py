"""MelSpectrogram: a signal as strengths of tones over time, as an ear tells them apart."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import choice, flag, number, refuse, whole
from lamina.layers.geometry import Shape, shape_error
from lamina.ops.fourier import stft

from .data_layer import DataLayer

_WINDOWS = ("hann", "hamming")


class MelSpectrogram(DataLayer):
    """The strength of each of M bands of tones in each of T' frames of a signal.

    The magnitude of the short-time Fourier transform, of frames whose middles lie `sequence_stride` samples apart, is
    raised to `mag_exp` and summed by triangular weights over bands that lie evenly on the mel scale, `1127 ln(1 + f /
    700)`; with `power_to_db` as decibels, `10 log10(x / ref_power)`, at most `top_db` below the largest of all.

    Input (T,) or (B, T), output (M, T') or (B, M, T') with T' = T // sequence_stride + 1.

    Args:
        fft_length: samples of the transform.
        sequence_stride: samples from one frame to the next.
        sequence_length: samples of a frame, at most `fft_length`, which is the default.
        window: "hann" or "hamming".
        sampling_rate: samples a second.
        num_mel_bins: M.
        min_freq, max_freq: of the bands, in Hz; up to half the sampling rate by default.
        power_to_db: whether the result is in decibels.
        top_db: the range of the result, in decibels.
        mag_exp: 1 for magnitudes, 2 for power.
        min_power: below which a power counts as this.
        ref_power: that counts as 0 decibels.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not one or two axes.

    >>> MelSpectrogram(num_mel_bins=40)(torch.rand(2, 16000)).shape
    torch.Size([2, 40, 32])
    """

    casts_integers = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = whole(self, "fft_length", fft_length)
        self.sequence_stride = whole(self, "sequence_stride", sequence_stride)
        self.sequence_length = whole(self, "sequence_length", sequence_length or fft_length)
        if self.sequence_length > self.fft_length:
            raise refuse(self, "sequence_length", sequence_length, f"at most fft_length={fft_length}")
        self.window = choice(self, "window", window, _WINDOWS)
        self.sampling_rate = number(self, "sampling_rate", sampling_rate, 1.0)
        self.num_mel_bins = whole(self, "num_mel_bins", num_mel_bins)
        self.min_freq = number(self, "min_freq", min_freq, 0.0)
        self.max_freq = number(self, "max_freq", max_freq or int(sampling_rate / 2), 0.0)
        if self.max_freq <= self.min_freq:
            raise refuse(self, "max_freq", max_freq, f"more than min_freq={min_freq}")
        self.power_to_db = flag(self, "power_to_db", power_to_db)
        self.top_db = number(self, "top_db", top_db, 0.0)
        self.mag_exp = number(self, "mag_exp", mag_exp, 0.0)
        self.min_power = number(self, "min_power", min_power, 0.0)
        self.ref_power = number(self, "ref_power", ref_power, -float("inf"))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        self._refuse_short(inputs.shape)
        signals = inputs if inputs.dtype in (torch.float32, torch.float64) else inputs.float()
        real, imag = stft(
            signals, self.sequence_length, self.sequence_stride, self.fft_length, window=self.window, center=True
        )
        strength = (real.square() + imag.square()).sqrt()
        if self.mag_exp != 1:
            strength = strength**self.mag_exp
        result = strength @ self._bands(strength)
        if self.power_to_db:
            result = 10 * result.clamp(min=self.min_power).log10()
            reference = torch.tensor(max(abs(self.ref_power), self.min_power), dtype=result.dtype)
            result = result - 10 * reference.log10().item()
            result = torch.maximum(result, result.amax() - self.top_db)
        turned: torch.Tensor = result.mT
        return turned.to(self._torch_dtype)

    def _bands(self, like: torch.Tensor) -> torch.Tensor:
        """(N, M): how much of each frequency counts in each band."""
        dtype, device = like.dtype, like.device
        tones = torch.linspace(0, self.sampling_rate / 2, like.shape[-1], dtype=dtype, device=device)[1:]
        tones = _mel(tones).unsqueeze(1)
        ends = _mel(torch.tensor([self.min_freq, self.max_freq], dtype=dtype, device=device))
        steps = torch.linspace(0, 1, self.num_mel_bins + 2, dtype=dtype, device=device)
        edges = ends[0] + steps * (ends[1] - ends[0])
        below, middle, above = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (tones - below) / (middle - below), (above - tones) / (above - middle)
        weights = torch.minimum(rising, falling).clamp(min=0)
        return torch.cat((torch.zeros_like(weights[:1]), weights))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 2):
            raise shape_error(self, input_shape, f"1 or 2 axes, not {len(input_shape)}")
        size = input_shape[-1]
        if size is not None:
            self._refuse_short(input_shape)
        frames = None if size is None else (size - self.fft_length % 2) // self.sequence_stride + 1
        return (*input_shape[:-1], self.num_mel_bins, frames)

    def _refuse_short(self, shape: Any) -> None:
        half = self.fft_length // 2
        if shape[-1] <= half:
            raise shape_error(
                self, shape, f"more than {half} samples, half of fft_length", "ops.pad, or a shorter fft_length"
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fft_length": self.fft_length,
            "sequence_stride": self.sequence_stride,
            "sequence_length": self.sequence_length,
            "window": self.window,
            "sampling_rate": self.sampling_rate,
            "num_mel_bins": self.num_mel_bins,
            "min_freq": self.min_freq,
            "max_freq": self.max_freq,
            "power_to_db": self.power_to_db,
            "top_db": self.top_db,
            "mag_exp": self.mag_exp,
            "min_power": self.min_power,
            "ref_power": self.ref_power,
        }


def _mel(frequency: torch.Tensor) -> torch.Tensor:
    return 1127.0 * torch.log1p(frequency / 700.0)
