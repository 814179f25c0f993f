"""While a layer is tried, what it makes from constants has values: code may read them, index with them, keep them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lamina import Input, Model, layers, ops

MASK = np.array([True, False, True, True])
LARGE = np.random.default_rng(0).uniform(size=(100, 100)).astype("float32")
DATA = torch.arange(24.0).reshape(2, 3, 4)


def of(function):
    class Own(layers.Layer):
        def call(self, inputs):
            return function(inputs)

    return Own()


def filled():
    table = torch.zeros(4)
    table[1] = 2
    table[2:] += 1
    table.mul_(2).clamp_(max=3)
    return table


READS = {
    "a mask of NumPy's": lambda x: x[..., MASK],
    "a mask of PyTorch's": lambda x: x[..., torch.from_numpy(MASK)],
    "a mask in a list": lambda x: x[..., [True, False, True, True]],
    "a mask made in call": lambda x: x[..., torch.arange(4) > 1],
    "a mask over two axes": lambda x: x[:, torch.eye(3, 4) > 0],
    "masked_select": lambda x: torch.masked_select(x, torch.from_numpy(MASK)),
    "a scalar tensor": lambda x: x[:, torch.tensor(2)],
    "a scalar made in call": lambda x: x[:, torch.arange(3)[1]],
    "a slice up to a tensor": lambda x: x[:, : torch.tensor(2)],
    "repeat_interleave": lambda x: x.repeat_interleave(torch.tensor([1, 2, 0, 1]), dim=-1),
    "repeat_interleave of arange": lambda x: torch.repeat_interleave(x, torch.arange(4), dim=-1),
    "tensor_split": lambda x: x.tensor_split(torch.tensor([1, 3]), -1)[1],
    "values of a large constant": lambda x: x * torch.from_numpy(LARGE).max().item(),
    "a sum over many": lambda x: x * float(torch.arange(10_000).sum()),
    "a branch on an array": lambda x: x * 2 if torch.from_numpy(LARGE)[0, 0] >= 0 else x,
    "a branch on ops": lambda x: x * 2 if ops.convert_to_tensor(LARGE)[0, 0] >= 0 else x,
    "item": lambda x: x[..., : torch.arange(4)[2].item()],
    "tolist": lambda x: x[..., torch.arange(3).tolist()],
    "int": lambda x: x[..., : int(torch.ones(3).sum())],
    "asarray": lambda x: x * np.asarray(torch.arange(4)).sum(),
    "numpy": lambda x: x * torch.linspace(0, 1, 4).numpy().mean().item(),
    "bool": lambda x: x if bool(torch.zeros(4).any()) else x + 1,
    "a loop over values": lambda x: sum(x * float(v) for v in torch.linspace(0, 1, 3)),
    "a constant filled in place": lambda x: x * float(filled().sum()),
    "like the input": lambda x: x * int(torch.ones_like(x).sum() / x.numel()) + x.new_tensor([2.0]).item(),
    "to the input": lambda x: x[..., : int(torch.full((2,), 2).to(x).sum())],
    "relu in place": lambda x: x * F.relu(torch.ones(4), inplace=True).sum().item(),
    "half on a device": lambda x: x * torch.ones(4, device=x.device, dtype=torch.float16).sum().item(),
    "a window": lambda x: x * torch.hann_window(4).sum().item(),
}


@pytest.mark.parametrize("name", READS)
def test_values_of_constants_may_be_read(name):
    function, x = READS[name], Input((3, 4))
    y = of(function)(x)
    result = Model(x, y)(DATA)
    torch.testing.assert_close(result, function(DATA))
    assert all(known in (None, size) for known, size in zip(y.shape, result.shape, strict=True))


@pytest.mark.parametrize("name", [name for name in READS if "mask" in name or "tensor" in name or "repeat" in name])
def test_and_be_drawn_without_a_layer(name):
    function, x = READS[name], Input((3, 4))
    torch.testing.assert_close(Model(x, function(x))(DATA), function(DATA))


TABLES: dict[object, torch.Tensor] = {}


def kept_in_a_dict(key, make):
    if key not in TABLES:
        TABLES[key] = make()
    return TABLES[key]


@lru_cache
def positions(steps):
    places = torch.arange(steps)[:, None]
    table = torch.zeros(steps, 4)
    table[:, 0::2] = torch.sin(places / 10)
    table[:, 1::2] = torch.cos(places / 10)
    return table


@lru_cache
def positions_by_ops(steps):
    return ops.reshape(ops.arange(steps * 4, dtype="float32"), (steps, 4))


grown = torch.zeros(0, 4)


def growing(steps):
    global grown
    if len(grown) < steps:
        grown = torch.arange(steps)[:, None] * torch.ones(4)
    return grown[:steps]


class Wide:
    table = torch.zeros(0, 768)


def wide(steps):
    if len(Wide.table) < steps:
        Wide.table = torch.outer(torch.arange(steps).float(), torch.ones(768))
    return Wide.table[:steps]


CACHES = {
    "lru_cache": lambda x: x + positions(x.shape[1]),
    "lru_cache of ops": lambda x: x + positions_by_ops(x.shape[1]),
    "a dict": lambda x: x + kept_in_a_dict(x.shape[1], lambda: torch.ones(x.shape[1], 4)),
    "a dict with one entry": lambda x: x + kept_in_a_dict("one", lambda: torch.ones(4, device=x.device)),
    "a global that grows": lambda x: x + growing(x.shape[1]),
    "a wide one that grows": lambda x: x + wide(x.shape[1])[:, :4] * x.new_ones(768).sum() * 0,
    "made like the input": lambda x: x + kept_in_a_dict("like", lambda: x.new_ones(4)),
    "a mask": lambda x: x * kept_in_a_dict(("mask", x.shape[1]), lambda: torch.ones(x.shape[1], 4).tril()),
    "random": lambda x: x + kept_in_a_dict("random", lambda: torch.randn(4)),
}


@pytest.mark.parametrize("steps", [3, None])
@pytest.mark.parametrize("name", CACHES)
def test_what_a_call_keeps_for_later_calls_is_real(name, steps):
    function, x = CACHES[name], Input((steps, 4))
    model = Model(x, of(function)(x))
    torch.testing.assert_close(model(DATA), function(DATA))
    assert not any(table.is_meta for table in TABLES.values())


def test_random_constants_draw_from_nobody():
    generator = torch.Generator().manual_seed(3)
    before, theirs = torch.random.get_rng_state(), generator.get_state()

    def call(x):
        noise = torch.rand(4) + torch.randn(4, generator=generator) + torch.empty(4).uniform_() + torch.randperm(4)
        return x * noise * torch.bernoulli(torch.full((4,), 0.5)) * F.dropout(torch.ones(4))

    of(call)(Input((3, 4)))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(theirs, generator.get_state())


def test_what_others_see_is_not_written():
    array, table = np.ones(4, "float32"), torch.ones(4)

    class Writes(layers.Layer):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(4))

        def call(self, inputs):
            torch.from_numpy(array).mul_(2)
            torch.as_tensor(array)[0] = 5
            table[1:].add_(1)
            F.relu(table.sub_(3), inplace=True)
            self.count += 1
            torch.add(self.count, 1, out=self.count)
            return inputs + table + self.count

    layer = Writes()
    layer(Input((3, 4)))
    assert array.tolist() == table.tolist() == [1.0] * 4
    assert layer.count.tolist() == [0.0] * 4


def test_values_that_hang_on_the_input_are_not_known():
    def call(x):
        table = torch.zeros(4)
        row = table[1:]
        row += x.mean()
        return x if table.sum() > 0 else x * 2

    with pytest.raises(Exception, match="needs the values of its input"):
        of(call)(Input((3, 4)))


def test_a_huge_constant_takes_no_memory():
    def call(x):
        far = torch.arange(200_000)[:, None] - torch.arange(200_000)[None]
        return x + far[:3, :4] + torch.ones(200_000, 200_000).sum() + torch.zeros(10**6, 10**6)[0, 0]

    assert of(call)(Input((3, 4))).shape == (None, 3, 4)
