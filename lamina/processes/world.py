"""World: the processes that there are. The group is PyTorch's; here it is found, or started from torchrun's words."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from .errors import ProcessError

_NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class World:
    """All processes of the default group, or of another. What is asked of it is asked on each, in the same order.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
        group: PyTorch's; None for the default.
    """

    rank: int
    size: int
    group: Any = None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def gathered(self, value: Any) -> list[Any]:
        """The values of all processes, in order; anything that can be pickled."""
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value, group=self.group)
        return values

    def from_first(self, value: Any) -> Any:
        """The value that the first process has."""
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def scattered(self, values: list[Any] | None) -> Any:
        """One value for each process, which only the first has."""
        box: list[Any] = [None]
        distributed.scatter_object_list(box, values, src=0)
        return box[0]

    def any(self, flag: bool) -> bool:
        """Whether any process says so."""
        told = torch.tensor(float(flag), device=self.host)
        distributed.all_reduce(told, group=self.group)
        return bool(told.item())

    def copy_first(self, tensors: list[torch.Tensor]) -> None:
        """Give these tensors the values that they have on the first process."""
        kinds: dict[Any, list[torch.Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault((tensor.dtype, tensor.device), []).append(tensor)
        with torch.no_grad():
            for alike in kinds.values():
                sent = torch.cat([tensor.detach().reshape(-1) for tensor in alike])
                distributed.broadcast(sent, src=0)
                parts = sent.split([tensor.numel() for tensor in alike])
                for tensor, part in zip(alike, parts, strict=True):
                    tensor.copy_(part.view(tensor.shape))

    @property
    def host(self) -> torch.device:
        """Where small numbers travel: the host, or the GPU of a group that only knows NCCL."""
        config = str(distributed.get_backend_config())
        return torch.device("cpu" if "cpu" in config or "gloo" in config else "cuda")


def joined(environment: Mapping[str, str] = os.environ) -> World | None:
    """The processes that this one works with; None where it is alone.

    A group that exists is taken as it is. Without one it is started where torchrun has said who takes part; it ends
    with the process.

    Raises:
        ProcessError: the group could not be started, because the port is in use, for example.
    """
    if not distributed.is_available():
        return None
    if not distributed.is_initialized():
        if environment.get("WORLD_SIZE", "1") == "1" or any(name not in environment for name in _NEEDED):
            return None
        _start(environment)
    size = distributed.get_world_size()
    return World(distributed.get_rank(), size) if size > 1 else None


def is_first() -> bool:
    """Whether this process is to write files and to show progress: the first one, or one that is alone."""
    return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_rank() == 0


def _start(environment: Mapping[str, str]) -> None:
    """Start the group that torchrun's environment describes.

    ``LAMINA_TIMEOUT`` is for how many seconds a process waits for the others before it gives up; by default as long as
    PyTorch lets it.
    """
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(environment.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    seconds = environment.get("LAMINA_TIMEOUT")
    options: dict[str, Any] = {} if seconds is None else {"timeout": timedelta(seconds=float(seconds))}
    try:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", **options)
    except (RuntimeError, ValueError) as error:
        place = f"{environment['MASTER_ADDR']}:{environment['MASTER_PORT']}"
        in_use = "EADDRINUSE" in str(error) or "address already in use" in str(error).lower()
        raise ProcessError(
            f"The processes cannot meet at {place}: the port is in use."
            if in_use
            else f"The {environment['WORLD_SIZE']} processes cannot meet at {place}.",
            got=str(error).splitlines()[0][:200],
            expected="every rank started, and one free port for them",
            hint="torchrun --master-port 29501, or --rdzv-endpoint=localhost:0 for any free port",
        ) from error
    end_at_exit()


def end_at_exit() -> None:
    """Have the group end with the process: PyTorch's threads end the process with an error if they still run then."""
    atexit.register(_end)


def _end() -> None:
    # After an error the others may not be there to end the group with; the end of the process ends it as well.
    if distributed.is_initialized() and getattr(sys, "last_value", None) is None:
        distributed.destroy_process_group()
