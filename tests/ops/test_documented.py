"""Every public op says what its arguments are and shows an example, which runs with those of all docstrings."""

from __future__ import annotations

import inspect
import re
from operator import attrgetter
from types import ModuleType

import pytest

from lamina import ops

OPS = sorted(
    [name for name in ops.__all__ if not isinstance(getattr(ops, name), ModuleType)]
    + [f"image.{name}" for name in ops.image.__all__]
)


def documentation(name: str) -> str:
    return inspect.getdoc(attrgetter(name)(ops)) or ""


def described(name: str, seen: tuple[str, ...] = ()) -> set[str]:
    """The arguments that are told, here or where the text points to: "Args as in `sum`"."""
    text = documentation(name)
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    names = re.findall(r"^    ([\w*, ]+?):", section.group(1), re.M) if section else []
    found = {part.strip(" *") for line in names for part in line.split(",")}
    space = name.rpartition(".")[0]
    for other in re.findall(r"\b[Aa]s(?: in)? `(\w+)`", text):
        known = [full for full in (f"{space}.{other}", other) if full in OPS and full not in (name, *seen)]
        found |= described(known[0], (name, *seen)) if known else set()
    return found


@pytest.mark.parametrize("name", OPS)
def test_an_example_shows_how_it_is_called(name: str) -> None:
    examples = [line for line in documentation(name).splitlines() if line.startswith(">>> ")]
    called = attrgetter(name)(ops).__name__  # of two names for one function the first
    assert any(re.search(rf"\b{called}\b", line) for line in examples)


@pytest.mark.parametrize("name", OPS)
def test_every_argument_is_told(name: str) -> None:
    """One argument alone is what the first line speaks of."""
    parameters = list(inspect.signature(attrgetter(name)(ops)).parameters)
    untold = [parameter for parameter in parameters if parameter not in described(name)]
    assert untold == [] or len(parameters) == 1


def test_what_is_told_nowhere_is_found() -> None:
    assert described("clip") == {"x", "x_min", "x_max"}
    assert "ord" in described("norm")
    assert "bogus" not in described("norm")
