"""What a person sees while a model trains: a live display, lines in a log, or nothing."""

from .display import Progress

__all__ = ["Progress"]
