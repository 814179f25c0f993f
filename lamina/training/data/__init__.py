"""Data in: one adapter per kind, one file per kind. Nothing here knows models, losses or steps."""

from .arrays import Arrays
from .batch import pack_x_y_sample_weight, unpack
from .choose import source_of
from .errors import DataError
from .py_dataset import PyDataset
from .source import Batch, Source
from .tensors import as_tensors

__all__ = [
    "Arrays",
    "Batch",
    "DataError",
    "PyDataset",
    "Source",
    "as_tensors",
    "pack_x_y_sample_weight",
    "source_of",
    "unpack",
]
