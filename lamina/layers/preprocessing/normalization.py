"""Normalization: mean 0 and deviation 1, by statistics of the data taken once."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.config import epsilon
from lamina.graph import ArgumentError
from lamina.layers.arguments import axes, refuse
from lamina.layers.geometry import Shape, axis_index, known_size, shape_error

from .data_layer import DataLayer, GivenNumbers, check_spreads, given_numbers
from .statistics import batches_of, moments


class Normalization(DataLayer):
    """`(inputs - mean) / sqrt(variance)`; inverted, `inputs * sqrt(variance) + mean`.

    Mean and variance are given, or taken from data by `adapt(data)` before training: they are no trained weights, and
    batches do not change them (that is `BatchNormalization`). Input of any shape, output of the same shape in the
    layer's dtype. A deviation below `lamina.config.epsilon()` counts as that.

    Weights, where mean and variance are not given: `mean` and `variance`, shaped as the kept axes, and Keras' `count`
    (), which stays 0.

    Args:
        axis: the axis, or axes, that keep a mean and variance for each position, such as the features; None for one
            of each for all numbers.
        mean, variance: a number, or numbers shaped as the kept axes (or the last of them).
        invert: from normalized numbers back to those of the data.

    Raises:
        ArgumentError: only one of `mean` and `variance` is given, or they differ in shape.
        ShapeError: the input has no such axis, or its size is unknown or is not that of `mean`.

    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
    >>> layer(np.array([[1.0, 10.0]]))
    tensor([[ 0., -1.]])
    """

    full_precision = True  # the data's own unit may need more digits than bfloat16 has

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        given = [] if axis is None else axes(self, "axis", axis)
        self.axis = tuple([given] if isinstance(given, int) else given)
        self.input_mean = None if mean is None else given_numbers(self, "mean", mean)
        self.input_variance = None if variance is None else given_numbers(self, "variance", variance)
        self.invert = bool(invert)
        self.supports_masking = True
        self._refuse_odd_statistics()

    def _refuse_odd_statistics(self) -> None:
        mean: Any = self.input_mean
        variance: Any = self.input_variance
        if (mean is None) != (variance is None):
            known, missing = ("mean", "variance") if variance is None else ("variance", "mean")
            raise refuse(self, missing, None, f"given where {known} is", "neither of them, and adapt(data)")
        if mean is None:
            return
        if np.shape(mean) != np.shape(variance):
            raise refuse(self, "variance", variance, f"as many numbers as mean, of shape {np.shape(mean)}")
        if np.ndim(mean) > len(self.axis):
            raise refuse(self, "mean", mean, f"at most {len(self.axis)} axes, those of axis={self.axis}")
        if np.min(variance) < 0:
            raise refuse(self, "variance", variance, "numbers >= 0")

    # -- shapes and weights

    def _kept(self, shape: Shape) -> list[int]:
        return sorted({axis_index(self, shape, axis) for axis in self.axis})

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = tuple(input_shape[axis] for axis in self._kept(input_shape))
        check_spreads(self, "mean", self.input_mean, sizes, input_shape)
        if self.built and any(n not in (None, m) for n, m in zip(sizes, self._sizes, strict=True)):
            expected = f"sizes {self._sizes} on the axes {self.axis}, as it was built for"
            raise shape_error(self, input_shape, expected, "a new layer for other data")
        return tuple(input_shape)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)
        kept = self._kept(input_shape)
        self._sizes = tuple(known_size(self, input_shape, axis, "kept") for axis in kept)
        self._built_shape = self._spread(len(input_shape))
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(self._sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(self._sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
            return
        given: list[Any] = [self.input_mean, self.input_variance]
        mean, variance = (np.broadcast_to(v, self._sizes) for v in given)
        deviation = np.maximum(np.sqrt(variance), epsilon())
        self._given = [GivenNumbers(v.tolist(), self._variable_torch_dtype) for v in (mean, deviation)]

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data, in place of those before.

        Args:
            data: an array or tensor; or an iterable of batches (`DataLoader`, generator, list, `PyDataset`), each an
                array or a tuple that begins with one.

        Raises:
            ArgumentError: mean and variance were given, or the data are no numbers, none at all, or not finite.
            ShapeError: the batches do not fit each other or the layer.
        """
        if self.input_mean is not None:
            raise ArgumentError(f"{self.label} has nothing to adapt: mean and variance were given.")
        mean, variance = moments(batches_of(data, self.label), self._kept_of_batch, self.label)
        if not torch.isfinite(mean).all():
            where = torch.isfinite(mean).logical_not().nonzero()[0].tolist()
            raise ArgumentError(
                f"{self.label} met data that are not finite.",
                got=f"a mean of {mean[tuple(where)].item()} at {where}" if where else f"a mean of {mean.item()}",
                hint="np.nan_to_num(data), or without those rows",
            )
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def finalize_state(self) -> None:
        """For Keras' sake: there a layer is told when its weights were set; here `mean` and `variance` follow them."""

    def _kept_of_batch(self, shape: Shape) -> list[int]:
        self._build_once(shape)
        self.compute_output_shape(shape)
        return self._kept(shape)

    # -- the call

    def _spread(self, rank: int) -> list[int]:
        """The kept sizes, with ones for the other axes of an input of this rank."""
        shape = [1] * rank
        for axis, size in zip(self._kept((None,) * rank), self._sizes, strict=True):
            shape[axis] = size
        return shape

    @property
    def mean(self) -> torch.Tensor:
        """The mean that is subtracted, in as many axes as the input has; for a built layer."""
        return self._in_use(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> torch.Tensor:
        """The variance that is divided by, in as many axes as the input has; for a built layer."""
        return self._in_use(self.input_variance, "adapt_variance")

    def _in_use(self, given: Any, weight: str) -> torch.Tensor:
        dtype = self._variable_torch_dtype
        statistic = getattr(self, weight) if given is None else torch.tensor(given, dtype=dtype).expand(self._sizes)
        return statistic.view(self._built_shape)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs = inputs.to(self._variable_torch_dtype)
        mean: torch.Tensor
        if self.input_mean is None:
            mean, deviation = self.adapt_mean, self.adapt_variance.sqrt().clamp(min=epsilon())
        else:
            mean, deviation = (given.on(inputs.device) for given in self._given)
        as_built = inputs.dim() == len(self._built_shape)
        shape = self._built_shape if as_built else self._spread(inputs.dim())
        mean, deviation = mean.view(shape), deviation.view(shape)
        return inputs * deviation + mean if self.invert else (inputs - mean) / deviation

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": tuple(self.axis),
            "mean": self.input_mean,
            "variance": self.input_variance,
            "invert": self.invert,
        }
