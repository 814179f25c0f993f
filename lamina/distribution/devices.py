"""Which devices train together, and how the processes find each other. One process has one device, as in PyTorch."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from lamina.graph.errors import ArgumentError
from lamina.processes import end_at_exit
from lamina.tracebacks import door

_PORT = 29500
_KERAS = "KERAS_DISTRIBUTION_"


@door
def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, "cpu:0", "cpu:1", ... or "gpu:0", ...: the number is that of the process.

    A process that is alone sees its machine's devices.

    Args:
        device_type: "cpu" or "gpu"; None for "gpu" where there is one, else "cpu".

    Raises:
        ArgumentError: another kind of device.

    >>> list_devices("cpu")
    ['cpu:0']
    """
    kind = _kind(device_type)
    return [f"{kind}:{number}" for number in range(get_device_count(kind))]


@door
def get_device_count(device_type: str | None = None) -> int:
    """How many devices `list_devices` tells.

    >>> get_device_count("cpu")
    1
    """
    kind, together = _kind(device_type), size()
    if kind == "gpu" and not torch.accelerator.is_available():
        return 0
    return together if together > 1 or kind == "cpu" else torch.accelerator.device_count()


def _kind(device_type: Any) -> str:
    if device_type is None:
        return "gpu" if torch.accelerator.is_available() else "cpu"
    kind = str(device_type).lower()
    if kind not in ("cpu", "gpu"):
        raise ArgumentError("There is no such kind of device.", got=repr(device_type), expected="'cpu' or 'gpu'")
    return kind


def size() -> int:
    """How many processes there are: of the group, or of the one that torchrun's environment announces."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process, from 0."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    return int(os.environ.get("RANK", "0"))


@door
def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Start PyTorch's process group; each process calls it, before all else. Under torchrun no argument is needed.

    What is left out is taken from ``KERAS_DISTRIBUTION_JOB_ADDRESSES``, ``..._NUM_PROCESSES`` and ``..._PROCESS_ID``,
    then from torchrun's environment. A group that exists already stays as it is.

    Args:
        job_addresses: "host:port" of process 0; of a list with commas the first counts. Without a port, 29500.
        num_processes: how many there are.
        process_id: number of this process, from 0.

    Raises:
        ArgumentError: some of this is known and some is not, or a number cannot be.

    >>> try:
    ...     initialize("localhost:29500", num_processes=2, process_id=2)
    ... except ValueError as error:
    ...     print(error.headline)
    initialize(): there is no such process.
    """
    if distributed.is_initialized():
        return
    addresses = job_addresses or os.environ.get(f"{_KERAS}JOB_ADDRESSES") or None
    count = _number("num_processes", num_processes, "NUM_PROCESSES", "WORLD_SIZE")
    number = _number("process_id", process_id, "PROCESS_ID", "RANK")
    if addresses is None and "MASTER_ADDR" in os.environ:
        addresses = f"{os.environ['MASTER_ADDR']}:{os.environ.get('MASTER_PORT', _PORT)}"
    if addresses is None or count is None or number is None:
        raise ArgumentError(
            "initialize(): it is not known which processes there are.",
            got=f"job_addresses={addresses!r}, num_processes={count}, process_id={number}",
            expected="all three, as arguments or from the environment",
            hint="start the script with torchrun --nproc-per-node N script.py",
        )
    if not 0 <= number < count:
        raise ArgumentError(
            "initialize(): there is no such process.",
            got=f"process_id={number} of num_processes={count}",
            expected="0 <= process_id < num_processes",
        )
    _start(addresses.split(",")[0].strip(), count, number)


def _number(argument: str, given: Any, keras: str, torchrun: str) -> int | None:
    text = given if given is not None else os.environ.get(f"{_KERAS}{keras}", os.environ.get(torchrun))
    try:
        return None if text is None else int(text)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"initialize(): {argument} is a whole number.", got=repr(text)) from error


def _start(address: str, count: int, number: int) -> None:
    host, _, port = address.rpartition(":") if ":" in address else (address, "", str(_PORT))
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", str(number))) % torch.cuda.device_count())
    seconds = os.environ.get("LAMINA_TIMEOUT")
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        init_method="env://"
        if os.environ.get("MASTER_ADDR") == host and "RANK" in os.environ
        else f"tcp://{host}:{port}",
        timeout=None if seconds is None else timedelta(seconds=float(seconds)),
        world_size=count,
        rank=number,
    )
    end_at_exit()
