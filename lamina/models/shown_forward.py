"""``forward`` under the signature that a call of the model really has, for whoever reads it.

``torch.export``, the ONNX exporter and trainers of others ask ``inspect.signature(model.forward)`` what a module takes,
and name its inputs so. A class has one signature and every graph has other inputs, so each model shows one of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import torch
from torch.compiler import is_compiling

from lamina.layers import fx
from lamina.layers.last_call import shapes_given


class ShownForward:
    """Decorates ``forward``: a model gives it out under the signature of its graph, or of its own ``call``.

    A graph's lies beside the graph without the model in it, and is bound when it is asked for: a bound method that lay
    there would be a cycle, which only the collector frees. This is no data descriptor, so a ``forward`` that somebody
    sets on one model goes first, as on any ``nn.Module``. It costs a call of the model 0.3 us.
    """

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain = plain
        self.__doc__ = plain.__doc__

    def __get__(self, model: Any, kind: Any = None) -> Any:
        if model is None:
            return self.plain
        drawn = model._drawn
        shown = drawn.forward if drawn is not None else None
        if shown is None:
            return model._forward_of_class
        if torch.compiler.is_compiling():  # PyTorch's tracer, up to 2.11, knows no binding of a function by hand
            return partial(shown, model)
        return shown.__get__(model, kind)


def forward_of_graph(signature: inspect.Signature) -> Callable[..., Any]:
    """``forward`` of a model that runs a graph, under the signature of that. It is written here once for each graph,
    since one that only called another would cost every call of the model 0.1 us.
    """

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        """What ``model(...)`` runs, with the inputs' names in its signature: ``model(image=..., text=...)``."""
        if type(args) is not tuple:
            return fx.root(self, args)
        if len(args) == 1:
            if not kwargs:
                return self.call(args[0])
            if len(kwargs) == 1 and "training" in kwargs:
                return self.call(args[0], kwargs["training"])
        inputs, options = self._drawn.binding.forms.gather(args, kwargs)
        return self.call(inputs, **options)

    return with_signature(forward, signature)


def noting_calls(forward: Callable[..., Any], signature: inspect.Signature) -> Callable[..., Any]:
    """The same function under this signature, to which `self` is added. It leaves the shape that it was given on the
    model, for a summary of that: 0.2 us.

    >>> def forward(self, x, **options): return x.sum()
    >>> inspect.signature(noting_calls(forward, inspect.signature(lambda image, text=None: None)))
    <Signature (self, /, image, text=None)>
    """

    @wraps(forward)
    def shown(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not is_compiling():
            plain = len(args) == 1 and type(args[0]) is torch.Tensor and not kwargs
            self.__dict__["_last_call"] = args[0].shape if plain else shapes_given(args, kwargs)
        return forward(self, *args, **kwargs)

    return with_signature(shown, signature)


def with_signature(function: Callable[..., Any], signature: inspect.Signature) -> Callable[..., Any]:
    """The function itself, which shows this signature from now on, with `self` before it."""
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shown: Any = function
    shown.__signature__ = inspect.Signature([itself, *signature.parameters.values()])
    return function
