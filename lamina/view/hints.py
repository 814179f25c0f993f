"""The main settings of a layer or a call in a few words, and what of its config a person wants to read."""

from __future__ import annotations

from typing import Any

from lamina.graph import Constant, LaminaError, Node, Symbolic, tree

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
    "dilation_rate": "dilated {}",
    "size": "{}",
    "padding": "{}",
    "cropping": "{}",
    "target_shape": "{}",
    "dims": "{}",
    "n": "×{}",
    "rate": "{}",
    "axis": "axis {}",
    "axes": "axes {}",
}
_ALIKE = ("strides", "dilation_rate", "padding", "cropping")  # said once where they are the same along all axes


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
    if (key, sizes) in (("strides", [1]), ("dilation_rate", [1]), ("axis", [-1])):
        return ""
    if key == "strides" and value == config.get("pool_size"):
        return ""
    return _SAYINGS[key].format("×".join(map(str, sizes)))


def call_hint(node: Node) -> str:
    """The plain arguments of a recorded function: ``dim=1`` of ``torch.mean(x, dim=1)``."""
    name = getattr(node.op, "__name__", "")
    if name == "getitem" and len(node.args) == 2:
        key = node.args[1]
        parts = key if isinstance(key, tuple) else (key,)
        return _cut("[" + ", ".join(_index(part) for part in parts) + "]")
    words = [_value(a) for a in node.args if not _holds_symbolic(a)]
    words += [f"{k}={_value(v)}" for k, v in node.kwargs.items() if not _holds_symbolic(v)]
    return _cut(", ".join(words))


def _holds_symbolic(value: Any) -> bool:
    """Or a branch of a choice, or what a loop repeats, even where it reads nothing."""
    return any(isinstance(leaf, Symbolic) or hasattr(leaf, "graph") for leaf in tree.leaves(value))


def _index(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if v is None else _value(v) for v in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, _value(part.step)])
    return "..." if part is Ellipsis else _value(part)


def _value(value: Any) -> str:
    if isinstance(value, Symbolic):
        return "·"
    if isinstance(value, Constant):
        return f"tensor {tuple(value.value.shape)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).removeprefix("torch.")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
