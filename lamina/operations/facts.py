"""Facts: what the library knows of one operation, whichever of its functions is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple


class Facts(NamedTuple):
    """What is known of an operation; without arguments, what is known of a function that nobody told of.

    Attributes:
        names: its public short names, the usual one first.
        functions: exact public name of each function that is this operation -> the function.
        reversed: those that take their two arguments the other way round, such as ``torch.Tensor.__rsub__``.
        operator: the one of them that is Python's operator.
        sign: of that operator in an expression.
        pointwise: every position is made of that position alone, so the shape is the broadcast of the arguments'.
        casts: shape and mask are the first argument's; another one tells a dtype.
        exact: it is plain which sizes of the result come from which sizes of the arguments. What it makes of an axis
            that moves is a size of 0 or 1, or moves with it.
        mask: of positions; ``"kept"``, ``"lost"`` where positions move or mix, ``"unread"`` where the result holds none
            of the values, so nothing is lost.
        factory: it makes a tensor of numbers alone, so it must be told on which device.
        changes: it draws random numbers, or writes into its arguments.
        keras: Keras' operation for it, see `lamina.operations.table`; "" where none is or more than names differ.
    """

    names: tuple[str, ...] = ()
    functions: Mapping[str, Callable[..., Any]] = MappingProxyType({})
    reversed: tuple[Callable[..., Any], ...] = ()
    operator: Callable[..., Any] | None = None
    sign: str = ""
    pointwise: bool = False
    casts: bool = False
    exact: bool = False
    mask: Literal["kept", "lost", "unread"] = "lost"
    factory: bool = False
    changes: bool = False
    keras: str = ""

    @property
    def name(self) -> str:
        """The usual name, "" for a function that nobody told of."""
        return self.names[0] if self.names else ""


# The kinds of operations, as the table calls them.
KINDS: Mapping[str, Facts] = MappingProxyType(
    {
        "pointwise": Facts(pointwise=True, exact=True, mask="kept"),
        "cast": Facts(pointwise=True, casts=True, exact=True, mask="kept"),
        "features": Facts(exact=True, mask="kept"),
        "shaped": Facts(exact=True),
        "size": Facts(exact=True, mask="unread"),
        "filled": Facts(mask="unread"),
        "factory": Facts(factory=True),
        "other": Facts(),
    }
)
