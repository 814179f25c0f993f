"""Worlds: choices of a size for every unknown axis.

An axis of unknown size is an `Unknown`. Shapes are inferred by asking what an operation gives in two worlds, one where
the unknown axes are large and one where they are as small as can be. What is the same in both is known: sizes grow with
the sizes that they are made from, so what is alike at both ends is alike between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Shape = tuple[int | None, ...]
Example = tuple[int, ...]

# Usual sizes. Multiples of 16 and of 64: halved four or six times they stay whole, as pooling and patches need.
BATCH_SIZE, AXIS_SIZE = 48, 192


class Unknown:
    """The size of one axis that only run time tells.

    Args:
        high, low: what it is usually, and at least.
        axis: which axis of the input it is.

    Attributes:
        sizes: what it is in the worlds of each base: usual, least, more (192 becomes 5 * 2**10), most (7 * 2**17).
    """

    __slots__ = ("axis", "sizes")

    def __init__(self, high: int, low: int, axis: int) -> None:
        self.sizes, self.axis = (high, low, high * 80 // 3, high * 14336 // 3), axis


@dataclass(frozen=True, slots=True)
class World:
    """A size for every unknown axis: that of the base, unless another one was chosen for it."""

    base: int
    chosen: frozenset[tuple[Unknown, int]] = frozenset()

    def size(self, unknown: Unknown) -> int:
        return next((size for one, size in self.chosen if one is unknown), unknown.sizes[self.base])

    def choosing(self, sizes: Mapping[Unknown, int]) -> World:
        """This world with other sizes for some axes."""
        chosen = dict(self.chosen) | dict(sizes)
        return World(self.base, frozenset((u, n) for u, n in chosen.items() if n != u.sizes[self.base]))

    def on(self, base: int) -> World:
        """The same choices on another base."""
        return World(base, self.chosen)


USUAL, LEAST, MORE, MOST = (World(base) for base in range(4))
ENDS = (USUAL, LEAST)


def joint_worlds(worlds: list[World]) -> Iterable[World]:
    """Worlds that may suit operations which were each drawn in one of these, the likeliest first."""
    bases = {world.base for world in worlds}
    base = bases.pop() if len(bases) == 1 else max(bases)
    sizes: dict[Unknown, set[int]] = {}
    for world in worlds:
        for unknown, size in world.chosen:
            sizes.setdefault(unknown, set()).add(size)
    for pick in (max, min):
        yield World(base, frozenset((unknown, pick(of)) for unknown, of in sizes.items()))


def source_dims(shape: Shape, batch_axis: bool = True) -> tuple[int | Unknown, ...]:
    """A shape with an `Unknown` of its own for each ``None``."""
    return tuple(
        Unknown(AXIS_SIZE if axis or not batch_axis else BATCH_SIZE, 1, axis) if size is None else size
        for axis, size in enumerate(shape)
    )


def dims_of(examples: tuple[Example, Example]) -> tuple[int | Unknown, ...]:
    """The same for a shape known by its two examples; axes whose examples are alike stay alike."""
    made: dict[tuple[int, int], Unknown] = {}

    def dim(axis: int, high: int, low: int) -> int | Unknown:
        return high if high == low else made.setdefault((high, low), Unknown(high, low, axis))

    return tuple(dim(axis, *pair) for axis, pair in enumerate(zip(*examples, strict=True)))


def example_of(dims: tuple[int | Unknown, ...], world: World) -> Example:
    return tuple(world.size(dim) if isinstance(dim, Unknown) else dim for dim in dims)


def example_shapes(shape: Shape, batch_axis: bool = True) -> tuple[Example, Example]:
    """The two examples of a shape in which ``None`` stands for unknown sizes.

    >>> example_shapes((None, None, 3))
    ((48, 192, 3), (1, 1, 3))
    """
    dims = source_dims(shape, batch_axis)
    return example_of(dims, USUAL), example_of(dims, LEAST)


def merged_shape(examples: Iterable[Example]) -> Shape:
    """The public shape: ``None`` where the examples differ.

    >>> merged_shape([(48, 192, 3), (1, 1, 3)])
    (None, None, 3)
    """
    first, *others = examples
    for other in others:
        first = tuple([a if a == b else None for a, b in zip(first, other, strict=True)])  # type: ignore[misc]  # a Shape now
    return first
