"""smart_resize: another size without another shape of what is in the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina import ops
from lamina.graph import ArgumentError, ShapeError
from lamina.tracebacks import door


@door
def smart_resize(
    x: Any, size: tuple[int, int], interpolation: str = "bilinear", data_format: str = "channels_last"
) -> Any:
    """The largest part in the middle that has the sides of `size`, resized to it.

    Args:
        x: a picture (H, W, C) or a batch (B, H, W, C), an array or a tensor; channels first as `data_format` says.
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Raises:
        ArgumentError: `size` is no pair. ShapeError: `x` is of another rank.

    >>> smart_resize(np.zeros((6, 9, 3), "float32"), (2, 2)).shape
    (2, 2, 3)
    """
    if len(size) != 2:
        raise ArgumentError(f"size cannot be {size!r}.", expected="(height, width)")
    picture = torch.as_tensor(x)
    if picture.ndim not in (3, 4):
        raise ShapeError("smart_resize takes pictures.", got=str(tuple(picture.shape)), expected="3 or 4 axes")
    first = -3 if data_format == "channels_last" else -2
    height, width = picture.shape[first], picture.shape[first + 1]
    tall, wide = (
        max(min(height, int(width * size[0] / size[1])), 1),
        max(min(width, int(height * size[1] / size[0])), 1),
    )
    picture = picture.narrow(first, (height - tall) // 2, tall).narrow(first + 1, (width - wide) // 2, wide)
    result = ops.image.resize(picture, size=tuple(size), interpolation=interpolation, data_format=data_format)
    return np.array(result) if isinstance(x, np.ndarray) else result
