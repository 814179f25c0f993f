"""Weights that another program has named, and laid out, in its own way: which of them goes where, as the user says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import torch

from lamina.graph import ArgumentError

from .report import LoadReport, Tensors, compared, facts
from .weights import once

# Kernels of PyTorch -> kernels here, by the number of axes: (out, in, ...) becomes (..., in, out).
_USUAL = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}
# PyTorch's normalizations count their batches; nothing here reads that.
_COUNTER = "num_batches_tracked"
_EXPECTED = "{path in the model: name in the file, or (name, order of axes), or None to leave the weight as it is}"


def mapped(
    state: Tensors, tensors: Tensors, mapping: Mapping[str, Any] | Callable[[str], Any], where: str
) -> tuple[dict[str, torch.Tensor], LoadReport]:
    """(path -> tensor, how they fit): what ``mapping`` takes of a file's ``tensors`` for a model's ``state``.

    Args:
        mapping: path in the model -> name in the file; or (name, axes), which is ``tensor.permute(axes)``; or None for
            a weight that is to stay as it is. A dict, or a function of the path.

    Raises:
        ArgumentError: a path that the model does not have, something else than a name, axes that the tensor has not.

    >>> kernel, weight = torch.zeros(2, 3), torch.arange(6.0).reshape(3, 2)
    >>> values, report = mapped({"dense.kernel": kernel}, {"fc.weight": weight}, {"dense.kernel": "fc.weight"}, "x.pt")
    >>> report.mismatched
    {'dense.kernel': "fc.weight (3, 2) float32, but the model's is (2, 3) float32; ('fc.weight', (1, 0)) would fit"}
    """
    choices = _choices(state, mapping)
    values: dict[str, torch.Tensor] = {}
    absent: dict[str, str] = {}
    for path, choice in choices.items():
        if choice is None:
            continue
        name, axes = choice
        if name not in tensors:
            absent[path] = f"{facts(state[path])}: {where} has no {name!r}"
        else:
            values[path] = tensors[name] if axes is None else _permuted(path, name, tensors[name], axes)
    names = {path: choice[0] for path, choice in choices.items() if choice is not None}
    found = compared(state, values, names)
    kept = {id(state[path]) for path, choice in choices.items() if choice is None}
    missing = {path: text for path, text in found.missing.items() if id(state[path]) not in kept}
    return values, LoadReport(
        loaded=found.loaded,
        missing=missing | absent,
        unexpected={
            name: facts(tensor)
            for name, tensor in tensors.items()
            if name not in names.values() and name.rpartition(".")[2] != _COUNTER
        },
        mismatched={
            path: f"{names[path]} {text}{_advice(names[path], tensors[names[path]], state[path])}"
            for path, text in found.mismatched.items()
        },
    )


def _choices(state: Tensors, mapping: Any) -> dict[str, tuple[str, Any] | None]:
    if isinstance(mapping, Mapping):
        unknown = [path for path in mapping if path not in state]
        if unknown:
            raise ArgumentError(
                "The mapping has paths that the model does not have.",
                got=", ".join(map(repr, unknown))[:400],
                expected=", ".join(once(state))[:800],
            )
        given = dict(mapping)
    elif callable(mapping):
        given = {path: mapping(path) for path in once(state)}
    else:
        raise ArgumentError("This is no mapping of weights.", got=repr(mapping)[:100], expected=_EXPECTED)
    return {path: _choice(path, value) for path, value in given.items()}


def _choice(path: str, value: Any) -> tuple[str, Any] | None:
    if value is None or isinstance(value, str):
        return value if value is None else (value, None)
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
        name, axes = value
        if isinstance(axes, (tuple, list)) and all(isinstance(axis, int) for axis in axes):
            return name, tuple(axes)
    raise ArgumentError(f"The mapping does not say which weight {path!r} is.", got=repr(value), expected=_EXPECTED)


def _permuted(path: str, name: str, tensor: torch.Tensor, axes: tuple[Any, ...]) -> torch.Tensor:
    if sorted(axes) != list(range(tensor.dim())):
        raise ArgumentError(
            f"The order of axes for {path!r} is none of {name!r}.",
            got=f"{axes}",
            expected=f"each of 0 to {tensor.dim() - 1} once, for {facts(tensor)}",
        )
    return tensor.permute(axes)


def _advice(name: str, tensor: torch.Tensor, weight: torch.Tensor) -> str:
    """The order of axes that makes the tensor fit, if it takes no more than that."""
    if tensor.dim() != weight.dim() or tensor.dim() > max(_USUAL) or sorted(tensor.shape) != sorted(weight.shape):
        return ""
    orders = [_USUAL.get(tensor.dim(), ()), *permutations(range(tensor.dim()))]
    fitting = (axes for axes in orders if axes and tuple(tensor.shape[axis] for axis in axes) == tuple(weight.shape))
    return f"; {(name, next(fitting))} would fit"
