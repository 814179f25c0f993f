"""What a person sees while a model trains: a live display, lines in a log, or nothing."""

from .display import Progress
from .interactive import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled

__all__ = [
    "Progress",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "is_interactive_logging_enabled",
]
