"""One check for every layer: built in Keras on torch and in Lamina with the same weights, it must do the same.

    check("Dense", {"units": 3, "activation": "relu"}, (4, 5))

compares, in float32 and float64: the weights' names and shapes, the outputs in inference and in training mode, the
gradients of inputs and weights, the losses, the state after a training call, the inferred shapes with and without
unknown axes, and what `get_config` gives and takes back.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes as dtypes_of_keras

from lamina import layers as lamina_layers
from tests.layers.cases.form import Case, made

Shape = tuple[int, ...]

RTOL = {"float32": 1e-4, "float64": 1e-10}
# Keys of Keras' configs that speak of what Lamina does from outside the layer.
FOREIGN_CONFIG = {
    "quantization_config",
    "lora_rank",
    "lora_alpha",
    "dtype",
    "name",
    "use_cudnn",
    "zero_output_for_mask",
}
# Layers that take no dtype, since they are the layers within.
WITHOUT_DTYPE = ("Pipeline",)


def check_case(case: Case) -> None:
    """Compare one row of the tables with Keras."""
    check(case.layer, case.arguments, case.shapes, call_kwargs=case.call, **case.options)


def check(
    layer_name: str,
    kwargs: Mapping[str, Any],
    input_shapes: Shape | list[Shape],
    *,
    input_dtype: str | None = "float32",
    call_kwargs: Mapping[str, Any] | None = None,
    training: Sequence[bool] = (False, True),
    rtol: float | None = None,
    dtypes: Sequence[str] = ("float32", "float64"),
    masks: int | None = None,
    inputs: Any = None,
) -> None:
    """Compare one layer with Keras'.

    Args:
        layer_name: public name, the same in both libraries.
        kwargs: arguments of the layer; a value may be `Sub(...)`.
        input_shapes: a tuple for one tensor, a list of tuples for a list of tensors.
        input_dtype: of the random inputs; "float32" stands for the dtype under test. Integers lie in 0..4.
        call_kwargs: further arguments of the call; arrays become tensors (float arrays are differentiated too).
        training: modes to compare; leave True out where the layer draws random numbers.
        rtol: in place of 1e-4 (float32) and 1e-10 (float64).
        dtypes: the layer's dtypes to go through.
        masks: of how many outputs, from the first, the masks are compared; all by default. 0: no masks are given.
        inputs: arrays in place of random ones, shaped as `input_shapes`.
    """
    for dtype in (kwargs["dtype"],) if "dtype" in kwargs else dtypes:
        with keras_in(dtype):
            own = {} if layer_name in WITHOUT_DTYPE else {"dtype": dtype}
            pair = Pair(layer_name, {**kwargs, **own}, dtype, rtol or RTOL[dtype])
            arrays = inputs if inputs is not None else _random_inputs(input_shapes, input_dtype, dtype)
            pair.build(arrays, call_kwargs or {})
            for mode in training:
                pair.compare_call(mode)
            pair.compare_shapes()
            if masks != 0:
                pair.compare_masks(masks)
            pair.compare_config()


@contextmanager
def keras_in(dtype: str) -> Iterator[None]:
    """Keras with this dtype as its default, and float64 as good as any (on torch, a table of it makes that float32)."""
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)  # of the layers that layers make
    try:
        with mock.patch.dict(dtypes_of_keras.BIT64_TO_BIT32_DTYPE, {"float64": "float64"}):
            yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)


class Pair:
    """The same layer in both libraries."""

    def __init__(self, name: str, kwargs: dict[str, Any], dtype: str, rtol: float) -> None:
        self.name, self.dtype, self.rtol = name, dtype, rtol
        self.theirs = getattr(keras.layers, name)(**made(dict(kwargs), keras.layers, dtype))
        self.ours = getattr(lamina_layers, name)(**made(dict(kwargs), lamina_layers, dtype))
        self.reference_config = self.theirs.get_config()  # now: some of Keras' layers rewrite it when they build

    def build(self, arrays: Any, call_kwargs: Mapping[str, Any]) -> None:
        """Build both by a first call, then give both the same random weights."""
        self.arrays, self.call_kwargs = arrays, dict(call_kwargs)
        self._run(self.theirs, False)
        self._run(self.ours, False)
        copy_weights(self.theirs, self.ours)
        start_afresh(self.theirs, self.ours)

    def _run(self, layer: Any, training: bool) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Outputs and differentiable inputs of one call."""
        args = _tensors(self.arrays, self.dtype)
        kwargs = {key: _tensors(value, self.dtype) for key, value in self.call_kwargs.items()}
        outputs = leaves(layer(args, training=training, **kwargs))
        given = leaves([args, list(kwargs.values())])
        return outputs, [leaf for leaf in given if getattr(leaf, "requires_grad", False)]

    def compare_call(self, training: bool) -> None:
        """Outputs, losses, gradients and state of one call in one mode."""
        results = []
        for layer in (self.theirs, self.ours):
            outputs, inputs = self._run(layer, training)
            losses = list(layer.losses)
            weights = [_tensor(weight) for _, weight in named_weights(layer, trainable=True)]
            grads = _gradients(outputs, losses, inputs + weights)
            state = [(name, _tensor(weight)) for name, weight in named_weights(layer, trainable=False)]
            results.append((outputs, losses, grads, state))
        (outputs_k, losses_k, grads_k, state_k), (outputs_l, losses_l, grads_l, state_l) = results
        where = f"{self.name}, {self.dtype}, training={training}: "
        self._equal(where + "outputs", outputs_k, outputs_l)
        self._equal(where + "sum of losses", [sum(losses_k)] * bool(losses_k), [sum(losses_l)] * bool(losses_l))
        self._equal(where + "gradients", grads_k, grads_l)
        self._equal(where + "state", [value for _, value in state_k], [value for _, value in state_l])

    def _equal(self, what: str, theirs: list[torch.Tensor | None], ours: list[torch.Tensor | None]) -> None:
        assert len(theirs) == len(ours), f"{what}: {len(theirs)} in Keras, {len(ours)} here"
        for number, (left, right) in enumerate(zip(theirs, ours, strict=True)):
            if left is None or right is None:
                # A weight outside the computation has no gradient in one library and zeros in the other.
                present = left if right is None else right
                assert present is None or not present.any(), f"{what}[{number}]: a gradient on one side only"
                continue
            assert left.dtype == right.dtype, f"{what}[{number}]: dtype {left.dtype} in Keras, {right.dtype} here"
            scale = max(1.0, float(left.detach().abs().max())) if left.is_floating_point() and left.numel() else 1.0
            torch.testing.assert_close(
                right.detach(),
                left.detach(),
                rtol=self.rtol,
                atol=self.rtol * 0.1 * scale,
                equal_nan=True,
                msg=lambda text, number=number: f"{what}[{number}]: {text}",
            )

    def compare_masks(self, count: int | None) -> None:
        """What becomes of the mask of inputs (B, T, C), a mask (B, T): the outputs under it, and the outputs' masks."""
        if "mask" in self.call_kwargs:
            return
        results = []
        for layer in (self.theirs, self.ours):
            start_afresh(layer)
            args = _tensors(self.arrays, self.dtype)
            for number, leaf in enumerate(leaves(args)):
                if leaf.ndim == 3:
                    leaf._keras_mask = torch.tensor(some_steps(leaf.shape[:2], number))
            kwargs = {key: _tensors(value, self.dtype) for key, value in self.call_kwargs.items()}
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*does not support mask")  # Keras says that it drops one
                results.append(leaves(layer(args, training=False, **kwargs)))
        self._equal(f"{self.name}, {self.dtype}: outputs under a mask", *results)
        masks = [[getattr(leaf, "_keras_mask", None) for leaf in outputs[:count]] for outputs in results]
        for number, (theirs, ours) in enumerate(zip(*masks, strict=True)):
            same = ours is theirs if theirs is None or ours is None else torch.equal(ours, theirs)
            assert same, f"{self.name}: mask of output {number}: {theirs} in Keras, {ours} here"

    def compare_shapes(self) -> None:
        """Inferred shapes: all known, batch unknown, and each axis unknown where Keras can do that; then symbolic."""
        shapes = _shapes(self.arrays)
        outputs, _ = self._run(self.ours, False)
        real = [tuple(output.shape) for output in outputs]
        symbolic, further = (_symbolic(value) for value in (self.arrays, self.call_kwargs))
        inferred = [tuple(tensor.shape) for tensor in leaves(self.ours(symbolic, **further))]
        self._compatible("a symbolic tensor", inferred, [(None, *shape[1:]) for shape in real], real)
        asked = inspect.signature(self.ours.compute_output_shape).parameters
        if any(value is not False and key not in asked for key, value in self.call_kwargs.items()):
            return  # the rule of shapes is not told
        assert shape_leaves(self._rule(self.ours, shapes)) == real, f"{self.name}: shape of {shapes}"
        rank = max(len(shape) for shape in shape_leaves(shapes))
        for axis in range(rank):
            unknown = _forget(shapes, axis)
            try:
                expected = shape_leaves(self._rule(self.theirs, unknown))
            except (TypeError, ValueError, NotImplementedError):
                continue  # Keras needs this axis, or has no rule
            inferred = shape_leaves(self._rule(self.ours, unknown))
            self._compatible(unknown, inferred, expected, real)

    def _rule(self, layer: Any, shapes: Any) -> Any:
        """The shape rule, told what it asks for of the call's arguments."""
        asked = inspect.signature(layer.compute_output_shape).parameters
        return layer.compute_output_shape(shapes, **{k: v for k, v in self.call_kwargs.items() if k in asked})

    def _compatible(self, given: Any, inferred: list[Any], expected: list[Any], real: list[Shape]) -> None:
        """Ours may know more than Keras', never something else."""
        message = f"{self.name}: of {given} inferred {inferred}, Keras {expected}, real {real}"
        assert len(inferred) == len(expected) == len(real), message
        for ours, theirs, truth in zip(inferred, expected, real, strict=True):
            assert len(ours) == len(theirs) == len(truth), message
            for mine, other, size in zip(ours, theirs, truth, strict=True):
                assert mine == other or (other is None and mine == size), message

    def compare_config(self) -> None:
        """`get_config` is JSON, knows what Keras' knows, and makes a layer that does the same."""
        config, reference = self.ours.get_config(), self.reference_config
        text = json.dumps(config)  # a tuple is a list there
        missing = {key for key, value in reference.items() if value is not None} - set(config) - FOREIGN_CONFIG
        assert not missing, f"{self.name}: get_config lacks {missing}"
        for key in set(reference) - FOREIGN_CONFIG:
            if _is_plain(reference[key]) and _is_plain(config.get(key)):
                mine, other = json.loads(json.dumps([config.get(key), reference[key]]))
                assert mine == other, f"{self.name}: {key} is {mine!r} here, {other!r} in Keras"
        clone = type(self.ours).from_config(json.loads(text))
        assert clone.get_config() == config
        self._run(clone, False)
        copy_weights(self.ours, clone, draw=False)
        start_afresh(self.ours, clone)
        same = self._run(clone, False)[0]
        self._equal(f"{self.name} from its config", self._run(self.ours, False)[0], same)


def copy_weights(source: Any, target: Any, draw: bool = True) -> None:
    """Give `target` the weights of `source`, after drawing new ones for it (so that no zero hides an error)."""
    rng = np.random.default_rng(7)
    for trainable in (True, False):
        givers, takers = named_weights(source, trainable), named_weights(target, trainable)
        shapes = [[(name, tuple(weight.shape)) for name, weight in side] for side in (givers, takers)]
        assert shapes[0] == shapes[1], f"weights of {type(source).__name__}: {shapes[0]} and {shapes[1]}"
        for (name, giver), (_, taker) in zip(givers, takers, strict=True):
            if draw and _tensor(giver).is_floating_point():
                values = rng.normal(size=tuple(giver.shape)) * 0.3
                giver.assign(np.abs(values) + 0.5 if "variance" in name or "stddev" in name else values)
            taker.assign(_tensor(giver).detach().clone())


def start_afresh(*layers: Any) -> None:
    """Let layers that go on from batch to batch begin anew."""
    for layer in layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()


def named_weights(layer: Any, trainable: bool) -> list[tuple[str, Any]]:
    """(name, weight) sorted by name; among equal names the order of creation stays."""
    weights = layer.trainable_weights if trainable else layer.non_trainable_weights
    return sorted(((weight.path.split("/")[-1], weight) for weight in weights), key=lambda pair: pair[0])


def some_steps(shape: Sequence[int], number: int) -> np.ndarray:
    """A mask (B, T) that leaves each row at least one step, another one for each number."""
    mask = np.random.default_rng(number).integers(0, 2, size=tuple(shape)).astype(bool)
    mask[:, number % shape[1]] = True
    return mask


def leaves(structure: Any) -> list[Any]:
    """Tensors of a nesting of lists, tuples and dicts, in order; None is left out."""
    if isinstance(structure, Mapping):
        return [leaf for value in structure.values() for leaf in leaves(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in leaves(value)]
    return [] if structure is None else [structure]


def shape_leaves(structure: Any) -> list[tuple[int | None, ...]]:
    """Shapes of a nesting of shapes, in order."""
    if isinstance(structure, Mapping):
        return [leaf for value in structure.values() for leaf in shape_leaves(value)]
    if all(size is None or isinstance(size, int) for size in structure):
        return [tuple(structure)]
    return [leaf for value in structure for leaf in shape_leaves(value)]


def _random_inputs(shapes: Any, input_dtype: str | None, dtype: str) -> Any:
    rng = np.random.default_rng(11)

    def draw(shape: Shape) -> np.ndarray:
        kind = dtype if input_dtype in (None, "float32") else input_dtype
        if kind.startswith("float"):
            return rng.normal(size=shape).astype(kind)
        return rng.integers(0, 2 if kind == "bool" else 5, size=shape).astype(kind)

    return [draw(shape) for shape in shapes] if isinstance(shapes, list) else draw(shapes)


def _tensors(value: Any, dtype: str) -> Any:
    """Arrays become tensors that ask for gradients where they are floating."""
    if isinstance(value, (list, tuple)):
        return type(value)(_tensors(item, dtype) for item in value)
    if not isinstance(value, np.ndarray):
        return value
    floating = value.dtype.kind == "f"
    return torch.tensor(value.astype(dtype) if floating else value).requires_grad_(floating)


def _tensor(weight: Any) -> torch.Tensor:
    """Both libraries' weights as a torch tensor."""
    value = weight.value
    return value() if callable(value) else value


def _gradients(outputs: list[Any], losses: list[Any], sources: list[torch.Tensor]) -> list[torch.Tensor | None]:
    rng = np.random.default_rng(13)
    total: Any = sum(losses)
    for output in outputs:
        direction = rng.normal(size=tuple(output.shape))
        if output.requires_grad:
            total = total + (output * torch.tensor(direction, dtype=output.dtype)).sum()
    if not sources or not isinstance(total, torch.Tensor) or not total.requires_grad:
        return [None] * len(sources)
    return list(torch.autograd.grad(total, sources, allow_unused=True))


def _shapes(arrays: Any) -> Any:
    return [tuple(array.shape) for array in arrays] if isinstance(arrays, (list, tuple)) else tuple(arrays.shape)


def _forget(shapes: Any, axis: int) -> Any:
    """The same shapes with one axis unknown."""
    if isinstance(shapes, list):
        return [_forget(shape, axis) for shape in shapes]
    return tuple(None if index == axis else size for index, size in enumerate(shapes))


def _symbolic(value: Any) -> Any:
    """Arrays become inputs of an unknown batch size."""
    if isinstance(value, Mapping):
        return {key: _symbolic(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_symbolic(item) for item in value]
    return lamina_layers.Input(value.shape[1:], dtype=str(value.dtype)) if isinstance(value, np.ndarray) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
