"""Layers that run on their part of the weights: what comes in becomes `DTensor`s, and whole tensors again behind.

PyTorch cuts the work by itself then: a `Dense` whose kernel is cut along its outputs computes its part of them, and an
attention layer its heads. The mesh of a region is without the axis of the batch: each copy of the model sees its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.overrides import TorchFunctionMode

from lamina._torch.sharding import mix, mixes_in_backward
from lamina.graph import tree

from .layouts import TensorLayout

Layouts = dict[int, TensorLayout]


def regions(model: nn.Module, layouts: Layouts, axes: tuple[str, ...]) -> Iterator[nn.Module]:
    """The outermost layers, no models, that hold a weight which is cut along one of these axes of the mesh."""
    if any(_is_cut(weight, layouts, axes) for weight in _own(model)):
        yield model
        return
    for part in model.children():
        if hasattr(part, "graph"):
            yield from regions(part, layouts, axes)
        elif any(_is_cut(weight, layouts, axes) for inner in part.modules() for weight in _own(inner)):
            yield part


def _own(module: nn.Module) -> list[torch.Tensor]:
    return [t for t in (*module._parameters.values(), *module._buffers.values()) if t is not None]


def _is_cut(weight: torch.Tensor, layouts: Layouts, axes: tuple[str, ...]) -> bool:
    layout = layouts.get(id(weight))
    return layout is not None and any(name in axes for name in layout.axes)


def make_region(part: nn.Module, mesh: DeviceMesh, layouts: Layouts, done: dict[int, Any]) -> None:
    """Lay the weights within out on the mesh, and have the layer run on them.

    Args:
        mesh: without the axis of the batch.
        done: id of a weight -> what it has become, for those that several regions share.
    """
    for module in part.modules():
        for slot in (module._parameters, module._buffers):
            for name, weight in slot.items():
                layout = layouts.get(id(weight))
                if weight is None or layout is None or isinstance(weight, DTensor):
                    continue
                if id(weight) not in done:
                    done[id(weight)] = _laid_out(weight, mesh, layout)
                slot[name] = done[id(weight)]
    region = _Region(mesh)
    part.register_forward_pre_hook(region.enter, with_kwargs=True)
    part.register_forward_hook(region.leave, always_call=True)


def _laid_out(weight: torch.Tensor, mesh: DeviceMesh, layout: TensorLayout) -> torch.Tensor:
    cuts = {name: axis for axis, name in enumerate(layout.axes)}
    placements = [Shard(cuts[name]) if name in cuts else Replicate() for name in mesh.mesh_dim_names or ()]
    plain = weight.detach().as_subclass(torch.Tensor)
    # Process 0's weights are those of all by now.
    value = distribute_tensor(plain, mesh, placements, src_data_rank=None)
    if not isinstance(weight, nn.Parameter):
        return value
    made = nn.Parameter(value, weight.requires_grad)
    if weight.requires_grad:
        made.register_hook(lambda gradient: gradient.redistribute(mesh, placements))
    return made


class _Region:
    """The hooks of one layer."""

    def __init__(self, mesh: DeviceMesh) -> None:
        self.mesh = mesh
        self._open: list[tuple[bool, TorchFunctionMode]] = []

    def enter(self, layer: nn.Module, args: Any, kwargs: Any) -> Any:
        functions = _ByParts()
        self._open.append((mix(True), functions))
        functions.__enter__()  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        return tree.map_leaves(self._whole, args), tree.map_leaves(self._whole, kwargs)

    def _whole(self, leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or isinstance(leaf, DTensor):
            return leaf
        return DTensor.from_local(leaf, self.mesh, [Replicate()] * self.mesh.ndim, run_check=False)

    def leave(self, layer: nn.Module, args: Any, result: Any) -> Any:
        result = tree.map_leaves(self._local, result)
        if self._open:  # PyTorch calls this too where a hook before it has failed
            mixed, functions = self._open.pop()
            functions.__exit__(None, None, None)
            mix(mixed)
        return result

    def _local(self, leaf: Any) -> Any:
        if not isinstance(leaf, DTensor):
            return leaf
        mixes_in_backward(leaf)
        return leaf.redistribute(self.mesh, [Replicate()] * self.mesh.ndim).to_local()


class _ByParts(TorchFunctionMode):
    """Attention on the heads that a process has: PyTorch's kernels on CPUs have no rule for `DTensor`s."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is F.scaled_dot_product_attention and isinstance(args[0] if args else None, DTensor):
            return _attention(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def _attention(query: DTensor, key: Any, value: Any, attn_mask: Any = None, *rest: Any, **options: Any) -> DTensor:
    mesh, heads = query.device_mesh, query.ndim - 3
    placements = [
        _of_heads(p, min(query.shape[heads], key.shape[heads]), heads, n)
        for p, n in zip(query.placements, mesh.shape, strict=True)
    ]

    def part(tensor: Any) -> Any:
        if tensor is None:
            return None
        if not isinstance(tensor, DTensor):
            tensor = DTensor.from_local(tensor, mesh, [Replicate()] * mesh.ndim, run_check=False)
        axis = heads + tensor.ndim - query.ndim  # a mask may have fewer axes, or one head for all
        has_heads = axis >= 0 and tensor.shape[axis] > 1
        own = [(Shard(axis) if has_heads else Replicate()) if isinstance(p, Shard) else p for p in placements]
        return tensor.redistribute(mesh, own).to_local()

    local = F.scaled_dot_product_attention(part(query), part(key), part(value), part(attn_mask), *rest, **options)
    return DTensor.from_local(local.contiguous(), mesh, placements, run_check=False)


def _of_heads(placement: Any, count: int, axis: int, size: int) -> Any:
    """The heads stay where they are, if they are cut into equal parts; all else is gathered."""
    return placement if placement == Shard(axis) and count % size == 0 else Replicate()
