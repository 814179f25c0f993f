"""Ops and functions in the call of a layer of the user's: saved, loaded without its class, the same bits."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
import torch

import lamina
from lamina import Model, layers, ops
from lamina.graph import tree
from lamina.layers import Input, Layer
from lamina.models import load_model
from lamina.saving import SavingError
from tests.ops.cases import CASES, Case

# What no file can hold, and what is said of it. How many values are unique hangs on the values; where the input's size
# is open, so does the tracer's answer. PyTorch's kernel of the CTC loss takes lengths that do not fit.
# An elastic transform draws from a generator, which is no tensor.
REFUSED = {
    "unique": r"shape\[0\] == 48",
    "ctc_loss": "lamina.ctc_loss.default, which is not among the operations",
    "image.elastic_transform": "aten.randn.generator, which is not among the operations",
}
LAST = list({c.op: c for c in CASES if c.symbolic and c.givens() and c.op not in REFUSED}.values())


class Called(Layer):
    """Any function as a layer, of a class that no file knows."""

    def __init__(self, function: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def call(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def case_layer(case: Case) -> Layer:
    def run(*inputs: Any) -> Any:
        given = iter(inputs)
        args, kwargs = case.filled(lambda _: next(given))
        return list(tree.leaves(attrgetter(case.op)(ops)(*args, **kwargs)))

    return Called(run)


def inputs_of(case: Case, batched: bool = True) -> list[Any]:
    shapes = [(None if g.batched and batched else g.array.shape[0], *g.array.shape[1:]) for g in case.givens()]
    return [Input(batch_shape=s, dtype=str(g.array.dtype)) for s, g in zip(shapes, case.givens(), strict=True)]


def saved(model: Model, path: Path) -> Model:
    model.save(path)
    return load_model(path)


def assert_same(ours: Any, theirs: Any) -> None:
    for mine, other in zip(tree.leaves(ours), tree.leaves(theirs), strict=True):
        torch.testing.assert_close(other, mine, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] * (n % 32 != 0)) for n, c in enumerate(LAST)], ids=lambda c: c.op
)
def test_an_op_in_a_layer(case: Case, tmp_path: Path) -> None:
    inputs = inputs_of(case)
    model = Model(inputs, case_layer(case)(*inputs))
    data = [torch.as_tensor(given.array.copy()) for given in case.givens()]
    assert_same(model(data), saved(model, tmp_path / "m.lamina")(data))


@pytest.mark.parametrize("op", REFUSED)
def test_an_op_that_no_file_can_hold(op: str, tmp_path: Path) -> None:
    case = [c for c in CASES if c.op == op and c.symbolic and c.givens()][-1]
    inputs = inputs_of(case, batched=op == "unique")
    model = Model(inputs, case_layer(case)(*inputs))
    with pytest.raises(SavingError, match=REFUSED[op]):
        model.save(tmp_path / "m.lamina")


PE, KEPT = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.randn(4, 3)

# On (batch, time, 4), time unknown.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "matmul": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "matmul of integers": lambda x: ops.matmul(x, ops.ones((4, 3), dtype="int32")),
    "dot": lambda x: ops.dot(x, ops.ones((4, 3))),
    "einsum": lambda x: ops.einsum("btc,btd->bcd", x, x),
    "tensordot": lambda x: ops.tensordot(x, ops.ones((4, 2)), 1),
    "stack": lambda x: ops.stack([x, x * 2], axis=1),
    "mT": lambda x: x.mT @ x,
    "norm": lambda x: x.norm(dim=-1) + torch.linalg.vector_norm(x, ord=1, dim=-1),
    "arange": lambda x: ops.arange(ops.shape(x)[-1]) + x,
    "arange of time": lambda x: ops.cast(ops.arange(0, ops.shape(x)[1], 1), "float32")[:, None] + x,
    "size": lambda x: x / ops.cast(ops.shape(x)[1], "float32") + ops.convert_to_tensor(ops.shape(x)[0]),
    "root": lambda x: x / x.shape[1] ** 0.5,
    "repeat": lambda x: ops.repeat(ops.ones((1, 1, 4)), ops.shape(x)[1], axis=1) + x,
    "fills": lambda x: ops.zeros(ops.shape(x)) + ops.full((ops.shape(x)[0], ops.shape(x)[1], 4), 2.0) + x,
    "tile": lambda x: ops.tile(ops.ones((1, 1, 4)), (ops.shape(x)[0], ops.shape(x)[1], 1)) + x,
    "eye": lambda x: ops.eye(ops.shape(x)[1]) @ x + ops.tri(ops.shape(x)[1]) @ x,
    "linspace": lambda x: ops.linspace(0.0, 1.0, ops.shape(x)[1])[:, None] + x,
    "causal": lambda x: ops.cast(ops.arange(x.shape[1])[:, None] >= ops.arange(x.shape[1]), "float32") @ x,
    "take": lambda x: ops.take(x, ops.arange(ops.shape(x)[1]), axis=1),
    "take_along_axis": lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
    "half": lambda x: x[:, : x.shape[1] // 2],
    "every second": lambda x: x[:, ::2],
    "the last": lambda x: x[:, -5:],
    "shifted": lambda x: ops.pad(x[:, :-1], ((0, 0), (1, 0), (0, 0))),
    "thirds": lambda x: x.reshape(x.shape[0], x.shape[1] // 3, 12),
    "heads": lambda x: ops.transpose(ops.reshape(x, (-1, ops.shape(x)[1], 2, 2)), (0, 2, 1, 3)),
    "a bounded table": lambda x: x + PE[: x.shape[1]],
    "split": lambda x: ops.split(x, 2, axis=1),
    "pooled": lambda x: ops.average_pool(x, 3, 2, padding="same"),
    "conv": lambda x: ops.conv(x, ops.ones((3, 4, 2)), strides=2, padding="same"),
    "seeded": lambda x: x * lamina.random.normal((ops.shape(x)[0], ops.shape(x)[1], 4), seed=3),
}
SLOW_FUNCTIONS = [name for number, name in enumerate(FUNCTIONS) if number % 5]


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW_FUNCTIONS)) for n in FUNCTIONS])
def test_sizes_that_only_run_time_tells(name: str, tmp_path: Path) -> None:
    x = Input((None, 4))
    model = Model(x, Called(FUNCTIONS[name])(x))
    loaded = saved(model, tmp_path / "m.lamina")
    for batch in (1, 2, 5):
        for time in (6, 12, 18):
            data = torch.rand(batch, time, 4)
            assert_same(model(data), loaded(data))


class Positions(Layer):
    """As in keras.io's text transformer: a table of 20 positions, and of 30 words."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words, self.places = layers.Embedding(30, 8), layers.Embedding(20, 8)

    def call(self, x: Any) -> Any:
        return self.words(x) + self.places(ops.arange(0, ops.shape(x)[-1], 1))


@pytest.mark.parametrize("dtype", ("int64", "float32"))
def test_what_is_invented_for_an_input_is_what_the_layer_takes(dtype: str, tmp_path: Path) -> None:
    x = Input((None,), dtype=dtype)
    model = Model(x, Positions()(x))
    loaded = saved(model, tmp_path / "m.lamina")
    for batch, time in ((1, 20), (2, 1), (5, 7)):
        data = torch.randint(0, 30, (batch, time)).to(model.inputs[0].dtype)
        assert_same(model(data), loaded(data))


class Sampling(Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seeds = lamina.random.SeedGenerator(1337)

    def call(self, mean: Any, spread: Any) -> Any:
        shape = (ops.shape(mean)[0], ops.shape(mean)[1])
        return mean + ops.exp(0.5 * spread) * lamina.random.normal(shape=shape, seed=self.seeds)


def test_a_sampling_layer(tmp_path: Path) -> None:
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], Sampling()(a, b))
    loaded = saved(model, tmp_path / "m.lamina")
    data = [torch.rand(5, 4), torch.rand(5, 4)]
    assert_same(model(data), loaded(data))


class Masked(Layer):
    def __init__(self, recurrent: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words, self.recurrent = layers.Embedding(20, 8, mask_zero=True), recurrent()

    def call(self, x: Any) -> Any:
        return self.recurrent(self.words(x))


@pytest.mark.parametrize(
    "recurrent", (lambda: layers.GRU(4), pytest.param(lambda: layers.LSTM(4), marks=pytest.mark.slow))
)
def test_masked_words_into_a_recurrent_layer_within(recurrent: Any, tmp_path: Path) -> None:
    x = Input((None,), dtype="int64")
    model = Model(x, Masked(recurrent)(x))
    loaded = saved(model, tmp_path / "m.lamina")
    for batch, time in ((1, 3), (5, 7)):
        data = torch.randint(0, 20, (batch, time))
        assert_same(model(data), loaded(data))


def test_a_layer_that_refuses_whatever_is_tried_is_saved_with_a_warning(tmp_path: Path) -> None:
    def strict(x: Any) -> Any:
        torch._check(x.shape[0] == 48)
        raise_if_real(x)
        return x * 2

    def raise_if_real(x: Any) -> None:
        if not torch.compiler.is_compiling() and not x.is_meta:
            raise ValueError("not such numbers")

    x = Input((4,))
    model = Model(x, Called(strict)(x))
    with pytest.warns(UserWarning, match="compared with nothing"):
        model.save(tmp_path / "m.lamina")


def test_one_branch_of_several_is_refused_with_its_line(tmp_path: Path) -> None:
    x = Input((None, 4))
    model = Model(x, Called(lambda x: x + 1 if x.shape[1] > 5 else x)(x))
    with pytest.raises(SavingError, match=r"shape\[1\] > 5 \(test_traced_ops.py:"):
        model.save(tmp_path / "m.lamina")


class Tied(torch.nn.Module):
    """As GPT-2: the words' table is the head's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = torch.nn.Embedding(50, 8), torch.nn.Linear(8, 50, bias=False)
        self.head.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> Any:
        return self.head(self.words(ids))


def test_a_module_with_tied_weights_comes_back(tmp_path: Path) -> None:
    x = Input((None,), dtype="int64")
    model = Model(x, layers.TorchModule(Tied())(x))
    ids = torch.randint(0, 50, (2, 7))
    assert_same(model(ids), saved(model, tmp_path / "m.lamina")(ids))


@pytest.mark.parametrize("kind", (torch.nn.GRU, torch.nn.LSTM))
def test_a_recurrent_module_over_an_open_time_axis_is_drawn_in_one_step(kind: Any) -> None:
    module = kind(4, 3, num_layers=2, batch_first=True, bidirectional=True)
    x, before = Input((None, 4)), thread_time()
    model = Model(x, layers.TorchModule(module)(x))
    assert thread_time() - before < 5  # each step of the length that is tried was a tenth of a second
    data = torch.rand(2, 7, 4)
    assert [t.shape[2] for t in model.outputs] == [6, *[3] * (len(model.outputs) - 1)]
    assert_same(model(data), list(tree.leaves(module(data))))
