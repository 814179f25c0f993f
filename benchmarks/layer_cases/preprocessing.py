"""What prepares data within a model. Layers on whole numbers have no gradients: their forward pass alone is timed."""

import torch
import torch.nn.functional as F

from .case import Case, Floats, Integers, Tensors, to_nchw, to_nhwc

ROWS, IMAGES = (Floats((1000, 1000)),), (Floats((8, 64, 64, 3)),)
TOKENS = 1000
MEANS, VARIANCES = [i / 1000 for i in range(1000)], [1.0 + i / 1000 for i in range(1000)]
MEANS_TENSOR, DEVIATIONS_TENSOR = torch.tensor(MEANS), torch.tensor(VARIANCES).sqrt()
EDGES = [-1.0, -0.5, 0.0, 0.5, 1.0]
EDGES_TENSOR = torch.tensor(EDGES)


def _multi_hot(x: Tensors, w: Tensors) -> torch.Tensor:
    """Negative numbers, which are left out, have a column of their own."""
    columns = torch.where(x[0] < 0, TOKENS, x[0])
    return torch.zeros(len(x[0]), TOKENS + 1).scatter_(1, columns, 1.0)[:, :TOKENS]


def _resized(x: Tensors, w: Tensors) -> torch.Tensor:
    return to_nhwc(F.interpolate(to_nchw(x[0]), (48, 48), mode="bilinear"))


def _spectrogram(x: Tensors, w: Tensors) -> torch.Tensor:
    """Of one channel, by the transform's kernels as they are trained."""
    real, imag = (F.conv1d(x[0].mT, kernel.permute(2, 1, 0), stride=128) for kernel in w)
    return (real.square() + imag.square()).clamp(min=1e-7).sqrt().mT


CASES = [
    Case("Rescaling", "1000x1000", lambda L: L.Rescaling(1 / 255, -0.5), ROWS, lambda x, w: x[0] * (1 / 255) - 0.5),
    Case("Normalization", "1000x1000", lambda L: L.Normalization(mean=MEANS, variance=VARIANCES), ROWS,
         lambda x, w: (x[0] - MEANS_TENSOR) / DEVIATIONS_TENSOR),
    Case("Resizing", "8x64x64x3 to 48x48", lambda L: L.Resizing(48, 48), IMAGES, _resized),
    Case("CenterCrop", "32x64x64x3 to 48x48", lambda L: L.CenterCrop(48, 48), (Floats((32, 64, 64, 3)),),
         lambda x, w: x[0][:, 8:56, 8:56]),
    Case("CategoryEncoding", "1024x20 of 1000", lambda L: L.CategoryEncoding(TOKENS), (Integers((1024, 20), TOKENS),),
         _multi_hot),
    Case("Discretization", "1000x100", lambda L: L.Discretization(EDGES), (Floats((1000, 100)),),
         lambda x, w: torch.bucketize(x[0], EDGES_TENSOR, right=True, out_int32=True)),
    Case("STFTSpectrogram", "8x16000x1", lambda L: L.STFTSpectrogram("magnitude", 256, 128), (Floats((8, 16000, 1)),),
         _spectrogram),
]  # fmt: skip
