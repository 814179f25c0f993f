"""Every example in a docstring runs and prints what it says; every public name exists and says what it is."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

PACKAGE = Path(__file__).resolve().parents[1] / "lamina"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def dotted_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [dotted_name(path) for path in sorted(PACKAGE.rglob("*.py"))]
PACKAGES = [dotted_name(path) for path in sorted(PACKAGE.rglob("__init__.py"))]


# Each example of a large network draws it; one small family stays among the quick ones.
SLOW = {name for name in MODULES if name.startswith("lamina.applications.") and name.rpartition(".")[2] != "mobilenet"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in MODULES])
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # an example may save a model
    assert failed_examples(importlib.import_module(name)) == ""


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_exist_and_are_documented(name: str) -> None:
    assert undocumented(importlib.import_module(name)) == []


def failed_examples(module: ModuleType) -> str:
    """The report of doctest on a module's examples; empty if all pass.

    An example sees its module's names and, as a reader would type it, `lamina`, `torch` and `np`.
    """
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    seen = {"lamina": importlib.import_module("lamina"), "torch": torch, "np": np}
    for example in doctest.DocTestFinder().find(module, extraglobs=seen):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            runner.run(example, out=report.append)
    return "".join(report)


def undocumented(package: ModuleType) -> list[str]:
    """Names in `__all__` that are missing, told twice, or without a docstring of their own."""
    if not hasattr(package, "__all__"):
        return ["__all__ is missing"]
    names = list(package.__all__)
    faults = [f"{name}: told twice" for name in sorted(set(names)) if names.count(name) > 1]
    for name in names:
        if not hasattr(package, name):
            faults.append(f"{name}: does not exist")
            continue
        value = getattr(package, name)
        # Not constants: what their type says about them is not about them.
        speaks = inspect.ismodule(value) or inspect.isclass(value) or callable(value)
        if speaks and not (value.__doc__ or "").strip():
            faults.append(f"{name}: no docstring")
    return faults


def module_of(source: str) -> ModuleType:
    """A module with this source, as if it had been imported."""
    module = ModuleType("scratch")
    exec(source, module.__dict__)  # noqa: S102  the source is a literal of the tests below
    return module


def test_a_wrong_example_is_found() -> None:
    assert failed_examples(module_of('def f():\n    """One.\n\n    >>> f()\n    1\n    """\n    return 1')) == ""
    wrong = failed_examples(module_of('def f():\n    """One.\n\n    >>> f()\n    2\n    """\n    return 1'))
    assert "Expected:\n    2\nGot:\n    1" in wrong
    nested = 'class A:\n    def m(self):\n        """M.\n\n        >>> A().absent()\n        """'
    assert "AttributeError" in failed_examples(module_of(nested))


def test_a_missing_or_silent_name_is_found() -> None:
    assert undocumented(module_of("")) == ["__all__ is missing"]
    source = '__all__ = ["gone", "A", "B", "N", "N"]\nclass A:\n    "Docs."\nclass B(A): ...\nN = 3'
    assert undocumented(module_of(source)) == ["N: told twice", "gone: does not exist", "B: no docstring"]
