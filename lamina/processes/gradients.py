"""Gradients: what all processes have computed, averaged by the weights of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import distributed

from lamina._torch.backward import at_end

BUCKET = 25 * 2**20
"""Bytes that travel at once."""


class Gradients:
    """Replaces the gradients of parameters by their weighted sum over all processes.

    Not PyTorch's `DistributedDataParallel`: that sees gradients only of what goes through its own ``forward``, once a
    step, and of the same weights each time, and it divides by the number of processes. Here a step may call the model
    as often as it likes, layers may be frozen between steps, and each process counts by its rows.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._buffers: dict[tuple[int, ...], torch.Tensor] = {}
        self._kept: dict[int, torch.Tensor] = {}
        self._touched: set[int] = set()
        self._waits = False

    def reduce(self, parameters: Sequence[torch.nn.Parameter], weight: float, keep: bool = False) -> None:
        """Sum the gradients of these parameters, the same ones on every process, each times the weight of its process.

        A parameter that has no gradient on any process keeps none; on a process that has none it counts as zero.

        Args:
            weight: of this process; where it is 0 its gradients are not looked at.
            keep: the new gradients have memory of their own. Otherwise it is used again by the next call.
        """
        buckets = _buckets(parameters)
        if not buckets:
            return
        # The first bucket also tells how many gradients there are: a message of its own would take as long as all.
        found = sum(p.grad is not None for p in parameters)
        flats = [self._packed(bucket, weight, keep, found) for bucket in buckets]
        for work in [distributed.all_reduce(flat, async_op=True) for flat in flats]:
            work.wait()
        missing = set() if flats[0][-1].item() == self.size * len(parameters) else self._missing(parameters)
        for bucket, flat in zip(buckets, flats, strict=True):
            parts = flat.split([*(p.numel() for p in bucket), 1])
            for parameter, part in zip(bucket, parts, strict=False):
                parameter.grad = None if id(parameter) in missing else part.view(parameter.shape)

    def _packed(self, bucket: list[torch.nn.Parameter], weight: float, keep: bool, found: int) -> torch.Tensor:
        """The gradients of a bucket side by side, weighted, and after them a number."""
        key = (sum(p.numel() for p in bucket) + 1, *(id(p) for p in bucket))
        flat = None if keep else self._buffers.get(key)
        if flat is None:
            flat = torch.empty(key[0], dtype=bucket[0].dtype, device=bucket[0].device)
            if not keep:
                self._buffers[key] = flat
        if weight:
            grads = [p.grad if p.grad is not None else torch.zeros_like(p, requires_grad=False) for p in bucket]
            torch.cat([grad.reshape(-1).to(flat.dtype) for grad in grads], out=flat[:-1])
            flat.mul_(weight)
        else:
            flat.zero_()
        flat[-1] = found
        return flat

    def _missing(self, parameters: Sequence[torch.nn.Parameter]) -> set[int]:
        """Ids of the parameters that have a gradient nowhere."""
        device = parameters[0].device
        told = torch.tensor([float(p.grad is not None) for p in parameters], device=device)
        distributed.all_reduce(told)
        return {id(p) for p, count in zip(parameters, told.tolist(), strict=True) if not count}

    # -- a step of the user's own

    @contextmanager
    def watched(self, parameters: Sequence[torch.nn.Parameter], weight: float) -> Iterator[None]:
        """Within, every ``backward()`` leaves the gradients of all processes on these parameters.

        What a parameter's gradient was before is added, as always. ``torch.autograd.grad`` gives those of the process.
        """
        trained = [p for p in parameters if p.requires_grad]
        finish = partial(self._finish, trained, weight)
        hooks: list[Any] = []
        for i, parameter in enumerate(trained):
            hooks.append(parameter.register_hook(partial(self._before, parameter, finish)))
            hooks.append(parameter.register_post_accumulate_grad_hook(partial(self._after, i)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._kept.clear()
            self._touched.clear()
            self._waits = False

    def _before(self, parameter: torch.nn.Parameter, finish: Any, gradient: torch.Tensor) -> None:
        """A backward pass is about to add to a gradient: what was there is put aside, it is summed already."""
        if not self._waits:
            self._waits = True
            at_end(finish)
        if parameter.grad is not None:
            self._kept[id(parameter)], parameter.grad = parameter.grad, None

    def _after(self, number: int, parameter: torch.Tensor) -> None:
        self._touched.add(number)

    def _finish(self, trained: list[torch.nn.Parameter], weight: float) -> None:
        """At the end of a backward pass."""
        touched, kept = self._touched, self._kept
        self._touched, self._kept, self._waits = set(), {}, False
        told = torch.zeros(len(trained), device=trained[0].device)
        told[sorted(touched)] = 1.0
        distributed.all_reduce(told)
        with torch.no_grad():
            reached = [p for p, count in zip(trained, told.tolist(), strict=True) if count]
            self.reduce(reached, weight, keep=True)
            for parameter in trained:
                before = kept.get(id(parameter))
                if before is not None:
                    parameter.grad = before if parameter.grad is None else parameter.grad.add_(before)


def _buckets(parameters: Sequence[torch.nn.Parameter]) -> list[list[torch.nn.Parameter]]:
    """The parameters by dtype and device, in groups that travel at once."""
    groups: dict[Any, list[list[torch.nn.Parameter]]] = {}
    sizes: dict[Any, int] = {}
    for parameter in parameters:
        key = parameter.dtype, parameter.device
        size = parameter.numel() * parameter.element_size()
        if key not in groups or sizes[key] + size > BUCKET:
            groups.setdefault(key, []).append([])
            sizes[key] = 0
        groups[key][-1].append(parameter)
        sizes[key] += size
    return [bucket for buckets in groups.values() for bucket in buckets]
