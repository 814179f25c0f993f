"""A function of single values, or of small parts, as one of whole tensors."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError, TensorSpec, tree
from lamina.graph.infer import Array

from .body import draw, drawn_as, spec_of
from .one_node import holds_symbolic, recorded
from .operands import tensor

_LIST = r"\((?:\w+(?:,\w+)*)?\)(?:,\((?:\w+(?:,\w+)*)?\))*"
_SIGNATURE = re.compile(f"({_LIST})->({_LIST})")


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Iterable[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """`pyfunc` of each value of tensors, all at once; the arguments broadcast.

    Args:
        pyfunc: takes tensors without axes, or with those of the signature; returns one tensor, or several. It must not
            look at values. Where an argument is symbolic, it becomes a graph within the graph.
        excluded: places or names of arguments that it gets whole.
        signature: the axes of each argument and result, such as "(m,n),(n)->(m)": their last ones, which are not taken
            apart. A name stands for one size.

    Returns:
        A function of tensors, whose result has the axes in front that the arguments broadcast to.

    Raises:
        ArgumentError: no function, a signature that is none, or (when called) another number of arguments or results.
        ShapeError: (when called) axes that the signature does not allow, or that do not broadcast.

    >>> vectorize(lambda a, b: a + b)([1, 2, 3], 2)
    tensor([3, 4, 5], dtype=torch.int32)
    >>> vectorize(torch.dot, signature="(n),(n)->()")(torch.ones(2, 3), torch.arange(3.0))
    tensor([3., 3.])
    """
    if not callable(pyfunc):
        raise ArgumentError("ops.vectorize takes a function.", got=repr(pyfunc))
    whole = frozenset(() if excluded is None else excluded)
    axes = None if signature is None else _parsed(signature)

    @functools.wraps(pyfunc)
    def function(*args: Any, **kwargs: Any) -> Any:
        given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        apart = {place: tensor(value) for place, value in given.items() if place not in whole and value is not None}

        def of_parts(*parts: torch.Tensor) -> Any:
            now = {**given, **dict(zip(apart, parts, strict=True))}
            result = pyfunc(*(now[i] for i in range(len(args))), **{name: now[name] for name in kwargs})
            return result if axes is None else _checked(result, axes[1], sizes)

        values = list(apart.values())
        inputs: list[tuple[str, ...]] = [()] * len(values) if axes is None else axes[0]
        sizes = _sizes(values, inputs)
        ranks = [len(names) for names in inputs]
        if not holds_symbolic(list(given.values())):
            return mapped(of_parts, values, ranks)
        specs = [_without_loops(spec_of(value), rank) for value, rank in zip(values, ranks, strict=True)]
        return recorded(mapped, (draw("pyfunc", of_parts, *specs), values, ranks), {})

    return function


def _of_mapped(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    function, values, ranks = args
    loops = _loops(values, ranks)
    parts = [Array(value.shape[len(loop) :], value.dtype) for value, loop in zip(values, loops, strict=True)]
    front = _joint(loops)
    return tree.map_leaves(lambda leaf: Array((*front, *leaf.shape), leaf.dtype), function.example(*parts))


@drawn_as(_of_mapped)
def mapped(function: Callable[..., Any], values: list[torch.Tensor], ranks: list[int]) -> Any:
    """`function` mapped over all axes of the values but for their last ones, so many of each.

    >>> mapped(torch.dot, [torch.ones(2, 3), torch.arange(3.0)], [1, 1])
    tensor([3., 3.])
    """
    loops = _loops(values, ranks)
    common = _joint(loops)
    kept = []

    def once(*parts: Any) -> Any:  # with a name, for which the compiler asks
        return function(*parts)

    for axis, size in enumerate(reversed(common), start=1):  # from the last, which is mapped innermost
        takes = [len(loop) >= axis and loop[-axis] == size for loop in loops]
        once = torch.vmap(once, tuple(0 if take else None for take in takes), randomness="different")
        kept.append(takes)
    squeezed = []
    for i, (value, loop) in enumerate(zip(values, loops, strict=True)):
        stays = [n for axis, n in enumerate(loop) if kept[len(loop) - 1 - axis][i]]
        squeezed.append(value.reshape((*stays, *value.shape[len(loop) :])))
    return once(*squeezed)


def _loops(values: list[Any], ranks: list[int]) -> list[tuple[int, ...]]:
    """The axes of each value that are mapped over."""
    return [tuple(value.shape[: len(value.shape) - rank]) for value, rank in zip(values, ranks, strict=True)]


def _joint(loops: list[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return tuple(torch.broadcast_shapes(*loops))
    except RuntimeError as error:
        raise ShapeError("The arguments do not broadcast.", got=", ".join(map(str, loops))) from error


def _without_loops(spec: Any, rank: int) -> TensorSpec:
    first, second = (shape[len(shape) - rank :] for shape in spec.examples)
    return TensorSpec((first, second), spec.dtype)


def _parsed(signature: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    found = _SIGNATURE.fullmatch(signature.replace(" ", ""))
    if found is None:
        raise ArgumentError(f"{signature!r} is no signature.", expected="such as '(m,n),(n)->(m)'")
    inputs, outputs = ([_names(group) for group in re.findall(r"\((.*?)\)", side)] for side in found.groups())
    return inputs, outputs


def _names(group: str) -> tuple[str, ...]:
    return tuple(group.split(",")) if group else ()


def _sizes(values: list[torch.Tensor], axes: list[tuple[str, ...]]) -> dict[str, int]:
    """The size that each name of a signature stands for."""
    if len(values) != len(axes):
        raise _miscounted("arguments", len(values), len(axes))
    sizes: dict[str, int] = {}
    for value, names in zip(values, axes, strict=True):
        _fit(value, names, sizes, value.shape[max(value.ndim - len(names), 0) :])
    return sizes


def _checked(result: Any, axes: list[tuple[str, ...]], sizes: dict[str, int]) -> Any:
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(axes):
        raise _miscounted("results", len(results), len(axes))
    for value, names in zip(results, axes, strict=True):
        _fit(value, names, sizes, value.shape)
    return result


def _fit(value: torch.Tensor, names: tuple[str, ...], sizes: dict[str, int], shape: Any) -> None:
    """Note what the names stand for; they must stand for one size everywhere."""
    if len(shape) != len(names) or any(sizes.setdefault(n, size) != size for n, size in zip(names, shape, strict=True)):
        raise ShapeError(
            "The signature does not fit.",
            got=f"shape {tuple(value.shape)} for ({','.join(names)})",
            expected=", ".join(f"{name}={size}" for name, size in sizes.items()),
        )


def _miscounted(what: str, got: int, expected: int) -> ArgumentError:
    return ArgumentError(f"The signature has another number of {what}.", got=f"{got}", expected=f"{expected}")
