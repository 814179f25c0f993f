"""`Group`: parameters that one kernel call can update, with the state that belongs to them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lamina._torch import fused, sharding
from lamina.arrays import as_tensor

# Where the kernels were read for what they do with steps and strides.
_FUSED_DEVICES = ("cpu", "cuda")
_FUSED_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)

# Fused kernels divide by bias corrections 1 - beta**step that they compute from this tensor. Here those are folded into
# the learning rate instead (a Python number: nothing to keep in step, nothing to read back from a GPU), so the kernel
# gets a step at which its own corrections are 1.
_LATE_STEP = 1e30

_stride: Any = Tensor.stride  # which takes a None as well, and raises
_kind = operator.attrgetter("dtype", "layout")


class Group:
    """Parameters of one device, dtype, mesh and kind of state with their slots: lists, made once, that kernels take.

    ``group["momentum"]`` is the list of that slot: one tensor per parameter, stored in the parameter's order of axes.

    Args:
        parameters: of one device and dtype.
        slots: name -> one tensor per parameter.
        kernel: name of the fused kernel of PyTorch, such as "adam"; None for an optimizer without one.
    """

    def __init__(self, parameters: list[Tensor], slots: dict[str, list[Tensor]], kernel: str | None = None) -> None:
        self.parameters, self.slots, self.kernel = parameters, slots, kernel
        self.device, self.dtype = parameters[0].device, parameters[0].dtype
        self.fused = kernel is not None and _has_kernel(kernel, parameters)
        self.late_steps = [torch.tensor(_LATE_STEP, device=self.device)] * len(parameters) if self.fused else []
        self._strides = [p.stride() for p in parameters]
        self._kinds = [(self.dtype, torch.strided)] * len(parameters)
        # Strides of gradients that kernels can take.
        self._accepted = self._strides
        self.sharded = sharding.is_sharded(parameters[0])
        permuted = self.fused and not self.sharded and self.device.type == "cpu"
        self._views = [_view_by(memory_order(p)) if permuted else None for p in parameters]
        self._pointers: list[int] = []
        self._stored: tuple[list[Tensor], dict[str, list[Tensor]]] = parameters, slots

    def __getitem__(self, slot: str) -> list[Tensor]:
        return self.slots[slot]

    def as_stored(self, grads: list[Tensor]) -> tuple[list[Tensor], list[Tensor], dict[str, list[Tensor]]]:
        """(parameters, gradients, slots), each tensor seen in the order of axes in which it lies in memory.

        Fused kernels on CPUs copy a gradient that is not contiguous, at every step: of a kernel that is stored
        transposed, 370 us for 784 x 256 values, more than twice the step itself. A view costs 1 us.
        """
        if self.sharded:
            slots = {name: sharding.local(tensors) for name, tensors in self.slots.items()}
            return sharding.local(self.parameters), sharding.local_like(grads, self.parameters), slots
        if not any(self._views):
            return self.parameters, grads, self.slots
        pointers = [p.data_ptr() for p in self.parameters]
        if pointers != self._pointers:  # the first time, or somebody has given a parameter other memory
            self._pointers = pointers
            self._stored = self._ordered(self.parameters), {k: self._ordered(v) for k, v in self.slots.items()}
        return self._stored[0], self._ordered(grads), self._stored[1]

    def _ordered(self, tensors: list[Tensor]) -> list[Tensor]:
        return [t if view is None else view(t) for t, view in zip(tensors, self._views, strict=True)]

    def accepts(self, grads: Sequence[Tensor | None]) -> bool:
        """True if kernels can take `grads` as they are: one for each parameter, same dtype, stored in the same order.

        Fused kernels on CPUs walk through memory without looking at strides, so this is checked on every step. Lists
        are compared as a whole: 2 us for 6 parameters, where a loop over them takes 5.
        """
        try:
            strides = list(map(_stride, grads))
        except (TypeError, RuntimeError):
            # None, or a kind of sparse tensor that has no strides.
            return False
        return (
            strides == self._accepted
            and list(map(_stride, self.parameters)) == self._strides
            and list(map(_kind, grads)) == self._kinds
            and self.parameters[0].device == self.device
        )

    def is_stale(self) -> bool:
        """True if a parameter has been moved, cast or stored in another order since."""
        return any(
            (p.device, p.dtype, p.stride()) != (self.device, self.dtype, stride)
            for p, stride in zip(self.parameters, self._strides, strict=True)
        )

    def part(self, kept: Sequence[int]) -> Group:
        """The group of only the parameters at the positions `kept`; itself if that is all of them."""
        if len(kept) == len(self.parameters):
            return self
        slots = {name: [tensors[i] for i in kept] for name, tensors in self.slots.items()}
        return Group([self.parameters[i] for i in kept], slots, self.kernel)

    def fitted(self, grads: Sequence[Tensor]) -> list[Tensor]:
        """`grads` in the dtype and memory layout of kernels."""
        fitted = [_like(grad, p) for grad, p in zip(grads, self.parameters, strict=True)]
        if self.device.type == "cpu" and all(map(operator.is_, fitted, grads)):
            # Other strides on axes of size 1 are the same memory. Not on GPUs, whose kernels want equal strides.
            self._accepted = list(map(_stride, grads))
        return fitted


def dense(grad: Any, parameter: Tensor) -> Tensor:
    """`grad` as a dense tensor: it may be a sparse one, or an array."""
    tensor = grad if isinstance(grad, Tensor) else as_tensor(grad, device=parameter.device)
    return tensor.to_dense() if tensor.is_sparse else tensor


def _like(given: Any, parameter: Tensor) -> Tensor:
    """A gradient in the dtype and memory layout of `parameter`, itself if it has them."""
    grad = dense(given, parameter)
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
        and fused.runs_on(kernel, first.device)
        and first.dtype in _FUSED_DTYPES
        and all(is_dense(p) for p in parameters)
    )


def memory_order(tensor: Tensor) -> list[int] | None:
    """The axes from the slowest in memory to the fastest; None where that is their own order.

    >>> memory_order(torch.zeros(2, 3).t()), memory_order(torch.zeros(2, 3))
    ([1, 0], None)
    """
    order = sorted(range(tensor.ndim), key=lambda axis: -tensor.stride()[axis])
    return None if tensor.is_contiguous() else order


def _view_by(order: list[int] | None) -> Callable[[Tensor], Tensor] | None:
    """What makes a tensor's view with its axes in this order; `t` takes half the time that `permute` takes."""
    if order is None:
        return None
    return Tensor.t if len(order) == 2 else operator.methodcaller("permute", order)


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
    state = sharding.laid_out_like(state, parameter)
    if (state.device, state.dtype, state.stride()) == (parameter.device, parameter.dtype, parameter.stride()):
        return state
    return torch.empty_like(parameter, requires_grad=False).copy_(state)
