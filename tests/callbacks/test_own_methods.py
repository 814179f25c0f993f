"""Methods of a callback of the user's: what is near a hook is told of, what is the user's own is not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import layers


def fitted_with(callback):
    model = lamina.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 2)), np.zeros(4), callbacks=[callback], verbose=0)


class Reports(lamina.callbacks.Callback):
    """Calls some of its methods itself; others are for whoever holds it."""

    def on_epoch_end(self, epoch, logs=None):
        getattr(self, "on_" + "report")(epoch)

    def on_report(self, epoch):
        self.said = epoch

    def on_new_best(self, value): ...

    def on_done(self): ...

    def on_click(self, event): ...


def test_methods_of_ones_own_are_silent():
    callback = Reports()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted_with(callback)
    assert callback.said == 0


@pytest.mark.parametrize("name", ["on_epoch_ends", "on_epochs_end", "on_batch_ended", "on_training_begin"])
def test_misspelt_hooks_are_told_of(name):
    kind = type("Own", (lamina.callbacks.Callback,), {name: lambda self, epoch, logs=None: None})
    with pytest.warns(UserWarning, match=rf"Own.{name} is no hook.*Try: 'on_"):
        fitted_with(kind())
