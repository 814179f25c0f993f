"""`Group`: parameters that one kernel call can update, with the state that belongs to them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

# Where the kernels were read for what they do with steps and strides.
_FUSED_DEVICES = ("cpu", "cuda")
_FUSED_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)

# Fused kernels divide by bias corrections 1 - beta**step that they compute from this tensor. Here those are folded into
# the learning rate instead (a Python number: nothing to keep in step, nothing to read back from a GPU), so the kernel
# gets a step at which its own corrections are 1.
_LATE_STEP = 1e30


class Group:
    """Parameters of one device, dtype and kind of state with their slots: lists, made once, that kernels take.

    ``group["momentum"]`` is the list of that slot: one tensor per parameter, stored in the parameter's order of axes.

    Args:
        parameters: of one device and dtype.
        slots: name -> one tensor per parameter.
        kernel: name of the fused kernel in `torch`, such as "_fused_adam_"; None for an optimizer without one.
    """

    def __init__(self, parameters: list[Tensor], slots: dict[str, list[Tensor]], kernel: str | None = None) -> None:
        self.parameters, self.slots, self.kernel = parameters, slots, kernel
        self.device, self.dtype = parameters[0].device, parameters[0].dtype
        self.fused = kernel is not None and _has_kernel(kernel, parameters)
        self.late_steps = [torch.tensor(_LATE_STEP, device=self.device)] * len(parameters) if self.fused else []
        self._strides = [p.stride() for p in parameters]
        self._accepted = [(self.dtype, stride, stride) for stride in self._strides]
        self._last_part: tuple[tuple[int, ...], Group] | None = None

    def __getitem__(self, slot: str) -> list[Tensor]:
        return self.slots[slot]

    def accepts(self, grads: Sequence[Tensor | None]) -> bool:
        """True if kernels can take `grads` as they are: one for each parameter, same dtype, stored in the same order.

        Fused kernels on CPUs walk through memory without looking at strides, so this is checked on every step.
        """
        return self._seen(grads) == self._accepted and self.parameters[0].device == self.device

    def _seen(self, grads: Sequence[Tensor | None]) -> list[Any]:
        return [
            None if grad is None or grad.is_sparse else (grad.dtype, grad.stride(), p.stride())
            for grad, p in zip(grads, self.parameters, strict=True)
        ]

    def is_stale(self) -> bool:
        """True if a parameter has been moved, cast or stored in another order since."""
        return any(
            (p.device, p.dtype, p.stride()) != (self.device, self.dtype, stride)
            for p, stride in zip(self.parameters, self._strides, strict=True)
        )

    def part(self, kept: tuple[int, ...]) -> Group:
        """The group of only the parameters at the positions `kept`. The last one is remembered: it mostly recurs."""
        if self._last_part is None or self._last_part[0] != kept:
            slots = {name: [tensors[i] for i in kept] for name, tensors in self.slots.items()}
            self._last_part = kept, Group([self.parameters[i] for i in kept], slots, self.kernel)
        return self._last_part[1]

    def fitted(self, grads: Sequence[Tensor | None]) -> tuple[Group, list[Tensor]] | None:
        """The part of the group that has gradients, with these in the dtype and layout of kernels; None if none has."""
        kept = tuple(i for i, grad in enumerate(grads) if grad is not None)
        if not kept:
            return None
        group = self if len(kept) == len(self.parameters) else self.part(kept)
        given = [grads[i] for i in kept]
        fitted = [_like(grad, p) for grad, p in zip(given, group.parameters, strict=True)]
        if self.device.type == "cpu" and all(map(operator.is_, fitted, given)):
            # Other strides on axes of size 1 are the same memory. Not on GPUs, whose kernels want equal strides.
            group._accepted = group._seen(given)
        return group, fitted


def _like(grad: Tensor, parameter: Tensor) -> Tensor:
    """`grad` in the dtype and memory layout of `parameter`, itself if it has them."""
    if grad.is_sparse:
        grad = grad.to_dense()
    if grad.dtype != parameter.dtype or _order(grad) != _order(parameter):
        return torch.empty_like(parameter, requires_grad=False).copy_(grad)
    if grad.device.type != "cpu" and grad.stride() != parameter.stride():
        return grad.as_strided(parameter.shape, parameter.stride())
    return grad


def _order(tensor: Tensor) -> list[int]:
    """The strides that matter: those of axes with more than one element."""
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size != 1]


def _has_kernel(kernel: str, parameters: list[Tensor]) -> bool:
    first = parameters[0]
    return (
        first.device.type in _FUSED_DEVICES
        and hasattr(torch, kernel)
        and torch._C._dispatch_has_kernel_for_dispatch_key(f"aten::{kernel}", first.device.type.upper())
        and first.dtype in _FUSED_DTYPES
        and all(is_dense(p) for p in parameters)
    )


def is_dense(tensor: Tensor) -> bool:
    """True if the elements fill one stretch of memory, in whatever order of axes.

    >>> is_dense(torch.zeros(2, 3).t()), is_dense(torch.zeros(2, 3)[:, :2])
    (True, False)
    """
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True


def filled_like(parameter: Tensor, value: float) -> Tensor:
    """A tensor like `parameter`, in its order of axes in memory, full of `value`."""
    return torch.full_like(parameter, value, requires_grad=False, memory_format=torch.preserve_format)


def as_stored_like(parameter: Tensor, state: Tensor) -> Tensor:
    """`state` in the device and dtype of `parameter` and, if it has its shape, in its order of axes in memory."""
    if state.shape != parameter.shape:
        return state.to(parameter.device, parameter.dtype)
    if (state.device, state.dtype, state.stride()) == (parameter.device, parameter.dtype, parameter.stride()):
        return state
    return torch.empty_like(parameter, requires_grad=False).copy_(state)
