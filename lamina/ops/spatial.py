"""Spatial axes: in the order that PyTorch's kernels want, and back; and arguments that say something of each of them.

Data are (B, *spatial, C), or (B, C, *spatial) with `data_format="channels_first"`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError

from .operands import common


def channels_second(name: str, inputs: Any, data_format: str | None) -> tuple[torch.Tensor, int]:
    """The input as (B, C, *spatial), and its number of spatial axes, one to three; `name` is for the message."""
    x = common(inputs)[0]
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ShapeError(
            f"ops.{name} works on one to three spatial axes.",
            got=f"shape {tuple(x.shape)}",
            expected="3, 4 or 5 axes: batch, channels and the spatial ones",
        )
    return (torch.movedim(x, -1, 1) if is_channels_last(data_format) else x), rank


def as_it_came(x: torch.Tensor, data_format: str | None) -> torch.Tensor:
    """(B, C, *spatial) in the order of `data_format`."""
    return torch.movedim(x, 1, -1) if is_channels_last(data_format) else x


def is_channels_last(data_format: str | None) -> bool:
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(f"There is no data_format {data_format!r}.", expected="'channels_last' or 'channels_first'")
    return data_format != "channels_first"


def is_same(padding: str) -> bool:
    """Whether windows reach over the border."""
    word = padding.lower() if isinstance(padding, str) else padding
    if word not in ("valid", "same"):
        raise ArgumentError(f"There is no padding {padding!r}.", expected="'valid' or 'same'")
    return bool(word == "same")


def each(name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """`rank` integers, each at least `least`; one integer stands for all of them."""
    values = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,) * rank
    try:
        numbers: tuple[Any, ...] = tuple(n if isinstance(n, torch.SymInt) else operator.index(n) for n in values)
    except TypeError:
        numbers = ()
    if len(numbers) != rank or min(numbers) < least:
        raise ArgumentError(
            f"{name} cannot be {value!r}.",
            expected=f"an integer >= {least}" + (f", or {rank} of them" if rank > 1 else ""),
        )
    return numbers
