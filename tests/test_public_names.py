"""A name that is not there: what was meant, where it is, what takes its place. `dir` shows public names."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import lamina

MODULES = ["lamina"] + [
    f"lamina.{name}" for name in lamina.__all__ if isinstance(getattr(lamina, name), types.ModuleType)
]


def run(code):
    namespace = {}
    exec(code, namespace)  # noqa: S102  imports by name
    return namespace


def test_all_public_modules_are_looked_at():
    assert {"lamina.layers", "lamina.ops", "lamina.utils", "lamina.view", "lamina.config"} <= {*MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_dir_shows_public_names_only(name):
    module = importlib.import_module(name)
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "lamina.graph"])
def test_a_name_that_is_not_there_is_an_attribute_error_with_a_hint(name):
    module = importlib.import_module(name)
    public = next(public for public in module.__all__ if len(public) > 4 and public[0] != "_")
    misspelt = public + "x"
    with pytest.raises(AttributeError) as caught:
        getattr(module, misspelt)
    assert isinstance(caught.value, lamina.LaminaError)
    assert repr(public) in caught.value.hint
    assert not hasattr(module, misspelt)
    assert getattr(module, misspelt, None) is None


@pytest.mark.parametrize(
    "module, name, text",
    [
        ("lamina.layers", "RandomWidth", "torchvision.transforms"),
        ("lamina", "quantizers", "torch.ao"),
        ("lamina.dtype_policies", "QuantizedDTypePolicy", "torch.ao"),
    ],
)
def test_what_keras_has_and_lamina_has_not_says_what_to_use(module, name, text):
    with pytest.raises(AttributeError, match=rf"Keras has \S*{name}, Lamina does not(.|\n)*{text}"):
        getattr(importlib.import_module(module), name)
    with pytest.raises(ImportError, match=rf"Keras has \S*{name}, Lamina does not(.|\n)*{text}"):
        run(f"from {module} import {name}")


@pytest.mark.parametrize(
    "module, name, text",
    [
        ("lamina", "Dense", "layers.Dense"),
        ("lamina.layers", "Adam", "optimizers.Adam"),
        ("lamina.layers", "Conv2d", "'Conv2D'"),
        ("lamina.layers", "Dens", "'Dense'"),
        ("lamina.losses", "CategoricalCrossEntropy", "'CategoricalCrossentropy'"),
        ("lamina.callbacks", "EarlyStop", "'EarlyStopping'"),
        ("lamina.ops", "concat", "'concatenate'"),
        ("lamina.optimizers", "RMSProp", "'RMSprop'"),
        ("lamina.utils", "to_categoricals", "'to_categorical'"),
    ],
)
def test_the_nearest_name_is_told(module, name, text):
    with pytest.raises(AttributeError, match=rf"try +(.|\n)*{text}"):
        getattr(importlib.import_module(module), name)
    with pytest.raises(ImportError, match=rf"try +(.|\n)*{text}"):
        run(f"from {module} import {name}")


def test_no_hint_dumps_a_list():
    for name in ("Dens", "q", "LongNameThatNobodyHas"):
        with pytest.raises(AttributeError) as caught:
            getattr(lamina.layers, name)
        assert len(str(caught.value)) < 300


def test_modules_within_are_imported_as_ever():
    namespace = run("from lamina.layers import core, Dense\nfrom lamina.ops import linalg, image")
    assert namespace["core"] is lamina.layers.core
    assert {*lamina.layers.__all__} <= {*run("from lamina.layers import *")}


def _names_that_checkers_see(package: Path) -> set[str]:
    """Those of an ``__all__`` as the typing specification has it: a list of texts, and ``+= module.__all__``."""
    found: set[str] = set()
    for node in ast.parse((package / "__init__.py").read_text()).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if getattr(target, "id", None) != "__all__":
            continue
        if isinstance(node.value, ast.Attribute):
            found |= _names_that_checkers_see(package / node.value.value.id)
        else:
            found |= {one.value for one in node.value.elts if isinstance(one, ast.Constant)}
    return found


def test_type_checkers_see_every_public_name():
    for module in [importlib.import_module(name) for name in MODULES]:
        if hasattr(module, "__path__"):
            assert _names_that_checkers_see(Path(module.__file__).parent) == {*module.__all__}, module.__name__


@pytest.mark.slow
def test_mypy_finds_every_public_name(tmp_path):
    pytest.importorskip("mypy", reason="the type checker, of `make lint`, is not installed")
    lines = [f"{module}.{name}" for module in MODULES for name in importlib.import_module(module).__all__]
    (tmp_path / "every.py").write_text("\n".join(["import lamina", *lines]))
    root = Path(lamina.__file__).parent.parent
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "every.py"]
    environment = {**os.environ, "MYPYPATH": str(root)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert [line for line in ended.stdout.splitlines() if line.startswith("every.py")] == []
