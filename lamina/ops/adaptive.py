"""Pooling to a given number of windows, however large the input is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from .one_node import one_node
from .operands import floating, ordered
from .spatial import as_it_came, channels_second, each

_Kernels = dict[int, Callable[..., torch.Tensor]]
_MAX: _Kernels = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
_AVERAGE = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


@one_node
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The mean of each of `output_size` windows that lie evenly over every spatial axis, by channel.

    Window i of m over n positions reaches from floor(i n / m) to ceil((i + 1) n / m), so windows may overlap by one.

    Args:
        inputs: (B, *spatial, C), one to three spatial axes; integers become float32.
        output_size: the number of windows: one integer, or one for each spatial axis.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be. ShapeError: not one to three spatial axes.

    >>> adaptive_average_pool(torch.arange(5.0).reshape(1, 5, 1), 2).flatten()
    tensor([1., 3.])
    """
    return _pooled("adaptive_average_pool", _AVERAGE, ordered(floating(inputs)), output_size, data_format)


@one_node
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest value of each of `output_size` windows that lie evenly over every spatial axis, by channel.

    Arguments, windows and errors as in `adaptive_average_pool`.

    >>> adaptive_max_pool(torch.arange(5.0).reshape(1, 5, 1), 2).flatten()
    tensor([2., 4.])
    """
    return _pooled("adaptive_max_pool", _MAX, ordered(floating(inputs)), output_size, data_format)


def _pooled(name: str, kernels: _Kernels, inputs: Any, output_size: Any, data_format: str | None) -> torch.Tensor:
    x, rank = channels_second(name, inputs, data_format)
    return as_it_came(kernels[rank](x, each("output_size", output_size, rank)), data_format)
