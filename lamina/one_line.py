"""One line: what an object says of itself where a person prints it, ``<Dense "hidden": (None, 8) → (None, 4)>``.

A repr is printed by debuggers and in messages of errors, of objects that are half made too. So it asks for what is
there, runs little, and never raises.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from typing import Any

import torch

_LONGEST = 300  # characters of a whole line
_VALUE = 48  # and of one value
_PLAINER = {"→": "->", "×": "x", "…": "...", "−": "-"}
_SHOWN = 6  # values of a tensor
_PLAIN = (bool, int, float, str, list, tuple)
_UNSAID = frozenset(("self", "name", "dtype", "kwargs", "args"))
_ANY = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def one_line(describe: Callable[[Any], str]) -> Callable[[Any], str]:
    """Makes a ``__repr__`` of a function that says what stands between ``<`` and ``>``.

    >>> class Box:
    ...     __repr__ = one_line(lambda box: f"Box of {box.content}")
    >>> box = Box()
    >>> box
    <Box, half made>
    >>> box.content = "two\\nlines"
    >>> box
    <Box of two lines>
    """

    @wraps(describe)
    def said_of(self: Any) -> str:
        try:
            text = describe(self)
        except Exception:  # noqa: BLE001  whatever is missing, an object that is shown in an error must not hide it
            text = f"{type(self).__name__}, half made"
        return f"<{encodable(shortened(' '.join(text.split()), _LONGEST))}>"

    said_of.is_one_line = True  # type: ignore[attr-defined]
    return said_of


def quietly(ask: Callable[[], Any], otherwise: Any = None) -> Any:
    """What a function returns; something else where it raises: a part of a line that cannot be told is left out."""
    try:
        return ask()
    except Exception:  # noqa: BLE001  see above
        return otherwise


def encodable(text: str, encoding: str | None = None) -> str:
    """The text in signs that the standard output can write: arrows in ASCII, other signs as escapes.

    >>> encodable("(2, 3) → (2,) größe", "ascii")
    '(2, 3) -> (2,) gr\\\\xf6\\\\xdfe'
    """
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, plain in _PLAINER.items():
            text = text if _can_write(sign, encoding) else text.replace(sign, plain)
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:  # no encoding that Python knows
        return encodable(text, "ascii")
    return text


def _can_write(sign: str, encoding: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def shortened(text: str, longest: int) -> str:
    """The text, cut at the end where it is longer."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def named(thing: Any, *parts: str | None) -> str:
    """``Dense "hidden": parts, parts``: the class, the name where there is one, and what is known besides."""
    name = quietly(lambda: thing.name)
    head = f'{type(thing).__name__} "{name}"' if isinstance(name, str) else type(thing).__name__
    return _with(head, [part for part in parts if part])


def of_settings(thing: Any) -> str:
    """The class and what it was made with, defaults too: ``L2: l2=0.01``."""
    return _with(type(thing).__name__, settings(thing, always=parameters_of(type(thing))))


def named_with_settings(thing: Any) -> str:
    """The class, the name where it is not made from the class, and what differs from the defaults."""
    name = quietly(lambda: thing.name)
    made_up = not isinstance(name, str) or _key(name) == _key(type(thing).__name__)
    head = type(thing).__name__ if made_up else f'{type(thing).__name__} "{name}"'
    return _with(head, settings(thing, always=["monitor"]))


def _with(head: str, told: Iterable[str]) -> str:
    text = ", ".join(told)
    return f"{head}: {text}" if text else head


def settings(thing: Any, always: Iterable[str] = (), ask: bool = True, leave_out: Iterable[str] = ()) -> list[str]:
    """Arguments that an object was made with, as ``name=value``.

    Args:
        always: names of those that are told although they have their default, unless that is nothing: None, False or 0.
        ask: whether its ``get_config`` is called; else, and where that raises, attributes of the same names are read.
        leave_out: names that are not told.
    """
    parameters = parameters_of(type(thing))
    config = quietly(thing.get_config) if ask and hasattr(thing, "get_config") else None
    told = []
    for name, parameter in parameters.items():
        if name in _UNSAID or name in leave_out:
            continue
        value = _value_of(thing, config, name)
        told_always = name in always and not _is_nothing(value)
        if value is inspect.Parameter.empty or (not told_always and _is_default(value, parameter.default)):
            continue
        told.append(f"{name}={said(value)}")
    return told


def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """What the constructor takes; that of a base too where it passes keywords on."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        if init is None or base is object:
            continue
        parameters = quietly(partial(_signature, init), {})
        for name, parameter in parameters.items():
            if parameter.kind not in _ANY:
                found.setdefault(name, parameter)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return found


def _value_of(thing: Any, config: Any, name: str) -> Any:
    """An argument as the config has it; else an attribute, which beside a config may be what was made of it."""
    if isinstance(config, Mapping) and name in config:
        return config[name]
    own = getattr(thing, "__dict__", {})
    value = own.get(name, own.get(f"_{name}", inspect.Parameter.empty))
    if value is inspect.Parameter.empty and type(thing).__module__.startswith("lamina."):  # not the user's property
        value = quietly(lambda: getattr(thing, name), inspect.Parameter.empty)
    plain = isinstance(value, _PLAIN) or not isinstance(config, Mapping)
    own_method = getattr(value, "__self__", None) is thing  # a hook that was not given
    return value if plain and not own_method else inspect.Parameter.empty


def _is_default(value: Any, default: Any) -> bool:
    if value is None or value is default:
        return True
    if isinstance(default, str) and not isinstance(value, str):  # an object that was given by its name
        return _key(default) == _key(_kind(value))
    if isinstance(value, list) and isinstance(default, tuple):
        value = tuple(value)
    if isinstance(default, int | float) and isinstance(value, list | tuple):  # one number for all axes
        return bool(value) and all(_equal(item, default) for item in value)
    return type(value) is type(default) and _equal(value, default)


def _equal(value: Any, other: Any) -> bool:
    return bool(quietly(lambda: bool(value == other), False))


def _is_nothing(value: Any) -> bool:
    """None, False, 0, an empty list; an array is something."""
    return bool(quietly(lambda: not value, False))


def _signature(init: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(init).parameters


def _key(text: str) -> str:
    return text.replace("_", "").lower()


def _kind(value: Any) -> str:
    if isinstance(value, Mapping) and "class_name" in value:
        inner = value.get("config")
        return str(inner if value["class_name"] == "function" and isinstance(inner, str) else value["class_name"])
    return str(getattr(value, "__name__", None) or type(value).__name__)


def said(value: Any, digits: int = 6) -> str:
    """A value in a few words: numbers in so many digits, an array by its shape, a function or an object by its name.

    >>> said(0.1 + 0.2), said("same"), said(max), said([1, (2, 3)]), said({"class_name": "Zeros", "config": {}})
    ('0.3', "'same'", 'max', '[1, (2, 3)]', 'Zeros')
    """
    if isinstance(value, bool | int | str | type(None)):
        return shortened(repr(value), _VALUE)
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    shape = quietly(lambda: tuple(value.shape))
    if isinstance(shape, tuple):
        return f"{type(value).__name__} {shape}" if shape else _number(value, digits)
    if isinstance(value, Mapping) and "class_name" not in value:
        text = ", ".join(f"{key}: {said(item)}" for key, item in list(value.items())[:5])
        return shortened(f"{{{text}{', …' if len(value) > 5 else ''}}}", _VALUE)
    if type(value) in (list, tuple):
        text = ", ".join(said(item) for item in value[:5]) + (", …" if len(value) > 5 else "")
        one = "," if len(value) == 1 and type(value) is tuple else ""
        return shortened(f"[{text}]" if type(value) is list else f"({text}{one})", _VALUE)
    if getattr(type(value).__repr__, "is_one_line", False):
        return repr(value)
    return _kind(value)


def _number(value: Any, digits: int) -> str:
    """A single number of NumPy's or of a tensor; of a tensor without values, that it is one."""
    item = quietly(lambda: value.item())
    return said(item, digits) if isinstance(item, bool | int | float) else type(value).__name__


def of_tensor(weight: Any) -> str:
    """``Variable "hidden/kernel" (8, 4) float32: 0.16, -0.4, 0.67, …``; of a tensor without storage, no values."""
    path = quietly(lambda: weight.path)
    head = f'{type(weight).__name__} "{path}"' if isinstance(path, str) else type(weight).__name__
    facts = f"{tuple(weight.shape)} {str(weight.dtype).removeprefix('torch.')}"
    if hasattr(weight, "trainable") and not weight.requires_grad and weight.is_floating_point():
        facts += ", not trained"  # of a metric's variable that goes without saying
    if weight.device.type != "cpu":
        facts += f", on {weight.device}"
    return f"{head} {facts}: {quietly(lambda: _values(weight), 'values unknown')}"


def _values(weight: torch.Tensor) -> str:
    if weight.device.type == "meta" or not weight.numel():
        return "no values"
    plain = torch.Tensor.detach(weight).as_subclass(torch.Tensor)
    words = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in plain.flatten()[:_SHOWN].tolist()]
    return ", ".join(words) + (", …" if weight.numel() > _SHOWN else "")
