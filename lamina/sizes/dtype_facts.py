"""What a dtype alone tells: an answer before the model runs, where other questions that give no tensor have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

_ANSWERED = frozenset(
    (
        *(torch.result_type, torch.is_floating_point, torch.is_complex, torch.is_signed),
        *(torch.Tensor.is_floating_point, torch.Tensor.is_complex, torch.Tensor.is_signed, torch.Tensor.element_size),
    )
)
_HINTS = {
    "stride": "x.size() and reshape; memory lies as the operations before leave it",
    "is_contiguous": "x.contiguous(), which copies nothing that is contiguous",
    "get_device": "device=x.device",
    "is_same_size": "a.shape == b.shape",
    "storage_offset": "a layer with its own call(), which sees real tensors",
    "untyped_storage": "a layer with its own call(), which sees real tensors",
    "storage": "a layer with its own call(), which sees real tensors",
    "data_ptr": "a layer with its own call(), which sees real tensors",
}
# Attributes of a tensor that its dtype tells, and what they are. A graph is made of dense tensors.
ATTRIBUTES: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "requires_grad": lambda x: x.dtype.is_floating_point,
        "itemsize": lambda x: x.dtype.itemsize,
        "layout": lambda x: torch.strided,
        "is_sparse": lambda x: False,
        "sparse": lambda x: False,  # as Keras' tensors say it
        "ragged": lambda x: False,
        "is_quantized": lambda x: False,
        "ndimension": lambda x: x.dim,
    }
)
# Attributes and methods that only a real tensor has -> what to write instead.
OF_RUN_TIME = MappingProxyType(
    {
        **dict.fromkeys(("is_cuda", "is_cpu", "is_mps", "is_meta"), "device=x.device, or a Layer with its own call()"),
        **dict.fromkeys(
            ("retain_grad", "register_hook"), "layer.register_full_backward_hook, or x.grad of a real tensor"
        ),
    }
)


def hangs_on_dtype(function: Callable[..., Any]) -> bool:
    """Whether the function's result hangs on nothing but the dtypes of its tensors.

    >>> hangs_on_dtype(torch.is_complex), hangs_on_dtype(torch.Tensor.stride)
    (True, False)
    """
    return function in _ANSWERED


def hint_instead(function: Callable[..., Any]) -> str | None:
    """What to write in place of a function whose result is no tensor and not known before the model runs."""
    if isinstance(function, torch.nn.Module):
        return "return what is computed at the end of call: a tensor, or tensors in a list, tuple or dict"
    return _HINTS.get(getattr(function, "__name__", ""))
