"""Case: one layer on inputs of one size, and the plain PyTorch that computes the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

Tensors = list[torch.Tensor]
SEED = 0


@dataclass(frozen=True)
class Floats:
    """Normal random numbers."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Integers:
    """Whole numbers, 0 <= i < below."""

    shape: tuple[int, ...]
    below: int


@dataclass(frozen=True)
class Lengths:
    """A mask (B, T) of sequences padded on the right: row i begins with between T / 2 and T times True."""

    shape: tuple[int, int]


def _alone(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (inputs[0],), {}


def as_list(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call on all inputs as one list."""
    return (list(inputs),), {}


def as_arguments(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call on the inputs, one argument each."""
    return tuple(inputs), {}


def with_mask(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call on the first input, the last one its mask."""
    return (inputs[0],), {"mask": inputs[-1]}


def with_states(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call on the first input, the others its initial state."""
    return (inputs[0],), {"initial_state": list(inputs[1:])}


def with_cell_states(inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call of a recurrent cell: the step's input, then the list of states."""
    return (inputs[0], list(inputs[1:])), {}


def as_they_are(weights: Tensors) -> Tensors:
    return weights


@dataclass(frozen=True)
class Case:
    """A layer, its inputs, and the yardstick.

    Attributes:
        layer: public name in `lamina.layers`, which is Keras' where Keras has it.
        size: for the reader; together with `layer` it names the case.
        make: the layer, out of the namespace that `keras.layers` is.
        inputs: what it is called on.
        plain: the same computation on tensors and weights, in plain PyTorch -> one tensor or several.
        call: the arguments of the layer's call, of the inputs.
        held: the weights as the author of `plain` holds them: in PyTorch's order of axes and gates, views where that is
            possible. It is done once and not timed.
        random: the results are random; only their shapes are compared.
        losses: what the layer adds to the loss is a result too.
        keras: whether Keras has the layer; "torch": on its torch backend only.
    """

    layer: str
    size: str
    make: Callable[[Any], Any]
    inputs: Sequence[Floats | Integers | Lengths]
    plain: Callable[[Tensors, Tensors], Any]
    call: Callable[[Sequence[Any]], tuple[tuple[Any, ...], dict[str, Any]]] = _alone
    held: Callable[[Tensors], Tensors] = as_they_are
    random: bool = False
    losses: bool = False
    keras: bool | str = True

    @property
    def name(self) -> str:
        return f"{self.layer} {self.size}"


# From Keras' order of axes to the one that PyTorch's kernels take, and back: views, in channels_last memory.


def to_ncl(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(1, 2)


def to_nlc(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(1, 2)


def to_nchw(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def to_nhwc(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def to_ncdhw(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 4, 1, 2, 3)


def to_ndhwc(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 4, 1)
