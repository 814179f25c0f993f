"""`Distribution` and its kinds: how weights and data lie on a mesh; and the one that holds where none is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lamina.defaults import defaults
from lamina.graph.errors import ArgumentError, StructureError
from lamina.graph.source import warn
from lamina.tracebacks import Doored, door

from .devices import list_devices, rank, size
from .layouts import LayoutMap, TensorLayout
from .mesh import DeviceMesh
from .sharded import check, copy_weights, cut_weights, share_weights

_BATCH = "batch"


class Distribution(Doored):
    """How a model's weights and its data lie on the devices of a mesh. Base of `DataParallel` and `ModelParallel`.

    Args:
        device_mesh: the devices.
        batch_dim_name: axis of the mesh along which the rows of a batch are parted.
        auto_shard_dataset: whether each process takes its part of the data; False: it is given its part.
    """

    def __init__(
        self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True
    ) -> None:
        if not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError("device_mesh is a lamina.distribution.DeviceMesh.", got=repr(device_mesh))
        if batch_dim_name is not None and batch_dim_name not in device_mesh.axis_names:
            raise ArgumentError(
                "The mesh has no such axis for the batch.",
                got=f"batch_dim_name={batch_dim_name!r}",
                expected=", ".join(map(repr, device_mesh.axis_names)),
            )
        self._device_mesh, self._batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        self._num_processes, self._process_id = size(), rank()

    @property
    def device_mesh(self) -> DeviceMesh:
        return self._device_mesh

    @property
    def batch_dim_name(self) -> str | None:
        return self._batch_dim_name

    @property
    def num_processes(self) -> int:
        """How many processes there are."""
        return self._num_processes

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model there are: parts that a batch is cut into."""
        raise NotImplementedError

    @property
    def data_shard_id(self) -> int:
        """Which part of a batch is this process's, from 0. Processes that hold parts of one copy have the same."""
        copies = self.num_model_replicas
        together = max(1, self.num_processes // copies)
        return self._process_id // together

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """The layout of a batch: its rows are cut along the batch's axis."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a weight; a whole copy on each device by default."""
        own = getattr(variable, "_layout", None)
        return own if own is not None else TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of what a layer returns, by its path; None: as it comes."""
        raise NotImplementedError

    @property
    def cuts_weights(self) -> bool:
        """Whether a process may hold a part of a weight; otherwise `fit` works as it does without a distribution."""
        return True

    def lay_out(self, model: Any) -> None:
        """Lay the weights of a model out so, in place; see `shard_model`."""
        raise NotImplementedError

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Within, this is the distribution that `distribution` gives."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def distribute_dataset(self, dataset: Any) -> Any:
        """The dataset as it is: `fit`, `evaluate` and `predict` take each process's rows themselves, of any data."""
        return dataset

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Each process has the whole model and its part of every batch.

    Args:
        device_mesh: of one axis; of several the first is taken, with a warning.
        devices: names, for a mesh of one axis "batch"; all by default.
        auto_shard_dataset: see `Distribution`.
        shard_weights: each process keeps 1/N of weights, gradients and optimizer state, and gathers the weights of a
            block while it runs (PyTorch's FSDP2); not an argument of Keras'.

    >>> DataParallel(devices=["cpu:0", "cpu:1"]).num_model_replicas
    2
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Any = None,
        auto_shard_dataset: bool = True,
        shard_weights: bool = False,
    ) -> None:
        if device_mesh is None:
            found = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(found),), [_BATCH], found)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ArgumentError("device_mesh is a lamina.distribution.DeviceMesh.", got=repr(device_mesh))
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)
        self.shard_weights = shard_weights
        if len(device_mesh.shape) != 1:
            warn(
                f"A mesh of one axis is expected, and this has {len(device_mesh.shape)}: rows are parted along the "
                f"first, {device_mesh.axis_names[0]!r}."
            )

    @property
    def num_model_replicas(self) -> int:
        return int(self.device_mesh.devices.size)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        return None

    @property
    def cuts_weights(self) -> bool:
        return self.shard_weights

    def lay_out(self, model: Any) -> None:
        check(model)
        if self.shard_weights:
            share_weights(model, self.device_mesh.backend_mesh)
        else:
            copy_weights(model)


class ModelParallel(Distribution):
    """Weights are cut as a `LayoutMap` says, and the rows of a batch along one axis of its mesh.

    Args:
        layout_map: layouts by weights' paths (`weight.path`); a weight without one is whole on each device.
        batch_dim_name: axis of the mesh for rows; the first by default.
        auto_shard_dataset: see `Distribution`.

    >>> mesh = DeviceMesh((2, 4), ("batch", "model"), [f"cpu:{i}" for i in range(8)])
    >>> layouts = LayoutMap(mesh)
    >>> layouts[".*kernel"] = (None, "model")
    >>> ModelParallel(layout_map=layouts).num_model_replicas
    2
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        device_mesh: DeviceMesh | None = None,
    ) -> None:
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(
                "You must specify a layout_map argument."
                if layout_map is None
                else "Argument `layout_map` must be a `LayoutMap` instance.",
                got=repr(layout_map),
            )
        mesh = layout_map.device_mesh if layout_map.device_mesh is not None else device_mesh
        if mesh is None:
            raise ArgumentError("The LayoutMap has no mesh.", hint="LayoutMap(device_mesh)")
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map
        copies, together = self.num_model_replicas, self.num_processes
        if together > 1 and together > copies and together % copies:
            raise ArgumentError(
                "The processes cannot be parted into equal groups, one for each copy of the model.",
                got=f"num_processes={together}, num_model_replicas={copies}",
                expected="`num_processes` must be divisible by `num_model_replicas`",
            )

    @property
    def layout_map(self) -> LayoutMap:
        return self._layout_map

    @property
    def num_model_replicas(self) -> int:
        return self.device_mesh.size_of(self.batch_dim_name or self.device_mesh.axis_names[0])

    @property
    def data_shard_id(self) -> int:
        mesh, axis = self.device_mesh, self.batch_dim_name
        if mesh.devices.size != self.num_processes or axis is None:
            return super().data_shard_id
        place = np.argwhere(_numbers(mesh) == self._process_id)[0]
        return int(place[list(mesh.axis_names).index(axis)])

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        own = getattr(variable, "_layout", None)
        found: TensorLayout | None = own if own is not None else self._layout_map[variable.path]
        return found if found is not None else super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        found: TensorLayout | None = self._layout_map[path]
        return found

    def lay_out(self, model: Any) -> None:
        check(model)
        cut_weights(model, self)


def _numbers(mesh: DeviceMesh) -> Any:
    """The numbers of the processes, in the mesh's shape."""
    return np.vectorize(lambda name: int(str(name).rpartition(":")[2]))(mesh.devices)


@door
def distribution() -> Distribution | None:
    """What `set_distribution` was given; None by default."""
    found: Distribution | None = defaults.distribution
    return found


@door
def set_distribution(value: Distribution | None) -> None:
    """Set the distribution that a model gets where none is said, process-wide; None takes it back.

    Raises:
        StructureError: it is no `Distribution`.
    """
    if value is not None and not isinstance(value, Distribution):
        raise StructureError("set_distribution() takes a Distribution, or None.", got=repr(value))
    defaults.distribution = value
