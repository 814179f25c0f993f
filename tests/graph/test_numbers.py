"""Sizes that only run time tells: what can be written with them, against PyTorch on real tensors; what is refused."""

from __future__ import annotations

import math
import operator
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import lamina
from lamina import Model
from lamina.graph import Graph, LaminaError, ShapeError, SymbolicInt, ValueNeededError
from lamina.graph.spelled import refuse_sizes_one_by_one
from lamina.layers import Input, Lambda, Masking
from lamina.program import Program

ONES = torch.ones(1, 1, 4)

# Each is a function of a tensor (B, T, 4) that gives a tensor.
EXPRESSIONS = {
    "arange": lambda x: torch.arange(x.size(1)),
    "arange from": lambda x: torch.arange(1, x.size(1) + 1),
    "arange in steps": lambda x: torch.arange(0, x.size(1), 2, dtype=torch.float32),
    "arange end=": lambda x: torch.arange(end=x.size(1)),
    "zeros": lambda x: torch.zeros((x.size(0), 6)),
    "zeros with the size last": lambda x: torch.zeros(6, x.size(1)),
    "ones of a list": lambda x: torch.ones([x.size(1), x.size(1)], dtype=torch.bool),
    "size=": lambda x: torch.ones(size=(x.size(0), 2)),
    "full": lambda x: torch.full((x.size(1), 2), 0.5),
    "full of a size": lambda x: torch.full((2, 2), x.size(1)),
    "eye": lambda x: torch.eye(x.size(1)),
    "eye of two": lambda x: torch.eye(x.size(1), 3),
    "linspace": lambda x: torch.linspace(-1, 1, x.size(1)),
    "linspace up to": lambda x: torch.linspace(0, x.size(1), 5),
    "logspace": lambda x: torch.logspace(0, 1, x.size(1)),
    "indices": lambda x: torch.tril_indices(x.size(1), x.size(1)),
    "window": lambda x: torch.hann_window(x.size(1)),
    "frequencies": lambda x: torch.fft.rfftfreq(x.size(1)),
    "triangle": lambda x: torch.tril(torch.ones((x.size(1), x.size(1)))),
    "scalar": lambda x: torch.scalar_tensor(x.size(1)),
    "a real tensor expanded": lambda x: ONES.expand((x.size(0), -1, -1)),
    "a real tensor repeated": lambda x: ONES.repeat(x.size(0), x.size(1), 1),
    "a real tensor times a size": lambda x: ONES * x.size(1) + x.size(0) / ONES,
    "a real tensor rolled": lambda x: torch.roll(torch.arange(4), x.size(1)),
    "a real tensor indexed": lambda x: torch.arange(12.0)[torch.arange(x.size(1))],
    "divmod": lambda x: x + divmod(x.size(1), 2)[0] * 10 + divmod(x.size(1), 2)[1] + divmod(7, x.size(1))[1],
    "ceil and floor": lambda x: x[:, : math.ceil(x.size(1) / 2)].sum(1) + math.floor(x.size(1) / 3),
    "round and trunc": lambda x: x + round(x.size(1) / 3) + round(x.size(1) / 3, 1) + math.trunc(x.size(1) / 2),
    "abs and powers": lambda x: x * abs(2 - x.size(1)) + x.size(1) ** 0.5 + x.size(1) ** -1,
    "shifts": lambda x: x + (x.size(1) << 1) + (x.size(1) >> 1) + (x.size(1) & 1),
    "floats": lambda x: x * (x.size(1) * 0.5 + 0.25) - sum([x.size(0), x.size(1)]),
    "sym_min": lambda x: x * torch.sym_min(x.size(1), 2) * torch.sym_max(3, x.size(1)) + torch.sym_float(x.size(0)),
    "NumPy's numbers": lambda x: x * (x.size(1) * np.float32(2)) + np.int64(3) * x.size(0),
    "a device": lambda x: torch.zeros(3, device=x.device) + torch.ones(3).to(x.device),
    "a tensor of values": lambda x: torch.tensor([1, 2, 3], device=x.device) * x.size(1),
    "like another": lambda x: torch.arange(4, device=x.device, dtype=x.dtype) + x.to(x.device),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_size_is_recorded_as_torch_computes_with_it(name, tmp_path):
    expression = EXPRESSIONS[name]
    x = Input((None, 4))
    model = Model(x, expression(x))
    model.save(tmp_path / "model.lamina")
    loaded = lamina.models.load_model(tmp_path / "model.lamina")
    for rows, steps in ((2, 3), (5, 7), (1, 1)):
        real = torch.randn(rows, steps, 4)
        expected = expression(real)
        for got in (model(real), loaded(real)):
            assert torch.equal(got, expected)
            assert got.dtype == expected.dtype == model.outputs[0].dtype
        assert all(n in (None, m) for n, m in zip(model.outputs[0].shape, expected.shape, strict=True))


@pytest.mark.parametrize("make", [torch.rand, torch.randn, torch.empty])
def test_what_has_no_fixed_values_has_the_shape(make):
    x = Input((None, 4))
    model = Model(x, x + make((x.size(0), x.size(1), 4)))
    assert model(torch.ones(2, 5, 4)).shape == (2, 5, 4)
    if make is torch.empty:  # what lies in fresh memory is not read
        assert torch.equal(model(torch.ones(2, 5, 4)), torch.ones(2, 5, 4))


def test_a_factory_makes_its_tensor_where_the_data_is():
    x = Input((None, 4))
    made = [torch.arange(x.size(1)), torch.zeros((x.size(0) * 2, 6)), torch.ones(3, device=x.device)]
    run = Program(Graph(x, made)).run
    assert {t.device.type for t in run(torch.empty(2, 3, 4, device="meta"))} == {"meta"}
    assert {t.device.type for t in run(torch.empty(2, 3, 4))} == {"cpu"}


def test_a_device_that_the_user_names_is_kept():
    x = Input((None, 4))
    for device in ("cpu", torch.device("cpu")):
        run = Program(Graph(x, torch.arange(x.size(1), device=device))).run
        assert run(torch.empty(2, 3, 4, device="meta")).device.type == "cpu"


@pytest.mark.filterwarnings("error")
def test_asking_for_a_size_or_device_drops_no_mask():
    x = Masking()(Input((None, 4)))
    y = x + torch.ones((x.size(1), 4)) * torch.zeros(4, device=x.device)
    assert y.mask is not None


def test_a_size_of_another_input_is_a_border_or_a_step_of_a_slice():
    x, other = Input((12,)), Input((None,))
    n = other.size(1)
    model = Model([x, other], [x[:, n:], x[:, :n], x[:, ::n]])
    data = torch.arange(24.0).reshape(2, 12)
    for size in (3, 5):
        expected = data[:, size:], data[:, :size], data[:, ::size]
        for found, due in zip(model([data, torch.ones(2, size)]), expected, strict=True):
            assert torch.equal(found, due)
    for border in (slice(n, None), slice(None, n), slice(None, None, n)):
        with pytest.raises(LaminaError, match="not connected|cannot be reached|depend"):
            Model(x, x[:, border])


REFUSED = {
    "range": (lambda n: list(range(n)), r"torch\.arange\(n\) for range\(n\)"),
    "list index": (lambda n: [1, 2][n], r"torch\.arange"),
    "slice of a real tensor": (lambda n: ONES[:, :n], r"t\.narrow\(1, 0, n\)"),
    "list repetition": (lambda n: [0] * n, r"torch\.zeros\(\(n,\)\) for \[0\] \* n"),
    "tuple repetition": (lambda n: n * (0,), r"x\.new_zeros\(n\)"),
    "min": (lambda n: min(n, 5), r"torch\.sym_min\(n, 5\)"),
    "max": (lambda n: max(5, n), r"torch\.sym_max\(n, 5\)"),
    "less": (lambda n: n < 5, r"Comparing the size"),
    "equal": (lambda n: n == 5, r"Comparing the size"),
    "unequal": (lambda n: n != 5, r"Comparing the size"),
    "if": (lambda n: 1 if n else 2, r"`if`"),
    "int": (lambda n: int(n / 2), r"n // 2 for int\(n / 2\)"),
    "float": (lambda n: float(n), r"arithmetic on it is recorded"),
    "sqrt": (lambda n: math.sqrt(n), r"n\*\*0\.5 for math\.sqrt"),
    "np.sqrt": (lambda n: np.sqrt(n), r"np\.sqrt"),
    "zeros": (lambda n: torch.zeros(n, 6), r"torch\.zeros\(\(n, 6\)\)"),
    "ones": (lambda n: torch.tril(torch.ones(n, n)), r"torch\.ones\(\(n, n\)\)"),
    "rand": (lambda n: torch.rand(n, 2, dtype=torch.float64), r"torch\.rand\(\(n, 2\), dtype=torch\.float64\)"),
    "empty": (lambda n: torch.empty(n, n), r"torch\.empty\(\(n, n\)\)"),
    "expand": (lambda n: ONES.expand(n, -1, -1), r"ONES\.expand\(\(n, -1, -1\)\)"),
    "expand on lines": (
        lambda n: ONES.expand(
            n + 1,
            -1,
            -1,
        ),
        r"ONES\.expand\(\(n \+ 1, -1, -1\)\)",
    ),
    "new_zeros": (lambda n: ONES.new_zeros(n, 2), r"ONES\.new_zeros\(\(n, 2\)\)"),
    "spread": (lambda n: torch.zeros(*[n, 2]), r"torch\.zeros\(\(\*\[n, 2\],\)\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_the_number_itself_says_what_to_write(case):
    call, hint = REFUSED[case]
    n = Input((None, 4)).size(1)
    with pytest.raises(ValueNeededError) as caught:
        call(n)
    assert re.search(hint, str(caught.value)), str(caught.value)
    assert "test_numbers.py:" in str(caught.value)


NONE_AS_A_SIZE = {
    "view": lambda x, b: x.view(b, 12),
    "view of a tuple": lambda x, b: x.view((b, 12)),
    "reshape": lambda x, b: x.reshape(b, -1),
    "expand": lambda x, b: x[:, :1].expand(b, 3, 4),
    "repeat": lambda x, b: x.repeat(b, 1, 1),
    "new_zeros": lambda x, b: x.new_zeros(b, 2),
    "its own shape": lambda x, b: x.view(x.shape),
    "broadcast_to": lambda x, b: x.broadcast_to((b, 3, 4)),
    "tile": lambda x, b: x.tile((b, 1, 1)),
}


@pytest.mark.parametrize("case", NONE_AS_A_SIZE)
def test_none_from_shape_is_refused_with_the_way_to_ask_for_sizes(case):
    x = Input((3, 4))
    b, t, c = x.shape
    assert (b, t, c) == (None, 3, 4)
    with pytest.raises(ShapeError, match=r"given None for a size") as caught:
        NONE_AS_A_SIZE[case](x, b)
    assert "b, t, c = x.size()" in str(caught.value)
    b, t, c = x.size()
    assert x.view(b, t * c).shape == (None, 12)


def test_an_index_that_holds_none_is_not_taken_for_a_size():
    with pytest.raises(LaminaError, match="getitem cannot take this input") as caught:
        Input((3, 4))[:, None, "a"]
    assert "size" not in str(caught.value).splitlines()[0]


def test_sizes_equal_themselves():
    x = Input((None, None))
    b, n, m = x.size(0), x.size(1), x.size(-2 + 4 - 1)
    assert n == m
    assert (n != m) is False
    assert n in [n]
    assert [n, 3].index(m) == 0
    assert -1 not in (n, b * n, n // 2 + 1)
    assert n is not None
    assert (n == None) is False  # noqa: E711
    assert n not in [None, "n"]
    assert {n: 1}[n] == 1
    with pytest.raises(ValueNeededError, match="Comparing"):
        n == b  # noqa: B015
    with pytest.raises(ValueNeededError, match="Comparing"):
        -1 in [n - 5]  # noqa: B015


def test_a_device_equals_itself_and_tells_nothing_else():
    x, y = Input((4,)), Input((4,))
    assert x.device == x.device
    for ask in (lambda: x.device == y.device, lambda: x.device == "cpu", lambda: x.device.type):
        with pytest.raises(ValueNeededError, match="of a device"):
            ask()


def test_a_number_is_no_number_of_pythons():
    n = Input((None, 4)).size(1)
    assert isinstance(n, SymbolicInt)
    assert not isinstance(n, (int, float, torch.Tensor))
    assert operator.pos(n) is n


def test_numbers_within_a_layer_are_plain():
    x = Input((None, 4))
    model = Model(x, Lambda(lambda t: t + torch.arange(t.size(1)).unsqueeze(1) + len(range(t.size(1))))(x))
    assert model(torch.zeros(1, 3, 4))[0, :, 0].tolist() == [3, 4, 5]


def test_such_a_model_is_shown_copied_and_nested(capsys):
    x = Input((None, 4))
    inner = Model(x, x + torch.arange(x.size(1), device=x.device).unsqueeze(1))
    inner.summary()
    assert "arange" in capsys.readouterr().out
    y = Input((None, 4))
    outer = Model(y, lamina.models.clone_model(inner)(y) * 2)
    assert outer(torch.zeros(1, 3, 4))[0, :, 0].tolist() == [0, 2, 4]


# ---- the class of a size, which PyTorch's parser asks for, looks at the line that is running -------------------------


def test_isinstance_is_what_it_is_beside_such_calls():
    n = Input((None, 4)).size(1)
    zeros = torch.zeros((n, 6)) if isinstance(n, SymbolicInt) and not isinstance(n, (int, torch.SymInt)) else None
    assert zeros.shape == (None, 6)
    found = [type(v).__name__ for v in (n, torch.ones((n, 2))) if not isinstance(v, int)]
    assert found == ["SymbolicInt", "SymbolicTensor"]
    assert n.__class__ is SymbolicInt is type(n)


def test_one_size_that_is_spread_is_one_size():
    n = Input((None, 4)).size(1)
    one, two = (n,), (n, 6)
    assert torch.zeros(*one).shape == torch.zeros(*[n]).shape == torch.zeros(n).shape == (None,)
    with pytest.raises(ValueNeededError, match=r"torch\.zeros\(\(\*two,\)\)"):
        torch.zeros(*two)


@pytest.mark.parametrize("file", ["<string>", __file__, "<stdin>"])
def test_where_the_source_says_nothing_the_words_are_pytorchs(file):
    """Code of a string; and of a file that has been written over since it was read."""
    namespace = {"torch": torch, "n": Input((None, 4)).size(1)}
    exec(compile("ok = isinstance(n, int), torch.zeros(n).shape", file, "exec"), namespace)  # noqa: S102
    assert namespace["ok"] == (False, (None,))
    with pytest.raises(TypeError, match="argument"):
        exec(compile("torch.zeros(n, 6)", file, "exec"), namespace)  # noqa: S102


def test_code_without_columns():
    """As `python -X no_debug_ranges` has it."""
    n = Input((None, 4)).size(1)

    def call():
        return torch.zeros(n, 6)

    positions = [(line, None, None, None) for line, *_ in call.__code__.co_positions()]
    code = SimpleNamespace(co_names=call.__code__.co_names, co_filename=__file__, co_positions=lambda: iter(positions))
    for last in (2, 10_000):
        refuse_sizes_one_by_one(SimpleNamespace(f_code=code, f_lasti=last, f_lineno=1, f_globals={}, f_locals={}))
