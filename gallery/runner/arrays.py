"""Inputs and outputs of models, in files that another process reads: flat lists with the nesting beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def save(file: Path, nested: Any) -> None:
    """Write an array, or a list or a dict of arrays (nested at will), into an `.npz`."""
    leaves: list[Any] = []
    form = json.dumps(_form(nested, leaves))
    np.savez(file, form=np.array(form), **{f"a{i}": leaf for i, leaf in enumerate(leaves)})


def load(file: Path) -> Any:
    """What `save` has written."""
    with np.load(file) as arrays:
        return _filled(json.loads(str(arrays["form"])), arrays)


def flat(nested: Any) -> list[Any]:
    """The arrays in order; those of a dict by its sorted keys."""
    leaves: list[Any] = []
    _form(nested, leaves)
    return leaves


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two nests of arrays of the same form, in units of the largest number where that is
    above 1. Infinite where forms or shapes differ, or one of the two is not finite where the other is."""
    a, b = flat(ours), flat(theirs)
    if [x.shape for x in a] != [y.shape for y in b]:
        return float("inf")
    return max((_gap(x.astype("float64"), y.astype("float64")) for x, y in zip(a, b, strict=True)), default=0.0)


def _gap(x: np.ndarray, y: np.ndarray) -> float:
    if not x.size:
        return 0.0
    if not np.array_equal(np.isfinite(x), np.isfinite(y)):
        return float("inf")
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    return float(np.abs(x - y).max() / max(1.0, np.abs(x).max()))


def _form(nested: Any, leaves: list[Any]) -> Any:
    if isinstance(nested, Mapping):
        return {key: _form(nested[key], leaves) for key in sorted(nested)}
    if isinstance(nested, list | tuple):
        return [_form(part, leaves) for part in nested]
    leaves.append(np.asarray(nested))
    return len(leaves) - 1


def _filled(form: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(form, dict):
        return {key: _filled(part, arrays) for key, part in form.items()}
    if isinstance(form, list):
        return [_filled(part, arrays) for part in form]
    return arrays[f"a{form}"]
