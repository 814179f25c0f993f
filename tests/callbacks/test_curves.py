"""Training curves: which panels, which values, which epochs."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace

import matplotlib.figure
import pytest

from lamina.graph import ArgumentError
from lamina.view import plot_history

RUN = {
    "accuracy": [0.5, 0.7, 0.8, 0.85],
    "loss": [1.0, 0.6, 0.4, 0.3],
    "val_loss": [1.1, 0.7, 0.65, 0.9],
    "val_accuracy": [0.4, 0.72, 0.71, 0.6],
}


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def curves(axes):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}


def test_a_panel_for_the_loss_and_each_metric_with_both_curves():
    figure = plot_history(RUN, None)
    assert list(panels(figure)) == ["loss", "accuracy"]
    loss = curves(panels(figure)["loss"])
    assert loss["training"] == ([1, 2, 3, 4], RUN["loss"])
    assert loss["validation"] == ([1, 2, 3, 4], RUN["val_loss"])


@pytest.mark.parametrize("name, said", [("loss", "best 0.65, epoch 3"), ("accuracy", "best 0.72, epoch 2")])
def test_the_best_validation_value_is_marked(name, said):
    axes = panels(plot_history(RUN, None))[name]
    assert axes.get_title(loc="right") == said


def test_what_fit_returns_counts_from_its_first_epoch():
    history = SimpleNamespace(history={"loss": [3.0, 2.0]}, epoch=[10, 11])
    axes = panels(plot_history(history, None))["loss"]
    assert curves(axes)["training"] == ([11, 12], [3.0, 2.0])
    assert axes.get_legend() is None


def test_validation_every_other_epoch_stands_at_its_epochs():
    figure = plot_history({"loss": [4, 3, 2, 1], "val_loss": [5, 4]}, None)
    assert curves(panels(figure)["loss"])["validation"][0] == [2, 4]


def test_values_that_are_none_or_not_a_number_leave_a_gap():
    axes = panels(plot_history({"loss": [1.0, None, float("nan"), 0.5]}, None))["loss"]
    values = curves(axes)["training"][1]
    assert (values[0], values[3]) == (1.0, 0.5)
    assert math.isnan(values[1])
    assert axes.get_title(loc="right") == "best 0.5, epoch 4"


def test_losses_of_outputs_follow_the_loss_and_a_choice_is_kept():
    run = {"a_accuracy": [1.0], "a_loss": [1.0], "b_loss": [1.0], "loss": [2.0]}
    assert list(panels(plot_history(run, None))) == ["loss", "a loss", "b loss", "a accuracy"]
    assert list(panels(plot_history(run, None, metrics=["b_loss", "a_accuracy"]))) == ["b loss", "a accuracy"]


@pytest.mark.parametrize("name, head", [("run.png", b"\x89PNG"), ("run.svg", b"<?xml"), ("run.pdf", b"%PDF")])
def test_files(tmp_path, name, head):
    plot_history(RUN, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(head)


@pytest.mark.parametrize(
    "arguments, said",
    [(({}, None), "no history"), (([1, 2], None), "no history"), ((RUN, None, ["mae"]), "has no 'mae'")],
)
def test_wrong_arguments_are_refused(arguments, said):
    with pytest.raises(ArgumentError, match=said):
        plot_history(*arguments)


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [n for n in sys.modules if n.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ArgumentError, match=r"pip install 'lamina\[plot\]'"):
        plot_history(RUN, None)


@pytest.mark.slow
def test_a_notebook_shows_it_without_pyplot(tmp_path):
    """What IPython asks an object for is there, as is the figure; pyplot is not needed and holds nothing."""
    figure = plot_history({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]}, None)
    assert figure._repr_png_().startswith(b"\x89PNG\r\n\x1a\n")
    assert isinstance(figure, matplotlib.figure.Figure)
    code = (
        "import sys; from lamina.callbacks import History; h = History(); h.on_epoch_end(0, {'loss': 1.0})\n"
        f"png = h.plot({str(tmp_path / 'c.png')!r})._repr_png_(); assert len(png) > 1000\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "c.png").exists()


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_only_whole_epochs_stand_on_the_axis(epochs):
    axes = plot_history({"loss": [0.5] * epochs}, None).axes[0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_no_file_is_written_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot_history(RUN)
    assert not list(tmp_path.iterdir())
