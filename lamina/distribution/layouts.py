"""`TensorLayout`: which axis of a tensor is cut along which of the mesh. `LayoutMap`: layouts by weights' paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import torch
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard
from torch.distributed.tensor import distribute_tensor as of_torch

from lamina.graph import SymbolicTensor
from lamina.graph.errors import ArgumentError, ShapeError
from lamina.tracebacks import Doored, door

from .mesh import DeviceMesh


class TensorLayout(Doored):
    """For each axis of a tensor the axis of the mesh that it is cut along, or None.

    Args:
        axes: names, e.g. (None, "model").
        device_mesh: the mesh; may be set later, once.

    Raises:
        ArgumentError: the mesh has no such axis, or it comes twice.

    >>> mesh = DeviceMesh((4, 2), ("batch", "model"), [f"cpu:{i}" for i in range(8)])
    >>> TensorLayout((None, "model"), mesh).axes
    (None, 'model')
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def axes(self) -> tuple[str | None, ...]:
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ArgumentError("Cannot override device mesh value.", got=f"it is {self._device_mesh}")
        self._device_mesh = device_mesh
        self._check()

    def _check(self) -> None:
        named = [name for name in self._axes if name is not None]
        if len(set(named)) != len(named):
            raise ArgumentError("An axis of the mesh can cut one axis of a tensor.", got=f"axes={self._axes}")
        known = () if self._device_mesh is None else tuple(self._device_mesh.axis_names)
        wrong = [name for name in named if name not in known]
        if wrong and self._device_mesh is not None:
            raise ArgumentError(
                "Invalid axis names for Layout.", got=f"{', '.join(map(repr, wrong))} in axes={self._axes}",
                expected=f"axes of the mesh: {', '.join(known)}; or None",
            )  # fmt: skip

    @property
    def backend_layout(self) -> list[Placement]:
        """PyTorch's placements: for each axis of the mesh, which axis of the tensor it cuts.

        Raises:
            ArgumentError: there is no mesh yet.
        """
        if self._device_mesh is None:
            raise ArgumentError("A layout without a mesh says nothing yet.", got=repr(self), hint="layout.device_mesh")
        cuts = {name: number for number, name in enumerate(self._axes) if name is not None}
        return [Shard(cuts[name]) if name in cuts else Replicate() for name in self._device_mesh.axis_names]

    def check_shape(self, shape: Sequence[int], what: str) -> None:
        """See that a tensor of this shape can be laid out so.

        Raises:
            ShapeError: another number of axes.
        """
        if len(shape) != len(self._axes):
            raise ShapeError(
                f"The layout of {what} has another number of axes.",
                got=f"axes={self._axes} for shape {tuple(shape)}",
                expected=f"{len(shape)} names or None",
                hint=f"({', '.join(['None'] * len(shape))}{',' if len(shape) == 1 else ''}) is a whole copy everywhere",
            )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping[str, Any], Doored):
    """Layouts by paths. A key is a path, or a regular expression of a whole path (`re.fullmatch`).

    Asked for a path it gives the layout of exactly that key, else of the only expression that matches, else None.

    Args:
        device_mesh: what layouts without a mesh get.

    Raises:
        ArgumentError: a key twice, no layout, or (when asked) several expressions that match.

    >>> mesh = DeviceMesh((4, 2), ("batch", "model"), [f"cpu:{i}" for i in range(8)])
    >>> layouts = LayoutMap(mesh)
    >>> layouts[".*dense.*kernel"] = (None, "model")
    >>> layouts["dense_1/kernel"].axes, layouts["conv/kernel"]
    ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh | None) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        return self._device_mesh

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"Path {key!r} matches multiple layout specification keys.",
                got=", ".join(map(repr, matching)),
                expected="at most one",
                hint=f"expressions that exclude each other, or the key {key!r} itself",
            )
        return self._layouts[matching[0]] if matching else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ArgumentError(f"{key} already exist in the LayoutMap.", got=f"it is {self._layouts[key]}")
        try:
            re.compile(key)
        except (re.error, TypeError) as error:
            raise ArgumentError(f"A key is a regular expression: {error}.", got=repr(key)) from error
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ArgumentError(
                f"What is kept for {key!r} should be a TensorLayout, or a tuple of names.", got=repr(layout)
            )
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Take out the layout of exactly this key."""
        return self._layouts.pop(key, *default)

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


@door
def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """The tensor with this layout: a `DTensor`, of which each process has its part. Process 0's values are taken.

    Args:
        tensor: a tensor; a `DTensor` is laid out anew; a symbolic one stays what it is.
        layout: what is wanted.

    Raises:
        ShapeError: the layout has another number of axes.
        ArgumentError: no layout, or it has no mesh, or not as many processes.
    """
    if isinstance(tensor, SymbolicTensor):
        return tensor
    if not isinstance(layout, TensorLayout):
        raise ArgumentError("distribute_tensor() takes a TensorLayout.", got=repr(layout))
    placements = layout.backend_layout
    layout.check_shape(tensor.shape, "this tensor")
    mesh = layout.device_mesh.backend_mesh  # type: ignore[union-attr]  # asked by `backend_layout`
    if isinstance(tensor, DTensor):
        return tensor.redistribute(mesh, placements)
    return of_torch(torch.as_tensor(tensor), mesh, placements)
