"""``layers.experimental``, where Keras 2 had its preprocessing layers: `lamina.layers` has them by the same names."""

from . import preprocessing

__all__ = ["preprocessing"]
