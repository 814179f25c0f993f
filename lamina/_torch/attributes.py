"""All attributes of a module at once, read where PyTorch's compiler can read them one by one only.

Up to 2.11 that compiler knows ``module.__dict__[name]``, but neither which names there are nor a copy of the whole.
"""

from __future__ import annotations

from typing import Any

import torch

from .symbols import Symbol

SYMBOLS = (
    Symbol(
        "torch.compiler.assume_constant_result",  # public itself; the mark that it leaves is not, and is made by hand
        "nothing: up to 2.11 a compiled graph ends at a layer under a mixed policy; later versions read all at once",
    ),
)
_READS_ALL = torch.__version__ >= "2.13"  # not as text; what 2.12 can was not tried, and one by one works everywhere


class NamesAttributes(torch.nn.Module):
    """A module whose attributes `attributes_of` finds."""

    def _attribute_names(self) -> tuple[str, ...]:
        return tuple(self.__dict__)

    # What `torch.compiler.assume_constant_result` notes, which would import the compiler, 0.4 s, at once. A PyTorch
    # that does not look for it reads the names itself, or ends its graph here.
    _attribute_names._dynamo_marked_constant = True  # type: ignore[attr-defined]


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
