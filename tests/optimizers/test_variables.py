"""An optimizer's state as Keras shows it: variables, `set_weights`, `stateless_apply`, gradients as arrays."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

import lamina
from lamina import optimizers
from lamina.optimizers import Optimizer

GRADIENT = [np.array([[0.5, -1.0], [2.0, 0.25]], "float32"), np.array([1.0, -3.0], "float32")]
MADE: dict[str, Callable[[], Optimizer]] = {
    "SGD": lambda: optimizers.SGD(0.1, momentum=0.9),
    "Adam": lambda: optimizers.Adam(0.1),
    "AdamW with an average": lambda: optimizers.AdamW(0.1, use_ema=True),
    "accumulating": lambda: optimizers.RMSprop(0.1, gradient_accumulation_steps=2),
    "Muon": lambda: optimizers.Muon(0.1),
    "Adafactor": lambda: optimizers.Adafactor(0.1),
    "LossScale": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.1), initial_scale=8.0),
    "several": lambda: optimizers.MultiOptimizer(optimizers.Adam(0.1)),
}


def weights() -> list[lamina.Variable]:
    return [lamina.Variable([[1.0, 2.0], [3.0, 4.0]]), lamina.Variable([1.0, 2.0])]


def values(tensors: list[torch.Tensor]) -> list[list[float]]:
    return [tensor.detach().clone().tolist() for tensor in tensors]


@pytest.mark.parametrize("name", MADE)
def test_a_step_on_values_is_the_step_that_is_made(name: str) -> None:
    plain, beside = MADE[name](), MADE[name]()
    trained, resting = weights(), weights()
    plain.build(trained)
    beside.build(resting)
    state, new = [v.value.clone() for v in beside.variables], [v.value.clone() for v in resting]
    before = values(beside.variables)
    for _ in range(3):
        plain.apply(GRADIENT, trained)
        new, state = beside.stateless_apply(state, GRADIENT, new)
        for got, due in zip([*new, *state], [*trained, *plain.variables], strict=True):
            torch.testing.assert_close(got, due.detach().as_subclass(torch.Tensor))
    assert values(beside.variables) == before
    assert values(resting) == values(weights())


@pytest.mark.parametrize("name", MADE)
def test_state_goes_over_by_set_weights(name: str) -> None:
    one, other = MADE[name](), MADE[name]()
    first, second = weights(), weights()
    one.apply(GRADIENT, first)
    with pytest.raises(ValueError, match="no state yet"):
        other.set_weights(one.variables)
    other.build(second)
    other.set_weights([variable.numpy() for variable in one.variables])
    assert values(other.variables) == values(one.variables)
    assert other.iterations == one.iterations
    with pytest.raises(ValueError, match="number of variables"):
        other.set_weights(one.variables[:-1])
    for a, b in zip(first, second, strict=True):
        b.assign(a)
    one.apply(GRADIENT, first)
    other.apply(GRADIENT, second)
    assert values(first) == values(second)


def test_assigning_a_variable_changes_the_optimizer() -> None:
    sgd, own = optimizers.SGD(0.1, momentum=0.5), weights()
    sgd.build(own)
    named = {variable.key: variable for variable in sgd.variables}
    named["1/momentum"].assign([5.0, 6.0])
    named["learning_rate"].assign(1.0)
    named["iterations"].assign(7)
    assert sgd.state_dict()["1/momentum"].tolist() == named["1/momentum"].value.tolist() == [5.0, 6.0]
    assert (sgd.learning_rate, sgd.iterations) == (1.0, 7)
    with pytest.raises(ValueError, match="another shape"):
        named["1/momentum"].assign([5.0])
    sgd.apply([None, np.zeros(2, "float32")], own)
    assert own[1].tolist() == [3.5, 5.0]


def test_the_numbers_of_an_optimizer_are_variables_too() -> None:
    sgd = optimizers.SGD(0.5, gradient_accumulation_steps=2)
    sgd.iterations.assign(3)
    assert (sgd.iterations, sgd.iterations.value.item(), sgd.iterations.numpy().shape) == (3, 3, ())
    assert sgd.learning_rate.value.item() == 0.5
    assert type(copy.deepcopy(sgd.iterations)) is int


def test_a_loss_may_be_a_number() -> None:
    assert optimizers.SGD(loss_scale_factor=4.0).scale_loss(2.0) == 8.0
    assert float(optimizers.LossScaleOptimizer(optimizers.SGD(), initial_scale=4.0).scale_loss(2.0)) == 8.0


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "scaled"])
def test_a_weight_that_takes_its_gradient_may_be_the_only_one(wrapped: bool) -> None:
    optimizer: Optimizer = optimizers.SGD(0.5)
    optimizer = optimizers.LossScaleOptimizer(optimizer) if wrapped else optimizer
    own = weights()
    own[1].overwrite_with_gradient = True
    optimizer.apply([None, torch.tensor([8.0, 9.0])], own)
    assert own[1].tolist() == [8.0, 9.0]
    assert optimizer.iterations == 1
    with pytest.raises(ValueError, match="no gradient"):
        optimizer.apply([None, None], own)


def test_several_optimizers_of_one_name_each_follow_a_schedule() -> None:
    first, second = optimizers.SGD(0.1), optimizers.SGD(0.01)
    model = lamina.Sequential([lamina.layers.Dense(2, name="a"), lamina.layers.Dense(1, name="b")])
    model.compile(optimizers.MultiOptimizer(optimizers.OptimizerMap(second, {"a/.*": first})), "mse")
    halve = lamina.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    history = model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=[halve]).history
    assert (float(first.learning_rate), float(second.learning_rate)) == (0.025, 0.0025)
    assert history["learning_rate_sgd"] != history["learning_rate_sgd_1"]
