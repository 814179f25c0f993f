"""TorchModule: any ``nn.Module`` as a layer."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.layers.base import Layer


class TorchModule(Layer):
    """An ``nn.Module`` as a layer: its shapes are inferred, its parameters belong to the model.

    Args:
        module: the module; it is not copied, and shares its weights with every other user of it.
        output_shape: the output's shape, batch included, for a module that cannot be tried on shapes alone.
        name: made from the module's class where it is not given.

    Shapes: whatever the module takes and gives.

    >>> import torch
    >>> from lamina.layers import Input
    >>> TorchModule(torch.nn.Linear(4, 3))(Input((4,))).shape
    (None, 3)
    """

    def __init__(
        self, module: torch.nn.Module, name: str | None = None, output_shape: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(module, torch.nn.Module):
            raise ArgumentError(
                "TorchModule wraps an nn.Module.", got=type(module).__name__, hint="a function needs no wrapper"
            )
        if isinstance(module, Layer):
            raise ArgumentError(f"{module.label} is a layer already.", hint="call it as it is")
        self.module = module.train(False)
        self.autocast = False
        self.output_shape_given = output_shape
        if name is None:
            self._name = type(module).__name__.lower()

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.output_shape_given is None:
            return None
        return super().output_example(args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (
            self.output_shape_given
            if self.output_shape_given is not None
            else super().compute_output_shape(input_shape)
        )


TorchModuleWrapper = TorchModule
