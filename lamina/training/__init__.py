"""From data to batches to steps to numbers: what ``fit``, ``evaluate`` and ``predict`` are made of."""

from .scores import Scores
from .trainer import Trainer

__all__ = ["Scores", "Trainer"]
