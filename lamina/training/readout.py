"""From results on a device to numbers on the host: one transfer for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def to_host(results: Mapping[str, Any]) -> dict[str, Any]:
    """Each result as a float, or as a nested list where it is not a single number.

    Single numbers of one device travel together: they are stacked there, so the host waits once.

    >>> to_host({"loss": torch.tensor(0.5), "per_class": torch.tensor([1.0, 0.0])})
    {'loss': 0.5, 'per_class': [1.0, 0.0]}
    """
    numbers: dict[str, Any] = {}
    scalars: dict[torch.device, list[str]] = {}
    for name, value in results.items():
        if isinstance(value, torch.Tensor) and value.numel() == 1:
            scalars.setdefault(value.device, []).append(name)
        numbers[name] = value
    for device, names in scalars.items():
        if len(names) > 1:
            exact = torch.float32 if device.type == "mps" else torch.float64
            together = torch.stack([numbers[name].detach().reshape(()).to(exact) for name in names])
            numbers.update(zip(names, together.tolist(), strict=True))
    return {name: _number(value) for name, value in numbers.items()}


def flattened(logs: Mapping[str, Any]) -> dict[str, Any]:
    """A dict of results in which a metric may itself be a dict of results, as one dict.

    >>> flattened({"loss": 1.0, "compile_metrics": {"mae": 2.0}})
    {'loss': 1.0, 'mae': 2.0}
    """
    flat: dict[str, Any] = {}
    for name, value in logs.items():
        flat.update(flattened(value) if isinstance(value, Mapping) else {name: value})
    return flat


def _number(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return float(value) if isinstance(value, (int, float)) or getattr(value, "ndim", None) == 0 else value
    value = value.detach()
    return float(value) if value.numel() == 1 else value.tolist()
