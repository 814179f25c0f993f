"""Normalizations, in training mode."""

import torch
import torch.nn.functional as F

from .case import Case, Floats, Tensors, to_nchw, to_nhwc

IMAGES, SEQUENCES, ROWS = (Floats((32, 32, 32, 64)),), (Floats((32, 128, 256)),), (Floats((32, 64)),)


def _batch_norm(x: Tensors, w: Tensors) -> torch.Tensor:
    gamma, beta, mean, variance = w
    return F.batch_norm(x[0], mean, variance, gamma, beta, True, 0.01, 1e-3)


def _layer_norm(x: Tensors, w: Tensors) -> torch.Tensor:
    return F.layer_norm(x[0], w[0].shape, w[0], w[1], 1e-3)


def _batch_norm_of_images(x: Tensors, w: Tensors) -> torch.Tensor:
    return to_nhwc(_batch_norm([to_nchw(x[0])], w))


def _group_norm(x: Tensors, w: Tensors) -> torch.Tensor:
    return to_nhwc(F.group_norm(to_nchw(x[0]), 8, w[0], w[1], 1e-3))


def _rms_norm(x: Tensors, w: Tensors) -> torch.Tensor:
    return F.rms_norm(x[0], w[0].shape, w[0], 1e-6)


def _unit_norm(x: Tensors, w: Tensors) -> torch.Tensor:
    return F.normalize(x[0], dim=-1, eps=1e-6)


def _spectral(x: Tensors, w: Tensors) -> torch.Tensor:
    """One step of power iteration, the kernel divided by its largest singular value, and the product with it."""
    kernel, left, bias = w
    with torch.no_grad():
        right = F.normalize(left @ kernel.T)
        left.copy_(F.normalize(right @ kernel))
        kernel.div_(right @ kernel @ left.T)
    return F.linear(x[0], kernel.clone().T, bias)


CASES = [
    Case("BatchNormalization", "32x32x32x64", lambda L: L.BatchNormalization(), IMAGES, _batch_norm_of_images),
    Case("BatchNormalization", "1024x512", lambda L: L.BatchNormalization(), (Floats((1024, 512)),), _batch_norm),
    Case("BatchNormalization", "32x64", lambda L: L.BatchNormalization(), ROWS, _batch_norm),
    Case("LayerNormalization", "32x128x256", lambda L: L.LayerNormalization(), SEQUENCES, _layer_norm),
    Case("LayerNormalization", "32x64", lambda L: L.LayerNormalization(), ROWS, _layer_norm),
    Case("GroupNormalization", "32x32x32x64, 8 groups", lambda L: L.GroupNormalization(8), IMAGES, _group_norm),
    Case("RMSNormalization", "32x128x256", lambda L: L.RMSNormalization(), SEQUENCES, _rms_norm),
    Case("UnitNormalization", "32x128x256", lambda L: L.UnitNormalization(), SEQUENCES, _unit_norm),
    Case("SpectralNormalization", "of Dense, 256x512, 512 units", lambda L: L.SpectralNormalization(L.Dense(512)),
         (Floats((256, 512)),), _spectral),
]  # fmt: skip
