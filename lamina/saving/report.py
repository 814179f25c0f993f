"""What a file has for a model's weights and what it has not: found out before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from lamina._torch.sharding import laid_out_like
from lamina.graph.dtypes import name_of

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class LoadReport:
    """What ``load_weights(..., partial=True)`` has done.

    Each is a dict by the weight's path, so that ``"head.kernel" in report.missing`` works:

    - ``loaded``: -> its name in the file;
    - ``missing``: weights of the model that the file has not -> shape and dtype. They stay as they were;
    - ``unexpected``: what the file has besides, by its name there -> shape and dtype;
    - ``mismatched``: -> both shapes. They stay as they were, too.

    >>> print(LoadReport({"dense.kernel": "dense.kernel"}, {"head.bias": "(3,) float32"}))
    1 weight loaded, 1 missing, 0 unexpected, 0 mismatched.
    missing     head.bias (3,) float32
    """

    loaded: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    unexpected: Mapping[str, str] = field(default_factory=dict)
    mismatched: Mapping[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """A line for each weight that does not fit."""
        kinds = {"missing": self.missing, "unexpected": self.unexpected, "different": self.mismatched}
        return [f"{kind:<11} {name} {text}" for kind, found in kinds.items() for name, text in found.items()]

    def __str__(self) -> str:
        count = f"{len(self.loaded)} weight{'s' * (len(self.loaded) != 1)} loaded, {len(self.missing)} missing, "
        count += f"{len(self.unexpected)} unexpected, {len(self.mismatched)} mismatched."
        return "\n".join([count, *self.faults])

    __repr__ = __str__


def facts(tensor: torch.Tensor) -> str:
    """Shape and dtype, as a report says them."""
    return f"{tuple(tensor.shape)} {name_of(tensor.dtype)}"


def _fits(tensor: torch.Tensor, weight: torch.Tensor) -> bool:
    kinds = [(t.is_floating_point(), t.is_complex(), t.dtype is torch.bool) for t in (tensor, weight)]
    return tensor.shape == weight.shape and kinds[0] == kinds[1]


def compared(state: Tensors, tensors: Tensors, names: Mapping[str, str] | None = None) -> LoadReport:
    """How ``tensors``, by paths, fit a model's ``state``. A tied weight needs one of its paths.

    Args:
        names: path -> name in the file, where it is another.
    """
    names = names or {}
    alike: dict[int, list[str]] = {}
    for path, weight in state.items():
        alike.setdefault(id(weight), []).append(path)
    sound = {path for path, tensor in tensors.items() if path in state and _fits(tensor, state[path])}
    return LoadReport(
        loaded={path: names.get(path, path) for path in tensors if path in sound},
        missing={
            paths[0]: facts(state[paths[0]]) for paths in alike.values() if not any(path in tensors for path in paths)
        },
        unexpected={path: facts(tensor) for path, tensor in tensors.items() if path not in state},
        mismatched={
            path: f"{facts(tensor)}, but the model's is {facts(state[path])}"
            for path, tensor in tensors.items()
            if path in state and path not in sound
        },
    )


def copy(tensors: Tensors, state: Tensors, report: LoadReport) -> None:
    """Copy into the model's ``state`` what fits."""
    with torch.no_grad():
        for path in report.loaded:
            state[path].copy_(laid_out_like(tensors[path], state[path]))
