"""Each attack ends in a named error and leaves nothing behind; every hole is tried at every door. Most files that are
attacks are looked into as well (`lamina inspect`), and edited (`KerasFileEditor`): one of ten without the slow tests,
all with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .attacks import ENTRIES, all_attacks
from .payloads import HOLES
from .violations import VIOLATIONS

ROOT = Path(__file__).parents[2]
MEMORY = 200  # MiB
_ALL = list(all_attacks())
ATTACKS = [attack.name for attack in _ALL]
_LOOKED_INTO = [[name for name in ATTACKS if name.startswith(entry)] for entry in ("inspect-", "edit-")]
_SLOW = {name for names in _LOOKED_INTO for name in set(names) - set(names[::10])}
TRIED = {(attack.hole, attack.entry) for attack in _ALL}


def watched(names: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """What the worker tells of each, by name."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.watch", str(folder)],
        input="\n".join(names), capture_output=True, text=True, cwd=ROOT, env=environment, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["name"]: one for one in told}


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of each attack that this run has a test of."""
    items = [item for item in request.session.items if item.path == Path(__file__)]
    chosen = [item.callspec.params["name"] for item in items if "name" in getattr(item, "fixturenames", ())]
    return watched(chosen, tmp_path_factory.mktemp("hostile"))


def faults(one: dict[str, Any]) -> list[str]:
    """What is wrong with how an attack ended."""
    if "broken" in one:
        return ["broken"]
    found = [] if one["named"] else ["unnamed"]
    found += [key for key in ("touched", "imported", "poisoned", "written", "loud") if one[key]]
    return found + (["memory"] if one["mib"] > MEMORY else [])


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in _SLOW)) for n in ATTACKS])
def test_an_attack_ends_in_a_named_error(told: dict[str, dict[str, Any]], name: str) -> None:
    assert faults(told[name]) == [], told[name]


@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_watch_sees(told: dict[str, dict[str, Any]], name: str) -> None:
    assert VIOLATIONS[name].fault in faults(told[name]), told[name]


def test_names_are_told_apart() -> None:
    assert len(ATTACKS) == len(set(ATTACKS))
    assert len(ATTACKS) >= 150


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("hole", HOLES)
def test_every_hole_is_tried_at_every_door(hole: str, entry: str) -> None:
    assert (hole, entry) in TRIED
