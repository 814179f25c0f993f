"""InputSpec: what a layer demands of its input, checked before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lamina.graph import ArgumentError, DtypeError, ShapeError
from lamina.graph.dtypes import name_of, to_torch

Shape = tuple[int | None, ...]


@dataclass
class InputSpec:
    """Rank, sizes and dtype that one input must have.

    Args:
        dtype: name of the dtype, or None for any.
        shape: the full shape; ``None`` axes are free.
        ndim, max_ndim, min_ndim: number of axes, the batch included.
        axes: axis -> size, for those that matter.

    >>> InputSpec(min_ndim=2, axes={-1: 8}).problem((None, 7))
    'axis -1 of size 8, not 7'
    """

    dtype: Any = None
    shape: Shape | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: Mapping[int, int | None] | None = None
    allow_last_axis_squeeze: bool = False
    name: str | None = None
    optional: bool = False
    _axes: dict[int, int | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.shape is not None:
            self.shape = tuple(self.shape)
            self.ndim = len(self.shape)
        try:
            self._axes = {int(axis): size for axis, size in (self.axes or {}).items()}
        except (TypeError, ValueError, AttributeError):
            raise ArgumentError(
                "InputSpec(axes=) must map axes to sizes.", got=repr(self.axes), expected="a dict such as {-1: 64}"
            ) from None

    def problem(self, shape: Shape) -> str | None:
        """What is expected of a shape that does not fit; None for one that does."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"{self.ndim} axes, not {rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"at most {self.max_ndim} axes, not {rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"at least {self.min_ndim} axes, not {rank}"
        wanted = dict(self._axes) | dict(enumerate(self.shape or ()))
        for axis, size in wanted.items():
            there = shape[axis] if -rank <= axis < rank else None
            if size is None or there is None:
                continue
            if int(there) != size:  # as a number that asks nothing of a trial
                return f"axis {axis} of size {size}, not {there}"
        return None


def check_inputs(layer: Any, specs: Any, inputs: list[Any], origin: Any) -> None:
    """Raise if the tensors (real or symbolic) do not fit the specs, one for each or one for all.

    Args:
        layer: whose demands these are, for the message.
        origin: gives, for an input, the text of where it came from.
    """
    if specs is None:
        return
    per_input = list(specs) if isinstance(specs, (list, tuple)) else [specs] * len(inputs)
    for spec, tensor in zip(per_input, inputs, strict=False):
        if spec is None:
            continue
        shape = tuple(tensor.shape)
        problem = spec.problem(shape)
        if problem is not None:
            raise ShapeError(
                f"{layer.label} cannot take this input.",
                got=f"{shape}{origin(tensor)}",
                expected=problem,
                hint=_advice(layer, spec, shape, getattr(getattr(tensor, "node", None), "op", None)),
            )
        if spec.dtype is not None and tensor.dtype != to_torch(spec.dtype):
            raise DtypeError(
                f"{layer.label} cannot take this input.",
                got=f"{name_of(tensor.dtype)}{origin(tensor)}",
                expected=str(spec.dtype),
            )


def _advice(layer: Any, spec: InputSpec, shape: Shape, source: Any) -> str | None:
    """What to try.

    Args:
        source: the layer or function that gave the input; None for real tensors.
    """
    due, of_input = spec.ndim or spec.min_ndim, getattr(source, "is_input", False)
    if due is not None and len(shape) == due - 1:
        if getattr(source, "return_sequences", None) is False:
            return f"return_sequences=True in {source.label}, which then gives all its steps, not the last alone"
        if type(layer).__name__.endswith(("2D", "3D")) and None not in shape[1:]:
            with_channel = (*shape[1:], 1)
            return f"{'Input' if of_input else 'Reshape'}({with_channel}), if these are pictures of one channel"
    if due is not None and len(shape) < due:
        example = ", ".join(["n"] * (due - 1)) + "," * (due == 2)
        return f"an input of {due - 1} axes without the batch, such as Input(({example})), or Reshape before it"
    if due is not None and spec.ndim is not None and len(shape) > due:
        if of_input and len(shape) == due + 1 and shape[1] is not None:
            return f"Input({shape[2:]}): its shape is without the batch, of {shape[1]} or any other size"
        return "Flatten(), Reshape(...) or a global pooling layer before it"
    if spec.axes and -1 in spec.axes:
        return "the layer was built for another width: use a new layer here, or project to that width first"
    return None
