"""ResNet-50, by Keras' older place for it; `lamina.applications.resnet` tells of it."""

from typing import TYPE_CHECKING

from lamina.public_names import names_of

from .resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
