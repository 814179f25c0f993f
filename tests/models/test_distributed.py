"""Two processes on one machine train one model: sharded by FSDP2, copied by DDP, stored by torch.distributed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

from lamina import Input, Model, layers

pytestmark = [
    pytest.mark.slow,  # two processes import PyTorch and its compiler: 10 s each
    pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="a build without gloo"),
]


def model() -> Model:
    torch.manual_seed(0)
    image = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.Reshape((6, 24))(layers.BatchNormalization()(x))
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.LSTM(6)(x)
    return Model(image, layers.Dense(2)(x))


def data() -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    return torch.randn(4, 8, 8, 3, generator=made), torch.randn(4, 2, generator=made)


def steps(net: Any, parameters: Any) -> list[float]:
    (x, y), losses = data(), []
    optimizer = torch.optim.Adam(parameters, 0.01)
    for _ in range(4):
        loss = (net(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def sharded(net: Model, folder: Path) -> list[float]:
    from torch.distributed import checkpoint
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    mesh = init_device_mesh("cpu", (2,))
    for layer in net.layers:
        if any(True for _ in layer.parameters()):
            fully_shard(layer, mesh=mesh)
    fully_shard(net, mesh=mesh)
    assert all(isinstance(p, DTensor) for p in net.parameters())
    losses = steps(net, net.parameters())
    state = net.state_dict()
    kept = {name: value.full_tensor() if isinstance(value, DTensor) else value for name, value in state.items()}
    checkpoint.save(state, checkpoint_id=folder / "dcp")
    plain = model()
    found = plain.state_dict()
    checkpoint.load(found, checkpoint_id=folder / "dcp")
    plain.load_state_dict(found)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, kept[name])
    return losses


def copied(net: Model, folder: Path) -> list[float]:
    from torch.nn.parallel import DistributedDataParallel

    return steps(DistributedDataParallel(net), net.parameters())


def work(rank: int, port: int, way: Callable[[Model, Path], list[float]], folder: Path) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    net = model().train()
    torch.save(way(net, folder), folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize("way", (sharded, copied))
def test_two_processes_train_as_one(way: Callable[[Model, Path], list[float]], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes.spawn(work, args=(port, way, tmp_path), nprocs=2)
    net = model().train()
    due = steps(net, net.parameters())
    assert due[-1] < due[0]
    for rank in (0, 1):
        assert torch.load(tmp_path / f"{rank}.pt") == pytest.approx(due, rel=1e-4)
