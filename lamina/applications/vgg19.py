"""VGG19, by Keras' place for it; `lamina.applications.vgg` tells of it."""

from typing import TYPE_CHECKING

from lamina.public_names import names_of

from .imagenet_utils import decode_predictions
from .modes import caffe_pixels as preprocess_input
from .vgg import VGG19

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
