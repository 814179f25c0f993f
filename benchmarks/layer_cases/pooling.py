"""Pooling over windows and over everything."""

import torch.nn.functional as F

from .case import Case, Floats, to_ncdhw, to_nchw, to_ncl, to_ndhwc, to_nhwc, to_nlc

LINES, PLANES, SPACES = (Floats((32, 128, 64)),), (Floats((32, 32, 32, 64)),), (Floats((8, 16, 16, 16, 32)),)
SMALL = (Floats((8, 8, 8, 16)),)


CASES = [
    Case("MaxPooling1D", "32x128x64", lambda L: L.MaxPooling1D(2), LINES,
         lambda x, w: to_nlc(F.max_pool1d(to_ncl(x[0]), 2))),
    Case("MaxPooling2D", "32x32x32x64", lambda L: L.MaxPooling2D(2), PLANES,
         lambda x, w: to_nhwc(F.max_pool2d(to_nchw(x[0]), 2))),
    Case("MaxPooling2D", "8x8x8x16", lambda L: L.MaxPooling2D(2), SMALL,
         lambda x, w: to_nhwc(F.max_pool2d(to_nchw(x[0]), 2))),
    Case("MaxPooling3D", "8x16x16x16x32", lambda L: L.MaxPooling3D(2), SPACES,
         lambda x, w: to_ndhwc(F.max_pool3d(to_ncdhw(x[0]), 2))),
    Case("AveragePooling1D", "32x128x64", lambda L: L.AveragePooling1D(2), LINES,
         lambda x, w: to_nlc(F.avg_pool1d(to_ncl(x[0]), 2))),
    Case("AveragePooling2D", "32x32x32x64", lambda L: L.AveragePooling2D(2), PLANES,
         lambda x, w: to_nhwc(F.avg_pool2d(to_nchw(x[0]), 2))),
    Case("AveragePooling3D", "8x16x16x16x32", lambda L: L.AveragePooling3D(2), SPACES,
         lambda x, w: to_ndhwc(F.avg_pool3d(to_ncdhw(x[0]), 2))),
    Case("GlobalMaxPooling1D", "32x128x64", lambda L: L.GlobalMaxPooling1D(), LINES, lambda x, w: x[0].amax(1)),
    Case("GlobalMaxPooling2D", "32x32x32x64", lambda L: L.GlobalMaxPooling2D(), PLANES,
         lambda x, w: x[0].amax((1, 2))),
    Case("GlobalMaxPooling3D", "8x16x16x16x32", lambda L: L.GlobalMaxPooling3D(), SPACES,
         lambda x, w: x[0].amax((1, 2, 3))),
    Case("GlobalAveragePooling1D", "32x128x64", lambda L: L.GlobalAveragePooling1D(), LINES,
         lambda x, w: x[0].mean(1)),
    Case("GlobalAveragePooling2D", "32x32x32x64", lambda L: L.GlobalAveragePooling2D(), PLANES,
         lambda x, w: x[0].mean((1, 2))),
    Case("GlobalAveragePooling2D", "8x8x8x16", lambda L: L.GlobalAveragePooling2D(), SMALL,
         lambda x, w: x[0].mean((1, 2))),
    Case("GlobalAveragePooling3D", "8x16x16x16x32", lambda L: L.GlobalAveragePooling3D(), SPACES,
         lambda x, w: x[0].mean((1, 2, 3))),
    Case("AdaptiveAveragePooling1D", "32x128x64 to 16", lambda L: L.AdaptiveAveragePooling1D(16), LINES,
         lambda x, w: to_nlc(F.adaptive_avg_pool1d(to_ncl(x[0]), 16))),
    Case("AdaptiveAveragePooling2D", "32x32x32x64 to 8x8", lambda L: L.AdaptiveAveragePooling2D(8), PLANES,
         lambda x, w: to_nhwc(F.adaptive_avg_pool2d(to_nchw(x[0]), 8))),
    Case("AdaptiveAveragePooling3D", "8x16x16x16x32 to 4x4x4", lambda L: L.AdaptiveAveragePooling3D(4), SPACES,
         lambda x, w: to_ndhwc(F.adaptive_avg_pool3d(to_ncdhw(x[0]), 4))),
    Case("AdaptiveMaxPooling1D", "32x128x64 to 16", lambda L: L.AdaptiveMaxPooling1D(16), LINES,
         lambda x, w: to_nlc(F.adaptive_max_pool1d(to_ncl(x[0]), 16))),
    Case("AdaptiveMaxPooling2D", "32x32x32x64 to 8x8", lambda L: L.AdaptiveMaxPooling2D(8), PLANES,
         lambda x, w: to_nhwc(F.adaptive_max_pool2d(to_nchw(x[0]), 8))),
    Case("AdaptiveMaxPooling3D", "8x16x16x16x32 to 4x4x4", lambda L: L.AdaptiveMaxPooling3D(4), SPACES,
         lambda x, w: to_ndhwc(F.adaptive_max_pool3d(to_ncdhw(x[0]), 4))),
]  # fmt: skip
