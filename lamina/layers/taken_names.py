"""Attributes of the user's that would take the place of what a layer or model answers by itself."""

from __future__ import annotations

import sys
from typing import Any

import torch

from lamina.frames import is_ours
from lamina.graph.errors import LaminaError


class TakenNameError(LaminaError, AttributeError):
    """An attribute is set that the layer computes."""

    __module__ = "lamina"


# What Keras' layers do not have, and the library asks of a layer, or calls. A word of the user's in its place would be
# called instead. Set by nobody but classes of the library's.
_ASKED = frozenset(
    "called_in casts_integers casts_parts compute_output_dtype dtype_changed dtype_config frozen_for_good "
    "full_precision has_shape_rule is_input launch narrows_arrays only_passes_masks output_example passes_on "
    "policy_for refuses_complex run run_mixed steps_back".split()
)
# What may be set to a plain value, or tells by itself that it cannot. PyTorch would put a layer beside it, unread.
_READ = frozenset(
    "adds_losses auto_named builds_for_any_rank built_at_once called_by graph heeds_mode input_names is_drawn label "
    "made_by_graph names_elsewhere node optional own_weights_follow_policy takes_training weight_facts".split()
)
OURS = _ASKED | _READ


def refuse_ours(layer: Any, name: str, value: Any) -> None:
    """Refuse an attribute of a class of the user's that would take the place of what the library calls on a layer.

    Raises:
        TakenNameError: so it is.
    """
    if type(layer).__module__.startswith("lamina.") or is_ours(sys._getframe(2)):  # or a class of ours beneath it
        return
    if any(name in vars(cls) for cls in type(layer).__mro__ if not cls.__module__.startswith("lamina.")):
        return  # a class that defines it knows what it does
    if name in _ASKED or isinstance(value, torch.nn.Module):
        raise _taken(layer, name, value)


def refuse_taken(layer: Any, name: str, value: Any) -> None:
    """Say what to write, where an attribute could not be set since the class only reads it.

    Raises:
        TakenNameError: so it is; nothing is done for any other reason.
    """
    found = getattr(type(layer), name, None)
    if isinstance(found, property) and found.fset is None:
        raise _taken(layer, name, value) from None


def _taken(layer: Any, name: str, value: Any) -> TakenNameError:
    return TakenNameError(
        f"{type(layer).__name__} has {name!r} already, and tells it by itself: it cannot be set.",
        got=f"self.{name} = {type(value).__name__}",
        expected="another name for what is the layer's own",
        hint=f"self.my_{name} = ...: layers and weights in it become parts of {type(layer).__name__} all the same",
    )
