"""Calls of ops as data: what Keras computes from them is what Lamina has to, at once and within a graph."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.graph import tree


@dataclass(frozen=True)
class Given:
    """A tensor that a case is called on. In a graph it is an `Input`; its first axis is unknown if `batched`."""

    array: np.ndarray
    batched: bool


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        op: its name under `ops`.
        symbolic: whether the call can be part of a graph.
        gradient: whether to compare gradients with Keras'.
    """

    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    symbolic: bool = True
    gradient: bool = True

    def __str__(self) -> str:
        def text(leaf: Any) -> Any:
            return f"{leaf.array.dtype}{[*leaf.array.shape]}" if isinstance(leaf, Given) else leaf

        args, kwargs = tree.map_leaves(text, (self.args, self.kwargs))
        return f"{self.op}({', '.join([*map(str, args), *(f'{k}={v}' for k, v in kwargs.items())])})"

    def filled(self, make: Callable[[Given], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, with what `make` makes of each given tensor."""
        return tree.map_leaves(lambda leaf: make(leaf) if isinstance(leaf, Given) else leaf, (self.args, self.kwargs))

    def givens(self) -> list[Given]:
        return [leaf for leaf in tree.leaves((self.args, self.kwargs)) if isinstance(leaf, Given)]


def _numbers(shape: tuple[int, ...], dtype: str, low: float, high: float) -> np.ndarray:
    """Numbers that differ between shapes and bounds, and are the same in every run."""
    rng = np.random.default_rng(zlib.crc32(repr((shape, dtype, low, high)).encode()))
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        return (low + (high - low) * rng.random(shape)).astype(dtype)
    return rng.integers(int(low), int(high), shape).astype(dtype)


def B(*shape: int, dtype: str = "float32", low: float = -3.0, high: float = 3.0) -> Given:
    """A batch of numbers from low to high: its first axis is unknown in a graph."""
    return Given(_numbers(shape, dtype, low, high), True)


def W(*shape: int, dtype: str = "float32", low: float = -3.0, high: float = 3.0) -> Given:
    """The same with a shape that is known in a graph, like that of weights."""
    return Given(_numbers(shape, dtype, low, high), False)


def exactly(values: Any, dtype: str = "float32", batched: bool = True) -> Given:
    """These values."""
    return Given(np.array(values, dtype=dtype), batched)


def case(op: str, *args: Any, **kwargs: Any) -> Case:
    return Case(op, args, kwargs)


def eager(op: str, *args: Any, **kwargs: Any) -> Case:
    """A call that cannot be part of a graph: it makes no tensor from a tensor, or looks at values."""
    return Case(op, args, kwargs, symbolic=False)


def stepwise(op: str, *args: Any, **kwargs: Any) -> Case:
    """A call whose gradient is not compared: Keras' is NaN, of arbitrary sign, or an error."""
    return Case(op, args, kwargs, gradient=False)


def _each(ops: str, *args: Any, **kwargs: Any) -> Iterator[Case]:
    """The same call of several ops."""
    return (case(op, *args, **kwargs) for op in ops.split())


IMAGE = B(2, 6, 7, 3)
SPD = exactly(np.eye(3) * 4 + 0.5 * np.ones((2, 3, 3)))
ODD = exactly([[np.nan, np.inf, -np.inf], [0.0, 1.5, -2.5]])

ARITHMETIC = [
    *_each("add subtract multiply divide true_divide maximum minimum arctan2 logaddexp", B(3, 4), B(3, 4)),
    *_each("add subtract multiply divide maximum minimum arctan2 logaddexp", B(3, 4), W(4)),
    *_each("add subtract multiply divide true_divide maximum minimum", B(3, 4), 1.5),
    *_each("add subtract multiply divide maximum minimum", 2, B(3, 4)),
    *_each("add subtract multiply divide maximum minimum floor_divide mod", B(3, 4, dtype="int32"), 2),
    *_each("add subtract multiply divide maximum minimum", B(3, 4, dtype="int32"), 2.5),
    *_each("add multiply maximum minimum", B(3, 4, dtype="bool"), 2),
    *_each("add multiply divide maximum minimum", B(3, 4, dtype="int8"), W(4, dtype="uint8", low=0)),
    *_each("add maximum minimum", exactly([1.0, 2.0, 1.0]), exactly([1.0, 1.0, 2.0])),
    case("subtract", B(3, 4, dtype="bool"), B(3, 4, dtype="int32")),
    case("subtract", B(3, 4, dtype="bool"), 1.5),
    case("divide_no_nan", B(3, 4), B(3, 4, low=1.0)),
    stepwise("divide_no_nan", B(3, 4), exactly([[0, 1, 0, 2]] * 3)),
    case("divide_no_nan", B(3, 4, dtype="int32"), 2),
    stepwise("floor_divide", B(3, 4), B(3, 4, low=1.0)),
    case("floor_divide", B(3, 4, dtype="int32"), W(4, dtype="int32", low=1)),
    case("mod", B(3, 4), B(3, 4, low=1.0)),
    case("mod", B(3, 4, dtype="bool"), exactly([[True] * 4] * 3, "bool")),
    case("power", B(3, 4, low=0.5), B(3, 4)),
    case("power", B(3, 4), 2),
    case("power", 2.0, B(3, 4)),
    case("power", B(3, 4, dtype="int32"), 2),
    case("power", B(3, 4, dtype="bool"), 2),
    *_each("negative abs absolute sign square sqrt rsqrt reciprocal", B(3, 4, low=0.5)),
    *_each("negative abs absolute sign square reciprocal", B(3, 4)),
    *_each("negative abs absolute sign square reciprocal sqrt", B(3, 4, dtype="int32", low=1, high=9)),
    *_each("abs absolute square", B(3, 4, dtype="bool")),
    case("clip", B(3, 4), -1, 1.5),
    case("clip", B(3, 4, dtype="int32"), -1, 1),
    case("clip", B(3, 4, dtype="int32"), 0.5, 1.5),
    case("clip", B(3, 4, dtype="bool"), 0, 1),
    case("clip", B(3, 4), W(4, low=-2, high=-1), W(4, low=1, high=2)),
    case("clip", B(3, 4), W(4, low=-2, high=-1), 1.0),
]

ELEMENTWISE = [
    *_each("exp expm1 exp2 sin cos tan arctan sinh cosh tanh erf floor ceil trunc round", B(3, 4)),
    *_each("log log1p log2 log10", B(3, 4, low=0.1)),
    *_each("arcsin arccos", B(3, 4, low=-0.9, high=0.9)),
    *_each("exp expm1 sin cos tan arctan sinh cosh tanh erf floor ceil trunc round", B(3, 4, dtype="int32")),
    *_each("log log1p log2 log10", B(3, 4, dtype="int32", low=1, high=9)),
    *_each("floor ceil trunc", B(3, 4, dtype="bool")),
    *_each("isnan isinf isfinite", ODD),
    *_each("isnan isinf isfinite", B(3, dtype="int32")),
    case("round", exactly([0.5, 1.5, 2.5, -0.5])),
    case("round", B(3, 4), 2),
    case("round", B(3, 4), decimals=-1),
    case("nan_to_num", ODD),
    case("nan_to_num", ODD, nan=7.0, posinf=8.0, neginf=9.0),
    case("nan_to_num", B(3, dtype="int32")),
]

COMPARISON = [
    *_each(
        "equal not_equal greater greater_equal less less_equal", B(3, 4, dtype="int32"), B(3, 4, dtype="int32", low=-2)
    ),
    *_each("equal not_equal greater greater_equal less less_equal", B(3, 4), 1),
    *_each("equal greater less", 0, B(3, 4, dtype="int32")),
    *_each("logical_and logical_or logical_xor", B(3, 4, dtype="bool"), B(3, 4, dtype="int32", low=-1, high=2)),
    *_each("logical_and logical_or logical_xor", B(3, 4, dtype="bool"), True),
    case("logical_not", B(3, 4, dtype="bool")),
    case("logical_not", B(3, 4, dtype="int32", low=-1, high=2)),
    case("isclose", exactly([1.0, 2.0, np.nan]), exactly([1.000001, 2.1, np.nan])),
    case("isclose", exactly([1.0, 2.0, np.nan]), exactly([1.000001, 2.1, np.nan]), 0.1, 0.0, True),
    case("isclose", exactly([1, 2], "int32"), exactly([1.0, 2.1])),
    case("where", B(3, 4, dtype="bool"), B(3, 4), W(4)),
    case("where", B(3, 4, dtype="bool"), B(3, 4), 0),
    case("where", B(3, 4, dtype="bool"), 1, B(3, 4, dtype="int32")),
    case("where", B(3, 4, dtype="bool"), 1, 0),
    case("where", B(3, 4, dtype="bool"), 1.5, 0),
    case("where", B(3, 4, dtype="int32", low=-1, high=2), True, False),
    case("where", B(3, 4, dtype="bool"), B(3, 4, dtype="int32"), 1.5),
    eager("where", B(3, 4, dtype="bool")),
]

REDUCTION = [
    case(op, tensor, **how)
    for op in "sum mean var std max min amax amin all any logsumexp prod".split()
    for tensor in (B(3, 4, 5), B(3, 4, 5, dtype="int32"), B(3, 4, 5, dtype="bool"))
    for how in ({}, {"axis": 1}, {"axis": (0, -1)}, {"axis": [1, 2], "keepdims": True})
] + [
    *_each("count_nonzero", B(3, 4, dtype="int32", low=-1, high=2)),
    *_each("count_nonzero", B(3, 4, dtype="bool"), axis=1),
    *_each("count_nonzero", B(3, 4, dtype="bool"), (0, 1)),
    *_each("max min", B(3, 4), axis=1, initial=1.0),
    *_each("max min", B(3, 4, dtype="int32"), initial=1),
    case("prod", B(3, 4, dtype="int32"), axis=1, dtype="float32"),
    *_each("sum prod", B(3, 4, dtype="int8")),
    *_each("sum prod mean var std", B(3, 4, dtype="uint8", low=0)),
    *_each("argmax argmin", B(3, 4)),
    *_each("argmax argmin", B(3, 4), 1),
    *_each("argmax argmin", B(3, 4), 0, True),
    *_each("argmax argmin", B(3, 4, dtype="bool")),
    *_each("cumsum cumprod", B(3, 4)),
    *_each("cumsum cumprod", B(3, 4, dtype="int32"), 1),
    *_each("cumsum cumprod", B(3, 4, dtype="bool"), axis=0),
    *_each("cumsum cumprod", B(3, 4, dtype="int32"), axis=-1, dtype="float32"),
]

LAYOUT = [
    case("reshape", B(3, 4), (-1, 2, 2)),
    case("reshape", W(3, 4), (2, 6)),
    case("reshape", B(3, 4), -1),
    case("ravel", B(3, 4)),
    case("broadcast_to", W(4), (3, 4)),
    case("broadcast_to", W(3, 1), [2, 3, 4]),
    case("transpose", B(3, 4, 5)),
    case("transpose", B(3, 4, 5), [0, 2, 1]),
    case("moveaxis", B(3, 4, 5), 0, -1),
    case("moveaxis", B(3, 4, 5), (0, 1), (-1, 0)),
    case("swapaxes", B(3, 4, 5), 1, -1),
    case("expand_dims", B(3, 4), 1),
    case("expand_dims", B(3, 4), (0, -1)),
    case("squeeze", B(3, 1, 4, 1)),
    case("squeeze", B(3, 1, 4, 1), 1),
    case("squeeze", B(3, 1, 4, 1), (1, -1)),
    case("flip", B(3, 4)),
    case("flip", B(3, 4), 1),
    case("flip", B(3, 4, 5), (0, 2)),
    case("roll", B(3, 4), 1),
    case("roll", B(3, 4), -2, axis=1),
    case("roll", B(3, 4), (1, 2), axis=(0, 1)),
]

JOINING = [
    case("concatenate", [B(3, 4), B(3, 2)], 1),
    case("concatenate", [B(3, 4), B(3, 4, dtype="int32")]),
    case("concatenate", (B(3, 4), B(3, 4)), axis=-1),
    case("hstack", [B(3, 4), B(3, 2)]),
    case("hstack", [W(3), W(2)]),
    case("vstack", [B(3, 4), W(2, 4)]),
    case("vstack", [W(3), W(3)]),
    case("stack", [B(3, 4), B(3, 4)]),
    case("stack", [B(3, 4), B(3, 4, dtype="int32")], axis=-1),
    case("unstack", B(3, 4), axis=1),
    case("unstack", W(3, 4), 3),
    case("split", B(3, 4), 2, axis=1),
    case("split", B(3, 5), [1, 4], axis=-1),
    case("split", W(4, 2), 2),
    case("repeat", B(3, 4), 2),
    case("repeat", B(3, 4), 2, axis=1),
    case("repeat", B(3, 2), np.array([1, 3]), axis=1),
    case("tile", B(3, 4), 2),
    case("tile", B(3, 4), (2, 1)),
    case("tile", B(3, 4), (2, 1, 2)),
    case("pad", B(3, 4), ((0, 0), (1, 2))),
    case("pad", B(3, 4), ((1, 0), (1, 2)), constant_values=5.0),
    case("pad", B(3, 4, dtype="int32"), [[0, 0], [2, 2]], mode="constant", constant_values=2),
    case("pad", B(3, 4, 5), ((0, 0), (2, 1), (3, 4)), mode="reflect"),
]

INDEXING = [
    case("get_item", B(3, 4), (slice(None), slice(1, 3))),
    case("get_item", W(3, 4), 1),
    case("take", B(5, 4), W(2, 3, dtype="int32", low=0, high=4), axis=1),
    case("take", W(5, 4), B(2, 3, dtype="int32", low=-5, high=5), axis=0),
    case("take", B(3, 4), W(2, dtype="int32", low=-4, high=4), axis=-1),
    case("take", W(3, 4), B(6, dtype="int64", low=0, high=12)),
    case("take", B(3, 4), -1, axis=1),
    case("take", B(3, 4), [0, 2], axis=1),
    case("take_along_axis", B(3, 4), B(3, 2, dtype="int32", low=-4, high=4), axis=1),
    case("take_along_axis", W(3, 4), W(5, dtype="int64", low=0, high=12)),
    case("slice", B(3, 4), (0, 1), (2, 3)),
    case("slice", W(3, 4), exactly([1, 1], "int32", False), (2, 3)),
    case("slice_update", B(3, 4), (0, 1), W(2, 3)),
    case("slice_update", W(3, 4), exactly([1, 0], "int32", False), W(2, 3)),
    case("scatter", W(5, 1, dtype="int32", low=0, high=4), W(5), (4,)),
    case("scatter", W(5, 2, dtype="int32", low=0, high=3), W(5), [3, 4]),
    case("scatter", W(5, 1, dtype="int32", low=0, high=4), W(5, 2), (4, 2)),
    case("scatter_update", B(4, 3), exactly([[0, 1], [2, 0]], "int32", False), W(2)),
    case("scatter_update", B(4, 3), exactly([[0], [2]], "int64", False), W(2, 3)),
    case("scatter_update", B(4), W(6, 1, dtype="int32", low=0, high=3), W(6), "add"),
    stepwise("scatter_update", B(4), exactly([[0], [0], [2]], "int32", False), W(3), reduction="mul"),
    stepwise("scatter_update", B(4), exactly([[0], [0], [2]], "int32", False), W(3), reduction="max"),
    stepwise("scatter_update", B(4, 2), exactly([[0, 1], [-4, 1], [2, 0]], "int32", False), W(3), reduction="min"),
    eager("nonzero", B(3, 4, dtype="int32", low=-1, high=2)),
    case("sort", B(3, 4)),
    case("sort", B(3, 4, dtype="int32"), axis=0),
    case("sort", B(3, 4), axis=None),
    case("argsort", B(3, 4)),
    case("argsort", B(3, 9, dtype="int32", low=0, high=3), axis=1),
    case("argsort", B(3, 4), axis=None),
    case("top_k", B(3, 5), 2),
    case("top_k", B(3, 5), 5, sorted=True),
    case("in_top_k", B(4, dtype="int32", low=0, high=5), B(4, 5), 2),
    case("in_top_k", exactly([0, 2], "int64"), exactly([[1.0, 1.0, 0.0], [np.inf, 0.0, np.nan]]), k=1),
    case("searchsorted", exactly([-2.0, -1.0, 0.5, 0.5, 2.0], batched=False), B(3, 4)),
    case("searchsorted", exactly([-2, 0, 1], "int32", False), B(7, dtype="int32"), side="right"),
    case("segment_sum", B(5, 2), B(5, dtype="int32", low=0, high=4), 4),
    case("segment_sum", B(5), B(5, dtype="int64", low=0, high=4), num_segments=6, sorted=False),
    eager("segment_sum", B(5, 2, dtype="int32"), exactly([0, 0, 2, 2, 3], "int32")),
    case("segment_max", B(5, 2), B(5, dtype="int32", low=0, high=4), 4),
    case("segment_max", B(5, dtype="int32"), B(5, dtype="int32", low=0, high=4), 6),
    eager("segment_max", B(5, 2), exactly([0, 0, 2, 2, 3], "int32")),
]

PRODUCTS = [
    case("matmul", B(3, 4), W(4, 2)),
    case("matmul", B(3, 2, 4), B(3, 4, 5)),
    case("matmul", B(3, 4), W(4)),
    case("matmul", W(3), W(3, 2)),
    case("matmul", B(3, 4, dtype="int8"), W(4, 2, dtype="int8")),
    case("matmul", B(3, 4, dtype="int32"), W(4, 2)),
    case("matmul", B(3, 4, dtype="bool"), W(4, 2, dtype="bool")),
    case("dot", W(4), W(4)),
    case("dot", B(3, 4), W(4, 2)),
    case("dot", B(3, 2, 4), W(4)),
    case("dot", B(3, 4), 2.0),
    case("tensordot", B(3, 4, 5), W(4, 5, 2)),
    case("tensordot", B(3, 4), W(4, 2), 1),
    case("tensordot", B(3, 4, 5), W(5, 4), axes=([1, 2], [1, 0])),
    case("tensordot", B(3, 4), W(2, 4), axes=[1, 1]),
    case("einsum", "bij,bjk->bik", B(3, 2, 4), B(3, 4, 5)),
    case("einsum", "...i,ij->...j", B(3, 2, 4), W(4, 5)),
    case("einsum", "ii", W(3, 3)),
    case("einsum", "bi,bi->b", B(3, 4, dtype="int8"), B(3, 4, dtype="int8")),
    case("outer", W(3), W(2, 2)),
    case("trace", W(3, 4)),
    case("trace", B(3, 4, 4, dtype="int32"), 1, 1, 2),
    case("diagonal", B(3, 4, 4), offset=-1, axis1=1, axis2=2),
    case("diagonal", W(3, 4)),
    case("diag", W(3)),
    case("diag", W(3), 1),
    case("diag", W(3, 4), k=-1),
    *_each("tril triu", B(3, 4, 4)),
    *_each("tril triu", B(3, 4, 5), 1),
    *_each("tril triu", W(3, 4, dtype="int32"), k=-1),
]

LINALG = [
    *_each("norm", B(3, 4)),
    case("norm", B(3, 4), axis=1),
    case("norm", B(3, 4), 1, -1, True),
    case("norm", B(3, 4), ord=np.inf, axis=1),
    case("norm", B(3, 4, 5), ord="fro", axis=(1, 2)),
    case("norm", B(3, 4, 5), ord="nuc", axis=(1, 2), keepdims=True),
    case("norm", W(3, 4, dtype="int32")),
    case("det", SPD),
    case("inv", SPD),
    case("cholesky", SPD),
    case("cholesky", SPD, upper=True),
    case("solve", SPD, B(2, 3, 4)),
    case("solve", exactly(np.eye(3) * 2, batched=False), W(3)),
    case("solve_triangular", SPD, B(2, 3, 4)),
    case("solve_triangular", SPD, B(2, 3), lower=True),
    case("pinv", B(2, 4, 3)),
    case("pinv", B(2, 4, 3), 0.3),
    case("qr", B(2, 4, 3)),
    stepwise("qr", B(2, 4, 3), mode="complete"),
    stepwise("svd", B(2, 4, 3)),
    stepwise("svd", B(2, 4, 3), False),
    case("svd", B(2, 4, 3), compute_uv=False),
    stepwise("eigh", SPD),
]

ACTIVATION = [
    *_each(
        "relu relu6 elu celu selu gelu silu swish softplus softsign sigmoid log_sigmoid hard_sigmoid hard_silu "
        "hard_swish hard_tanh leaky_relu hard_shrink soft_shrink tanh_shrink sparse_plus sparse_sigmoid squareplus "
        "softmax log_softmax glu",
        B(5, 6, low=-7, high=7),
    ),
    case("relu", B(3, 4, dtype="int32")),
    case("elu", B(5, 6), alpha=0.4),
    case("celu", B(5, 6), 0.4),
    case("gelu", B(5, 6), False),
    case("leaky_relu", B(5, 6), negative_slope=0.4),
    case("hard_shrink", B(5, 6), 1.3),
    case("soft_shrink", B(5, 6), threshold=1.3),
    case("threshold", B(5, 6), 0.4, -3.0),
    case("squareplus", B(5, 6), b=2),
    case("glu", B(5, 4, 3), axis=1),
    case("softmax", B(5, 4, 3), axis=1),
    case("softmax", B(5, 4, 3), (1, 2)),
    case("softmax", B(5, 4, 3), None),
    case("log_softmax", B(5, 4, 3), axis=1),
]

NORMALIZATION = [
    case("normalize", B(3, 4)),
    case("normalize", B(3, 4), 0, 1),
    case("normalize", B(3, 4, 5), axis=(1, 2), order=2),
    case("normalize", B(3, 4), order=3, epsilon=3.0),
    case("normalize", B(3, 4, dtype="int32")),
    case("moments", B(3, 4, 5), (0, 2)),
    case("moments", B(3, 4), 1, True),
    case("moments", B(3, 4, dtype="float16"), axes=[0]),
    case("batch_normalization", B(3, 4), W(4), W(4, low=0.1), -1),
    case("batch_normalization", B(3, 4, 5), W(4), W(4, low=0.1), 1, W(4), W(4, low=0.2), 0.1),
    case("layer_normalization", B(3, 4)),
    case("layer_normalization", B(3, 4, 5), W(5), W(5, low=-1), epsilon=0.1),
    case("layer_normalization", B(3, 4, 5), axis=(1, 2)),
    case("layer_normalization", B(3, 4, 5), W(4, 5), W(4, 5, low=-1), axis=(1, 2)),
    case("rms_normalization", B(3, 4)),
    case("rms_normalization", B(3, 4, 5), W(5), epsilon=0.1),
    case("rms_normalization", B(3, 4, 5), scale=W(4, 5), axis=(1, 2)),
]

ENCODING = [
    case("one_hot", B(5, dtype="int32", low=-1, high=4), 4),
    case("one_hot", B(5, 3, dtype="int64", low=0, high=4), 6, axis=1, dtype="int32"),
    case("one_hot", B(5, 3, dtype="uint8", low=0, high=4), 4, axis=0),
    case("one_hot", B(5, dtype="int32", low=0, high=4), num_classes=4, dtype="bool"),
    case("binary_crossentropy", B(3, 4, low=0, high=1), B(3, 4, low=0.0, high=1.0)),
    case("binary_crossentropy", exactly([0.0, 1.0, 1.0]), exactly([0.0, 1.0, 0.0])),
    case("binary_crossentropy", B(3, 4, low=0, high=1), B(3, 4), from_logits=True),
    case("categorical_crossentropy", B(3, 4, low=0, high=1), B(3, 4, low=0.0, high=2.0)),
    case("categorical_crossentropy", B(3, 4, low=0, high=1), B(3, 4), True),
    case("categorical_crossentropy", B(3, 4, 5, low=0, high=1), B(3, 4, 5), from_logits=True, axis=1),
    case("sparse_categorical_crossentropy", B(3, dtype="int32", low=0, high=4), B(3, 4, low=0.1)),
    case("sparse_categorical_crossentropy", B(3, 1, dtype="int64", low=0, high=4), B(3, 4), True),
    case("sparse_categorical_crossentropy", B(3, 5, dtype="int32", low=0, high=4), B(3, 4, 5), True, axis=1),
]

WINDOWS = [
    case("max_pool", IMAGE, 2),
    case("max_pool", IMAGE, (2, 3), strides=1, padding="same"),
    case("max_pool", IMAGE, 3, (2, 1), "same"),
    case("max_pool", B(2, 3, 8), 2, data_format="channels_first"),
    case("max_pool", B(2, 4, 5, 6, 3), 2, padding="same"),
    case("average_pool", IMAGE, 2),
    case("average_pool", IMAGE, 3, 1, "same"),
    case("average_pool", B(2, 3, 8), 2, strides=3, data_format="channels_first"),
    case("average_pool", B(2, 4, 5, 6, 3), 3, strides=(2, 1, 2)),
    case("conv", IMAGE, W(3, 2, 3, 4)),
    case("conv", IMAGE, W(3, 3, 3, 4), 1, "same"),
    case("conv", IMAGE, W(2, 3, 3, 4), strides=2, padding="same"),
    case("conv", IMAGE, W(2, 3, 3, 4), padding="same", dilation_rate=2),
    case("conv", B(2, 8, 6), W(3, 2, 6)),
    case("conv", B(2, 6, 8), W(3, 6, 4), data_format="channels_first", strides=2),
    case("conv", B(2, 4, 5, 6, 3), W(2, 2, 2, 3, 4), padding="same"),
    case("depthwise_conv", IMAGE, W(3, 3, 3, 2)),
    case("depthwise_conv", IMAGE, W(3, 3, 3, 1), padding="same", strides=2),
    case("depthwise_conv", B(2, 3, 8), W(3, 3, 2), data_format="channels_first", dilation_rate=2),
    case("separable_conv", IMAGE, W(3, 3, 3, 2), W(1, 1, 6, 4)),
    case("separable_conv", IMAGE, W(3, 3, 3, 1), W(1, 1, 3, 4), strides=2, padding="same"),
    case("separable_conv", B(2, 3, 8), W(3, 3, 2), W(1, 6, 4), data_format="channels_first", dilation_rate=2),
    case("conv_transpose", IMAGE, W(3, 3, 4, 3)),
    case("conv_transpose", IMAGE, W(3, 3, 4, 3), 2, "same"),
    case("conv_transpose", IMAGE, W(4, 2, 4, 3), strides=2, padding="same", output_padding=1),
    case("conv_transpose", IMAGE, W(3, 3, 4, 3), strides=(2, 3), padding="valid"),
    case("conv_transpose", B(2, 3, 8), W(3, 4, 3), 2, "same", data_format="channels_first"),
    case("conv_transpose", B(2, 8, 3), W(3, 4, 3), dilation_rate=2),
]

PICTURES = [
    case("image.resize", IMAGE, (9, 5)),
    case("image.resize", IMAGE, (9, 5), "nearest"),
    case("image.resize", IMAGE, (3, 4), interpolation="bilinear", antialias=True),
    case("image.resize", IMAGE, (9, 5), interpolation="bicubic"),
    case("image.resize", IMAGE, (6, 3), crop_to_aspect_ratio=True),
    case("image.resize", IMAGE, (3, 6), pad_to_aspect_ratio=True, fill_mode="constant", fill_value=2.0),
    case("image.resize", B(2, 3, 6, 7), (4, 9), data_format="channels_first"),
    case("image.resize", W(6, 7, 3, dtype="uint8", low=0, high=255), (9, 5)),
    case("image.resize", B(2, 6, 7, 3, dtype="uint8", low=0, high=255), (9, 5), "bicubic"),
    case("image.crop_images", IMAGE, 1, 2, 2, 1),
    case("image.crop_images", IMAGE, top_cropping=1, right_cropping=0, target_height=3, target_width=4),
    case("image.crop_images", B(2, 3, 6, 7), 1, 2, target_height=2, target_width=2, data_format="channels_first"),
    case("image.crop_images", W(6, 7, 3), bottom_cropping=1, left_cropping=1, target_height=2, target_width=2),
    case("image.pad_images", IMAGE, 1, 2, 2, 1),
    case("image.pad_images", IMAGE, bottom_padding=1, right_padding=0, target_height=9, target_width=9),
    case("image.pad_images", W(3, 6, 7), 1, 2, target_height=9, target_width=10, data_format="channels_first"),
    case("image.pad_images", IMAGE, top_padding=2, left_padding=0, target_height=9, target_width=9),
    case("image.rgb_to_grayscale", IMAGE),
    case("image.rgb_to_grayscale", B(2, 6, 7, 3, dtype="uint8", low=0, high=255)),
    case("image.rgb_to_grayscale", W(3, 6, 7), data_format="channels_first"),
    case("image.rgb_to_grayscale", W(6, 7, 1)),
]

CREATION = [
    eager("zeros", (2, 3)),
    eager("zeros", 3, "int32"),
    eager("ones", [2, 3]),
    eager("ones", (2,), dtype="bool"),
    eager("full", (2, 3), 7),
    eager("full", (2, 2), [1, 2]),
    eager("full", (2,), 1.5, dtype="float16"),
    *_each("zeros_like ones_like", B(3, 4)),
    *_each("zeros_like ones_like", B(3, 4), "int32"),
    case("full_like", B(3, 4), 7),
    case("full_like", B(3, 4, dtype="int32"), 2.5, dtype="float32"),
    case("full_like", B(3, 4), W(4)),
    eager("eye", 3),
    eager("eye", 2, 3, 1, "int32"),
    eager("eye", 3, M=2, k=-1),
    eager("identity", 3),
    eager("identity", 2, dtype="int32"),
    eager("tri", 3),
    eager("tri", 3, 4, k=1, dtype="int32"),
    eager("arange", 5),
    eager("arange", 1, 6, 2),
    eager("arange", 5, 0, -1),
    eager("arange", 0.0, 1.0, 0.25),
    eager("arange", 3, dtype="float32"),
    eager("linspace", 0, 1, 5),
    eager("linspace", 1.0, -2.0, num=7, endpoint=False),
    eager("linspace", 0, 10, 5, dtype="int32"),
    eager("linspace", 0, 1, 5, True, True),
    case("linspace", B(3), B(3, low=1), 4),
    case("meshgrid", W(3), W(2)),
    case("meshgrid", W(3), W(2), W(4), indexing="ij"),
]

CORE = [
    case("array", B(3)),
    eager("array", [1, 2], dtype="float32"),
    case("cast", B(3, 4), "int32"),
    case("cast", B(3, 4, dtype="int32"), "float16"),
    case("cast", B(3, 4, dtype="int32"), dtype="bool"),
    eager("cast", 2.5, "int32"),
    case("convert_to_tensor", B(3, 4)),
    case("convert_to_tensor", B(3, 4), "float16"),
    eager("convert_to_tensor", [1, 2]),
    eager("convert_to_tensor", [[1, 2.5], [3, 4]]),
    eager("convert_to_tensor", [True, False]),
    eager("convert_to_tensor", []),
    eager("convert_to_tensor", 2**40),
    eager("convert_to_tensor", [np.float32(1.5), 2]),
    eager("convert_to_tensor", [np.float64(1.5), 2]),
    eager("convert_to_tensor", np.arange(3)),
    eager("convert_to_tensor", np.array([1, 2], dtype="uint16")),
    eager("convert_to_tensor", np.arange(3)[::-1]),
    eager("convert_to_tensor", [np.ones(3, "float32"), np.ones(3, "int8")]),
    case("copy", B(3, 4)),
    eager("stop_gradient", B(3, 4)),
    case("view", W(3, 4), "int32"),
    stepwise("view", B(3, 4)),
]

CASES: list[Case] = [
    *ARITHMETIC,
    *ELEMENTWISE,
    *COMPARISON,
    *REDUCTION,
    *LAYOUT,
    *JOINING,
    *INDEXING,
    *PRODUCTS,
    *LINALG,
    *ACTIVATION,
    *NORMALIZATION,
    *ENCODING,
    *WINDOWS,
    *PICTURES,
    *CREATION,
    *CORE,
]
