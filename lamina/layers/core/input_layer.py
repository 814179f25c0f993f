"""Input: where a graph begins."""

from __future__ import annotations

from typing import Any

import torch

from lamina.config import floatx
from lamina.graph import ArgumentError, ArgumentTypeError, Node, SymbolicTensor, TensorSpec
from lamina.graph.dtypes import name_of, to_torch
from lamina.graph.node import Leaf
from lamina.graph.source import caller, warn
from lamina.layers.base import Layer
from lamina.sizes.world import Shape
from lamina.tracebacks import door


class InputLayer(Layer):
    """The layer behind an `Input`: holds its shape, dtype and name, and is called once, by itself.

    Args:
        shape: without the batch axis; ``None`` for unknown axes.
        batch_size: known size of the batch axis, or None.
        dtype: `lamina.config.floatx()` by default; "string" for texts, which go to `TextVectorization`,
            `StringLookup`, `Hashing` or `HashedCrossing`. The model then takes arrays and lists of texts.
        batch_shape: the shape with the batch axis, instead of ``shape``.
        optional: the model may be given None here.
        name: what dicts of data call it.

    >>> InputLayer((28, 28), name="image").output.shape
    (None, 28, 28)
    """

    is_input = True
    sparse = ragged = False
    """Keras' words: tensors are dense here."""

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if sparse or ragged:
            raise ArgumentError(
                "Inputs are dense tensors here.", got="sparse=True or ragged=True", hint="a padded tensor and Masking"
            )
        if input_tensor is not None:
            raise ArgumentError(
                "InputLayer(input_tensor=) has no meaning here.",
                got=f"{input_tensor!r}"[:200],
                hint="use the tensor: any symbolic tensor can begin a model",
            )
        if self.given_input_shape is not None and shape is None and batch_shape is None:
            older, batch = self.given_input_shape, self.given_input_shape[0]
            new = f"shape={older[1:]}" if batch is None else f"batch_shape={older}"
            warn(f"InputLayer(input_shape=) is Keras 2's word. Try InputLayer({new}).")
            shape, batch_size = older[1:], batch if batch_size is None else batch_size
        if (shape is None) == (batch_shape is None) or (batch_size is not None and batch_shape is not None):
            raise ArgumentError(
                "Input needs shape= or batch_shape=, one of them; batch_size= goes with shape=.",
                got=f"shape={shape!r}, batch_shape={batch_shape!r}, batch_size={batch_size!r}",
                hint="Input(shape=(28, 28, 1))",
            )
        self.batch_shape: Shape = (
            _checked_shape(batch_shape, "batch_shape")
            if shape is None
            else (_size(batch_size), *_checked_shape(shape, "shape"))
        )
        self.holds_texts = dtype in ("string", str)
        # PyTorch has no tensors of texts: what comes in is a fingerprint of each.
        self.input_dtype = torch.int64 if self.holds_texts else to_torch(dtype or floatx())
        self.optional = bool(optional)
        self.built = True
        node = Node(self, (), {}, caller())
        node.give([TensorSpec.of(self.batch_shape, self.input_dtype)], Leaf(0))
        self._note_node(node)
        # The only strong hold on the node until the caller takes the tensor; given up in `Input`.
        self._tensor: SymbolicTensor | None = node.output

    def call(self) -> None:
        """Nothing is computed: what the model is given is the output."""

    @property
    def dtype(self) -> str:
        return "string" if self.holds_texts else name_of(self.input_dtype)

    def take(self) -> SymbolicTensor:
        """The symbolic tensor, for the caller to hold: the layer itself then holds it weakly, like any other layer."""
        tensor: SymbolicTensor = self.output
        self._tensor = None
        return tensor

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": tuple(self.batch_shape),
            "dtype": self.dtype,
            "optional": self.optional,
            "name": self.name,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_tensor": None}


@door
def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> SymbolicTensor:
    """A symbolic tensor that stands for data the model will be given.

    Args:
        shape: sizes without the batch axis, ``None`` for axes whose size only run time tells.
        batch_size: size of the batch axis where it is fixed.
        dtype: `lamina.config.floatx()` by default.
        batch_shape: the shape with the batch axis, instead of ``shape``.
        name: what dicts of data, error messages and pictures call it.
        optional: the model may be given None here.
        tensor: a symbolic tensor to begin with, which is then the result: any of them can begin a model. What else is
            said of it must fit it.

    Raises:
        ArgumentError: a shape that is none; a `tensor` that is not symbolic, or of another shape or dtype.

    >>> Input((28, 28, 1)).shape, Input((None,), dtype="int32", name="tokens").name
    ((None, 28, 28, 1), 'tokens')
    """
    if tensor is not None:
        return _begun_with(tensor, shape, batch_size, dtype, batch_shape, sparse, ragged)
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, None, optional, name)
    return layer.take()


def _begun_with(
    tensor: Any, shape: Any, batch_size: Any, dtype: Any, batch_shape: Any, sparse: Any, ragged: Any
) -> SymbolicTensor:
    """The tensor itself, if what is said of it fits it."""
    if not isinstance(tensor, SymbolicTensor):
        raise ArgumentTypeError(
            "Input(tensor=) takes a symbolic tensor.",
            got=f"a {type(tensor).__name__}",
            hint="Input(shape=...) for data that come later; ops.add(x, tensor) and the like take values as they are",
        )
    here = tuple(tensor.shape)
    fits = {
        f"shape={shape!r}": shape is None or _checked_shape(shape, "shape") == here[1:],
        f"batch_shape={batch_shape!r}": batch_shape is None or _checked_shape(batch_shape, "batch_shape") == here,
        f"batch_size={batch_size!r}": batch_size is None or here[:1] == (batch_size,),
        f"dtype={dtype!r}": dtype is None or to_torch(dtype) is tensor.dtype,
        f"sparse={sparse!r}": not sparse,
        f"ragged={ragged!r}": not ragged,
    }
    other = [said for said, is_so in fits.items() if not is_so]
    if other:
        raise ArgumentError(
            "What is said of Input(tensor=) does not fit the tensor.",
            got=", ".join(other),
            expected=f"batch_shape={here}, dtype={name_of(tensor.dtype)!r}",
            hint="Input(tensor=x), or x itself",
        )
    return tensor


def _checked_shape(shape: Any, what: str) -> Shape:
    try:
        return tuple(_size(n) for n in shape)
    except TypeError:
        data = getattr(shape, "shape", None)
        raise ArgumentError(
            f"Input({what}=) must be a tuple of sizes.",
            got=f"{shape!r:.60}" if not data else f"{type(shape).__name__} of shape {tuple(data)}",
            where=str(caller()),
            hint=f"{what}={tuple(data)[1:]}, the shape of one sample; fit(x, y) takes the data"
            if data
            else f"{what}=({shape!r:.60},)",
        ) from None


def _size(n: Any) -> int | None:
    if n is None:
        return None
    if isinstance(n, bool) or not hasattr(n, "__index__") or n.__index__() < 0:
        raise ArgumentError(
            "The sizes of an Input are whole numbers, or None where unknown.", got=repr(n), where=str(caller())
        )
    result: int | None = n.__index__()
    return result
