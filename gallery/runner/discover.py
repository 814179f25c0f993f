"""The examples: every file of the folder `gallery` that does not begin with an underscore."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

from .about import About

FOLDER = Path(__file__).resolve().parent.parent
ROOT = FOLDER.parent


def names() -> list[str]:
    """The names of all examples, in alphabetical order."""
    return sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))


def load(name: str) -> ModuleType:
    """The example as a module. Its own layers are registered by this import."""
    if name not in names():
        raise SystemExit(f"There is no example {name!r}. There are: {', '.join(names())}.")
    return importlib.import_module(f"gallery.{name}")


def about(name: str) -> About:
    """What the example says about itself."""
    said: About = load(name).ABOUT
    return said


def timed(name: str) -> bool:
    """Whether the example is timed beside Keras. Read from its text: to import it here would import Lamina."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    return any(isinstance(node, ast.keyword) and node.arg == "timed" for node in ast.walk(tree))
