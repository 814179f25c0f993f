"""TimeDistributed: one layer on each step of a sequence."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from lamina.graph import ShapeError, tree
from lamina.graph.infer import Array, trial
from lamina.layers.base import InputSpec, Layer
from lamina.layers.core.wrapper import Wrapper
from lamina.layers.geometry import Shape, shape_error
from lamina.layers.inferred import map_shapes
from lamina.layers.parts import run_part


class TimeDistributed(Wrapper):
    """Applies a layer to each step of a sequence, with the same weights.

    Input (B, T, ...) with at least 3 axes; output (B, T, ...) of what the layer makes of (B, ...), each tensor of it
    where it gives several: a model with several outputs, a recurrent layer with its states. The steps are
    computed together, as B*T samples: a layer that looks across the batch (`BatchNormalization` in training) sees all
    of them.

    Args:
        layer: any layer.

    Raises:
        ArgumentError: `layer` is no layer.
        ShapeError: the input has fewer than 3 axes, or the mask is not (B, T, ...).

    >>> from lamina.layers import Dense
    >>> TimeDistributed(Dense(8))(torch.zeros(2, 10, 3)).shape
    torch.Size([2, 10, 8])
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _step_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 3:
            raise shape_error(
                self, input_shape, "at least 3 axes, (batch, time, ...)", "the layer itself, if there is no time"
            )
        batch, steps = input_shape[:2]
        return (None if batch is None or steps is None else batch * steps, *input_shape[2:])

    def build(self, input_shape: Any = None) -> None:
        super().build(self._step_shape(input_shape))
        inner = self.layer.input_spec
        if isinstance(inner, InputSpec) and inner.axes:
            # Of a step, without the time behind the batch.
            self.input_spec = InputSpec(axes={axis + (axis > 0): size for axis, size in inner.axes.items()})

    def call(self, inputs: torch.Tensor, mask: Any = None) -> Any:
        batch, steps = inputs.shape[:2]
        arguments = {}
        if mask is not None:
            if mask.shape[:2] != inputs.shape[:2]:
                raise ShapeError(
                    f"{self.label} cannot use this mask.",
                    got=f"mask {tuple(mask.shape)} for the input {tuple(inputs.shape)}",
                    expected=f"({batch}, {steps}, ...)",
                )
            if "mask" in self.layer._facts.signature.parameters:
                arguments["mask"] = mask.flatten(0, 1)
        outputs = run_part(self.layer, inputs.flatten(0, 1), **arguments)
        if isinstance(outputs, torch.Tensor):
            return outputs.unflatten(0, (batch, steps))
        return tree.map_leaves(lambda output: output.unflatten(0, (batch, steps)), outputs)

    only_passes_masks = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A mask of steps (B, T) as it is. One of places within them, (B, T, ...), as the layer leaves it; where it
        leaves none, a step counts if one of its places does.
        """
        mask = previous_mask
        if mask is None or mask.ndim < 3:
            return mask
        layer = self.layer
        # Most layers look at the mask alone; to flatten the inputs would warn of their mask, which it drops.
        looks = layer._begins_masks or hasattr(layer, "graph") or not type(layer).__module__.startswith("lamina.")
        with warnings.catch_warnings():  # of flatten, beside which the mask is given
            warnings.filterwarnings("ignore", message=r"torch\.Tensor\.flatten .*drops the mask")
            within = layer.compute_mask(inputs.flatten(0, 1) if looks else None, mask.flatten(0, 1))
        batch, steps = mask.size()[:2]
        if not isinstance(within, (list, tuple)):
            within = [within]
        found = [None if m is None else m.reshape((batch, steps, *m.size()[1:])) for m in within]
        return mask.flatten(2).any(-1) if all(m is None for m in found) else found

    def compute_output_shape(self, input_shape: Shape) -> Any:
        found = self.layer.compute_output_shape(self._step_shape(input_shape))
        return map_shapes(lambda shape: (*input_shape[:2], *shape[1:]), found)

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return self.layer.compute_output_dtype(input_dtype)

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As the layer tells of one step, whose dtype it may ask for: a model of word numbers, say."""
        given = self._facts.signature.bind_partial(*args, **kwargs).arguments["inputs"]
        step: Any = self._step_shape(given.shape)
        found = trial(self.layer, (Array(step, given.dtype),), {})
        return tree.map_leaves(lambda array: Array((*given.shape[:2], *array.shape[1:]), array.dtype), found)
