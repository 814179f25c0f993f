"""Flatten, Reshape, Permute, RepeatVector; padding, cropping, repeating in space."""

from __future__ import annotations

from tests.layers.cases.form import FIRST, case
from tests.layers.cases.wrong import bad_argument, bad_input

CASES = [
    case("Flatten", (2, 3, 4, 5)),
    case("Flatten", (2,)),
    case("Flatten", (2, 3, 4, 5), **FIRST),
    case("Flatten", (2, 3), **FIRST),
    case("Reshape", (2, 12), target_shape=(4, 3)),
    case("Reshape", (2, 4, 6), target_shape=(-1, 3)),
    case("Reshape", (2, 1), target_shape=()),
    case("Reshape", (2, 3, 4), target_shape=(-1,)),
    case("Permute", (2, 3, 4), dims=(2, 1)),
    case("Permute", (2, 3, 4, 5), dims=(3, 1, 2)),
    case("Permute", (2, 3), dims=(1,)),
    case("RepeatVector", (2, 4), n=3),
    case("RepeatVector", (2, 4), n=1),
    case("RepeatVector", (1, 1), n=5),
    case("ZeroPadding1D", (2, 5, 3)),
    case("ZeroPadding1D", (2, 5, 3), padding=(2, 0)),
    case("ZeroPadding1D", (2, 5, 3), padding=3, **FIRST),
    case("ZeroPadding2D", (2, 5, 4, 3)),
    case("ZeroPadding2D", (2, 5, 4, 3), padding=(2, 0)),
    case("ZeroPadding2D", (2, 5, 4, 3), padding=((1, 2), (3, 0)), **FIRST),
    case("ZeroPadding3D", (2, 5, 4, 3, 2)),
    case("ZeroPadding3D", (2, 5, 4, 3, 2), padding=(2, 0, 1)),
    case("ZeroPadding3D", (2, 5, 4, 3, 2), padding=((1, 2), (3, 0), (0, 1)), **FIRST),
    case("Cropping1D", (2, 5, 3)),
    case("Cropping1D", (2, 5, 3), cropping=(2, 0)),
    case("Cropping1D", (2, 5, 3), cropping=0),
    case("Cropping2D", (2, 5, 4, 3)),
    case("Cropping2D", (2, 5, 4, 3), cropping=1),
    case("Cropping2D", (2, 3, 5, 4), cropping=((1, 2), (0, 3)), **FIRST),
    case("Cropping3D", (2, 5, 4, 3, 2)),
    case("Cropping3D", (2, 5, 4, 3, 2), cropping=(2, 0, 1)),
    case("Cropping3D", (2, 2, 5, 4, 3), cropping=((1, 2), (3, 0), (0, 1)), **FIRST),
    case("UpSampling1D", (2, 5, 3)),
    case("UpSampling1D", (2, 5, 3), size=3),
    case("UpSampling1D", (2, 5, 3), size=1),
    case("UpSampling2D", (2, 5, 4, 3)),
    case("UpSampling2D", (2, 5, 4, 3), size=(3, 7)),
    case("UpSampling2D", (2, 3, 5, 4), size=(1, 2), **FIRST),
    case("UpSampling2D", (2, 5, 4, 3), size=2, interpolation="bilinear"),
    case("UpSampling2D", (2, 3, 5, 4), size=3, interpolation="bicubic", **FIRST),
    case("UpSampling3D", (2, 5, 4, 3, 2)),
    case("UpSampling3D", (2, 5, 4, 3, 2), size=(1, 2, 3)),
    case("UpSampling3D", (2, 2, 3, 4, 3), size=2, **FIRST),
]


ERRORS = [
    bad_argument("Reshape", r"Reshape: target_shape cannot be \(-1, -1\).*one unknown size", target_shape=(-1, -1)),
    bad_argument("Reshape", "Reshape: target_shape cannot be -2", target_shape=(-2, 3)),
    bad_argument("Reshape", "Reshape: target_shape cannot be 'flat'", target_shape="flat"),
    bad_argument("Permute", r"Permute: dims cannot be \(0, 1\).*each of 1..n once", dims=(0, 1)),
    bad_argument("Permute", "Permute: dims cannot be 2", dims=2),
    bad_argument("RepeatVector", "RepeatVector: n cannot be 0", n=0),
    bad_argument("RepeatVector", "RepeatVector: n cannot be 1.5", n=1.5),
    bad_argument("ZeroPadding2D", "ZeroPadding2D: padding cannot be -1", padding=-1),
    bad_argument("ZeroPadding2D", r"padding cannot be \(1, 2, 3\).*2 pairs of integers", padding=(1, 2, 3)),
    bad_argument("ZeroPadding1D", r"padding cannot be \(1, 2, 3\)", padding=(1, 2, 3)),
    bad_argument("Cropping2D", "Cropping2D: cropping cannot be -1", cropping=((1, 2), (-1, 0))),
    bad_argument("UpSampling2D", "UpSampling2D: size cannot be 0", size=0),
    bad_argument(
        "UpSampling2D", "interpolation cannot be 'cubic'.*'nearest', 'bilinear', 'bicubic'", interpolation="cubic"
    ),
    bad_input(
        "width",
        "Reshape",
        (None, 10),
        "12 values for each example, not 10.*a target_shape whose product is 10",
        target_shape=(3, 4),
    ),
    bad_input("width", "Reshape", (None, 10), "4 or a multiple for each example, not 10", target_shape=(-1, 4)),
    bad_input("rank", "Permute", (None, 3), "3 axes.*not 2", dims=(2, 1)),
    bad_input("rank", "RepeatVector", (None, 3, 4), "2 axes.*not 3", n=2),
    bad_input("rank", "ZeroPadding2D", (None, 3, 4), "4 axes.*not 3"),
    bad_input("geometry", "Cropping2D", (None, 4, 9, 1), "at least 5 x 5.*a smaller cropping=", cropping=2),
    bad_input("rank", "UpSampling1D", (None, 3), "3 axes.*not 2"),
]
