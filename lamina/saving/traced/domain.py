"""For which sizes a trace is known to hold: what the tracer took for granted of sizes, and sizes that break it.

What a layer does was traced on one size of each unknown axis. PyTorch's tracer notes every question about sizes that
it answered on the way: a branch of the user's, a check of an operation's, the choice of a kernel. Only a run at sizes
of the other answer tells them apart: there the layer's own code refuses, does the same, or does something else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lamina._torch import tracing

from .ways import SMALL, Axis, Sizes, Way

# Where it is tried whether an answer can be another one.
_SIZES = (*range(2, 40), 1, 63, 64, 65, 100, 127, 128, 129, 192, 255, 256, 257, 320, 1000, 4096, 65537)
# No layer is run on more numbers than this only to see what it does.
_MOST_NUMBERS = 2**16
_BATCH = 3


@dataclass
class Answer:
    """One thing that the tracer took for granted.

    Attributes:
        text: for people, with the axes by name.
        where: the line of the user's file, as far as the tracer knows it.
    """

    text: str
    where: str | None
    expression: Any
    defined_by: dict[Any, Axis]
    equal_to: Axis | None = None
    known: dict[tuple[int, ...], Any] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """For people: ``shape[1] > 64 (net.py:12)``."""
        return f"{self.text} ({self.where})" if self.where else self.text

    def holds(self, sizes: Sizes) -> bool:
        """Whether it is so at these sizes."""
        values = {symbol: sizes[axis] for symbol, axis in self.defined_by.items()}
        key = tuple(values.values())
        if key not in self.known:  # to fill numbers in takes a tenth of a millisecond
            self.known[key] = _at(self.expression, values)
        found = self.known[key]
        return bool(found == sizes[self.equal_to]) if self.equal_to is not None else found is True


def answers_of(way: Way, program: Any) -> list[Answer]:
    """What the tracer took for granted of the sizes of a way's unknown axes.

    Args:
        program: that `torch.export` gave for the way's tensors as its last inputs.
    """
    if not way.axes:
        return []
    inputs = tracing.inputs_of(program)[-len(way.tensors) :]
    guards = tracing.guards(inputs[0])
    sizes = {axis: tracing.expression_of(inputs[axis[0]].shape[axis[1]]) for axis in way.axes}
    defined_by: dict[Any, Axis] = {}
    for axis, size in sizes.items():
        if getattr(size, "is_symbol", False):
            defined_by.setdefault(size, axis)
    names = {symbol: name_of(way, axis) for symbol, axis in defined_by.items()}
    fixed_at = {str(guard.expression.args[-1]): guard.where for guard in guards if guard.expression.args}
    found = [
        Answer(
            f"{name_of(way, axis)} == {_named(size, names)}",
            fixed_at.get(str(size)),
            size,
            _used(size, defined_by),
            axis,
        )
        for axis, size in sizes.items()
        if defined_by.get(size) != axis and _known(size, defined_by)
    ]
    for guard in guards:
        if guard.expression.free_symbols and _known(guard.expression, defined_by):
            used = _used(guard.expression, defined_by)
            found.append(Answer(_named(guard.expression, names), guard.where, guard.expression, used))
    return found


def breaking(way: Way, answers: list[Answer]) -> Iterator[tuple[Sizes, list[Answer]]]:
    """(sizes, the answers that are others there), those with few numbers first."""
    for sizes in _candidates(way):
        broken = [answer for answer in answers if not answer.holds(sizes)]
        if broken:
            yield sizes, broken


def _at(expression: Any, values: dict[Any, int]) -> Any:
    """What an expression is for these sizes: a number, True or False; None where it is nothing, as 1 // 0."""
    if not values:
        return expression
    try:
        found = expression.subs(values)
    except (ArithmeticError, ValueError, AssertionError):
        return None
    return bool(found) if getattr(found, "is_Boolean", False) else found


def _candidates(way: Way) -> Iterator[Sizes]:
    """Sizes at which answers may be others: all alike, then those of a batch, then those of one axis only."""
    others = [axis for axis in way.axes if axis[1]]
    for size in _SIZES:
        choices = [dict.fromkeys(way.axes, size)]
        if others:
            choices.append(dict(way.sized(_BATCH, size)))
            choices.append(dict(way.sized(size, SMALL[0])))
        base = way.sized(_BATCH, SMALL[3]) if others else way.sized(_BATCH)
        if len(way.axes) > 1:
            choices += [{**base, axis: size} for axis in way.axes]
            choices += [{**way.usual, axis: size} for axis in way.axes]
        for sizes in choices:
            if sum(map(math.prod, way.filled_shapes(sizes))) <= _MOST_NUMBERS:
                yield sizes


def name_of(way: Way, axis: Axis) -> str:
    """What people call the size of an axis.

    >>> from lamina.saving.traced.ways import Way
    >>> name_of(Way((lamina.Input((4,)),), {}, [(48, 4)]), (0, 0))
    'shape[0]'
    """
    number, place = axis
    return f"shape[{place}]" if len(way.tensors) == 1 else f"shape[{place}] of input {number}"


def _named(expression: Any, names: dict[Any, str]) -> str:
    words = {str(symbol): name for symbol, name in names.items()}
    return re.sub(r"\w+", lambda found: words.get(found[0], found[0]), str(expression))


def _known(size: Any, defined_by: dict[Any, Axis]) -> bool:
    return all(symbol in defined_by for symbol in getattr(size, "free_symbols", ()))


def _used(size: Any, defined_by: dict[Any, Axis]) -> dict[Any, Axis]:
    return {symbol: defined_by[symbol] for symbol in getattr(size, "free_symbols", ())}
