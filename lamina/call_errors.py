"""Arguments that a function does not take: which, and what it takes, in the words of whoever called it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from lamina.graph.errors import ArgumentError
from lamina.nearest import nearest, suggested
from lamina.older_arguments import instead


class CallError(ArgumentError, TypeError):
    """A function is called with arguments that it does not take."""

    __module__ = "lamina"


def refuse_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Say which arguments a function has not, or misses, in the user's words: those of a class are its constructor's.

    Raises:
        CallError: they do not fit.
    """
    makes = function.__name__ == "__init__" and bool(args)
    name = type(args[0]).__name__ if makes else function.__name__
    parameters = list(signature(function).parameters.values())
    own = parameters[1:] if parameters and parameters[0].name in ("self", "model") else parameters
    given = args[1:] if len(own) < len(parameters) else args
    places = [p for p in own if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    open_ended = {p.kind for p in own} & {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    known = [p.name for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    unknown = [] if Parameter.VAR_KEYWORD in open_ended else [key for key in kwargs if key not in known]
    taken = {p.name for p in places[: len(given)]} | set(kwargs)
    misses = [p.name for p in own if p.name in known and p.default is p.empty and p.name not in taken]
    twice = [p.name for p in places[: len(given)] if p.name in kwargs]
    shown = ", ".join([*map(_said, given), *(f"{key}={_said(value)}" for key, value in kwargs.items())])
    form = f"{name}({', '.join(str(p.replace(annotation=p.empty)) for p in own)})"
    if unknown:
        near = dict.fromkeys(key for each in unknown for key in nearest(each, known))
        raise CallError(
            f"{name} has no argument {', '.join(map(repr, unknown))}.", got=_short(f"{name}({shown})"),
            hint=instead(unknown, known) or suggested(near) or _short(form),
        )  # fmt: skip
    if misses:
        raise CallError(
            f"{name} misses {', '.join(map(repr, misses))}.", got=_short(f"{name}({shown})"), expected=_short(form),
            hint=instead(kwargs, known) or None,
        )  # fmt: skip
    if twice or (len(given) > len(places) and Parameter.VAR_POSITIONAL not in open_ended):
        what = f"takes {twice[0]!r} twice" if twice else f"takes {len(places)} arguments by their places at most"
        raise CallError(f"{name} {what}.", got=_short(f"{name}({shown})"), expected=_short(form))


def _said(value: Any) -> str:
    if isinstance(value, (bool, int, float, str, type(None), tuple)):
        return repr(value)[:40]
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {tuple(shape)}" if isinstance(shape, tuple) else type(value).__name__


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
