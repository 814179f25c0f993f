"""PyTorch's tracers, transforms and hooks on models of every kind: each gives what the model gives."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.modules.module import register_module_forward_hook, register_module_full_backward_hook

from lamina import Input, Model, layers

TOKENS = torch.randint(1, 9, (3, 6), generator=torch.Generator().manual_seed(0))
TOKENS[0, 4:] = 0


class Users(Model):
    """A model by its call, with a weight of its own that it counts in."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = layers.Dense(4, activation="relu"), layers.Dense(2)
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")

    def call(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.assign_add(1.0)
        return self.out(self.hidden(x))


class InPyTorchsWay(layers.Layer):
    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((shape[-1], 4), name="kernel")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.kernel


def dense() -> tuple[Model, torch.Tensor]:
    x = Input((4,))
    return Model(x, layers.Dense(2)(layers.Dense(8, activation="relu")(x))), torch.randn(3, 4)


def convolution() -> tuple[Model, torch.Tensor]:
    x = Input((6, 6, 2))
    h = layers.BatchNormalization()(layers.Conv2D(3, 3)(x))
    return Model(x, layers.Dense(2)(layers.Flatten()(h))), torch.randn(3, 6, 6, 2)


def masked() -> tuple[Model, torch.Tensor]:
    x = Input((6,), dtype="int64")
    h = layers.LSTM(3, return_sequences=True)(layers.Embedding(9, 4, mask_zero=True)(x))
    return Model(x, layers.Dense(2)(layers.Bidirectional(layers.GRU(3))(h))), TOKENS


def attention() -> tuple[Model, torch.Tensor]:
    x = Input((5, 4))
    return Model(x, layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))), torch.randn(3, 5, 4)


def cells() -> tuple[Model, torch.Tensor]:
    x = Input((5, 4))
    return Model(x, layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(3)])(x)), torch.randn(3, 5, 4)


def nested() -> tuple[Model, torch.Tensor]:
    inner, x = dense()
    y = Input((4,))
    return Model(y, layers.Dense(2)(InPyTorchsWay()(inner(y)))), x


def subclassed() -> tuple[Model, torch.Tensor]:
    model, x = Users(), torch.randn(3, 4)
    model(x)
    return model, x


def mixed() -> tuple[Model, torch.Tensor]:
    x = Input((5, 4))
    h = InPyTorchsWay(dtype="mixed_bfloat16")(layers.Dense(4, dtype="mixed_bfloat16")(x))
    h = layers.MultiHeadAttention(2, 4, dtype="mixed_bfloat16")(h, h)
    h = layers.LayerNormalization(dtype="mixed_bfloat16")(h)
    return Model(x, layers.LSTM(3, dtype="mixed_bfloat16")(h)), torch.randn(3, 5, 4)


KINDS: list[Callable[[], tuple[Model, torch.Tensor]]] = [
    dense,
    convolution,
    masked,
    attention,
    cells,
    nested,
    subclassed,
    mixed,
]
of_every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def loose(kind: Callable[[], Any]) -> dict[str, float]:
    return {"rtol": 0.05, "atol": 0.05} if kind is mixed else {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.quick_cases(2)
@of_every_kind
def test_make_fx_of_a_model_and_of_its_gradients(kind: Callable[[], Any]) -> None:
    model, x = kind()
    graph = make_fx(model)(x)
    torch.testing.assert_close(graph(x), model(x), **loose(kind))

    def gradients(x: torch.Tensor) -> Any:
        return torch.autograd.grad(model(x).sum(), list(model.parameters()), allow_unused=True)

    graph = copy.deepcopy(make_fx(gradients)(x))
    torch.testing.assert_close(graph(x), gradients(x), **loose(kind))


@pytest.mark.quick_cases(2)
@of_every_kind
def test_make_fx_holds_the_weights_themselves(kind: Callable[[], Any]) -> None:
    model, x = kind()
    graph, before = make_fx(model)(x), model(x)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.5).add_(0.1)
    torch.testing.assert_close(graph(x), model(x), **loose(kind))
    assert not torch.allclose(before, model(x))


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # PyTorch itself looks for it
@of_every_kind
def test_fake_tensors(kind: Callable[[], Any]) -> None:
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    model, x = kind()
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        result = model(mode.from_tensor(x))
    assert isinstance(result, FakeTensor)
    assert result.shape == model(x).shape
    weights = {name: mode.from_tensor(w) for name, w in (*model.named_parameters(), *model.named_buffers())}
    if kind is not subclassed:  # its call asks for `assign`, which a plain tensor lacks
        with mode:
            assert functional_call(model, weights, mode.from_tensor(x)).shape == result.shape


def test_under_a_tracer_other_threads_and_later_calls_see_the_weights() -> None:
    model, x = dense()
    layer = model.layers[1]
    seen: list[Any] = []
    handle = layer.register_forward_hook(lambda module, *_: seen.append((module is layer, module.kernel)))
    make_fx(model)(x)
    model(x)
    handle.remove()
    assert [one for one, _ in seen] == [True, True]
    assert all(kernel is layer.kernel for _, kernel in seen)
    assert [type(w).__name__ for w in model.weights] == ["Variable"] * 4


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
@of_every_kind
def test_hooks_are_given_the_layer_itself(kind: Callable[[], Any]) -> None:
    model, x = kind()
    parts = {id(part) for part in model.modules()}
    seen: list[bool] = []
    for part in model.modules():
        part.register_forward_pre_hook(lambda module, _, it=part: seen.append(module is it))
        part.register_forward_hook(lambda module, *_, it=part: seen.append(module is it))
        part.register_full_backward_hook(lambda module, *_, it=part: seen.append(module is it))
    handles = [
        register_module_forward_hook(lambda module, *_: seen.append(id(module) in parts)),
        register_module_full_backward_hook(lambda module, *_: seen.append(id(module) in parts)),
    ]
    try:
        model(x).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert all(seen)
    assert len(seen) > 6


@of_every_kind
def test_what_a_hook_sets_stays(kind: Callable[[], Any]) -> None:
    model, x = kind()
    layer = model._parts()[-1]
    layer.register_forward_pre_hook(lambda module, _: setattr(module, "was_given", True))
    layer.register_forward_hook(lambda module, _, result: module.__dict__.update(kept=result.shape))
    result = model(x)
    assert layer.was_given
    assert layer.kept == result.shape


def test_hooks_that_compute_a_weight_work_under_a_mixed_policy() -> None:
    layer = layers.Dense(3, dtype="mixed_bfloat16")
    x = torch.randn(2, 4)
    layer(x)
    nn.utils.spectral_norm(layer, "kernel")
    assert layer(x).dtype == torch.bfloat16
    largest = torch.linalg.svdvals(layer.kernel_orig.detach())[0]
    for _ in range(30):  # its estimate comes closer with each call in training mode
        layer.train()(x)
    expected = x.bfloat16() @ (layer.kernel_orig.detach() / largest).bfloat16()
    torch.testing.assert_close(layer.eval()(x).detach(), expected, rtol=0.05, atol=0.05)


def test_parts_that_a_mixed_layer_reads_keep_their_hooks() -> None:
    class Cell(layers.Layer):
        state_size = 4

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = layers.Dense(4, dtype="mixed_bfloat16")

        def call(self, x: torch.Tensor, states: Any) -> Any:
            h = self.dense(x) + states[0]
            return h, [h]

    layer = layers.RNN(Cell(dtype="mixed_bfloat16"), dtype="mixed_bfloat16")
    x = torch.randn(2, 3, 4)
    before = layer(x)
    seen: list[Any] = []
    for part in (layer.cell, layer.cell.dense):
        part.register_forward_hook(lambda module, *_: seen.append(module))
    torch.testing.assert_close(layer(x), before)
    assert seen == [layer.cell.dense, layer.cell] * 3


def test_hooks_on_modules_of_pytorchs_in_the_mode_of_a_call() -> None:
    x = Input((4,))
    net = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    model = Model(x, layers.TorchModule(net, name="net")(x))
    seen: list[bool] = []
    for part in (model.get_layer("net"), net, *net):
        part.register_forward_pre_hook(lambda module, _, it=part: seen.append(module is it))
        part.register_forward_hook(lambda module, _, result, it=part: setattr(module, "kept", result))
        part.register_full_backward_hook(lambda module, *_, it=part: seen.append(module is it))
    model(torch.randn(2, 4, requires_grad=True), training=True).sum().backward()
    assert seen == [True] * 8
    assert net[0].kept.shape == (2, 3)
    assert all(len(part._forward_hooks) == 1 for part in net)
    model(torch.randn(2, 4))
    assert len(seen) == 12


# -- transforms of functions


# Not of `subclassed`: its call writes to a buffer, which vmap gives back to nobody.
@pytest.mark.parametrize("kind", [one for one in KINDS if one is not subclassed], ids=lambda kind: kind.__name__)
def test_ensembles_by_stacked_weights(kind: Callable[[], Any]) -> None:
    (first, x), others = kind(), [kind()[0] for _ in range(2)]
    models = [first, *others]
    parameters, buffers = stack_module_state(models)
    base = copy.deepcopy(first).to("meta")

    def run(parameters: Any, buffers: Any, x: torch.Tensor) -> Any:
        return functional_call(base, (parameters, buffers), (x,))

    results = torch.vmap(run, (0, 0, None))(parameters, buffers, x)
    for model, result in zip(models, results, strict=True):
        torch.testing.assert_close(result, model(x), **loose(kind))


@pytest.mark.parametrize("kind", [dense, masked, attention, cells], ids=lambda kind: kind.__name__)
def test_derivatives_of_every_order(kind: Callable[[], Any]) -> None:
    model, x = kind()
    weights = {name: w.detach() for name, w in model.named_parameters()}
    name = next(iter(weights))

    def loss(weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return functional_call(model, {**weights, name: weight}, (x,)).square().sum()

    gradient = torch.func.grad(loss)(weights[name], x)
    direction = torch.ones_like(gradient)
    _, slope = torch.func.jvp(lambda w: loss(w, x), (weights[name],), (direction,))
    torch.testing.assert_close(slope, (gradient * direction).sum(), rtol=1e-3, atol=1e-4)
    each = torch.vmap(torch.func.grad(loss), (None, 0))(weights[name], x[:, None])
    torch.testing.assert_close(each.sum(0), gradient, rtol=1e-3, atol=1e-4)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(weights[name], direction)
        tangent = torch.autograd.forward_ad.unpack_dual(loss(dual, x)).tangent
    torch.testing.assert_close(tangent, slope)
    again = torch.func.grad(lambda w: torch.func.grad(loss)(w, x).square().sum())(weights[name])
    product = torch.func.jvp(lambda w: torch.func.grad(loss)(w, x), (weights[name],), (2 * gradient,))[1]
    torch.testing.assert_close(again, product, rtol=1e-3, atol=1e-3)


# -- programs and scripts


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_averages_are_buffers_of_exported_programs() -> None:
    model, x = convolution()
    averages = {"batch_normalization.moving_mean", "batch_normalization.moving_variance"}
    for mode in (False, True):
        program = torch.export.export(model.train(mode), (x,))
        for found in (program, program.run_decompositions()):
            assert set(found.graph_signature.buffers) == averages
            assert dict(found.named_buffers()).keys() == averages
            assert not averages & set(found.graph_signature.parameters)
            assert dict(found.module().named_buffers()).keys() == averages


def test_a_buffer_is_no_parameter_of_what_holds_it() -> None:
    model, _ = convolution()
    norm = model.get_layer("batch_normalization")
    other = nn.Module()
    other.register_buffer("mean", norm.moving_mean)
    other.copied = norm.moving_mean
    assert list(other.named_parameters()) == []
    assert isinstance(norm.gamma, nn.Parameter)
    assert not isinstance(norm.moving_mean, nn.Parameter)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
@of_every_kind
def test_who_looks_at_all_attributes_meets_no_error(kind: Callable[[], Any]) -> None:
    model, x = kind()
    for part in model.modules():
        assert dict(inspect.getmembers(part))["training"] is False
    assert "input" in dir(dense()[0])
    if kind is not mixed:
        traced = torch.jit.trace(model, (x,), check_trace=False)
        torch.testing.assert_close(traced(x), model(x))
