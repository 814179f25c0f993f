"""Keras' hooks of saving, by which a class of the user's tells more than config and weights.

``get_build_config`` with ``build_from_config``, and ``get_compile_config`` with ``compile_from_config``, stand in a
file as data, and run where the class is handed over. Variables and assets: see `own_state`.
"""

from __future__ import annotations

from typing import Any

from .errors import SavingError
from .objects_out import object_to_config
from .values import encode

# `Distiller` is compiled otherwise than any model, so its own hooks count.
_OF_TRAINING = ("get_compile_config", "compile_from_config")
_OF_MODELS = ("lamina.models.", "lamina.training.")


def overrides(thing: Any, hook: str) -> bool:
    """Whether a class, or the class of an object, has a hook that is not Lamina's; of training, not that of `Model`.

    >>> from lamina.layers import Dense
    >>> overrides(Dense(1), "get_build_config")
    False
    """
    cls = thing if isinstance(thing, type) else type(thing)
    place = next((base for base in cls.__mro__ if hook in vars(base)), None)
    return place is not None and not place.__module__.startswith(_OF_MODELS if hook in _OF_TRAINING else "lamina.")


def build_config_of(layer: Any) -> Any:
    """What tells how the layer was built; None where nothing has to be told.

    Raises:
        SavingError: the class's own hook gives something else than a dict.
    """
    told = layer.get_build_config()
    if told is not None and not isinstance(told, dict):
        raise SavingError(f"{layer.label} cannot be saved: its get_build_config() gives no dict.", got=f"{told!r}"[:80])
    return told


def told_by_hook(thing: Any, get: str, put: str) -> Any:
    """What the class's own hook ``get`` tells, as JSON types; None where it has neither hook of its own.

    Raises:
        SavingError: the hook tells what a file has no word for.
    """
    if not (overrides(thing, get) or overrides(thing, put)):
        return None
    return encode(getattr(thing, get)(), object_to_config)
