"""BatchNormalization: each channel to mean 0 and variance 1 over the batch, and over the moving averages afterwards."""

from __future__ import annotations

from typing import Any

import torch

from lamina import initializers
from lamina._torch import transforms
from lamina.layers.arguments import axis as checked_axis
from lamina.layers.arguments import fraction
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, axis_index, known_size, views_to_second_axis
from lamina.layers.mask_shapes import fits, mask_error
from lamina.layers.normalization.affine import AffineNormalization
from lamina.layers.normalization.renorm import add_renorm_weights, checked_clipping, corrected


class BatchNormalization(AffineNormalization):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`, mean and variance for each channel.

    In training they are those of the batch (all axes but `axis`), and the moving averages take a step towards them:
    `moving = moving * momentum + batch * (1 - momentum)`, with the biased variance, as in Keras (PyTorch's
    BatchNorm takes the unbiased one, and calls 1 - momentum the momentum). In inference, and when `trainable` is False,
    they are the moving averages.

    Input of any rank from 2 on, output of the same shape. Weights: `gamma`, `beta`, `moving_mean`, `moving_variance`
    (C,), the last two not trainable. A `mask`, of the input's shape without `axis`, leaves positions out of the batch's
    mean and variance; it may lack the last axis instead, as masks of sequences do.

    Args:
        axis: of the channels.
        momentum: of the moving averages, 0 to 1.
        renorm: batch renormalization (Ioffe, 2017): in training the normalized values are corrected towards averages
            of the batches before, `renorm_mean` and `renorm_stddev`, for batches that are small or much alike. Three
            more weights (C,); inference is the same.
        renorm_clipping: {"rmax", "rmin", "dmax"}, limits of the correction's factor and of its shift.
        renorm_momentum: of the averages that training is corrected towards.
        synchronized: where several processes train together, mean and variance are those of the rows of all; otherwise
            each process has its own.
        epsilon: added to the variance.
        center, scale: whether there is a `beta`, a `gamma`.
        beta_..., gamma_...: initializer, regularizer and constraint of the weights.
        moving_mean_initializer, moving_variance_initializer: how the moving averages start.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input has no such axis, or one of unknown size; the mask's shape does not fit.

    >>> BatchNormalization().compute_output_shape((None, 8, 8, 3))
    (None, 8, 8, 3)
    """

    casts_integers = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        gamma = (gamma_initializer, gamma_regularizer, gamma_constraint)
        super().__init__(axis, epsilon, center, scale, beta, gamma, **kwargs)
        self.axis = checked_axis(self, "axis", axis)
        self.momentum = fraction(self, "momentum", momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = bool(renorm)
        self.renorm_clipping = checked_clipping(self, renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = fraction(self, "renorm_momentum", renorm_momentum)
        self.synchronized = bool(synchronized)

    together: Any = None  # the processes that train together, while they do
    least_axes = 2

    def build(self, input_shape: Shape) -> None:
        rank = len(input_shape)
        self._index = axis_index(self, input_shape, self.axis)
        channels = known_size(self, input_shape, self.axis, "the channels")
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: channels})
        self.add_affine((channels,))
        self.moving_mean = self.add_weight(
            (channels,), name="moving_mean", initializer=self.moving_mean_initializer, trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            (channels,),
            name="moving_variance",
            initializer=self.moving_variance_initializer,
            trainable=False,
            autocast=False,
        )
        if self.renorm:
            add_renorm_weights(self, channels)
        # PyTorch's kernel wants the channels at axis 1; images get there by a view in their channels_last memory.
        self._views = views_to_second_axis(rank, self._index)

    def call(
        self, inputs: torch.Tensor, training: bool | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        if mask is not None:
            mask = mask.unsqueeze(self._mask_axis(mask, inputs))
        if not (training and self.trainable):
            return self._normalize(inputs, self.moving_mean, self.moving_variance, False)
        count = inputs.numel() // inputs.shape[self._index]
        if mask is None and count > 1 and not self.renorm and self.together is None:
            return self._by_batch(inputs, count)
        wide = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
        mean, variance = self._moments(wide, mask) if self.together is None else self._moments_of_all(wide, mask)
        if self.renorm:
            return self._by_moments(wide, mean, variance, *corrected(self, mean, variance)).to(inputs.dtype)
        # Detached, and not under `no_grad`: an exporter cannot write a region down that has no result.
        self.moving_mean.lerp_(mean.detach().to(self.moving_mean.dtype), 1.0 - self.momentum)
        self.moving_variance.lerp_(variance.detach().to(self.moving_variance.dtype), 1.0 - self.momentum)
        return self._by_moments(wide, mean, variance, self.gamma, self.beta).to(inputs.dtype)

    def _by_batch(self, inputs: torch.Tensor, count: int) -> torch.Tensor:
        """PyTorch's fused kernel, which also steps the moving averages, though with the unbiased variance.

        That is the biased one times count / (count - 1). So the moving variance goes in multiplied by the same factor
        and comes out divided by it: two operations on C numbers, and the inputs are read no further time. The copy that
        goes in is the one that the backward pass keeps, so later steps do not invalidate it.
        """
        bias, variance = count / (count - 1), self.moving_variance
        # By add, whose alpha is a number of C++; a factor would be made a tensor first: 12 us less of 73 for (32, 64).
        scaled = torch.add(variance, variance, alpha=bias - 1.0)
        outputs = self._normalize(inputs, self.moving_mean, scaled, True)
        scaled = scaled.detach()
        torch.add(scaled, scaled, alpha=1.0 / bias - 1.0, out=variance)
        return outputs

    def _normalize(
        self, inputs: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, training: bool
    ) -> torch.Tensor:
        # F.batch_norm asks the same of this function, after 1 us of questions that the shapes have answered.
        options = (training, 1.0 - self.momentum, self.epsilon, torch.backends.cudnn.enabled)
        if inputs.dtype is not mean.dtype and transforms.at_work():  # `vmap` has no rule for two dtypes
            return self._normalize(inputs.to(mean.dtype), mean, variance, training).to(inputs.dtype)
        if self._views is not None:
            enter, leave = self._views
            return leave(torch.batch_norm(enter(inputs), self.gamma, self.beta, mean, variance, *options))
        if self._index == 1:
            return torch.batch_norm(inputs, self.gamma, self.beta, mean, variance, *options)
        moved = inputs.movedim(self._index, 1)
        return torch.batch_norm(moved, self.gamma, self.beta, mean, variance, *options).movedim(1, self._index)

    def _moments(self, inputs: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and biased variance (C,) over the positions that the mask leaves."""
        axes = [axis for axis in range(inputs.dim()) if axis != self._index]
        if mask is None:
            variance, mean = torch.var_mean(inputs, axes, correction=0)
            return mean, variance
        kept = mask.expand_as(inputs).to(torch.bool)
        count = kept.sum(axes, keepdim=True).clamp(min=1)
        mean = inputs.masked_fill(~kept, 0).sum(axes, keepdim=True) / count
        variance = (inputs - mean).masked_fill(~kept, 0).square().sum(axes, keepdim=True) / count
        return mean.flatten(), variance.flatten()

    def _moments_of_all(self, inputs: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The same over the rows of all processes, which each process computes; gradients go to all rows, too."""
        axes = [axis for axis in range(inputs.dim()) if axis != self._index]
        shape = [1] * inputs.dim()
        shape[self._index] = -1
        channels = inputs.shape[self._index]
        if mask is None:
            kept, counts = None, inputs.new_full((channels,), inputs.numel() / channels)
        else:
            kept = mask.expand_as(inputs).to(torch.bool)
            counts = kept.sum(axes).to(inputs.dtype)

        def total(values: torch.Tensor) -> torch.Tensor:
            return (values if kept is None else values.masked_fill(~kept, 0)).sum(axes)

        both = self.together.sum(torch.cat([total(inputs), counts]))
        count = both[channels:].detach().clamp(min=1)
        mean = both[:channels] / count
        return mean, self.together.sum(total((inputs - mean.view(shape)).square())) / count

    def _mask_axis(self, mask: torch.Tensor, inputs: torch.Tensor) -> int:
        """The axis that the mask lacks: that of the channels or, as what comes before lays it, the last."""
        for axis in (self._index, inputs.dim() - 1):
            positions = [size for place, size in enumerate(inputs.shape) if place != axis]
            if fits(mask, positions):
                return axis
        raise mask_error(self, mask, [size for place, size in enumerate(inputs.shape) if place != self._index], inputs)

    def _by_moments(
        self,
        inputs: torch.Tensor,
        mean: torch.Tensor,
        variance: torch.Tensor,
        gamma: torch.Tensor | None,
        beta: torch.Tensor | None,
    ) -> torch.Tensor:
        shape = [1] * inputs.dim()
        shape[self._index] = -1
        factor = (variance + self.epsilon).rsqrt()
        factor = factor if gamma is None else factor * gamma
        outputs = (inputs - mean.view(shape)) * factor.view(shape)
        return outputs if beta is None else outputs + beta.view(shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }
