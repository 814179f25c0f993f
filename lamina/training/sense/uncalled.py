"""Layers that are made in ``__init__`` and that no call uses: they never get weights, so that nothing shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from lamina import layers
from lamina.layers import Layer

from .said import Said

_SHOWN = 4
_NOT_TRAINED = ("lamina.layers.preprocessing.", "lamina.layers.merging.")
_WITHOUT_WEIGHTS = (layers.Lambda, layers.Pipeline)
_CONTAINERS = (nn.ModuleList, nn.ModuleDict)


def tell_of_uncalled(said: Said, model: Any) -> None:
    """Warn of layers in the models and layers of the user's that a step of training did not call.

    Asked when such a step has run. What was called is built by then.
    """
    found = [entry for path, part in _of_users(model) for entry in _uncalled(path, part)]
    if found:
        names = [f"{path} ({type(layer).__name__})" for path, layer in found[:_SHOWN]]
        more = f", ... ({len(found)} in all)" if len(found) > _SHOWN else ""
        said.once(
            "uncalled",
            f"{model.label} has layers that were not called in a step of training: {', '.join(names)}{more}. They have "
            "no weights, and are not trained. Try calling each in call(), or leaving it out of __init__; "
            "layer.trainable = False where it is for something else than training.",
            here=True,
        )


def _of_users(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The parts whose calls are the user's code and have run, by their paths."""
    for path, part in model.named_modules():
        called = getattr(part, "_has_built", True) and getattr(part, "graph", None) is None
        if called and not type(part).__module__.startswith(("lamina.", "torch.")):
            yield path, part


def _uncalled(path: str, part: nn.Module) -> Iterator[tuple[str, Layer]]:
    for name, inner in part.named_children():
        place = f"{path}.{name}".lstrip(".")
        if isinstance(inner, _CONTAINERS):
            yield from _uncalled(place, inner)
        elif isinstance(inner, Layer) and not inner._has_built and inner.trainable and _would_train(inner):
            yield place, inner


def _would_train(layer: nn.Module) -> bool:
    """Whether it, or a layer in it, makes weights when it is built."""
    if not isinstance(layer, Layer):
        return any(True for _ in layer.parameters())
    kind = type(layer)
    if isinstance(layer, layers.Attention):
        return bool(layer.use_scale)
    if kind.__module__.startswith(_NOT_TRAINED) or isinstance(layer, _WITHOUT_WEIGHTS):
        return False
    own = kind.build is not Layer.build and not isinstance(layer, layers.Wrapper) and not hasattr(kind, "fit")
    return own or any(_would_train(inner) for inner in layer.children())
