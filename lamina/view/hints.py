"""The main settings of a layer in a few words, and what of its config a person wants to read."""

from __future__ import annotations

from typing import Any

from lamina.graph import LaminaError, tree
from lamina.layers.convolution.transpose import _ConvTranspose
from lamina.layers.reshaping.enlarge import _UpSampling
from lamina.layers.reshaping.order import RepeatVector
from lamina.one_line import said

from .families import family_of

_LONGEST = 30
_NOT_SAID = ("name", "trainable", "dtype", "batch_shape", "optional")
# How to say an argument, in the order in which they are said. "{}" is its value.
_SAYINGS = {
    "filters": "{}",
    "units": "{}",
    "input_dim": "{} →",
    "output_dim": "{}",
    "num_heads": "{} heads",
    "key_dim": "of {}",
    "num_query_heads": "{} heads",
    "head_dim": "of {}",
    "num_tokens": "{}",
    "num_bins": "{} bins",
    "kernel_size": "{}",
    "pool_size": "{}",
    "strides": "/{}",
    "enlarged": "×{}",
    "dilation_rate": "dilated {}",
    "size": "{}",
    "padding": "{}",
    "cropping": "{}",
    "target_shape": "{}",
    "dims": "{}",
    "rate": "{}",
    "axis": "axis {}",
    "axes": "axes {}",
}
_ALIKE = (
    "strides",
    "enlarged",
    "dilation_rate",
    "padding",
    "cropping",
)  # said once where they are the same along all axes


def config_of(op: Any) -> dict[str, Any]:
    """What ``get_config`` says of a layer's own arguments; nothing for layers that cannot say."""
    if getattr(op, "graph", None) is not None or not hasattr(op, "get_config"):
        return {}
    try:
        config = op.get_config()
    except (LaminaError, NotImplementedError, AttributeError, TypeError, ValueError, RuntimeError):
        return {}  # a user's own layer may be unfinished; a picture of it is wanted all the same
    return {key: _plain(value) for key, value in config.items() if key not in _NOT_SAID}


def _plain(value: Any) -> Any:
    """Initializers and their like by their names alone."""
    if isinstance(value, dict):
        return value.get("class_name", value)
    return value


def hint_of(op: Any, config: dict[str, Any]) -> str:
    """A few words on a layer; what the arguments of a class of the user's own mean is not known, so they are named."""
    if family_of(op) == "custom":
        return _cut(", ".join(f"{key}={said(value)}" for key, value in config.items() if _is_plain(value)))
    words = dict(config)
    if isinstance(op, RepeatVector):
        return f"{op.n} times"
    if isinstance(op, _ConvTranspose):  # whose strides enlarge
        words["enlarged"] = words.pop("strides", None)
    if isinstance(op, _UpSampling):
        words["enlarged"] = words.pop("size", None)
    return config_hint(words)


def _is_plain(value: Any) -> bool:
    """Numbers and sizes, and words that were given."""
    return isinstance(value, (bool, int, float, str)) or (isinstance(value, (list, tuple)) and 0 < len(value) < 4)


def config_hint(config: dict[str, Any]) -> str:
    """A few words on a layer.

    >>> config_hint({"filters": 64, "kernel_size": [3, 3], "strides": [2, 2]})
    '64, 3×3, /2'
    >>> config_hint({"input_dim": 1000, "output_dim": 64})
    '1000 → 64'
    """
    words = [_say(key, config) for key in _SAYINGS if key in config]
    if "filters" not in config and "units" not in config and isinstance(config.get("activation"), str):
        words.append(config["activation"])
    return _cut(", ".join(w for w in words if w).replace("→, ", "→ ").replace("heads, of", "heads of"))


def _say(key: str, config: dict[str, Any]) -> str:
    value = config[key]
    if value is None or isinstance(value, (dict, str)):
        return ""
    if key in ("target_shape", "dims"):
        return str(tuple(value))
    sizes = list(tree.leaves(value))
    if key in _ALIKE and len(set(sizes)) == 1:
        sizes = sizes[:1]
    if (key, sizes) in (("strides", [1]), ("enlarged", [1]), ("dilation_rate", [1]), ("axis", [-1])):
        return ""
    if key == "strides" and value == config.get("pool_size"):
        return ""
    return _SAYINGS[key].format("×".join(map(str, sizes)))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
