"""The one place for process-wide defaults: what is taken where an argument was left out.

They are read when a layer, `Input`, loss, metric, constraint or weight is **made**, or when `fit` begins, and what was
read is kept there. Nothing reads them while a model runs, so changing one changes what is made afterwards and nothing
that exists; but for `epsilon`, which losses, metrics, constraints and functions ask for whenever they compute, as
Keras' do. `lamina.config` reads and sets them by Keras' names.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch

EPSILON = 1e-7
"""Keras' number that keeps probabilities away from 0 and 1, and divisors and arguments of logarithms from 0."""


@dataclass
class Defaults:
    """The defaults, as they are before anyone sets them.

    Attributes:
        chosen_floatx: what `floatx` was set to; None: it follows ``torch.get_default_dtype()``.
        epsilon: keeps divisors and logarithms away from 0.
        image_data_format: "channels_last" or "channels_first".
        policy: the dtype policy of layers; None follows `floatx`.
        max_epochs, max_steps_per_epoch: `fit` does no more than this; None for no limit.
        folds_tracebacks: whether tracebacks leave out the library's frames; read when an error is raised. The variable
            ``LAMINA_FULL_TRACEBACK=1`` of the environment has them whole.
        interactive: whether progress is shown (True) or logged; read when an epoch starts.
        uids: how often `backend.get_uid` was asked for each prefix.
        distribution: the `lamina.distribution.Distribution` of a model for which none is said.

    >>> Defaults().floatx
    'float32'
    """

    chosen_floatx: str | None = None
    epsilon: float = EPSILON
    image_data_format: str = "channels_last"
    policy: Any = None
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    folds_tracebacks: bool = field(default_factory=lambda: os.environ.get("LAMINA_FULL_TRACEBACK", "0") in ("", "0"))
    interactive: bool = True
    uids: Counter[str] = field(default_factory=Counter)
    distribution: Any = None

    @property
    def floatx(self) -> str:
        """Dtype of inputs, and of layers where there is no policy."""
        return self.chosen_floatx or str(torch.get_default_dtype()).removeprefix("torch.")


defaults = Defaults()
