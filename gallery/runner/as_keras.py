"""A process in which `lamina` means Keras, so that an example's file builds Keras' model from the same lines."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType


def become_keras(backend: str = "torch") -> ModuleType:
    """From here on `import lamina` gives Keras. To be called before either is imported."""
    os.environ["KERAS_BACKEND"] = backend
    keras = importlib.import_module("keras")

    if keras.backend.backend() != backend:
        raise RuntimeError(f"Keras runs on {keras.backend.backend()}, expected {backend}: was it imported before?")
    sys.modules["lamina"] = keras
    for name in dir(keras):
        if isinstance(part := getattr(keras, name), ModuleType):
            sys.modules[f"lamina.{name}"] = part
    return keras
