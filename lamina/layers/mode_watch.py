"""A warning for a loop that trains a model in inference mode, because nobody has said ``model.train()``.

A layer is born in inference mode, as Keras has it, so in a loop that forgets the call Dropout and BatchNormalization do
not train, and nothing tells. What shows it for certain: a part that differs in training was called with gradients on,
nobody has ever set its mode (``train()``, ``eval()``, ``training=``), and then an optimizer changes weights that belong
to it. Gradients alone show nothing: pictures of what a model looks at, and pictures made by one, take them too.

The question is asked by such parts only, only until it is answered, and so never within `fit`.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from lamina.graph import tree
from lamina.graph.source import Source, caller
from lamina.optimizers.after_step import AFTER_STEP

from .mode import asked_mode

# Amounts of what a layer adds in training: where each is 0, it adds nothing.
_AMOUNTS = ("rate", "stddev", "dropout", "recurrent_dropout", "p")
# Between a layer and the weights before it lie a bias, an activation, a few changes of shape.
_NEAR = 16


@dataclass
class _Watch:
    """A part whose mode nobody has set, and what would show that it is being trained."""

    layer: weakref.ref[Any]
    models: list[weakref.ref[Any]]
    weights: list[weakref.ref[Any]]
    source: Source

    def trains_with(self, changed: set[int]) -> bool:
        """Whether weights that belong to the part are among those that an optimizer has changed."""
        own = (ref() for ref in self.weights)
        models = [model for ref in self.models if (model := ref()) is not None]
        theirs = (p for model in models for p in model.parameters() if p.requires_grad)
        return any(id(weight) in changed for group in (own, theirs) for weight in group)


_WATCHES: list[_Watch] = []
_HANDLES: list[Any] = []


def watch(layer: Any, training: bool, inputs: Any) -> None:
    """Called by a layer of which nobody has said yet in which mode it is; see above.

    Args:
        training: the mode of this call.
        inputs: of this call.
    """
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return
    if training:
        layer.__dict__.update(_asks_mode=False, _mode_is_set=True)
        return
    if not torch.is_grad_enabled() or asked_mode() is not None:
        return
    layer.__dict__["_is_watched"] = True
    if not differs_in_training(layer):
        layer.__dict__["_asks_mode"] = False
        return
    own = list(layer.parameters())
    trained = [p for p in own if p.requires_grad]
    if own and not trained:
        return  # frozen by hand
    models = [ref for ref in layer.__dict__.get("_drawn_in", ()) if ref() is not None]
    if not models:
        trained += _weights_before(inputs)
    if not models and not trained:
        return
    real = layer.__dict__.get("_behind") or weakref.ref(layer)  # a call may run on a stand-in
    _WATCHES.append(_Watch(real, models, [weakref.ref(p) for p in trained], caller()))
    if not _HANDLES:
        _HANDLES.append(register_optimizer_step_post_hook(_after_torch_step))
        AFTER_STEP.append(_after_step)


def differs_in_training(module: torch.nn.Module) -> bool:
    """Whether training makes a difference to what a module does."""
    if not getattr(module, "trainable", True):
        return False
    amounts = [v for name in _AMOUNTS if isinstance(v := module.__dict__.get(name), (int, float))]
    if any(amounts) and (hasattr(module, "takes_training") or isinstance(module, _WITH_DROPOUT)):
        return True
    parts = [part for part in module.children() if part is not None]
    if any(map(differs_in_training, parts)) or isinstance(module, _AVERAGING):
        return True
    says = getattr(module, "takes_training", False)
    return bool(says) and not amounts and not any(map(_takes_mode, parts))


_DROPOUTS = "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout".split()
_WITH_DROPOUT = (torch.nn.RNNBase, torch.nn.MultiheadAttention, *(getattr(torch.nn, name) for name in _DROPOUTS))
_AVERAGING = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d, torch.nn.SyncBatchNorm)


def _takes_mode(module: torch.nn.Module) -> bool:
    return any(getattr(part, "takes_training", False) for part in module.modules())


def _weights_before(inputs: Any) -> list[torch.Tensor]:
    """The nearest trainable weight that the inputs were computed with, a few steps back at most."""
    steps: list[Any] = [leaf.grad_fn for leaf in tree.leaves(inputs) if isinstance(leaf, torch.Tensor)]
    for looked_at in range(_NEAR):
        if looked_at >= len(steps):
            break
        step = steps[looked_at]
        weight = getattr(step, "variable", None)
        if isinstance(weight, torch.nn.Parameter):
            return [weight]
        steps += [before for before, _ in getattr(step, "next_functions", ())]
    return []


def _after_torch_step(optimizer: Any, *_: Any) -> None:
    _after_step([p for group in optimizer.param_groups for p in group["params"] if p.grad is not None])


def _after_step(parameters: Sequence[Any]) -> None:
    """Look whether a watched part is being trained; stop watching those that are decided."""
    changed = {id(p) for p in parameters}
    found: list[tuple[Any, Source]] = []
    kept: list[_Watch] = []
    for one in _WATCHES:
        layer = one.layer()
        if layer is None or layer._mode_is_set:
            continue
        if not layer.training and one.trains_with(changed):
            found.append((layer, one.source))
        else:
            kept.append(one)
    _WATCHES[:] = kept
    if not kept and _HANDLES:
        _HANDLES.pop().remove()
        AFTER_STEP.remove(_after_step)
    if found:
        _warn([layer for layer, _ in found], found[0][1])


def _warn(layers: list[Any], source: Source) -> None:
    names = ", ".join(_names(layers))
    warnings.warn_explicit(
        f"{names} {'is' if len(layers) == 1 else 'are'} in inference mode while an optimizer changes the weights: "
        f"nobody has called train(). A new layer or model is in inference mode, as in Keras. Call model.train() before "
        f"the loop, or model(x, training=True); model.eval() where inference is meant. It was called in {source}.",
        UserWarning,
        source.file,
        source.line,
    )


def _names(layers: list[Any]) -> Iterator[str]:
    yield from (layer.label for layer in layers[:3])
    if len(layers) > 3:
        yield f"{len(layers) - 3} more layers"
