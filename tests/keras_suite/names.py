"""Keras' own tests see Lamina where they import Keras.

Their modules lie in the installed wheel and are run from there; nothing of their text is here. What they import from
``keras.src`` is found in Lamina, by the name under which Keras publishes it: the decorator ``keras_export`` in the
wheel's source. What Keras keeps to itself, and Lamina lacks, becomes a `Missing`: a test that uses one does not apply.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Sequence
from functools import cache, partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

WHEEL = Path(next(iter(importlib.util.find_spec("keras").submodule_search_locations)))  # type: ignore[union-attr,arg-type]
# Modules that are public as a whole, where Keras' tests take them from.
WHOLE = {
    "keras": "lamina", "keras.src": "lamina",
    "keras.src.tree": "lamina.tree", "keras.src.tree.tree_api": "lamina.tree",
    **{f"keras.src.{name}": f"lamina.{name}" for name in (
        "activations backend callbacks constraints distillation dtype_policies initializers layers losses metrics"
        " models ops optimizers random regularizers saving utils wrappers").split()},
    **{f"keras.src.ops.{name}": "lamina.ops" for name in "numpy nn core math image linalg einops function".split()},
    "keras.src.optimizers.schedules": "lamina.optimizers.schedules",
    "keras.src.backend.random": "lamina.random",
    **{f"keras.src.backend.{name}": "lamina.ops" for name in "numpy nn core math image linalg".split()},
    "keras.src.backend.config": "lamina.config", "keras.src.backend.common": "lamina.backend",
}  # fmt: skip


# Helpers of Keras' tests that hold none of its behaviour.
TOOLS = ("keras.src.testing", "keras.src.backend.common.dtypes", "keras.src.utils.module_utils")


class NotPublicError(Exception):
    """A test wants what is not public in Keras."""


class Missing:
    """Stands for a name that Lamina lacks; any use of it is an error that says so."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise NotPublicError(self._name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._name}.{name}")

    __call__ = __iter__ = __len__ = __getitem__ = __enter__ = __bool__ = __setattr__ = __mro_entries__ = _refuse


@cache
def published(module: str) -> dict[str, str]:
    """Of a module in the wheel: what it defines -> where Keras publishes that."""
    path = WHEEL.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found: dict[str, str] = {}
    for node in ast.parse(file.read_text()).body if file.exists() else ():
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "keras_export" and mark.args:
                    paths = ast.literal_eval(mark.args[0])
                    found[node.name] = paths if isinstance(paths, str) else paths[0]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras.src"):
            for name in node.names:
                found.setdefault(name.asname or name.name, f"{node.module}:{name.name}")
    return found


@cache
def operations(module: str) -> dict[str, tuple[str, list[str], list[str]]]:
    """Of a module of operations: each one's class -> the function that applies it, its arguments, the class' own."""
    path = WHEEL.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if not module.startswith("keras.src.ops.") or not path.exists():
        return {}
    body = ast.parse(path.read_text()).body
    made_with: dict[str, list[str]] = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            makers = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
            made_with[node.name] = [arg.arg for maker in makers for arg in maker.args.args[1:]]
    found: dict[str, tuple[str, list[str], list[str]]] = {}
    for function in (node for node in body if isinstance(node, ast.FunctionDef)):
        for call in ast.walk(function):
            name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
            if name in made_with and not function.name.startswith("_"):
                found.setdefault(name, (function.name, [arg.arg for arg in function.args.args], made_with[name]))
    return found


class Operation:
    """An operation of Keras' by its class: its function, with some arguments given before."""

    def __init__(self, function: str, takes: list[str], names: list[str], *args: Any, **kwargs: Any) -> None:
        self._function, self._takes = function, takes
        self._given = {**dict(zip(names, args, strict=False)), **kwargs}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = getattr(importlib.import_module("lamina.ops"), self._function)
        given, left, placed = {**self._given, **kwargs}, list(args), []
        for name in self._takes:  # what is given before may stand in front of what comes now
            if not left:
                break
            placed.append(given.pop(name) if name in given else left.pop(0))
        return function(*placed, *left, **given)

    symbolic_call = call = compute_output_spec = __call__

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_given", {}):
            return self._given[name]
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotPublicError(f"{self._function}.{name}")


def lookup(module: str, name: str) -> Any:
    """What a module of Keras' has under a name, in Lamina."""
    own = importlib.import_module("tests.keras_suite.internals").INTERNALS.get(module, {})
    if name in own:
        return own[name]
    if is_module(f"{module}.{name}") and name != "name_scope":
        return importlib.import_module(f"{module}.{name}")
    found = getattr(importlib.import_module(WHOLE[module]), name, None) if module in WHOLE else None
    if found is not None:
        return found
    operation = operations(module).get(name)
    if operation is not None:
        return partial(Operation, *operation)
    public = published(module).get(name)
    if public is not None and ":" in public:
        origin, _, there = public.partition(":")
        return lookup(origin, there) if origin != module else Missing(f"{module}.{name}")
    found = importlib.import_module("lamina")
    for part in public.split(".")[1:] if public is not None else ("",):
        found = getattr(found, part, None)  # type: ignore[assignment]
        if found is None:
            return Missing(public or f"{module}.{name}")
    return found


def is_module(name: str) -> bool:
    path = WHEEL.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").exists()


REPLACED: list[str] = []
"""What the running test has replaced by a mock in Keras' inner modules: nothing here would call that."""


class Names(ModuleType):
    """A module of Keras', with Lamina's things."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, mock.NonCallableMock):
            REPLACED.append(f"{self.__name__}.{name}")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lookup(self.__name__, name)


class Finder:
    """Finds ``keras`` and all in it: its tests and what these use for testing in the wheel, anything else in Lamina."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] != "keras":
            return None
        file = WHEEL.joinpath(*name.split(".")[1:])
        if name.startswith(TOOLS) or name.endswith("_test"):
            file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
            return importlib.util.spec_from_file_location(
                name, file, submodule_search_locations=[str(file.parent)] if file.name == "__init__.py" else None
            )
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Names(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = [str(WHEEL.joinpath(*module.__name__.split(".")[1:]))]


def defined_in(module: str) -> dict[str, Any]:
    """The test classes and functions that a module of Keras' tests defines."""
    found = vars(importlib.import_module(module))
    return {
        name: value
        for name, value in found.items()
        if getattr(value, "__module__", "") == module and (isinstance(value, type) or name.startswith("test"))
    }


def install() -> None:
    """From here on ``import keras`` gives Lamina."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
