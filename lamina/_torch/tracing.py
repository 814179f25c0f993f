"""What ``torch.export`` leaves in the graphs that it makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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


_OURS = Path(__file__).parents[1]


class Guard(NamedTuple):
    """Something that the tracer took for granted of sizes: a sympy expression, and the line that asked."""

    expression: Any
    where: str | None


def inputs_of(program: Any) -> list[torch.Tensor]:
    """What stands for the inputs of an exported program, constants and weights first: tensors without values."""
    return [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"]


def expression_of(size: int | torch.SymInt) -> Any:
    """A number, or the sympy expression for one that the tracer does not know."""
    return size.node.expr if isinstance(size, torch.SymInt) else size


def guards(tensor: torch.Tensor) -> list[Guard]:
    """What the tracer has taken for granted about the sizes that it does not know, of which `inputs_of` gave one.

    Raises:
        NotImplementedError: this PyTorch keeps them elsewhere, so nobody knows whether one path is all there is.
    """
    try:
        known: Any = tensor
        return [Guard(guard.expr, _line_of(guard)) for guard in known.fake_mode.shape_env.guards]
    except AttributeError as error:
        raise NotImplementedError(
            f"PyTorch {torch.__version__} does not say what its tracer takes for granted about sizes, so no layer's "
            "code can be traced into a file. Register the class, or use a PyTorch that docs/versions.md names."
        ) from error


def _line_of(guard: Any) -> str | None:
    """``"net.py:12"``, where the tracer tells it."""
    frame: Any = getattr(getattr(guard, "sloc", None), "framework_loc", None)
    path = Path(getattr(frame, "filename", ""))
    return f"{path.name}:{frame.lineno}" if path.suffix == ".py" and _OURS not in path.parents else None


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
