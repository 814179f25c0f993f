"""From data to batches to steps to numbers: what ``fit``, ``evaluate`` and ``predict`` are made of."""

from typing import TYPE_CHECKING

from lamina.public_names import names_of

from .scores import Scores
from .trainer import Trainer

__all__ = ["Scores", "Trainer"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
