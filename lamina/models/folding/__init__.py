"""Folding: a graph rewritten where layers that follow each other become one step: for inference, and for training."""

from .fold import Folding, can_fold
from .joining import Joining

__all__ = ["Folding", "Joining", "can_fold"]
