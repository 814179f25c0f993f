"""The rules of the house that linters cannot hold: sizes, what importing costs, and who may import whom.

Each rule is a function from source files to a list of offences, so that the last test of this file can show each of
them an offence and see it found.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lamina"

MAX_FUNCTION_LINES = 60
MAX_GRAPH_CODE_LINES = 1400

RUN_TIME = {"numpy", "rich", "torch"}
# Brought along by rich, which imports them itself.
BROUGHT_ALONG = {"markdown_it", "mdurl", "pygments"}
# Costly parts of torch that plain `import torch` leaves alone: together more than a second.
COSTLY = ("torch._dynamo", "torch._inductor", "torch.fx.experimental", "torch.onnx", "torch.utils.tensorboard")

FunctionDef = ast.FunctionDef | ast.AsyncFunctionDef


# ---- sizes ---------------------------------------------------------------------------------------------------------


def test_functions_are_short() -> None:
    assert long_functions(PACKAGE, MAX_FUNCTION_LINES) == []


def test_the_heart_can_be_read_in_one_sitting() -> None:
    sizes = {path.name: code_lines(path.read_text()) for path in sorted((PACKAGE / "graph").rglob("*.py"))}
    assert sizes
    assert sum(sizes.values()) <= MAX_GRAPH_CODE_LINES, sizes


def long_functions(package: Path, limit: int) -> list[str]:
    """Functions longer than `limit` lines, from `def` to the last line, docstring and comments included."""
    return [
        f"{path.relative_to(package)}:{node.lineno} {node.name}: {length} lines"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, FunctionDef) and (length := last_line(node) - node.lineno + 1) > limit
    ]


def code_lines(source: str) -> int:
    """Lines that hold code: neither blank, nor comment, nor docstring."""
    layout = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            lines.difference_update(range(node.body[0].lineno, last_line(node.body[0]) + 1))
    return len(lines)


def last_line(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


# ---- imports -------------------------------------------------------------------------------------------------------


def test_importing_lamina_loads_only_its_run_time_packages() -> None:
    new = modules_after("import lamina") - modules_after("import numpy, torch")
    assert "lamina.graph" in new
    assert foreign(new) == set()
    assert {name for name in new if within(name, *COSTLY)} == set()


def test_a_first_training_step_does_not_wait_for_the_compiler() -> None:
    """PyTorch's own optimizers import torch._dynamo when first made: 1.2 s before the first step."""
    program = """
import numpy as np
import lamina
inputs = lamina.Input((4,))
model = lamina.Model(inputs, lamina.layers.Dense(1)(inputs))
model.compile(optimizer="adam", loss="mse")
model.fit(np.zeros((8, 4), "float32"), np.zeros((8, 1), "float32"), verbose=0)
"""
    new = modules_after(program) - modules_after("import numpy, torch")
    assert {name for name in new if within(name, *COSTLY)} == set()


def test_no_module_imports_at_once_what_is_costly_or_optional() -> None:
    """But for the estimators, which are classes of scikit-learn's: their file is loaded when one is asked for."""
    eager = [one for one in eager_imports(PACKAGE) if not one.startswith("wrappers/estimators.py")]
    assert eager == []


def test_the_estimators_are_loaded_when_one_is_asked_for() -> None:
    assert "lamina.wrappers.estimators" not in modules_after("import lamina; lamina.wrappers")
    assert "lamina.wrappers.estimators" in modules_after("import lamina; lamina.wrappers.SKLearnClassifier")


def test_the_graph_imports_nothing_of_ours() -> None:
    """But for shapes with unknown axes, what people read, what they do with masks, and what PyTorch keeps to itself."""
    assert imports_beyond_graph(PACKAGE) == []


def test_no_room_imports_the_top_package() -> None:
    """`import lamina` from inside is a cycle that import-linter does not see."""
    assert imports_of_the_top(PACKAGE) == []


@cache
def modules_after(program: str) -> frozenset[str]:
    """Names in sys.modules of a fresh process that ran `program`."""
    listing = "\nimport sys\nprint('MODULES', *sorted(sys.modules))"
    process = subprocess.run([sys.executable, "-c", program + listing], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return frozenset(process.stdout.splitlines()[-1].split()[1:])


def foreign(modules: Set[str]) -> set[str]:
    """Top-level packages among `modules` that are neither ours, nor Python's, nor declared at run time."""
    tops = {name.partition(".")[0] for name in modules}
    known = {"lamina", *RUN_TIME, *BROUGHT_ALONG, *sys.stdlib_module_names}
    return {top for top in tops - known if not top.startswith("_sysconfigdata")}


def within(name: str, *packages: str) -> bool:
    """Whether a dotted name is one of `packages` or lies in one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def eager_imports(package: Path) -> list[str]:
    """Imports at module level of a package that is not declared at run time, or of a costly part of torch."""
    return [
        f"{where}: {name}"
        for where, name, at_once in imports(package)
        if at_once and (foreign({name}) or within(name, *COSTLY))
    ]


def imports_beyond_graph(package: Path) -> list[str]:
    """What `graph` imports of the package, but for itself and the rooms below it."""
    ours = package.name
    below = "graph probing sizes operations _torch frames mask_axes mask_ends mask_uses".split()
    below += "users_traceback users_line printable errors".split()
    rooms = [f"{ours}.{room}" for room in below]
    return [
        f"{where}: {name}"
        for where, name, _ in imports(package / "graph", f"{ours}.graph")
        if within(name, ours) and not within(name, *rooms)
    ]


def imports_of_the_top(package: Path) -> list[str]:
    rooms = {package.name + "." + path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    return [
        f"{where}: {name}"
        for where, name, _ in imports(package)
        if name == package.name or (name.rpartition(".")[0] == package.name and name not in rooms)
    ]


def imports(package: Path, dotted: str | None = None) -> Iterator[tuple[str, str, bool]]:
    """For each import in a package: file and line, the full dotted name, and whether it runs with the module.

    `from a.b import c` counts as `a.b.c`, and relative names are resolved. What stands in a function, or under
    `if TYPE_CHECKING:`, does not run with the module.
    """
    dotted = dotted or package.name
    for path in sorted(package.rglob("*.py")):
        # A relative import starts from the folder, in __init__.py as elsewhere.
        here = [dotted, *path.relative_to(package).parent.parts]
        for node, at_once in _import_statements(ast.parse(path.read_text()), at_once=True):
            where = f"{path.relative_to(package)}:{node.lineno}"
            if isinstance(node, ast.Import):
                yield from ((where, alias.name, at_once) for alias in node.names)
            else:
                base = ".".join(here).split(".")
                base = base[: len(base) - node.level + 1] if node.level else []
                for alias in node.names:
                    yield where, ".".join([*base, *filter(None, [node.module]), alias.name]), at_once


def _import_statements(node: ast.AST, at_once: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, at_once
    for field, children in ast.iter_fields(node):
        later = isinstance(node, FunctionDef) or (
            isinstance(node, ast.If) and field == "body" and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        for child in children if isinstance(children, list) else [children]:
            if isinstance(child, ast.AST):
                yield from _import_statements(child, at_once and not later)


def test_torch_optimizers_are_never_made() -> None:
    assert torch_optimizers_made(PACKAGE) == []


def torch_optimizers_made(package: Path) -> list[str]:
    return [
        f"{path.relative_to(package)}:{node.lineno} {ast.unparse(node.func)}"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and within(ast.unparse(node.func), "torch.optim")
    ]


# ---- metadata ------------------------------------------------------------------------------------------------------


def test_the_package_declares_what_it_needs_and_pins_nothing() -> None:
    project = _project()
    assert {_name(requirement) for requirement in project["dependencies"]} == RUN_TIME
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    assert [requirement for requirement in project["dependencies"] + extras if "==" in requirement.split(";")[0]] == []


def test_the_version_is_told_alike_everywhere() -> None:
    import lamina

    assert lamina.__version__ == _project()["version"]
    assert f"## [{lamina.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _name(requirement: str) -> str:
    return requirement.split(">")[0].split("<")[0].split("=")[0].strip()


# ---- the rules find an offence -------------------------------------------------------------------------------------


@pytest.fixture
def bad_house(tmp_path: Path) -> Path:
    """A package `house` with one offence against each rule."""
    files = {
        "__init__.py": "from house import graph\n",
        "graph/__init__.py": "",
        "graph/node.py": "from ..layers import base\nfrom . import walk\nfrom house.graph.walk import go\n",
        "graph/walk.py": '"""One\n\ntwo."""\n\n# Why.\n\n\n'
        'def go():\n    """Docs."""\n    return (\n        1\n    )\n',
        "layers/base.py": "import house\nimport torch\nfrom torch import _dynamo\nadam = torch.optim.Adam([])\n",
        "layers/long.py": "def f():\n" + "    x = 1\n" * 60,
        "view.py": "import typing\nif typing.TYPE_CHECKING:\n    import pandas\ndef curves():\n    import matplotlib\n"
        "try:\n    import sklearn.metrics\nexcept ImportError:\n    pass\n",
    }
    for name, source in files.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path / "house"


def test_the_rules_find_an_offence(bad_house: Path) -> None:
    assert long_functions(bad_house, 60) == ["layers/long.py:1 f: 61 lines"]
    assert code_lines((bad_house / "graph/walk.py").read_text()) == 4
    assert imports_beyond_graph(bad_house) == ["node.py:1: house.layers.base"]
    assert imports_of_the_top(bad_house) == ["layers/base.py:1: house"]
    # `house` itself is no run-time package of Lamina.
    found = [offence for offence in eager_imports(bad_house) if ": house" not in offence]
    assert found == ["layers/base.py:3: torch._dynamo", "view.py:7: sklearn.metrics"]
    assert torch_optimizers_made(bad_house) == ["layers/base.py:4 torch.optim.Adam"]
    assert foreign({"lamina.graph", "os.path", "rich.progress", "torch.nn", "pandas.core"}) == {"pandas"}


def test_modules_are_read_from_a_fresh_process() -> None:
    assert "pytest" in sys.modules
    assert "pytest" not in modules_after("import json")
    assert "json.decoder" in modules_after("import json")
