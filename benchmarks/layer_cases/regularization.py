"""Noise and penalties, in training mode."""

import torch
import torch.nn.functional as F

from .case import Case, Floats, to_ncdhw, to_nchw, to_ncl, to_ndhwc, to_nhwc, to_nlc

ROWS, SMALL = (Floats((1000, 1000)),), (Floats((32, 64)),)


def _noise(layer, size, make, inputs, plain):
    return Case(layer, size, make, inputs, plain, random=True)


CASES = [
    _noise("Dropout", "1000x1000", lambda L: L.Dropout(0.3), ROWS, lambda x, w: F.dropout(x[0], 0.3)),
    _noise("Dropout", "32x64", lambda L: L.Dropout(0.3), SMALL, lambda x, w: F.dropout(x[0], 0.3)),
    _noise("AlphaDropout", "1000x1000", lambda L: L.AlphaDropout(0.3), ROWS,
           lambda x, w: F.alpha_dropout(x[0], 0.3, True)),
    _noise("GaussianDropout", "1000x1000", lambda L: L.GaussianDropout(0.3), ROWS,
           lambda x, w: x[0] * (1 + (0.3 / 0.7) ** 0.5 * torch.randn_like(x[0]))),
    _noise("GaussianNoise", "1000x1000", lambda L: L.GaussianNoise(0.1), ROWS,
           lambda x, w: x[0] + 0.1 * torch.randn_like(x[0])),
    _noise("SpatialDropout1D", "32x128x256", lambda L: L.SpatialDropout1D(0.3), (Floats((32, 128, 256)),),
           lambda x, w: to_nlc(F.dropout1d(to_ncl(x[0]), 0.3))),
    _noise("SpatialDropout2D", "32x32x32x64", lambda L: L.SpatialDropout2D(0.3), (Floats((32, 32, 32, 64)),),
           lambda x, w: to_nhwc(F.dropout2d(to_nchw(x[0]), 0.3))),
    _noise("SpatialDropout3D", "8x16x16x16x32", lambda L: L.SpatialDropout3D(0.3), (Floats((8, 16, 16, 16, 32)),),
           lambda x, w: to_ndhwc(F.dropout3d(to_ncdhw(x[0]), 0.3))),
    Case("ActivityRegularization", "1000x1000", lambda L: L.ActivityRegularization(l2=0.01), ROWS,
         lambda x, w: (x[0], 0.01 * x[0].square().sum() / len(x[0])), losses=True),
]  # fmt: skip
