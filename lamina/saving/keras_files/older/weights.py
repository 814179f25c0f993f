"""Weights that an older Keras stored in another form: other arrays for one, other axes, other order of gates.

A form is told by the shapes that it has for a layer, so that nothing is read but what will be used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from lamina import layers
from lamina.layers import Layer

from .versions import Version

Shape = tuple[int, ...]
Arrays = Sequence[torch.Tensor]


class Form(NamedTuple):
    """Shapes of the stored arrays, what makes the weights of today from them, and what that does, in words."""

    shapes: list[Shape]
    turned: Callable[[Arrays], list[torch.Tensor]]
    what: str = ""

    @property
    def usual(self) -> bool:
        """Whether the arrays are the weights as they are."""
        return not self.what


class Part(NamedTuple):
    """Some of the stored arrays, in their order, and the weights that these are for."""

    start: int
    form: Form
    weights: list[Any]


def parts_in_old_forms(layer: Layer, stored: list[Shape], version: Version, backend: str) -> list[Part] | None:
    """How a layer's stored arrays become its weights; None where they are its weights as they are.

    Args:
        stored: shapes of the arrays, in their order.
        backend: which Keras ran on: Theano's convolutions turn their kernels.
    """
    found: list[Part] = []
    place = 0
    for leaf in _leaves(layer):
        forms = [form for form in _forms(leaf, version, backend) if form.shapes == stored[place : place + len(form[0])]]
        if not forms:
            return None
        found.append(Part(place, forms[0], leaf.weights))
        place += len(forms[0].shapes)
    return None if place != len(stored) or all(part.form.usual for part in found) else found


def _leaves(layer: Any) -> Iterator[Any]:
    """The layers whose weights a layer's are, in their order."""
    if isinstance(layer, layers.Bidirectional):
        inner = [layer.forward_layer, layer.backward_layer]
    elif isinstance(layer, layers.TimeDistributed):
        inner = [layer.layer]
    elif getattr(layer, "graph", None) is not None:
        inner = [part for part in layer.layers if part.weights]
    else:
        yield layer
        return
    for part in inner:
        yield from _leaves(part)


def _forms(layer: Layer, version: Version, backend: str) -> Iterator[Form]:
    """The forms that a layer's arrays may have, the likeliest first."""
    shapes = [tuple(weight.shape) for weight in layer.weights]
    yield from _recurrent(layer, shapes)
    if not isinstance(layer, _CONVOLUTIONS):
        yield Form(shapes, list)
        return
    flip = _flipped if backend == "theano" and isinstance(layer, _FLIPPED) else list
    if version.major < 2:
        yield from _first_convolutions(layer, shapes, flip)
    yield Form(shapes, flip, "" if flip is list else _TURNED)


# -- recurrent layers

# Where each gate of today stands among Keras 1's.
_GATES: dict[type, tuple[int, ...]] = {layers.LSTM: (0, 2, 1, 3), layers.GRU: (0, 1, 2)}


def _recurrent(layer: Layer, shapes: list[Shape]) -> Iterator[Form]:
    gates = _GATES.get(type(layer))
    if gates is None or len(shapes) != 3:
        return
    wide, units = len(gates), shapes[1][0]
    single = [(shapes[0][0], units), (units, units), (units,)]
    if shapes[2] == (wide * units,):
        yield Form(single * wide, lambda arrays: _joined(arrays, gates), "a weight for each gate -> one of each kind")
    # NVIDIA's library adds two biases, one for each product.
    yield Form([*shapes[:2], (2 * wide * units,)], lambda arrays: _from_cudnn(arrays, wide, shapes[2]),
               "CuDNN's kernels and biases -> of today's layer")  # fmt: skip


def _joined(arrays: Arrays, gates: tuple[int, ...]) -> list[torch.Tensor]:
    """Keras 1's arrays, kernel, recurrent kernel and bias of each gate, as one of each."""
    return [torch.cat([arrays[3 * gate + kind] for gate in gates], -1) for kind in range(3)]


def _from_cudnn(arrays: Arrays, wide: int, bias: Shape) -> list[torch.Tensor]:
    """Each gate's kernel lies as (units, inputs), though it says (inputs, units)."""
    kernel, recurrent, biases = arrays
    kernels = [part.reshape(part.shape[1], part.shape[0]).T for part in kernel.chunk(wide, 1)]
    recurrents = [part.T for part in recurrent.chunk(wide, 1)]
    made = biases.reshape(bias) if math.prod(bias) == biases.numel() else biases.reshape(2, -1).sum(0)
    return [torch.cat(kernels, 1), torch.cat(recurrents, 1), made]


# -- convolutions

_CONVOLUTIONS = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv2DTranspose, layers.ConvLSTM2D,
)  # fmt: skip
# Those whose kernels Theano turns around.
_FLIPPED = _CONVOLUTIONS


_TURNED = "Theano's kernels turned around"


def _flipped(arrays: Arrays) -> list[torch.Tensor]:
    """Kernels turned around along the axes of space, which come before inputs and outputs."""
    return [array.flip(tuple(range(array.ndim - 2))) if array.ndim > 2 else array for array in arrays]


def _first_convolutions(layer: Any, shapes: list[Shape], flip: Callable[[Arrays], Any]) -> Iterator[Form]:
    """Keras 1 had the axes of kernels in other orders."""
    axes: tuple[int, ...] | None = None
    if isinstance(layer, layers.Conv1D):
        size, inputs, outputs = shapes[0]
        yield _with_kernel(shapes, (size, 1, inputs, outputs), lambda kernel: kernel[:, 0], flip)
        yield _with_kernel(shapes, (outputs, inputs, size, 1), lambda kernel: kernel[..., 0].permute(2, 1, 0), flip)
        return
    first = getattr(layer, "data_format", None) == "channels_first"
    if isinstance(layer, layers.Conv2DTranspose):
        axes = (2, 3, 0, 1) if first else (0, 1, 3, 2)
    elif isinstance(layer, (layers.Conv2D, layers.Conv3D)) and first:
        axes = (*range(2, len(shapes[0])), 1, 0)
    if axes is not None:
        # `shapes[0]` is the stored shape with its axes in this order.
        there = tuple(shapes[0][axes.index(axis)] for axis in range(len(axes)))
        order = axes
        yield _with_kernel(shapes, there, lambda kernel: kernel.permute(order), flip)


def _with_kernel(
    shapes: list[Shape], kernel: Shape, turned: Callable[[torch.Tensor], torch.Tensor], flip: Callable[[Arrays], Any]
) -> Form:
    what = "axes of the kernel in another order" + (f"; {_TURNED}" if flip is not list else "")
    return Form([kernel, *shapes[1:]], lambda arrays: flip([turned(arrays[0]), *arrays[1:]]), what)
