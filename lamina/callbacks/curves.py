"""Training curves: what a `History` recorded, as a picture."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lamina.graph.errors import ArgumentError

from .direction import rises_by_name

_TRAIN, _VALIDATION = "#2b67c4", "#d1622b"
_INK, _FAINT = "#18212c", "#d5dae0"


def plot_history(
    history: Any,
    to_file: str | os.PathLike[str] | None = None,
    metrics: Sequence[str] | None = None,
    columns: int = 3,
    dpi: int = 150,
) -> Any:
    """Draw how training went: a panel for the loss and for each metric, with its training and its validation curve.

    The best value, of the validation curve where there is one, is marked.

    Args:
        history: what ``fit`` returned, or a dict of lists such as its ``history``.
        to_file: a file that matplotlib can write, such as ``.png``, ``.svg`` or ``.pdf``; by default none is written.
        metrics: which ones, without ``val_``, in this order; by default all.
        columns: panels side by side.
        dpi: resolution of the file.

    Returns:
        matplotlib's ``Figure``, which a notebook shows, with or without ``%matplotlib``.

    Raises:
        ArgumentError: nothing was recorded; an unknown metric; matplotlib is not installed.
    """
    values, first_epoch = _recorded(history)
    names = _panels(values, metrics)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ArgumentError(
            "Drawing training curves needs matplotlib, which is not installed.", hint="pip install 'lamina[plot]'"
        ) from None
    across = min(columns, len(names))
    down = math.ceil(len(names) / across)
    figure: Any = Figure(figsize=(4.2 * across, 2.9 * down), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    # What a notebook asks for. It shows figures by itself only after %matplotlib, or once pyplot was imported.
    figure._repr_png_ = partial(_picture, figure)
    for i, name in enumerate(names):
        axes = figure.add_subplot(down, across, i + 1)
        _draw_panel(axes, name, values[name], values.get(f"val_{name}"), first_epoch)
        _finish_panel(axes, name, labelled=i >= len(names) - across)
    if to_file is not None:
        figure.savefig(Path(to_file), dpi=dpi)
    return figure


def _picture(figure: Any) -> bytes:
    """The figure as a PNG."""
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=96)
    return written.getvalue()


def _recorded(history: Any) -> tuple[dict[str, list[float]], int]:
    """Metric -> values, and the number of the first epoch, counted from 1."""
    values = getattr(history, "history", history)
    if not isinstance(values, Mapping) or not values:
        raise ArgumentError(
            "There is no history to draw.",
            got=repr(values)[:80],
            expected="what fit returned, or a dict of lists with at least one metric",
        )
    epochs = getattr(history, "epoch", None)
    first = int(epochs[0]) + 1 if epochs else 1
    return {name: [_number(v) for v in series] for name, series in values.items()}, first


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _panels(values: Mapping[str, list[float]], metrics: Sequence[str] | None) -> list[str]:
    """The loss first, then what makes it up, then the rest, each in the order in which it was recorded."""
    known = [name for name in values if not (name.startswith("val_") and name[4:] in values)]
    if metrics is None:
        return sorted(known, key=lambda name: (name != "loss", not name.endswith("loss")))
    for name in metrics:
        if name not in values:
            raise ArgumentError(f"The history has no {name!r}.", expected=", ".join(known))
    return list(metrics)


def _epochs(series: list[float], epochs: int, first: int) -> list[int]:
    """The epochs at which values were recorded; fewer values than epochs were taken every so many."""
    every = max(1, epochs // max(1, len(series)))
    return [first - 1 + every * (i + 1) for i in range(len(series))]


def _draw_panel(axes: Any, name: str, train: list[float], validation: list[float] | None, first: int) -> None:
    curves = [("training", train, _TRAIN)]
    if validation is not None:
        curves.append(("validation", validation, _VALIDATION))
    for label, series, color in curves:
        dots = {"marker": "o", "markersize": 3.0} if len(series) < 3 else {}
        axes.plot(_epochs(series, len(train), first), series, color=color, linewidth=1.6, label=label, **dots)
    _, series, color = curves[-1]
    finite = [(value, epoch) for value, epoch in zip(series, _epochs(series, len(train), first), strict=True)]
    finite = [pair for pair in finite if math.isfinite(pair[0])]
    if not finite or "learning_rate" in name:
        return
    sign = 1.0 if rises_by_name(name) is False else -1.0
    best, epoch = min(finite, key=lambda pair: (sign * pair[0], pair[1]))
    axes.plot([epoch], [best], marker="o", markersize=5.0, color=color, markeredgecolor="white")
    axes.set_title(f"best {best:.4g}, epoch {epoch}", loc="right", fontsize=8.5, color=color)


def _finish_panel(axes: Any, name: str, labelled: bool) -> None:
    axes.set_title(name.replace("_", " "), loc="left", fontsize=10.5, fontweight="bold", color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(colors=_INK, labelsize=8.5, length=0)
    axes.grid(color=_FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.get_major_locator().set_params(integer=True)
    low, high = axes.get_xlim()
    if high - low < 1:  # a single epoch
        axes.set_xticks([round((low + high) / 2)])
    if labelled:
        axes.set_xlabel("epoch", fontsize=9, color=_INK)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(frameon=False, fontsize=8.5, labelcolor=_INK)
