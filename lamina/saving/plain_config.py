"""What `get_config` gives the user: Python's own values, where a file has a ``$`` word for each; and the way back.

A tuple is a tuple, an infinite number is a number. What JSON has no word for is told as Keras tells it:
``{"class_name": "__slice__", "config": {...}}``. Only in the arguments of functions in a graph are tuples told in this
way too: ``x[0, 1]`` and ``x[[0, 1]]`` differ, and must still do so after JSON, which has lists alone.
"""

from __future__ import annotations

from typing import Any

_SLICE = ("start", "stop", "step")
_OF_FUNCTION = ("args", "kwargs")


def plain(data: Any, exact: bool = False) -> Any:
    """JSON types of a file as plain values.

    Args:
        exact: keep what JSON would lose: tuples, keys that are no text.

    >>> plain({"size": {"$tuple": [1, None]}, "key": {"$slice": [1, None, None]}})
    {'size': (1, None), 'key': {'class_name': '__slice__', 'config': {'start': 1, 'stop': None, 'step': None}}}
    """
    if isinstance(data, (list, tuple)):
        return type(data)(plain(item, exact) for item in data)
    if not isinstance(data, dict):
        return data
    if len(data) != 1 or not (word := next(iter(data))).startswith("$"):
        calls = "function" in data and "args" in data
        return {key: plain(item, exact or (calls and key in _OF_FUNCTION)) for key, item in data.items()}
    content = data[word]
    if word == "$float":
        return float(content)
    if word == "$tuple" and not exact:
        return tuple(plain(item) for item in content)
    if word in ("$dict", "$ordered_dict"):
        pairs = [[plain(key, exact), plain(item, exact)] for key, item in content]
        if not exact and not any(isinstance(key, str) and key.startswith("$") for key, _ in pairs):
            return dict(pairs)
        return _told(word, pairs)
    if word == "$slice":
        return _told(word, dict(zip(_SLICE, plain(content, exact), strict=True)))
    return _told(word, {} if content is None else plain(content, exact))


def _told(word: str, content: Any) -> dict[str, Any]:
    return {"class_name": f"__{word[1:]}__", "config": content}


# Every ``$`` word that `plain` tells by a class name: of values, of graphs, of what a class was given.
_WORDS = {
    f"__{word}__": f"${word}"
    for word in (
        "tuple", "slice", "dict", "ordered_dict", "ellipsis", "complex", "dtype", "memory_format", "device", "result",
        "node", "constant", "closure", "object", "inputs", "outputs",
    )
}  # fmt: skip
_EMPTY = frozenset(("$ellipsis", "$inputs", "$outputs"))


def worded(data: Any, models: bool = True) -> Any:
    """Reverse of `plain`, for `decode`; what is in a file's words already stays.

    A model that is part of a layer (`TimeDistributed`) reads its own config, so that one is left as it is.

    Args:
        models: whether ``data`` may be the config of a model that is read here.

    >>> worded({"class_name": "__slice__", "config": {"start": 1, "stop": None, "step": None}})
    {'$slice': [1, None, None]}
    """
    if isinstance(data, (list, tuple)):
        return type(data)(worded(item, models) for item in data)
    if not isinstance(data, dict) or (not models and _of_model(data)):
        return data
    word = _WORDS.get(name) if isinstance(name := data.get("class_name"), str) else None
    if word is None or data.keys() != {"class_name", "config"}:
        within = models and ("class_name" not in data or "drawn" in data)
        pairs = {key: worded(item, within) for key, item in data.items()}
        return (
            pairs if all(isinstance(key, str) for key in pairs) else {"$dict": [list(pair) for pair in pairs.items()]}
        )
    content = data["config"]
    if word in _EMPTY:
        return {word: None}
    if word == "$slice" and isinstance(content, dict):
        content = [content.get(part) for part in _SLICE]
    return {word: worded(content, models)}


def _of_model(data: dict[str, Any]) -> bool:
    layers = data.get("layers")
    entries = layers if isinstance(layers, (list, tuple)) else ()
    return "nodes" in data or any(isinstance(entry, dict) and "id" in entry for entry in entries)
