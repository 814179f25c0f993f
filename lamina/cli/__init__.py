"""Lamina on the command line: ``lamina convert A B``."""

from .main import main

__all__ = ["main"]
