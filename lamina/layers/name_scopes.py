"""`name_scope`: a prefix of the paths of the variables that are made within."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from lamina.graph import ArgumentError

_scopes: ContextVar[tuple[str, ...]] = ContextVar("scopes", default=())


@contextmanager
def name_scope(name: str, **options: Any) -> Iterator[str]:
    """A context in which the paths of new variables begin with this name; scopes within scopes are joined by "/".

    Paths are for people, and for code that looks a weight up by them; keys of ``state_dict`` come from attributes.

    Args:
        name: without "/".
        **options: Keras' `caller`, `deduplicate` and `override_parent`, which change nothing here.

    Raises:
        ArgumentError: no name.

    >>> with name_scope("encoder"):
    ...     weight = lamina.Variable([1.0], name="scale")
    >>> weight.path
    'encoder/scale'
    """
    unknown = options.keys() - {"caller", "deduplicate", "override_parent"}
    if not isinstance(name, str) or not name or "/" in name or unknown:
        raise ArgumentError(
            "name_scope takes a name without '/'.", got=f"{name!r}" + (f", {sorted(unknown)}" if unknown else "")
        )
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield name
    finally:
        _scopes.reset(token)


def scoped(path: str) -> str:
    """A path within the scopes of now."""
    return "/".join((*_scopes.get(), path))
