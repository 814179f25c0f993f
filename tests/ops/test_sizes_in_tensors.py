"""Sizes that are put together as tensors are read back where a size is wanted: drawn, saved, exported, in a user's
call, and compiled."""

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers, ops


def sizes(x):
    return ops.convert_to_tensor(ops.shape(x))


IDIOMS = {
    "append": lambda x: ops.reshape(x, ops.append(sizes(x)[:2], [2, 2])),
    "append a number": lambda x: ops.reshape(x, ops.append(sizes(x)[:2], 4)),
    "append to sizes": lambda x: ops.zeros(ops.append(ops.stack([ops.shape(x)[1]]), ops.shape(x)[0])),
    "take": lambda x: ops.arange(ops.take(sizes(x), 1)),
    "take several": lambda x: ops.reshape(x, ops.take(sizes(x), [0, 1, 2])),
    "take from the end": lambda x: ops.zeros((ops.take(sizes(x), -2), 3)),
    "take along an axis": lambda x: ops.zeros(ops.take(sizes(x), [1], axis=0)),
    "take_along_axis": lambda x: ops.ones(ops.take_along_axis(sizes(x), ops.convert_to_tensor([1, 0]), axis=0)),
    "index by a tensor": lambda x: ops.ones(sizes(x)[ops.convert_to_tensor([1, 2])]),
    "where": lambda x: ops.arange(ops.where(ops.greater(sizes(x)[1], 5), 5, sizes(x)[1])),
    "where, elementwise": lambda x: ops.ones(ops.where(ops.arange(3) == 1, sizes(x), 1)),
    "where on equal sizes": lambda x: ops.ones((ops.where(sizes(x)[1] == sizes(x)[2], 9, sizes(x)[1]),)),
    "where not": lambda x: ops.ones((ops.where(ops.logical_not(sizes(x)[1] >= 5), 2, sizes(x)[1]),)),
    "greater of a number": lambda x: ops.zeros((ops.where(ops.greater(ops.shape(x)[1], 5), ops.shape(x)[1], 5),)),
    "max": lambda x: ops.zeros((ops.max([ops.shape(x)[1], 5]),)),
    "clip": lambda x: ops.arange(ops.clip(sizes(x)[1], 2, 5)),
    "stack": lambda x: ops.tile(ops.ones((1, 3)), ops.stack([ops.shape(x)[0], 1])),
    "split": lambda x: ops.reshape(x, ops.concatenate([ops.split(sizes(x), 3)[0], ops.prod(sizes(x)[1:])[None]], 0)),
    "slice_update": lambda x: ops.ones(ops.slice_update(sizes(x), [2], [1])),
    "scatter_update": lambda x: ops.ones(ops.scatter_update(sizes(x), [[2]], [1])),
    "cumsum": lambda x: ops.zeros((ops.cumsum(sizes(x))[1],)),
    "square": lambda x: ops.zeros((ops.square(sizes(x)[1]),)),
    "root": lambda x: ops.zeros((ops.cast(ops.sqrt(ops.cast(ops.shape(x)[1], "float32")), "int32"),)),
    "half as a float": lambda x: ops.zeros((ops.cast(ops.shape(x)[1] / 2, "int32"),)),
    "one_hot": lambda x: ops.one_hot(ops.arange(4), ops.take(sizes(x), 1)),
    "broadcast_to": lambda x: ops.broadcast_to(ops.ones((4,)), ops.take(sizes(x), [1, 1, 2])),
    "values of sizes": lambda x: x / ops.sqrt(ops.cast(sizes(x)[-1], x.dtype)) * ops.cast(ops.shape(x)[1], "float32"),
    "a slice by a tensor": lambda x: x[:, sizes(x)[1] // 2 :],
}
BATCHES = [np.random.default_rng(0).random((2, 7, 4), "float32"), np.random.default_rng(1).random((3, 4, 4), "float32")]


class Own(layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


@pytest.mark.parametrize("name", IDIOMS)
def test_they_are_read_back(name, tmp_path):
    function = IDIOMS[name]
    x = Input((None, 4))
    y = function(x)
    drawn = Model(x, ops.cast(y, "float32") + 0 * ops.sum(x))
    drawn.save(tmp_path / "model.lamina")
    models = [drawn, lamina.models.load_model(tmp_path / "model.lamina"), Model(x, Own(function)(x))]
    auto = torch.export.Dim.AUTO
    if name != "a slice by a tensor" or torch.__version__ >= "2.13":  # docs/versions.md
        exported = torch.export.export(drawn, (torch.as_tensor(BATCHES[0]),), dynamic_shapes=({0: auto, 1: auto},))
        models.append(exported.module())
    for batch in map(torch.as_tensor, BATCHES):
        right = function(batch)
        assert all(size in (None, due) for size, due in zip(y.shape, right.shape, strict=True)), y.shape
        for model in models:
            np.testing.assert_array_equal(model(batch).detach().numpy(), right.numpy())


def test_a_half_of_a_size_is_no_whole_number():
    x = Input((None, 4))
    half = ops.convert_to_tensor(ops.shape(x)[1] / 2)
    assert half.dtype == torch.float32
    assert Model(x, x * half)(torch.ones(1, 5, 4))[0, 0, 0] == 2.5


def test_what_hangs_on_values_is_still_refused():
    x = Input((None, 4))
    with pytest.raises(lamina.ValueNeededError, match="made of sizes and numbers alone"):
        ops.zeros((ops.cast(ops.sum(x), "int32"),))


def _mask(b, t):
    places = ops.arange(t)
    mask = ops.reshape(ops.cast(places[:, None] >= places - t + t, "int32"), (1, t, t))
    return ops.tile(mask, ops.concatenate([ops.expand_dims(b, -1), ops.convert_to_tensor([1, 1])], 0))


MASKS = {
    "concatenate": _mask,
    "stack": lambda b, t: ops.tile(ops.tril(ops.ones((t, t)))[None], ops.stack([b, 1, 1])),
    "append": lambda b, t: ops.tile(ops.tril(ops.ones((1, t, t))), ops.append(ops.expand_dims(b, 0), [1, 1])),
    "take": lambda b, t: ops.broadcast_to(
        ops.tril(ops.ones((t, t))), ops.take(ops.convert_to_tensor([b, t]), [0, 1, 1])
    ),
    "cast": lambda b, t: ops.tile(
        ops.tril(ops.ones((1, t, t))), ops.concatenate([ops.cast(ops.expand_dims(b, 0), "int64"), [1, 1]])
    ),
}


class Attending(layers.Layer):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def call(self, x):
        b, t = ops.shape(x)[:2]
        scores = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
        mask = ops.cast(self.make(b, t), "bool")
        return ops.matmul(ops.softmax(ops.where(mask, scores, -1e9)), x)


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (i > 1)) for i, n in enumerate(MASKS)])
def test_causal_masks_in_a_call_are_compiled_whole(name):
    layer = Attending(MASKS[name])
    for _ in range(2):  # the first call builds it, the second one sees what it consists of
        layer(torch.rand(1, 2, 4))
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager", dynamic=True)
    for shape in ((2, 7, 4), (3, 4, 4)):
        x = torch.rand(shape)
        torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.slow
def test_a_compiled_fit_with_a_causal_mask():
    x = Input((None,), dtype="int32")
    model = Model(x, layers.Dense(9)(Attending(_mask)(layers.Embedding(9, 8)(x))))
    torch._dynamo.reset()
    whole = torch.compile(model, fullgraph=True, backend="eager")
    ids = np.random.default_rng(0).integers(0, 9, (8, 5))
    torch.testing.assert_close(whole(torch.as_tensor(ids)), model(torch.as_tensor(ids)))
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    history = model.fit(ids, ids, batch_size=4, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
