"""What normalizations share: a learned factor `gamma` and shift `beta` after the values are brought to one scale."""

from __future__ import annotations

from typing import Any, ClassVar

from lamina.layers.arguments import number
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, check_axes, shape_error
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config


class AffineNormalization(Layer):
    """Base of the layers that compute `gamma * normalized + beta`.

    Args:
        axis: of the features: an integer or a list, as the subclass allows.
        epsilon: added to the variance.
        center, scale: whether there is a `beta`, a `gamma`.
        beta, gamma: (initializer, regularizer, constraint) of each.

    A subclass says how many axes the input has at least, in `least_axes`.
    """

    casts_integers = True

    least_axes: ClassVar[int] = 1

    def __init__(
        self,
        axis: Any,
        epsilon: float,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_spec = InputSpec(min_ndim=self.least_axes)
        self.axis = axis
        self.epsilon = number(self, "epsilon", epsilon, 0.0)
        self.center, self.scale = bool(center), bool(scale)
        keep_weight_options(self, "beta", *beta)
        keep_weight_options(self, "gamma", *gamma)
        self.supports_masking = True

    def add_affine(self, shape: tuple[int, ...]) -> None:
        """Make `gamma` and `beta`, or None in their place."""
        self.gamma = self._add("gamma", shape) if self.scale else None
        self.beta = self._add("beta", shape) if self.center else None

    def _add(self, name: str, shape: tuple[int, ...]) -> Any:
        return self.add_weight(shape, name=name, autocast=False, **weight_options(self, name))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < self.least_axes:
            raise shape_error(self, input_shape, f"at least {self.least_axes} axes, not {len(input_shape)}")
        return check_axes(self, input_shape, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **weight_options_config(self, "beta", "gamma"),
        }
