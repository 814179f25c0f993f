"""Progress in a notebook: one place in the output, updated where it stands."""

from __future__ import annotations

import html
import io
import sys
import uuid
from typing import Any

from .layout import Line, Look, closing, frame, text_of
from .moment import Moment

STYLES = {
    "head": "font-weight:bold",
    "bar": "color:#1f9ab0",
    "validation": "color:#a04fc0",
    "rest": "opacity:.4",
    "output": "font-weight:bold;color:#3a6fd0",
    "value": "color:#1f9ab0",
    "time": "opacity:.6",
    "faint": "opacity:.6",
    "bad": "font-weight:bold;color:#d03030",
}

_KEPT = 100  # epochs that stay on show; a browser with thousands of lines that change twice a second is no help


def is_notebook(stream: Any) -> bool:
    """Whether what is shown lands in a notebook: a kernel of IPython runs, and output is not redirected to a file.

    IPython is never imported for the question: in a kernel it is there already.

    >>> is_notebook(sys.stdout)
    False
    """
    ipython = sys.modules.get("IPython")
    if ipython is None or isinstance(stream, (io.StringIO, io.TextIOWrapper)):
        return False
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class Notebook:
    """One display of IPython: the epochs so far, a line for each, and below them the one that runs."""

    interval = 0.5

    def __init__(self) -> None:
        self._id = f"lamina-{uuid.uuid4().hex}"
        self._look = Look(100)
        self._left: list[Line] = []
        self._running: list[Line] = []
        self._dropped = 0
        self._shown = self._stale = False

    def wait(self) -> float:
        """Seconds from the start of an epoch to its first drawing."""
        return 0.0

    def show(self, moment: Moment) -> None:
        """Draw the epoch that runs."""
        self._running = frame(moment, self._look)
        self._update()

    def leave(self, moment: Moment, hurry: bool) -> None:
        """Keep the line of an epoch that is over; show it at once if there is hurry, else with the next drawing."""
        self._running = []
        self._left += closing(moment, self._look)
        over = max(0, len(self._left) - _KEPT)
        self._dropped, self._left = self._dropped + over, self._left[over:]
        self._stale = True
        if hurry:
            self._update()

    def close(self) -> None:
        """Show what is not shown yet, without an epoch that runs."""
        if self._stale or self._running:
            self._running = []
            self._update()

    def _update(self) -> None:
        from IPython.display import display

        head: list[Line] = [[(f"... {self._dropped} lines before", "faint")]] if self._dropped else []
        display(Picture([*head, *self._left, *self._running]), display_id=self._id, update=self._shown)
        self._shown, self._stale = True, False


class Picture:
    """Rows that a notebook shows in colour and anything else as text."""

    def __init__(self, rows: list[Line]) -> None:
        self.rows = rows

    def __repr__(self) -> str:
        return "\n".join(map(text_of, self.rows))

    def _repr_html_(self) -> str:
        body = "\n".join("".join(_marked(*span) for span in row) for row in self.rows)
        return f'<pre style="margin:0;line-height:1.4;white-space:pre-wrap">{body}</pre>'


def _marked(text: str, style: str) -> str:
    css = STYLES.get(style)
    return f'<span style="{css}">{html.escape(text)}</span>' if css else html.escape(text)
