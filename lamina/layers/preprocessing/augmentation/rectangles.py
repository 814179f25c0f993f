"""Rectangles at random places, one for each picture, as masks."""

from __future__ import annotations

from typing import Any

import torch

Span = tuple[torch.Tensor, torch.Tensor]


def drawn_span(size: int, part: Any, place: Any) -> tuple[Any, Any]:
    """(begin, end) of spans of an axis: `part` of it long, at `place` of the room that is left; numbers, or (B,)."""
    length = part * size
    begin = place * (size - length)
    return begin, begin + length


def inside(x: torch.Tensor, across: Span, down: Span, last: bool) -> torch.Tensor:
    """Which numbers of pictures lie in the rectangle of each: (B, H, W, C), or (B, 1, H, W) with channels first."""
    height, width = x.shape[1:3] if last else x.shape[2:]
    channels = x.shape[3] if last else 1
    rows = torch.arange(height, dtype=down[0].dtype, device=x.device)
    columns = torch.arange(width, dtype=down[0].dtype, device=x.device)
    (left, right), (top, bottom) = ([end.unsqueeze(1) for end in span] for span in (across, down))
    in_rows, in_columns = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    if channels > 1:
        in_columns = in_columns.repeat_interleave(channels, 1)
    mask = in_rows.unsqueeze(2) & in_columns.unsqueeze(1)
    return mask.reshape(len(x), height, width, channels) if last else mask.unsqueeze(1)
