"""What all layers share that change pictures: one or several, alone or in a dict with what belongs to them.

A layer of this family says up to five things, each about a batch of B pictures at once: `draw`, the parameters of
each picture's change; and what becomes by these of pictures, masks, boxes and labels.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch

from lamina.graph import StructureError, Symbolic
from lamina.layers.arguments import CHANNELS_LAST, image_format, optional_seed
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape, shape_error
from lamina.layers.preprocessing.data_layer import DataLayer
from lamina.ops.box_formats import checked
from lamina.ops.image.frame import in_dtype
from lamina.users_traceback import fold

from .boxes import Size, check_boxes, check_format, dense_boxes, moved_boxes
from .chosen import may_look
from .draws import PictureSource, precise_dtype, uniform
from .pieces import in_pieces

Parameters = dict[str, Any]
_KNOWN = ("images", "labels", "bounding_boxes", "segmentation_masks")


class PictureLayer(DataLayer):
    """Base of layers on pictures, alone or in a dict with labels, boxes and masks.

    Called alone it changes pictures, as Keras' layers do; with `training=False`, after `eval()`, in `predict` and
    `evaluate` it does what `at_rest` says: nothing, where nothing else is said.

    Args:
        bounding_box_format: of the "bounding_boxes" in a dict; see `utils.bounding_boxes.convert_format`.
        data_format: "channels_last" (default) or "channels_first".
    """

    moves_boxes = False
    """True: `on_boxes` says where boxes go."""
    keeps_integers = False
    """True: pictures of whole numbers stay such."""
    by_themselves = True
    """True: what becomes of a picture hangs on its own parameters, and on no other picture."""
    refuses_boxes = False
    """True: where boxes go cannot be said."""
    whole_pictures = False
    """True: whole numbers in a layer whose dtype is whole need no fractions on the way."""
    acts_always = False
    """True: in inference as in training."""
    refuses_complex = True
    on_one: Any = None
    """What becomes of one picture (H, W, C) alone, on a processor: the same as in a batch of one, in less time, since
    what it draws are plain numbers where a batch needs tensors. None goes the way of a batch."""
    _has_looked = True

    def __init__(
        self, *, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = image_format(self, data_format)
        self.bounding_box_format = None if bounding_box_format is None else checked(bounding_box_format)
        self.training = True
        self._axes = (-3, -2) if self.data_format == CHANNELS_LAST else (-2, -1)
        self._channels = -1 if self.data_format == CHANNELS_LAST else -3
        self._looked_at_boxes = False

    # -- what a layer says

    def draw(self, x: torch.Tensor) -> Parameters:
        """The parameters of the change of each of the pictures."""
        return {}

    def at_rest(self, x: torch.Tensor) -> Parameters | None:
        """The parameters in inference; None leaves all as it is."""
        return self.draw(x) if self.acts_always else None

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        """What becomes of B pictures."""
        raise NotImplementedError

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        """What becomes of segmentation masks (B, H, W, K), in their own dtype."""
        return masks

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        """What becomes of (B, N, 4) corners in pixels, in pictures of this (height, width)."""
        return boxes

    def on_labels(self, labels: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        """What becomes of the labels of pictures, (B, ...)."""
        return labels

    def size_after(self, size: Size) -> Size:
        """(height, width) of the result."""
        return size

    # -- what a call does

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if type(inputs) is torch.Tensor:
                return Layer.__call__(self, inputs, *args, **kwargs)  # as a `DataLayer` would, which looks around first
            if isinstance(inputs, Mapping):
                inputs = self._checked(inputs)
            return super().__call__(inputs, *args, **kwargs)
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    def call(self, data: Any, training: bool | None = None) -> Any:
        alone = type(data) is torch.Tensor or not isinstance(data, Mapping)
        if (
            self.on_one is not None
            and alone
            and data.ndim == 3
            and data.dtype == self._torch_dtype
            and (training or self.acts_always)
            and self._has_looked
            and may_look(data)
        ):
            return self.on_one(data)
        images = data if alone else data["images"]
        x = self._batch(images)
        parameters = self.draw(x) if training else self.at_rest(x)
        changed = self._as_came(x if parameters is None else self._changed(x, parameters), images)
        if alone:
            return changed
        if parameters is None:
            return {**data, "images": changed}
        result, single = {**data, "images": changed}, images.ndim == 3
        for name, change in (("segmentation_masks", self._changed_masks), ("labels", self._changed_labels)):
            if name in data:
                value = data[name].unsqueeze(0) if single else data[name]
                result[name] = change(value, parameters).squeeze(0) if single else change(value, parameters)
        if "bounding_boxes" in data:
            result["bounding_boxes"] = self._changed_boxes(data["bounding_boxes"], parameters, self._size(x))
        return result

    def _batch(self, images: torch.Tensor) -> torch.Tensor:
        """(B, ...) pictures in the dtype that the layer computes in."""
        x = images.unsqueeze(0) if images.ndim == 3 else images
        if self.keeps_integers and not x.is_floating_point():
            return x
        dtype = self._torch_dtype
        if not (dtype.is_floating_point or self.whole_pictures):
            dtype = torch.float32
        return x if x.dtype == dtype else x.to(dtype)

    def _as_came(self, x: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        x = x.squeeze(0) if images.ndim == 3 else x
        dtype = images.dtype if self.keeps_integers else self._torch_dtype
        return x if x.dtype == dtype else in_dtype(x, dtype)

    def _changed(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self.applied(x, parameters)

    def applied(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        """What `on_images` makes, in pieces where that is as good."""
        return in_pieces(x, parameters, self.on_images) if self.by_themselves else self.on_images(x, parameters)

    def _changed_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        if masks.ndim == 4:
            return self.on_masks(masks, parameters)
        return self.on_masks(masks.unsqueeze(self._channels), parameters).squeeze(self._channels)

    def _changed_labels(self, labels: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self.on_labels(labels, parameters)

    def _changed_boxes(self, given: Any, parameters: Parameters, size: Size) -> Any:
        if not self.moves_boxes:
            return given
        if not (self._looked_at_boxes or torch.compiler.is_compiling()):
            check_boxes(self, given["boxes"], size)
            self._looked_at_boxes = True
        return moved_boxes(
            self, given, lambda boxes: self.on_boxes(boxes, parameters, size), size, self.size_after(size)
        )

    def _size(self, x: torch.Tensor) -> Size:
        height, width = (x.shape[axis] for axis in self._axes)
        return height, width

    def _checked(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A dict of pictures and what belongs to them, its boxes as tensors.

        Raises:
            StructureError: no pictures in it, or another thing.
        """
        strange = [name for name in data if name not in _KNOWN]
        if "images" not in data or strange:
            raise StructureError(
                f"{self.label} cannot take this dict.",
                got=f"a dict of {', '.join(map(repr, data))}",
                expected="'images', and with them 'labels', 'bounding_boxes', 'segmentation_masks'",
            )
        found = {name: _as_array(value) if name != "bounding_boxes" else value for name, value in data.items()}
        if "bounding_boxes" in data:
            if self.refuses_boxes:
                raise StructureError(
                    f"{self.label} does not know where boxes go.",
                    got=f"a dict of {', '.join(map(repr, data))}",
                    hint="leave 'bounding_boxes' out, or use a layer that moves them, such as RandomPerspective",
                )
            found["bounding_boxes"] = dense_boxes(self, data["bounding_boxes"])
            if self.moves_boxes:
                check_format(self)
        return found

    # -- Keras' names for the parts

    def get_random_transformation(self, data: Any, training: bool = True) -> Parameters | None:
        """The parameters of a change of these pictures; None in inference."""
        images = data["images"] if isinstance(data, Mapping) else data
        x = self._batch(_as_tensor(images))
        parameters = self.draw(x) if training else self.at_rest(x)
        return parameters if parameters is None else {**parameters, "input_shape": tuple(images.shape)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The pictures changed by parameters from `get_random_transformation`."""
        images = _as_tensor(images)
        x = self._batch(images)
        return self._as_came(x if transformation is None or not training else self._changed(x, transformation), images)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels (B, ...) changed by the same parameters."""
        if transformation is None or not training:
            return labels
        return self._changed_labels(_as_tensor(labels), transformation)

    def transform_segmentation_masks(self, masks: Any, transformation: Any = None, training: bool = True) -> Any:
        """The masks (B, H, W, K) changed by the same parameters."""
        if transformation is None or not training:
            return masks
        return self._changed_masks(_as_tensor(masks), transformation)

    def transform_bounding_boxes(self, boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes changed by the same parameters, in pictures of `transformation["input_shape"]`."""
        if transformation is None or not training:
            return boxes
        height, width = (transformation["input_shape"][axis] for axis in self._axes)
        return self._changed_boxes(dense_boxes(self, boxes), transformation, (height, width))

    # -- shapes

    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, Mapping):
            moved = {name: self.compute_output_shape(s) for name, s in input_shape.items() if name == "images"}
            if "segmentation_masks" in input_shape and self.size_after((1, 1)) != (1, 1):
                moved["segmentation_masks"] = self.compute_output_shape(input_shape["segmentation_masks"])
            return {**input_shape, **moved}
        if len(input_shape) not in (3, 4):
            raise shape_error(self, input_shape, f"3 or 4 axes, not {len(input_shape)}")
        self.check_channels(input_shape)
        shape, (down, across) = list(input_shape), self._axes
        shape[down], shape[across] = self.size_after((shape[down], shape[across]))
        return tuple(shape)

    def check_channels(self, input_shape: Shape) -> None:
        """Raise ShapeError where the layer needs another number of channels."""

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        data = args[0] if args else next(iter(kwargs.values()))
        if isinstance(data, Mapping):
            self.compute_output_shape(data["images"].shape)
            return None  # tried: what belongs to pictures has dtypes of its own
        return super().output_example(args, kwargs)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config


class RandomPictureLayer(PictureLayer):
    """Base of layers that draw random numbers.

    Args:
        seed: own random numbers, the same in each process; None uses PyTorch's global generator. In the workers of a
            `DataLoader` each has other ones.
    """

    def __init__(self, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = optional_seed(self, seed)
        self.random = PictureSource(self.seed)

    def uniform(self, x: torch.Tensor, bounds: tuple[float, float], *shape: int) -> torch.Tensor:
        """(B, *shape) numbers between two bounds."""
        return uniform(self.random, x, bounds, *shape)

    def number(self, x: torch.Tensor) -> float:
        """One number from 0 to 1, as `uniform` draws it for a batch of one."""
        return torch.rand((), generator=self.random.on(x.device), dtype=precise_dtype(x), device=x.device).item()

    def numbers(self, x: torch.Tensor, count: int) -> list[float]:
        """Several numbers from 0 to 1, as `uniform` draws them for a batch of one."""
        return torch.rand(count, generator=self.random.on(x.device), dtype=precise_dtype(x), device=x.device).tolist()

    def happens_to_one(self, x: torch.Tensor, chances: tuple[float, float]) -> bool:
        """`happens` for one picture."""
        low, high = chances
        if low == high:
            return self.number(x) < low
        first, second = self.numbers(x, 2)
        return first < second * (high - low) + low

    def happens(self, x: torch.Tensor, chances: tuple[float, float]) -> torch.Tensor:
        """(B,): whether each picture is changed, with a probability that is itself drawn from a range."""
        low, high = chances
        if low == high:
            return self.uniform(x, (0, 1)) < low
        drawn = self.uniform(x, (0, 1), 2)
        return drawn[:, 0] < drawn[:, 1] * (high - low) + low

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def per_picture(values: torch.Tensor) -> torch.Tensor:
    """(B,) as (B, 1, 1, 1), which spreads over pictures."""
    return values.reshape(-1, 1, 1, 1)


def _as_tensor(value: Any) -> torch.Tensor:
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def _as_array(value: Any) -> Any:
    """Lists of numbers as tensors; what has a shape as it is."""
    return value if hasattr(value, "shape") or isinstance(value, Symbolic) else torch.as_tensor(value)
