"""Progress on a terminal: a few rows that rich draws over and over, and a line for each epoch above them.

The cursor stays visible and nothing but the rows is touched, so a process that is killed leaves a sane terminal.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

from .layout import Line, Look, closing, frame
from .moment import Moment
from .writing import StreamBroken, is_terminal, write

STYLES = {
    "": "",
    "head": "bold",
    "bar": "cyan",
    "validation": "magenta",
    "rest": "dim",
    "output": "bold",
    "name": "",
    "value": "cyan",
    "time": "dim",
    "faint": "dim",
    "bad": "bold red",
}

_ERASE_LINE = "\r\x1b[2K"
_UP = "\x1b[1A"


def can_draw(stream: Any) -> bool:
    """Whether rows can be drawn over: a terminal that knows how, and that nobody else is drawing on.

    >>> import io
    >>> can_draw(io.StringIO())
    False
    """
    if isinstance(stream, Above) or hasattr(stream, "rich_proxied_file"):
        return False  # inside another live display: lines go above it
    if os.environ.get("TERM", "") in ("dumb", "unknown") or not is_terminal(stream):
        return False
    return sys.platform != "win32" or _windows_can()


def _windows_can() -> bool:
    """Whether this console of Windows knows the codes that move the cursor; those before Windows 10 do not."""
    from rich.console import detect_legacy_windows

    return not detect_legacy_windows()


class Terminal:
    """Draws on a terminal. What is printed meanwhile, on standard output or error, lands above the rows.

    Args:
        stream: the terminal.

    While rows are on the screen it stands in for ``sys.stdout`` and ``sys.stderr``, so `leave` or `close` must come.
    """

    interval = 0.2

    def __init__(self, stream: Any) -> None:
        from rich.console import Console  # not when lamina is imported: most trainings on servers never need it

        self._stream = stream
        # rich lays out and colours; we write, for rich ends the process when a pipe is broken.
        self._sheet = _Sheet(getattr(stream, "encoding", None) or "utf-8")
        self._console = Console(file=self._sheet, force_jupyter=False, highlight=False, markup=False, emoji=False)
        self._sizes: list[int] = []  # columns of the rows on the screen
        self._partial = False  # somebody's line is not ended yet
        self._caught: list[tuple[str, Above]] = []

    def wait(self) -> float:
        """Seconds from the start of an epoch to its first drawing."""
        return 0.0

    def show(self, moment: Moment) -> None:
        """Draw the rows, over those that are there."""
        look = self._look()
        rows = frame(moment, look)
        room = max(2, self._console.height - 1)
        if len(rows) > room:
            rows = [*rows[: room - 1], [(f"  ... {len(rows) - room + 1} more", "faint")]]
        try:
            self._put(rows, look, "")
        except StreamBroken:
            self._release()
            raise
        self._sizes = [min(look.size(row), look.width) for row in rows]
        if not self._caught:
            self._catch()

    def leave(self, moment: Moment, hurry: bool) -> None:
        """Take the rows away and put the line of the epoch in their place."""
        self._release()
        look = self._look()
        self._put(closing(moment, look), look, "\n")

    def close(self) -> None:
        """Take the rows away."""
        self._release()
        eraser = self._eraser()
        if eraser:
            write(self._stream, eraser)

    def make_room(self, text: str) -> str:
        """The codes to write before somebody else's text. The rows come back with the next drawing."""
        self._partial = not text.endswith("\n")
        return self._eraser()

    def _put(self, rows: list[Line], look: Look, end: str) -> None:
        """Rows in the place of those that are there, in one write, so that nothing flickers."""
        start = "\n" if self._partial else ""
        self._partial = False
        write(self._stream, self._eraser() + start + self._rendered(rows, look.width) + end)

    def _eraser(self) -> str:
        """Codes that take the rows away. A terminal made narrower since has broken them into more."""
        if not self._sizes:
            return ""
        width = self._console.width
        height = sum(max(1, -(-size // width)) for size in self._sizes)
        self._sizes = []
        return _ERASE_LINE + (_UP + _ERASE_LINE) * (height - 1)

    def _look(self) -> Look:
        from rich.cells import cell_len

        # One column less than there is: a full line makes some terminals go on to the next.
        width = max(8, self._console.width - 1)
        if self._sheet.encoding.lower().startswith("utf"):
            return Look(width, measure=cell_len)
        return Look(width, "=", "-", measure=cell_len)

    def _rendered(self, rows: list[Line], width: int) -> str:
        """Rows as text with the codes of their colours."""
        from rich.text import Text

        lines = [Text.assemble(*((text, STYLES[style]) for text, style in row)) for row in rows]
        for line in lines:
            line.truncate(width)
        self._console.print(Text("\n").join(lines), end="", soft_wrap=True)
        return self._sheet.take()

    def _catch(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is self._stream or is_terminal(stream):
                self._caught.append((name, Above(stream, self.make_room)))
                setattr(sys, name, self._caught[-1][1])

    def _release(self) -> None:
        for name, stand_in in self._caught:
            if getattr(sys, name) is stand_in:  # else somebody has put another one there: theirs to take away
                setattr(sys, name, stand_in.stream)
        self._caught = []


class _Sheet(io.StringIO):
    """What rich writes on, taking it for the terminal."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True

    def take(self) -> str:
        """What was written since the last time."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


class Above:
    """Stands in for a stream: whatever is written takes the rows away first."""

    def __init__(self, stream: Any, make_room: Callable[[str], str]) -> None:
        self.stream, self._make_room = stream, make_room

    def write(self, text: str) -> int:
        if text:
            self.stream.write(self._make_room(text) + text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
