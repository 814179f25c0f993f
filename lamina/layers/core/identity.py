"""Identity: a place that nothing stands in yet."""

from __future__ import annotations

from typing import Any

from lamina.layers.base import Layer


class Identity(Layer):
    """Gives back what it gets, mask and all: a tensor, or a nesting of them.

    >>> import torch
    >>> Identity()(torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """

    built_at_once = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # The tensors of a nesting may differ in dtype, which a rule about shapes cannot say.
        return args[0] if args else next(iter(kwargs.values()))
