"""One safe file: models and weights to disk and back. Nothing in a file is imported, evaluated or unpickled."""

from typing import TYPE_CHECKING

from lamina.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from lamina.public_names import names_of

from .budget import memory_budget
from .checkpoint import load_checkpoint, save_checkpoint
from .errors import DamagedFileError, LoadingError, SavingError
from .file_editor import KerasFileEditor
from .inspection import FileFacts, inspect_file
from .keras_objects import deserialize_keras_object, serialize_keras_object
from .model_file import load_model, model_from_json, model_to_json, save_model
from .report import LoadReport
from .translations import Translation, Translations, TranslationWarning
from .weights_file import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "DamagedFileError",
    "FileFacts",
    "KerasFileEditor",
    "LoadReport",
    "LoadingError",
    "SavingError",
    "Translation",
    "TranslationWarning",
    "Translations",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "inspect_file",
    "load_checkpoint",
    "load_model",
    "load_weights",
    "memory_budget",
    "model_from_json",
    "model_to_json",
    "register_keras_serializable",
    "save_checkpoint",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
