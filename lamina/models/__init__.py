"""Models: graphs of layers that are ``nn.Module``s."""

from typing import TYPE_CHECKING

from lamina.public_names import names_of

from .clone import clone_model
from .files import MODEL_CLASSES as MODEL_CLASSES
from .files import load_model, model_from_json, save_model
from .model import Model
from .of_module import of_module as of_module
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
