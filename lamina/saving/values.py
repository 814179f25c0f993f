"""Plain values as JSON and back, exactly: what layers' configs and calls' arguments are made of.

JSON's own types stand for themselves. Anything else is an object with one key that begins with ``$``:
``{"$tuple": [1, 2]}``, ``{"$slice": [null, 3, null]}``, ``{"$dtype": "float32"}``.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from .errors import LoadingError, SavingError

Tags = Mapping[str, Callable[[Any], Any]]

_NO_TAGS: Tags = MappingProxyType({})
_SPECIAL_FLOATS = ("inf", "-inf", "nan")
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu)(:\d{1,3})?")


def _members(owner: object, kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(owner).items() if isinstance(value, kind) and not name.startswith("_")}


_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in _members(torch, torch.dtype).values()}
_FORMATS = {str(value).removeprefix("torch."): value for value in _members(torch, torch.memory_format).values()}
_RESULTS = {name: cls for name, cls in _members(torch.return_types, type).items() if issubclass(cls, tuple)}


def no_word(value: Any) -> Any:
    """Refuse a value that JSON has no word for."""
    hint = "plain numbers, strings, lists, tuples and dicts"
    if isinstance(value, (torch.Tensor, np.ndarray)):
        hint = "value.tolist(), or a weight made by add_weight"
    elif hasattr(value, "get_config"):
        hint = "serialize(value) of its package, e.g. lamina.layers.serialize, and deserialize in from_config"
    elif callable(value):
        hint = "a name, e.g. lamina.activations.serialize(value)"
    got = f"{value!r} of type {type(value).__name__}"
    raise SavingError("A file has no word for this value.", got=got[:200], hint=hint)


def encode(value: Any, other: Callable[[Any], Any] = no_word) -> Any:
    """``value`` as JSON types.

    Args:
        other: called for each leaf that is neither plain nor a type of PyTorch's; gives its JSON, or raises.

    Raises:
        SavingError: there is no word for some leaf.

    >>> encode({"shape": (2, None), "rate": float("inf")})
    {'shape': {'$tuple': [2, None]}, 'rate': {'$float': 'inf'}}
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if type(value) is list:
        return [encode(item, other) for item in value]
    if isinstance(value, tuple):
        return _encode_tuple(value, other)
    if type(value) in (dict, OrderedDict):
        return _encode_dict(value, other)
    if isinstance(value, slice):
        return {"$slice": [encode(part, other) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, np.generic) and type(value.item()) in (bool, int, float, complex, str):
        return encode(value.item(), other)
    return _encode_torch(value, other)


def _encode_tuple(value: tuple[Any, ...], other: Callable[[Any], Any]) -> Any:
    name = type(value).__name__
    plain = type(value) in (tuple, torch.Size)
    if not plain and _RESULTS.get(name) is not type(value):
        return other(value)
    items = [encode(item, other) for item in value]
    return {"$tuple": items} if plain else {"$result": [name, items]}


def _encode_dict(value: dict[Any, Any], other: Callable[[Any], Any]) -> Any:
    plain = type(value) is dict and all(type(key) is str and not key.startswith("$") for key in value)
    if plain:
        return {key: encode(item, other) for key, item in value.items()}
    pairs = [[encode(key, other), encode(item, other)] for key, item in value.items()]
    return {"$dict": pairs} if type(value) is dict else {"$ordered_dict": pairs}


def _encode_torch(value: Any, other: Callable[[Any], Any]) -> Any:
    if value is ...:
        return {"$ellipsis": None}
    if type(value) is complex:
        return {"$complex": [encode(value.real), encode(value.imag)]}
    for tag, kind, table in (("$dtype", torch.dtype, _DTYPES), ("$memory_format", torch.memory_format, _FORMATS)):
        if isinstance(value, kind):
            return {tag: next(name for name, known in table.items() if known is value)}
    if isinstance(value, torch.device) and _DEVICE.fullmatch(str(value)):
        return {"$device": str(value)}
    return other(value)


def decode(data: Any, tags: Tags = _NO_TAGS) -> Any:
    """Reverse of `encode`.

    Args:
        tags: further ``$`` words -> what to make of the JSON under them.

    Raises:
        LoadingError: not JSON types, or a word that is not known.

    >>> decode({"shape": {"$tuple": [2, None]}})
    {'shape': (2, None)}
    """
    if data is None or type(data) in (bool, int, float, str):
        return data
    if type(data) in (list, tuple):  # a tuple is no JSON: somebody changed a config by hand
        return type(data)(decode(item, tags) for item in data)
    if type(data) is not dict or not all(type(key) is str for key in data):
        raise LoadingError("A config is made of JSON types only.", got=f"{type(data).__name__}: {data!r}"[:120])
    words = [key for key in data if key.startswith("$")]
    if not words:
        return {key: decode(item, tags) for key, item in data.items()}
    word, content = words[0], data[words[0]]
    if len(data) > 1 or (word not in _WORDS and word not in tags):
        known = ", ".join((*_WORDS, *tags))
        raise LoadingError("A config holds a word that is not known.", got=f"{data!r}"[:120], expected=known)
    if word in tags:
        return tags[word](content)
    try:
        return _WORDS[word](content, tags)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, LoadingError):
            raise
        raise LoadingError(f"A config says {word} of something that is none.", got=f"{content!r}"[:120]) from error


def _pairs(content: Any, tags: Tags) -> list[tuple[Any, Any]]:
    return [(decode(key, tags), decode(item, tags)) for key, item in content]


def _float(content: Any, _: Tags) -> float:
    if content not in _SPECIAL_FLOATS:
        raise ValueError(content)
    return float(content)


def _slice(content: Any, tags: Tags) -> slice:
    start, stop, step = (decode(part, tags) for part in content)
    return slice(start, stop, step)


def _complex(content: Any, tags: Tags) -> complex:
    real, imag = (decode(part, tags) for part in content)
    return complex(float(real), float(imag))


def _device(content: Any, _: Tags) -> torch.device:
    if not _DEVICE.fullmatch(content):
        raise ValueError(content)
    return torch.device(content)


def _result(content: Any, tags: Tags) -> Any:
    name, items = content
    return _RESULTS[name](decode(items, tags))


def _tuple(content: Any, tags: Tags) -> tuple[Any, ...]:
    if type(content) is not list:
        raise TypeError(content)
    return tuple(decode(item, tags) for item in content)


_WORDS: dict[str, Callable[[Any, Tags], Any]] = {
    "$tuple": _tuple,
    "$float": _float,
    "$slice": _slice,
    "$dict": lambda content, tags: dict(_pairs(content, tags)),
    "$ordered_dict": lambda content, tags: OrderedDict(_pairs(content, tags)),
    "$ellipsis": lambda content, tags: ...,
    "$complex": _complex,
    "$dtype": lambda content, tags: _DTYPES[content],
    "$memory_format": lambda content, tags: _FORMATS[content],
    "$device": _device,
    "$result": _result,
}


def name_of_dtype(dtype: torch.dtype) -> str:
    """``"float32"``; the reverse is `dtype_of_name`, which knows nothing else."""
    return next(name for name, known in _DTYPES.items() if known is dtype)


def dtype_of_name(name: str) -> torch.dtype:
    if name not in _DTYPES:
        raise LoadingError(f"No dtype is called {name!r}.", expected=", ".join(_DTYPES))
    result: torch.dtype = _DTYPES[name]
    return result


def widest(dtype: torch.dtype) -> torch.dtype:
    """The dtype through which any value of ``dtype`` becomes a Python number and back without loss."""
    if dtype.is_complex:
        return torch.complex128
    return torch.float64 if dtype.is_floating_point else dtype


def numbers_of(tensor: torch.Tensor) -> Any:
    """The values of a tensor as a flat list of JSON types, without loss."""
    return encode(tensor.detach().cpu().to(widest(tensor.dtype)).flatten().tolist())


def tensor_of(numbers: Any, shape: list[int], dtype: torch.dtype) -> torch.Tensor:
    """Reverse of `numbers_of`.

    >>> tensor_of(numbers_of(torch.ones(2)), [2], torch.float32)
    tensor([1., 1.])
    """
    return torch.tensor(decode(numbers), dtype=widest(dtype)).to(dtype).reshape(shape)
