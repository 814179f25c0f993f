"""Looks at the values of targets, on the host: what a loss would take without a word, or answer with nonsense.

Each check is one pass over the data (the least and the greatest value); only what is wrong is looked at twice, to say
where it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError

# PyTorch finds no least and greatest value of these.
_WITHOUT_BOUNDS = (torch.bool, torch.uint16, torch.uint32, torch.uint64)


def check_finite(y_true: Tensor, whose: str) -> tuple[float, float]:
    """Least and greatest value of floating targets; ArgumentError where one is NaN or infinite.

    >>> check_finite(torch.tensor([0.5, 2.0]), "price")
    (0.5, 2.0)
    """
    least, greatest = (bound.item() for bound in torch.aminmax(y_true.detach()))
    if not (abs(least) < float("inf") and abs(greatest) < float("inf")):
        raise ArgumentError(
            f"The targets of {whose} hold values that are not finite.",
            got=_found(y_true, ~y_true.isfinite()),
            expected="finite numbers: a single NaN would make the loss, and then every weight, NaN",
            hint="drop these rows, fill them in, or give them sample_weight=0 and a finite target",
        )
    return least, greatest


def check_interval(y_true: Tensor, low: float, high: float, whose: str, hint: str) -> None:
    """ArgumentError where a target is outside [low, high] or not finite."""
    least, greatest = check_finite(y_true, whose) if y_true.is_floating_point() else _bounds(y_true)
    if least < low or greatest > high:
        raise ArgumentError(
            f"The targets of {whose} hold values outside [{low:g}, {high:g}].",
            got=f"{_found(y_true, (y_true < low) | (y_true > high))}; values from {least:g} to {greatest:g}",
            expected=f"values in [{low:g}, {high:g}]",
            hint=hint,
        )


def check_class_numbers(y_true: Tensor, classes: int, ignore_class: int | None, whose: str) -> None:
    """ArgumentError where a target is no whole number, or no class in [0, classes) and not `ignore_class` either."""
    if y_true.is_floating_point():
        check_finite(y_true, whose)
        if (broken := y_true != y_true.round()).any():
            raise ArgumentError(
                f"The targets of {whose} are class numbers, but not whole.",
                got=_found(y_true, broken),
                expected=f"whole numbers from 0 to {classes - 1}",
                hint="mean_squared_error for targets that are quantities; categorical_crossentropy for probabilities",
            )
    least, greatest = _bounds(y_true)
    if least >= 0 and greatest < classes:
        return
    outside = (y_true < 0) | (y_true >= classes)
    if ignore_class is not None:
        outside &= y_true != ignore_class
    if not outside.any():
        return
    if least == 1 and greatest == classes:
        hint = "class numbers start at 0: subtract 1 from the targets"
    elif least < 0:
        hint = f"ignore_class={least:g} in the loss, if these targets are not to count"
    else:
        hint = f"{greatest + 1:g} units in the last layer, one per class"
    raise ArgumentError(
        f"The targets of {whose} hold a class number that the predictions do not have.",
        got=f"{_found(y_true, outside)}; numbers from {least:g} to {greatest:g}",
        expected=f"whole numbers from 0 to {classes - 1}, one for each of {classes} classes",
        hint=hint,
    )


def _bounds(y_true: Tensor) -> tuple[float, float]:
    values = y_true.detach()
    least, greatest = torch.aminmax(values.long() if values.dtype in _WITHOUT_BOUNDS else values)
    return least.item(), greatest.item()


def _found(y_true: Tensor, wrong: Tensor) -> str:
    """The first wrong value, its row, and how many there are."""
    where = wrong.reshape(len(wrong), -1).any(-1) if wrong.ndim else wrong.reshape(1)
    row = int(where.int().argmax())
    value = y_true[wrong][0].item()
    count = int(wrong.sum())
    return f"{value:g} in row {row}" + (f" (and {count - 1:,} more)" if count > 1 else "")
