"""What no layer lets through: whatever its graph is drawn with, it runs; the rest it refuses by name, drawn or run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from lamina import layers
from lamina.graph import ArgumentError, DtypeError, LaminaError
from tests.layers.build import layer_of, results, some_of_each
from tests.layers.cases.form import Case, made

# A Lambda's function is the user's. A case with arrays of its own has them for their values.
CASES = [
    case
    for case in some_of_each(2)
    if not case.call and "inputs" not in case.options and case.layer not in ("Lambda", "InputLayer")
]
ONE = list({getattr(layers, case.layer): case for case in reversed(CASES)}.values())
# Layers around others, whose errors may name the inner one, which is nearer to the cause.
AROUND = {"Bidirectional", "Pipeline", "RNN", "SpectralNormalization", "TimeDistributed"}
# Layers that take complex numbers, because they move them or only add and multiply.
COMPLEX = {
    *("Masking", "Identity", "Flatten", "Reshape", "Permute", "RepeatVector", "Add", "Subtract", "Multiply", "Average"),
    *("Concatenate", "Dot", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D"),
    *("Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D"),
}
# Layers that work on each value, or on the last axis, and so take any shape.
ANY_SHAPE = {
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Identity", "Embedding", "ReversibleEmbedding", "Flatten"),
    *(
        "ActivityRegularization",
        "Dropout",
        "GaussianNoise",
        "GaussianDropout",
        "Rescaling",
        "Discretization",
        "Softmax",
    ),
}
# Layers whose weights say nothing of the width of the input.
NO_WIDTH = {"Embedding", "ReversibleEmbedding", "STFTSpectrogram"}
# Arguments that take anything, and why.
ANYTHING = {
    ("BatchNormalization", "renorm"): "any value is true or false",
    ("BatchNormalization", "renorm_clipping"): "means nothing without renorm",
}


def other_shapes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every other rank from 1 to 6; each axis but the batch empty, of size 1 and 2, and longer."""
    for rank in range(1, 7):
        if rank != len(shape):
            yield (*shape, 3, 3, 3, 3, 3)[:rank]
    for axis, size in enumerate(shape[1:], start=1):
        for other in {0, 1, 2, size + 1} - {size}:
            yield (*shape[:axis], other, *shape[axis + 1 :])


def misshapen(case: Case) -> Iterator[Any]:
    if not isinstance(case.shapes, list):
        yield from other_shapes(case.shapes)
        return
    for number, shape in enumerate(case.shapes):
        for other in other_shapes(shape):
            yield [*case.shapes[:number], other, *case.shapes[number + 1 :]]


def shaped(function: Callable[[tuple[int, ...]], Any], shapes: Any) -> Any:
    return [function(shape) for shape in shapes] if isinstance(shapes, list) else function(shapes)


def outcome(do: Callable[[], Any]) -> tuple[list[Any] | None, LaminaError | None]:
    """Results, or the error if it is one of the house; another error is none of these tests' to pass over."""
    try:
        return results(do()), None
    except LaminaError as error:
        return None, error


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_drawn_runs_and_the_rest_is_refused_by_name(case: Case) -> None:
    dtype = case.options.get("input_dtype") or "float32"
    for shapes in misshapen(case):
        real = shaped(lambda shape: torch.zeros(shape, dtype=getattr(torch, dtype)), shapes)
        symbolic = shaped(lambda shape: layers.Input(batch_shape=(None, *shape[1:]), dtype=dtype), shapes)
        drawn, why_not_drawn = outcome(lambda symbolic=symbolic: layer_of(case, name="it")(symbolic))
        run, why_not_run = outcome(lambda real=real: layer_of(case, name="it")(real))
        _, why_no_shape = outcome(lambda shapes=shapes: layer_of(case, name="it").compute_output_shape(shapes))
        batch_alone = not isinstance(shapes, list) and len(shapes) == 1  # whose size is known where it runs
        if drawn is None:
            says_whose(case, why_not_drawn)
            assert run is None or batch_alone, f"{shapes} runs"
        elif run is not None or not batch_alone:
            assert run is not None, f"{shapes} is drawn and does not run: {why_not_run}"
            assert why_no_shape is None, f"{shapes} runs, though the rule of shapes says {why_no_shape}"
            for symbol, tensor in zip(drawn, run, strict=True):
                assert len(symbol.shape) == tensor.ndim
                assert all(n in (None, m) for n, m in zip(symbol.shape[1:], tensor.shape[1:], strict=True)), shapes
                assert symbol.dtype == tensor.dtype
        if run is None:
            says_whose(case, why_not_run)


def test_every_layer_refuses_some_shape() -> None:
    """A layer that never does has no rule, or has its reason."""
    refusing = {
        case.layer
        for case in CASES
        if any(outcome(lambda case=case, shapes=shapes: drawn_with(case, shapes))[1] for shapes in misshapen(case))
    }
    assert {case.layer for case in CASES} - refusing == ANY_SHAPE


def drawn_with(case: Case, shapes: Any) -> Any:
    dtype = case.options.get("input_dtype") or "float32"
    return layer_of(case)(shaped(lambda shape: layers.Input(batch_shape=(None, *shape[1:]), dtype=dtype), shapes))


@pytest.mark.parametrize("case", ONE, ids=lambda case: case.layer)
def test_a_built_layer_refuses_another_width(case: Case) -> None:
    """Where a weight lies along an axis, the sizes that it was made for are the only ones."""
    layer = layer_of(case, name="it")
    layer(shaped(torch.zeros, case.shapes) if "input_dtype" not in case.options else shaped(whole_zeros, case.shapes))
    first = case.shapes[0] if isinstance(case.shapes, list) else case.shapes
    channels = 1 if case.arguments.get("data_format") == "channels_first" else len(first) - 1
    wider = shaped(lambda shape: tuple(n + (axis == channels) for axis, n in enumerate(shape)), case.shapes)
    kept = any(weight.ndim for weight in layer.weights) and case.layer not in NO_WIDTH
    drawn, why_not = outcome(lambda: layer(shaped(lambda shape: layers.Input(batch_shape=shape), wider)))
    if kept:
        assert drawn is None, f"built for {case.shapes}, takes {wider}"
        says_whose(case, why_not)


def whole_zeros(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.int64)


def says_whose(case: Case, error: LaminaError | None) -> None:
    assert error is not None
    headline = str(error).splitlines()[0]
    assert case.layer in AROUND or '"it"' in headline or type(error) is ArgumentError, headline
    assert (error.got and error.expected) or error.hint, str(error)


@pytest.mark.parametrize("case", ONE, ids=lambda case: case.layer)
def test_dtypes_are_refused_or_lead_to_the_dtype_that_was_drawn(case: Case) -> None:
    for dtype in (torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float64, torch.float16):
        real = shaped(lambda shape, dtype=dtype: torch.ones(shape).to(dtype), case.shapes)
        name = str(dtype).removeprefix("torch.")
        symbolic = shaped(lambda shape, name=name: layers.Input(batch_shape=shape, dtype=name), case.shapes)
        drawn, why_not_drawn = outcome(lambda symbolic=symbolic: layer_of(case, name="it")(symbolic))
        run, why_not_run = outcome(lambda real=real: layer_of(case, name="it")(real))
        assert (drawn is None) == (run is None), f"{dtype}: drawn {why_not_drawn}, run {why_not_run}"
        if drawn is None or run is None:
            assert isinstance(why_not_drawn, DtypeError)
            assert isinstance(why_not_run, DtypeError)
            says_whose(case, why_not_drawn)
        else:
            assert [symbol.dtype for symbol in drawn] == [tensor.dtype for tensor in run], str(dtype)
        if dtype == torch.complex64:
            assert (run is not None) == (case.layer in COMPLEX)
    texts = shaped(lambda shape: np.full(shape, "a"), case.shapes)
    with pytest.raises(DtypeError, match='(?s)"it" cannot take this input.*got       an array of <U1'):
        layer_of(case, name="it")(texts)


def arguments_of(case: Case) -> list[str]:
    """Arguments that are no flags, which take anything that is true or false."""
    named = inspect.signature(getattr(layers, case.layer)).parameters.values()
    common = {"name", "dtype", "trainable", "autocast", "kwargs"}
    return [p.name for p in named if p.name not in common and not isinstance(p.default, bool)]


@pytest.mark.parametrize("case", ONE, ids=lambda case: case.layer)
def test_no_argument_takes_nonsense(case: Case) -> None:
    cls = getattr(layers, case.layer)
    for argument in arguments_of(case):
        if (case.layer, argument) in ANYTHING:
            continue
        named = rf"{cls.__name__}|{argument}|Unknown|cannot be used as|dtype"
        with pytest.raises((ArgumentError, DtypeError), match=named):
            cls(**made({**case.arguments, argument: object()}, layers))
