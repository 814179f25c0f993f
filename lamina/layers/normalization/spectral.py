"""SpectralNormalization: a layer whose kernel has the spectral norm 1 (Miyato et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from lamina.config import epsilon
from lamina.graph import ArgumentError
from lamina.initializers import TruncatedNormal
from lamina.layers.arguments import whole
from lamina.layers.base import Layer
from lamina.layers.core.wrapper import Wrapper
from lamina.layers.geometry import Shape
from lamina.layers.lending import give_back, lent_stand_in
from lamina.layers.parts import run_part

_KERNELS = ("kernel", "embeddings")


class SpectralNormalization(Wrapper):
    """The layer with `kernel / sigma(kernel)` in place of its kernel; `sigma` is the largest singular value.

    The kernel counts as a matrix W (..., F). Each call in training takes `power_iterations` steps of `v = u W.T`, `u =
    v W`, both brought to length 1, and divides the kernel itself by `sigma = v W u.T`: as in Keras the weight is
    overwritten, so that inference uses it as it stands, and gradients are those of the divided kernel. A kernel of
    zeros stays.

    Input and output as the layer's. Weights: the layer's, and the state `vector_u` (1, F).

    Args:
        layer: a layer with a weight `kernel` or `embeddings`, such as Dense, Conv2D, Embedding.
        power_iterations: steps for each call in training.

    Raises:
        ArgumentError: `layer` is no layer or has no kernel, or `power_iterations` is not a positive integer.

    Reference: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.

    >>> layer = SpectralNormalization(lamina.layers.Dense(4, use_bias=False), power_iterations=50)
    >>> layer(torch.eye(3), training=True).shape, torch.linalg.matrix_norm(layer.kernel, 2).round(decimals=4).item()
    (torch.Size([3, 4]), 1.0)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = whole(self, "power_iterations", power_iterations)

    @property
    def kernel(self) -> Any:
        """The layer's kernel."""
        return self.layer._parameters[self._kernel_name]

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        name = next((name for name in _KERNELS if self.layer._parameters.get(name) is not None), None)
        if name is None:
            raise ArgumentError(
                f"{self.label} finds no kernel in {self.layer.label}.",
                got=f"the weights {', '.join(self.layer._parameters) or 'of no kind'}",
                expected="a weight called kernel or embeddings",
                hint="wrap the layers within it one by one",
            )
        self._kernel_name = name
        self.input_spec = self.layer.input_spec
        self.vector_u = self.add_weight(
            (1, self.kernel.shape[-1]),
            TruncatedNormal(stddev=0.02),
            dtype=self.kernel.dtype,
            trainable=False,
            name="vector_u",
        )

    def _own_weights(self) -> Iterator[Any]:
        """The kernel comes first in Keras' order, as one of this layer's own."""
        if self.built:
            yield self.kernel
        yield from super()._own_weights()

    def call(self, inputs: torch.Tensor, training: bool = False) -> Any:
        if not training:
            return run_part(self.layer, inputs)
        self._normalize()
        # The layer reads a copy: a second call before the backward pass, as of a discriminator on real and made
        # images, overwrites the kernel again, but not what the first call's gradients need.
        dtype = self.kernel.dtype if self.layer.full_precision else self.layer._torch_dtype
        attributes = {self._kernel_name: self.kernel.to(dtype, copy=True)}
        layer = lent_stand_in(self.layer, attributes)
        try:
            return layer.launch(inputs)
        finally:
            give_back(self.layer, layer)

    @torch.no_grad()
    def _normalize(self) -> None:
        """Bring `vector_u` closer to the first singular vector, and divide the kernel by its singular value."""
        kernel: torch.Tensor = self.kernel
        u: torch.Tensor = self.vector_u
        matrix = kernel.reshape(-1, kernel.shape[-1])
        v = u.new_empty(0)
        for _ in range(self.power_iterations):
            v = F.normalize(u @ matrix.mT, eps=epsilon())
            u = F.normalize(v @ matrix, eps=epsilon())
        sigma = (v @ matrix @ u.mT).squeeze()
        is_zero = sigma == 0  # as it is of a kernel of zeros, and no pass over the kernel to find out
        self.vector_u.copy_(torch.where(is_zero, self.vector_u, u))
        kernel.div_(torch.where(is_zero, 1, sigma))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        result: Shape = self.layer.compute_output_shape(input_shape)
        return result

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return self.layer.compute_output_dtype(input_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.layer.compute_mask(inputs, previous_mask)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power_iterations": self.power_iterations}
