"""Pipeline: layers one after the other, as one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.graph import tree
from lamina.layers.arguments import refuse
from lamina.layers.base import Layer
from lamina.layers.parts import part_config, part_from_config
from lamina.layers.spec import check_inputs


class Pipeline(Layer):
    """`layers[-1](... layers[1](layers[0](inputs)))`.

    For steps that belong together, as in preparing data: one node in a graph, one name, one switch between training
    and inference. `Sequential` is a model; this is a layer. Inputs keep their dtype until a layer within casts them.

    Args:
        layers: a list of layers, each taking what the one before gives.
        name: the layer's name.

    Raises:
        ArgumentError: `layers` is no list of layers, or an empty one.

    >>> to_unit = Pipeline([lamina.layers.Rescaling(1 / 255), lamina.layers.Flatten()])
    >>> to_unit(torch.full((1, 2, 2), 255))
    tensor([[1., 1., 1., 1.]])
    """

    def __init__(self, layers: list[Layer], name: str | None = None) -> None:
        super().__init__(name=name, autocast=False)
        is_list = isinstance(layers, (list, tuple)) and len(layers) > 0
        if not is_list or not all(isinstance(layer, Layer) for layer in layers):
            raise refuse(self, "layers", layers, "a list of layers such as [Rescaling(1 / 255), Flatten()]")
        self.layers = list(layers)
        self.casts_integers, self.refuses_complex = layers[0].casts_integers, layers[0].refuses_complex
        self.supports_masking = all(layer.supports_masking for layer in layers)

    def build(self, input_shape: Any) -> None:
        for layer in self.layers:
            layer._build_once(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.input_spec = self.layers[0].input_spec

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        for layer in self.layers:
            takes_mask = mask is not None and "mask" in layer._facts.signature.parameters
            outputs = layer(inputs, mask=mask) if takes_mask else layer(inputs)
            # In a graph a mask is an edge of its own, not something that the tensor carries from layer to layer.
            mask = layer.compute_mask(inputs, mask) if mask is not None or layer._makes_masks else None
            inputs = outputs
        return inputs

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        example = args[0] if args else kwargs["inputs"]
        for layer in self.layers:
            if example is not None:
                check_inputs(layer, layer.input_spec, list(tree.leaves(example)), lambda _: "")
                example = layer.output_example((example,), {})
        return example

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {"layers": [part_config(layer) for layer in self.layers], "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new pipeline of new layers; classes that are not ours come from `custom_objects`."""
        layers = [part_from_config(layer, custom_objects) for layer in config["layers"]]
        return super().from_config({**config, "layers": layers})
