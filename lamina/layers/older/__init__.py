"""Layers that Keras gave up with version 3: for files of older versions, by their exact names, and not exported."""

from .corner_up_sampling import CornerUpSampling2D
from .locally_connected import LocallyConnected1D, LocallyConnected2D
from .thresholded import ThresholdedReLU

__all__ = ["CornerUpSampling2D", "LocallyConnected1D", "LocallyConnected2D", "ThresholdedReLU"]
