"""What our cells share: one step made of a part of the inputs and a part of the states, dropout; weights, options.

Letters: B batch, T time, F features, U units, G gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.graph.errors import ShapeError
from lamina.layers.arguments import fraction, optional_seed, whole
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape, known_size
from lamina.layers.regularization.source import RandomSource
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config

States = list[torch.Tensor]


class SteppedCell(Layer):
    """Base of all our cells: a step whose share of the inputs does not depend on the states.

    A step is `step(project(inputs), states)`, so a whole sequence is projected at once. A subclass makes the weights,
    says how many `gates` it has and defines `project`, `step` and `get_initial_state`; `fused` and `fuses` too, if a
    kernel of PyTorch computes all steps.
    """

    casts_integers = True

    gates: ClassVar[int]
    # Whether each gate drops features of its own where dropout is drawn gate by gate.
    masks_per_gate: ClassVar[bool] = True

    state_size: int | list[int]

    def keep_dropout(self, dropout: float, recurrent_dropout: float, seed: int | None, per_gate: bool = False) -> None:
        """Check and keep what `draw_dropout` goes by; per_gate: as many factors as gates, also for the inputs alone."""
        self.dropout = fraction(self, "dropout", dropout)
        self.recurrent_dropout = fraction(self, "recurrent_dropout", recurrent_dropout)
        self.seed = optional_seed(self, seed)
        self.random = RandomSource(seed)
        self._drops_per_gate = self.masks_per_gate and (per_gate or self.recurrent_dropout > 0)

    # -- one step

    def call(self, inputs: torch.Tensor, states: Any, training: bool = False) -> tuple[torch.Tensor, Any]:
        """inputs (B, ...), states: (B, ...) each, in a list or a single one alone -> (output, new states alike)."""
        nested = isinstance(states, (list, tuple))
        states = list(states) if nested else [states]
        if not torch.compiler.is_compiling():
            self.check_states(inputs.shape, [state.shape for state in states])
        drops, recurrent_drops = self.draw_dropout(inputs.shape, states[0], training)
        output, new = self.step(self.project(inputs, drops), states, recurrent_drops)
        return output, new if nested else new[0]

    def check_states(self, input_shape: Shape, shapes: Sequence[Shape]) -> None:
        """Raise where the states of a step do not fit the cell: PyTorch would broadcast some that do not."""

    def project(self, inputs: torch.Tensor, drops: torch.Tensor | None = None) -> torch.Tensor:
        """The inputs' share of all gates, for one step (B, ...) or a whole sequence (B, T, ...)."""
        raise NotImplementedError

    def step(self, projected: torch.Tensor, states: States, drops: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        """(output, new states) from the projected input, the states and the dropout of the first state."""
        raise NotImplementedError

    # -- a whole sequence at once

    def fuses(self) -> bool:
        """Whether `fused` computes what `step` does with these arguments."""
        return False

    def fused(self, inputs: torch.Tensor, states: States, padding: torch.Tensor | None) -> tuple[torch.Tensor, States]:
        """All steps by one kernel of PyTorch: inputs (B, T, F) -> (outputs (B, T, U), last states).

        padding: (B, T), True behind the end of each sequence; the last states are those before it. None: no sequence
        ends early, or nobody reads the last states.
        """
        raise NotImplementedError

    # -- dropout: drawn once for a sequence, the same at every step

    def draw_dropout(
        self, inputs_shape: Sequence[int], state: torch.Tensor, training: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Factors (G or 1, B, ...) for the inputs of a step and for the first state; None where nothing drops."""
        if not training:
            return None, None
        return (
            self._factors(inputs_shape, state, self.dropout),
            self._factors(state.shape, state, self.recurrent_dropout),
        )

    def _factors(self, shape: Sequence[int], like: torch.Tensor, rate: float) -> torch.Tensor | None:
        if rate == 0.0:
            return None
        kept = like.new_empty((self.gates if self._drops_per_gate else 1, *shape))
        kept.bernoulli_(1.0 - rate, generator=self.random.on(like.device))
        return kept / (1.0 - rate) if rate < 1.0 else kept

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **weight_options_config(self, "kernel", "recurrent", "bias"),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


class RecurrentCell(SteppedCell):
    """Base of `SimpleRNNCell`, `GRUCell` and `LSTMCell`, whose share of the inputs is `inputs @ kernel + bias`.

    Weights: `kernel` (F, G*U), `recurrent_kernel` (U, G*U), `bias`.
    """

    def __init__(
        self,
        units: int,
        *,
        activation: Any,
        use_bias: bool,
        initializers: Sequence[Any],
        regularizers: Sequence[Any],
        constraints: Sequence[Any],
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.units = whole(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        for weight, *options in zip(
            ("kernel", "recurrent", "bias"), initializers, regularizers, constraints, strict=True
        ):
            keep_weight_options(self, weight, *options)
        self.keep_dropout(dropout, recurrent_dropout, seed, per_gate=implementation == 1)
        self.state_size = self.units
        self.output_size = self.units

    # -- weights

    def build(self, input_shape: Shape) -> None:
        features = known_size(self, input_shape, -1, "the features")
        width = self.gates * self.units
        self.kernel = self.add_weight((features, width), name="kernel", **weight_options(self, "kernel"))
        self.recurrent_kernel = self.add_weight(
            (self.units, width), name="recurrent_kernel", **weight_options(self, "recurrent")
        )
        options = weight_options(self, "bias")
        options["initializer"] = self.first_bias(options["initializer"])
        self.bias = self.add_weight(self.bias_shape, name="bias", **options) if self.use_bias else None

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def first_bias(self, initializer: Any) -> Any:
        """The initializer of the bias, made from the one that was given."""
        return initializer

    @property
    def input_bias(self) -> torch.Tensor | None:
        """The bias that is added before the recurrent product."""
        return self.bias

    def project(self, inputs: torch.Tensor, drops: torch.Tensor | None = None) -> torch.Tensor:
        """(B, F) -> (B, G*U), or (B, T, F) -> (B, T, G*U)."""
        if drops is not None and inputs.dim() == 3:
            drops = drops.unsqueeze(2)
        return gated_linear(inputs, self.kernel.t(), self.input_bias, drops)

    # -- states

    def check_states(self, input_shape: Shape, shapes: Sequence[Shape]) -> None:
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        check_state_shapes(self, [(input_shape[0], size) for size in sizes], shapes)

    def get_initial_state(self, batch_size: Any = None) -> States:
        """Zeros, one (B, n) for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [self.recurrent_kernel.new_zeros((batch_size, size)) for size in sizes]

    def compute_output_shape(  # type: ignore[override]  # a cell is called on its states, too
        self, input_shape: Shape, states_shape: Any
    ) -> Any:
        shapes = states_shape if isinstance(states_shape, list) else [states_shape]
        self.check_states(input_shape, list(map(tuple, shapes)))
        return (*input_shape[:-1], self.units), states_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }


def check_state_shapes(layer: Any, due: list[Shape], shapes: Sequence[Shape]) -> None:
    """Raise unless there is a shape for each state that is due, and fits."""
    fits = len(shapes) == len(due) and all(
        len(got) == len(want) and all(a is None or b is None or a == b for a, b in zip(got, want, strict=True))
        for got, want in zip(shapes, due, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{layer.label} cannot start from this state.",
            got=str(list(map(tuple, shapes))),
            expected=str(due),
            hint=f"initial_state= with {len(due)} tensor{'s' * (len(due) > 1)} (batch, ...) of these shapes, such as "
            "those that a layer of the same units gives with return_state=True",
        )


def gated_linear(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, drops: torch.Tensor | None
) -> torch.Tensor:
    """`F.linear(x * drops, weight, bias)`; with one factor per gate each gate's rows see their own."""
    return gated_product(F.linear, x, weight, bias, drops, -1)


def gated_product(
    product: Callable[..., torch.Tensor],
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    drops: torch.Tensor | None,
    axis: int,
) -> torch.Tensor:
    """`product(x * drops, weight, bias)`; with one factor per gate each gate's rows see their own.

    axis: where the gates lie in the product; in the weight they come first.
    """
    if drops is None:
        return product(x, weight, bias)
    if len(drops) == 1:
        return product(x * drops[0], weight, bias)
    weights = weight.chunk(len(drops))
    biases = bias.chunk(len(drops)) if bias is not None else [None] * len(drops)
    return torch.cat([product(x * d, w, b) for d, w, b in zip(drops, weights, biases, strict=True)], axis)


def is_tanh(function: Any) -> bool:
    return function in (activations.tanh, torch.tanh)


def is_sigmoid(function: Any) -> bool:
    return function in (activations.sigmoid, torch.sigmoid)


def is_relu(function: Any) -> bool:
    return function in (activations.relu, torch.relu, F.relu)
