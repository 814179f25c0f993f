"""Steps: what stands in a rewritten graph for several layers. A step is called on tensors, like a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lamina.layers.convolution import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from lamina.layers.convolution.base import split_pads
from lamina.layers.core.dense import Dense
from lamina.layers.geometry import Pads
from lamina.probing import stand_in

from .changes import Change
from .onednn import Kernels, OneDnn

# Values of a kernel that is packed though nothing was folded into it.
_SMALL = 2**20

Factor = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _last_axis(kernel: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return kernel * factor


def _last_axis_but_one(kernel: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return kernel * factor.unsqueeze(-1)


def _last_two_axes(kernel: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return kernel * factor.view(kernel.shape[-2:])


# Layers that are linear in their kernel: which kernel, and how it is multiplied by a factor for each output channel.
LINEAR: dict[type, tuple[str, Factor]] = {
    **dict.fromkeys((Dense, Conv1D, Conv2D, Conv3D), ("kernel", _last_axis)),
    **dict.fromkeys((Conv1DTranspose, Conv2DTranspose, Conv3DTranspose), ("kernel", _last_axis_but_one)),
    **dict.fromkeys((DepthwiseConv1D, DepthwiseConv2D), ("kernel", _last_two_axes)),
    **dict.fromkeys((SeparableConv1D, SeparableConv2D), ("pointwise_kernel", _last_axis)),
}


class Fused:
    """A convolution or `Dense`, and what stands around it: `change(norms(layer(padded x)) + other)`.

    The normalizations go into the kernel and the bias: with `f = gamma / sqrt(variance + epsilon)` for each output
    channel, the kernel is `kernel * f` and the bias `(bias - mean) * f + beta`. What is added and the activation are
    computed in the memory of the result, which nobody else knows.

    Args:
        layer: of an exact type in `LINEAR`, its own activation linear, or `change` in its place.
        norms: `BatchNormalization`s of the layer's output channels, in their order.
        adds: whether it is called with a second tensor, which is added.
        change: the activation after all that.
        pads: the zeros that a layer before it adds, in PyTorch's order of axes; None where there is none.

    Attributes:
        reuse: whether the second tensor is needed by nobody afterwards, so that the result may take its memory.
    """

    def __init__(
        self,
        layer: Any,
        norms: Sequence[Any] = (),
        adds: bool = False,
        change: Change | None = None,
        pads: Pads | None = None,
    ) -> None:
        self.layer, self.norms, self.adds, self.change, self.pads = layer, tuple(norms), adds, change, pads
        self.reuse = False
        self.name = layer.name
        parts = [type(layer).__name__, *(type(norm).__name__ for norm in norms), *(["Add"] if adds else [])]
        self.__name__ = "+".join([*parts, *([change.name] if change is not None else [])])
        self._folded: Any = None
        self._onednn: OneDnn | None = None

    def prepare(self, made: dict[tuple[int, ...], dict[str, torch.Tensor]], found: Kernels | None) -> None:
        """Fold the weights as they are now.

        Args:
            made: what other steps of the same layers have folded.
            found: oneDNN's kernels, if they can be used.
        """
        key = (id(self.layer), *map(id, self.norms))
        if self.norms and key not in made:
            made[key] = folded_weights(self.layer, self.norms)
        weights = made.get(key, {})
        padding = {} if self.pads is None else {"_fixed_padding": split_pads(self.pads)}
        padded = stand_in(self.layer, padding) if padding else self.layer
        self._onednn = OneDnn.of(padded, weights or _small_weights(self.layer), self.change, found)
        # oneDNN has a packed copy of its own; of no rows there is nothing to compute, by whichever weights.
        self._folded = stand_in(
            self.layer, {"activation": None, **padding, **(weights if self._onednn is None else {})}
        )

    def __call__(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        if self._onednn is not None and x.numel():
            return self._onednn(x, other, self.reuse)
        result: torch.Tensor = self._folded.call(x)
        if other is not None:
            result = result.add_(other) if result.shape == other.shape else result + other
        return result if self.change is None else self.change.apply(result)


def _small_weights(layer: Any) -> dict[str, torch.Tensor]:
    """Kernel and bias as they are, where a packed copy of them takes little memory: up to 4 MB."""
    kernel = getattr(layer, LINEAR[type(layer)][0])
    return {"kernel": kernel.detach(), "bias": layer.bias} if kernel.numel() <= _SMALL else {}


class InPlace:
    """An activation that overwrites a tensor which nobody else reads."""

    def __init__(self, change: Change, name: str) -> None:
        self.change, self.name = change, name
        self.__name__ = change.name

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.change.apply(x)


def folded_weights(layer: Any, norms: Sequence[Any]) -> dict[str, torch.Tensor]:
    """Kernel and bias that do what the layer and the normalizations after it do.

    New tensors in the memory order of the weights; 16-bit weights are folded in 32 bits and rounded once.
    """
    name, times = LINEAR[type(layer)]
    kernel = getattr(layer, name)
    dtype = kernel.dtype if kernel.dtype == torch.float64 else torch.float32
    factor: Any = None
    bias = layer.bias
    for norm in norms:
        own = (norm.moving_variance.to(dtype) + norm.epsilon).rsqrt_()
        own = own if norm.gamma is None else own.mul_(norm.gamma)
        bias = -norm.moving_mean.to(dtype) if bias is None else bias.to(dtype) - norm.moving_mean
        bias = bias.mul_(own) if norm.beta is None else bias.mul_(own).add_(norm.beta)
        factor = own if factor is None else factor * own
    return {name: times(kernel.to(dtype), factor).to(kernel.dtype), "bias": bias.to(kernel.dtype)}
