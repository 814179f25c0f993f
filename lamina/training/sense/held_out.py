"""Classes of the rows that `validation_split` keeps: the last ones, which of sorted data are of other classes."""

from __future__ import annotations

from typing import Any

import torch

from lamina import losses

from .losses import taken
from .said import Said

_OF_NUMBERS = (losses.SparseCategoricalCrossentropy, losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)
_OF_SHARES = (
    losses.CategoricalCrossentropy, losses.CategoricalFocalCrossentropy, losses.CategoricalGeneralizedCrossEntropy,
)  # fmt: skip
_MOST_BYTES = 2**24  # of a target that is no tensor yet
_MOST_CLASSES = 2**16
_FEWEST = 16  # rows that tell something
_SHARE = 0.1  # of the kept rows: some of a rare class may lie there by chance
_SHOWN = 8


def tell_of_new_classes(said: Said, name: str, loss: Any, trained: Any, kept: Any) -> None:
    """Warn where a part of the rows that are kept has classes that no row to train on has, or all have one.

    Args:
        name: of the output.
        loss: of it.
        trained, kept: its targets, (N, ...): class numbers, or one-hot.
    """
    before, after = _classes(loss, trained), _classes(loss, kept)
    if before is None or after is None or len(before) + len(after) < _FEWEST:
        return
    size = int(max(before.max(), after.max())) + 1
    if size > _MOST_CLASSES:
        return
    counts = [torch.bincount(part, minlength=size) for part in (before, after)]
    new = (counts[0] == 0) & (counts[1] > 0)
    share = counts[1][new].sum().item() / len(after)
    if share > _SHARE:
        listed = _listed(new.nonzero().flatten().tolist())
        _tell(said, name, f"{share:.0%} of the {len(after)} last rows are of classes that no other row has ({listed})")
    elif (counts[0] > 0).sum() > 1 and (counts[1] > 0).sum() == 1 and _in_blocks(before, after):
        only = int(after[0])
        _tell(said, name, f"all {len(after)} last rows are of class {only}, one of several")


def _tell(said: Said, name: str, text: str) -> None:
    said.once(
        f"held out {name}",
        f"validation_split keeps the last rows, and the targets of the output {name!r} are not in random order: "
        f"{text}. The validation says little. Try i = np.random.permutation(len(x)); x, y = x[i], y[i] before fit.",
        here=True,
    )


def _classes(loss: Any, target: Any) -> torch.Tensor | None:
    """The class of each row, (N,), int64; None where the targets are no classes, or not in memory."""
    if target is not None and not isinstance(target, torch.Tensor):
        small = hasattr(target, "whole") and target.ndim <= 2 and _bytes(target) <= _MOST_BYTES
        target = target.whole() if small else None
    if target is None or target.device.type != "cpu" or target.is_complex() or not target.numel():
        return None
    if target.ndim == 2 and target.shape[1] > 1:
        return target.argmax(1) if type(loss) in _OF_SHARES and _is_one_hot(target) else None
    if target.ndim > 2 or not _takes_numbers(loss):
        return None
    numbers = target.reshape(-1)
    if numbers.is_floating_point():
        whole = numbers.long()
        return whole if bool((whole == numbers).all()) and bool((whole >= 0).all()) else None
    return numbers.long() if numbers.dtype is torch.bool or int(numbers.min()) >= 0 else None


def _takes_numbers(loss: Any) -> bool:
    return type(loss) in _OF_NUMBERS or (isinstance(loss, losses.TorchLoss) and taken(loss) is not None)


def _is_one_hot(target: torch.Tensor) -> bool:
    part = target[:_FEWEST]
    return bool(((part == 0) | (part == 1)).all()) and bool((part.sum(1) == 1).all())


def _in_blocks(before: torch.Tensor, after: torch.Tensor) -> bool:
    """Whether the rows of each class lie together."""
    every = torch.cat([before, after])
    changes = int((every[1:] != every[:-1]).sum())
    return changes + 1 == int((torch.bincount(every) > 0).sum())


def _bytes(target: Any) -> int:
    size = target.dtype.itemsize
    for axis in target.shape:
        size *= axis
    return int(size)


def _listed(classes: list[int]) -> str:
    more = f", ... ({len(classes)} in all)" if len(classes) > _SHOWN else ""
    return ", ".join(map(str, classes[:_SHOWN])) + more
