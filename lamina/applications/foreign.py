"""Weights of torchvision's and timm's networks that compute what ours do: where each of ours is in their files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from lamina.saving.errors import LoadingError, refuse_missing
from lamina.saving.report import compared, copy, facts
from lamina.saving.weights import state_of
from lamina.saving.weights_file import tensors_of

Tensors = dict[str, torch.Tensor]

_ENDINGS = (".safetensors", ".pt", ".pth", ".bin")
_THEIR_WEIGHTS = {
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# PyTorch's normalizations count their batches; nothing here reads that.
_COUNTER = "num_batches_tracked"


class Foreign(NamedTuple):
    """How the files of others name what a network here has.

    Args:
        modules: name of a layer here -> the modules that it may be there.
        heads: what the names of their heads begin with, which a network without a head passes over.
        flattened: layer here -> channels of the pictures that it reads flattened, which lie before height and width
            there.
    """

    modules: Callable[[str], Sequence[str]]
    heads: Sequence[str]
    flattened: tuple[str, int] = ("", 0)


ASYMMETRIC = (
    "theirs add zeros on both sides before a convolution of stride 2, this one below and at the right only; the few "
    "that were ported from TensorFlow and do as here cannot be told by their files"
)
"""Why files for networks with "same" padding are refused."""


def load(model: Any, path: Any, foreign: Foreign | str, head: bool) -> None:
    """Read a file of weights into an application: ours or Keras', or one of torchvision's or timm's.

    Args:
        foreign: how to read theirs; or why that cannot be.
        head: the model has its head.

    Raises:
        LoadingError: the weights of another network, or of one that computes something else.
    """
    refuse_missing(path)
    tensors = _named_by_others(model, path)
    if tensors is None:
        try:
            model.load_weights(path)
        except LoadingError as error:
            error.hint = _other_head(model, path, head) or error.hint
            raise
        return
    where = repr(os.fspath(path))
    if isinstance(foreign, str):
        raise LoadingError(
            f"{where} has names of another library, whose network computes something else than {model.label}.",
            got=", ".join(tensors)[:200],
            expected=f"a file of Keras' or Lamina's: {foreign}",
            hint="layers.TorchModule(their network) keeps theirs as it is",
        )
    _load_foreign(model, tensors, foreign, head, where)


def _other_head(model: Any, path: Any, head: bool) -> str | None:
    """What to write for a file that differs from the model in its head alone; None for other files."""
    try:
        report = model.load_weights(path, partial=True)  # into a model that nobody is given
    except LoadingError:
        return None
    missing, unexpected, mismatched = (bool(part) for part in (report.missing, report.unexpected, report.mismatched))
    if head and missing and not (unexpected or mismatched):
        return "include_top=False: the file is of a model without its head"
    if not head and unexpected and not (missing or mismatched):
        return "include_top=True, and classes= as many as the file has: it is of a model with its head"
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    if head and mismatched and not (missing or unexpected) and len(report.mismatched) <= len(last.weights):
        return "classes= as many as the file has"
    return None


def _named_by_others(model: Any, path: Any) -> Tensors | None:
    """The tensors of a file in none of whose names there is one of the model's; None for any other file."""
    if not os.fspath(path).lower().endswith(_ENDINGS) or os.path.isdir(path):
        return None
    tensors = tensors_of(path, repr(os.fspath(path)))
    return None if any(name in tensors for name in state_of(model)) else tensors


def _load_foreign(model: Any, tensors: Tensors, foreign: Foreign, head: bool, where: str) -> None:
    # Files of 2017 say "norm.1" where today's say "norm1".
    tensors = {re.sub(r"(norm|conv)\.(\d)\.", r"\1\2.", name): tensor for name, tensor in tensors.items()}
    state, found, used = state_of(model), {}, set()
    for path, weight in state.items():
        name = _name_there(path, foreign, tensors)
        if name is not None:
            used.add(name)
            found[path] = _as_here(path, tensors[name], weight, foreign)
    left = [
        f"unexpected  {name} {facts(tensor)}"
        for name, tensor in tensors.items()
        if name not in used and not name.endswith(_COUNTER) and (head or not name.startswith(tuple(foreign.heads)))
    ]
    report = compared(state, found)
    if report.faults or left:
        raise LoadingError(
            f"The weights in {where} are not those of {model.label}.",
            got="\n".join([*report.faults, *left]),
            expected="torchvision's or timm's network of the same name",
            hint="the same classes and size of pictures; include_top=False leaves the head out",
        )
    copy(found, state, report)


def _name_there(path: str, foreign: Foreign, tensors: Tensors) -> str | None:
    layer, weight = path.split(".")[-2:]
    modules = foreign.modules(layer)
    # A scale of channels is a weight of the block itself there.
    names = [*(f"{module}.{_THEIR_WEIGHTS.get(weight, weight)}" for module in modules), *modules]
    return next((name for name in names if name in tensors), None)


def _as_here(path: str, tensor: torch.Tensor, weight: torch.Tensor, foreign: Foreign) -> torch.Tensor:
    """Their tensor in the layout that ours has, where it can be."""
    layer, kind = path.split(".")[-2:]
    if kind not in ("kernel", "depthwise_kernel"):
        return tensor.flatten() if tensor.numel() == weight.numel() else tensor
    flattened, channels = foreign.flattened
    if tensor.dim() == 2 and layer == flattened and tensor.shape[1] % channels == 0:
        side = round((tensor.shape[1] // channels) ** 0.5)
        tensor = tensor.unflatten(1, (channels, side, -1))
    if tensor.dim() == 4:
        tensor = tensor.permute((2, 3, 0, 1) if kind == "depthwise_kernel" else (2, 3, 1, 0))
        return tensor.flatten(0, 2) if weight.dim() == 2 else tensor
    return tensor.T if tensor.dim() == 2 else tensor
