"""What is done with every example: it notices what does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from gallery import About, Result
from gallery.runner import arrays, checks, examine, figures, page
from gallery.runner.figures import LIMIT, save_small
from lamina import Input, Model, layers

ABOUT = About(
    title="A line",
    group=1,
    answers="y = 2x",
    data="none",
    measure="none",
    baseline="none",
    target=0.9,
    quick_target=0.5,
    not_in_keras="it was not tried",
    not_compiled="it was not tried",
)


def line(out: Path, name: str) -> Result:
    x = Input((2,), name="x")
    model = Model(x, layers.Dense(1)(x))
    model.save(out / f"{name}.lamina")
    return Result(model, np.ones((4, 2), "float32"), 1.0, 0.5, Figure())


def test_nests_of_arrays_come_back_from_their_file(tmp_path: Path):
    nested = {"b": [np.arange(3), np.ones((2, 2))], "a": np.array(["x", "yz"])}
    arrays.save(tmp_path / "n.npz", nested)
    again = arrays.load(tmp_path / "n.npz")
    assert list(again["a"]) == ["x", "yz"]
    assert [a.tolist() for a in arrays.flat(again)[1:]] == [[0, 1, 2], [[1, 1], [1, 1]]]


@pytest.mark.parametrize(
    "theirs, expected",
    [
        ([np.array([1.0, 100.0])], 0.0),
        ([np.array([1.0, 101.0])], 0.01),
        ([np.array([1.0, np.nan])], np.inf),
        ([np.array([1.0])], np.inf),
        ([np.array([1.0, 100.0]), np.array([1.0])], np.inf),
    ],
)
def test_differences_are_found(theirs: list[np.ndarray], expected: float):
    assert arrays.difference([np.array([1.0, 100.0])], theirs) == pytest.approx(expected)


def test_a_model_that_answers_otherwise_from_its_file_is_noticed(tmp_path: Path):
    result = line(tmp_path, "mlp")
    result.model.set_weights([weight + 1 for weight in result.model.get_weights()])
    outcomes = checks.check("mlp", ABOUT, result, tmp_path, "eager")
    (failure,) = checks.failures(outcomes)
    assert failure.startswith("loaded: the predictions differ by")
    assert outcomes["keras"] == {"ok": None, "why": "it was not tried"}


def test_a_score_that_falls_short_is_a_complaint():
    record = {"reached": False, "score": 0.8, "target": 0.9, "checks": {"keras": {"ok": False, "why": "no"}}}
    assert examine.complaints(record) == ["score 0.8 does not reach 0.9", "keras: no"]
    assert ABOUT.better(0.9, 0.9)
    assert not ABOUT.better(0.8, 0.9)


def test_a_figure_is_made_small(tmp_path: Path):
    figure, axes = plt.subplots(figsize=(9, 9))
    axes.imshow(np.random.default_rng(0).random((600, 600, 3)))
    save_small(figure, tmp_path / "noise.png")
    plt.close(figure)
    assert 0 < (tmp_path / "noise.png").stat().st_size <= LIMIT


def test_the_page_is_the_one_that_the_records_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = page.PAGE.read_text()
    monkeypatch.setattr(page, "PAGE", tmp_path / "gallery.md")
    assert page.write().read_text() == kept, "python -m gallery --page"
    for name, record in page.records().items():
        assert json.dumps(record), name
        assert all((page.PICTURES / file).stat().st_size <= LIMIT for file in record["figures"]), name


def test_a_picture_of_a_huge_model_is_a_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    result = line(tmp_path, "mlp")
    assert figures.draw("mlp", result, tmp_path) == ["mlp.png", "mlp_model.svg"]
    monkeypatch.setattr(figures, "LIMIT", 500)
    assert figures.draw("mlp", result, tmp_path)[1] == "mlp_model.png"
    assert not (tmp_path / "mlp_model.svg").exists()
