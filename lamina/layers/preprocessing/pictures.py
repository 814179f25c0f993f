"""Resizing and CenterCrop: pictures of one size from pictures of any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.layers.arguments import choice, number, refuse, whole
from lamina.layers.geometry import shape_error
from lamina.ops.image import resize
from lamina.ops.image.resizing import INTERPOLATIONS

from .augmentation.base import Parameters, PictureLayer
from .augmentation.boxes import Size
from .augmentation.centre import boxes_in_part, middle_part


class _Pictures(PictureLayer):
    """Takes one picture or several and gives them the size `height` x `width`."""

    moves_boxes = True
    acts_always = True

    def __init__(self, height: int, width: int, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = whole(self, "height", height)
        self.width = whole(self, "width", width)

    def size_after(self, size: Size) -> Size:
        return self.height, self.width

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not isinstance(input_shape, Mapping) and 0 in tuple(input_shape)[-3:]:
            raise shape_error(self, input_shape, "sizes of at least 1")
        return super().compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


class Resizing(_Pictures):
    """Pictures of another size, with pixels taken as squares whose corners stay where they are.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output
    with `height` and `width` in their place. Floats come in the layer's dtype, whole numbers as they are, rounded.

    A dict of "images", "bounding_boxes" and "segmentation_masks" is treated together, masks by their nearest pixel;
    "labels" stay.

    Args:
        height, width: of the output, in pixels.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut off what does not fit the new aspect ratio, instead of stretching.
        pad_to_aspect_ratio: fill up with `fill_value` instead of stretching.
        fill_mode: only "constant".
        fill_value: the colour that fills up.
        antialias: whether a smaller picture takes all pixels into account (not for "nearest").
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        StructureError: a dict of other things than pictures, labels, boxes and masks.

    >>> Resizing(8, 6)(torch.zeros(2, 28, 28, 3)).shape
    torch.Size([2, 8, 6, 3])
    """

    keeps_integers = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise refuse(self, "pad_to_aspect_ratio", True, "False beside crop_to_aspect_ratio=True: one of the two")
        self.fill_mode = choice(self, "fill_mode", fill_mode, ("constant",))
        self.fill_value = number(self, "fill_value", fill_value, -float("inf"))
        self.antialias = bool(antialias)

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._resized(x, self.interpolation)

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._resized(masks, "nearest")

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        down, across = self.height / size[0], self.width / size[1]
        top = left = 0.0
        if self.pad_to_aspect_ratio:
            down = across = min(down, across)
        elif self.crop_to_aspect_ratio:
            down = across = max(down, across)
        if down == across:  # the middle of the picture stays in the middle
            top, left = _half(self.height - size[0] * down), _half(self.width - size[1] * across)
        scale = torch.tensor([across, down, across, down], dtype=boxes.dtype, device=boxes.device)
        return boxes * scale + torch.tensor([left, top, left, top], dtype=boxes.dtype, device=boxes.device)

    def _resized(self, x: torch.Tensor, interpolation: str) -> torch.Tensor:
        result: torch.Tensor = resize(
            x,
            (self.height, self.width),
            interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )
        return result

    def compute_output_dtype(self, input_dtype: Any) -> torch.dtype:
        return super().compute_output_dtype(input_dtype) if input_dtype.is_floating_point else input_dtype

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(_Pictures):
    """The middle of pictures; of one that is smaller, the largest part of the wanted aspect ratio, enlarged.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output
    with `height` and `width` in their place, in the layer's dtype. Where one pixel is left over, the part lies further
    to the front. Enlarging is bilinear.

    A dict of "images", "bounding_boxes" and "segmentation_masks" is treated together, masks by their nearest pixel;
    "labels" stay.

    Args:
        height, width: of the output, in pixels.
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.
        StructureError: a dict of other things than pictures, labels, boxes and masks.

    >>> CenterCrop(2, 2)(torch.arange(16.0).reshape(4, 4, 1)).squeeze()
    tensor([[ 5.,  6.],
            [ 9., 10.]])
    """

    by_themselves = False  # it only looks at a part

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(height, width, data_format, **kwargs)

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._middle(x, "bilinear")

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        (height, width), (down, _) = self._size(x), self._axes
        if height < self.height or width < self.width:
            return self._middle(x, "bilinear")
        top, left = (height - self.height) // 2, (width - self.width) // 2
        rows, columns = slice(top, top + self.height), slice(left, left + self.width)
        return x[rows, columns] if down == -3 else x[:, rows, columns]

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._middle(masks, "nearest")

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        wanted = (self.height, self.width)
        if size[0] < self.height or size[1] < self.width:
            return boxes_in_part(boxes, middle_part(size, wanted), wanted)
        return boxes_in_part(boxes, ((size[0] - self.height) // 2, (size[1] - self.width) // 2, *wanted), wanted)

    def _middle(self, x: torch.Tensor, interpolation: str) -> torch.Tensor:
        (height, width), (down, across) = self._size(x), self._axes
        if height < self.height or width < self.width:
            result: torch.Tensor = resize(
                x, (self.height, self.width), interpolation, crop_to_aspect_ratio=True, data_format=self.data_format
            )
            return result
        x = x.narrow(down, (height - self.height) // 2, self.height)
        return x.narrow(across, (width - self.width) // 2, self.width)


def _half(room: float) -> float:
    """Half of what is to be filled up, or, below 0, to be cut off, as whole pixels."""
    return room // 2 if room >= 0 else -(-room // 2)
