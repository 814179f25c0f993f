"""A plan as a table."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_WIDE = 150


def table(plan: Any) -> str:
    """The rows, and what they rest on."""
    shown = Table(title=f"{plan.model}: a step of {plan.batch:,} rows on {plan.device.name}", box=box.SIMPLE_HEAD)
    for name, side in (("devices", "right"), ("layout", "left"), *((n, "right") for n in _FIGURES)):
        shown.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]  # one of its words
    before = None
    for row in plan.rows:
        name = row.layout if row.layout != "tensor parallel" else f"{row.layout} × {row.parts}"
        figures = (
            *map(size, (row.weights, row.gradients, row.state, row.gathered, row.activations)),
            size(row.memory) + ("" if row.fits else " !"), size(row.sent),
            duration(row.step), size(row.rate, ("", "k", "M", "G")), f"{row.scaling:.1%}",
        )  # fmt: skip
        shown.add_row(f"{row.devices:,}" if row.devices != before else "", name, *figures)
        before = row.devices
    console = Console(width=_WIDE, force_terminal=False, color_system=None)
    with console.capture() as text:
        console.print(shown)
    notes = [
        "Of one device; bytes are counted, seconds are estimated. ! does not fit.",
        f"{plan.operations:.3g} operations in a step. {plan.device.source}.",
        *(f"Left out: {reason}." for reason in plan.left_out),
    ]
    lines = [line.rstrip() for line in text.get().splitlines()]
    return "\n".join([*lines, *notes])


_FIGURES = ("weights", "gradients", "state", "gathered", "activations", "memory", "sent", "step", "rows/s", "scaling")


def size(count: float, units: tuple[str, ...] = ("B", "kB", "MB", "GB", "TB")) -> str:
    """Bytes, with three digits.

    >>> size(0), size(999), size(1_234_567)
    ('0', '999 B', '1.23 MB')
    """
    if count < 1:
        return "0"
    larger = 0
    while count >= 999.5 and larger < len(units) - 1:
        count, larger = count / 1000, larger + 1
    return f"{count:.3g} {units[larger]}".rstrip()


def duration(seconds: float) -> str:
    """Seconds, with three digits.

    >>> duration(0.01234), duration(3e-6)
    ('12.3 ms', '3 us')
    """
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"
