"""The README's and the guides' code runs, and the error that the README shows is the one that comes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import torch

import lamina

ROOT = Path(__file__).parent.parent


def blocks(path: str) -> list[tuple[str, str]]:
    """(language, text) of the code blocks of a page."""
    found = re.findall(r"^ *```(python)?\n(.*?)```", (ROOT / path).read_text(), re.DOTALL | re.MULTILINE)
    return [(language, textwrap.dedent(text)) for language, text in found]


BLOCKS = blocks("README.md")
PYTHON = [text for language, text in BLOCKS if language]


def run(source: str, names: dict[str, object]) -> dict[str, object]:
    exec(compile(source, "train.py", "exec"), names)  # noqa: S102  the README's own text
    return names


def test_the_first_example_trains():
    model = run(PYTHON[0], {})["model"]
    data = [torch.randn(8, 32), torch.randn(8, 64)], [torch.randn(8, 1), torch.arange(8) % 3]
    history = model.fit(*data, verbose=0)
    assert list(history.history) == ["loss", "price_loss", "category_loss"]


def test_the_mistake_gives_the_error_that_is_shown():
    shown = next(text for _, text in BLOCKS if text.startswith("lamina.ShapeError"))
    with pytest.raises(lamina.ShapeError, match="cannot take this input") as caught:
        run(PYTHON[1], {"Dense": lamina.layers.Dense, "Input": lamina.Input})
    assert f"lamina.ShapeError: {caught.value}\n" == shown


def test_the_guide_to_training_runs_from_top_to_bottom():
    names: dict[str, object] = {}
    for language, text in blocks("docs/training.md"):
        if language:
            run(text, names)
    assert "wrapped" in names


def test_the_guides_to_data_run_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for page in ("docs/preprocessing.md", "docs/datasets.md", "docs/wrappers.md"):
        names: dict[str, object] = {}
        for language, text in blocks(page):
            if language:
                run(text, names)
        assert len(names) > 3


def test_the_guide_to_control_flow_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in blocks("docs/control_flow.md"):
        if language:
            run(text, names)
    guess, steps = names["solver"](torch.ones(2, 4))  # type: ignore[operator]
    assert int(steps) <= 10
    assert guess.shape == (2, 4)
    assert (ROOT / "docs/images/routed.svg").exists()


@pytest.mark.filterwarnings("ignore")  # of PyTorch's exporters, on their own names
def test_the_guide_to_export_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"the guide writes ONNX and runs it: pip install {package}")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in blocks("docs/export.md"):
        if language:
            run(text, names)
    assert (tmp_path / "model.onnx").exists()


def test_the_guide_to_pictures_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in blocks("docs/visualization.md"):
        if language:
            run(text, names)
    assert {file.name for file in tmp_path.iterdir()} == {"pictures.png", "boxes.png", "masks.png"}


def test_the_guide_to_augmentation_runs_from_top_to_bottom():
    names: dict[str, object] = {}
    for language, text in blocks("docs/augmentation.md"):
        if language:
            run(text, names)
    assert set(names["found"]["bounding_boxes"]) == {"boxes", "labels"}  # type: ignore[index]


def test_the_guide_to_sizes_runs():
    names: dict[str, object] = {}
    for language, text in blocks("docs/sizes.md"):
        if language:
            run(text, names)
    assert names["model"](torch.randint(0, 9, (2, 5))).shape == (2, 5, 8)  # type: ignore[operator]


@pytest.mark.filterwarnings("ignore:.*holds a pickle")
def test_the_guide_to_saving_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in blocks("docs/saving.md"):
        if language:
            run(text, names)
    assert (tmp_path / "linear.pt").exists()


def test_the_guide_to_modules_runs_from_top_to_bottom():
    names: dict[str, object] = {}
    for language, text in blocks("docs/modules.md"):
        if language:
            run(text, names)
    assert "hidden_layer.launch(" in names["model"].program().source  # type: ignore[attr-defined]


def test_the_guide_to_applications_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, text in blocks("docs/applications.md"):
        if language:
            run(text, names)
    assert (tmp_path / "five.weights.h5").exists()
