"""Shapes of pointwise functions found without PyTorch's slow way: they are what that way finds, or it is asked."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lamina.layers import Input, Lambda
from lamina.probing.quick import on_shapes_at_once
from lamina.probing.values import as_shape
from lamina.sizes import tree
from tests.operations.calls import KINDS, OF_TENSORS, arguments

SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((0, 3),), ((2, 3, 4), (3, 1)), ((2, 3), ()), ((4, 1), (1, 5)), ((2, 3), (4,)), ((2, 3), (1, 3), (2, 1)),
)  # fmt: skip


def outcome(call: Any) -> Any:
    """What tells whether two ways agree: what a result looks like, or that there is none."""
    try:
        result = call()
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError):
        return None
    return (tuple(result.shape), result.dtype, result.stride(), result.device, result.requires_grad)


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_every_pointwise_function_has_the_shapes_that_pytorch_finds(dtype: torch.dtype) -> None:
    found, wrong = set(), []
    for (name, facts), shapes in product(OF_TENSORS, SHAPES):
        function = facts.functions[name]
        args = arguments(name, function, [torch.empty(shape, dtype=dtype, device="meta") for shape in shapes])
        quick = on_shapes_at_once(function, tuple(args), {})
        if quick is None:
            continue
        found.add(name)
        theirs = outcome(lambda f=function, a=args: f(*a))
        if theirs is not None and theirs != outcome(lambda q=quick: q):
            wrong.append((name, shapes, theirs, outcome(lambda q=quick: q)))
    assert not wrong
    assert len(found) > 60 or dtype is torch.complex64


FUNCTIONS = (torch.add, torch.Tensor.mul, torch.Tensor.__rsub__, torch.true_divide, torch.eq, torch.pow)


def test_mixed_dtypes_and_numbers_are_promoted() -> None:
    wrong = []
    for ours, other in product(KINDS, (*KINDS, torch.bfloat16, torch.float64, 2, 2.5, True, 1j)):
        for shape in ((3, 4), ()):
            x = torch.ones(3, 4, dtype=ours)
            y = torch.ones(shape, dtype=other) if isinstance(other, torch.dtype) else other
            for function in (
                torch.add,
                torch.Tensor.mul,
                torch.Tensor.__rsub__,
                torch.true_divide,
                torch.eq,
                torch.pow,
            ):
                args = tree.map_leaves(as_shape, (x, y))
                quick = on_shapes_at_once(function, args, {})
                if quick is not None and (quick.shape, quick.dtype) != (function(x, y).shape, function(x, y).dtype):
                    wrong.append((function, ours, other, shape))
    assert not wrong


X = torch.empty(2, 3, 4, device="meta")


@pytest.mark.parametrize(
    "function, args, kwargs",
    [
        pytest.param(torch.relu, (X[:, :1].expand(2, 3, 4),), {}, id="strides"),
        pytest.param(torch.add, (X, X), {"out": torch.empty(2, 3, 4, device="meta")}, id="out"),
        pytest.param(F.relu, (X,), {"inplace": True}, id="inplace"),
        pytest.param(torch.Tensor.relu_, (X,), {}, id="in place by name"),
        pytest.param(torch.Tensor.to, (X, torch.float64), {}, id="cast"),
        pytest.param(F.dropout, (X, 0.5, True, True), {}, id="random in place"),
        pytest.param(torch.where, (X > 0,), {}, id="positions"),
        pytest.param(torch.add, (X, torch.empty(5, device="meta")), {}, id="refused"),
        pytest.param(torch.kron, (X, X), {}, id="without a rule"),
        pytest.param(torch.relu, (torch.nn.Parameter(X),), {}, id="subclass"),
    ],
)
def test_where_more_than_shapes_counts_pytorch_is_asked(function: Any, args: Any, kwargs: Any) -> None:
    assert on_shapes_at_once(function, args, kwargs) is None


def test_under_a_transform_pytorch_is_asked() -> None:
    seen = []

    def row(x: torch.Tensor) -> torch.Tensor:
        seen.append(on_shapes_at_once(torch.relu, (x,), {}))
        return x

    torch.vmap(row)(X)
    assert seen == [None]


def test_a_view_that_strides_refuse_is_refused_while_drawing() -> None:
    with pytest.raises(Exception, match="view"):
        Lambda(lambda t: torch.relu(t.permute(0, 2, 1)).view(-1, 12))(Input((3, 4)))


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    with pytest.raises(Exception, match=r"cannot take this input"):
        Lambda(lambda t: torch.relu(t) + torch.ones(5))(Input((3, 4)))


W, BIAS = torch.empty(4, 5, device="meta"), torch.empty(5, device="meta")


@pytest.mark.parametrize(
    "function, args, kwargs, by_rule",
    [
        pytest.param(torch.addmm, (BIAS, X[0], W), {}, True, id="product"),
        pytest.param(torch.addmm, (BIAS, X[0], W.t().contiguous().t()), {}, True, id="transposed"),
        pytest.param(torch.addmm, (BIAS, X[0], BIAS[:, None]), {}, False, id="refused product"),
        pytest.param(torch.addmm, (BIAS, X[0], W), {"alpha": 2}, False, id="scaled"),
        pytest.param(torch.addmm, (BIAS.double(), X[0], W), {}, False, id="other dtype"),
        pytest.param(torch.addmm, (BIAS[:1], X[0], W), {}, False, id="broadcast"),
        pytest.param(F.layer_norm, (X, (4,)), {}, True, id="norm"),
        pytest.param(F.layer_norm, (X, (3, 4)), {"weight": X[0], "bias": X[0]}, True, id="norm of two axes"),
        pytest.param(F.layer_norm, (X, (3,)), {}, False, id="refused norm"),
        pytest.param(F.layer_norm, (X.permute(0, 2, 1), (3,)), {}, False, id="strided norm"),
        pytest.param(torch.layer_norm, (X, (4,), BIAS[:4], BIAS[:4]), {}, True, id="norm with weights"),
    ],
)
def test_rules_of_products_and_norms_are_pytorchs(function: Any, args: Any, kwargs: Any, by_rule: bool) -> None:
    quick = on_shapes_at_once(function, args, kwargs)
    assert (quick is not None) == by_rule
    if quick is not None:
        assert outcome(lambda: quick) == outcome(lambda: function(*args, **kwargs))
