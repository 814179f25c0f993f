"""What all architectures have in common: which pictures come in, the head that answers, the weights."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from lamina import activations, layers
from lamina.config import image_data_format
from lamina.graph import ArgumentError, ArgumentTypeError, SymbolicTensor
from lamina.graph.source import warn
from lamina.models import Model
from lamina.utils import get_source_inputs

from .foreign import Foreign, load
from .published import Weights

_IMAGENET = "imagenet"
_COUNT = 1000


class Frame:
    """An architecture that is being drawn, but for the layers that make it what it is.

    Args:
        sizes: height and width of the square pictures that it was published for, the default first; empty where any
            size will do, with a head too.
        least: the smallest height and width that its layers leave something of.
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as a user gives
            them to an application.

    Raises:
        ArgumentError: arguments that cannot be, or not together.
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int] = (224,),
        least: int = 32,
        include_top: bool,
        weights: Any,
        input_tensor: Any,
        input_shape: Any,
        pooling: str | None,
        classes: int,
        classifier_activation: Any,
        name: str | None,
    ) -> None:
        self.include_top, self.classes, self.name = include_top, classes, name
        self._weights, self._tensor = weights, input_tensor
        self._pooling, self._activation = pooling, classifier_activation
        self._check()
        first = image_data_format() == "channels_first"
        self.axis = 1 if first else 3
        """The axis of the channels."""
        self.rows, self.columns = (2, 3) if first else (1, 2)
        """The axes of height and width."""
        self.image = self._image(input_shape, sizes, least)
        """The symbolic pictures."""
        self._counts: Counter[str] = Counter()

    @property
    def pretrained(self) -> bool:
        """Whether it is to have the weights that were trained on ImageNet."""
        return isinstance(self._weights, str) and self._weights == _IMAGENET

    @property
    def height(self) -> int | None:
        """That of the pictures, where it is known."""
        height: int | None = self.image.shape[self.rows]
        return height

    def published_size(self, sizes: Sequence[int]) -> int:
        """The size of the pictures that the published weights were trained on: that of the model's, or the first.

        The layers' weights are of one shape for all sizes; a model for pictures of another one gets those of the first.
        """
        height, width = self.height, self.image.shape[self.columns]
        if height is not None and height == width and height in sizes:
            return height
        if height is not None or width is not None:
            warn(
                f"There are no published weights for pictures of {height} × {width}: those for {sizes[0]} × {sizes[0]} "
                f"are taken. Published are {', '.join(map(str, sorted(sizes)))}."
            )
        return sizes[0]

    def numbered(self, name: str) -> str:
        """The name with the next number, as Keras numbers layers without a name: in the order in which they are made.

        A model here numbers them in the order of its graph, which is another one where branches cross.
        """
        count = self._counts[name]
        self._counts[name] += 1
        return f"{name}_{count}" if count else name

    def halved(self, x: Any, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Zeros around pictures before a convolution of stride 2, as TensorFlow's "same" adds them.

        A side of even length, or of one not known, gets one less in front than behind.
        """
        sides = (x.shape[self.rows], x.shape[self.columns])
        before = [kernel // 2 - (1 if side is None or side % 2 == 0 else 0) for side in sides]
        return (before[0], kernel // 2), (before[1], kernel // 2)

    def _check(self) -> None:
        given = self._weights
        if not (given is None or self.pretrained or (isinstance(given, (str, os.PathLike)) and os.path.exists(given))):
            raise ArgumentError(
                "There are no such weights.",
                got=f"weights={given!r}",
                expected="None (drawn anew), 'imagenet', or the path of a file that exists",
            )
        if self._pooling not in (None, "avg", "max"):
            raise ArgumentError(
                "There is no such pooling.", got=f"pooling={self._pooling!r}", expected="None, 'avg' or 'max'"
            )
        if isinstance(self.classes, bool) or not isinstance(self.classes, int) or self.classes < 1:
            raise ArgumentError(
                "classes is how many there are.", got=f"classes={self.classes!r}", expected="a whole number from 1 on"
            )
        if not (self.pretrained and self.include_top):
            return
        if self.classes != _COUNT:
            raise ArgumentError(
                "The head that was trained on ImageNet has 1000 classes.",
                got=f"classes={self.classes}",
                expected="classes=1000",
                hint="include_top=False and a Dense of your own; or weights=None",
            )
        if activations.get(self._activation) not in (activations.linear, activations.softmax):
            raise ArgumentError(
                "The head that was trained on ImageNet gives a softmax, or logits.",
                got=f"classifier_activation={self._activation!r}",
                expected="'softmax' or None",
            )

    def _image(self, shape: Any, sizes: Sequence[int], least: int) -> SymbolicTensor:
        given = None if shape is None else self._checked_shape(shape, least)
        if self._tensor is not None:
            return self._checked_tensor(given)
        if self.include_top and self.pretrained and sizes and given not in [None, *map(self._square, sizes)]:
            raise ArgumentError(
                "The head that was trained on ImageNet takes pictures of the size that it was trained on.",
                got=f"input_shape={given}",
                expected=" or ".join(str(self._square(size)) for size in sizes),
                hint="include_top=False; or layers.Resizing before it",
            )
        if given is None:
            return layers.Input(self._square(sizes[0] if self.include_top and sizes else None))
        if self.include_top and sizes and None in given:
            raise ArgumentError(
                "A network with its head takes pictures of one size.",
                got=f"input_shape={given}",
                expected=f"whole numbers, such as {self._square(sizes[0])}",
                hint="include_top=False, pooling='avg', and a Dense of your own behind it",
            )
        return layers.Input(given)

    def _square(self, size: int | None) -> tuple[int | None, ...]:
        return (3, size, size) if self.axis == 1 else (size, size, 3)

    def _checked_shape(self, shape: Any, least: int) -> tuple[int | None, ...]:
        form = "(C, H, W)" if self.axis == 1 else "(H, W, C)"
        given = tuple(shape) if isinstance(shape, (tuple, list)) else ()
        if len(given) != 3 or not all(axis is None or isinstance(axis, int) for axis in given):
            raise ArgumentError(
                "input_shape is that of one picture.", got=f"input_shape={shape!r}", expected=f"{form}, without B"
            )
        sides = (given[self.rows - 1], given[self.columns - 1])
        if any(side is not None and side < least for side in sides):
            raise ArgumentError(
                f"The pictures are too small: nothing of them would be left, below {least} × {least}.",
                got=f"input_shape={given}, as {form}",
                expected=f"height and width from {least} on",
                hint=f"layers.Resizing({least}, {least}) before it; or config.set_image_data_format(...)",
            )
        self._check_channels(given[self.axis - 1], f"input_shape={given}, as {form}")
        return given

    def _check_channels(self, channels: int | None, got: str) -> None:
        if channels is None:
            raise ArgumentError("The number of channels must be known.", got=got, expected="a whole number")
        if self.pretrained and channels != 3:
            raise ArgumentError(
                "The weights that were trained on ImageNet are for pictures of 3 channels.",
                got=got,
                expected="3 channels",
                hint="layers.Concatenate()([x, x, x]) of grey pictures; or weights=None",
            )

    def _checked_tensor(self, given: tuple[int | None, ...] | None) -> SymbolicTensor:
        tensor = self._tensor
        if not isinstance(tensor, SymbolicTensor):
            raise ArgumentTypeError(
                "input_tensor is a symbolic tensor.",
                got=type(tensor).__name__,
                expected="layers.Input(...), or what layers give of one",
                hint="model(pictures) for real ones",
            )
        if len(tensor.shape) != 4:
            raise ArgumentError(
                "input_tensor is a batch of pictures.", got=f"shape {tensor.shape}", expected="four axes"
            )
        known = zip(given or tensor.shape[1:], tensor.shape[1:], strict=True)
        if any(asked is not None and has is not None and asked != has for asked, has in known):
            raise ArgumentError(
                "input_shape is not that of input_tensor.",
                got=f"input_shape={given}, input_tensor of shape {tensor.shape}",
                hint="leave input_shape out",
            )
        self._check_channels(tensor.shape[self.axis], f"input_tensor of shape {tensor.shape}")
        return tensor

    # ---- the end

    def predictions(self, x: Any, **options: Any) -> Any:
        """The last layer of the head: a score for each class.

        Args:
            options: further arguments of the `Dense`.
        """
        options = {"name": "predictions", **options}
        return layers.Dense(self.classes, activation=self._activation, **options)(x)

    def activated(self, x: Any) -> Any:
        """The same, where the scores are there and lack only the activation."""
        return layers.Activation(self._activation, name="predictions")(x)

    def pooled(self, x: Any, named: bool = True) -> Any:
        """What a network without its head gives: its features, pooled as the user asks.

        Args:
            named: whether the layer of pooling has a name of its own.
        """
        if self._pooling == "avg":
            return layers.GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
        if self._pooling == "max":
            return layers.GlobalMaxPooling2D(name="max_pool" if named else None)(x)
        return x

    def averaged_predictions(self, x: Any, named: bool = True, **options: Any) -> Any:
        """The head of most networks: averages over space, and a `Dense` on them; without a head, `pooled`.

        Args:
            named: as in `pooled`, of which the head's average has the name always.
        """
        if not self.include_top:
            return self.pooled(x, named)
        return self.predictions(layers.GlobalAveragePooling2D(name="avg_pool")(x), **options)

    def model(self, x: Any, published: Weights, foreign: Foreign | str, name: str | None = None) -> Model:
        """The model from the pictures to ``x``, with the weights that the user asks for.

        Args:
            published: Keras' own.
            foreign: how to read those of other libraries; or why that cannot be.
            name: in place of the user's.
        """
        inputs: Any = self.image if self._tensor is None else get_source_inputs(self._tensor)
        if isinstance(inputs, list) and len(inputs) == 1:
            inputs = inputs[0]
        path = self._weights
        if self.pretrained:
            path = (published.top if self.include_top else published.bare).fetch(
                "weights='path of your copy'; or weights=None, drawn anew"
            )
        model = Model(inputs, x, name=self.name if name is None else name)
        if path is not None:
            load(model, path, foreign, self.include_top)
        return model
