"""oneDNN: a convolution that adds and rectifies while its result is still in the cache."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import onednn
from lamina.layers.arguments import CHANNELS_LAST
from lamina.layers.convolution import Conv1D, Conv2D, Conv3D

from .changes import Change

Kernels = onednn.Convolutions


class OneDnn:
    """The convolution of a `Fused` step by those kernels, its weights in the order in which they read them."""

    def __init__(self, layer: Any, weights: dict[str, torch.Tensor], change: Change | None, found: Kernels) -> None:
        self.layer, self.found, self.change = layer, found, change
        self.bias = weights["bias"]
        kernel = layer.torch_kernel(weights["kernel"])
        self.channels = kernel.shape[0]
        options = ([0] * layer._torch_rank, layer._lifted_strides, layer._lifted_dilation, layer.groups)
        self.kernel = found.pack(kernel, *options)
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
        if found is None or type(layer) not in (Conv1D, Conv2D, Conv3D) or layer.data_format != CHANNELS_LAST:
            return None
        if weights["kernel"].device.type != "cpu" or weights["kernel"].dtype != torch.float32:
            return None
        return OneDnn(layer, weights, change, found)

    def __call__(self, x: torch.Tensor, other: torch.Tensor | None, reuse: bool) -> torch.Tensor:
        layer = self.layer
        x, padding = layer.padded(layer._enter(x))
        window = (self.kernel, self.bias, padding, layer._lifted_strides, layer._lifted_dilation, layer.groups)
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

    def _left(self, result: torch.Tensor) -> torch.Tensor:
        """The result in the layer's order of axes."""
        left: torch.Tensor = self.layer._leave(result)
        return left

    def _result_shape(self, x: torch.Tensor, padding: tuple[int, ...]) -> tuple[int, ...]:
        layer = self.layer
        steps = zip(x.shape[2:], padding, layer._lifted_windows, layer._lifted_strides, strict=True)
        return (x.shape[0], self.channels, *((n + 2 * p - k) // s + 1 for n, p, k, s in steps))
