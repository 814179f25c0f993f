"""What goes wrong between processes. Run as a script by each, with the name of a function here."""

from __future__ import annotations

import os
import sys
import time
import warnings
from typing import Any

import numpy as np
import torch

import lamina
from lamina import callbacks, layers
from lamina.models import Model
from tests.distribution.processes import hand_over

RANK = int(os.environ.get("RANK", "0"))


def model(width: int = 3, activation: str = "tanh") -> Model:
    x = layers.Input((4,))
    made = Model(x, layers.Dense(1)(layers.Dense(width, activation=activation)(x)))
    made.compile("sgd", "mse")
    return made


def fit(made: Model, rows: int = 12, **options: Any) -> str:
    """What `fit` refuses, in its words."""
    try:
        made.fit(np.ones((rows, 4)), np.ones((rows, 1)), **({"batch_size": 4, "verbose": 0} | options))
    except lamina.LaminaError as error:
        return str(error)
    return ""


def disagree() -> None:
    """Every rank is told alike, and the group goes on."""
    told = [
        fit(model(), seed=RANK),
        fit(model(3 + RANK)),
        fit(model(activation=["tanh", "relu"][RANK])),
        fit(model(), rows=12 + RANK),
        fit(model(), epochs=1 + RANK),
        fit(model(), seed=3),
    ]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model().fit(np.full((8, 4), RANK), np.ones((8, 1)), verbose=0)
    told.append(" ".join(str(warning.message) for warning in seen))
    hand_over(told)


class AtThirdBatch(callbacks.Callback):
    def __init__(self, work: Any) -> None:
        super().__init__()
        self.work = work

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 2 and RANK == 1:
            self.work()


def fails() -> None:
    """One rank raises an error of its own."""

    def raises() -> None:
        raise KeyError("of the user")

    model().fit(np.ones((40, 4)), np.ones((40, 1)), batch_size=4, verbose=0, callbacks=[AtThirdBatch(raises)])


def hangs() -> None:
    """One rank does not go on, for longer than the others wait."""
    torch.manual_seed(0)
    work = AtThirdBatch(lambda: time.sleep(25))
    model().fit(np.ones((40, 4)), np.ones((40, 1)), batch_size=4, verbose=0, callbacks=[work])


if __name__ == "__main__":
    {"disagree": disagree, "fails": fails, "hangs": hangs}[sys.argv[1]]()
