"""What an example's file must keep to, each rule a function from its source to a list of offences."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from types import ModuleType

MAX_LINES = 150
LIBRARIES = {"lamina", "gallery", "numpy", "torch", "sklearn", "matplotlib", "scipy"}
"""What an example may import beside the standard library: what `pip install lamina[demo]` brings."""


def too_long(source: str) -> list[str]:
    """Lines that are not blank."""
    count = sum(bool(line.strip()) for line in source.splitlines())
    return [f"{count} lines, not {MAX_LINES}"] if count > MAX_LINES else []


def private_names(source: str) -> list[str]:
    """Names with an underscore of a module or an object that is not the example's own."""
    tree = ast.parse(source)
    found = [
        f"line {node.lineno}: {node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_self(node.value)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            parts = [*(getattr(node, "module", None) or "").split("."), *(alias.name for alias in node.names)]
            found += [f"line {node.lineno}: {part}" for part in parts if any(map(_is_private, part.split(".")))]
    return found


def unlisted_names(source: str) -> list[str]:
    """Names of Lamina that are not in the `__all__` of where they are taken from."""
    tree = ast.parse(source)
    at_hand: dict[str, ModuleType] = {}
    found = []
    for node in ast.walk(tree):
        for module, name, known_as in _imports(node):
            if not (module or name).startswith("lamina"):
                continue
            place = importlib.import_module(module) if module else importlib.import_module(name)
            if module and name not in place.__all__:
                found.append(f"line {node.lineno}: {module}.{name}")  # type: ignore[attr-defined]
            held = getattr(place, name) if module else place
            if isinstance(held, ModuleType):
                at_hand[known_as] = held
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (place := _module(node.value, at_hand)) and _missing(place, node.attr):
            found.append(f"line {node.lineno}: {place.__name__}.{node.attr}")
    return found


def foreign_imports(source: str, standard: frozenset[str]) -> list[str]:
    """Imports of anything but Lamina, what it needs, and the standard library; at any depth of the file."""
    roots = [
        (node.lineno, (module or name).split(".")[0])  # type: ignore[attr-defined]
        for node in ast.walk(ast.parse(source))
        for module, name, _ in _imports(node)
    ]
    return [f"line {line}: {root}" for line, root in roots if root not in LIBRARIES | standard]


def _imports(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    """(module that it is taken from, or "", name, name in the file)."""
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield node.module or "", alias.name, alias.asname or alias.name
    elif isinstance(node, ast.Import):
        for alias in node.names:
            yield "", alias.name, alias.asname or alias.name.split(".")[0]


def _module(node: ast.expr, at_hand: dict[str, ModuleType]) -> ModuleType | None:
    """The module of Lamina that an expression such as `optimizers.schedules` stands for."""
    if isinstance(node, ast.Name):
        return at_hand.get(node.id)
    if isinstance(node, ast.Attribute) and (place := _module(node.value, at_hand)):
        held = getattr(place, node.attr, None)
        return held if isinstance(held, ModuleType) else None
    return None


def _missing(place: ModuleType, name: str) -> bool:
    return name not in place.__all__


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")
