"""Layers of the cases in Lamina alone: made, called on real or symbolic tensors of other sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from lamina import layers
from lamina.graph import Symbolic, tree
from tests.layers.cases import CASES
from tests.layers.cases.form import Case, made


def some_of_each(count: int) -> list[Case]:
    """The first `count` cases of each class; where there are more, those after them whose call has more arguments."""
    found: dict[str, list[Case]] = {}
    for case in CASES:
        found.setdefault(getattr(layers, case.layer).__name__, []).append(case)
    chosen = []
    for own in found.values():
        ordered = sorted(own, key=lambda case: -len(case.call))[:1] + own
        chosen += list(dict.fromkeys(map(id, ordered)))[:count]
    return [case for case in CASES if id(case) in set(chosen)]


def layer_of(case: Case, **more: Any) -> Any:
    """The case's layer, and those within it, with the same arguments."""
    layer = getattr(layers, case.layer)(**made({**case.arguments, **more}, layers, more.get("dtype")))
    # Layers on pictures draw random numbers where nobody says that they shall not.
    return layer.eval() if case.options.get("training") == (False,) else layer


def arrays_of(case: Case, seed: int = 11) -> Any:
    """Arrays for the layer's first argument: the case's own, or random ones."""
    if "inputs" in case.options:
        return case.options["inputs"]
    rng = np.random.default_rng(seed)
    kind = case.options.get("input_dtype") or "float32"

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        if kind.startswith("float"):
            return rng.normal(size=shape).astype(kind)
        return rng.integers(0, 2 if kind == "bool" else 5, size=shape).astype(kind)

    return [draw(shape) for shape in case.shapes] if isinstance(case.shapes, list) else draw(case.shapes)


def tensors_of(value: Any, dtype: torch.dtype = torch.float32) -> Any:
    """Arrays in a nesting as tensors; floating ones in `dtype`, asking for gradients."""

    def one(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        tensor = torch.tensor(leaf)
        return tensor.to(dtype).requires_grad_() if tensor.is_floating_point() else tensor

    return mapped(one, value)


def mapped(function: Any, value: Any) -> Any:
    """`function` of each leaf of dicts, lists and tuples."""
    if isinstance(value, dict):
        return {key: mapped(function, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(function, item) for item in value)
    return function(value)


def results(value: Any) -> list[torch.Tensor]:
    """The tensors that a layer returned, in order."""
    return [leaf for leaf in tree.leaves(value) if isinstance(leaf, torch.Tensor | Symbolic)]


def gradients(outputs: list[torch.Tensor], sources: Iterator[torch.Tensor] | list[torch.Tensor]) -> list[Any]:
    """Of the outputs' squares, by sources that ask for them; None where they do not take part."""
    given = [source for source in sources if source.requires_grad]
    total = sum((output.double() ** 2).sum() for output in outputs if output.requires_grad)
    if not given or not isinstance(total, torch.Tensor):
        return []
    return list(torch.autograd.grad(total, given, allow_unused=True))
