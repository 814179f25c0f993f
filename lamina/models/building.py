"""Models that nobody draws: one around a bare module, and one defined by its call, which is built by trying that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from lamina.frames import is_raised_by_user
from lamina.graph import ArgumentError, LaminaError, SymbolicTensor, tree
from lamina.graph.infer import Array, probe
from lamina.layers.base import Layer
from lamina.layers.inferred import map_shapes, other_calls, search_for_shapes
from lamina.layers.notes import note
from lamina.layers.unknown_weights import sized
from lamina.sizes.world import USUAL, example_shapes


def half_a_model(inputs: Any, outputs: Any) -> ArgumentError:
    """The error for a model of inputs without outputs, or the other way round."""
    given = list(tree.leaves(inputs if outputs is None else outputs))
    made = [part for part in given if isinstance(part, torch.nn.Module)]
    if not made:
        return ArgumentError("A model needs inputs and outputs, or neither.", hint="Model(inputs, outputs)")
    return ArgumentError(
        "A Model is made from tensors: its inputs, and the outputs that layers gave when they were called on them.",
        got=f"a list of {', '.join(type(part).__name__ for part in given[:6])}{', ...' if len(given) > 6 else ''}",
        expected="Model(inputs, outputs)",
        hint="Sequential([...]), which takes layers; or x = Input(shape), y = Dense(...)(x), Model(x, y)",
    )


def from_module(
    cls: type[Any],
    module: torch.nn.Module,
    inputs: Any = None,
    name: str | None = None,
    output_names: Sequence[str] | None = None,
    output_shape: Any = None,
) -> Any:
    """A model of a bare ``nn.Module``: `compile`, `fit`, `predict`, `summary` for it, as it is.

    The module is not copied: what is trained are its own parameters, and ``module.state_dict()`` keeps its keys. It
    trains and rests with the model (``module.train()``, ``module.eval()``).

    Args:
        module: any module.
        inputs: what its ``forward`` takes: an ``Input(...)``, a shape without the batch, or an example (a tensor or
            array) for each argument; alone, in a list in the order of the arguments, or in a dict by their names.
            Shapes and names are then known: data are checked before the module sees them, results have names. None:
            the model takes what the module takes.
        name: of the model; made from the module's class where it is not given.
        output_names: names for the results of a module that returns several tensors without names, for losses,
            metrics and targets. A dict, a named tuple or a dataclass brings its own.
        output_shape: with ``inputs``, the shape (or the nesting of shapes) of the result, the batch included, for
            a module that cannot be tried on shapes alone.

    Raises:
        ArgumentError: not a module, or a layer; something that cannot be an input; names that do not fit.
        ShapeError: the module cannot take these inputs.
        ValueNeededError: the module cannot be tried on shapes alone.

    >>> import numpy as np
    >>> from lamina import Model
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> model = Model.from_module(net, inputs=(4,))
    >>> model.compile("adam", "mse")
    >>> history = model.fit(np.ones((8, 4), "float32"), np.ones(8), verbose=0)
    >>> model.output_shape
    (None, 1)
    """
    from lamina import models  # knows all models, so it imports this module first

    return models.of_module(cls, module, inputs, name, output_names, output_shape)


def build(model: Any, input_shape: Any) -> None:
    """Make the weights of a model that is defined by its call, by trying that on the shapes.

    Args:
        input_shape: of what ``call`` takes, the batch included: a shape, or a nesting of shapes.

    Raises:
        ArgumentError: the call cannot be tried on such shapes alone; call the model on data instead.
        ShapeError: a weight would hang on a size that is None.

    >>> from lamina import Model, layers
    >>> class Two(Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.first, self.last = layers.Dense(4), layers.Dense(1)
    ...     def call(self, x):
    ...         return self.last(self.first(x))
    >>> model = Two()
    >>> model.build((None, 3))
    >>> [tuple(weight.shape) for weight in model.weights]
    [(3, 4), (4,), (4, 1), (1,)]
    """
    if model.graph is None and model._first_call is None:  # else the call that goes on builds what is in it
        tried = sized(
            model,
            lambda: _tried(model, input_shape),
            lambda: other_calls(input_shape, model._torch_dtype, torch.int64),
            [f"build({input_shape})"],
        )
        model._first_call = tree.map_leaves(without_values, tried)


def _tried(model: Layer, input_shape: Any) -> Any:
    """Run the model's call on tensors without storage: floats, or whole numbers where it takes no floats.

    Returns:
        (args, kwargs) of the call.

    Raises:
        ArgumentError: it fails on both.
    """
    first: Exception | None = None
    for dtype in (model._torch_dtype, torch.int64):
        examples = map_shapes(lambda shape: example_shapes(shape)[0], input_shape)
        inputs = map_shapes(partial(Array, dtype=dtype), examples)
        try:
            probe(model, (inputs,), {}, method="launch")
        except Exception as error:  # noqa: BLE001  it is the user's code, which may raise anything
            first = first or error
        else:
            return (inputs,), {}
    assert first is not None
    if is_raised_by_user(first) and not isinstance(first, LaminaError):
        note(model, first)
        raise first

    def call(given: Any) -> Any:
        return probe(model, (given,), {}, method="launch")

    search, _ = search_for_shapes(model, call, input_shape, model._torch_dtype)
    raise ArgumentError(
        f"{model.label} cannot be built from shapes alone: its call fails on them.",
        got=f"build({input_shape}): {type(first).__name__}: {search.reworded(first, USUAL)}",
        expected="a call that takes one argument of this shape",
        hint="call the model on a batch of data: model(x)",
    ) from first


def without_values(leaf: Any) -> Any:
    """A tensor's shape and dtype, as a tensor without storage."""
    if isinstance(leaf, SymbolicTensor):
        leaf = leaf.example(0)
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if hasattr(leaf, "shape") else leaf
