"""Inputs that are not finite, found before the first step: of each array the first rows, or all where that is cheap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from lamina.graph import tree
from lamina.layers import Lambda
from lamina.operations import OPERATIONS

from .said import Said

_ROWS = 1024
"""Of each array at least so many are looked at."""
_FEW = 2**18
"""So many bytes are looked at in any case: 0.03 ms, a tenth of a step."""
_SHARE = 0.01
"""Of the time that an epoch takes at least, which all the looking may cost."""
_BYTES = 1e10
"""So many are looked at in a second."""
_STEP, _WORK = 2e-4, 5e10
"""Seconds that no step falls below; products of numbers in a second."""
_AWARE = frozenset(("nan_to_num", "isnan", "isfinite", "isinf", "masked_fill", "where"))


def tell_of_inputs(said: Said, model: Any, x: Any, steps: int | None) -> None:
    """Warn of NaN and of infinite values in what a model is given. A graph that asks for such values is left alone.

    A layer with code of its own may ask for them, too: then it is told with the first loss that is NaN.

    Args:
        x: all there is of it, or a batch.
        steps: of an epoch; None where unknown.
    """
    if _asks(model.graph):
        return
    found = [(name, leaf) for name, leaf in _named(model, x) if _is_looked_at(leaf)]
    if not found:
        return
    few = sum(leaf.nbytes for _, leaf in found) <= _FEW
    share = 0.0 if few else _affordable(model, found, steps) / len(found)
    for name, leaf in found:
        part = leaf if few else leaf[: max(_ROWS, int(share * len(leaf) / leaf.nbytes))]
        if not math.isfinite(part.sum().item()):  # NaN and inf stay in a sum; a large sum may be inf by itself
            _tell(said, model, name, part)


def _asks(graph: Any) -> bool:
    """Whether a graph, or one of a model in it, has an operation that fills such values in or looks for them."""
    nodes = graph.nodes if graph is not None else ()
    names = (OPERATIONS.of(node.op).name or getattr(node.op, "__name__", "") for node in nodes)
    return any(name in _AWARE or name.startswith("nan") for name in names) or any(
        _asks(getattr(node.op, "graph", None)) for node in nodes
    )


def _has_own_code(model: Any) -> bool:
    """Whether a layer in a model is of the user's writing, so that nobody knows what it makes of such values."""
    return any(
        isinstance(part, Lambda) or type(part).__module__.partition(".")[0] not in ("lamina", "torch")
        for part in model.modules()
    )


def _affordable(model: Any, found: list[tuple[str, torch.Tensor]], steps: int | None) -> float:
    """Bytes that can be looked at in the share of an epoch."""
    rows = max(len(leaf) for _, leaf in found)
    weights = sum(weight.numel() for weight in model.parameters())
    seconds: float = max((steps or 1) * _STEP, rows * weights * 6 / _WORK)
    return _SHARE * seconds * _BYTES


def _named(model: Any, x: Any) -> Iterator[tuple[str, Any]]:
    if model.graph is not None:
        yield from zip(model.graph.input_names, model.match_inputs(x), strict=True)
        return
    for path, leaf in tree.paths(x):
        yield ".".join(map(str, ("x", *path))), leaf


def _is_looked_at(leaf: Any) -> bool:
    return (
        isinstance(leaf, torch.Tensor)
        and leaf.device.type == "cpu"
        and leaf.is_floating_point()
        and leaf.ndim > 0
        and leaf.numel() > 0
    )


def not_finite(part: torch.Tensor) -> str:
    """What of an array (rows, ...) is not finite, and where; "" where all is.

    >>> not_finite(torch.tensor([[1.0], [float("nan")]]))
    'NaN, first in row 1, in 1 of the 2 rows looked at'
    """
    broken = ~part.isfinite()
    if not broken.any():
        return ""
    rows = broken.reshape(len(part), -1).any(1)
    word = "NaN" if part.isnan().any() else "infinite values"
    return f"{word}, first in row {int(rows.nonzero()[0])}, in {int(rows.sum())} of the {len(part)} rows looked at"


def _tell(said: Said, model: Any, name: str, part: torch.Tensor) -> None:
    held = not_finite(part)
    if not held:
        return
    fact = f"The input {name!r} holds {held}"
    if _has_own_code(model):
        said.noted.setdefault(f"input {name}", f"{fact}.")
        return
    said.once(
        f"input {name}",
        f"{fact}: the loss and then every weight become NaN. Try dropping these rows (np.isfinite(x).all(axis=1) for a "
        "table), or filling them in (np.nan_to_num).",
        here=True,
    )
