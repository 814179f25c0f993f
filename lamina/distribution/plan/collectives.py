"""`Collectives`: what a process sends while something runs, seen at the calls of PyTorch's process groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import distributed
from torch.distributed.tensor import DTensor

from lamina._torch.sharding import DispatchMode, group_of

# Name of an operation -> (what it is, which argument has all the values: 0 what goes in, or the first that comes out).
_KINDS = {
    "c10d::allreduce_": "all_reduce",
    "c10d::_allgather_base_": "all_gather",
    "c10d::_reduce_scatter_base_": "reduce_scatter",
    "c10d::alltoall_base_": "all_to_all",
    "c10d::broadcast_": "broadcast",
    "_c10d_functional::all_reduce": "all_reduce",
    "_c10d_functional::all_reduce_": "all_reduce",
    "_c10d_functional::all_gather_into_tensor": "all_gather",
    "_c10d_functional::all_gather_into_tensor_out": "all_gather",
    "_c10d_functional::reduce_scatter_tensor": "reduce_scatter",
    "_c10d_functional::all_to_all_single": "all_to_all",
    "_c10d_functional::broadcast": "broadcast",
}
_SENDS_NOTHING = ("wait", "barrier", "_wrap_tensor")
_PARTS = {"all_reduce": 2.0, "all_gather": 1.0, "reduce_scatter": 1.0, "all_to_all": 1.0}
"""How often all values pass each link, where the devices stand in a ring: a sum goes round twice."""


@dataclass(frozen=True)
class Call:
    """One call of a group.

    Attributes:
        kind: "all_reduce", "all_gather", ...
        whole: bytes of all values: what is summed, what comes out of a gathering, what goes into a scattering.
        size: of the group.
        span: from its first process to its last, in numbers of processes.
    """

    kind: str
    whole: int
    size: int
    span: int

    @property
    def sent(self) -> float:
        """Bytes that a process sends, at least: in a ring."""
        return _PARTS.get(self.kind, 1.0) * self.whole * (self.size - 1) / self.size


class Collectives(DispatchMode):  # type: ignore[misc]  # known when it runs
    """Within, each call of a process group is noted in `calls`; groups of one are none.

    >>> import torch
    >>> with Collectives() as seen:
    ...     _ = torch.ones(2) + 1
    >>> seen.calls
    []
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(issubclass(kind, DTensor) for kind in types):
            return NotImplemented  # what it makes of itself comes by after it
        result = function(*args, **(kwargs or {}))
        name = function.name().partition(".")[0]
        kind = _KINDS.get(name)
        if kind is not None:
            self._note(kind, args, kwargs or {}, result, name.startswith("c10d::"))
        elif name.startswith(("c10d::", "_c10d_functional::")) and not any(word in name for word in _SENDS_NOTHING):
            raise NotImplementedError(f"The bytes of {name} are not counted.")
        return result

    def _note(self, kind: str, args: Any, kwargs: Any, result: Any, in_place: bool) -> None:
        group = group_of([*args, *kwargs.values()])
        if group.size() < 2:
            return
        if kind == "all_gather":  # all values are what comes out
            values = args[0] if in_place else result
        else:
            values = args[1] if in_place and kind == "reduce_scatter" else args[0]
        ranks = distributed.get_process_group_ranks(group)
        self.calls.append(Call(kind, _bytes(values), len(ranks), max(ranks) - min(ranks) + 1))


def _bytes(values: Any) -> int:
    tensors = values if isinstance(values, (list, tuple)) else [values]
    return sum(t.numel() * t.element_size() for t in tensors)
