"""What PyTorch's compiler cannot follow and runs instead: first of all, reading all attributes of a module at once.

Up to 2.11 it knows ``module.__dict__[name]``, but neither which names there are nor a copy of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from .symbols import Symbol

Function = TypeVar("Function", bound=Callable[..., Any])

SYMBOLS = (
    Symbol(
        "torch.compiler.assume_constant_result",  # public itself; the mark that it leaves is not, and is made by hand
        "`torch.compile` refuses a model that has never run, until it has been called once; and up to 2.11 a compiled "
        "graph ends at a layer under a mixed policy, where later versions read all at once",
    ),
)
_READS_ALL = torch.__version__ >= "2.13"  # not as text; what 2.12 can was not tried, and one by one works everywhere


def ran_while_tracing(method: Function) -> Function:
    """Mark a method without arguments that the compiler runs where it meets it, and does not look into.

    It is what `torch.compiler.assume_constant_result` notes, which would import the compiler, 0.4 s, at once. A PyTorch
    that does not look for it looks into the method, or ends its graph there.
    """
    method._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return method


class NamesAttributes(torch.nn.Module):
    """A module whose attributes `attributes_of` finds."""

    @ran_while_tracing
    def _attribute_names(self) -> tuple[str, ...]:
        return tuple(self.__dict__)


def one_by_one() -> bool:
    """Whether a compiler is at work that needs `copied_one_by_one`."""
    return not _READS_ALL and torch.compiler.is_dynamo_compiling()


def attributes_of(module: Any) -> dict[str, Any]:
    """``module.__dict__``, or a copy of that; not to be written to."""
    every: dict[str, Any] = module.__dict__
    if not one_by_one():
        return every
    if "_names_of_copy" not in module.__dict__:
        return {name: module.__dict__[name] for name in module._attribute_names()}
    names = (*module.__dict__["_names_of_copy"], *module.__dict__["_set_names"])  # a copy that the compiler has made
    return {name: module.__dict__[name] for name in names if name in module.__dict__}


def copied_one_by_one(module: NamesAttributes, attributes: dict[str, Any]) -> Any:
    """A copy of the module with other attributes, `_set_names` among them, which names those that are set later."""
    copy = object.__new__(type(module))
    every = {**attributes_of(module), **attributes}
    for name, value in every.items():
        copy.__dict__[name] = value
    copy.__dict__["_names_of_copy"] = tuple(every)
    return copy
