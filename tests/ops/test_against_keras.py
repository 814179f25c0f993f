"""Every op against Keras on torch: values, dtypes, structure, gradients, names and signatures."""

from __future__ import annotations

import inspect
import warnings
from operator import attrgetter
from typing import Any

import keras
import numpy as np
import pytest
import torch

from lamina import ops
from lamina.graph import tree
from tests.ops.cases import CASES, Case, Given

# Tested on their own, in test_ops.py and test_control.py: no numbers of Keras' to compare with.
ELSEWHERE = {
    "associative_scan", "cond", "convert_to_numpy", "custom_gradient", "dtype", "empty", "empty_like", "fori_loop",
    "is_tensor", "jvp", "map", "ndim", "scan", "shape", "size", "sparsemax", "switch", "vectorize", "vectorized_map",
    "while_loop",
}  # fmt: skip
# Of Keras 3.16, beside NumPy and formulas in test_taken.py: the Keras of the tests does not have them.
NEWER = {"column_stack", "gammainc"}
NAMESPACES = {"image", "linalg", "nn", "numpy"}
PUBLIC = {name for name in ops.__all__ if name not in NAMESPACES | NEWER} | {
    f"image.{name}" for name in ops.image.__all__
}
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def of(module: Any, name: str) -> Any:
    return attrgetter(name)(module)


def as_tensor(given: Given) -> torch.Tensor:
    return torch.as_tensor(given.array.copy())


def as_tensors(result: Any) -> list[torch.Tensor]:
    return [leaf if isinstance(leaf, torch.Tensor) else torch.as_tensor(leaf) for leaf in tree.leaves(result)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_dtypes_are_those_of_keras(case: Case) -> None:
    args, kwargs = case.filled(as_tensor)
    ours = as_tensors(of(ops, case.op)(*args, **kwargs))
    with warnings.catch_warnings(action="ignore"):  # what Keras itself calls that is out of date
        theirs = as_tensors(of(keras.ops, case.op)(*args, **kwargs))
    assert [t.dtype for t in ours] == [t.dtype for t in theirs]
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, equal_nan=True, **TOLERANCE)


@pytest.mark.parametrize("case", [case for case in CASES if case.givens()], ids=str)
def test_numpy_arrays_serve_as_well(case: Case) -> None:
    args, kwargs = case.filled(as_tensor)
    expected = as_tensors(of(ops, case.op)(*args, **kwargs))
    args, kwargs = case.filled(lambda given: given.array.copy())
    for mine, reference in zip(as_tensors(of(ops, case.op)(*args, **kwargs)), expected, strict=True):
        torch.testing.assert_close(mine, reference, equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("case", [c for c in CASES if c.gradient and "float32" in str(c)], ids=str)
def test_gradients_are_those_of_keras(case: Case) -> None:
    ours = gradients(of(ops, case.op), case)
    with warnings.catch_warnings(action="ignore"):  # what Keras itself calls that is out of date
        try:
            theirs = gradients(of(keras.ops, case.op), case)
        except NotImplementedError as error:  # PyTorch 2.11 has none for nextafter; see test_number_ops
            assert case.op == "nextafter"
            pytest.skip(str(error))
    assert [g is None for g in ours] == [g is None for g in theirs]
    for mine, reference in zip(ours, theirs, strict=True):
        if mine is not None:
            torch.testing.assert_close(mine, reference, equal_nan=True, rtol=1e-4, atol=1e-4)


def gradients(op: Any, case: Case) -> list[torch.Tensor | None]:
    """Gradients of a weighted sum of all results for each tensor of floats; nothing where no result has one."""
    leaves: list[torch.Tensor] = []

    def leaf(given: Given) -> torch.Tensor:
        tensor = as_tensor(given)
        if tensor.is_floating_point():
            leaves.append(tensor.requires_grad_())
        return tensor

    args, kwargs = case.filled(leaf)
    results = [t for t in as_tensors(op(*args, **kwargs)) if t.requires_grad]
    results = [torch.view_as_real(t) if t.is_complex() else t for t in results]
    if not results or not leaves:
        return []
    generator = torch.Generator().manual_seed(7)
    total = sum((t * torch.randn(t.shape, generator=generator)).sum() for t in results)
    return list(torch.autograd.grad(total, leaves, allow_unused=True))


def test_every_op_has_a_case() -> None:
    assert {case.op for case in CASES} | ELSEWHERE == PUBLIC


def test_every_argument_has_a_case() -> None:
    """But for those that have one legal value, and what stands only for Keras' sake."""
    idle = {"sparse", "ragged", "synchronized", "kwargs", "axes_lengths", "sorted"}
    by_numpy = {"linspace": {"axis"}, "logspace": {"axis"}, "geomspace": {"axis"}}
    missing = []
    for name in PUBLIC - ELSEWHERE:
        parameters = list(inspect.signature(of(ops, name)).parameters.values())
        names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
        used = idle | by_numpy.get(name, set())
        for case in CASES:
            if case.op == name:
                used |= {*names[: len(case.args)], *case.kwargs}
        missing += [f"{name}({argument})" for argument in names if argument not in used]
    assert missing == []


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_signatures_are_those_of_keras(name: str) -> None:
    ours, theirs = (
        [(p.name, p.default, p.kind) for p in inspect.signature(of(module, name)).parameters.values()]
        for module in (ops, keras.ops)
    )
    assert ours == theirs


def test_namespaces_group_the_ops_as_in_keras() -> None:
    assert set(ops.__all__) - NEWER == {name for name in dir(keras.ops) if not name.startswith("_")}
    for space in sorted(NAMESPACES):
        mine, theirs = getattr(ops, space), getattr(keras.ops, space)
        assert set(mine.__all__) - NEWER == {name for name in dir(theirs) if not name.startswith("_")}
        elsewhere = set(mine.__all__) - set(ops.__all__) if space == "image" else set()
        assert all(getattr(mine, name) is getattr(ops, name) for name in set(mine.__all__) - elsewhere)


DTYPES = [getattr(torch, n) for n in "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()]
ONE_SIDED = (
    "exp expm1 exp2 log log1p log2 log10 sqrt rsqrt square abs sign sin cos tan tanh sinh cosh arctan erf floor ceil "
    "trunc reciprocal isnan logical_not sum mean prod max min std var argmax argmin any all cumsum cumprod sort "
    "argsort logsumexp count_nonzero norm normalize sigmoid zeros_like trace angle arcsinh arccosh arctanh bitwise_not "
    "cbrt conj real isreal deg2rad rad2deg fabs i0 isneginf isposinf signbit sinc erfc erfinv nansum nanprod nanmean "
    "nanstd nanvar nanmax nanmin nanargmax nanargmin nancumsum nancumprod median nanmedian ptp average diff trapezoid "
    "corrcoef diagflat fliplr flipud rot90 unique logdet matrix_rank det inv"
).split()
TWO_SIDED = (
    "add subtract multiply divide floor_divide mod power maximum minimum arctan2 equal less logical_and matmul "
    "tensordot logaddexp divide_no_nan stack concatenate bitwise_and bitwise_left_shift gcd fmax fmod hypot ldexp "
    "logaddexp2 nextafter allclose average append inner kron isin cdist dstack lstsq solve"
).split()


def result_dtype(op: Any, *args: Any) -> torch.dtype | None:
    """What comes out; None where this call is refused."""
    try:
        with warnings.catch_warnings(action="ignore"):  # as above
            return op(*args).dtype
    except (RuntimeError, ValueError, TypeError, NotImplementedError):
        return None


def wide(theirs: torch.dtype, *given: torch.dtype) -> torch.dtype:
    """Keras' dtype, but what came with 64 bits keeps them."""
    if theirs == torch.float32 and torch.float64 in given:
        return torch.float64
    if theirs == torch.int32 and torch.int64 in given:
        return torch.int64
    return theirs


@pytest.mark.parametrize("name", ONE_SIDED)
def test_dtypes_of_one_side(name: str) -> None:
    wrong = {}
    for dtype in DTYPES:
        x = torch.ones(3, 3).to(dtype)
        theirs = result_dtype(getattr(keras.ops, name), x)
        ours = result_dtype(getattr(ops, name), x)
        counts = name in ("argmax", "argmin", "nanargmax", "nanargmin", "argsort", "count_nonzero")
        if theirs is not None and ours != (theirs if counts else wide(theirs, dtype)):
            wrong[dtype] = (ours, theirs)
    assert wrong == {}


@pytest.mark.parametrize("name", TWO_SIDED)
def test_dtypes_of_two_sides(name: str) -> None:
    def call(module: Any) -> Any:
        op = getattr(module, name)
        return (lambda a, b: op([a, b])) if name in ("stack", "concatenate", "dstack") else op

    wrong = {}
    for first in DTYPES:
        for second in DTYPES:
            pair = torch.ones(2, 2).to(first), torch.ones(2, 2).to(second)
            theirs = result_dtype(call(keras.ops), *pair)
            ours = result_dtype(call(ops), *pair)
            if theirs is not None and ours != wide(theirs, first, second):
                wrong[first, second] = (ours, theirs)
    assert wrong == {}


@pytest.mark.parametrize("name", "add subtract multiply divide floor_divide mod power maximum minimum".split())
@pytest.mark.parametrize("number", [2, 2.5])
def test_a_number_widens_as_in_keras(name: str, number: float) -> None:
    wrong = {}
    for dtype in DTYPES:
        x = torch.ones(2, 2).to(dtype)
        theirs = result_dtype(getattr(keras.ops, name), x, number)
        ours = result_dtype(getattr(ops, name), x, number)
        if theirs is not None and ours != wide(theirs, dtype):
            wrong[dtype] = (ours, theirs)
    assert wrong == {}


@pytest.mark.parametrize("name", "add multiply maximum where".split())
def test_a_tensor_without_axes_widens_as_any(name: str) -> None:
    """PyTorch alone would keep the dtype of the other side."""
    op = (lambda a, b: ops.where(True, a, b)) if name == "where" else getattr(ops, name)
    for first, second in ((torch.float32, torch.float64), (torch.int32, torch.int64), (torch.float16, torch.float32)):
        assert op(torch.ones(2, dtype=first), torch.ones((), dtype=second)).dtype == second
        assert op(np.float32(1), torch.ones(2, dtype=torch.float16)).dtype == torch.float32
