"""Folding: a graph rewritten for inference, where layers that follow each other become one step."""

from .fold import Folding, can_fold

__all__ = ["Folding", "can_fold"]
