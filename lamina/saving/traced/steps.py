"""One operation of a traced call: what a file says of it, held against what PyTorch says that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

from lamina._torch import tracing
from lamina.saving.errors import LoadingError
from lamina.sizes import tree

from .allow_list import OPERATORS, operation_of_name, operator_of_name

# Kinds of arguments that PyTorch takes numbers and strings for, unchecked: a number that is no memory format ends the
# process. What a file has a word for is here; None, where an argument may be left out, needs none.
_KINDS: Mapping[str, type | None] = {
    "ScalarType": torch.dtype,
    "MemoryFormat": torch.memory_format,
    "Device": torch.device,
    "Layout": None,
    "Generator": None,
}


class Ref:
    """Stands for the value of this number."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass
class Step:
    """One operation.

    Attributes:
        run: what is called, with what is in the places of `args` and `kwargs`.
        takes_tensors: whether one of its arguments is a tensor, or a list of some, by what PyTorch says.
        used: numbers of values that nothing reads after this step.
    """

    run: Callable[..., Any]
    args: list[Any]
    kwargs: dict[str, Any]
    takes_tensors: bool
    used: list[int] = field(default_factory=list)


def step_of(name: Any, args: Any, kwargs: Any) -> Step:
    """What a file says of one operation, found sound.

    Raises:
        LoadingError: an operation that is not allowed, an argument of another kind than it takes.
    """
    if type(args) is not list or type(kwargs) is not dict:
        raise LoadingError("A traced call is malformed.", got=f"{name!r:.80}", expected="a list and an object")
    run = operation_of_name(name)
    if name not in OPERATORS:
        return Step(run, args, kwargs, takes_tensors=False)
    declared = _declared(name)
    if len(args) > len(declared):
        raise LoadingError(f"A traced call gives {name!r} too many arguments.", got=str(len(args)))
    given = dict(zip((argument.name for argument in declared), args, strict=False)) | kwargs
    for argument in declared:
        if given.get(argument.name) is not None:
            _check_kind(name, argument, given[argument.name])
    takes_tensors = any("Tensor" in argument.kind for argument in declared)
    if not takes_tensors and any(argument.kind == "Device" for argument in declared):
        kwargs = {**kwargs, "device": torch.device("cpu")}  # which becomes that of the data
    return Step(run, args, kwargs, takes_tensors)


@lru_cache(maxsize=2048)  # a file has few operations, many times each
def _declared(name: str) -> list[tracing.Argument]:
    return tracing.arguments_of(operator_of_name(name))


def _check_kind(name: str, argument: tracing.Argument, value: Any) -> None:
    if argument.name == "pin_memory" and value is not False:
        raise LoadingError(f"A traced call gives {name!r} a wrong pin_memory.", got=f"{value!r:.80}", expected="false")
    if argument.kind not in _KINDS:
        return
    kind = _KINDS[argument.kind]
    if kind is None or not isinstance(value, kind):
        expected = "nothing" if kind is None else f"a {kind.__name__}"
        raise LoadingError(
            f"A traced call gives {name!r} a wrong {argument.name}.", got=f"{value!r:.80}", expected=expected
        )


def run_on_shapes(step: Step, args: Any, kwargs: Any, unwatched: Callable[[], Any]) -> Any:
    """Run an operation on tensors without storage, so that nothing is computed, whatever it was given.

    Args:
        unwatched: gives a context in which PyTorch's calls go past what tries a layer on shapes.

    Raises:
        TypeError: it would make a tensor that is real.
    """
    tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if any(not tensor.is_meta for tensor in tensors) or (step.takes_tensors and not tensors):
        raise TypeError("an operation on tensors was given numbers only")
    if tensors:
        return step.run(*args, **kwargs)
    with unwatched():
        return step.run(*args, **kwargs)
