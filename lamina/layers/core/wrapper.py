"""Wrapper: the base of layers around one other layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.layers.arguments import refuse
from lamina.layers.base import Layer
from lamina.layers.parts import part_config, part_from_config


class Wrapper(Layer):
    """Base of a layer around one other: it keeps, builds and saves that one. A subclass writes `call`.

    Within `call`, `self.layer.launch(inputs)` runs the inner layer. The outer layer's training mode, `trainable` and
    device reach the inner one; its weights are the outer one's too.

    Args:
        layer: any layer.

    Raises:
        ArgumentError: `layer` is no layer.

    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return 2 * self.layer.launch(inputs)
    >>> Twice(lamina.layers.Dense(4))(torch.zeros(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise refuse(self, "layer", layer, "a layer such as Dense(8)")
        self.layer = layer
        self.casts_integers, self.refuses_complex = layer.casts_integers, layer.refuses_complex

    def build(self, input_shape: Any = None) -> None:
        self.layer._build_once(input_shape)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As any layer's; where somebody has put another module in the inner layer's place, only trying tells."""
        return super().output_example(args, kwargs) if isinstance(self.layer, Layer) else None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": part_config(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new layer around a new one; a class that is not ours comes from `custom_objects`."""
        return super().from_config({**config, "layer": part_from_config(config["layer"], custom_objects)})
