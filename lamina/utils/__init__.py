"""Keras' `utils` names: small helpers around models and data, from where they really live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamina.backend import clear_session, is_keras_tensor, standardize_dtype
from lamina.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from lamina.missing_files import MissingDataError
from lamina.public_names import names_of
from lamina.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from lamina.tracebacks import door
from lamina.training.data import pack_x_y_sample_weight

from . import bounding_boxes
from .archives import ArchiveError
from .data_files import DataFileError
from .datasets import PyDataset, Sequence, split_dataset, unpack_x_y_sample_weight
from .directories import audio_dataset_from_directory, image_dataset_from_directory, text_dataset_from_directory
from .feature_space import FeatureSpace
from .files import get_file
from .images import array_to_img, img_to_array, load_img, save_img
from .numerical import normalize, to_categorical
from .progbar import Progbar
from .seed import set_random_seed
from .sequences import pad_sequences
from .settings import Config
from .source_inputs import get_source_inputs
from .windows import timeseries_dataset_from_array

if TYPE_CHECKING:
    from lamina.view import model_to_dot, plot_model

__all__ = [
    "ArchiveError",
    "DataFileError",
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "MissingDataError",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "bounding_boxes",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


@door
def __getattr__(name: str) -> Any:
    if name in ("model_to_dot", "plot_model"):  # pictures are seldom wanted
        import lamina.view

        return getattr(lamina.view, name)
    return _look_up(name)


_look_up, __dir__ = names_of(__name__, __all__)
