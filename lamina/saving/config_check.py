"""Whether a layer's config gives its class what that is made with; told before it is written."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from lamina.custom_objects import get_registered_name
from lamina.graph import tree
from lamina.layers import Layer, TorchModule
from lamina.layers.given import config_of, given_of

from .classes import holds_layers, init_arguments, made_by_init
from .errors import SavingError

# What the base class puts into every config. A class whose __init__ does not take it gets it back from the entry.
_BASE_ARGUMENTS = ("name", "trainable", "dtype")


def config_for_init(layer: Layer) -> dict[str, Any]:
    """What ``from_config`` will be given, checked to be enough where it is handed to ``__init__`` as it is."""
    cls = type(layer)
    why: str | None = None
    try:
        config = config_of(layer)
    except NotImplementedError as error:
        config, why = None, str(error)
    if not isinstance(config, dict):
        raise SavingError(
            f"{layer.label} cannot be saved: its get_config() gives no dict.",
            got=why or repr(config)[:80],
            hint=_hint(layer, ()),
        )
    if not made_by_init(cls) and not holds_layers(cls, "read_config", "from_config"):
        return config  # a from_config of its own may make anything of it
    kind: Any = cls
    required, named, takes_any = init_arguments(kind)
    config = {key: value for key, value in config.items() if takes_any or key in named or key not in _BASE_ARGUMENTS}
    missing = [name for name in required if name not in config]
    foreign = [name for name in config if not takes_any and name not in named]
    if missing or foreign:
        due = [f"also {', '.join(map(repr, missing))}"] if missing else []
        due += [f"not {', '.join(map(repr, foreign))}"] if foreign else []
        raise SavingError(
            f"{layer.label} cannot be saved: its get_config() does not give what {cls.__name__}.__init__ takes.",
            got=f"get_config() with {', '.join(map(repr, layer.get_config()))}",
            expected=f"{'; '.join(due)}: the arguments of {cls.__name__}.__init__",
            hint=_hint(layer, missing),
        )
    return config


def _hint(layer: Layer, missing: Any) -> str:
    if isinstance(layer, TorchModule):
        return "a Layer that makes the module in __init__, with its arguments in get_config; or model.save_weights"
    pairs = "".join(f', "{name}": self.{name}' for name in missing)
    return f"def get_config(self): return {{**super().get_config(){pairs}}}; or model.save_weights"


def objects_within(layer: Layer) -> dict[str, Any]:
    """Classes and functions of the user's that the layer holds, by the names that stand for them in its config."""
    found: dict[str, Any] = {}
    for part in layer.modules():
        given = given_of(part)
        values = [list(vars(part).values()), *([] if given is None else [given.args, list(given.kwargs.values())])]
        kinds = [
            value for value in tree.leaves(values) if hasattr(value, "get_config") or isinstance(value, FunctionType)
        ]
        for kind in [type(part), *(value if hasattr(value, "__name__") else type(value) for value in kinds)]:
            if not str(kind.__module__).startswith("lamina."):
                found[get_registered_name(kind)] = found[kind.__name__] = kind
    return found
