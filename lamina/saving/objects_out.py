"""Objects in configs as JSON types, in Keras' words, by Lamina's own modules; `objects_in` is the way back."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from lamina.custom_objects import get_registered_name
from lamina.registry import Absent, config_of

from .classes import MODELS
from .objects_in import PACKAGES, SINGLE, own_object
from .values import encode, no_word


def object_to_config(obj: Any) -> Any:
    """An object, or named function, as JSON types; for `encode`.

    Raises:
        SavingError: it has neither a name nor ``get_config``.
    """
    if isinstance(obj, FunctionType):
        name = get_registered_name(obj)
        if name == "<lambda>":
            return no_word(obj)
        own = any(own_object(one, obj.__name__) is obj for one in PACKAGES.values())
        registered = None if own else "function"
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": registered}
    if isinstance(obj, Absent):
        return obj.serialized
    cls = type(obj)
    if not hasattr(obj, "get_config") or cls is type:
        return no_word(obj)
    ours = next((name for name, package in PACKAGES.items() if own_object(package, cls.__name__) is cls), None)
    ours = next((package for package, own in SINGLE.values() if own is cls), ours)
    ours = "models" if MODELS.get(cls.__name__) is cls else ours
    return {
        "module": cls.__module__ if ours is None else f"lamina.{ours}",
        "class_name": cls.__name__,
        "config": encode(config_of(obj), object_to_config),
        "registered_name": get_registered_name(cls) if ours is None else None,
    }
