"""One safe file: models and weights to disk and back. Nothing in a file is imported, evaluated or unpickled."""

from .checkpoint import load_checkpoint, save_checkpoint
from .errors import DamagedFileError, LoadingError, SavingError
from .model_file import load_model, model_from_json, model_to_json, save_model
from .weights_file import load_weights, save_weights

__all__ = [
    "DamagedFileError",
    "LoadingError",
    "SavingError",
    "load_checkpoint",
    "load_model",
    "load_weights",
    "model_from_json",
    "model_to_json",
    "save_checkpoint",
    "save_model",
    "save_weights",
]
