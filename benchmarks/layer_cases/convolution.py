"""Convolutions: over lines (B, T, C), planes (B, H, W, C) and spaces (B, H, W, D, C)."""

from functools import partial

import torch
import torch.nn.functional as F

from .case import Case, Floats, Tensors, to_ncdhw, to_nchw, to_ncl, to_ndhwc, to_nhwc, to_nlc

LINES, PLANES, SPACES = (Floats((32, 128, 64)),), (Floats((32, 32, 32, 64)),), (Floats((4, 8, 16, 16, 16)),)
SMALL = (Floats((8, 16, 16, 16)),)


def convolved(weights: Tensors) -> Tensors:
    """Kernels (..., in, out) seen as (out, in, ...); transposed ones (..., out, in) as (in, out, ...)."""
    return [w if w.dim() == 1 else w.movedim((-1, -2), (0, 1)) for w in weights]


def depthwise(weights: Tensors) -> Tensors:
    """The kernel (..., C, multiplier) as PyTorch's (C * multiplier, 1, ...), for groups of one channel."""
    return [w if w.dim() == 1 else _per_channel(w) for w in weights]


def separable(weights: Tensors) -> Tensors:
    return [_per_channel(weights[0]), weights[1].movedim((-1, -2), (0, 1)), weights[2]]


def _per_channel(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.movedim((-2, -1), (0, 1)).flatten(0, 1).unsqueeze(1)


def _causal(x: Tensors, w: Tensors) -> torch.Tensor:
    return to_nlc(F.conv1d(F.pad(to_ncl(x[0]), (4, 0)), w[0], w[1], dilation=2))


def _separable1d(x: Tensors, w: Tensors) -> torch.Tensor:
    return to_nlc(F.conv1d(F.conv1d(to_ncl(x[0]), w[0], padding=1, groups=64), w[1], w[2]))


def _separable2d(x: Tensors, w: Tensors) -> torch.Tensor:
    return to_nhwc(F.conv2d(F.conv2d(to_nchw(x[0]), w[0], padding=1, groups=64), w[1], w[2]))


_conv = partial(Case, held=convolved)

CASES = [
    _conv("Conv1D", "32x128x64, 64 filters of 3, same", lambda L: L.Conv1D(64, 3, padding="same"), LINES,
         lambda x, w: to_nlc(F.conv1d(to_ncl(x[0]), w[0], w[1], padding=1))),
    _conv("Conv1D", "32x128x64, 64 filters of 3, causal, dilated",
         lambda L: L.Conv1D(64, 3, padding="causal", dilation_rate=2), LINES, _causal),
    _conv("Conv2D", "32x32x32x64, 64 filters of 3x3, same", lambda L: L.Conv2D(64, 3, padding="same"), PLANES,
         lambda x, w: to_nhwc(F.conv2d(to_nchw(x[0]), w[0], w[1], padding=1))),
    _conv("Conv2D", "32x32x32x64, 64 filters of 3x3, strides 2", lambda L: L.Conv2D(64, 3, strides=2), PLANES,
         lambda x, w: to_nhwc(F.conv2d(to_nchw(x[0]), w[0], w[1], 2))),
    _conv("Conv2D", "8x16x16x16, 16 filters of 3x3, relu", lambda L: L.Conv2D(16, 3, activation="relu"), SMALL,
         lambda x, w: F.relu(to_nhwc(F.conv2d(to_nchw(x[0]), w[0], w[1])))),
    _conv("Conv3D", "4x8x16x16x16, 32 filters of 3x3x3, same", lambda L: L.Conv3D(32, 3, padding="same"), SPACES,
         lambda x, w: to_ndhwc(F.conv3d(to_ncdhw(x[0]), w[0], w[1], padding=1))),
    _conv("Conv1DTranspose", "32x128x64, 32 filters of 2, strides 2", lambda L: L.Conv1DTranspose(32, 2, 2), LINES,
         lambda x, w: to_nlc(F.conv_transpose1d(to_ncl(x[0]), w[0], w[1], 2))),
    _conv("Conv2DTranspose", "32x16x16x64, 32 filters of 2x2, strides 2", lambda L: L.Conv2DTranspose(32, 2, 2),
         (Floats((32, 16, 16, 64)),), lambda x, w: to_nhwc(F.conv_transpose2d(to_nchw(x[0]), w[0], w[1], 2))),
    _conv("Conv3DTranspose", "4x8x8x8x16, 16 filters of 2x2x2, strides 2", lambda L: L.Conv3DTranspose(16, 2, 2),
         (Floats((4, 8, 8, 8, 16)),), lambda x, w: to_ndhwc(F.conv_transpose3d(to_ncdhw(x[0]), w[0], w[1], 2))),
    _conv("DepthwiseConv1D", "32x128x64, kernel of 3, same", lambda L: L.DepthwiseConv1D(3, padding="same"), LINES,
         lambda x, w: to_nlc(F.conv1d(to_ncl(x[0]), w[0], w[1], padding=1, groups=64)), held=depthwise),
    _conv("DepthwiseConv2D", "32x32x32x64, kernel of 3x3, same", lambda L: L.DepthwiseConv2D(3, padding="same"), PLANES,
         lambda x, w: to_nhwc(F.conv2d(to_nchw(x[0]), w[0], w[1], padding=1, groups=64)), held=depthwise),
    _conv("SeparableConv1D", "32x128x64, 64 filters of 3, same", lambda L: L.SeparableConv1D(64, 3, padding="same"),
         LINES, _separable1d, held=separable),
    _conv("SeparableConv2D", "32x32x32x64, 64 filters of 3x3, same",
         lambda L: L.SeparableConv2D(64, 3, padding="same"), PLANES, _separable2d, held=separable),
]  # fmt: skip
