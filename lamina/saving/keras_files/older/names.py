"""Names of layers that no layer can have here, since "/" and "." lead from a model to its parts in paths."""

from __future__ import annotations

from typing import Any

from .versions import TF_KINDS

_FORBIDDEN = str.maketrans("/.", "__")


def safe_name(name: str) -> str:
    """The name with "_" in place of what separates paths. What leads out of a folder stays, and no layer takes it.

    >>> safe_name("expanded_conv/depthwise"), safe_name("../evil")
    ('expanded_conv_depthwise', '../evil')
    """
    leads_out = name.startswith("/") or any(part in (".", "..") for part in name.split("/"))
    return name if leads_out else name.translate(_FORBIDDEN)


def safe_names(config: Any) -> dict[str, str]:
    """Each name in a model's config that cannot stay -> the one that it gets, which no other layer there has.

    >>> safe_names({"layers": [{"name": "a/b"}, {"name": "a_b"}, {"name": "c"}]})
    {'a/b': 'a_b_1'}
    """
    names = dict.fromkeys(_names_in(config))
    taken = {name for name in names if safe_name(name) == name}
    found: dict[str, str] = {}
    for name in names:
        if name in taken:
            continue
        free, k = safe_name(name), 0
        while free in taken:
            k += 1
            free = f"{safe_name(name)}_{k}"
        taken.add(free)
        found[name] = free
    return found


def _names_in(config: Any) -> list[str]:
    """What stands under "name" anywhere in a config, in its order; functions are no layers and keep no names."""
    found: list[str] = []
    stack = [config]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if item.get("class_name") in TF_KINDS:
                continue
            if isinstance(item.get("name"), str):
                found.append(item["name"])
        if isinstance(item, (dict, list)):
            parts = item.values() if isinstance(item, dict) else item
            stack += [part for part in reversed(parts) if isinstance(part, (dict, list))]
    return found
