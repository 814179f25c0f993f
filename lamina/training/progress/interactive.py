"""The switch between showing progress and logging it: the one setting of Lamina that holds for a whole process.

Keras has it, and it answers a question about the process, not about a model: is a person looking, or a log collector?
It changes where words go and nothing else. It lives here, in `_switch`, and is read when an epoch starts.
"""

from __future__ import annotations


class _Switch:
    on = True


_switch = _Switch()


def enable_interactive_logging() -> None:
    """Show progress on standard output: a live display on a terminal or in a notebook, lines elsewhere. The default.

    >>> enable_interactive_logging()
    >>> is_interactive_logging_enabled()
    True
    """
    _switch.on = True


def disable_interactive_logging() -> None:
    """Send progress, one line an epoch, to ``logging.getLogger("lamina")`` at level INFO instead of standard output.

    Python's logging shows nothing below WARNING until it is told to: ``logging.basicConfig(level="INFO")``.

    >>> disable_interactive_logging()
    >>> is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    _switch.on = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress is shown (True) or logged (False).

    >>> is_interactive_logging_enabled()
    True
    """
    return _switch.on
