"""Weights by their paths in ``state_dict``, out of a model and into one: all of them, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina._torch.sharding import laid_out_like
from lamina.devices import current_device
from lamina.layers.variable import Variable

from .errors import LoadingError, SavingError
from .report import Tensors, compared, facts


def state_of(model: torch.nn.Module, others: bool = False) -> dict[str, torch.Tensor]:
    """Path -> the model's own parameters and buffers, not copies.

    Args:
        others: leave out what is no tensor.

    Raises:
        SavingError: the state holds something else than tensors.
    """
    state = model.state_dict(keep_vars=True)
    if others:
        return {path: value for path, value in state.items() if isinstance(value, torch.Tensor)}
    for path, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise SavingError(
                f"The state {path!r} is no tensor, and nothing else is stored with weights.",
                got=type(value).__name__,
                hint="a buffer instead of get_extra_state, or the layer's get_config",
            )
    return state


def ties(state: Tensors) -> dict[str, str]:
    """Path -> first path of the same tensor, for each weight that is reached by several paths."""
    first: dict[int, str] = {}
    tied: dict[str, str] = {}
    for path, tensor in state.items():
        if first.setdefault(id(tensor), path) != path:
            tied[path] = first[id(tensor)]
    return tied


def once(state: Tensors) -> dict[str, torch.Tensor]:
    """Each tensor by the first of its paths."""
    tied = ties(state)
    return {path: tensor for path, tensor in state.items() if path not in tied}


def ties_by_hand(model: torch.nn.Module) -> dict[str, str]:
    """The `ties` that sharing modules does not explain: one tensor in the places of several modules."""
    places: dict[str, torch.Tensor] = {}
    for path, module in model.named_modules():
        for name, weight in (*module._parameters.items(), *module._buffers.items()):
            if weight is not None:
                places[f"{path}.{name}" if path else name] = weight
    return ties(places)


def tie(model: torch.nn.Module, tied: Mapping[str, str]) -> None:
    """Put the same tensor at both paths of each pair, where it is not yet the same one.

    Raises:
        LoadingError: a path leads nowhere, or the two weights have different shapes.
    """
    for path, owner in tied.items():
        if _is_within_traced(model, path):
            continue
        slot, name = slot_of(model, path)
        source_slot, source_name = slot_of(model, owner)
        source = source_slot[source_name]
        if slot[name].shape != source.shape or slot[name].dtype != source.dtype:
            got = f"{facts(slot[name])} and {facts(source)}"
            raise LoadingError(f"The weights {path!r} and {owner!r} cannot be one.", got=got)
        slot[name] = source


def _is_within_traced(model: torch.nn.Module, path: str) -> bool:
    """Whether a path leads to nothing in a traced layer, which holds each weight once, at its first path."""
    part: Any = model
    traced = False
    for step in path.split(".")[:-1]:
        traced = traced or hasattr(part, "_traced_paths")
        part = part._modules.get(step) if part is not None else None
    name = path.rpartition(".")[2]
    return traced and (part is None or (name not in part._parameters and name not in part._buffers))


def slot_of(model: torch.nn.Module, path: str) -> tuple[dict[str, Any], str]:
    """The dict that holds the weight at a path, and its key there."""
    *modules, name = path.split(".")
    part: Any = model
    for step in modules:
        part = part._modules.get(step) if part is not None else None
    for slot in (part._parameters, part._buffers) if part is not None else ():
        if slot.get(name) is not None:
            return slot, name
    raise LoadingError(f"The model has no weight {path!r}.")


# -- into a model


def load_state(model: torch.nn.Module, tensors: Tensors, where: str) -> None:
    """Copy ``tensors`` into the model: all of them, and a value for each weight. A tied weight needs one of its paths.

    Raises:
        LoadingError: lists each weight that is missing, unexpected, or of another shape or kind, and changes nothing.
    """
    state = _state_that_fits(model, tensors, where)
    with torch.no_grad():
        for path, tensor in tensors.items():
            state[path].copy_(laid_out_like(tensor, state[path]))


def take_state(model: torch.nn.Module, tensors: Tensors, where: str) -> None:
    """`load_state` into a new model: ``tensors`` become its weights, without a copy where dtype and device agree and
    they lie in memory as they show (files of before hold kernels in other orders).

    The weights may be without storage (meta) until then: whoever holds them holds the same objects afterwards.

    Raises:
        LoadingError: as `load_state`, and nothing is changed.
    """
    state = _state_that_fits(model, tensors, where)
    with torch.no_grad():
        for path, tensor in tensors.items():
            weight = state[path]
            device = weight.device if not weight.is_meta else current_device()
            torch.utils.swap_tensors(weight, _like(weight, tensor.to(device, weight.dtype).contiguous()))


def _like(weight: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """What ``weight`` is, with another value."""
    if isinstance(weight, Variable):
        return weight.with_value(value)
    return torch.nn.Parameter(value, weight.requires_grad) if isinstance(weight, torch.nn.Parameter) else value


def _state_that_fits(model: torch.nn.Module, tensors: Tensors, where: str) -> dict[str, torch.Tensor]:
    state = state_of(model)
    faults = compared(state, tensors).faults
    if faults:
        raise not_those_of(model, state, faults, where)
    return state


def not_those_of(model: torch.nn.Module, state: Tensors, faults: list[str], where: str) -> LoadingError:
    """What to say of weights that do not fit."""
    label, unbuilt = getattr(model, "label", type(model).__name__), not state and getattr(model, "built", True) is False
    if unbuilt:
        return LoadingError(
            f"{label} has no weights yet, so those in {where} cannot be loaded.",
            got=f"{len(faults)} weights",
            expected="a model that was called once, or built",
            hint="before it build(input_shape), a call on some data, or Input(shape) as the first of the layers",
        )
    return LoadingError(
        f"The weights in {where} are not those of {label}.",
        got="\n".join(faults),
        expected=f"a tensor for each of {len(once(state))} weights, with its path, shape and kind of number",
        hint="the model that wrote them, built with the same arguments and called on the same shapes; for a part of "
        "them load_weights(..., partial=True), for other names load_weights(..., mapping={path: name})",
    )


# -- which are frozen


def frozen(model: torch.nn.Module) -> dict[str, str]:
    """Path -> "layer" or "hand", for each parameter that the optimizer may not change, by who froze it.

    ``trainable = True`` thaws what ``trainable = False`` has frozen ("layer"), not what ``requires_grad_(False)`` has.
    """
    return {
        path: "layer" if isinstance(weight, Variable) or getattr(weight, "_lamina_frozen", False) else "hand"
        for path, weight in model.named_parameters()
        if not weight.requires_grad
    }


def freeze(model: torch.nn.Module, by: Mapping[str, str]) -> None:
    """Freeze exactly these parameters."""
    for path, weight in model.named_parameters():
        trained = path not in by
        if weight.requires_grad != trained and weight.is_floating_point():
            weight.requires_grad_(trained)
        if by.get(path) == "layer" and not isinstance(weight, Variable):
            weight._lamina_frozen = True  # type: ignore[attr-defined]
