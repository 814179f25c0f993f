"""Layers that give the same values another shape, a border, or more room."""

from lamina.layers.reshaping.border import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from lamina.layers.reshaping.enlarge import UpSampling1D, UpSampling2D, UpSampling3D
from lamina.layers.reshaping.order import Flatten, Permute, RepeatVector, Reshape

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]
