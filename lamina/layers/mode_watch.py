"""A warning for a loop that trains a model in inference mode, because nobody has said ``model.train()``.

A layer is born in inference mode, as Keras has it, so in a loop that forgets the call Dropout and BatchNormalization do
not train, and nothing tells. What shows it: a part that differs in training was called with gradients on, nobody has
ever set its mode (``train()``, ``eval()``, ``training=``), and a weight around it got a gradient, was changed in place,
and gets a gradient again. Gradients alone show nothing: pictures of what a model looks at, and pictures made by one,
take them too. A state that is loaded in between begins the watch anew.

The first such call lays hooks on the weights, which stay there until the question is answered; later calls pay nothing,
and nothing is kept elsewhere. `fit` and `train_on_batch` set the mode.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from lamina._torch import dispatch
from lamina.graph import tree
from lamina.graph.source import Source, caller, running_modules
from lamina.probing import probing

from .mode import asked_mode
from .variable import Variable

# Amounts of what a layer adds in training: where each is 0, it adds nothing.
_AMOUNTS = ("rate", "stddev", "dropout", "recurrent_dropout", "p")
# Between a layer and the weights before it lie a bias, an activation, a few changes of shape.
_NEAR = 16
# So many values of one weight are compared: PyTorch's fused optimizers do not count their writes.
_SOME = 16


def watch(layer: Any, training: bool, inputs: Any) -> None:
    """Called by a layer of which nobody has said yet in which mode it is; see above.

    Args:
        training: the mode of this call.
        inputs: of this call.
    """
    if not training and not torch.is_grad_enabled():
        return
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return
    real = _real(layer)
    if training:
        real.__dict__.update(_asks_mode=False, _mode_is_set=True)
        return
    if asked_mode() is not None or probing():
        return
    if not differs_in_training(layer):
        real.__dict__["_asks_mode"] = False
        return
    own = list(layer.parameters())
    if own and not any(weight.requires_grad for weight in own):  # frozen by hand
        real.__dict__["_is_watched"] = True
        return
    if real._watch is None:
        _begin(real, inputs)
    if real._watch is not None:
        real._watch.layers.append(weakref.ref(real))
    # Where there is no weight to watch, the next call looks once more: what comes behind a new layer is not built yet.
    real.__dict__.update(_is_watched=real._watch is not None or "_looked" in real.__dict__, _looked=True)


def _begin(layer: Any, inputs: Any) -> None:
    """Watch the weights of the innermost module around this call that has any, for all layers in that module."""
    around = [module for module in map(_real, running_modules()) if module is not layer]
    body = next((module for module in around if next(module.parameters(), None) is not None), layer)
    found = _Watch(around[-1] if around else layer, caller())
    found.lay_hooks({id(weight): place for module in (body, layer) for weight, place in _places(module)}.values())
    if not found.hooks and next(body.parameters(), None) is None:
        found.lay_hooks([(weakref.ref(weight), None) for weight in _weights_before(inputs)])
    if found.hooks:
        for part in (layer, *body.modules()):
            if getattr(part, "_watch", found) is None:
                part.__dict__["_watch"] = found


def _places(module: torch.nn.Module) -> Iterator[tuple[torch.Tensor, tuple[weakref.ref[Any], str]]]:
    """The weights that can be trained, and where they stand. The place holds none of them."""
    for part in module.modules():
        for name, weight in part.named_parameters(recurse=False):
            if weight.requires_grad and not is_lazy(weight):
                yield weight, (weakref.ref(part), name)


def _real(module: Any) -> Any:
    """The layer behind a stand-in that a call runs on."""
    ref = module.__dict__.get("_behind")
    return (ref() if ref is not None else None) or module


class _Watch:
    """What is known of some layers whose mode nobody has set. They hold it, and the hooks do so weakly.

    Args:
        root: the outermost module that runs; one warning is enough for all of it.
        source: the call in which the question came up.

    Attributes:
        layers: weakly, those that have been called.
        hooks: on the weights around them.
    """

    def __init__(self, root: Any, source: Source) -> None:
        self.root, self.source = weakref.ref(root), source
        self.layers: list[weakref.ref[Any]] = []
        self.hooks: list[_Hook] = []

    def lay_hooks(self, places: Iterable[tuple[weakref.ref[Any], str | None]]) -> None:
        self.hooks = [_Hook(self, *place) for place in places]
        plain = [hook for hook in self.hooks if type(hook.weight()) in (torch.nn.Parameter, Variable)]
        smallest = min(plain, key=lambda hook: hook.weight().numel(), default=None)
        for hook in self.hooks:
            hook.compares_values = hook is smallest
            hook.handle = hook.weight().register_hook(hook)

    def end(self) -> None:
        """A weight was trained: warn if there is still a layer to warn of; in any case the question is answered."""
        for hook in self.hooks:
            hook.handle.remove()
        layers = [layer for ref in self.layers if (layer := ref()) is not None]
        layers = [layer for layer in layers if layer._asks_mode and not layer.training]
        root = self.root()
        if layers:
            for part in (*layers, *(root.modules() if root is not None else ())):
                if hasattr(part, "_asks_mode"):
                    part.__dict__.update(_asks_mode=False, _mode_is_set=True)
            _warn(layers, self.source)

    def forget(self, module: Any) -> None:
        """Begin anew with the weights of a layer, and those of PyTorch's modules, which do not tell by themselves."""
        for hook in self.hooks:
            owner = hook.owner()
            if owner is module or not hasattr(owner, "_watch"):
                hook.before = None


class _Hook:
    """A hook on a weight: is it changed from one gradient to the next?

    Args:
        watch: what it belongs to.
        owner: weakly, the module that has the weight; or the weight.
        name: of the weight there; None where it is the owner itself.
    """

    __torch_unserializable__ = True  # a copy of the weight is without it, as PyTorch has it, and needs no warning
    compares_values = False
    handle: Any = None
    before: Any = None

    def __init__(self, watch: _Watch, owner: weakref.ref[Any], name: str | None) -> None:
        self.watch, self.owner, self.name = weakref.ref(watch), owner, name

    def weight(self) -> Any:
        owner = self.owner()
        return owner if self.name is None or owner is None else getattr(owner, self.name, None)

    def __call__(self, gradient: torch.Tensor) -> None:
        watch, weight = self.watch(), self.weight()
        if watch is None or weight is None or (dispatch.may_refuse() and dispatch.refuses_subclasses()):
            return  # a tracer asks for gradients, and trains nothing
        values = weight.detach().reshape(-1)[:_SOME].tolist() if self.compares_values else None
        before, self.before = self.before, (weight._version, values)
        if before not in (None, self.before):
            watch.end()


def mode_is_said(model: Any) -> None:
    """Whoever trains this model sets its mode, for the layers too that a rewrite of the graph does not call."""
    if model._mode_is_set:
        return
    for part in model.modules():
        if hasattr(part, "_asks_mode"):
            part.__dict__.update(_asks_mode=False, _mode_is_set=True)


def watch_anew(modules: Iterable[torch.nn.Module]) -> None:
    """Forget what was seen of the weights of these: they have been set to others, which is no training."""
    for module in modules:
        watch: _Watch | None = getattr(module, "_watch", None)
        if watch is not None:
            watch.forget(module)


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
