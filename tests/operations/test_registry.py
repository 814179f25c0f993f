"""The registry of operations: what it tells is true, all readers know what it tells, no name of before is lost."""

from __future__ import annotations

import json
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lamina
from lamina import function_names, ops
from lamina.function_names import function_of_name, functions, name_of_function
from lamina.graph import record
from lamina.layers import Input, Lambda, Masking
from lamina.operations import OPERATIONS, Facts
from lamina.operations.registry import Operations, read
from lamina.operations.table import TABLE
from lamina.saving.keras_files import operations as keras_operations
from lamina.saving.keras_files.operations_out import _SPECIAL, call_of
from tests.operations.calls import KINDS, OF_TENSORS, arguments, values


def takes(name: str, function: Callable[..., Any], *tensors: torch.Tensor) -> Any:
    """What a call with these gives; None where the function does not take them."""
    try:
        result = function(*arguments(name, function, tensors))
    except Exception:  # noqa: BLE001  whatever a function says of what it does not take
        return None
    return result if isinstance(result, torch.Tensor) and result.layout == torch.strided else None


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    one, other = (x.to(torch.complex128).numpy() for x in (a, b))
    return a.dtype == b.dtype and np.allclose(one, other, equal_nan=True)


def is_pointwise(name: str, function: Callable[..., Any], tensors: list[torch.Tensor]) -> bool | None:
    """Whether positions that change places, and one that changes its value, say what the result is; None: no call."""
    result = takes(name, function, *(x.clone() for x in tensors))
    if result is None:
        return None
    if result.shape != tensors[0].shape:
        return False
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    mixed = [x.reshape(-1)[order].reshape(x.shape) for x in tensors]
    changed = [x.clone() for x in tensors]
    for x in changed:
        x[0, 0, 0] = x[1, 1, 1]
    later = takes(name, function, *changed)
    if later is None:
        return None
    later[0, 0, 0] = result[0, 0, 0]
    return same(takes(name, function, *mixed), result.reshape(-1)[order].reshape(result.shape)) and same(later, result)


@cache
def calls(name: str, function: Callable[..., Any]) -> list[list[torch.Tensor]]:
    """The tensors that a function takes, of each number and kind."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for count in (1, 2, 3):
        for dtype in KINDS:
            tensors = values(count, dtype, generator)
            if takes(name, function, *(x.clone() for x in tensors)) is not None:
                found.append(tensors)
    return found


@pytest.mark.filterwarnings("ignore")
def test_what_is_told_to_be_pointwise_is() -> None:
    wrong, unseen = [], []
    for name, facts in OF_TENSORS:
        function = facts.functions[name]
        verdicts = [is_pointwise(name, function, tensors) for tensors in calls(name, function)]
        wrong += [name] * (False in verdicts)
        unseen += [name] * (True not in verdicts)
    assert (wrong, unseen) == ([], [])


@pytest.mark.filterwarnings("ignore")
def test_the_shape_of_what_is_pointwise_is_the_broadcast_and_the_mask_is_kept() -> None:
    """Drawn on tensors of different shapes with a mask, against the call on real ones."""
    wrong = []
    x = Masking()(Input((3, 4)))
    for name, facts in OF_TENSORS:
        function = facts.functions[name]
        for tensors in calls(name, function)[:1]:
            narrow = [tensors[0], *(x[:, :, :1] for x in tensors[1:])]
            real = takes(name, function, *narrow)
            if real is None:
                continue
            first = x.to(tensors[0].dtype)
            given = [first, *(Input(tuple(t.shape[1:]), dtype=str(t.dtype).partition(".")[2]) for t in narrow[1:])]
            drawn = record(function, tuple(arguments(name, function, given)), {})
            if (drawn.shape[1:], drawn.dtype) != (real.shape[1:], real.dtype) or drawn.mask is not x.mask:
                wrong.append((name, drawn, real.shape, real.dtype, drawn.mask))
    assert wrong == []


# They look pointwise with tensors of one shape, and move or mix positions with others, or are for single tensors.
NOT_POINTWISE = """
torch.Tensor.cpu torch.Tensor.chalf torch.Tensor.dequantize torch.Tensor.expand_as torch.Tensor.max torch.Tensor.min
torch.Tensor.new_tensor torch.Tensor.reshape_as torch.Tensor.slice_inverse torch.Tensor.slice_scatter
torch.Tensor.squeeze torch.Tensor.to_dense torch.Tensor.view_as torch.alias_copy torch.as_tensor torch.atleast_1d
torch.atleast_2d torch.atleast_3d torch.binary_cross_entropy_with_logits torch.dequantize torch.detach_copy
torch.hinge_embedding_loss torch.isin torch.kl_div torch.margin_ranking_loss torch.max torch.min
torch.nn.functional.feature_alpha_dropout torch.ones_like torch.searchsorted torch.slice_copy torch.slice_inverse
torch.slice_scatter torch.squeeze torch.squeeze_copy torch.sym_sum torch.tensor torch.zeros_like
""".split()


@pytest.mark.filterwarnings("ignore")
def test_what_is_pointwise_is_told_to_be() -> None:
    """A function that the table leaves out ends masks with a warning, and its shape is found the slow way."""
    skipped = ("lamina.", "torch.fft.", "torch.linalg.", "torch.nn.init.")
    left_out = []
    for name, function in functions().items():
        if name.startswith(skipped) or OPERATIONS.of(function).pointwise or "set_" in name or "backward" in name:
            continue
        if any(is_pointwise(name, function, tensors) for tensors in calls(name, function)):
            left_out.append(name)
    assert set(left_out) - set(NOT_POINTWISE) == set()


def test_an_operation_stands_in_the_table_once() -> None:
    names = [name for facts in OPERATIONS for name in facts.names]
    found = [function for facts in OPERATIONS for function in set(facts.functions.values())]
    signs = [(facts.sign, facts.name in ("neg", "bitwise_not")) for facts in OPERATIONS if facts.sign]
    assert len(names) == len(set(names)) > 300
    assert len(found) == len(set(found)) > 600
    assert len(signs) == len(set(signs)) == 21
    assert [facts.names for facts in OPERATIONS if facts.sign and facts.operator is None] == []


def test_each_name_in_the_table_is_that_of_a_function() -> None:
    missing = {
        name
        for facts in OPERATIONS
        for name in facts.names
        if not any(full == name or full.endswith(f".{name}") for full in facts.functions)
    }
    assert missing == set()


# -- names


def names_before() -> list[str]:
    """What files could name before there was a registry."""
    found: list[str] = []
    prefix = ""
    for word in (Path(__file__).parent / "names_before.txt").read_text().split():
        prefix, found = (word[:-1], found) if word.endswith(":") else (prefix, [*found, f"{prefix}.{word}"])
    return found


def test_every_name_in_existing_files_is_still_read() -> None:
    names = names_before()
    assert len(names) == 1332
    # What this PyTorch no longer has at all, nobody can read.
    spaces = {"torch": torch, "torch.Tensor": torch.Tensor, "torch.nn.functional": F, "torch.special": torch.special}
    pairs = {name: (spaces.get(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in names}
    gone = {name for name, (space, last) in pairs.items() if space is not None and not hasattr(space, last)}
    assert set(names) - set(functions()) - gone == set()


@pytest.mark.parametrize(
    "name,function",
    (
        ("operator.getitem", operator.getitem),
        ("operator.and_", operator.and_),
        ("builtins.round", round),
        ("math.ceil", math.ceil),
        ("torch.sym_max", torch.sym_max),
        ("torch.Tensor.__rtruediv__", torch.Tensor.__rtruediv__),
        ("torch.Tensor.new_full", torch.Tensor.new_full),
        ("torch.as_tensor", torch.as_tensor),
        ("torch.arange", torch.arange),
        ("torch.fft.rfftfreq", torch.fft.rfftfreq),
        ("torch.special.expit", torch.special.expit),
        ("torch.nn.functional.hardshrink", F.hardshrink),
        ("torch.nn.functional.upsample", F.upsample),
        ("lamina.graph.factories.device_of", lamina.graph.factories.device_of),
        ("lamina.random.dropout", lamina.random.samplers.dropout),
    ),
)
def test_names_mean_what_they_meant(name: str, function: Any) -> None:
    assert function_of_name(name) is function
    assert name_of_function(function) == name


def test_every_function_of_the_registry_has_a_name_that_means_it() -> None:
    for facts in OPERATIONS:
        for function in facts.functions.values():
            assert function_of_name(name_of_function(function) or "") is function


@pytest.mark.parametrize("function", (operator.getitem, ops.silu, operator.neg))
def test_a_lambda_layer_may_name_what_a_node_may(function: Any) -> None:
    layer = Lambda(function)
    assert Lambda.from_config(json.loads(json.dumps(layer.get_config()))).function is function


# -- one entry in one place


def soften(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return x / by


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The registry as it would be with one more line in the table, for an operation that PyTorch got."""
    caches = [function_names.functions, function_names._names, keras_operations.operations, keras_operations._classes]
    monkeypatch.setattr(torch, "soften", soften, raising=False)
    monkeypatch.setattr(ops, "soften", soften, raising=False)
    monkeypatch.setattr(soften, "__module__", "torch")
    (facts,) = read("[pointwise]\nsoften Soften: numpy x | by:amount=2.0")
    monkeypatch.setattr(OPERATIONS, "__dict__", vars(Operations([*OPERATIONS, facts])))
    for cached in caches:
        cached.cache_clear()
    yield facts
    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()


def test_one_line_in_the_table_is_all_that_a_new_operation_needs(one_more: Facts) -> None:
    assert one_more.functions == {"torch.soften": soften}
    x = Masking()(Input((None, 3), name="x"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = record(soften, (x,), {"by": 4.0})
    assert y.shape == (None, None, 3)
    assert y.mask is x.mask
    assert OPERATIONS.of(y.node.op).pointwise
    model = lamina.Model(x.node.inputs[0], y)
    assert "torch.soften(masking, by=4.0)" in model.program(False).source
    again = lamina.Model.from_config(model.get_config())
    data = torch.randn(2, 4, 3)
    assert torch.equal(again(data), data / 4.0)
    call = call_of(soften, [x], {"by": 4.0}, y)
    assert (call.class_name, call.config, call.args) == ("Soften", {"amount": 4.0}, [x])
    assert keras_operations.module_of_operation("Soften") == "keras.src.ops.numpy"


def test_without_the_line_nobody_knows_it() -> None:
    x = Masking()(Input((None, 3)))
    with pytest.warns(UserWarning, match="drops the mask"):
        y = record(soften, (x,), {})
    assert name_of_function(soften) is None
    assert y.mask is None


def test_what_keras_needs_more_for_is_told_by_names_of_the_registry() -> None:
    assert {name for name in _SPECIAL if not OPERATIONS.named(name).functions} == set()
    assert {facts.name for facts in OPERATIONS if facts.keras} >= {"add", "softmax", "torch.linalg.det"}


REVERSED: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "radd": operator.add, "rsub": operator.sub, "rmul": operator.mul, "rtruediv": operator.truediv,
    "rfloordiv": operator.floordiv, "rmod": operator.mod, "rpow": operator.pow,
}  # fmt: skip


@pytest.mark.parametrize("method", REVERSED)
def test_methods_for_the_right_side_of_an_operator_are_written_for_keras(method: str, tmp_path: Path) -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = lamina.Model([a, b], record(getattr(torch.Tensor, f"__{method}__"), (a, b), {}))
    model.save(tmp_path / "model.keras")
    one, other = torch.rand(4, 3) + 1, torch.rand(4, 3) + 2
    torch.testing.assert_close(
        lamina.models.load_model(tmp_path / "model.keras")([one, other]), REVERSED[method](other, one)
    )


def test_a_class_of_keras_and_its_parameters_stand_in_one_line() -> None:
    for line in (line for line in TABLE.splitlines() if not line.startswith("[")):
        operations, colon, _ = line.partition(": ")
        classes = [[word for word in words.split() if word[0].isupper()] for words in operations.split(", ")]
        assert {len(found) for found in classes} <= ({1} if colon else {0}), line


# -- faults that came of several tables


MASKED: dict[str, Callable[[Any], Any]] = {
    "array ** x": lambda x: torch.ones(4, 3) ** x,
    "array // x": lambda x: torch.ones(4, 3) // x,
    "array - x": lambda x: torch.ones(4, 3) - x,
    "array % x": lambda x: torch.ones(4, 3) % x,
    "array == x": lambda x: torch.ones(4, 3) == x,
    "numpy ** x": lambda x: np.ones((4, 3), "float32") ** x,
    "array << x": lambda x: torch.ones(4, 3).int() << x.int(),
    "x >> 1": lambda x: x.int() >> 1,
    "array & x": lambda x: (torch.ones(4, 3) > 0) & (x > 0),
    "multiply": lambda x: torch.multiply(x, 2),
    "subtract": lambda x: x.subtract(1),
    "divide": lambda x: torch.divide(x, 3),
    "clone": torch.clone,
    "detach": torch.detach,
    "ops.copy": ops.copy,
    "absolute": torch.absolute,
    "arctan2": lambda x: torch.arctan2(x, x),
    "expit": torch.special.expit,
    "selu": torch.selu,
    "lerp": lambda x: torch.lerp(x, x, 0.5),
    "less": lambda x: torch.less(x, 0.5),
    "addcmul": lambda x: torch.addcmul(x, x, x),
    "short": lambda x: x.short(),
    "random.dropout": lambda x: lamina.random.dropout(x, 0.5, seed=1),
}


@pytest.mark.parametrize("case", MASKED)
def test_all_spellings_of_an_operation_keep_the_mask(case: str) -> None:
    x = Masking()(Input((4, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert MASKED[case](x).mask is x.mask


@pytest.mark.parametrize(
    "join", (torch.add, operator.mul, lambda a, b: a.sub(b), lambda a, b: torch.where(a > 0, a, b))
)
def test_the_masks_of_all_that_is_joined_must_hold(join: Callable[[Any, Any], Any]) -> None:
    a, b = Input((4, 1)), Input((4, 1))
    x, y = Masking()(a), Masking()(b)
    model = lamina.Model([a, b], join(x, y).mask)
    one, other = torch.tensor([[0.0, 1, 1, 0]])[..., None], torch.tensor([[1.0, 1, 0, 0]])[..., None]
    assert model([one, other]).tolist() == [[False, True, False, False]]


@pytest.mark.parametrize("cast", ("to", "type_as"))
def test_a_cast_to_the_dtype_of_another_tensor_keeps_shape_and_mask_of_the_first(cast: str) -> None:
    x, other = Masking()(Input((5, 3))), Masking(dtype="float64")(Input((7, 5, 4), dtype="float64"))
    y = getattr(x, cast)(other)
    assert (y.shape, y.dtype, y.mask) == ((None, 5, 3), torch.float64, x.mask)
    assert getattr(torch.ones(2, 3), cast)(other).mask is None
    model = lamina.Model([x.node.inputs[0], other.node.inputs[0]], y)
    data = torch.randn(2, 5, 3)
    assert torch.equal(model([data, torch.zeros(2, 7, 5, 4, dtype=torch.float64)]), data.double())


@pytest.mark.parametrize("dropout", (F.dropout, F.alpha_dropout, lambda x, p, training: torch.dropout(x, p, training)))
def test_drawing_a_dropout_draws_no_random_number(dropout: Callable[..., Any]) -> None:
    state = torch.get_rng_state()
    y = dropout(Input((4, 3)), 0.5, True)
    assert y.shape == (None, 4, 3)
    assert y.dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trial_draws_no_random_number_by_methods_either() -> None:
    half = torch.full((3,), 0.5)

    class Noisy(lamina.layers.Layer):
        def call(self, x: torch.Tensor) -> torch.Tensor:
            return x * half.bernoulli()

    state = torch.get_rng_state()
    assert Noisy()(Input((3,))).shape == (None, 3)
    assert torch.equal(torch.get_rng_state(), state)


def test_shifts_are_written_with_their_signs() -> None:
    x = Input((3,), dtype="int32", name="x")
    source = lamina.Model(x, (x << 2) >> 1).program(False).source
    assert "x << 2" in source
    assert ">> 1" in source


@pytest.mark.parametrize(
    "call",
    [lambda x: x.unflatten(1, (-1, 7)), lambda x: x.split([4, 10], 1)[0], lambda x: x.norm(dim=1), lambda x: 2 / x],
    ids=["unflatten", "split", "norm", "rtruediv"],
)
def test_methods_that_pytorch_writes_in_python_are_called_as_methods(call):
    """Called as functions, PyTorch's compiler does not see through their `super()`."""
    x = Input((14, 3))
    model = lamina.Model(x, call(x))
    rows = torch.rand(2, 14, 3)
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(compiled(rows), call(rows))
    assert "_tensor" not in name_of_function(model.output.node.op)


def test_no_method_that_does_more_than_compute_has_a_name_in_files():
    named = set(functions())
    for name in ("backward", "register_hook", "share_memory_", "storage", "module_load", "resize"):
        assert f"torch.Tensor.{name}" not in named, name
