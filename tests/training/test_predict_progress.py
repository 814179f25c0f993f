"""`predict` shows how far it is as `fit` and `evaluate` do, and nothing where it is done at once."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import lamina
from lamina import layers


@pytest.fixture
def model():
    return lamina.Sequential([lamina.Input((3,)), layers.Dense(2)])


ROWS = np.ones((100, 3), "float32")


@pytest.mark.parametrize(
    "given, options, steps",
    [
        (ROWS, {}, "4 steps"),
        (ROWS, {"verbose": 1, "batch_size": 50}, "2 steps"),
        (ROWS, {"verbose": 2}, "4 steps"),
        (ROWS, {"steps": 3}, "3 steps"),
        (ROWS[:5], {"verbose": 1}, "1 step"),
        (ROWS[:5], {"verbose": 2}, "1 step"),
        (torch.utils.data.DataLoader(torch.ones(30, 3), batch_size=10), {}, "3 steps"),
        ((ROWS[:4] for _ in range(5)), {}, "5 steps"),
    ],
)
def test_one_plain_line_where_there_is_no_terminal(model, capsys, given, options, steps):
    model.predict(given, **options)
    line = capsys.readouterr().out
    assert re.fullmatch(rf"Prediction - {steps} - \S+ - \S+ \w+/step\n", line)


@pytest.mark.parametrize(
    "options", [{"verbose": 0}, {"verbose": False}, {"x": ROWS[:32]}, {"x": [ROWS[:9]]}, {"batch_size": 100}]
)
def test_nothing_where_nothing_is_asked_or_all_is_one_batch(model, capsys, options):
    model.predict(**{"x": ROWS, **options})
    assert capsys.readouterr().out == ""


def test_logging_that_is_not_interactive_goes_to_the_logger(model, capsys, logged):
    lamina.config.disable_interactive_logging()
    try:
        model.predict(ROWS)
    finally:
        lamina.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert "Prediction - 4 steps" in "\n".join(logged)


def test_a_wrong_word_is_refused(model):
    with pytest.raises(lamina.graph.ArgumentError, match="verbose says how much is shown"):
        model.predict(ROWS, verbose="loud")


def test_a_callback_is_told(model):
    told = []

    class Asks(lamina.callbacks.Callback):
        def on_predict_begin(self, logs=None):
            told.append(self.params["verbose"])

    model.predict(ROWS, verbose=0, callbacks=[Asks()])
    model.predict(ROWS, verbose=2, callbacks=[Asks()])
    assert told == [0, 2]
