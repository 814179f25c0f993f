"""The random generators that layers with a seed own: how far they have come, as JSON types and back."""

from __future__ import annotations

import base64
from typing import Any

import torch

from lamina.training.generators import set_states_by_path, states_by_path

from .errors import LoadingError
from .fields import field


def generators_to_config(model: Any) -> dict[str, dict[str, str]]:
    """Path of the layer -> device -> state, of those that have drawn something."""
    words = {
        path: {name: base64.b64encode(state.numpy().tobytes()).decode() for name, state in own.items()}
        for path, own in states_by_path(model).items()
    }
    return {path: own for path, own in words.items() if own}


def generators_from_config(model: Any, config: dict[str, Any]) -> None:
    """Put back what `generators_to_config` gave.

    Raises:
        LoadingError: no state of a generator.
    """
    if not config:
        return
    where = "The state of a random generator"
    try:
        states = {
            path: {
                str(torch.device(name)): torch.frombuffer(bytearray(base64.b64decode(word)), dtype=torch.uint8)
                for name, word in field(config, path, dict, where).items()
            }
            for path in config
        }
        set_states_by_path(model, states)
    except (RuntimeError, ValueError, TypeError) as error:
        raise LoadingError(f"{where} is malformed.", got=str(error)[:200]) from error
