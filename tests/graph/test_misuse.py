"""Wrong graphs: each way of misusing the API has its error: what, where, what came, what was due, what to try.

Every case names the words that its message must hold. Those made while building also name this file and the very line.
"""

from __future__ import annotations

import linecache
import re
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lamina.graph import (
    ArgumentError,
    DtypeError,
    GraphError,
    LaminaError,
    ShapeError,
    StructureError,
    ValueNeededError,
)
from lamina.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
    Multiply,
    Permute,
    Reshape,
    TorchModule,
    UpSampling2D,
)
from lamina.models import Model, Sequential

X = Input((8,), name="x")
IMAGE = Input((28, 28, 3), name="image")
TOKENS = Input((10,), dtype="int32", name="tokens")
HIDDEN = Dense(4, name="hidden")(X)
BUILT = Dense(4, name="built")
BUILT(X)
MODEL = Model(X, Dense(2, name="out")(HIDDEN), name="small")
TWO = Model([X, IMAGE], {"a": Dense(1)(X), "b": Flatten()(IMAGE)}, name="two")


class Branching(Layer):
    def call(self, inputs):
        return inputs if inputs.sum() > 0 else -inputs


class Careless(Layer):
    def call(self, inputs):
        return inputs @ torch.ones(3, 3)


def repeated():
    a = Dense(3, name="twin")(X)
    return Model(X, Dense(3, name="twin")(a))


def assign():
    X[0] = 1


BUILDING = {
    # values that do not exist yet
    "if": (lambda: 1 if X.sum() > 0 else 2, ValueNeededError, ["`if`", "ops.where"]),
    "not": (lambda: not X, ValueNeededError, ["ops.where"]),
    "float": (lambda: float(X.sum()), ValueNeededError, [r"float\(\)"]),
    "int": (lambda: int(X.sum()), ValueNeededError, [r"int\(\)"]),
    "item": (lambda: X.sum().item(), ValueNeededError, [r"item\(\)", "keep it a tensor"]),
    "numpy method": (lambda: X.numpy(), ValueNeededError, [r"numpy\(\)", "predict"]),
    "np.array": (lambda: np.array(X), ValueNeededError, ["NumPy", "torch function"]),
    "np function": (lambda: np.exp(X), ValueNeededError, [r"np\.exp", r"torch\.exp"]),
    "an array of words": (lambda: np.array(["a"] * 8) + X, DtypeError, ["NumPy array", "<U1"]),
    "an array changed in place": (lambda: np.add(np.ones(8), X, out=np.ones(8)), ValueNeededError, [r"np\.add"]),
    "tolist": (lambda: X.tolist(), ValueNeededError, ["tolist"]),
    "range over a size": (lambda: list(range(X.size(0))), ValueNeededError, ["range", "new_zeros"]),
    "compare a size": (lambda: X.size(0) > 3, ValueNeededError, ["unknown axis"]),
    "len of the batch": (lambda: len(X), ValueNeededError, [r"len\(\)", r"size\(0\)"]),
    "iterate the batch": (lambda: list(X), ValueNeededError, ["unknown size", "unbind"]),
    "nonzero": (lambda: torch.nonzero(X), ValueNeededError, ["torch.nonzero", "Layer"]),
    "boolean index": (lambda: X[X > 0], ValueNeededError, ["values of its input"]),
    "if inside a layer": (lambda: Branching()(X), ValueNeededError, ["Branching"]),
    "backward": (lambda: X.sum().backward(), ValueNeededError, ["fit"]),
    "kind of device": (lambda: X.device.type, ValueNeededError, [r"\.type of a device", r"device=x\.device"]),
    "compare a device": (lambda: X.device == "cpu", ValueNeededError, ["of a device"]),
    # in place
    "in-place method": (lambda: X.add_(1), ValueNeededError, ["in place", r"x\.add"]),
    "in-place function": (lambda: torch.relu_(X), ValueNeededError, ["in place", r"x\.relu"]),
    "inplace=True": (lambda: F.relu(X, inplace=True), ValueNeededError, ["in place", "inplace="]),
    "out=": (lambda: torch.add(X, X, out=torch.empty(2)), ValueNeededError, ["in place"]),
    "assignment": (assign, ValueNeededError, ["part of a symbolic tensor", "torch.where"]),
    # shapes
    "matmul widths": (lambda: X @ torch.ones(3, 4), ShapeError, ["matmul", r"\(None, 8\)"]),
    "add widths": (lambda: X + torch.ones(5), ShapeError, ["add", r"\(None, 8\)"]),
    "cat ranks": (lambda: torch.cat([X, IMAGE], -1), ShapeError, ["torch.cat", r"\(None, 28, 28, 3\)"]),
    "reshape that cannot be": (lambda: X.reshape(X.size(0), 3), ShapeError, ["reshape"]),
    "size of no axis": (lambda: X.size(4), ShapeError, [r"size\(4\)"]),
    "careless layer": (lambda: Careless()(X), ShapeError, ['Careless "careless"', r"\(None, 8\)"]),
    "Dense on another width": (lambda: BUILT(HIDDEN), ShapeError, ['Dense "built"', r"\(None, 4\)", "8"]),
    "Conv2D on a vector": (lambda: Conv2D(3, 3, name="conv")(X), ShapeError, ['Conv2D "conv"', r"\(None, 8\)", "4"]),
    "kernel larger than the image": (lambda: Conv2D(3, 40)(IMAGE), ShapeError, ["Conv2D", "28"]),
    "pool of a vector": (lambda: MaxPooling2D()(X), ShapeError, ["MaxPooling2D", r"\(None, 8\)"]),
    "upsampling a vector": (lambda: UpSampling2D()(X), ShapeError, ["UpSampling2D", r"\(None, 8\)"]),
    "LSTM on a vector": (lambda: LSTM(3)(X), ShapeError, ["LSTM", r"\(None, 8\)", "3"]),
    "Reshape that cannot be": (lambda: Reshape((3,))(X), ShapeError, ["Reshape", "8"]),
    "Permute of another rank": (lambda: Permute((2, 1))(X), ShapeError, ["Permute"]),
    "Add of widths": (lambda: Add()([X, HIDDEN]), ShapeError, ["Add", r"\(None, 8\)", r"\(None, 4\)"]),
    "Concatenate of sizes": (
        lambda: Concatenate(axis=1)([IMAGE, Input((9, 9, 3))]),
        ShapeError,
        ["Concatenate", "28", "9"],
    ),
    "Dot of widths": (lambda: Dot(axes=1)([X, HIDDEN]), ShapeError, ["Dot", "8", "4"]),
    "Dense on an unknown width": (lambda: Dense(3)(Input((None,))), ShapeError, ["Dense", r"\(None, None\)"]),
    "BatchNormalization axis": (lambda: BatchNormalization(axis=5)(X), LaminaError, ["BatchNormalization", "5"]),
    # what is called on what
    "bare module": (lambda: nn.Linear(8, 3)(X), GraphError, ["Linear", r"TorchModule\(linear\)"]),
    "module of the wrong width": (lambda: TorchModule(nn.Linear(5, 3))(X), ShapeError, ["linear", r"\(None, 8\)"]),
    "tensor that requires grad": (lambda: X + torch.ones(8, requires_grad=True), GraphError, ["Parameter", "detach"]),
    "words beside a symbolic": (lambda: Add()([X, np.array([["a"] * 8])]), DtypeError, ["NumPy array", "numbers"]),
    "objects as an operand": (lambda: X + np.array([None] * 8), DtypeError, ["NumPy array", "object"]),
    "a list where a tensor is due": (lambda: Dense(3)([X, X]), LaminaError, ["Dense", "list|one tensor|structure"]),
    "one tensor where a list is due": (lambda: Add()(X), LaminaError, ["Add", "list"]),
    "an empty list": (lambda: Multiply()([]), LaminaError, ["Multiply"]),
    "two tensors without a list": (lambda: Add()(X, X), ArgumentError, ["Add", r"layer\(\[a, b\]\)|list"]),
    "an unknown call argument": (lambda: Dense(3)(X, speed=2), ArgumentError, ["Dense", "speed"]),
    "a string for a tensor": (lambda: Dense(3)("x"), LaminaError, ["Dense", "str"]),
    # arguments
    "Input of a number": (lambda: Input(32), ArgumentError, [r"\(32,\)", "tuple"]),
    "Input of nothing": (lambda: Input(), ArgumentError, ["shape="]),
    "Input of a negative size": (lambda: Input((-1,)), ArgumentError, ["-1"]),
    "Input of a float size": (lambda: Input((2.5,)), ArgumentError, ["2.5"]),
    "Input of no dtype": (lambda: Input((2,), dtype="float31"), DtypeError, ["float31", "float32"]),
    "Dense of no units": (lambda: Dense(0), ArgumentError, ["units", "0"]),
    "Dense of a string": (lambda: Dense("64"), ArgumentError, ["units", "'64'"]),
    "an unknown activation": (lambda: Dense(3, activation="rleu"), ArgumentError, ["rleu", "relu"]),
    "an unknown initializer": (lambda: Dense(3, kernel_initializer="glort"), ArgumentError, ["glort", "Glorot"]),
    "an unknown argument": (lambda: Dense(3, unit=4), ArgumentError, ["'unit'", "Dense"]),
    "a rate over one": (lambda: Dropout(1.5), ArgumentError, ["rate", "1.5"]),
    "an unknown padding": (lambda: Conv2D(3, 3, padding="sam"), ArgumentError, ["padding", "sam", "same"]),
    "a name with a slash": (lambda: Dense(3, name="a/b"), ArgumentError, ["'a/b'", "a_b"]),
    "a name that is no string": (lambda: Dense(3, name=3), ArgumentError, ["name", "3"]),
    # models
    "an undeclared input": (lambda: Model(X, torch.cat([X, Flatten()(IMAGE)], -1)), GraphError, ["'image'", "inputs"]),
    "a disconnected output": (lambda: Model(X, Dense(1)(IMAGE)), GraphError, ["'image'"]),
    "an input twice": (lambda: Model([X, X], X + 1), GraphError, ["'x'", "twice"]),
    "a name twice": (repeated, GraphError, ["'twin'", "twin_2"]),
    "a layer as output": (lambda: Model(X, Dense(3)), StructureError, ["outputs", "call it"]),
    "an array as input": (lambda: Model(np.ones(3), X), StructureError, ["inputs", "ndarray"]),
    "no outputs": (lambda: Model(X, []), StructureError, ["output"]),
    "inputs without outputs": (lambda: Model(X), ArgumentError, ["inputs and outputs"]),
    "no such layer": (lambda: MODEL.get_layer("hiden"), ArgumentError, ["hiden", "hidden"]),
    "no such index": (lambda: MODEL.get_layer(index=9), ArgumentError, ["9", "3"]),
    "no such node": (lambda: MODEL.node("tan"), GraphError, ["'tan'", "hidden"]),
    "output of a call that was not made": (
        lambda: (s := Dense(2, name="s"), s(X), s(X), s.get_output_at(2)),
        ArgumentError,
        ["no output 2", "2 calls"],
    ),
    "output of an uncalled layer": (lambda: Dense(2).output, ArgumentError, ["never called"]),
    "Sequential of a function": (lambda: Sequential([torch.relu]), ArgumentError, ["Lambda"]),
    "Sequential with a late Input": (lambda: Sequential([Dense(2), Input((3,))]), ArgumentError, ["first"]),
    "Sequential with a layer twice": (lambda: Sequential([BUILT, BUILT]), ArgumentError, ["already"]),
    "fit before compile": (lambda: MODEL.fit(np.ones((2, 8)), np.ones((2, 2))), ArgumentError, ["compile"]),
    "nested model on another width": (lambda: MODEL(HIDDEN), ShapeError, ["'x'", r"\(None, 4\)", r"\(None, 8\)"]),
    "nested model with too few inputs": (lambda: TWO([X]), StructureError, ["2 inputs", "'image'"]),
    "nested model with a wrong key": (
        lambda: TWO({"x": X, "picture": IMAGE}),
        StructureError,
        ["'image'", "'picture'"],
    ),
}


@pytest.mark.parametrize("case", BUILDING)
def test_a_wrong_graph_is_refused_in_words(case):
    build, kind, words = BUILDING[case]
    with pytest.raises(kind) as caught:
        build()
    text = str(caught.value)
    assert isinstance(caught.value, LaminaError)
    assert "  try" in text or "  expected" in text or "  got" in text, text
    for word in words:
        assert re.search(word, text), f"{word!r} is missing from:\n{text}"
    assert "meta" not in text, text


@pytest.mark.parametrize(
    "case",
    [
        "if",
        "np.array",
        "nonzero",
        "assignment",
        "matmul widths",
        "Dense on another width",
        "Conv2D on a vector",
        "bare module",
    ],
)
def test_errors_while_building_name_the_very_line(case):
    build, kind, _ = BUILDING[case]
    with pytest.raises(kind) as caught:
        build()
    found = re.search(r"where\s+\S*test_misuse\.py:(\d+)", str(caught.value))
    assert found, str(caught.value)
    line = linecache.getline(__file__, int(found[1]))
    assert f'"{case}"' in line or "X[0] = 1" in line


def test_a_name_given_twice_names_both_calls():
    with pytest.raises(GraphError) as caught:
        repeated()
    lines = [int(n) for n in re.findall(r"test_misuse\.py:(\d+)", str(caught.value))]
    assert len(lines) == 3  # and the line that makes a model of them
    assert all('"twin"' in linecache.getline(__file__, n) for n in lines)


def test_an_error_says_where_the_offending_tensor_came_from():
    with pytest.raises(ShapeError) as caught:
        BUILT(HIDDEN)
    got = next(line for line in str(caught.value).splitlines() if line.strip().startswith("got"))
    assert 'Dense "hidden"' in got
    assert "test_misuse.py:" in got


ROWS = np.ones((5, 8), "float32")
PICTURES = np.ones((5, 28, 28, 3), "float32")
RUNNING = {
    "rank": (lambda: MODEL(torch.ones(5, 8, 2)), ShapeError, ["'x'", r"\(5, 8, 2\)", r"\(None, 8\)"]),
    "width": (lambda: MODEL(torch.ones(5, 7)), ShapeError, ["'x'", r"\(5, 7\)"]),
    "a single row": (lambda: MODEL(torch.ones(8)), ShapeError, ["'x'", "batch axis"]),
    "float for int": (
        lambda: Model(TOKENS, Embedding(9, 2)(TOKENS))(torch.ones(2, 10)), DtypeError, ["'tokens'", "float32", "int32"],
    ),
    "strings": (lambda: MODEL(np.array([["a"] * 8])), DtypeError, ["'x'", "<U1"]),
    "objects": (lambda: MODEL(np.array([[None] * 8])), DtypeError, ["'x'", "object"]),
    "ragged": (lambda: MODEL({"x": [[1.0] * 8, [1.0]]}), LaminaError, ["'x'", "ragged"]),
    "a missing key": (lambda: TWO({"x": ROWS}), StructureError, ["'image'", "'x'"]),
    "a wrong key": (lambda: TWO({"x": ROWS, "img": PICTURES}), StructureError, ["'image'", "'img'"]),
    "too few": (lambda: TWO([ROWS]), StructureError, ["2 inputs"]),
    "too many": (lambda: TWO([ROWS, PICTURES, ROWS]), StructureError, ["2 inputs"]),
    "None": (lambda: TWO([ROWS, None]), StructureError, ["'image'", "None", "optional"]),
    "another structure": (lambda: MODEL(("x", ROWS)), StructureError, ["1 input"]),
}  # fmt: skip


@pytest.mark.parametrize("case", RUNNING)
def test_wrong_data_is_refused_by_the_name_of_the_input(case):
    run, kind, words = RUNNING[case]
    with pytest.raises(kind) as caught:
        run()
    for word in words:
        assert re.search(word, str(caught.value)), f"{word!r} is missing from:\n{caught.value}"


def test_an_error_inside_a_running_model_names_the_node_and_the_users_line():
    ids = Input((3,), dtype="int64")
    model = Model(ids, Dense(2)(Embedding(5, 4, name="words")(ids)))
    with pytest.raises(IndexError) as caught:
        model(torch.full((2, 3), 7))
    notes = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert 'Embedding "words"' in notes
    assert "test_misuse.py:" in notes


def test_what_a_dtype_tells_is_answered() -> None:
    x, n = Input((4,)), Input((4,), dtype="int32")
    assert torch.is_floating_point(x)
    assert not torch.is_floating_point(n)
    assert [torch.is_complex(x), x.is_complex()] == [False, False]
    assert (x.element_size(), x.itemsize) == (4, 4)
    assert n.is_signed()
    assert torch.result_type(n, 1.5) == torch.float32
    assert torch.result_type(x, torch.ones(1, dtype=torch.float64)) == torch.float64
    assert (x.layout, x.is_sparse, x.is_quantized) == (torch.strided, False, False)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.is_cuda,
        lambda x: x.is_meta,
        lambda x: x.stride(),
        lambda x: x.is_contiguous(),
        lambda x: x.get_device(),
        lambda x: x.register_hook(print),
        lambda x: x.retain_grad(),
        lambda x: x.untyped_storage(),
    ],
)
def test_what_only_run_time_tells_is_refused_with_a_way_out(ask: Any) -> None:
    with pytest.raises(ValueNeededError, match="try"):
        ask(Input((4,)))
