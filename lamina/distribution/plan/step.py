"""One step of training, run on one process that is told it is one of many; what it holds and sends is counted.

The group is PyTorch's "fake" one: its calls return at once and move nothing, all else is done for real, with one row
and with two. What a step holds and sends grows by the same number of bytes with each row, so two runs tell all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor
from torch.utils.flop_counter import FlopCounterMode

from lamina import optimizers
from lamina._torch.sharding import fake_store
from lamina.distribution.prepared import shard_model
from lamina.distribution.units import units_of
from lamina.graph import tree
from lamina.graph.errors import ArgumentError, StructureError

from .collectives import Call, Collectives


@dataclass(frozen=True)
class Counts:
    """What one process does and holds in a step.

    Attributes:
        weights, gradients, state: bytes of its part.
        unit: bytes of the largest unit of weights that is whole for a while; 0 where all is whole, or cut, always.
        activations: bytes that are kept for the backward pass.
        calls: of process groups.
    """

    weights: int
    gradients: int
    state: int
    unit: int
    activations: int
    calls: tuple[Call, ...]


@contextmanager
def imagined(size: int) -> Iterator[None]:
    """Within, this process is number 0 of so many, and the others are not there.

    Raises:
        ArgumentError: there is a real process group.
    """
    if distributed.is_initialized():
        raise ArgumentError("A plan is made on one process, without a process group.", hint="python, and not torchrun")
    distributed.init_process_group("fake", rank=0, world_size=size, store=fake_store())
    try:
        yield
    finally:
        distributed.destroy_process_group()


def count_step(model: Any, optimizer: Any, to: Any, rows: int, lengths: int) -> Counts:
    """Run a step of a model that nobody needs afterwards, laid out by a distribution, with so many rows.

    Args:
        optimizer: a new one.
        to: a `Distribution`; None for one device.
        rows: of this process.
        lengths: size of the axes that the model leaves open, but for the first.
    """
    sharded = bool(getattr(to, "shard_weights", False))
    unit = largest_unit(model) if sharded else 0
    if to is not None:
        shard_model(model, to)
    kept = _Kept(model)
    with Collectives() as seen:
        with torch.autograd.graph.saved_tensors_hooks(kept.note, lambda tensor: tensor):
            loss = _sum(model(_inputs(model, rows, lengths), training=True))
        loss.backward()
        trained = [w for w in model.trainable_weights if w.grad is not None]
        gradients = [w.grad for w in trained]
        optimizer.apply(gradients, trained)
    state = [t for key, t in optimizer.state_dict().items() if "/" in key]
    return Counts(_local(model.weights), _local(gradients), _local(state), unit, kept.bytes, tuple(seen.calls))


def count_operations(model: Any, lengths: int) -> tuple[float, int]:
    """(floating-point operations of a step on one row, trained values), on tensors without storage.

    Both passes are counted, as `torch.utils.flop_counter` does: products and convolutions, no element-wise work.
    """
    model.to("meta")
    counter: Any = FlopCounterMode(display=False)
    with counter:
        _sum(model(_inputs(model, 1, lengths, "meta"), training=True)).backward()
    return float(counter.get_total_flops()), sum(w.numel() for w in model.trainable_weights)


def optimizer_of(model: Any) -> Any:
    """Another optimizer like that of the model; Adam where it has none."""
    own = getattr(model, "optimizer", None)
    if isinstance(own, optimizers.Optimizer):
        return optimizers.deserialize(optimizers.serialize(own))
    return optimizers.Adam()


def _inputs(model: Any, rows: int, lengths: int, device: str = "cpu") -> Any:
    if model.graph is None:
        raise StructureError(f"A plan needs a model that is a graph, and {model.label} is none.")

    def made(symbolic: Any) -> torch.Tensor:
        sizes = [rows, *(lengths if size is None else size for size in tuple(symbolic.shape)[1:])]
        return torch.zeros(sizes, dtype=symbolic.dtype, device=device)

    return tree.map_leaves(made, model.graph.input_structure)


def _sum(outputs: Any) -> torch.Tensor:
    return sum((t.float().mean() for t in tree.leaves(outputs)), torch.zeros(()))


def _local(tensors: Any) -> int:
    parts = [t.to_local() if isinstance(t, DTensor) else t for t in tensors]
    return sum(int(t.numel()) * t.element_size() for t in parts)


def largest_unit(model: Any) -> int:
    units = [{id(p): p for module in unit for p in module.parameters()} for unit in units_of(model)]
    within = {key for unit in units for key in unit}
    rest = {id(p): p for p in model.parameters() if id(p) not in within}
    return max(_local(unit.values()) for unit in [*units, rest])


class _Kept:
    """The memory that autograd keeps, each piece once, without the weights'."""

    def __init__(self, model: Any) -> None:
        self.bytes = 0
        self._known = {_memory(p)[0] for p in (*model.parameters(), *model.buffers())}
        self._weights = {tuple(p.shape) for p in model.parameters()}
        self._held: list[torch.Tensor] = []  # memory that is given back would be counted as known

    def note(self, tensor: torch.Tensor) -> torch.Tensor:
        key, size = _memory(tensor)
        if key not in self._known and not _is_weight(tensor):
            self._known.add(key)
            self._held.append(tensor)
            self.bytes += size
        return tensor


def _is_weight(tensor: torch.Tensor) -> bool:
    """Whether it is a view of a parameter, as what FSDP gathers is."""
    base = tensor if tensor._base is None else tensor._base
    return isinstance(base, torch.nn.Parameter)


def _memory(tensor: torch.Tensor) -> tuple[int, int]:
    part = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    storage = part.untyped_storage()
    return storage.data_ptr(), storage.nbytes()
