"""Bidirectional: one recurrent layer forwards, its twin backwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.custom_objects import custom_object_scope
from lamina.graph import ArgumentError, tree
from lamina.layers.arguments import refuse
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape
from lamina.layers.parts import held_objects, part_config, part_from_config, run_part

from .rnn import RNN, shape_list

_COMMON = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Runs a recurrent layer over a sequence in both directions and merges the outputs.

    Input (B, T, F). Output as the layer's, merged; with `return_state` a tuple of that, the forward layer's states and
    the backward layer's. The output at step t joins what both directions give at t. Weights: the forward layer's, then
    the backward layer's.

    Args:
        layer: a recurrent layer; a copy of it named "forward_..." is used, with the weights that it may have.
        merge_mode: "concat" (along the features), "sum", "mul", "ave", or None for a tuple of both outputs.
        weights: first values of all weights, in their order.
        backward_layer: the layer for the other direction, with `go_backwards` opposite to `layer`; by default a copy
            with weights of its own.

    Raises:
        ArgumentError: an unknown `merge_mode`, or layers that do not go together.

    >>> from lamina.layers.rnn import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True)).compute_output_shape((None, 10, 3))
    (None, 10, 8)
    """

    def __init__(
        self,
        layer: RNN,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: RNN | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("layer", layer), ("backward_layer", backward_layer or layer)):
            if not isinstance(value, Layer) or not all(hasattr(value, a) for a in (*_COMMON, "go_backwards")):
                raise refuse(self, name, value, "a recurrent layer such as LSTM(4), not yet called")
        if merge_mode not in _MERGES:
            raise refuse(self, "merge_mode", merge_mode, "one of " + ", ".join(map(repr, _MERGES)))
        self.merge_mode = merge_mode
        self.forward_layer = _copy(layer, "forward_", layer.go_backwards)
        self.backward_layer = backward_layer or _copy(layer, "backward_", not layer.go_backwards)
        self._refuse_unlike_layers()
        for each in (self.forward_layer, self.backward_layer):
            # The step of the other direction at a masked place is another step: nothing sensible could be repeated.
            each.zero_output_for_mask = each.return_sequences
        self.stateful, self.return_sequences, self.return_state = (getattr(layer, name) for name in _COMMON)
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self.casts_integers, self.refuses_complex = layer.casts_integers, layer.refuses_complex
        if weights is not None and not isinstance(weights, (list, tuple)):
            raise refuse(self, "weights", weights, "a list of arrays, as get_weights() gives it")
        self._first_weights = weights
        self._forward_weights = layer.get_weights() if layer.built else None

    @property
    def several_results(self) -> str | None:
        """As of the layers within."""
        told = getattr(self.forward_layer, "several_results", None)
        return None if told is None else f"Bidirectional({told.replace('),', ')),')}"

    def _refuse_unlike_layers(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        unlike = [name for name in _COMMON if getattr(forward, name) != getattr(backward, name)]
        if forward.go_backwards == backward.go_backwards:
            unlike.append("go_backwards")
        if unlike:
            raise ArgumentError(
                f"{self.label}: the two layers do not go together.",
                got=", ".join(f"{n}={getattr(forward, n)} and {getattr(backward, n)}" for n in unlike),
                expected=f"the same {', '.join(_COMMON)}, and opposite go_backwards",
            )

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        self.forward_layer._build_once(sequences_shape)
        self.backward_layer._build_once(sequences_shape)
        self.input_spec = self.forward_layer.input_spec
        if self._forward_weights is not None:
            self.forward_layer.set_weights(self._forward_weights)
            self._forward_weights = None
        if self._first_weights is not None:
            self.set_weights(list(self._first_weights))
            self._first_weights = None

    def call(self, sequences: torch.Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        forward_state, backward_state = None, None
        if initial_state is not None:
            half = len(initial_state) // 2
            forward_state, backward_state = initial_state[:half], initial_state[half:]
        ahead = run_part(self.forward_layer, sequences, forward_state, mask)
        back = run_part(self.backward_layer, sequences, backward_state, mask)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*ahead[1:], *back[1:])
            ahead, back = ahead[0], back[0]
        if self.return_sequences:
            back = back.flip(1)
        output = _MERGES[self.merge_mode](ahead, back)
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    # -- states

    @property
    def states(self) -> tuple[torch.Tensor, ...] | None:
        """With `stateful`, the states that the next batch starts from."""
        ahead, back = self.forward_layer.states, self.backward_layer.states
        return None if ahead is None or back is None else (*ahead, *back)

    def reset_state(self) -> None:
        """Start the next batch from zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    # -- shapes and masks

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As any layer's; where somebody has put another module in a layer's place, only trying tells."""
        parts = (self.forward_layer, self.backward_layer)
        return super().output_example(args, kwargs) if all(isinstance(part, Layer) for part in parts) else None

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        given = None if initial_state_shape is None else shape_list(initial_state_shape)
        halves = (None, None) if given is None else (given[: len(given) // 2], given[len(given) // 2 :])
        result, _ = (
            layer.compute_output_shape(sequences_shape, half)
            for layer, half in zip((self.forward_layer, self.backward_layer), halves, strict=True)
        )
        output, states = (result[0], result[1:]) if self.return_state else (result, ())
        if self.merge_mode is None:
            return (output, output, *states, *states)
        if self.merge_mode == "concat":
            output = (*output[:-1], 2 * output[-1])
        return (output, *states, *states) if self.return_state else output

    only_passes_masks = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = next(tree.leaves(mask)) if isinstance(mask, (list, tuple)) else mask
        mask = mask if self.return_sequences else None
        masks = [mask, mask] if self.merge_mode is None else [mask]
        if self.return_state:
            masks += [None] * (2 * len(self.forward_layer.state_size))
        return masks if len(masks) > 1 else mask

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": part_config(self.forward_layer),
            "merge_mode": self.merge_mode,
            "backward_layer": part_config(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new layer with new parts; classes that are not ours come from `custom_objects`."""
        parts = {name: part_from_config(config.get(name), custom_objects) for name in ("layer", "backward_layer")}
        return cls(**{**config, **parts})


def _copy(layer: Any, prefix: str, backwards: bool) -> Any:
    config = {**layer.get_config(), "go_backwards": backwards, "name": prefix + layer.name.removeprefix(prefix)}
    with custom_object_scope(held_objects(layer)):
        return type(layer).from_config(config)


_MERGES: dict[str | None, Any] = {
    "concat": lambda a, b: torch.cat((a, b), -1),
    "sum": torch.add,
    "mul": torch.mul,
    "ave": lambda a, b: (a + b) / 2,
    None: lambda a, b: (a, b),
}
