"""The form of a wrong use: what is done, and what the error must say. Data only; test_errors.py runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lamina import layers
from tests.layers.cases.form import short

# What the error must say: a pattern, or texts that all stand in it.
Message = str | list[str]


@dataclass(frozen=True)
class BadArgument:
    """Arguments that no layer can be made from: `ArgumentError`."""

    layer: str
    message: Message
    arguments: Mapping[str, Any]
    fault = "argument"

    def __str__(self) -> str:
        return short(f"{self.layer}({self.arguments})")


@dataclass(frozen=True)
class BadInput:
    """An input that a layer refuses where the graph is drawn: `ShapeError` (a wrong dtype: `DTypeError`).

    Attributes:
        fault: "rank", "width", "dtype" or "geometry".
        layer: its class.
        shapes: of the input or inputs; None is an unknown size.
        message: what the error says after 'Layer "it" cannot take this input'.
        arguments: of the layer.
        dtype: of the input.
        first: shapes that the layer was built for before.
        rule: whether `compute_output_shape` refuses it too; what only concerns weights does not.
    """

    fault: str
    layer: str
    shapes: Any
    message: Message
    arguments: Mapping[str, Any]
    dtype: str = "float32"
    first: Any = None
    rule: bool = True

    def __str__(self) -> str:
        return short(f"{self.fault}-{self.layer}({self.arguments}){self.shapes}")


@dataclass(frozen=True)
class Misuse:
    """Any other wrong use: a function that does it."""

    fault: str
    layer: str
    label: str
    do: Callable[[], Any]
    error: type[Exception]
    message: Message

    def __str__(self) -> str:
        return f"{self.fault}-{self.layer}-{self.label}"


Wrong = BadArgument | BadInput | Misuse


def bad_argument(layer: str, message: Message, /, **arguments: Any) -> BadArgument:
    return BadArgument(layer, message, arguments)


def bad_input(fault: str, layer: str, shapes: Any, message: Message, /, **arguments: Any) -> BadInput:
    """`test_dtype`, `test_first` and `test_rule` among the arguments are those of the row."""
    options = {key.removeprefix("test_"): arguments.pop(key) for key in list(arguments) if key.startswith("test_")}
    return BadInput(fault, layer, shapes, message, arguments, **options)


def built_on(shapes: Any) -> dict[str, Any]:
    """For `bad_input`: the layer was built for these shapes before."""
    return {"test_first": shapes, "test_rule": False}


def misuse(
    fault: str, layer: str, label: str, do: Callable[[], Any], error: type[Exception], message: Message, /
) -> Misuse:
    return Misuse(fault, layer, label, do, error, message)


def symbolic(*shape: int | None, dtype: str = "float32") -> Any:
    """A symbolic tensor of this shape and an unknown batch."""
    return layers.Input(shape, dtype=dtype)
