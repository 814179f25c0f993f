"""Numbers, names and times in words short enough for a line, whatever they are."""

from __future__ import annotations

import math
from typing import Any

_LONGEST = 40  # characters of a value that is text
_ITEMS = 4  # of a value that is a list


def number(value: Any) -> str:
    """A value of the logs: four digits after the point, or an exponent where these would say nothing.

    >>> number(0.25), number(1e-5), number(float("nan")), number(3), number([0.5, 1.0])
    ('0.2500', '1.000e-05', 'nan', '3', '[0.5000, 1.0000]')
    """
    if getattr(value, "ndim", 0) and hasattr(value, "reshape"):
        value = value.reshape(-1)[: _ITEMS + 1]  # of a large array no more than is shown
    if callable(getattr(value, "tolist", None)):  # arrays, tensors and their scalars
        value = value.tolist()
    if isinstance(value, float):
        plain = value == 0 or 1e-3 <= abs(value) < 1e6 or not math.isfinite(value)
        return f"{value:.4f}" if plain else f"{value:.3e}"
    if isinstance(value, int) and abs(value) >= 10**15:
        return f"{'-' if value < 0 else ''}2^{abs(value).bit_length() - 1}"  # Python refuses to print huge ones
    if isinstance(value, (list, tuple)):
        more = ", ..." if len(value) > _ITEMS else ""
        return "[" + ", ".join(map(number, value[:_ITEMS])) + more + "]"
    text = clean(str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def clean(name: str) -> str:
    """A name that cannot end the line or steer the terminal.

    >>> print(clean("a\\x1b[2J"))
    a\\x1b[2J
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name))


def ascii_only(line: str) -> str:
    """The line with all that is not ASCII as escapes, so that no encoding of a log file can refuse it.

    >>> print(ascii_only("größe: 1"))
    gr\\xf6\\xdfe: 1
    """
    return line.encode("ascii", "backslashreplace").decode()


def is_alarming(value: Any) -> bool:
    """Whether a number is none any more: NaN or infinite.

    >>> is_alarming(float("nan")), is_alarming(torch.tensor(float("inf"))), is_alarming(0.1)
    (True, True, False)
    """
    return number(value) in ("nan", "inf", "-inf")


def duration(seconds: float) -> str:
    """How long something took.

    >>> duration(0.012), duration(3.14159), duration(75), duration(7384)
    ('12ms', '3.1s', '1:15', '2:03:04')
    """
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 59.95 else watch(seconds)


def watch(seconds: float) -> str:
    """A time as a stop watch shows it, always as wide as the last one; days where there are any.

    >>> watch(3.6), watch(75), watch(7384), watch(200_000)
    ('0:04', '1:15', '2:03:04', '2d 7:33:20')
    """
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if not hours:
        return f"{m}:{s:02d}"
    return f"{days}d {h}:{m:02d}:{s:02d}" if days else f"{h}:{m:02d}:{s:02d}"


def rate(seconds_per_step: float, unit: str = "step") -> str:
    """How long one step takes, with three digits.

    >>> rate(0.0000853), rate(0.0123), rate(2.5)
    ('85.3 us/step', '12.3 ms/step', '2.50 s/step')
    """
    amount, name = seconds_per_step, "s"
    for scale, smaller in ((1e6, "us"), (1e3, "ms")):
        if seconds_per_step * scale < 999.5:
            amount, name = seconds_per_step * scale, smaller
            break
    digits = 2 if amount < 9.995 else 1 if amount < 99.95 else 0
    return f"{amount:.{digits}f} {name}/{unit}"
