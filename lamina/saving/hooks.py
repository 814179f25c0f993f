"""Keras' hooks of saving, by which a class of the user's tells more than config and weights: which a file carries.

``get_build_config`` with ``build_from_config``, and ``get_compile_config`` with ``compile_from_config``, stand in it as
data, and run where the class is handed over. Assets and variables of a class's own have no place in it: such a model is
refused, since what the hooks would write is gone otherwise.
"""

from __future__ import annotations

from typing import Any

from lamina.layers import Layer

from .errors import SavingError
from .objects_out import object_to_config
from .values import encode

_NOT_CARRIED = ("save_assets", "load_assets", "save_own_variables", "load_own_variables")


def refuse_hooks_not_carried(model: Any) -> None:
    """Before a model is written.

    Raises:
        SavingError: a layer's class would write more than a file of Lamina's holds; names the layer and the hooks.
    """
    for part in model.modules():
        found = [name for name in _NOT_CARRIED if overrides(part, name)] if isinstance(part, Layer) else []
        if found:
            raise SavingError(
                f"{part.label} cannot be saved: its class saves more than a model file holds, and that would be gone.",
                got=", ".join(f"{type(part).__name__}.{name}" for name in found),
                expected="all that the layer needs in its weights, its buffers and its get_config()",
                hint="self.add_weight(..., trainable=False) or self.register_buffer for arrays, get_config() for lists "
                "and texts; or model.save_weights(path), and what the hooks write beside it",
            )


def overrides(thing: Any, hook: str) -> bool:
    """Whether a class, or the class of an object, has a hook that is not Lamina's.

    >>> from lamina.layers import Dense
    >>> overrides(Dense(1), "get_build_config")
    False
    """
    cls = thing if isinstance(thing, type) else type(thing)
    place = next((base for base in cls.__mro__ if hook in vars(base)), None)
    return place is not None and not place.__module__.startswith("lamina.")


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
