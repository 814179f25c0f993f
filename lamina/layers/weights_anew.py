"""Weights that a call makes once more each time it runs: each is new, one is used, and nobody trains it."""

from __future__ import annotations

import sys
import warnings
import weakref
from types import FrameType
from typing import Any

import torch

from lamina.graph import tree
from lamina.graph.source import Source, caller
from lamina.probing import probing

from .nested import found_in
from .weight_facts import WeightFacts

_CALL = torch.nn.Module.__call__.__code__


class Made:
    """In which call, and at which line of it, a weight was made.

    A call is known by its frame and by the tensor that it was called on; both may be gone, and then it is another call.
    """

    def __init__(self, line: Source, frame: int = 0, tensor: torch.Tensor | None = None, later: bool = False) -> None:
        self.line, self.frame, self.later, self.told = line, frame, later, False
        self._tensor = weakref.ref(tensor) if tensor is not None else None

    @property
    def tensor(self) -> torch.Tensor | None:
        """What the layer was called on, while it is there."""
        return self._tensor() if self._tensor is not None else None

    def __reduce__(self) -> Any:  # a weak reference cannot be pickled, and a copy was made in no call that runs
        return Made, (self.line,)

    def is_in_call_of(self, other: Made) -> bool:
        """Whether both were made in one call."""
        return self.frame == other.frame and self.tensor is other.tensor is not None and self.later == other.later


def note_weight(layer: Any, facts: WeightFacts) -> None:
    """Note where a weight was made, and warn where an earlier call has made one at the same line that nothing keeps.

    A layer that keeps it, as an attribute or in a list, may make another one at that line.
    """
    if layer._building or torch.compiler.is_compiling():
        return
    frame = _call_of(layer)
    if frame is None:
        return
    tensor = next((leaf for leaf in tree.leaves(frame.f_locals.get("args")) if isinstance(leaf, torch.Tensor)), None)
    facts.made = now = Made(caller(), id(frame), tensor, layer._has_run)
    kept: set[str] = layer.__dict__.get("_attribute_weights", set())
    before = {name: own for name, own in _made_before(layer, now).items() if name not in kept}
    if before and not _all_in_lists(layer, before):
        _tell(layer, facts)


def tell_if_replaced(layer: Any, name: str, facts: WeightFacts | None) -> None:
    """Warn where the weight that is to be the attribute `name` takes the place of one that an earlier call has made at
    the same line.
    """
    made = facts.made if facts is not None else None
    before = _made_before(layer, made) if made is not None else {}
    if name in before:
        _tell(layer, facts)


def _made_before(layer: Any, now: Made) -> dict[str, WeightFacts]:
    """The layer's weights that earlier calls have made at this line."""
    return {
        name: facts
        for name, facts in layer.weight_facts.items()
        if facts.made not in (None, now) and facts.made.line == now.line and not now.is_in_call_of(facts.made)
    }


def _all_in_lists(layer: Any, names: dict[str, Any]) -> bool:
    own = layer.__dict__
    lists = [own[name] for name in own if name[:1] != "_" and isinstance(own[name], (list, tuple, dict))]
    kept = {id(weight) for held in lists for _, weight in found_in(held, (torch.Tensor,), ())}
    if "_lent_dtype" in own:  # its lists hold casts of the weights for this call
        return len(kept) >= len(names)
    return all(id(layer._parameters.get(name)) in kept for name in names)


def _call_of(layer: Any) -> FrameType | None:
    """The frame of the layer's call that runs; None where none does."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _CALL:
            return frame
        frame = frame.f_back
    return None


def _tell(layer: Any, facts: Any) -> None:
    if probing():
        return
    of_line = [own.made for own in layer.weight_facts.values() if own.made and own.made.line == facts.made.line]
    told = any(made.told for made in of_line)
    facts.made.told = True
    if told:
        return
    warnings.warn_explicit(
        f"{layer.label} makes the weight {facts.name!r} anew in each call: its values start over each time, and are "
        "not trained. Try making it in build(), as self.name = self.add_weight(...), and using it here.",
        UserWarning,
        *facts.made.line,
    )
