"""What a person reads when something cannot be: one headline, then got, expected, where and what to try."""

from __future__ import annotations

import re
from functools import partial

from lamina.printable import printable
from lamina.users_line import caller

_WIDEST = 1000  # a list of names may be long; whatever is in it came from somewhere


class LaminaError(Exception):
    """Base of every error that Lamina raises on purpose.

    Args:
        headline: one sentence that says what is wrong, naming the layer or argument.
        got: what came, and from where.
        expected: what was due, and why.
        where: the user's file and line, as ``train.py:41``, or another place. Without a line it is given that from
            which this is raised.
        hint: what to write instead.

    >>> print(ShapeError("Dense 'out' cannot take this input.", got="(None, 7)", where="train.py:41", hint="Flatten()"))
    Dense 'out' cannot take this input.
      got       (None, 7)
      where     train.py:41
      try       Flatten()
    """

    def __init__(
        self,
        headline: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.headline, self.got, self.expected, self.hint = headline, got, expected, hint
        line = caller()
        self.where, self.line = where, str(line) if line.line else ""
        super().__init__(headline)

    def __str__(self) -> str:
        lines = [self.headline]
        where = self.where or self.line
        if self.line and not re.search(r":\d+|line \d+", where):  # a batch, an argument
            where = f"{where}, {self.line}"
        for label, text in (("got", self.got), ("expected", self.expected), ("where", where), ("try", self.hint)):
            first, *rest = str(text or "").splitlines() or [""]  # a hint may have nothing to say
            if first:
                lines.append(f"  {label:<9} {first}")
                lines.extend(" " * 12 + line for line in rest)
        return printable("\n".join(lines), _WIDEST)

    def __reduce__(self) -> tuple[object, ...]:
        facts = {"got": self.got, "expected": self.expected, "where": self.where, "hint": self.hint}
        # Exceptions with keyword arguments do not survive pickle by themselves.
        return partial(type(self), self.headline, **facts), (), {"line": self.line}


class ShapeError(LaminaError, ValueError):
    """A tensor has a rank or an axis that the receiver cannot take."""

    __module__ = "lamina"


class DtypeError(LaminaError, TypeError, ValueError):
    """A tensor has a dtype that the receiver cannot take."""

    __module__ = "lamina"


class ArgumentError(LaminaError, ValueError):
    """An argument of a layer, loss, optimizer or function has a value that it cannot have."""

    __module__ = "lamina"


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument has a type that it cannot have."""

    __module__ = "lamina"


class StructureError(LaminaError, ValueError):
    """Inputs, outputs or targets came in another structure, or under other names, than declared."""

    __module__ = "lamina"


class GraphError(LaminaError, ValueError):
    """The graph itself cannot be: disconnected, cyclic, a name twice, an input that leads nowhere."""

    __module__ = "lamina"


class ValueNeededError(LaminaError, TypeError, ValueError):
    """Code asked a symbolic tensor for values, which exist only when the model runs."""

    __module__ = "lamina"
