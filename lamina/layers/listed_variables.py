"""Variables and PyTorch's parameters that a layer keeps in plain lists, tuples and dicts are weights of it."""

from __future__ import annotations

from typing import Any

import torch

from .nested import found_in, may_hold, name_of
from .variable import Variable

_TENSORS = (torch.Tensor,)  # to ask for PyTorch's parameters is slower, and nearly nothing is a tensor
_HOLDERS = (*_TENSORS, list, tuple, dict)


def adopt_variables(layer: Any, name: str | None = None) -> None:
    """Register the variables in the layer's containers, or in one of them, that no layer has yet.

    One at ``self.scales[2]`` becomes the weight ``scales_2``, one at ``self.scales["a"]`` the weight ``scales_a``. A
    parameter may be that of a layer that is yet to come, so it is taken when the layer is built.
    """
    own = layer.__dict__
    of_ours = type(layer).__module__.startswith("lamina.")
    for attribute in list(own) if name is None else [name]:
        value = own[attribute]
        if not isinstance(value, _HOLDERS) or (of_ours and attribute[:1] == "_"):
            continue
        if not isinstance(value, torch.Tensor) and not may_hold(value, _HOLDERS):
            continue  # as nearly always
        for path, variable in list(found_in(value, _TENSORS, (attribute,))):
            if isinstance(variable, Variable):
                if "facts" in variable.__dict__ and not variable.facts.layer_has_it:
                    register_variable(layer, _free(layer, name_of(path)), variable)
            elif (name is None or layer._has_built) and _is_new_parameter(layer, variable):
                layer.register_parameter(_free(layer, name_of(path)), variable)


def register_variable(layer: Any, name: str, variable: Variable) -> None:
    """One that trains as a parameter of the layer, another as a buffer."""
    if variable.facts.is_buffer:
        layer.__dict__.pop(name, None)
        layer._parameters.pop(name, None)
        layer.register_buffer(name, variable)
        layer._know(name, variable)
    else:
        layer.register_parameter(name, variable)


def _is_new_parameter(layer: Any, value: torch.Tensor) -> bool:
    return isinstance(value, torch.nn.Parameter) and all(value is not known for known in layer.parameters())


def _free(layer: Any, path: str) -> str:
    name, k = path, 1
    while hasattr(layer, name):
        name, k = f"{path}_{k}", k + 1
    return name
