"""What a layer's ``call`` and ``build`` ask for, read once per class from their signatures."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, update_wrapper
from types import FunctionType
from typing import Any

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class CallFacts:
    """Facts about ``call`` (or PyTorch's ``forward``) and ``build`` of a layer class.

    Attributes:
        signature: of the call, without self.
        training: position of the ``training`` argument, or None.
        masks: (mask argument, the argument it belongs to) pairs: ``mask`` goes with the first argument,
            ``value_mask`` with ``value``.
        due_masks: those of them that have no default: they are None where there is no mask.
        build_shapes: names of the arguments whose shapes ``build`` wants, by Keras' ``<argument>_shape`` names;
            empty where it wants the first one's.
        build_arguments: what ``build`` calls them -> those that the call has.
        strangers: arguments of such a ``build`` that must be given, and are the shape of no argument of the call.
        counts: how many arguments the call takes by their places alone.
    """

    signature: inspect.Signature
    training: int | None
    masks: tuple[tuple[str, str], ...]
    due_masks: tuple[str, ...]
    build_shapes: tuple[str, ...]
    build_arguments: dict[str, str]
    strangers: tuple[str, ...]
    counts: range

    def takes(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether it is plain from their number that the call takes these; False where Python has to be asked."""
        return not kwargs and len(args) in self.counts


@lru_cache(maxsize=4096)
def call_facts(call: Any, build: Any) -> CallFacts:
    """The facts of a class, from its ``call`` and ``build`` functions."""
    signature = _without_self(inspect.signature(call))
    names = list(signature.parameters)
    plain = [n for n in names if n != "training" and not n.endswith("mask")]
    masks = []
    for name in names:
        owner = plain[0] if name == "mask" and plain else name.removesuffix("_mask")
        if name.endswith("mask") and owner in plain:
            masks.append((name, owner))
    wanted = [p for p in _without_self(inspect.signature(build)).parameters.values() if p.kind in _BY_NAME]
    shapes = tuple(p.name.removesuffix("_shape") for p in wanted) if len(wanted) > 1 else ()
    called = {p.name: n for p, n in zip(wanted, shapes, strict=False) if n in names and p.name.endswith("_shape")}
    strangers = tuple(p.name for p in wanted if shapes and p.name not in called and p.default is p.empty)
    training = names.index("training") if "training" in names else None
    given = tuple(mask for mask, _ in masks)
    due = tuple(n for n in given if signature.parameters[n].default is inspect.Parameter.empty)
    signature = _with_defaults(signature, due)
    counts = _counts(signature)
    return CallFacts(signature, training, tuple(masks), due, shapes, called, strangers, counts)


def _counts(signature: inspect.Signature) -> range:
    """How many arguments may be given by their places, and none by name."""
    parameters = signature.parameters.values()
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
        return range(0)
    most = sys.maxsize - 1 if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(placed)
    return range(sum(p.default is p.empty for p in placed), most + 1)


def _with_defaults(signature: inspect.Signature, names: tuple[str, ...]) -> inspect.Signature:
    """The same, in which arguments of these names may be left out as far as Python allows it."""
    changed: list[inspect.Parameter] = []
    optional = True
    for parameter in reversed(list(signature.parameters.values())):
        if parameter.name in names and optional:
            parameter = parameter.replace(default=None)
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            optional = parameter.default is not parameter.empty
        changed.append(parameter)
    return signature.replace(parameters=changed[::-1])


def shown_as(function: Any, signature: inspect.Signature) -> Any:
    """A copy of a method that shows another signature, for whoever asks what a module takes, as ``torch.export`` does.

    >>> def forward(self, *args): return sum(args)
    >>> inspect.signature(shown_as(forward, inspect.signature(lambda image, text=None: None)))
    <Signature (self, /, image, text=None)>
    """
    shown: Any = FunctionType(function.__code__, function.__globals__, function.__name__, None, function.__closure__)
    update_wrapper(shown, function)
    del shown.__wrapped__  # by which PyTorch would look behind it
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shown.__signature__ = inspect.Signature([itself, *signature.parameters.values()])
    return shown


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])
