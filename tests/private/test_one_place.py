"""What PyTorch keeps to itself is used in one place, `lamina/_torch`: the rule, and that the table there is true."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import lamina
from lamina import _torch
from lamina._torch.symbols import found

PACKAGE = Path(lamina.__file__).parent

# Names with an underscore that Python and NumPy document.
DOCUMENTED = {"_asdict", "_fields", "_replace", "_getframe", "_exit"}
# What PyTorch gives to each class that is derived from one of its own.
GIVEN_BY_TORCH = {"_backward_cls"}
# What belongs to others than PyTorch: torchmetrics counts its updates in these.
OF_OTHERS = {"_update_count", "_computed"}
# Operators by name are what these two files are about: Lamina's own, and the list of those that a file may hold.
OPERATORS_OF_OURS = "torch.ops.lamina"
LISTS_OPERATORS = "saving/traced/allow_list.py"
# Whose attributes are meant where an attribute is asked for by a string.
OWNERS: tuple[Any, ...] = (torch, torch.nn.Module(), torch.zeros(0), torch.autograd.Function, torch.optim.Optimizer)


def test_nothing_private_of_torch_is_used_elsewhere() -> None:
    assert private_uses(PACKAGE, set(_torch.ATTRIBUTES)) == []


def private_uses(package: Path, allowed: set[str]) -> list[str]:
    """Uses of what PyTorch keeps to itself, outside of `_torch`: file, line, and what.

    Imports of private names; operators that PyTorch calls by name; attributes with an underscore that nothing in the
    package defines, on whatever object; and such names as strings.
    """
    trees = {path: ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))}
    ours = {name for tree in trees.values() for name in _defined(tree)}
    allowed = allowed | DOCUMENTED | OF_OTHERS
    return sorted(
        f"{where}:{line}: {what}"
        for path, tree in trees.items()
        if not (where := path.relative_to(package).as_posix()).startswith("_torch/")
        for line, what in _uses(tree, ours, allowed, where == LISTS_OPERATORS)
    )


def _uses(tree: ast.Module, ours: set[str], allowed: set[str], lists_operators: bool) -> Iterator[tuple[int, str]]:
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    torch_names = _names_of_torch(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in _imported(node) if _is_private_path(name))
        elif isinstance(node, ast.Attribute):
            if not _is_private(node.attr) and not (isinstance(node.value, ast.Attribute) and node.value.attr == "ops"):
                continue
            dotted = ast.unparse(node)
            root = dotted.partition(".")[0]
            of_torch = root in torch_names and _is_private(node.attr)
            operator = re.match(r"torch\.ops\.\w+$", dotted) and dotted != OPERATORS_OF_OURS and not lists_operators
            unknown = _is_private(node.attr) and node.attr not in ours
            if (of_torch or operator or unknown) and node.attr not in allowed:
                yield node.lineno, dotted
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            word = node.value
            yield from [(node.lineno, repr(word))] if _is_private_word(word, ours) and word not in allowed else []


def _defined(tree: ast.Module) -> Iterator[str]:
    """Private names that this file gives to functions, classes, attributes, fields and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Call) and _is_object_setattr(node.func):
            yield ast.unparse(node.args[1]).strip("'")


def _is_object_setattr(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "__setattr__"
        and isinstance(node.value, ast.Name)
        and node.value.id == "object"
    )


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def _names_of_torch(tree: ast.Module) -> set[str]:
    """What stands for a part of PyTorch in this file: ``torch``, ``F``, ``nn``, ..."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias, path in zip(node.names, _imported(node), strict=True):
                if path.partition(".")[0] == "torch":
                    names.add(alias.asname or alias.name.partition(".")[0])
    return names


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]


def _is_private(name: str) -> bool:
    return name.startswith("_") and name.strip("_") != "" and not (name.startswith("__") and name.endswith("__"))


def _is_private_path(path: str) -> bool:
    root, *names = path.split(".")
    return root == "torch" and any(_is_private(name) for name in names)


def _is_private_word(text: str, ours: set[str]) -> bool:
    """Whether a string names something private: a path in torch, or an attribute that only PyTorch's objects have."""
    if re.fullmatch(r"torch(\.\w+)+", text):
        return _is_private_path(text)
    return _is_private(text) and text not in ours and any(hasattr(owner, text) for owner in OWNERS)


def test_no_class_takes_a_private_name_of_its_base_by_chance() -> None:
    """A method `_replicate` of ours on a class of PyTorch's would be called by PyTorch, or call PyTorch's."""
    taken = [
        f"{kind.__module__}.{kind.__qualname__}.{name}"
        for kind in _classes()
        for name in vars(kind)
        if _is_private(name) and name not in _torch.ATTRIBUTES and name not in GIVEN_BY_TORCH
        if any(name in vars(base) for base in kind.__mro__ if base.__module__.partition(".")[0] == "torch")
    ]
    assert taken == []


def _classes() -> list[type]:
    kinds: dict[str, type] = {}
    for info in pkgutil.walk_packages(lamina.__path__, "lamina."):
        if info.name.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(info.name)).values():
            if inspect.isclass(kind) and kind.__module__.startswith("lamina"):
                kinds[f"{kind.__module__}.{kind.__qualname__}"] = kind
    assert len(kinds) > 500
    return list(kinds.values())


def test_the_rule_finds_an_offence(tmp_path: Path) -> None:
    """Every way in which the library named something private before it had one place for it."""
    offences = {
        "imports.py": "from torch._inductor.fx import go\nimport torch._dynamo as d\nfrom torch import _VF\n",
        "functions.py": "import torch\nfrom torch import nn\ntorch._foreach_add_([], [])\nnn.Module._call_impl\n",
        "operators.py": "import torch\nrun = torch.ops.aten.mkldnn_rnn_layer\nspace = torch.ops.mkldnn\n",
        "objects.py": "def f(op, weight):\n    return op._schema, weight._parameters, weight._backward_hooks\n",
        "strings.py": 'kernel = "_fused_adam_"\nhooks = vars(layer)["_forward_hooks"]\npath = "torch._C._nn"\n',
        "fine.py": '"""torch._C in a text."""\nclass A:\n    def _own(self):\n        self._own()\n'
        "import sys\nsys._getframe()\n",
        "_torch/all.py": "import torch\ntorch._foreach_add_\n",
    }
    for name, source in offences.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    assert private_uses(tmp_path, {"_parameters"}) == [
        "functions.py:3: torch._foreach_add_",
        "functions.py:4: nn.Module._call_impl",
        "imports.py:1: torch._inductor.fx.go",
        "imports.py:2: torch._dynamo",
        "imports.py:3: torch._VF",
        "objects.py:2: op._schema",
        "objects.py:2: weight._backward_hooks",
        "operators.py:2: torch.ops.aten",
        "operators.py:3: torch.ops.mkldnn",
        "strings.py:1: '_fused_adam_'",
        "strings.py:2: '_forward_hooks'",
        "strings.py:3: 'torch._C._nn'",
    ]


# ---- the table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", _torch.SYMBOLS, ids=lambda symbol: symbol.path)
def test_this_torch_has_the_symbol(symbol: _torch.Symbol) -> None:
    """It fails on a PyTorch that lacks one: then its entry says so (`seen`), and the fallback is at work."""
    version = ".".join(torch.__version__.split(".")[:2])
    there = found(symbol.path) is not None
    if version in _torch.symbols.VERSIONS:
        assert there == (version in symbol.seen)
    else:
        assert there, f"PyTorch {version} has no {symbol.path}: look what takes its place, and note both in the table"
    assert symbol.without


def test_the_table_names_whatever_is_looked_up() -> None:
    """Each path that a file of `_torch` asks for stands in the table of that file, and the other way round."""
    for path in sorted((PACKAGE / "_torch").glob("*.py")):
        if path.stem not in ("__init__", "symbols"):
            module = importlib.import_module(f"lamina._torch.{path.stem}")
            listed = {symbol.path for symbol in module.SYMBOLS}
            assert listed, path.stem
            assert listed <= {symbol.path for symbol in _torch.SYMBOLS}, path.stem
            asked = set(re.findall(r'found\("(torch[\w.]+)"\)', path.read_text()))
            assert asked <= listed, path.stem


@pytest.mark.parametrize("name", sorted(_torch.ATTRIBUTES))
def test_a_torch_without_an_attribute_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, why = _torch.ATTRIBUTES[name]
    assert why
    gone = name + "_elsewhere"
    attributes = {gone if key == name else key: value for key, value in _torch.ATTRIBUTES.items()}
    monkeypatch.setattr(_torch.modules, "ATTRIBUTES", attributes)
    with pytest.raises(ImportError, match=rf"have no {gone}. Install a version that docs/versions.md names"):
        _torch.modules._check_attributes()
