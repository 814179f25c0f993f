"""oneDNN: a convolution that adds and rectifies while its result is still in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from lamina._torch import onednn
from lamina.layers.arguments import CHANNELS_LAST
from lamina.layers.convolution import Conv1D, Conv2D, Conv3D, DepthwiseConv1D, DepthwiseConv2D
from lamina.layers.convolution.base import Padding
from lamina.layers.convolution.depthwise import depthwise_kernel

from .changes import Change

Kernels = onednn.Convolutions


_DEPTHWISE = (DepthwiseConv1D, DepthwiseConv2D)


class OneDnn:
    """The convolution of a `Fused` step by those kernels, its weights in the order in which they read them.

    Args:
        layer: the convolution, or a stand-in with another `_fixed_padding`.
        weights: `kernel` and `bias`, as a rule folded; the bias may be None.
    """

    def __init__(self, layer: Any, weights: dict[str, torch.Tensor], change: Change | None, found: Kernels) -> None:
        self.layer, self.found, self.change = layer, found, change
        self.bias = weights["bias"]
        self.padding: Padding | None = layer._fixed_padding
        if isinstance(layer, _DEPTHWISE):
            kernel = depthwise_kernel(weights["kernel"])
            self.groups = kernel.shape[0] // layer.depth_multiplier
        else:
            kernel, self.groups = layer.torch_kernel(weights["kernel"]), layer.groups
        self.channels = kernel.shape[0]
        self.windows = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], layer._lifted_dilation, strict=True)]
        self.cut: _Cut | None = None
        if isinstance(layer, _DEPTHWISE) and self.padding is not None:
            self.cut = _cut_of(self.padding, self.windows, layer._lifted_strides)
        self._plain: torch.Tensor | None = kernel
        self._packed = kernel
        self.inner: tuple[str, list[float]] = ("none", [])
        self.after = change.apply if change is not None else None
        if change is not None and change.onednn is not None:
            self.inner, self.after = change.onednn, None
        # Behind a sum the kernels know the rectifier only.
        self.inner_of_sum = self.inner[0] if self.inner[0] == "relu" else None
        self.after_sum = change.apply if change is not None and self.inner_of_sum is None else None

    @staticmethod
    def of(layer: Any, weights: dict[str, torch.Tensor], change: Change | None, found: Kernels | None) -> OneDnn | None:
        """For channels_last and 32-bit weights on a CPU; else None, and PyTorch's own way is taken."""
        kinds = (Conv1D, Conv2D, Conv3D, *_DEPTHWISE)
        if found is None or not weights or not isinstance(layer, kinds) or layer.data_format != CHANNELS_LAST:
            return None
        if weights["kernel"].device.type != "cpu" or weights["kernel"].dtype != torch.float32:
            return None
        return OneDnn(layer, weights, change, found)

    def __call__(self, x: torch.Tensor, other: torch.Tensor | None, reuse: bool) -> torch.Tensor:
        layer = self.layer
        x = layer._enter(x)
        cut = self.cut if other is None else None
        padding, beyond = self.padding or layer._padding_for(x.shape[2:])
        if cut is not None:
            padding, beyond = cut.padding, None
        x = x if beyond is None else F.pad(x, beyond)
        kernel = self._packed if self._plain is None else self._pack(self._plain, x, padding)
        window = (kernel, self.bias, padding, layer._lifted_strides, layer._lifted_dilation, self.groups)
        if other is None:
            result = self.found.alone(x, *window, *self.inner, None)
            result = result if cut is None else cut.of(result, x, self.windows, layer._lifted_strides)
            return self._left(result if self.after is None else self.after(result))
        other = layer._enter(other)
        if other.shape != self._result_shape(x, padding):  # it is spread over the batch
            result = self.found.alone(x, *window, "none", [], None) + other
            return self._left(result if self.change is None else self.change.apply(result))
        if reuse:
            result = self.found.into(other, x, *window, "add", 1.0, self.inner_of_sum, [], None)
        else:
            result = self.found.plus(x, other, *window, "add", 1.0, self.inner_of_sum, [], None)
        return self._left(result if self.after_sum is None else self.after_sum(result))

    def _pack(self, kernel: torch.Tensor, x: torch.Tensor, padding: tuple[int, ...]) -> torch.Tensor:
        """The kernel in the order in which it is read for inputs as large as these.

        Packed without their size it may come in another order, and each call brings it into the right one first: for
        3x3 of 128 channels on 8x8 that is 7 ms of 7.2 on a processor with AVX2.
        """
        options = (padding, self.layer._lifted_strides, self.layer._lifted_dilation, self.groups, list(x.shape))
        with torch.inference_mode(False), torch.no_grad():
            self._packed = self.found.pack(kernel, *options)
        self._plain = None  # after the other, for the sake of a second thread
        return self._packed

    def _left(self, result: torch.Tensor) -> torch.Tensor:
        """The result in the layer's order of axes."""
        left: torch.Tensor = self.layer._leave(result)
        return left

    def _result_shape(self, x: torch.Tensor, padding: tuple[int, ...]) -> tuple[int, ...]:
        layer = self.layer
        steps = zip(x.shape[2:], padding, self.windows, layer._lifted_strides, strict=True)
        return (x.shape[0], self.channels, *((n + 2 * p - k) // s + 1 for n, p, k, s in steps))


class _Cut(NamedTuple):
    """Padding alike at both ends, and what to keep of the result that comes of it."""

    padding: tuple[int, ...]
    skipped: tuple[int, ...]
    zeros: tuple[int, ...]

    def of(self, result: torch.Tensor, x: torch.Tensor, windows: Sequence[int], strides: Sequence[int]) -> torch.Tensor:
        """The results of the padding that the layer has, densely."""
        axes = zip(self.skipped, self.zeros, windows, strides, strict=True)
        for axis, (first, zeros, window, stride) in enumerate(axes, 2):
            result = result.narrow(axis, first, (x.shape[axis] + zeros - window) // stride + 1)
        return result.contiguous(memory_format=torch.channels_last)


def _cut_of(padding: Padding, windows: Sequence[int], strides: Sequence[int]) -> _Cut | None:
    """How padding that differs at the ends becomes padding alike at both, which goes on within the convolution.

    Where there are more zeros at the end of an axis, so there are now at its beginning, by whole steps: some results
    come first that nobody wants, a row of sixteen, in place of a copy of the input, which is four times as large. (A
    kernel wider by a zero takes three quarters more products, and makes NaN of it and an infinite pixel beside.)
    """
    common, beyond = padding
    if beyond is None:
        return None
    found = []
    ends = zip(common, beyond[-2::-2], beyond[-1::-2], windows, strides, strict=True)
    for both, before, after, window, stride in ends:
        steps = -(-max(after - before, 0) // stride)
        if both + before + steps * stride >= window:  # results of zeros alone
            return None
        found.append((both + before + steps * stride, steps, 2 * both + before + after))
    wider, skipped, zeros = zip(*found, strict=True)
    return _Cut(wider, skipped, zeros)
