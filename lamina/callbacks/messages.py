"""What a callback says when ``verbose=1`` asks for it."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("lamina")


def say(line: str) -> None:
    """Print one line of plain ASCII. A closed or broken stream must not end a training: its lines are logged."""
    try:
        print(line.encode("ascii", "replace").decode(), flush=True)  # noqa: T201  verbose=1 asks for it
    except (OSError, ValueError):
        _LOGGER.info(line)
