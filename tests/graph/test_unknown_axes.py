"""Axes of unknown size: what is shown as known is known, what runs for several sizes is drawn, and what runs for one
size is checked when it runs."""

from __future__ import annotations

import copy
import itertools
import pickle
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lamina import Model, ops
from lamina.graph import Graph, LaminaError, ShapeError, SymbolicInt, SymbolicTensor
from lamina.layers import (
    Activation,
    Add,
    AveragePooling1D,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv2D,
    Cropping1D,
    Dense,
    Flatten,
    Input,
    Lambda,
    Layer,
    MaxPooling1D,
    MaxPooling2D,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
)
from lamina.program import Program

SIZES = (1, 2, 3, 7, 10, 47, 193, 4097)
MORE_SIZES = (4, 5, 6, 8, 12, 15, 20, 30, 60, 64, 120, 240, 420, 840, 2048, 6000, 8192, 12000)


# ---- one by one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [2, 3, 10, 48, 80, 192, 193, 320, 1000, 5120, 10**6])
def test_a_bound_makes_no_size_known(bound: int) -> None:
    x = Input((None, 3))
    for h in (x[:, :bound], x[:, -bound:], x[:, bound:], x[:, :: bound * 2], x[:bound].transpose(0, 1)):
        assert h.shape == (None, None, 3), h
        assert isinstance(h.size(1), SymbolicInt)
    image = Conv2D(2, (7, 1))(Input((None, None, 3)))
    assert image[:, :bound].shape == image[:, :, :bound].shape == (None, None, None, 2)


def test_what_is_cut_at_a_bound_has_its_own_size_when_it_runs() -> None:
    x = Input((None, 3))
    h = x[:, :10]
    model = Model(x, h.sum(1) / h.size(1))
    real = torch.randn(2, 5, 3)
    torch.testing.assert_close(model(real), real.mean(1))
    with pytest.raises(ShapeError, match="a known size of axis -1"):
        Dense(2)(Flatten()(h))


def test_a_size_that_no_bound_can_lessen_is_known() -> None:
    x = Input((None, 3))
    assert x[:, :1].shape == (None, 1, 3)
    assert x[:, 0].shape == (None, 3)
    assert x.mean(1, keepdim=True).shape == (None, 1, 3)
    assert ops.image.resize(Input((None, None, 3)), (32, 16)).shape == (None, 32, 16, 3)


class Shortened(Layer):
    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[:, : min(inputs.shape[1], 50)]


class AtLeast(Layer):
    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return F.pad(inputs, (0, 0, 0, max(0, 1000 - inputs.shape[1])))


@pytest.mark.parametrize(
    "call",
    [
        Shortened(),
        AtLeast(),
        Lambda(lambda x: x[:, :20]),
        lambda x: x.narrow(1, 0, 1).expand(-1, 5, -1) + Shortened()(x)[:, :1],
        lambda x: F.pad(x, (0, 0, 0, (-x.size(1)) % 256)),
        lambda x: x.new_zeros((x.size(0), x.size(1) % 48, 3)),
        lambda x: x[:, : x.size(1) // 2],
        lambda x: torch.cat([x[:, :4], x[:, 300:]], 1),
    ],
    ids=["layer", "at least", "lambda", "expand", "padded", "remainder", "half", "two ends"],
)
def test_whatever_takes_a_minimum(call: Callable[[Any], Any]) -> None:
    x = Input((None, 3))
    y = call(x)
    run = Model(x, y)
    for size in SIZES:
        real = run(torch.zeros(2, size, 3))
        assert all(n in (None, m) for n, m in zip(y.shape, real.shape, strict=True)), size
        assert y.shape[0] is None


@pytest.mark.parametrize(
    "call, shape, size, given",
    [
        (lambda x: Cropping1D((1000, 1000))(x), (None, None, 4), 2005, 5),
        (lambda x: Cropping1D((5000, 5000))(x), (None, None, 4), 10001, 1),
        (lambda x: AveragePooling1D(4096)(x), (None, None, 4), 8192, 2),
        (lambda x: AveragePooling1D(4096, padding="same")(x), (None, None, 4), 8192, 2),
        (lambda x: x[:, 3000:], (None, None, 4), 3002, 2),
        (lambda x: Conv1D(2, 11, dilation_rate=100)(x), (None, None, 2), 1003, 3),
        (lambda x: Reshape((-1, 8192))(x), (None, None, 8192), 4096, 2),
        (lambda x: x.reshape(x.size(0), -1, 28), (None, None, 28), 14, 2),
    ],
)
def test_what_runs_on_large_sizes_only_is_drawn(call: Any, shape: Any, size: int, given: int) -> None:
    x = Input((None, 4))
    y = call(x)
    assert y.shape == shape
    assert Model(x, y)(torch.zeros(1, size, 4)).shape[1] == given


def test_a_deep_model_of_dilated_convolutions_and_a_crop() -> None:
    x = Input((None, 4))
    h = Conv1D(8, 1)(x)
    skip = Conv1D(8, 1)(h)
    for k, (width, rate) in enumerate([(11, 1)] * 2 + [(11, 4)] * 2 + [(21, 10)] * 2 + [(41, 25)] * 2):
        r = h
        for _ in range(2):
            h = Activation("relu")(BatchNormalization()(h))
            h = Conv1D(8, width, dilation_rate=rate, padding="same")(h)
        h = Add()([h, r])
        if k % 4 == 3:
            skip = Add()([skip, Conv1D(8, 1)(h)])
    model = Model(x, Conv1D(3, 1, activation="softmax")(Cropping1D((1000, 1000))(skip)))
    assert model.output_shape == (None, None, 3)
    assert model(torch.zeros(1, 2100, 4)).shape == (1, 100, 3)
    assert model.compute_output_shape((None, None, 4)) == (None, None, 3)
    assert model.compute_output_shape((2, 2500, 4)) == (2, 500, 3)
    y = Input((None, 4))
    assert Dense(2)(model(y)).shape == (None, None, 2)  # within another model


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_halving_and_doubling(levels: int) -> None:
    x = h = Input((None, None, 3))
    kept = []
    for _ in range(levels):
        kept.append(h)
        h = MaxPooling2D()(h)
    for skip in reversed(kept):
        h = Concatenate()([UpSampling2D()(h), skip])
    assert h.shape[:3] == (None, None, None)
    size = 2**levels * 3
    assert Model(x, h)(torch.zeros(1, size, size, 3)).shape[1] == size


# ---- one size only -------------------------------------------------------------------------------------------------

TABLE = torch.arange(400.0).reshape(50, 8)


def fixing() -> dict[str, tuple[Callable[[Any], Any], int]]:
    """Calls on (None, None, 8) that fix the second axis, and to what."""
    return {
        "table": (lambda x: x + TABLE, 50),
        "table of a shortened axis": (lambda x: Conv1D(8, 3)(x) + TABLE, 52),
        "table of a pooled axis": (lambda x: MaxPooling1D(2)(x) + TABLE, 100),
        "matmul": (lambda x: x.mT @ TABLE, 50),
        "reshape": (lambda x: Reshape((10, 20))(x), 25),
        "expand": (lambda x: x.expand(-1, 50, -1), 50),
        "concatenate": (lambda x: Concatenate()([x, (x[:, :1] * 0 + TABLE)]), 50),
    }


@pytest.mark.parametrize("name", fixing())
def test_a_fixed_axis_is_known_and_checked(name: str) -> None:
    call, size = fixing()[name]
    x = Input((None, 8))
    y = call(x)
    assert y.shape[0] is None
    assert None not in y.shape[1:]
    model = Model(x, y)
    for again in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert tuple(again(torch.ones(3, size, 8)).shape[1:]) == y.shape[1:]
        with pytest.raises(ShapeError, match="cannot take an input of this size") as caught:
            again(torch.ones(3, size + 7, 8))
        text = str(caught.value)
        assert re.search(r"(?s)got .*expected .*where +\S*test_unknown_axes.py:\d+", text)


def test_an_axis_of_size_one_still_goes_with_any_other() -> None:
    x = Input((None, 8))
    model = Model(x, x + TABLE)
    torch.testing.assert_close(model(torch.ones(2, 1, 8)), (1 + TABLE).expand(2, 50, 8))


def test_only_what_is_fixed_becomes_known() -> None:
    x, y = Input((None, 3)), Input((None, 3))
    h = x @ y.mT
    fixed = h + torch.zeros(7)
    assert fixed.shape == (None, None, 7)
    both = x.mT @ (x + torch.ones(20, 1))
    assert both.shape == (None, 3, 3)


def test_the_size_is_known_to_what_follows() -> None:
    x = Input((None, 8))
    h = x + TABLE
    assert Flatten()(h).shape == (None, 400)
    model = Model(x, Dense(3)(Flatten()(h)))
    z = Input((None, 8))
    assert (model(z) * 2).shape == (None, 3)
    assert model.compute_output_shape((None, None, 8)) == (None, 3)
    assert model.compute_output_shape((4, 50, 8)) == (4, 3)


# ---- messages ------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Callable[..., Any], list[tuple[int | None, ...]]]] = [
    (lambda x: x @ torch.ones(5, 7), [(None, None, 3)]),
    (lambda x, y: x + y, [(None, 4, 3), (None, 5, 3)]),
    (lambda x: x[:, 1:] + x, [(None, 2)]),
    (lambda x, y: torch.cat([x, y], 1), [(None, 2), (None, 3)]),
    (lambda x, y: Concatenate(axis=1)([x, y]), [(None, 2), (None, 3)]),
    (lambda x, y: Add()([x, y]), [(None, 2), (None, 3)]),
    (lambda x: Reshape((7, 5))(x), [(None, 4)]),
    (lambda x: x.reshape(x.size(0), x.size(1) * 3), [(None, 8)]),
    (lambda x: F.conv1d(x, torch.ones(3, 5, 3)), [(4, None)]),
    (lambda x: torch.linalg.solve(x, x), [(None, 4, 3)]),
    (lambda x, y: torch.bmm(x, y), [(None, 4), (5, None)]),
    (lambda x: ops.cond(x.sum() > 0, lambda: x, lambda: x[:, :, :2]), [(None, 4)]),
    (lambda x: ops.cond(x.sum(1) > 0, lambda: x, lambda: x), [(None, 4)]),
    (lambda x: ops.while_loop(lambda v: v.sum() > 0, lambda v: v[:, :, :2], (x,)), [(None, 4)]),
    (lambda x: ops.fori_loop(0, 3, lambda i, v: v.sum(), x), [(None, 4)]),
    (lambda x: ops.scan(lambda c, v: (c[:1], v), x, x), [(None, 4)]),
    (lambda x, y: ops.jvp(torch.sin, (x,), (y,)), [(None, 4), (None, 5)]),
    (lambda x: ops.image.crop_images(x, 3, 3, 3, 3), [(None, 4, 3)]),
    (lambda x: ops.segment_sum(x, x), [(None, 4)]),
    (lambda x: ops.diagonal(x, axis1=1, axis2=1), [(None, 4)]),
    (lambda x: x.unflatten(2, (5, 5)), [(None, 4)]),
    (lambda x: torch.nn.functional.layer_norm(x, (9,)), [(None, 4)]),
    (lambda x: x.index_select(3, torch.tensor([0])), [(None, 4)]),
    (lambda x: torch.einsum("btc,btd->bcc", x, x), [(None, 4)]),
    (lambda x: torch.fft.irfft(x, dim=5), [(None, 4)]),
    (lambda x: Lambda(lambda v: v @ torch.ones(3, 3, device=v.device))(x), [(None, 4)]),
    (lambda x: Model(i := Input((None, 5)), i * 2)(x), [(None, 4)]),
]


@pytest.mark.parametrize("place", range(len(WRONG)))
def test_no_example_size_is_told(place: int) -> None:
    call, shapes = WRONG[place]
    inputs = [Input(shape) for shape in shapes]
    with pytest.raises(LaminaError, match=r"\w") as caught:
        call(*inputs)
    assert_tells_no_example(str(caught.value))


def assert_tells_no_example(text: str) -> None:
    """No number of the message is an example size of an unknown axis, or made from one; lines of files are left out."""
    told = "\n".join(part for part in text.splitlines() if ".py:" not in part)
    assert not {"48", "192", "1280", "5120", "9216", "80", "320", "96"} & set(re.findall(r"\d+", told)), text


# ---- random graphs -------------------------------------------------------------------------------------------------

Step = Callable[[random.Random, list[Any]], Any]


def _cut(r: random.Random, made: list[Any]) -> Any:
    x, n = r.choice(made), r.choice([1, 2, 3, 5, 10, 60, 200, 300, 3000])
    return r.choice([lambda: x[:, :n], lambda: x[:, n:], lambda: x[:, -n:], lambda: x[:, :-n], lambda: x[:, ::n]])()


def _batch(r: random.Random, made: list[Any]) -> Any:
    return r.choice(made)[: r.choice([1, 2, 5, 50])]


def _layer(r: random.Random, made: list[Any]) -> Any:
    x, n, padding = r.choice(made), r.choice([1, 2, 3, 7, 40, 250]), r.choice(["same", "valid"])
    make = r.choice(
        [
            lambda: Conv1D(3, min(n, 9), dilation_rate=r.choice([1, 2, 30]), padding=padding),
            lambda: Conv1D(3, 3, strides=n, padding=padding),
            lambda: MaxPooling1D(n, padding=padding),
            lambda: AveragePooling1D(n, strides=r.choice([1, n]), padding=padding),
            lambda: Cropping1D((n, r.choice([0, 1, n]))),
            lambda: ZeroPadding1D(n),
            lambda: UpSampling1D(min(n, 3)),
            lambda: Dense(3),
        ]
    )
    return make()(x)


def _joined(r: random.Random, made: list[Any]) -> Any:
    x, y = r.choice(made), r.choice(made)
    return r.choice(
        [lambda: torch.cat([x, y], 1), lambda: x + y, lambda: Concatenate()([x, y])[..., :3], lambda: x + y[:, :1]]
    )()


def _sized(r: random.Random, made: list[Any]) -> Any:
    x, y = r.choice(made), r.choice(made)
    b, t, c = x.size(0), x.size(1), x.shape[2]
    n = r.choice([2, 3, 5, 7, 48, 256])
    return r.choice(
        [
            lambda: x[:, : y.size(1)],
            lambda: x[:, : t // n],
            lambda: x[:, t % n :],
            lambda: F.pad(x, (0, 0, 0, (-t) % n)),
            lambda: x.new_zeros((b, t * 2 + n, c)) + 1,
            lambda: x.reshape(b, -1, n * c)[..., :c],
            lambda: x.reshape(b * t, 1, c).expand(-1, n, -1),
            lambda: x.reshape(b, t * c)[:, :n].reshape(b, -1, 1).expand(-1, -1, c),
            lambda: torch.softmax(x @ y.mT, -1) @ y,
            lambda: x.mean(1, keepdim=True).expand(-1, n, -1),
            lambda: x.transpose(0, 1),
            lambda: x + torch.ones(n, 1),
        ]
    )()


STEPS: tuple[Step, ...] = (_cut, _cut, _batch, _layer, _layer, _layer, _joined, _sized, _sized)


def random_graphs(seed: int) -> list[Graph]:
    """Graphs of several steps on inputs (B, T, 3), one for each tensor made; what is refused is left out."""
    r = random.Random(seed)
    inputs = [Input((None, 3)) for _ in range(r.choice([1, 1, 2]))]
    made: list[Any] = list(inputs)
    for _ in range(r.randint(2, 6)):
        try:
            new = r.choice(STEPS)(r, made)
        except LaminaError:
            continue
        if isinstance(new, SymbolicTensor) and new.ndim == 3 and new.shape[2] is not None:
            made.append(new)
    return [Graph(inputs, tensor, part=True) for tensor in made[len(inputs) :]]


def shapes_of(graph: Graph, batches: tuple[int, ...], sizes: tuple[int, ...]) -> dict[Any, tuple[int, ...]]:
    """The sizes of the inputs that the graph runs at, and the shape of its output there."""
    run = Program(graph, training=False).run
    found = {}
    for size in sizes:
        others = [(size,)] if len(graph.inputs) == 1 else [(size, size), (size, 5), (1, size)]
        for batch, lengths in itertools.product(batches if size < 20 else batches[:2], others):
            try:
                found[batch, lengths] = tuple(run(*(torch.ones(batch, n, 3) for n in lengths)).shape)
            except (LaminaError, RuntimeError, IndexError, ValueError):
                continue
    return found


def assert_shapes_are_true(seed: int) -> None:
    for graph in random_graphs(seed):
        tensor = graph.outputs[0]
        found = shapes_of(graph, (2, 1, 51), SIZES)
        single = [
            k for k, known in enumerate(tensor.shape) if known is None and len({s[k] for s in found.values()}) < 2
        ]
        if single:
            found |= shapes_of(graph, (2, 1, 4, 60, 120, 600), (*MORE_SIZES, 250_000))
        told = f"seed {seed}\n{Program(graph).source}{tensor}: {found}"
        for axis, known in enumerate(tensor.shape):
            values = {shape[axis] for shape in found.values()}
            if known is not None:
                assert values <= {known}, f"{told}\naxis {axis} is {known}"
            elif len({lengths for _, lengths in found}) > 2:
                assert len(values) > 1, f"{told}\naxis {axis} is unknown"


@pytest.mark.filterwarnings("ignore")
def test_known_sizes_are_true_in_random_graphs() -> None:
    for seed in range(25):
        assert_shapes_are_true(seed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(20))
def test_known_sizes_are_true_in_many_random_graphs(part: int) -> None:
    for seed in range(1000 + 100 * part, 1100 + 100 * part):
        assert_shapes_are_true(seed)


STRIDED = {
    "a strided convolution": lambda x: Conv1D(4, 400, strides=320, padding="same")(x),
    "a window behind a border": lambda x: Conv1D(4, 1024, strides=256)(ZeroPadding1D(640)(x)),
    "a slice with steps behind a border": lambda x: F.pad(x, (0, 0, 0, 300))[:, ::300],
    "pools one after the other": lambda x: MaxPooling1D(8, padding="same")(
        MaxPooling1D(8, padding="same")(MaxPooling1D(8, padding="same")(x))
    ),
    "steps of steps": lambda x: x[:, ::100][:, ::100],
}


@pytest.mark.parametrize("case", STRIDED)
def test_steps_make_a_small_size_of_a_large_one_and_it_stays_unknown(case):
    x = Input((None, 1))
    y = STRIDED[case](x)
    assert y.shape[1] is None
    assert Model(x, y)(torch.zeros(1, 60_000, 1)).shape[1] > 1


def test_a_size_that_is_made_of_a_small_part_of_another_is_not_known() -> None:
    """A quotient that is alike in both usual worlds."""
    x, other = Input((1,)), Input((None,))
    y = x.expand(-1, other.size(1) // 200 + 2)
    assert y.shape == (None, None)
    model = Model([x, other], y)
    assert [model([torch.ones(1, 1), torch.ones(1, n)]).shape[1] for n in (1, 199, 200, 1000)] == [2, 2, 3, 7]
