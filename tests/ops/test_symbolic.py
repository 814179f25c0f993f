"""The same calls within a graph: a program made of them gives, bit for bit, what the calls give at once."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import ops
from lamina.graph import Graph, Symbolic, SymbolicInt, SymbolicTensor, ValueNeededError, tree
from lamina.layers import Input
from lamina.program import Program
from tests.ops.cases import CASES, Case, Given

SYMBOLIC = [case for case in CASES if case.symbolic]


def as_input(given: Given) -> Any:
    batch = None if given.batched else given.array.shape[0]
    return Input(batch_shape=(batch, *given.array.shape[1:]), dtype=str(given.array.dtype))


def doubled(given: Given) -> torch.Tensor:
    """A batch of twice the size."""
    array = np.concatenate([given.array] * 2) if given.batched else given.array
    return torch.as_tensor(array.copy())


def drawn(case: Case) -> tuple[list[Any], Any]:
    """The inputs that a case is drawn on, and what the op gives."""
    inputs: list[Any] = []

    def make(given: Given) -> Any:
        inputs.append(as_input(given))
        return inputs[-1]

    args, kwargs = case.filled(make)
    return inputs, attrgetter(case.op)(ops)(*args, **kwargs)


def called(case: Case, make: Any) -> list[Any]:
    args, kwargs = case.filled(make)
    return list(tree.leaves(attrgetter(case.op)(ops)(*args, **kwargs)))


def is_same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(a, b) or bool(torch.isclose(a, b, rtol=0, atol=0, equal_nan=True).all())


@pytest.mark.parametrize("case", SYMBOLIC, ids=str)
def test_a_program_computes_what_the_call_does(case: Case) -> None:
    """For two sizes of the unknown axis, so that none was fixed while drawing."""
    inputs, outputs = drawn(case)
    symbolic = list(tree.leaves(outputs))
    assert symbolic
    assert all(isinstance(leaf, SymbolicTensor) for leaf in symbolic)
    program = Program(Graph(inputs, symbolic))
    for make in (lambda given: torch.as_tensor(given.array.copy()), doubled):
        results = program.run(*(make(given) for given in case.givens()))
        for result, expected, told in zip(results, called(case, make), symbolic, strict=True):
            assert is_same(result, expected)
            assert result.dtype == told.dtype
            assert all(n in (None, real) for n, real in zip(told.shape, result.shape, strict=True))


def test_an_array_beside_a_symbolic_tensor_is_a_constant_of_the_model() -> None:
    x = Input((3,))
    weights = np.array([1.0, 2.0, 3.0], dtype="float32")
    for y in (ops.multiply(x, weights), ops.multiply(weights, x), ops.rms_normalization(x, weights)):
        assert y.shape == (None, 3)
    model = lamina.Model(x, ops.multiply(weights, x))
    assert torch.equal(model(torch.ones(2, 3)), torch.tensor([[1.0, 2.0, 3.0]] * 2))
    assert [tuple(value.shape) for value in model.state_dict().values()] == [(3,)]


def test_a_number_leaves_nothing_in_the_state() -> None:
    x = Input((3,))
    y = ops.maximum(ops.clip(ops.where(x > 0, x, 0.5) + 1, 0, 3), 0.25)
    model = lamina.Model(x, ops.logical_and(y, 1))
    assert list(model.state_dict()) == []
    assert model(torch.ones(2, 3)).dtype == torch.bool


def test_masks_go_through_functions_of_single_positions() -> None:
    ids = Input((None,), dtype="int32")
    x = lamina.layers.Embedding(9, 4, mask_zero=True)(ids)
    for y in (
        ops.add(x, 1.0),
        ops.multiply(2, x),
        ops.exp(x),
        ops.relu(x),
        ops.gelu(x),
        ops.square(x),
        ops.divide(x, 2),
    ):
        assert y.mask is not None


# ---- sizes that only run time tells


def test_shape_gives_integers_where_sizes_are_known() -> None:
    x = Input((None, 8))
    b, t, c = ops.shape(x)
    assert c == 8
    assert isinstance(b, SymbolicInt)
    assert isinstance(t, SymbolicInt)
    assert ops.reshape(x, (b * t, c)).shape == (None, 8)
    assert isinstance(ops.size(x), SymbolicInt)
    assert ops.ndim(x) == 3
    assert ops.dtype(x) == "float32"
    assert not ops.is_tensor(x)
    assert ops.size(Input(batch_shape=(2, 3))) == 6


def test_reshape_with_two_unknown_axes_runs_on_any_size() -> None:
    x = Input((None, None, 3))
    b, h, w, c = ops.shape(x)
    model = lamina.Model(x, ops.reshape(x, (b, h * w, c)))
    assert model.output_shape == (None, None, 3)
    for shape in ((2, 4, 5, 3), (1, 7, 2, 3)):
        value = torch.randn(shape)
        assert torch.equal(model(value), value.reshape(shape[0], -1, 3))


def made(x: Any) -> dict[str, Any]:
    """Tensors whose size is that of `x`."""
    b, t, c = ops.shape(x)
    return {
        "zeros": ops.zeros((b, t, 2)),
        "ones": ops.ones([t], dtype="int32"),
        "full": ops.full((b, c), 2.5),
        "full_of_sizes": ops.full((2,), t, dtype="int64"),
        "full_of_values": ops.full((b, c), [1.0] * 8),
        "arange": ops.arange(t),
        "arange_from": ops.arange(1, t + 1, 2, dtype="float32"),
        "eye": ops.eye(t, 3, k=1),
        "identity": ops.identity(b),
        "tri": ops.tri(t),
        "broadcast": ops.broadcast_to(ops.arange(8), (b, c)),
        "reshaped": ops.reshape(torch.zeros(1), (t - t + 1, 1)),
        "tiled": ops.tile(torch.ones(2), (b, 2)),
        "number": ops.sqrt(t),
        "sum": ops.add(ops.sum(x), t),
        "scaled": ops.maximum(x, t),
        "stacked": ops.convert_to_tensor([b, t]),
    }


def test_tensors_can_be_made_of_unknown_sizes() -> None:
    x = Input((None, 8))
    outputs = made(x)
    model = lamina.Model(x, outputs)
    for shape in ((2, 3, 8), (5, 4, 8)):
        value = torch.randn(shape)
        results, expected = model(value), made(value)
        for name in expected:
            assert is_same(results[name], expected[name]), name
            assert all(n in (None, real) for n, real in zip(outputs[name].shape, expected[name].shape, strict=True)), (
                name
            )
    assert outputs["zeros"].shape == (None, None, 2)
    assert outputs["arange"].dtype == torch.int32


def test_what_is_made_lies_on_the_device_of_the_tensor_whose_size_it_has() -> None:
    x = Input((None, 8))
    program = Program(
        Graph(x, {k: v for k, v in made(x).items() if k in ("zeros", "arange", "eye", "tri", "identity")})
    )
    results = program.run(torch.empty(2, 3, 8, device="meta"))
    assert {result.device.type for result in results.values()} == {"meta"}


# ---- one op, one node


def test_ops_of_several_steps_are_one_node() -> None:
    """All that are meant to be, which `one_node` has wrapped, and no other."""
    found = set()
    for case in SYMBOLIC:
        inputs, outputs = drawn(case)
        nodes = Graph(inputs, list(tree.leaves(outputs))).nodes
        if any((getattr(node.op, "__module__", None) or "").startswith("lamina.ops") for node in nodes):
            assert [node.op for node in nodes if node.inputs] == [attrgetter(case.op)(ops)]
            found.add(case.op)
    named = {**vars(ops), **{f"image.{name}": value for name, value in vars(ops.image).items()}}
    wrapped = {name for name, value in named.items() if getattr(value, "__module__", "").startswith("lamina.ops.")}
    wrapped = {name for name in wrapped if hasattr(named[name], "__wrapped__")}
    assert found == wrapped
    assert len(found) > 30


@pytest.mark.parametrize("op", ["take", "pad", "one_hot", "conv"])
def test_a_recorded_op_compiles(op: str) -> None:
    case = next(case for case in SYMBOLIC if case.op == op)
    inputs, outputs = drawn(case)
    run = Program(Graph(inputs, outputs)).run
    args = [torch.as_tensor(given.array.copy()) for given in case.givens()]
    torch.testing.assert_close(torch.compile(run, fullgraph=True, backend="eager")(*args), run(*args))


def test_errors_name_the_op_and_the_users_line() -> None:
    with pytest.raises(lamina.ShapeError, match="conv") as caught:
        ops.conv(Input((6, 7, 3)), torch.ones(3, 3, 2, 4))
    assert "test_symbolic.py" in str(caught.value)
    with pytest.raises(lamina.ValueNeededError, match="num_segments"):
        ops.segment_sum(Input((3,)), Input(batch_shape=(None,), dtype="int32"))


def test_vectorized_map_is_part_of_a_graph() -> None:
    x = Input((3, 4))
    model = lamina.Model(x, ops.vectorized_map(lambda row: row.sum(0) * 2, x))
    assert model.output_shape == (None, 4)
    value = torch.randn(5, 3, 4)
    torch.testing.assert_close(model(value), value.sum(1) * 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ops.nonzero(x),
        lambda x: ops.where(x > 0),
        lambda x: ops.convert_to_numpy(x),
    ],
    ids="nonzero where convert_to_numpy".split(),
)
def test_what_needs_values_says_so(call: Any) -> None:
    x = Input((3,))
    assert isinstance(x, Symbolic)
    with pytest.raises(ValueNeededError, match=r"needs the values") as caught:
        call(x)
    assert caught.value.hint


def test_half_of_the_largest_values_of_an_axis_of_unknown_size() -> None:
    x = Input((None,))
    values, _ = ops.top_k(x, ops.shape(x)[1] // 2)
    model = lamina.Model(x, values)
    assert model.output_shape == (None, None)
    assert model(torch.tensor([[3.0, 1.0, 2.0, 5.0]])).tolist() == [[5.0, 3.0]]
