"""Layers that prepare data: what they need to know comes from the data, not from training."""

from . import augmentation
from .augmentation import *  # noqa: F403
from .box_counts import MaxNumBoundingBoxes
from .category_encoding import CategoryEncoding
from .discretization import Discretization
from .hashed_crossing import HashedCrossing
from .hashing import Hashing
from .integer_lookup import IntegerLookup
from .mel_spectrogram import MelSpectrogram
from .normalization import Normalization
from .pictures import CenterCrop, Resizing
from .rescaling import Rescaling
from .spectrogram import STFTSpectrogram
from .string_lookup import StringLookup
from .text_vectorization import TextVectorization

__all__ = [
    "CategoryEncoding",
    "CenterCrop",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "MaxNumBoundingBoxes",
    "MelSpectrogram",
    "Normalization",
    "Rescaling",
    "Resizing",
    "STFTSpectrogram",
    "StringLookup",
    "TextVectorization",
]
__all__ += augmentation.__all__  # a star within the list is none of what type checkers read
