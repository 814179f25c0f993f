"""Lambda: a function as a layer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from types import BuiltinFunctionType
from typing import Any

import torch

from lamina.custom_objects import find
from lamina.function_names import function_of_name, name_of_function
from lamina.graph import ArgumentError, tree
from lamina.layers.arguments import axis_sizes, refuse
from lamina.layers.base import Layer
from lamina.layers.captured import captured, has_layer


class Lambda(Layer):
    """`function(inputs, **arguments)`.

    Most functions need no layer here: PyTorch's functions, methods and operators on symbolic tensors are recorded as
    they stand. A parameter that the function takes from outside is the layer's own: it is trained and is in
    ``state_dict``. The weights of a layer that it calls are not: write a `Layer` for those.

    Args:
        function: takes the input (a tensor, or the nesting that the layer is called on). Where it has arguments named
            `mask` or `training`, it gets those too.
        output_shape: shape of the output without the batch, or a function from the input's shape to the output's;
            found by trying the function on shapes where it is not given.
        mask: the output's mask, or a function (inputs, mask) -> mask; none by default.
        arguments: further arguments for the function, by name.

    Raises:
        ArgumentError: `function` cannot be called; or, in `get_config`, it is no public function of PyTorch or Lamina.

    >>> Lambda(lambda x: x ** 2)(torch.tensor([3.0]))
    tensor([9.])
    """

    has_shape_rule = False  # it is tried, but where a shape is given

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise refuse(self, "function", function, "a function of the input")
        if isinstance(function, torch.nn.Module):
            kind = type(function).__name__
            raise refuse(self, "function", function, "a function", f"TorchModule({kind}(...)), which owns its weights")
        self.function = function
        if arguments is not None and not isinstance(arguments, Mapping):
            raise refuse(self, "arguments", arguments, "a dict of the function's further arguments")
        if output_shape is not None and not callable(output_shape):
            axis_sizes(self, "output_shape", output_shape, unknown=True)
        if mask is not None and not callable(mask) and not hasattr(mask, "shape"):
            raise refuse(self, "mask", mask, "a tensor, or a function (inputs, mask) -> mask")
        self.given_output_shape = output_shape
        self.mask = mask
        self._begins_masks = mask is not None
        self.supports_masking = mask is not None
        self.arguments = dict(arguments or {})
        names = _argument_names(function)
        self._wants_mask, self._wants_training = "mask" in names, "training" in names
        self._own_captured()

    def _own_captured(self, had: Collection[str] = ()) -> None:
        """Register the parameters from outside that no layer has.

        Args:
            had: names of those that the layer of which this is a copy had.
        """
        for name, value in (*captured(self.function), *self.arguments.items()):
            for path, leaf in tree.paths(value) if isinstance(value, (list, tuple, dict)) else (((), value),):
                known = any(leaf is own for own in self._parameters.values())
                free = key = "_".join(map(str, (name, *path))).replace(".", "_")
                if not isinstance(leaf, torch.nn.Parameter) or known or (has_layer(leaf) and key not in had):
                    continue
                k = 1
                while hasattr(self, free):
                    free, k = f"{key}_{k}", k + 1
                self.register_parameter(free, leaf)

    def build(self, input_shape: Any) -> None:
        self._own_captured()  # a variable around it may have got its value since

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch's
        # A copy has the same function, and with it the same parameters.
        had = list(self._parameters)
        self._parameters.clear()
        self._own_captured(had)

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        arguments = dict(self.arguments)
        if self._wants_mask:
            arguments["mask"] = mask
        if self._wants_training:
            arguments["training"] = training
        return self.function(inputs, **arguments)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        given = self.given_output_shape
        if given is None:
            return super().compute_output_shape(input_shape)
        if callable(given):
            return given(input_shape)
        batch = next(tree.leaves(input_shape))
        return _with_batch(batch, given)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return None if self.given_output_shape is None else super().output_example(args, kwargs)

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return input_dtype

    def get_config(self) -> dict[str, Any]:
        shape = self.given_output_shape
        return {
            **super().get_config(),
            "function": self._name_for("function", self.function),
            "output_shape": self._name_for("output_shape", shape) if callable(shape) else _plain(shape),
            "mask": self.mask if self.mask is None else self._name_for("mask", self.mask),
            "arguments": self.arguments,
        }

    def _name_for(self, argument: str, value: Any) -> str:
        name = name_of_function(value)
        if name is None:
            raise ArgumentError(
                f"{self.label} cannot be saved: its {argument} is code of yours.",
                got=repr(value),
                expected="a public function of PyTorch or Lamina by itself, such as torch.tanh",
                hint="a subclass of Layer with call() and get_config(), or the operations on the tensors themselves",
            )
        return name

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Lambda:
        """A layer from what `get_config` gave; other functions come from `custom_objects` by the name in the config."""
        config = dict(config)
        for argument in ("function", "output_shape", "mask"):
            name = config.get(argument)
            if isinstance(name, str):
                config[argument] = find(name, custom_objects) or function_of_name(name)
        return cls(**config)


def _argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    text = getattr(function, "__text_signature__", None) or ""
    if isinstance(function, BuiltinFunctionType) and not re.search("mask|training", text):
        return ()  # to take such a text apart lasts longer than all else here
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # PyTorch's built-in functions have no signature, and take neither argument
        return ()


def _with_batch(batch: Any, shape: Any) -> Any:
    """The batch axis before a shape, or before each of a nesting of shapes."""
    if isinstance(shape, Mapping):
        return {key: _with_batch(batch, value) for key, value in shape.items()}
    if all(size is None or isinstance(size, int) for size in shape):
        return (batch, *shape)
    return type(shape)(_with_batch(batch, item) for item in shape)


def _plain(shape: Any) -> Any:
    """Tuples as lists, which is how JSON gives them back."""
    if isinstance(shape, (list, tuple)):
        return [_plain(item) for item in shape]
    return {key: _plain(value) for key, value in shape.items()} if isinstance(shape, Mapping) else shape
