"""`DeviceMesh`: devices in rows and columns, each axis with a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.distributed import device_mesh as torch_mesh

from lamina.graph.errors import ArgumentError
from lamina.tracebacks import Doored

from .devices import list_devices


class DeviceMesh(Doored):
    """Devices as an array with named axes: what weights and data are laid out on.

    Args:
        shape: how many along each axis, e.g. (4, 2).
        axis_names: a name for each axis, e.g. ("batch", "model").
        devices: names as `list_devices` gives them, which is the default.

    Raises:
        ArgumentError: no axes, other numbers of names or devices than the shape has, or a name twice.

    >>> DeviceMesh((4, 2), ("batch", "model"), [f"cpu:{i}" for i in range(8)])
    <DeviceMesh shape=(4, 2), axis_names=('batch', 'model')>
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        if not len(shape) or not axis_names:
            raise ArgumentError(
                "Shape and axis_names cannot be empty.", got=f"shape={shape}, axis_names={axis_names!r}"
            )
        if len(shape) != len(axis_names) or len(set(axis_names)) != len(axis_names):
            raise ArgumentError(
                "Shape and axis_names should have same size, and each axis a name of its own.",
                got=f"shape={tuple(shape)}, axis_names={axis_names!r}",
            )
        found = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != found.size:
            raise ArgumentError(
                "Shape does not match the number of devices.",
                got=f"shape={tuple(shape)}, which is {math.prod(shape)}; {found.size} devices",
                hint=f"torchrun --nproc-per-node {math.prod(shape)}, or a shape for {found.size}",
            )
        self._shape, self._axis_names, self._devices = shape, axis_names, found.reshape(tuple(shape))
        self._of_torch: torch_mesh.DeviceMesh | None = None

    @property
    def shape(self) -> Sequence[int]:
        return self._shape

    @property
    def axis_names(self) -> Sequence[str]:
        return self._axis_names

    @property
    def devices(self) -> np.ndarray[Any, Any]:
        """The devices' names, in the mesh's shape."""
        return self._devices

    @property
    def backend_mesh(self) -> torch_mesh.DeviceMesh:
        """PyTorch's mesh of the same devices, made when it is first asked for, by all processes together.

        Raises:
            ArgumentError: there is no process group, or it has another number of processes.
        """
        if self._of_torch is None:
            here = distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 0
            if here != self._devices.size:
                raise ArgumentError(
                    f"A mesh of {self._devices.size} devices needs as many processes.",
                    got=f"a group of {here}" if here else "no process group",
                    hint=f"torchrun --nproc-per-node {self._devices.size} script.py, with "
                    "lamina.distribution.initialize() in the script",
                )
            kinds = {str(name).partition(":")[0] for name in self._devices.flat}
            kind = "cpu" if kinds == {"cpu"} else _accelerator()
            ranks = torch.tensor([int(str(name).rpartition(":")[2]) for name in self._devices.flat])
            names = tuple(self._axis_names)
            if ranks.tolist() == list(range(here)):
                self._of_torch = torch_mesh.init_device_mesh(kind, tuple(self._shape), mesh_dim_names=names)
            else:
                self._of_torch = torch_mesh.DeviceMesh(kind, ranks.reshape(tuple(self._shape)), mesh_dim_names=names)
        return self._of_torch

    def size_of(self, axis: str) -> int:
        """How many devices lie along an axis."""
        return int(self._shape[list(self._axis_names).index(axis)])

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


def _accelerator() -> str:
    found = torch.accelerator.current_accelerator()
    return "cpu" if found is None else found.type
