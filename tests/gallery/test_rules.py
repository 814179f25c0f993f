"""Every example says what it is, is listed, is short, and uses nothing but public names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gallery import About
from gallery.runner import discover
from gallery.runner.about import GROUPS
from gallery.runner.command import main
from gallery.runner.lines import code_lines

from . import rules

NAMES = discover.names()
STANDARD = frozenset(sys.stdlib_module_names)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_keeps_to_the_rules(name: str):
    source = (discover.FOLDER / f"{name}.py").read_text()
    assert rules.too_long(source) == []
    assert rules.private_names(source) == []
    assert rules.unlisted_names(source) == []
    assert rules.foreign_imports(source, STANDARD) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name: str):
    module = discover.load(name)
    about: About = module.ABOUT
    assert module.__doc__, "the first line tells what the example shows"
    assert about.group in GROUPS
    for field in ("title", "answers", "data", "measure", "baseline"):
        text = getattr(about, field)
        assert text, field
        assert text.strip() == text, field
    assert about.better(about.target, about.quick_target), "reduced, it need not reach more than in full"


def test_all_are_listed(capsys: pytest.CaptureFixture[str]):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == NAMES


def test_an_unknown_name_is_told():
    with pytest.raises(SystemExit, match="There is no example 'mpl'. There are: .*mlp"):
        main(["mpl"])


def test_lines_of_code_leave_out_what_is_said_and_not_done():
    assert (
        code_lines('"""Text."""\nABOUT = About(\n    1,\n)\n\n\ndef f():\n    """Text."""\n    return 1  # one\n') == 2
    )


def test_the_rules_find_offences():
    assert rules.too_long("a = 1\n" * 151) == ["151 lines, not 150"]
    assert rules.private_names("import lamina._torch\nx = model._graph\ny = self._z\n") == [
        "line 2: _graph",
        "line 1: lamina._torch",
    ]
    assert rules.unlisted_names("from lamina.layers import Dense, base\n") == ["line 1: lamina.layers.base"]
    assert rules.unlisted_names("from lamina import layers\nlayers.base.Layer\nlayers.Dense\n") == [
        "line 2: lamina.layers.base"
    ]
    assert rules.unlisted_names("import lamina as keras\nkeras.optimizers.schedules.CosineDecay\nkeras.naming\n") == [
        "line 3: lamina.naming"
    ]
    assert rules.foreign_imports("import os\nimport pandas as pd\n", STANDARD) == ["line 2: pandas"]


@pytest.mark.slow  # 30 s where nothing is cached
def test_the_types_of_all_examples_hold_under_mypys_strict_mode():
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "gallery"], cwd=discover.ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
