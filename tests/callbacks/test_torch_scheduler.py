"""PyTorch's own schedulers in ``fit``: the rates of a loop by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import lamina
from lamina import ArgumentError
from lamina.callbacks import LambdaCallback, TorchScheduler
from lamina.layers import Dense, Input
from lamina.models import Model

SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], milestones=[2]
    ),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (epoch + 1)),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=40),
}


def rates(name, split=None):
    """Learning rates at the start of each step, by ``fit`` or (split: after how many epochs) by two fits in a row."""
    x = Input((3,))
    model = Model(x, Dense(1)(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.compile(optimizer, "mse")
    seen = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(optimizer.param_groups[0]["lr"]))
    data = np.ones((16, 3), "float32")
    model.fit(data, data[:, :1], batch_size=4, epochs=6, verbose=0, callbacks=[SCHEDULERS[name](optimizer), watch])
    return seen


@pytest.mark.parametrize("name", SCHEDULERS)
def test_rates_are_those_of_a_loop_by_hand(name):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    scheduler = SCHEDULERS[name](optimizer)
    expected = []
    for _ in range(6):
        for _ in range(4):
            expected.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if name == "OneCycleLR":
                scheduler.step()
        if name != "OneCycleLR":
            scheduler.step()
    assert rates(name) == pytest.approx(expected)


def test_a_plateau_is_seen_in_the_number_that_is_named():
    x = Input((3,))
    model = Model(x, Dense(1)(x))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0001)
    model.compile(optimizer, "mse")
    data = np.ones((8, 3), "float32")
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0, threshold=1e9, threshold_mode="abs")
    model.fit(data, data[:, :1], epochs=3, verbose=0, callbacks=[TorchScheduler(plateau, monitor="loss")])
    assert optimizer.param_groups[0]["lr"] < 0.0001
    with pytest.raises(ArgumentError, match="'val_loss', which was not measured"):
        model.fit(data, data[:, :1], verbose=0, callbacks=[plateau])


def test_a_scheduler_of_another_optimizer_is_refused():
    x = Input((3,))
    model = Model(x, Dense(1)(x))
    model.compile("sgd", "mse")
    scheduler = SCHEDULERS["StepLR"](torch.optim.SGD(model.parameters(), lr=0.1))
    data = np.ones((8, 3), "float32")
    with pytest.raises(ArgumentError, match="StepLR schedules another optimizer"):
        model.fit(data, data[:, :1], verbose=0, callbacks=[scheduler])
    with pytest.raises(ArgumentError, match="'epoch' or 'step'"):
        TorchScheduler(scheduler, every="day")
    with pytest.raises(ArgumentError, match="a scheduler of PyTorch's"):
        TorchScheduler(lamina.optimizers.schedules.CosineDecay(0.1, 10))


@pytest.mark.parametrize("name", ["StepLR", "OneCycleLR", "LambdaLR"])
def test_its_state_goes_on_where_it_was(name):
    def fresh():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
        return TorchScheduler(SCHEDULERS[name](optimizer))

    first, second = fresh(), fresh()
    for _ in range(3):
        first.scheduler.optimizer.step()
        first.scheduler.step()
    second.load_state_dict(first.state_dict())
    second.scheduler.optimizer.load_state_dict(first.scheduler.optimizer.state_dict())
    for each in (first, second):
        each.scheduler.optimizer.step()
        each.scheduler.step()
    assert second.scheduler.get_last_lr() == first.scheduler.get_last_lr()
