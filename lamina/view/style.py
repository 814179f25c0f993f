"""Colours and measures of pictures. They hold on a white page and on a dark one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colors:
    """``fill`` behind dark text, ``rim`` around it, ``accent`` for the bar at its left and for small text on it."""

    fill: str
    rim: str
    accent: str


FAMILY_COLORS = {
    "input": Colors("#e9eef4", "#93a4b8", "#51657f"),
    "convolution": Colors("#dfecff", "#86b3ee", "#2b67c4"),
    "core": Colors("#e8e5ff", "#a99ff0", "#5a48cf"),
    "normalization": Colors("#dbf5ec", "#74cbb1", "#0d7359"),
    "activation": Colors("#fff2d2", "#e3bb59", "#8a5f00"),
    "merging": Colors("#ffe4ea", "#ee9db0", "#bd2d54"),
    "pooling": Colors("#dbf4fb", "#74c4dc", "#0c6f8b"),
    "reshaping": Colors("#efefef", "#b4b4b4", "#606060"),
    "regularization": Colors("#eff5da", "#b4cb6c", "#566e0d"),
    "rnn": Colors("#ffe8d6", "#eda66e", "#ab4f08"),
    "attention": Colors("#fbe3fa", "#dd96da", "#98249a"),
    "preprocessing": Colors("#e2f3dd", "#94c483", "#35722a"),
    "function": Colors("#f4f1ea", "#c0b6a2", "#6b5e45"),
    "model": Colors("#dde4ec", "#76869a", "#34465c"),
    "custom": Colors("#f7e6dc", "#cda48b", "#85502f"),
    "output": Colors("#2f3b4a", "#8b99ab", "#ffffff"),
}

INK = "#18212c"
MUTED = "#4a5666"
LINE = "#77828f"  # lines and their labels: as far from white as from black
FRAME = "#8b98a8"

TITLE = 13.0
SMALL = 11.0
TINY = 10.5

PAD_X = 12.0  # from a card's rim to its text
PAD_Y = 8.0
BAR = 3.0  # the accent bar
LEADING = 15.0  # from line to line of text
RADIUS = 7.0
WIDEST = 320.0  # pixels of text in a card, beyond which it is shortened
TAIL = 16.0  # room for one label behind a box
MARGIN = 14.0
ARROW = 7.0
