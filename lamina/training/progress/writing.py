"""Writing to a stream that may be gone, closed, broken, or none at all."""

from __future__ import annotations

from typing import Any

# What streams raise that cannot be written to: closed ones (ValueError), broken pipes and full disks (OSError), objects
# that only half look like files (the others).
_FAULTS = (OSError, ValueError, TypeError, AttributeError, RuntimeError, LookupError)


class StreamBroken(Exception):  # noqa: N818 - caught by `Progress`; nobody reads it
    """A stream cannot be written to. The cause says why."""


def write(stream: Any, text: str) -> None:
    """Write and flush; what the stream's encoding lacks as escapes. No stream at all, as under ``pythonw``, is fine.

    Raises:
        StreamBroken: whatever the stream raised.

    >>> import io
    >>> stream = io.StringIO()
    >>> write(stream, "Epoch 1")
    >>> stream.close()
    >>> write(stream, "Epoch 2")
    Traceback (most recent call last):
    ...
    lamina.training.progress.writing.StreamBroken: I/O operation on closed file
    """
    if stream is None:
        return
    try:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        if hasattr(stream, "flush"):
            stream.flush()
    except _FAULTS as fault:
        raise StreamBroken(str(fault)) from fault


def is_terminal(stream: Any) -> bool:
    """Whether a person's screen is at the other end.

    >>> import io
    >>> is_terminal(io.StringIO()), is_terminal(None)
    (False, False)
    """
    try:
        return bool(stream.isatty())
    except _FAULTS:  # one that is closed, or knows nothing of terminals: it is none
        return False
