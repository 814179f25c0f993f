"""What `predict` returns shares memory with nothing: not with the data, the weights, or another result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lamina import Input, Model, Sequential, layers, ops

ROWS = 5


class Same(layers.Layer):
    def call(self, x):
        return x


class Weight(layers.Layer):
    def build(self, shape):
        self.table = self.add_weight((4, 3), name="table")

    def call(self, x):
        return self.table


class Held(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.ones(4, 3))

    def forward(self, x):
        return self.table


class Subclassed(Model):
    def call(self, x):
        return {"same": x, "part": x[:, 1:], "row": x[0]}


def drawn(function):
    def make():
        x = Input((4, 3))
        return Model(x, function(x))

    return make


MODELS = {
    "identity": drawn(lambda x: layers.Identity()(x)),
    "reshape": drawn(lambda x: layers.Reshape((12,))(x)),
    "flatten": drawn(lambda x: layers.Flatten()(x)),
    "permute": drawn(lambda x: layers.Permute((2, 1))(x)),
    "dropout": drawn(lambda x: layers.Dropout(0.5)(x)),
    "activation": drawn(lambda x: layers.Activation("linear")(x)),
    "crop": drawn(lambda x: layers.Cropping1D(1)(x)),
    "repeat": drawn(lambda x: layers.RepeatVector(2)(layers.Flatten()(x))),
    "slice": drawn(lambda x: x[:, 1:3]),
    "middle of a result": drawn(lambda x: torch.tanh(x)[:, 1:3]),
    "lambda": drawn(lambda x: layers.Lambda(lambda t: t.view(-1, 12))(x)),
    "expanded": drawn(lambda x: x[:, :1].expand(-1, 4, -1)),
    "expanded result": drawn(lambda x: torch.tanh(x[:, :1]).expand(-1, 4, -1)),
    "windows": drawn(lambda x: torch.tanh(x).unfold(1, 2, 1)),
    "custom": drawn(lambda x: Same()(x)),
    "module": drawn(lambda x: layers.TorchModule(nn.Identity())(x)),
    "weight": drawn(lambda x: Weight()(x)),
    "buffer": drawn(lambda x: layers.TorchModule(Held(), output_shape=(4, 3))(x)),
    "twice": drawn(lambda x: [h := layers.Dense(3)(x), h, layers.Reshape((12,))(h)]),
    "split": drawn(lambda x: list(ops.split(layers.Dense(6)(x), 2, axis=-1))),
    "dict": drawn(lambda x: {"a": x, "b": layers.Flatten()(x), "c": layers.Dense(2)(x)}),
    "convolution": drawn(lambda x: layers.Reshape((4, 2))(layers.Conv1D(2, 3, padding="same")(x))),
    "subclassed": Subclassed,
    "sequential": lambda: Sequential([layers.Identity()]),
    "nested": drawn(lambda x: Sequential([Input((4, 3)), layers.Flatten()])(x)),
}
DATA = {
    "array": lambda a: a,
    "tensor": torch.from_numpy,
    "inference tensor": lambda a: inference_tensor(a),
    "backwards": lambda a: a[::-1],
    "read-only": lambda a: read_only(a),
    "list": lambda a: [a],
}


def inference_tensor(array):
    with torch.inference_mode():
        return torch.from_numpy(array)


def read_only(array):
    array = array.view()
    array.flags.writeable = False
    return array


def leaves(result):
    values = result.values() if isinstance(result, dict) else result if isinstance(result, list) else [result]
    return list(values)


# Those that take one tensor are given no list.
PAIRS = [(kind, data) for kind in MODELS for data in DATA if data != "list" or kind not in ("subclassed", "sequential")]


@pytest.mark.parametrize("verb", ["predict", "predict_on_batch", "batches"])
@pytest.mark.parametrize("kind, data", PAIRS)
def test_writing_into_a_result_changes_nothing_else(kind, data, verb):
    torch.manual_seed(0)
    model = MODELS[kind]()
    array = np.random.default_rng(0).random((ROWS, 4, 3), "float32")
    kept, given = array.copy(), DATA[data](array)
    if verb == "batches":
        run = lambda: model.predict(given, batch_size=2)  # noqa: E731
    else:
        run = lambda: getattr(model, verb)(given)  # noqa: E731
    expected = [leaf.copy() for leaf in leaves(run())]
    results = leaves(run())
    weights = [w.detach().clone() for w in model.state_dict().values()]
    for i, leaf in enumerate(results):
        before = [other.copy() for other in results]
        leaf[...] = 7.0 + i
        flat = leaf.reshape(-1)
        assert (flat == 7.0 + i).all()
        for k, other in enumerate(results):
            assert k == i or (other == before[k]).all()
        if leaf.size > 1:  # each element has a place of its own
            leaf[(0,) * leaf.ndim] = -1.0
            assert (leaf == -1.0).sum() == 1
    assert (array == kept).all()
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), weights, strict=True))
    again = leaves(run())
    assert all(np.array_equal(a, b) for a, b in zip(again, expected, strict=True))
