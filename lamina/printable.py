"""Text that others wrote, made fit for a terminal and a log."""

from __future__ import annotations

from .columns import cut

# Of what a file says.
QUOTED = 200


def printable(text: str, width: int = QUOTED) -> str:
    """A text whose lines are at most so wide on a screen, with control and formatting characters written out.

    What is cut is cut from the middle, so that both what it is and how it ends stays.

    >>> printable("a\\x1b[31mb\\u202ec")
    'a\\\\x1b[31mb\\\\u202ec'
    >>> printable("x" * 10**6, width=20)
    'xxxxxxxx...xxxxxxxxx'
    """
    return "\n".join(_line(line, width) for line in text.split("\n"))


def _line(line: str, width: int) -> str:
    line = cut(line, width)
    if line.isprintable():
        return line
    escaped = "".join(sign if sign.isprintable() else _escaped(sign) for sign in line)
    return cut(escaped, width)


def _escaped(sign: str) -> str:
    number = ord(sign)  # by hand: the codec for this is imported when it is first used
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
