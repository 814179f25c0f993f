"""Layers that make a model generalize: noise in training, and penalties."""

from lamina.layers.regularization.activity import ActivityRegularization
from lamina.layers.regularization.dropout import Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from lamina.layers.regularization.noise import AlphaDropout, GaussianDropout, GaussianNoise

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]
