"""RandomCrop: a part of each picture, somewhere."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import CHANNELS_LAST, whole
from lamina.ops.image import resize

from .base import Parameters, RandomPictureLayer
from .boxes import Size
from .centre import boxes_in_part, middle_part
from .chosen import may_look


class RandomCrop(RandomPictureLayer):
    """A part of each picture, at a place of its own, of the size `height` x `width`.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output
    with `height` and `width` in their place, in the layer's dtype. In inference, and where the picture is smaller, the
    result is the largest part in the middle that has the aspect ratio, resized. Of a dict of "images",
    "bounding_boxes" and "segmentation_masks" the same part is taken; "labels" stay.

    Args:
        height, width: of the output, in pixels.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomCrop(24, 24)(torch.zeros(2, 28, 28, 3)).shape
    torch.Size([2, 24, 24, 3])
    """

    moves_boxes = True
    by_themselves = False  # it only copies
    whole_pictures = True

    def __init__(
        self, height: int, width: int, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.height = whole(self, "height", height)
        self.width = whole(self, "width", width)

    def draw(self, x: torch.Tensor) -> Parameters:
        height, width = self._size(x)
        if height < self.height or width < self.width:
            return self.at_rest(x)
        source, rooms = self.random.on(x.device), (height - self.height, width - self.width)
        top, left = (torch.randint(room + 1, x.shape[:1], generator=source, device=x.device) for room in rooms)
        return {"top": top, "left": left}

    def at_rest(self, x: torch.Tensor) -> Parameters:
        return {}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._part(x, parameters, "bilinear")

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        down, across = self._axes
        rooms = (x.shape[down] - self.height, x.shape[across] - self.width)
        if min(rooms) < 0:
            return self._part(x.unsqueeze(0), {}, "bilinear").squeeze(0)
        source = self.random.on(x.device)
        top, left = (int(torch.randint(room + 1, (), generator=source, device=x.device)) for room in rooms)
        rows, columns = slice(top, top + self.height), slice(left, left + self.width)
        return x[rows, columns] if down == -3 else x[:, rows, columns]

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._part(masks, parameters, "nearest")

    def _part(self, x: torch.Tensor, parameters: Parameters, interpolation: str) -> torch.Tensor:
        wanted = (self.height, self.width)
        if not parameters:
            if self._size(x) == wanted:
                return x
            result: torch.Tensor = resize(
                x, wanted, interpolation, crop_to_aspect_ratio=True, data_format=self.data_format
            )
            return result
        top, left = parameters["top"], parameters["left"]
        last = self.data_format == CHANNELS_LAST
        if may_look(x) and len(x) == 1:
            down, across = self._axes
            return x.narrow(down, int(top), self.height).narrow(across, int(left), self.width)
        # As rows: those of each picture's part, which lie a whole row apart, and of these the columns.
        planes = x if last else x.flatten(0, 1)
        if not last:
            top, left = top.repeat_interleave(x.shape[1]), left.repeat_interleave(x.shape[1])
        step = x.shape[3] if last else 1
        rows = _rows_of_parts(planes.flatten(2), top, left * step, self.height, self.width * step)
        return rows.reshape(len(x), *self._part_shape(x))

    def _part_shape(self, x: torch.Tensor) -> tuple[int, ...]:
        if self.data_format == CHANNELS_LAST:
            return self.height, self.width, x.shape[3]
        return x.shape[1], self.height, self.width

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        if not parameters:
            return boxes_in_part(boxes, middle_part(size, self.size_after(size)), self.size_after(size))
        corner = torch.stack((parameters["left"], parameters["top"]), 1).repeat(1, 2)
        return boxes - corner.unsqueeze(1)

    def size_after(self, size: Size) -> Size:
        return self.height, self.width

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


def _rows_of_parts(x: torch.Tensor, top: torch.Tensor, left: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(N, height, width) of (N, H, W): the part of each that begins at its `top` and `left`."""
    count, tall, wide = x.shape
    rows = torch.arange(count, device=x.device).unsqueeze(1) * tall + top.unsqueeze(1)
    rows = rows + torch.arange(height, device=x.device)
    if may_look(x) and x.is_contiguous() and not x.requires_grad:
        # Every stretch of so many numbers in memory is a row of this view, of which some are copied.
        stretches = x.reshape(-1).unfold(0, width, 1)
        return stretches.index_select(0, (rows * wide + left.unsqueeze(1)).flatten())
    found = x.reshape(count * tall, wide).index_select(0, rows.flatten()).reshape(count, height, wide)
    columns = left.unsqueeze(1) + torch.arange(width, device=x.device)
    return found.gather(2, columns.unsqueeze(1).expand(-1, height, -1))
