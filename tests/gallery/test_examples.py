"""Every example learns at reduced size, and what it saved answers the same elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib import pyplot

from gallery.runner import discover, examine

QUICK = ("mlp", "autoencoder", "branches")
"""These run in every suite; the others are slow tests."""


@pytest.mark.filterwarnings("default")  # a run as short as this one may end before a baseline has converged
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in discover.names()]
)
def test_it_learns(name: str, tmp_path: Path):
    about = discover.about(name)
    result = discover.load(name).run(quick=True, out=tmp_path)
    pyplot.close(result.figure)
    assert about.better(result.score, about.quick_target), f"{result.score} does not reach {about.quick_target}"
    assert (tmp_path / f"{name}.lamina").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", discover.names())
def test_it_answers_the_same_elsewhere(name: str, tmp_path: Path):
    record = examine.examine(name, tmp_path, quick=True, compiler="eager")
    assert examine.complaints(record) == []
    assert all((tmp_path / file).stat().st_size <= 80_000 for file in record["figures"])
