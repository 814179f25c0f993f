"""What `inspect_file` finds, as plain data: every text in it comes from a file, and is printable and cut."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from lamina.printable import printable

from .text import text_of


def quoted(value: Any) -> str:
    """A text of a file's in one line, printable and cut."""
    return printable(str(value).replace("\n", "\\n"))


class TensorFacts(NamedTuple):
    """A stored tensor.

    Attributes:
        name: in the file; below a layer, from that layer on.
        shape: its sizes.
        dtype: as in "float32".
        bytes: how much it takes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @property
    def values(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)


def tensor_of(name: str, shape: Any, dtype: torch.dtype) -> TensorFacts:
    """The facts of a tensor of this shape."""
    sizes = tuple(shape)
    return TensorFacts(quoted(name), sizes, str(dtype).removeprefix("torch."), math.prod(sizes) * dtype.itemsize)


@dataclass
class LayerFacts:
    """A layer, as its entry in the file tells it.

    Attributes:
        name: with the names of the models around it before it, as in "encoder.dense".
        class_name: in the file's words.
        input_shape: of an input, or of a first layer that tells it.
        dtype: of an input.
        operations: how many traced operations stand for it where its class is not at hand.
        calls: in how many places of the graph it is called; None where the file does not tell.
        weights: its tensors in the file.
    """

    name: str
    class_name: str
    input_shape: list[int | None] | None = None
    dtype: str | None = None
    operations: int | None = None
    calls: int | None = None
    weights: list[TensorFacts] = field(default_factory=list)


@dataclass(frozen=True)
class NeededObject:
    """A class or function that is not Lamina's.

    Attributes:
        name: under which the file knows it.
        kind: "layer", "model", "function", "initializer" and so on.
        needed: False where the file loads without it, by what was traced or as a plain model.
        at_hand: it is registered, or in scope.
        hint: how to hand it over.
    """

    name: str
    kind: str
    needed: bool
    at_hand: bool
    hint: str


@dataclass(repr=False)
class FileFacts:
    """What stands in a file.

    Attributes:
        path: of the file.
        kind: what it is, in words.
        written_by: the program and version that wrote it, as far as the file tells.
        bytes: its size.
        members: what a zip consists of: name -> bytes.
        model: class and name of the model; None where there is none.
        inputs, outputs: their names, and where the file tells them shape and dtype.
        layers: in the file's order, those of nested models behind the model.
        functions: those that the graph calls beside layers, and how often.
        others: tensors that belong to no layer that the file tells.
        optimizer: its class and settings, and how many tensors of its state are stored.
        training: losses, metrics and the like, in words.
        run: where a training in progress stands.
        needed: classes and functions that are not Lamina's.
    """

    path: str
    kind: str
    written_by: str = ""
    bytes: int = 0
    members: dict[str, int] = field(default_factory=dict)
    model: dict[str, str] | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    layers: list[LayerFacts] = field(default_factory=list)
    functions: dict[str, int] = field(default_factory=dict)
    others: list[TensorFacts] = field(default_factory=list)
    optimizer: dict[str, Any] | None = None
    training: dict[str, str] = field(default_factory=dict)
    run: dict[str, int] | None = None
    needed: list[NeededObject] = field(default_factory=list)

    @property
    def tensors(self) -> list[TensorFacts]:
        """All that are stored for the model."""
        return [tensor for layer in self.layers for tensor in layer.weights] + self.others

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types, with the sums that are printed."""
        found = {key: _plain(value) for key, value in vars(self).items()}
        tensors = self.tensors
        return {**found, "tensors": len(tensors), "values": sum(tensor.values for tensor in tensors)}

    def __str__(self) -> str:
        return text_of(self.to_dict())

    __repr__ = __str__


def _plain(value: Any) -> Any:
    if isinstance(value, TensorFacts):
        return {**value._asdict(), "shape": list(value.shape)}
    if isinstance(value, (LayerFacts, NeededObject)):
        return {key: _plain(item) for key, item in vars(value).items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
