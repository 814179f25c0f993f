"""Lamina on the command line: ``lamina convert A B``, ``lamina inspect FILE``."""

from .main import main

__all__ = ["main"]
