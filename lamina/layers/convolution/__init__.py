"""Layers whose kernels slide over time, images and volumes."""

from lamina.layers.convolution.conv import Conv1D, Conv2D, Conv3D
from lamina.layers.convolution.depthwise import DepthwiseConv1D, DepthwiseConv2D
from lamina.layers.convolution.separable import SeparableConv1D, SeparableConv2D
from lamina.layers.convolution.transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

# Keras' long names for the same layers.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]
