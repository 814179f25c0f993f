"""oneDNN: a convolution that adds and rectifies while its result is still in the cache."""

from __future__ import annotations

from typing import Any

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
            if self.padding is not None and max(layer._lifted_dilation) == 1:
                kernel, self.padding = _with_zeros(kernel, self.padding)
        else:
            kernel, self.groups = layer.torch_kernel(weights["kernel"]), layer.groups
        self.channels = kernel.shape[0]
        self.windows = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], layer._lifted_dilation, strict=True)]
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
        padding, beyond = self.padding or layer._padding_for(x.shape[2:])
        x = x if beyond is None else F.pad(x, beyond)
        kernel = self._packed if self._plain is None else self._pack(self._plain, x, padding)
        window = (kernel, self.bias, padding, layer._lifted_strides, layer._lifted_dilation, self.groups)
        if other is None:
            result = self.found.alone(x, *window, *self.inner, None)
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


def _with_zeros(kernel: torch.Tensor, padding: Padding) -> tuple[torch.Tensor, Padding]:
    """A depthwise kernel and the padding that go on what nobody has padded before, alike at both ends.

    Where there is one zero more at the end of an axis, so there is now at its beginning, and the kernel begins with a
    zero in return. That is a third to three quarters more of few products, in place of a copy of the input.
    """
    common, beyond = padding
    if beyond is None or max(beyond) > 1:
        return kernel, padding
    ends = list(zip(beyond[-2::-2], beyond[-1::-2], strict=True))
    more = [(max(after - before, 0), max(before - after, 0)) for before, after in ends]
    wider = F.pad(kernel, [side for pair in reversed(more) for side in pair])
    return wider, (tuple(both + max(pair) for both, pair in zip(common, ends, strict=True)), None)
