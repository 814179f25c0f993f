"""UpSampling2D by interpolation, as Keras 2.2 and 2.3 have it on TensorFlow 1."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.reshaping import UpSampling2D


class CornerUpSampling2D(UpSampling2D):
    """An image `size` times as large: position i of the result lies at i / size between two of the input.

    Keras 3 has the middles of pixels lie over each other; here their first corners do, and the last row and column are
    repeated.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H * size[0], W * size[1], C).

    Args:
        size: one factor, or (height, width).
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank does not fit.

    >>> CornerUpSampling2D((1, 2))(torch.tensor([0.0, 1.0, 4.0]).reshape(1, 1, 3, 1)).flatten()
    tensor([0.0000, 0.5000, 1.0000, 2.5000, 4.0000, 4.0000])
    """

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(size, data_format, "bilinear", **kwargs)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        image = self._enter(inputs)
        for axis, factor in enumerate(self.size, start=2):
            count = image.shape[axis]
            following = torch.cat([image.narrow(axis, 1, count - 1), image.narrow(axis, count - 1, 1)], axis)
            between = [torch.lerp(image, following, step / factor) for step in range(factor)]
            image = torch.stack(between, axis + 1).flatten(axis, axis + 1)
        return self._leave(image)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "interpolation"}
