"""Dropout and its kin: in training, values are set to zero at random, and the others made larger by as much."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina.layers.arguments import fraction, image_format, optional_seed, plain, refuse, whole
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, check_rank, image_shape
from lamina.layers.regularization.source import RandomSource


class RandomLayer(Layer):
    """Base of layers that add noise in training: same shape out as in, a `seed`, and nothing done in inference."""

    casts_integers = True

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = optional_seed(self, seed)
        self.random = RandomSource(self.seed)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


class Dropout(RandomLayer):
    """In training, each value is 0 with probability `rate`, else `inputs / (1 - rate)`; in inference, `inputs`.

    Input of any shape, output of the same.

    Args:
        rate: fraction of the values that drop, 0 to 1.
        noise_shape: shape of the random mask, broadcast over the input: size 1 drops along a whole axis together, None
            takes the input's size. `(None, 1, None)` drops features of a sequence for all its steps.
        seed: own random numbers, the same in each process; None uses PyTorch's global generator.

    Raises:
        ArgumentError: `rate` is not in 0..1, or `noise_shape` is not made of positive integers and None.

    >>> import torch
    >>> Dropout(0.5)(torch.ones(3))
    tensor([1., 1., 1.])
    """

    built_at_once = True

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(self, "rate", rate)
        self.noise_shape = self._checked(noise_shape)
        self._keep = 1.0 - self.rate
        self._gain = 1.0 / self._keep if self._keep else 0.0

    def _checked(self, noise_shape: Any) -> tuple[int | None, ...] | None:
        if noise_shape is None:
            return None
        noise_shape = plain(noise_shape)
        if not isinstance(noise_shape, (list, tuple)):
            raise refuse(self, "noise_shape", noise_shape, "a list of positive integers and None")
        return tuple(size if size is None else whole(self, "noise_shape", size) for size in noise_shape)

    def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
        if not training or self.rate == 0:
            return inputs
        if self.noise_shape is None and self.seed is None:
            return F.dropout(inputs, self.rate)
        mask = inputs.new_empty(self._mask_shape(inputs))
        mask.bernoulli_(self._keep, generator=self.random.on(inputs.device)).mul_(self._gain)
        return inputs * mask

    def _mask_shape(self, inputs: torch.Tensor) -> Any:
        if self.noise_shape is None:
            return inputs.shape
        return [own if size is None else size for size, own in zip(self.noise_shape, inputs.shape, strict=True)]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.noise_shape is not None:
            check_rank(self, input_shape, len(self.noise_shape))
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        noise_shape = None if self.noise_shape is None else tuple(self.noise_shape)
        return {**super().get_config(), "rate": self.rate, "noise_shape": noise_shape}


class _SpatialDropout(Dropout):
    """Dropout of whole channels, for `rank` spatial axes."""

    rank: ClassVar[int]

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = image_format(self, data_format)
        self.noise_shape = image_shape(self.data_format, None, (1,) * self.rank, None)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        del config["noise_shape"]
        return config


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of a sequence: one that drops does so at all its steps.

    Input (B, T, C), output of the same shape. Arguments as in `Dropout`.

    >>> SpatialDropout1D(0.5).compute_output_shape((None, 10, 4))
    (None, 10, 4)
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["data_format"]
        return config


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of an image: one that drops does so at all its positions.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output of the same shape.

    >>> SpatialDropout2D(0.5).compute_output_shape((None, 8, 8, 4))
    (None, 8, 8, 4)
    """

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of a volume; arguments as in `SpatialDropout2D`.

    Input (B, H, W, D, C), output of the same shape.

    >>> SpatialDropout3D(0.5).compute_output_shape((None, 8, 8, 8, 4))
    (None, 8, 8, 8, 4)
    """

    rank = 3
