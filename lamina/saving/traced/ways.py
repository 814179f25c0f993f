"""Ways in which a layer was called: arguments, and sizes and numbers for what is not known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from lamina.graph import Constant, SymbolicTensor, tree
from lamina.graph.infer import examples_at, joint_of
from lamina.graph.walk import key_of
from lamina.layers import Input

# (which of the tensors, which of its axes).
Axis = tuple[int, int]
Sizes = Mapping[Axis, int]

# What floats and whole numbers are filled with, the likeliest to be taken first: a table has few rows, a probability
# is at most 1, a matrix may have to be one that can be inverted.
FILLINGS = (
    ("normal", "few"), ("uniform", "few"), ("normal", "zeros"), ("normal", "ones"), ("few", "few"), ("eye", "zeros"),
    ("ones", "ones"), ("zeros", "zeros"),
)  # fmt: skip
# Sizes for axes that are not known: no two powers of one number first, then what pictures, heads and windows can be.
SMALL = (7, 6, 8, 12, 16, 5, 4, 3, 2, 1, 10, 20, 24, 32, 64, 96, 192)


class Way:
    """One way in which a layer was called.

    Args:
        args, kwargs: with `SymbolicTensor`s where any tensor of such a shape may come, and tensors as they were.
        shapes: the shape of each tensor, as it was tried when the layer was called, in the order of the leaves.

    Attributes:
        tensors: the symbolic and other tensors among the arguments.
        axes: those of unknown size.
        usual: the sizes with which the layer was tried.
    """

    def __init__(self, args: Any, kwargs: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
        self.arguments = (args, kwargs)
        self.tensors = [t for t in tree.leaves(self.arguments) if isinstance(t, (SymbolicTensor, torch.Tensor))]
        self.shapes = shapes
        self.axes: list[Axis] = [
            (number, axis)
            for number, leaf in enumerate(self.tensors)
            if isinstance(leaf, SymbolicTensor)
            for axis, size in enumerate(leaf.shape)
            if size is None
        ]
        self.usual: Sizes = {(number, axis): shapes[number][axis] for number, axis in self.axes}

    def sized(self, batch: int, other: int | None = None) -> Sizes:
        """This size for each first axis, and the usual one, or another, for all others."""
        return {
            (number, axis): batch if not axis else size if other is None else other
            for (number, axis), size in self.usual.items()
        }

    def filled_shapes(self, sizes: Sizes) -> list[tuple[int, ...]]:
        """The shape of each tensor, with these sizes."""
        return [
            tuple(sizes.get((number, axis), size) for axis, size in enumerate(shape))
            for number, shape in enumerate(self.shapes)
        ]

    def blanks(self, sizes: Sizes) -> list[torch.Tensor]:
        """Zeros of these sizes; those that were given are as they were."""
        return self.numbers(sizes, ("zeros", "zeros"))

    def numbers(self, sizes: Sizes, filling: tuple[str, str] = FILLINGS[0]) -> list[torch.Tensor]:
        """Tensors of these sizes, the same each time; those that were given are as they were."""
        generator = torch.Generator().manual_seed(sizes.get((0, 0), 1))
        found = []
        for leaf, shape in zip(self.tensors, self.filled_shapes(sizes), strict=True):
            if isinstance(leaf, SymbolicTensor):
                fractional = leaf.dtype.is_floating_point or leaf.dtype.is_complex
                found.append(_filled(filling[not fractional], shape, generator).to(leaf.dtype))
            else:
                found.append(leaf.detach().as_subclass(torch.Tensor).clone())
        return found


def attempts(way: Way, batch: int, other: int | None = None) -> Iterator[tuple[Sizes, tuple[str, str]]]:
    """Sizes and fillings that a layer may take, the likeliest first: of this batch, the other axes of this size or of
    the usual one, then of small ones.

    What was invented for an input may be what a layer refuses: an id beyond its table, a size that it cannot divide.
    """
    others = [other, None, *SMALL] if any(axis for _, axis in way.axes) else [None]
    choices = [way.sized(batch, size) for size in dict.fromkeys(others)]
    choices += [way.usual, *(way.sized(size) for size in SMALL if size != batch)]
    yield from ((sizes, filling) for sizes in choices for filling in FILLINGS)


def _filled(kind: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    if kind == "normal":
        return torch.randn(shape, generator=generator)
    if kind == "uniform":
        return torch.rand(shape, generator=generator)
    if kind == "few":
        return torch.randint(0, 2, shape, generator=generator)
    if kind == "eye" and len(shape) > 1:
        return torch.eye(*shape[-2:]).expand(shape).clone()
    return torch.zeros(shape) if kind == "zeros" else torch.ones(shape)


def ways_of(layer: Any) -> list[Way]:
    """In which ways a layer was called; a model that was called on data only is taken to be called on batches of any
    size.

    What is not known of a shape has the size with which the layer was tried when it was called: others, such as a
    time beyond the rows of its table, it may refuse.
    """
    calls = [_way(node, node.inputs, node.worlds[0]) for node in layer._calls()]
    if calls:
        return calls
    graph = getattr(layer, "graph", None)
    if graph is not None:
        outputs = [t for t in tree.leaves(graph.output_structure) if isinstance(t, SymbolicTensor)]
        return [_way_of((graph.input_structure,), {}, graph.inputs, joint_of(outputs, 0))]
    first = getattr(layer, "_first_call", None)
    if first is None:
        return []
    args, kwargs = tree.map_leaves(_any_batch, first)
    return [Way(args, kwargs, [_shape(leaf) for leaf in _tensors((args, kwargs))])]


def _way(node: Any, symbolics: Any, world: Any) -> Way:
    args, kwargs = tree.map_leaves(_without_module, (node.args, node.kwargs))
    return _way_of(args, kwargs, symbolics, world)


def _way_of(args: Any, kwargs: Any, symbolics: Any, world: Any) -> Way:
    examples = examples_at([s for s in symbolics if isinstance(s, SymbolicTensor)], world)

    def shape(leaf: Any) -> tuple[int, ...]:
        example = examples.get(key_of(leaf)) if isinstance(leaf, SymbolicTensor) else None
        return _shape(leaf) if example is None else tuple(example.shape)

    return Way(args, kwargs, [shape(leaf) for leaf in _tensors((args, kwargs))])


def _tensors(arguments: Any) -> Iterator[Any]:
    return (leaf for leaf in tree.leaves(arguments) if isinstance(leaf, (SymbolicTensor, torch.Tensor)))


def _shape(leaf: Any) -> tuple[int, ...]:
    return tuple(leaf.example(0).shape) if isinstance(leaf, SymbolicTensor) else tuple(leaf.shape)


def _without_module(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Constant) else leaf


def _any_batch(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor) and leaf.dim():
        return Input(batch_shape=(None, *leaf.shape[1:]), dtype=leaf.dtype)
    return leaf
