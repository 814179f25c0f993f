"""LSTM, GRU and SimpleRNN run on PyTorch's kernels for whole sequences, whatever is around them: how often these are
called is counted, and results and gradients are those of the same layers step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch.overrides import TorchFunctionMode

from lamina import Model, layers
from lamina.graph import tree

KERNELS = {torch.lstm: "lstm", torch.gru: "gru", torch.rnn_tanh: "rnn", torch.rnn_relu: "rnn"}
OPERATORS = {
    torch.ops.lamina.lstm: "lstm",
    torch.ops.lamina.gru: "gru",
    torch.ops.lamina.rnn_tanh: "rnn",
    torch.ops.lamina.rnn_relu: "rnn",
}
B, T, F = 4, 6, 3
LENGTHS = torch.tensor([6, 3, 1, 4])
MASKS = {
    "none": None,
    "right": torch.arange(T) < LENGTHS.unsqueeze(1),
    "left": torch.arange(T) >= T - LENGTHS.unsqueeze(1),
    "holes": torch.tensor([[1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0], [1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 0]]).bool(),
    "empty rows": torch.arange(T) < torch.tensor([[0], [3], [0], [6]]),
    "all": torch.ones(B, T).bool(),
}


class Count(TorchFunctionMode):
    """Counts PyTorch's recurrent kernels while it lasts."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in KERNELS:
            self.calls[KERNELS[function]] += 1
        return function(*args, **(kwargs or {}))


class Arrangement(NamedTuple):
    """Layers that should run on kernels.

    Attributes:
        make: a layer or model, from the options that decide whether kernels are used.
        calls: how often each kernel is called.
        states: the widths of the initial states that are given.
    """

    make: Callable[..., Any]
    calls: dict[str, int]
    states: tuple[int, ...] = ()


ALL = {"return_sequences": True, "return_state": True}


def stack(**options: Any) -> Any:
    return layers.RNN([layers.LSTMCell(4), layers.GRUCell(3), layers.LSTMCell(2)], **ALL)


def several(**options: Any) -> Any:
    """Three layers in a row, masks on the edges between them."""
    x, mask = layers.Input((T, F)), layers.Input((T,), dtype="bool")
    y = layers.LSTM(4, return_sequences=True, **options)(x, mask=mask)
    y = layers.GRU(3, return_sequences=True, **options)(y, mask=mask)
    y = layers.Bidirectional(layers.LSTM(2, return_sequences=True, **options))(y, mask=mask)
    return Model([x, mask], y)


def both_ways(kind: str, **options: Any) -> Callable[..., Any]:
    def make(**fuse: Any) -> Any:
        return layers.Bidirectional(getattr(layers, kind)(4, **options, **fuse))

    return make


def one(kind: str, **options: Any) -> Callable[..., Any]:
    return lambda **fuse: getattr(layers, kind)(4, **options, **fuse)


ARRANGEMENTS = {
    "last output": Arrangement(one("LSTM"), {"lstm": 1}),
    "last output of a GRU": Arrangement(one("GRU"), {"gru": 1}),
    "sequences and states": Arrangement(one("LSTM", **ALL), {"lstm": 1}),
    "sequences and states of a GRU": Arrangement(one("GRU", **ALL), {"gru": 1}),
    "without bias": Arrangement(one("LSTM", use_bias=False, **ALL), {"lstm": 1}),
    "without bias, GRU": Arrangement(one("GRU", use_bias=False, **ALL), {"gru": 1}),
    "backwards": Arrangement(one("LSTM", go_backwards=True, **ALL), {"lstm": 1}),
    "zeros at masked steps": Arrangement(one("GRU", zero_output_for_mask=True, **ALL), {"gru": 1}),
    "unrolled": Arrangement(one("LSTM", unroll=True), {"lstm": 1}),
    "initial states": Arrangement(one("LSTM", **ALL), {"lstm": 1}, (4, 4)),
    "initial state of a GRU": Arrangement(one("GRU", **ALL), {"gru": 1}, (4,)),
    "initial states, the state alone": Arrangement(one("LSTM", return_state=True), {"lstm": 1}, (4, 4)),
    "of a SimpleRNN": Arrangement(one("SimpleRNN", **ALL), {"rnn": 1}, (4,)),
    "of a SimpleRNN, rectified": Arrangement(one("SimpleRNN", activation="relu", **ALL), {"rnn": 1}),
    "both ways": Arrangement(both_ways("LSTM", return_sequences=True), {"lstm": 2}),
    "both ways, the last outputs": Arrangement(both_ways("GRU"), {"gru": 2}),
    "both ways, states in and out": Arrangement(both_ways("LSTM", **ALL), {"lstm": 2}, (4, 4, 4, 4)),
    "a stack of cells": Arrangement(stack, {"lstm": 2, "gru": 1}),
    "a stack of cells, states": Arrangement(stack, {"lstm": 2, "gru": 1}, (4, 4, 3, 2, 2)),
}
LAYERS = pytest.mark.parametrize("name", ARRANGEMENTS)
MASKED = pytest.mark.parametrize("mask", MASKS)


def without_kernels(layer: Any) -> Any:
    """The same layer, told to go step by step."""
    for part in layer.modules():
        if isinstance(part, layers.RNN):
            part.fuse = False
    return layer


def pair(arrangement: Arrangement, dtype: str = "float32") -> tuple[Any, Any]:
    """The layer on kernels and step by step, with the same weights."""
    made = [arrangement.make(), without_kernels(arrangement.make())]
    for layer in made:
        layer(torch.zeros(B, T, F))
    made[1].set_weights(made[0].get_weights())
    return made[0], made[1]


def results(run: Any, layer: Any, mask: Any, sizes: tuple[int, ...]) -> list[torch.Tensor]:
    """Outputs, and the gradients of the input, the initial states and the weights."""
    generator = torch.Generator().manual_seed(2)
    given = [torch.randn(shape, generator=generator) for shape in [(B, T, F), *((B, size) for size in sizes)]]
    for tensor in given:
        tensor.requires_grad_()
    states = {"initial_state": given[1:]} if sizes else {}
    outputs = list(tree.leaves(run(given[0], mask=mask, **states)))
    loss = sum((output * torch.randn(output.shape, generator=generator)).sum() for output in outputs)
    weights = list(layer.parameters())
    return [*outputs, *torch.autograd.grad(loss, given + weights)]


def close(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@LAYERS
@MASKED
def test_kernels_do_what_the_steps_do(name: str, mask: str) -> None:
    arrangement = ARRANGEMENTS[name]
    fused, stepwise = pair(arrangement)
    with Count() as count:
        found = results(fused, fused, MASKS[mask], arrangement.states)
    assert count.calls == arrangement.calls
    with Count() as count:
        expected = results(stepwise, stepwise, MASKS[mask], arrangement.states)
    assert not count.calls
    close(found, expected)


class Seen:
    """A compiler that runs the graph as it is, and counts recurrent kernels in it."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, module: torch.fx.GraphModule, inputs: Any) -> Any:
        for node in module.graph.nodes:
            packet = getattr(node.target, "overloadpacket", node.target)
            if node.op == "call_function" and packet in OPERATORS:
                self.calls[OPERATORS[packet]] += 1
        return module.forward


QUICK = {
    ("sequences and states", "right"),
    ("initial state of a GRU", "holes"),
    ("both ways, the last outputs", "none"),
}


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize(
    "name, mask",
    [
        pytest.param(name, mask, marks=[] if (name, mask) in QUICK else pytest.mark.slow)
        for name in ARRANGEMENTS
        for mask in ("none", "right", "holes")
    ],
)
def test_compiled_kernels_do_what_the_steps_do(name: str, mask: str) -> None:
    torch._dynamo.reset()
    arrangement, seen = ARRANGEMENTS[name], Seen()
    fused, stepwise = pair(arrangement)
    found = results(torch.compile(fused, fullgraph=True, backend=seen), fused, MASKS[mask], arrangement.states)
    assert seen.calls == arrangement.calls
    close(found, results(stepwise, stepwise, MASKS[mask], arrangement.states))


@pytest.mark.quick_cases(3)
@pytest.mark.parametrize(
    "mask, compiled", [*((mask, False) for mask in MASKS if mask != "none"), ("right", True), ("empty rows", True)]
)
def test_several_layers_in_a_row(mask: str, compiled: bool) -> None:
    torch._dynamo.reset()
    fused, stepwise = several(), without_kernels(several())
    stepwise.set_weights(fused.get_weights())
    seen, count = Seen(), Count()
    run = torch.compile(fused, fullgraph=True, backend=seen) if compiled else fused
    found = []
    for model in (run, stepwise):
        x = torch.randn(B, T, F, generator=torch.Generator().manual_seed(1)).requires_grad_()
        with count if model is fused else Count():
            y = model([x, MASKS[mask]])
        weights = list(fused.parameters() if model is run else stepwise.parameters())
        found.append([y, *torch.autograd.grad((y**3).sum(), [x, *weights])])
    assert (seen if compiled else count).calls == {"lstm": 3, "gru": 1}
    close(*found)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("mask", ["none", "right", "holes"])
def test_float64(kind: str, mask: str) -> None:
    options = {"dtype": "float64", **ALL}
    fused, stepwise = getattr(layers, kind)(4, **options), without_kernels(getattr(layers, kind)(4, **options))
    x = torch.randn(B, T, F, dtype=torch.float64)
    fused(x), stepwise(x)
    stepwise.set_weights(fused.get_weights())
    with Count() as count:
        found = fused(x, mask=MASKS[mask])
    assert sum(count.calls.values()) == 1
    torch.testing.assert_close(found, stepwise(x, mask=MASKS[mask]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("how", ["bfloat16", "mixed_bfloat16", torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("mask", ["none", "right"])
def test_half_precision(kind: str, how: str | torch.dtype, mask: str) -> None:
    """Half precision, by a policy or by autocast, through the same kernel: near what full precision gives, and a state
    has the output's dtype. oneDNN lacks an LSTM for some of it on most processors (see `rnn/lstm_kernel.py`)."""
    autocast = how if isinstance(how, torch.dtype) else None
    full = getattr(layers, kind)(4, **ALL)
    x = torch.randn(B, T, F)
    exact = full(x, mask=MASKS[mask])
    half = full if autocast else getattr(layers, kind)(4, dtype=how, **ALL)
    half(x)
    half.set_weights(full.get_weights())
    with torch.autocast("cpu", autocast or torch.bfloat16, enabled=autocast is not None):
        half(x)  # the first call asks what the processor has
    with Count() as count, torch.autocast("cpu", autocast or torch.bfloat16, enabled=autocast is not None):
        outputs, *states = half(x, mask=MASKS[mask])
    assert sum(count.calls.values()) == 1
    assert {state.dtype for state in states} == {outputs.dtype}
    assert autocast or outputs.dtype == torch.bfloat16
    for found, expected in zip((outputs, *states), exact, strict=True):
        torch.testing.assert_close(found.float(), expected, rtol=0.03, atol=0.03)
    outputs.float().sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in half.parameters())


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("compiled", [False, True])
def test_stateful_layers_go_on_upon_kernels(kind: str, compiled: bool) -> None:
    """Two batches of half the steps give what one batch of all of them gives."""
    torch._dynamo.reset()
    x = torch.randn(B, T, F)
    whole = getattr(layers, kind)(4, return_sequences=True)
    halves = getattr(layers, kind)(4, return_sequences=True, stateful=True)
    expected, _ = whole(x), halves(x[:, :3])
    halves.set_weights(whole.get_weights())
    halves.reset_state()
    run = torch.compile(halves, fullgraph=True, backend="aot_eager") if compiled else halves
    with Count() as count:
        parts = [run(x[:, :3]), run(x[:, 3:])]
    assert compiled or sum(count.calls.values()) == 2
    torch.testing.assert_close(torch.cat(parts, 1), expected)
    torch.cat(parts, 1).sum().backward()
    halves.reset_states()
    torch.testing.assert_close(run(x[:, :3]), expected[:, :3])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_dropout_of_inputs_stays_on_kernels_and_that_of_states_does_not(kind: str) -> None:
    x = torch.randn(B, T, F)
    for options, calls in [({"dropout": 0.5}, 1), ({"recurrent_dropout": 0.5}, 0)]:
        layer = getattr(layers, kind)(4, seed=3, **options)
        layer(x)
        with Count() as count:
            layer(x, training=True)
        assert sum(count.calls.values()) == calls, options
        with Count() as count:
            layer(x, training=False)
        assert sum(count.calls.values()) == 1, options


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_dropout_of_inputs_is_that_of_the_steps(kind: str) -> None:
    """The same seed drops the same features on both paths."""
    x = torch.randn(B, T, F)
    made = [getattr(layers, kind)(4, dropout=0.5, seed=3, use_cudnn=fuse, **ALL) for fuse in ("auto", False)]
    for layer in made:
        layer(x)
    made[1].set_weights(made[0].get_weights())
    close(*(list(layer(x, mask=MASKS["right"], training=True)) for layer in made))


def test_what_no_kernel_computes_goes_step_by_step() -> None:
    x = torch.randn(B, T, F)
    for layer in [
        layers.LSTM(4, activation="relu"),
        layers.LSTM(4, recurrent_activation="hard_sigmoid"),
        layers.LSTM(4, use_cudnn=False),
        layers.GRU(4, reset_after=False),
        layers.SimpleRNN(4, activation="softsign"),
    ]:
        with Count() as count:
            layer(x)
        assert not count.calls


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_batches_and_steps_of_any_size_go_through_one_compiled_graph(kind: str) -> None:
    """Unknown batch and time: symbolic sizes, no new compilation, and no step unrolled."""
    torch._dynamo.reset()
    layer, seen = getattr(layers, kind)(4, **ALL), Seen()
    layer(torch.zeros(1, 2, F))
    run = torch.compile(layer, fullgraph=True, backend=seen, dynamic=True)
    for batch, steps in [(4, 6), (2, 9), (7, 3)]:
        x = torch.randn(batch, steps, F)
        mask = torch.rand(batch, steps) < 0.7
        torch.testing.assert_close(run(x, mask=mask), layer(x, mask=mask))
    assert sum(seen.calls.values()) == 1


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_a_compiled_graph_does_not_grow_with_the_steps(kind: str) -> None:
    torch._dynamo.reset()
    sizes = []
    for steps in (5, 500):
        layer = getattr(layers, kind)(4, return_sequences=True)
        x = torch.randn(2, steps, F)
        layer(x)
        graphs: list[torch.fx.GraphModule] = []

        def keep(module: torch.fx.GraphModule, inputs: Any, graphs: Any = graphs) -> Any:
            graphs.append(module)
            return module.forward

        torch.compile(layer, fullgraph=True, backend=keep, dynamic=False)(x)
        sizes.append(sum(len(graph.graph.nodes) for graph in graphs))
    assert sizes[0] == sizes[1]
