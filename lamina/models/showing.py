"""How a model shows itself: as a table where it is asked to, as its picture with that table in a notebook."""

from __future__ import annotations

import html
from typing import Any

from lamina.one_line import quietly

_FITS = 40  # lines of a table that is shown unfolded
_PRE = "margin:8px 0;line-height:1.35;overflow-x:auto;background:transparent;color:inherit"


def summary(self: Any, *args: Any, **options: Any) -> None:
    """Print a table of the layers; see `lamina.view.summary` for the arguments."""
    from lamina.view import summary  # pictures are imported with it, and seldom wanted

    summary(self, *args, **options)


def notebook_page(self: Any) -> str:
    """What a notebook shows of the model: its picture, and under it the table, folded away where it is long.

    It names no styles and no ids, so that two cells do not meet, and has the page's colours of text and ground.
    """
    from lamina.view import model_to_svg

    lines: list[str] = []
    quietly(lambda: self.summary(print_fn=lines.append))
    svg = quietly(lambda: model_to_svg(self, show_layer_names=False), "")
    svg = svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)
    head = html.escape(repr(self))
    table = f'<pre style="{_PRE}">{html.escape(chr(10).join(lines))}</pre>' if lines else ""
    unfolded = " open" if len(lines) <= _FITS else ""
    return f"<div>{svg}<details{unfolded}><summary><code>{head}</code></summary>{table}</details></div>"
