"""What ``torch.export`` leaves in the graphs that it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from .symbols import Symbol, found

# Operators that only check what the tracer has taken for granted, by name.
CHECKS = ("_assert_async", "_assert_scalar", "_assert_tensor_metadata")

SYMBOLS = (
    *(Symbol(f"torch.ops.aten.{name}", "nothing: no graph holds it then") for name in CHECKS),
    Symbol(
        "torch.compiler._is_exporting_flag",
        "`torch.compiler.is_exporting`; on 2.11 that takes `torch.compile` for an export, so recurrent layers would be "
        "unrolled and custom_gradient refused",
    ),
    Symbol(
        "torch._C._set_grad_enabled",
        "saving a traced call that turns gradients on or off is refused (SavingError), unless the tracer writes "
        "`torch.set_grad_enabled`; everything else is saved",
    ),
)

_ways = (torch.set_grad_enabled, found("torch._C._set_grad_enabled"))
# The functions that stand in a traced graph where gradients are turned on or off.
SET_GRADIENTS: tuple[Callable[..., Any], ...] = tuple(way for way in _ways if way is not None)


def _exporting_flag() -> bool:
    return bool(torch.compiler._is_exporting_flag)


# Whether `torch.export` is at work. PyTorch 2.11 answers yes under `torch.compile` too, where its flag says no.
is_exporting: Callable[[], bool] = (
    torch.compiler.is_exporting if found("torch.compiler._is_exporting_flag") is None else _exporting_flag
)


def is_compiling_for_use() -> bool:
    """Whether `torch.compile` is at work. An export, which is done once, is not meant."""
    return torch.compiler.is_compiling() and not is_exporting()


def guards(size: torch.SymInt) -> Sequence[Any]:
    """What the tracer has taken for granted about the sizes that it does not know; each has a sympy `expr`.

    Raises:
        NotImplementedError: this PyTorch keeps them elsewhere, so nobody knows whether one path is all there is.
    """
    try:
        found_guards: Sequence[Any] = size.node.shape_env.guards
        return found_guards
    except AttributeError as error:
        raise NotImplementedError(
            f"PyTorch {torch.__version__} does not say what its tracer takes for granted about sizes, so no layer's "
            "code can be traced into a file. Register the class, or use a PyTorch that docs/versions.md names."
        ) from error


class Argument(NamedTuple):
    """What an operator says of an argument: its name, and of which kind it is, such as "Tensor" or "Device"."""

    name: str
    kind: str


def arguments_of(operator: Any) -> list[Argument]:
    """The arguments of an operator of PyTorch's, in order; whether one may be None is left out.

    >>> import torch
    >>> arguments_of(torch.ops.aten.relu.default)
    [Argument(name='self', kind='Tensor')]
    """
    declared = []
    for argument in operator._schema.arguments:
        kind = str(argument.real_type)  # `type` calls a device a number
        optional = kind.startswith("Optional[")
        declared.append(Argument(argument.name, kind[len("Optional[") : -1] if optional else kind))
    return declared
