"""PyTorch's own tools on our weights: they ask for parameters, and gradients, that are contiguous as they show."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn.utils import parameters_to_vector, parametrizations, prune, vector_to_parameters

from lamina import Input, Model, layers, optimizers

MODELS: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]]]] = {
    "dense": ((5,), lambda: [layers.Dense(4, activation="relu")]),
    "dense over time": ((6, 5), lambda: [layers.Dense(3)]),
    "einsum": ((6, 5), lambda: [layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")]),
    "conv1d": ((9, 3), lambda: [layers.Conv1D(4, 3)]),
    "conv2d": ((8, 8, 3), lambda: [layers.Conv2D(4, 3), layers.Conv2D(6, 1, groups=2)]),
    "conv2d of channels first": ((3, 8, 8), lambda: [layers.Conv2D(4, 3, data_format="channels_first")]),
    "large conv2d": ((4, 4, 256), lambda: [layers.Conv2D(128, 3)]),
    "conv3d": ((5, 5, 5, 2), lambda: [layers.Conv3D(3, 2)]),
    "transposed": ((5, 5, 2), lambda: [layers.Conv2DTranspose(3, 3, strides=2)]),
    "depthwise": ((6, 6, 3), lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2)]),
    "separable": ((6, 6, 3), lambda: [layers.SeparableConv2D(4, 3), layers.BatchNormalization()]),
    "lstm": ((5, 3), lambda: [layers.LSTM(4)]),
    "gru": ((5, 3), lambda: [layers.Bidirectional(layers.GRU(4))]),
    "rnn by steps": ((5, 3), lambda: [layers.SimpleRNN(4, activation="gelu")]),
    "conv lstm": ((3, 5, 5, 2), lambda: [layers.ConvLSTM2D(2, 3)]),
}


def made(name: str) -> tuple[Model, torch.Tensor]:
    torch.manual_seed(0)
    shape, stack = MODELS[name]
    inputs = x = Input(shape)
    for layer in stack():
        x = layer(x)
    model = Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    return model.train(), torch.randn(4, *shape)


def trained(model: Model, x: torch.Tensor) -> torch.Tensor:
    """The gradients, in one vector."""
    model.zero_grad()
    model(x).square().sum().backward()
    return parameters_to_vector([p.grad for p in model.parameters()])


@pytest.mark.parametrize("name", MODELS)
def test_weights_gradients_and_state_lie_as_they_show(name: str) -> None:
    model, x = made(name)
    trained(model, x)
    tensors = [*model.parameters(), *model.buffers(), *model.state_dict().values()]
    assert all(t.is_contiguous() for t in tensors)
    assert all(p.grad.is_contiguous() for p in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_vectors(name: str) -> None:
    model, x = made(name)
    vector = parameters_to_vector(model.parameters()).detach()
    assert torch.equal(vector, torch.cat([w.detach().flatten() for w in model.parameters()]))
    due = model(x).detach()
    vector_to_parameters(torch.zeros_like(vector), model.parameters())
    assert not torch.equal(model(x), due)
    vector_to_parameters(vector, model.parameters())
    assert torch.equal(model(x), due)
    assert len(trained(model, x)) == len(vector)


@pytest.mark.parametrize("name", MODELS)
def test_lbfgs(name: str) -> None:
    model, x = made(name)
    target = torch.ones(4, 2)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
    losses = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (model(x) - target).square().mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    optimizer.step(closure)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", MODELS)
def test_pruning(name: str) -> None:
    model, x = made(name)
    parts = [
        (part, key)
        for part in model.modules()
        for key, weight in list(part._parameters.items())
        if weight is not None and weight.dim() > 1
    ]
    for part, key in parts:
        prune.l1_unstructured(part, key, 0.5)
        prune.random_unstructured(part, key, 0.1)
        prune.ln_structured(part, key, 1, n=2, dim=-1)
    before = model(x).detach()
    trained(model, x)
    for part, key in parts:
        assert (getattr(part, key) == 0).sum() >= getattr(part, key).numel() // 2
        prune.remove(part, key)
    torch.testing.assert_close(model(x), before)
    prune.global_unstructured(parts, prune.L1Unstructured, amount=0.7)
    model(x)


@pytest.mark.parametrize("name", MODELS)
def test_safetensors(name: str, tmp_path: Path) -> None:
    model, x = made(name)
    model.eval()
    safetensors.torch.save_file(model.state_dict(), tmp_path / "a.safetensors")
    safetensors.torch.save_model(model, str(tmp_path / "b.safetensors"))
    other, _ = made(name)
    other.eval()
    for file in ("a", "b"):
        with torch.no_grad():
            for weight in other.parameters():
                weight.zero_()
        safetensors.torch.load_model(other, str(tmp_path / f"{file}.safetensors"))
        assert torch.equal(other(x), model(x))


@pytest.mark.parametrize("name", ("dense", "conv2d", "lstm", "separable"))
def test_copies_and_shared_memory(name: str) -> None:
    model, x = made(name)
    model.eval()
    other = copy.deepcopy(model).share_memory()
    assert all(p.is_shared() and p.is_contiguous() for p in other.parameters())
    assert torch.equal(other(x), model(x))


def test_a_state_dict_is_read_with_weights_only(tmp_path: Path) -> None:
    model, _ = made("separable")
    torch.save(model.state_dict(), tmp_path / "a.pt")
    torch.save({name: p.detach() for name, p in model.named_parameters()}, tmp_path / "b.pt")
    for file in ("a.pt", "b.pt"):
        found = torch.load(tmp_path / file, weights_only=True)
        assert all(type(value) is torch.Tensor for value in found.values())
        model.load_state_dict(found, strict=file == "a.pt")


@pytest.mark.parametrize("name", ("dense", "conv2d", "lstm", "einsum"))
def test_parametrizations(name: str) -> None:
    for given in (parametrizations.weight_norm, parametrizations.spectral_norm):
        model, x = made(name)
        model.eval()
        due = model(x).detach()
        part = next(part for part in model.modules() if "kernel" in part._parameters)
        given(part, "kernel")
        assert "kernel" not in part._parameters
        if given is parametrizations.weight_norm:
            torch.testing.assert_close(model(x), due)
        assert len(trained(model, x)) > 0
        before = part.kernel.detach().clone()
        torch.optim.SGD(model.parameters(), 0.01).step()
        assert not torch.equal(part.kernel, before)
        torch.nn.utils.parametrize.remove_parametrizations(part, "kernel")
        assert "kernel" in part._parameters


def test_orthogonal_parametrization() -> None:
    layer = layers.Dense(5)
    layer.build((None, 5))
    parametrizations.orthogonal(layer, "kernel")
    torch.testing.assert_close(layer.kernel.mT @ layer.kernel, torch.eye(5), atol=1e-5, rtol=1e-5)


def test_a_parameter_of_a_weight_and_what_is_detached() -> None:
    layer = layers.Dense(3)
    layer.build((None, 2))
    plain = torch.nn.Parameter(layer.kernel)
    assert plain.data_ptr() == layer.kernel.data_ptr()
    copied = copy.deepcopy(plain)
    assert isinstance(copied, torch.nn.Parameter)
    assert torch.equal(copied, plain)
    loose = layer.kernel.detach()
    assert not loose.requires_grad
    assert type(copy.deepcopy(loose)) is torch.Tensor
    assert type(loose + 1) is torch.Tensor
    version = layer.kernel._version
    loose.add_(1)
    assert layer.kernel._version > version
    other = layers.Dense(3)
    other.held = loose
    assert "held" not in other._parameters
    x = Input((2,))
    assert [name for name, _ in Model(x, x @ loose).named_parameters()] == []


@pytest.mark.parametrize("force", ((), (True,), (False,)))
def test_numpy_has_the_signature_of_pytorch(force: tuple[bool, ...]) -> None:
    layer = layers.Dense(3)
    layer.build((None, 2))
    for weight in (layer.kernel, layer.kernel.detach()):
        found = weight.numpy(**dict(zip(("force",), force, strict=False)))
        assert np.array_equal(found, np.array(weight.tolist(), "float32"))


def test_kaiming_through_a_view_of_pytorchs_axes() -> None:
    """As the documentation says."""
    dense, conv = layers.Dense(1000), layers.Conv2D(64, 3)
    dense.build((None, 50))
    conv.build((None, 8, 8, 32))
    torch.nn.init.kaiming_normal_(dense.kernel.t())
    torch.nn.init.kaiming_normal_(conv.kernel.permute(3, 2, 0, 1))
    assert dense.kernel.std().item() == pytest.approx((2 / 50) ** 0.5, rel=0.05)
    assert conv.kernel.std().item() == pytest.approx((2 / (9 * 32)) ** 0.5, rel=0.05)


def test_our_optimizers_take_plain_parameters_in_any_order() -> None:
    """Modules of PyTorch may be in channels_last."""
    conv = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    twin = copy.deepcopy(conv).to(memory_format=torch.contiguous_format)
    x = torch.randn(2, 3, 6, 6)
    for module in (conv, twin):
        optimizer = optimizers.Adam(0.1)
        for _ in range(3):
            module(x).square().sum().backward()
            optimizer.apply([p.grad for p in module.parameters()], list(module.parameters()))
            module.zero_grad()
    torch.testing.assert_close(conv.weight, twin.weight)


def test_old_weight_norm_works_too() -> None:
    model, x = made("conv2d")
    layer = next(part for part in model.modules() if isinstance(part, layers.Conv2D))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.nn.utils.weight_norm(layer, "kernel", dim=3)
    assert len(trained(model, x)) > 0
