"""Given: what a layer of the user's class was made with, for the ``get_config`` that its class leaves out.

The class's ``__init__`` is watched, since a signature does not tell what a call gave. What files have no word for is
not held (it leaves its type's name), and the tensors between which a model was drawn leave a mark.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any

import numpy as np
import torch

from lamina.frames import is_raised_by_user
from lamina.graph import LaminaError, SymbolicTensor, tree
from lamina.graph.source import Source
from lamina.graph.walk import key_of
from lamina.tracebacks import door

_PLAIN = frozenset((bool, int, float, complex, str, slice, torch.dtype, torch.device, type(None), type(...)))
# What every layer takes, and tells by itself.
FLAGS = ("name", "trainable", "dtype", "activity_regularizer")


class NotInitializedError(LaminaError, RuntimeError, AttributeError):
    """A layer or model of the user's is used before ``Layer.__init__`` has made it one."""

    __module__ = "lamina"


class Ends:
    """Stands for all inputs of the model's graph, or for all outputs, as the model declares them."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __repr__(self) -> str:
        return f"the {self.word} of its graph"


class Unsaid:
    """Stands for a value that no file has a word for."""

    def __init__(self, value: Any) -> None:
        self.kind = type(value).__name__

    def __repr__(self) -> str:
        return f"a {self.kind}"


class Given:
    """The arguments of one call of ``__init__``.

    Attributes:
        args, kwargs: as they were given, with an `Ends` or an `Unsaid` in the places of what is not plain data.
        drawn: the inputs and the outputs of the model's graph are among them.
    """

    def __init__(self, layer: Any, args: Any, kwargs: Any) -> None:
        drawn = layer.__dict__.get("_drawn")
        graph = drawn.graph if drawn is not None else None
        ends = {"inputs": graph.inputs, "outputs": graph.outputs} if graph is not None else {}
        keys = {word: [key_of(tensor) for tensor in tensors] for word, tensors in ends.items()}

        def stand_in(value: Any) -> Any:
            leaves = list(tree.leaves(value))
            if leaves and all(isinstance(leaf, SymbolicTensor) for leaf in leaves):
                own = [key_of(leaf) for leaf in leaves]
                found = [word for word in keys if keys[word] == own and word not in taken]
                taken.extend(found[:1])
                return Ends(found[0]) if found else Unsaid(leaves[0])
            return tree.map_leaves(_said, value)

        taken: list[str] = []
        self.args = [stand_in(value) for value in args]
        self.kwargs = {name: stand_in(value) for name, value in kwargs.items()}
        self.drawn = len(taken) == 2

    def by_name(self, cls: Any, told: dict[str, Any]) -> dict[str, Any]:
        """Argument -> value, of all that ``__init__`` takes, defaults included.

        Args:
            told: the config of a base class, which tells the flags of a layer, and what has no word here.

        Raises:
            NotImplementedError: a value that JSON has no word for, or one that is given by its place alone.
        """
        why = f"{cls.__name__} has no get_config() of its own, and the arguments of its __init__ do not tell enough"
        bound = inspect.signature(cls.__init__).bind(None, *self.args, **self.kwargs)
        bound.apply_defaults()
        found: dict[str, Any] = {}
        for name, parameter in list(bound.signature.parameters.items())[1:]:
            value = bound.arguments[name]
            if parameter.kind is parameter.VAR_KEYWORD:
                found |= value
            elif parameter.kind not in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
                found[name] = value
            elif parameter.kind is parameter.POSITIONAL_ONLY or value:
                raise NotImplementedError(f"{why}: {name!r} is given by its place alone.")
        for name, value in list(found.items()):
            unsaid = [leaf for leaf in tree.leaves(tree.map_leaves(_said, value)) if isinstance(leaf, (Unsaid, Ends))]
            if name in told and (name in FLAGS or unsaid):
                found[name] = told[name]
            elif unsaid:
                raise NotImplementedError(f"{why}: {name!r} is {unsaid[0]!r}.")
        return found


def _said(leaf: Any) -> Any:
    plain = type(leaf) in _PLAIN or isinstance(leaf, (Ends, Unsaid, np.generic))
    named = isinstance(leaf, FunctionType) and leaf.__name__ != "<lambda>" and "<locals>" not in leaf.__qualname__
    tells = hasattr(leaf, "get_config") and not isinstance(leaf, type)
    return leaf if plain or named or tells else Unsaid(leaf)


def with_new_layers(config: dict[str, Any]) -> dict[str, Any]:
    """The config with another layer in the place of each that stands in it: two layers share none within.

    A layer may stand there as plain data too, as an activation that is one: no other room knows how to make it.
    """
    from lamina import layers  # knows all layers, so it imports this folder first

    def new(leaf: Any) -> Any:
        is_layer = isinstance(leaf, torch.nn.Module) and hasattr(leaf, "get_config")
        return type(leaf).from_config(leaf.get_config()) if is_layer else leaf

    def made(value: Any) -> Any:
        told = isinstance(value, dict) and str(value.get("module")).startswith("lamina.layers.")
        return layers.deserialize(value) if told else tree.map_leaves(new, value)

    return {name: made(value) for name, value in config.items()}


def remembers(init: Callable[..., None]) -> Callable[..., None]:
    """A class's ``__init__`` that leaves behind what it was given, where it is the one that was called first.

    Raises:
        NotInitializedError: it does not call ``super().__init__()``, or makes parts of the layer before that.
    """

    @door
    @wraps(init)
    def remembered(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self).__init__ is not remembered:  # super().__init__(...)
            init(self, *args, **kwargs)
            return
        copies = tree.copied((args, kwargs))  # what __init__ does to a list is not what it was given
        try:
            init(self, *args, **kwargs)
        except AttributeError as error:
            if not is_raised_by_user(error):
                refuse_uninitialized(self, init)
            raise
        refuse_uninitialized(self, init)
        self.__dict__["_given"] = Given(self, *copies)

    return remembered


def refuse_uninitialized(layer: Any, init: Callable[..., None]) -> None:
    """Refuse a layer whose own ``__init__`` has not called that of its base, or not yet."""
    if "_parameters" in layer.__dict__ and "_name" in layer.__dict__:
        return
    cls, code = type(layer), getattr(init, "__code__", None)
    raise NotInitializedError(
        f"{cls.__name__} is no layer yet: its __init__ has not called super().__init__().",
        got=f"{cls.__name__}.__init__" + (f", {Source(code.co_filename, code.co_firstlineno)}" if code else ""),
        expected="super().__init__() before any layer or weight is set, so that they become parts of it",
        hint="super().__init__() as the first line of __init__, super without arguments; or "
        "super().__init__(**kwargs), which takes name= and others",
    )


def given_of(layer: Any) -> Given | None:
    """What the layer was made with; of a dataclass, whose ``__init__`` is written after the class is, by its fields."""
    given: Given | None = vars(layer).get("_given")
    cls = type(layer)
    if given is None and "__dataclass_fields__" in vars(cls):
        names = [field.name for field in dataclasses.fields(cls) if field.init]
        return Given(layer, (), {name: vars(layer)[name] for name in names if name in vars(layer)})
    return given


def leaves_arguments_out(cls: Any) -> bool:
    """Whether the class has an ``__init__`` of the user's, and its ``get_config`` is that of a base of it."""

    def place(name: str) -> int:
        return next(i for i, base in enumerate(cls.__mro__) if name in vars(base))

    own = not cls.__mro__[place("__init__")].__module__.startswith("lamina.")
    return bool(own and place("__init__") < place("get_config"))


def with_given(layer: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The config of a base class, with the arguments that the layer's class adds to it where it leaves them out.

    Raises:
        NotImplementedError: see `Given.by_name`.
    """
    given = given_of(layer)
    cls: Any = type(layer)
    if given is None or not leaves_arguments_out(cls):
        return config
    parameters = inspect.signature(cls.__init__).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    own: dict[str, Any] = given.by_name(cls, config)
    return {name: value for name, value in config.items() if takes_any or name in parameters} | own


def config_of(layer: Any) -> dict[str, Any]:
    """``layer.get_config()``, without what a base class says of arguments that the layer's class decides by itself."""
    config: dict[str, Any] = layer.get_config()
    cls: Any = type(layer)
    if given_of(layer) is None or not leaves_arguments_out(cls) or not isinstance(config, dict):
        return config
    return with_given(layer, config)
