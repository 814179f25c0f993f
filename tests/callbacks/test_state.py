"""A callback that is stopped anywhere and goes on in another process behaves as one that was not stopped."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lamina.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from lamina.graph import tree
from tests.callbacks.fakes import FakeModel, play


def through_a_file(state):
    """The state as a new process reads it: JSON, with tensors and arrays beside it."""
    arrays = []

    def put_aside(leaf):
        if isinstance(leaf, torch.Tensor | np.ndarray):
            arrays.append(leaf.clone() if isinstance(leaf, torch.Tensor) else leaf.copy())
            return {"array": len(arrays) - 1}
        return leaf

    def put_back(value):
        if isinstance(value, dict):
            return arrays[value["array"]] if set(value) == {"array"} else {k: put_back(v) for k, v in value.items()}
        return [put_back(v) for v in value] if isinstance(value, list) else value

    return put_back(json.loads(json.dumps(tree.map_leaves(put_aside, state), allow_nan=False)))


def moving(model, epoch):
    """Weights and statistics of the model after that epoch."""
    with torch.no_grad():
        model.weight.fill_(epoch + 0.5)
        model.moving_mean.fill_(-epoch)


CALLBACKS = {
    "EarlyStopping": lambda: EarlyStopping(patience=3, restore_best_weights=True, baseline=0.5),
    "ReduceLROnPlateau": lambda: ReduceLROnPlateau(patience=2, factor=0.5, cooldown=1),
    "ModelCheckpoint": lambda: ModelCheckpoint("{epoch}.lamina", save_best_only=True),
    "LearningRateScheduler": lambda: LearningRateScheduler(lambda epoch, rate: rate * 0.75),
    "History": History,
}
FACTS = {
    "EarlyStopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
    "ModelCheckpoint": ("best",),
    "LearningRateScheduler": (),
    "History": ("epoch", "history"),
}


@pytest.mark.parametrize("name", CALLBACKS)
@given(st.lists(st.integers(0, 8).map(lambda n: n / 8), min_size=1, max_size=10), st.integers(0, 10))
def test_stopped_between_epochs(name, values, cut):
    epochs = [(i, {"val_loss": v}) for i, v in enumerate(values)]
    cut = min(cut, len(epochs))

    def run(parts):
        model, trace = FakeModel(), []
        callback = CALLBACKS[name]()
        for i, part in enumerate(parts):
            if i:  # a new process: a new callback, which begins to train and is then given the state
                state = through_a_file(callback.state_dict())
                callback = CALLBACKS[name]()
                callback.set_model(model)
                callback.on_train_begin({})
                callback.load_state_dict(state)
            for epoch in play(callback, [(e, dict(logs)) for e, logs in part], model, begin=not i):
                moving(model, epoch)
                trace.append((epoch, model.stop_training, model.optimizer.learning_rate))
            if model.stop_training:
                break
        callback.on_train_end({})
        ends = (model.weight.tolist(), model.moving_mean.tolist(), list(model.saved))
        return trace, ends, [getattr(callback, fact) for fact in FACTS[name]]

    assert run([epochs]) == run([epochs[:cut], epochs[cut:]])


def test_a_rate_is_not_set_twice_for_an_epoch_that_is_resumed_from_its_beginning():
    model = FakeModel()
    first = LearningRateScheduler(lambda epoch, rate: rate / 2)
    first.set_model(model)
    first.on_train_begin()
    first.on_epoch_begin(0)
    second = LearningRateScheduler(first.schedule)
    second.set_model(model)
    second.on_train_begin()
    second.load_state_dict(through_a_file(first.state_dict()))
    second.on_epoch_begin(0)
    assert model.optimizer.learning_rate == 0.5
    second.on_epoch_begin(1)
    assert model.optimizer.learning_rate == 0.25


def test_a_checkpoint_counts_its_batches_on():
    def run(cut):
        model, saved = FakeModel(), ModelCheckpoint("{epoch}-{batch}.lamina", save_freq=4)
        for epoch in range(3):
            for batch in range(5):
                if (epoch, batch) == cut:
                    state = through_a_file(saved.state_dict())
                    saved = ModelCheckpoint("{epoch}-{batch}.lamina", save_freq=4)
                    saved.set_model(model)
                    saved.on_train_begin()
                    saved.on_epoch_begin(epoch)
                    saved.load_state_dict(state)
                saved.set_model(model)
                if not batch:
                    saved.on_epoch_begin(epoch)
                saved.on_train_batch_begin(batch)
                saved.on_train_batch_end(batch, {})
            saved.on_epoch_end(epoch, {})
        return [path for _, path in model.saved]

    assert run(None) == ["1-4.lamina", "2-3.lamina", "3-2.lamina"]
    assert all(run((epoch, batch)) == run(None) for epoch in range(3) for batch in range(1, 5))


def test_history_gives_plain_numbers_and_keeps_its_own_lists():
    history = History()
    history.on_epoch_end(0, {"loss": np.float32(0.5), "auc": torch.tensor(0.25), "f1": [0.5, 1.0]})
    state = history.state_dict()
    assert state == {"epoch": [0], "history": {"loss": [0.5], "auc": [0.25], "f1": [[0.5, 1.0]]}}
    history.on_epoch_end(1, {"loss": 0.25})
    assert state["epoch"] == [0]
    assert state["history"]["loss"] == [0.5]


class Counter(Callback):
    def __init__(self, n=0):
        super().__init__()
        self.n = n

    def state_dict(self):
        return {"n": self.n}

    def load_state_dict(self, state):
        self.n = state["n"]


def test_a_list_keeps_the_state_of_each_by_its_class():
    saved = through_a_file(CallbackList([Counter(1), History(), Counter(2), LambdaCallback()]).state_dict())
    assert saved["Counter"] == {"n": 1}
    assert saved["Counter_1"] == {"n": 2}
    first, second, new = Counter(), Counter(), Counter()
    CallbackList([LambdaCallback(), first, second, new, History()]).load_state_dict(saved)
    assert (first.n, second.n, new.n) == (1, 2, 0)


def test_a_callback_that_is_missing_when_a_run_goes_on_is_named():
    saved = CallbackList([Counter(1), History()]).state_dict()
    with pytest.warns(UserWarning, match="had callbacks that this one has not: Counter; here are History"):
        CallbackList([History()]).load_state_dict(saved)


def test_without_a_difference_nothing_is_warned_of():
    calls = CallbackList([Counter(1), History()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calls.load_state_dict(calls.state_dict())
