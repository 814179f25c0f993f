"""Regularizers and constraints belong to a layer and a name, whatever tensor stands there."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import lamina
from lamina import Input, Model, Sequential, Variable, layers, models, optimizers, regularizers
from lamina.constraints import MaxNorm
from lamina.graph import StructureError
from lamina.layers.weight_facts import places

X, Y = np.ones((8, 4), "float32"), np.full((8, 3), 5, "float32")


def model() -> Model:
    torch.manual_seed(0)
    x = Input((4,))
    options = {"kernel_regularizer": regularizers.L2(0.1), "kernel_constraint": MaxNorm(0.5)}
    y = layers.BatchNormalization(beta_regularizer="l1")(layers.Dense(3, name="d", **options)(x))
    return Model(x, layers.Dense(3, bias_regularizer="l2")(y))


def dense(found: Model) -> layers.Dense:
    return found.get_layer("d")


def assigned(found: Model) -> Model:
    found.load_state_dict({name: value.clone() for name, value in found.state_dict().items()}, assign=True)
    return found


def assigned_detached(found: Model) -> Model:
    weights = {name: p.detach() for name, p in found.named_parameters()}
    found.load_state_dict({**found.state_dict(), **weights}, assign=True)
    return found


def assigned_parameters(found: Model) -> Model:
    weights = {name: nn.Parameter(p.detach().clone()) for name, p in found.named_parameters()}
    found.load_state_dict({**found.state_dict(), **weights}, assign=True)
    assert found.get_parameter("d.kernel") is weights["d.kernel"]
    return found


def set_by_hand(found: Model) -> Model:
    dense(found).kernel = nn.Parameter(dense(found).kernel.detach().clone())
    return found


def registered(found: Model) -> Model:
    dense(found).register_parameter("kernel", nn.Parameter(dense(found).kernel.detach().clone()))
    return found


def put(found: Model) -> Model:
    dense(found)._parameters["kernel"] = nn.Parameter(dense(found).kernel.detach().clone())
    return found


def swapped(found: Model) -> Model:
    torch.utils.swap_tensors(dense(found).kernel, nn.Parameter(dense(found).kernel.detach().clone()))
    return found


def moved_by_swapping(found: Model) -> Model:
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        return found.to(torch.float64).to(torch.float32)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)


def emptied(found: Model) -> Model:
    state = {name: value.clone() for name, value in found.state_dict().items()}
    found.to("meta").to_empty(device="cpu").load_state_dict(state)
    return found


def weight_normed(found: Model) -> Model:
    parametrizations.weight_norm(dense(found), "kernel", dim=1)
    return found


def normed_and_back(found: Model) -> Model:
    parametrizations.weight_norm(dense(found), "kernel", dim=1)
    parametrize.remove_parametrizations(dense(found), "kernel")
    return found


def pruned(found: Model) -> Model:
    prune.l1_unstructured(dense(found), "kernel", 0)
    return found


def pruned_and_back(found: Model) -> Model:
    prune.remove(dense(pruned(found)), "kernel")
    return found


WAYS: list[Callable[[Model], Model]] = [
    lambda found: found, copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found)), assigned, assigned_detached,
    assigned_parameters, set_by_hand, registered, put, swapped, moved_by_swapping, emptied, weight_normed,
    normed_and_back, pruned, pruned_and_back,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("optimizer", ("ours", "torch"))
def test_penalty_and_constraint_outlast_the_tensor(way: Callable[[Model], Model], optimizer: str) -> None:
    plain, other = model(), way(model())
    penalties = [loss.item() for loss in plain.losses]
    assert len(penalties) == 3
    assert [loss.item() for loss in other.losses] == pytest.approx(penalties)
    runs = []
    for found in (plain, other):
        chosen = optimizers.SGD(0.5) if optimizer == "ours" else torch.optim.SGD(found.parameters(), 0.5)
        found.compile(chosen, "mse")
        first = found.evaluate(X, Y, verbose=0)
        found.fit(X, Y, epochs=2, shuffle=False, verbose=0)
        found(X[:1])
        runs.append(first)
        norm = dense(found).kernel.detach().norm(dim=0)
        assert norm.max().item() <= 0.5 + 1e-5
    assert runs[0] == pytest.approx(runs[1])
    if way not in (weight_normed, pruned):
        torch.testing.assert_close(dense(other).kernel.detach(), dense(plain).kernel.detach())
    if way not in (weight_normed, pruned, put, swapped):  # these go past the layer
        assert all(type(w) is Variable for w in other.weights)


def test_the_penalty_is_of_the_computed_weight() -> None:
    found = weight_normed(model())
    with torch.no_grad():
        dense(found).parametrizations["kernel"].original0.fill_(2.0)  # the norms
    assert found.losses[0].item() == pytest.approx(0.1 * 3 * 4, rel=1e-5)
    found.losses[0].backward()
    assert dense(found).parametrizations["kernel"].original0.grad is not None


def test_pruned_values_stay_away_and_are_not_penalised() -> None:
    found = model()
    kernel = dense(found).kernel.detach().clone()
    prune.custom_from_mask(dense(found), "kernel", mask := (torch.arange(12).view(4, 3) % 2 == 0).float())
    assert found.losses[0].item() == pytest.approx(0.1 * (kernel * mask).square().sum().item())
    found.compile(optimizers.SGD(0.5), "mse")
    found.fit(X, Y, verbose=0)
    found(X[:1])
    assert (dense(found).kernel[mask == 0] == 0).all()


def test_a_constraint_leaves_the_pruned_values_as_they_were() -> None:
    """They come back where the mask is taken away."""
    layer = layers.Dense(3, kernel_constraint=lambda kernel: kernel * 0 + 7)
    layer(torch.ones(1, 4))
    before = layer.kernel.detach().clone()
    prune.custom_from_mask(layer, "kernel", mask := (torch.arange(12).view(4, 3) % 2 == 0).float())
    (place,) = places(layer.modules(), "constraint")
    place.constrain()
    torch.testing.assert_close(layer.kernel_orig.detach(), torch.where(mask != 0, 7.0, before))


class Rounded(nn.Module):
    """A parametrization without a way back."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (weight.round() - weight).detach()


def test_a_constraint_that_cannot_be_kept_is_an_error() -> None:
    found = model()
    parametrize.register_parametrization(dense(found), "kernel", Rounded())
    found.compile("sgd", "mse")
    with pytest.raises(StructureError, match="'d/kernel' cannot be kept.*\n.*MaxNorm of a weight that Rounded"):
        found.fit(X, Y, verbose=0)
    dense(found).weight_facts["kernel"].constraint = None
    found.fit(X, Y, verbose=0)


def test_facts_are_set_on_the_weight_or_in_the_table() -> None:
    layer = layers.Dense(3)
    layer.build((None, 4))
    assert layer.losses == []
    layer.kernel.regularizer = regularizers.L2(1.0)
    assert layer.weight_facts["kernel"].regularizer is layer.kernel.regularizer
    assert layer.losses[0].item() == pytest.approx(layer.kernel.square().sum().item())
    layer.weight_facts["bias"].regularizer = regularizers.L1(1.0)
    assert layer.bias.regularizer is layer.weight_facts["bias"].regularizer
    assert len(layer.losses) == 2
    layer.kernel.constraint = MaxNorm(0.1)
    twin = copy.deepcopy(layer)
    twin.kernel.constraint = None
    assert layer.kernel.constraint is not None
    assert twin.weight_facts["kernel"].constraint is None


def test_a_weight_under_another_attribute() -> None:
    class Scale(lamina.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((3,), "ones", regularizer="l2", name="scale")
            self.own = Variable(torch.ones(2), regularizer=regularizers.L1(1.0))

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs * self.factor

    layer = Scale()
    layer.build((None, 3))
    assert sorted(layer.weight_facts) == ["factor", "own"]
    assert [loss.item() for loss in layer.losses] == pytest.approx([0.03, 2.0])
    layer.factor = nn.Parameter(torch.full((3,), 2.0))
    layer.own = nn.Parameter(torch.full((2,), 2.0))
    assert [loss.item() for loss in layer.losses] == pytest.approx([0.12, 4.0])
    assert layer.factor.path == "scale/scale"


def test_a_tied_weight_is_penalised_once() -> None:
    one, two = layers.Dense(4, kernel_regularizer="l2"), layers.Dense(4, kernel_regularizer="l2")
    found = Sequential([Input((4,)), one, two])
    two.kernel = one.kernel
    assert len(found.losses) == 1
    assert one.kernel is two.kernel


def test_a_frozen_weight_is_not_penalised_in_training() -> None:
    found = weight_normed(model())
    dense(found).trainable = False
    found.compile(optimizers.SGD(0.0), "mse")
    total = found.evaluate(X, Y, verbose=0)
    plain = ((found(X) - torch.as_tensor(Y)) ** 2).mean().item()
    rest = [loss.item() for loss in found.losses[1:]]
    assert total == pytest.approx(plain + sum(rest), rel=1e-5)


def test_copies_and_clones_have_facts_of_their_own() -> None:
    found = assigned(model())
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), models.clone_model(found)):
        assert dense(other).kernel.facts is dense(other).weight_facts["kernel"]
        assert dense(other).kernel.facts is not dense(found).kernel.facts
        assert len(other.losses) == 3


def test_assigned_state_keeps_buffers_and_their_names() -> None:
    found = model()
    before = [(name, type(value)) for name, value in found.named_buffers()]
    assigned(found)
    assert [(name, type(value)) for name, value in found.named_buffers()] == before
    assert [w.path for w in found.weights] == [w.path for w in model().weights]


def test_old_weight_norm_is_penalised_too() -> None:
    found = model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.nn.utils.weight_norm(dense(found), "kernel", dim=1)
    assert [loss.item() for loss in found.losses] == pytest.approx([loss.item() for loss in model().losses])
