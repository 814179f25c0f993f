"""LossWatch: the first loss that is no number, and what was broken first: the data, the weights or the loss itself.

The running sum of the loss lies in the memory of the host where a model is trained on the CPU. NumPy looks there at
each step, which costs 0.1 us and asks PyTorch nothing. Elsewhere the loss is looked at when it is fetched anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from lamina.graph import tree

from .said import Said

_KEY = "loss is NaN"
_READABLE = (torch.float32, torch.float64)


class LossWatch:
    """Looks at the running sum of a loss.

    Args:
        total: a tensor that every step adds its loss to.
    """

    def __init__(self, total: torch.Tensor) -> None:
        plain = total.detach().as_subclass(torch.Tensor)
        near = plain.device.type == "cpu" and plain.dtype in _READABLE
        self._read: Callable[[], float] | None = plain.numpy().item if near else None

    def is_broken(self) -> bool:
        """Whether the sum has become NaN since it was asked last; False where nobody can see it without waiting."""
        if self._read is None or not math.isnan(self._read()):
            return False
        self._read = None  # and it stays NaN
        return True


def tell(said: Said, model: Any, run: Any, batch: Any, y_pred: Any, names: list[str]) -> None:
    """Say that the loss has just become NaN, before the weights are changed for it.

    Args:
        run: the fit in progress, or None.
        batch: (x, y, sample_weight).
        y_pred: predictions of the step.
        names: of the outputs.
    """
    if said.has(_KEY):
        return
    predictions = list(tree.leaves(y_pred))
    broken = [name for name, values in zip(names, predictions, strict=False) if not _is_finite(values)]
    data = [what for what, part in zip(("x", "y", "sample_weight"), batch, strict=True) if not _all_finite(part)]
    weights = list(_broken_weights(model))
    if data:
        first = f"First was the data: {' and '.join(data)} of this batch {'are' if len(data) > 1 else 'is'} not finite"
        hint = "dropping such rows or filling them in (np.nan_to_num)"
    elif weights:
        first = f"First were the weights: {weights[0]!r} was not finite any more after the step before"
        hint = "a smaller learning rate, or clipnorm=1.0 in the optimizer; no sqrt, log or division at 0"
    elif broken:
        first = "First was the model: data and weights are finite, and its output is not"
        hint = "no log, sqrt or division at 0 in a layer; a smaller learning rate"
    else:
        first = "First was the loss: data, weights and predictions are finite"
        hint = "no log, sqrt or division at 0 in the loss"
    where = f", output {' and '.join(map(repr, broken or names))}" if names else ""
    said.once(
        _KEY,
        f"The loss is NaN from {_place(run, 1)} on{where}. {' '.join((f'{first}.', *said.noted.values()))} Try {hint}; "
        "callbacks.TerminateOnNaN() ends such a training.",
        here=True,
    )


def tell_late(said: Said, model: Any, run: Any) -> None:
    """The same where the loss was fetched only now: the step lies before, and all is NaN by now."""
    if said.has(_KEY):
        return
    weights = list(_broken_weights(model))
    now = f"{weights[0]!r} is not finite by now" if weights else "the weights are finite: the data or the loss is not"
    said.once(
        _KEY,
        f"The loss is NaN, seen after {_place(run, 0)}; {' '.join((f'{now}.', *said.noted.values()))} "
        "Try a smaller learning rate, or clipnorm=1.0 in the optimizer; np.isfinite(x).all() tells of the data. "
        "callbacks.TerminateOnNaN() ends such a training at its first step.",
        here=True,
    )


def _place(run: Any, ahead: int) -> str:
    """The step that is done, or is being done, both counted from 1."""
    return f"step {run.batch + ahead} of epoch {run.epoch + 1}" if run is not None else "this step"


def _is_finite(values: Any) -> bool:
    floating = isinstance(values, torch.Tensor) and (values.is_floating_point() or values.is_complex())
    return not floating or bool(values.isfinite().all())


def _all_finite(part: Any) -> bool:
    return all(_is_finite(leaf) for leaf in tree.leaves(part))


def _broken_weights(model: Any) -> Iterator[str]:
    return (name.replace(".", "/") for name, weight in model.named_parameters() if not _is_finite(weight.detach()))
