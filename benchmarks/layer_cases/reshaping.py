"""What moves, repeats or frames values."""

import torch.nn.functional as F

from .case import Case, Floats, to_ncdhw, to_nchw, to_ndhwc, to_nhwc

LINES, PLANES, SPACES = (Floats((32, 128, 256)),), (Floats((32, 32, 32, 64)),), (Floats((8, 16, 16, 16, 32)),)

CASES = [
    Case("Flatten", "32x32x32x64", lambda L: L.Flatten(), PLANES, lambda x, w: x[0].flatten(1)),
    Case("Permute", "32x128x256", lambda L: L.Permute((2, 1)), LINES, lambda x, w: x[0].permute(0, 2, 1)),
    Case("Reshape", "32x128x256", lambda L: L.Reshape((128, 16, 16)), LINES,
         lambda x, w: x[0].reshape(-1, 128, 16, 16)),
    Case("RepeatVector", "256x512, 10 times", lambda L: L.RepeatVector(10), (Floats((256, 512)),),
         lambda x, w: x[0].unsqueeze(1).expand(-1, 10, -1)),
    Case("Cropping1D", "32x128x256", lambda L: L.Cropping1D(2), LINES, lambda x, w: x[0][:, 2:-2]),
    Case("Cropping2D", "32x32x32x64", lambda L: L.Cropping2D(2), PLANES, lambda x, w: x[0][:, 2:-2, 2:-2]),
    Case("Cropping3D", "8x16x16x16x32", lambda L: L.Cropping3D(2), SPACES, lambda x, w: x[0][:, 2:-2, 2:-2, 2:-2]),
    Case("ZeroPadding1D", "32x128x256", lambda L: L.ZeroPadding1D(2), LINES, lambda x, w: F.pad(x[0], (0, 0, 2, 2))),
    Case("ZeroPadding2D", "32x32x32x64", lambda L: L.ZeroPadding2D(2), PLANES,
         lambda x, w: F.pad(x[0], (0, 0, 2, 2, 2, 2))),
    Case("ZeroPadding3D", "8x16x16x16x32", lambda L: L.ZeroPadding3D(2), SPACES,
         lambda x, w: F.pad(x[0], (0, 0, 2, 2, 2, 2, 2, 2))),
    Case("UpSampling1D", "32x128x256", lambda L: L.UpSampling1D(2), LINES, lambda x, w: x[0].repeat_interleave(2, 1)),
    Case("UpSampling2D", "32x16x16x64", lambda L: L.UpSampling2D(2), (Floats((32, 16, 16, 64)),),
         lambda x, w: to_nhwc(F.interpolate(to_nchw(x[0]), scale_factor=2))),
    Case("UpSampling2D", "32x16x16x64, bilinear", lambda L: L.UpSampling2D(2, interpolation="bilinear"),
         (Floats((32, 16, 16, 64)),),
         lambda x, w: to_nhwc(F.interpolate(to_nchw(x[0]), scale_factor=2, mode="bilinear"))),
    Case("UpSampling3D", "8x8x8x8x32", lambda L: L.UpSampling3D(2), (Floats((8, 8, 8, 8, 32)),),
         lambda x, w: to_ndhwc(F.interpolate(to_ncdhw(x[0]), scale_factor=2))),
]  # fmt: skip
