"""``x[:, ::-1]`` and what else stands in brackets: on symbolic tensors, in calls, saved, compiled, exported."""

import copy
import pickle

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers, ops
from lamina.sizes.keys import taken

KEYS = {
    "turned round": lambda x: x[:, ::-1],
    "features": lambda x: x[..., ::-1],
    "batch": lambda x: x[::-1],
    "every other": lambda x: x[:, ::-2],
    "from a place": lambda x: x[:, 5::-1],
    "from a place to another": lambda x: x[:, 5:1:-1],
    "counted from the end": lambda x: x[:, -2:0:-1],
    "from the last one": lambda x: x[:, -1:-5:-2],
    "down to": lambda x: x[:, :2:-1],
    "nothing": lambda x: x[:, 1:5:-1],
    "before the beginning": lambda x: x[:, -100::-1],
    "all, by far ends": lambda x: x[:, 100:-100:-1],
    "both axes": lambda x: x[:, ::-1, ::-1],
    "None": lambda x: x[:, None, ::-1],
    "None at the end": lambda x: x[..., ::-1, None],
    "a number": lambda x: x[0, ::-1],
    "an Ellipsis between": lambda x: x[::-1, ..., 1],
    "a list": lambda x: x[:, ::-1, [0, 2]],
    "an array": lambda x: x[:, ::-1, np.array([0, 2])],
    "a mask": lambda x: x[:, ::-1, np.array([True, False, True, True])],
    "steps and None": lambda x: x[..., ::2, None],
    "twice": lambda x: x[:, ::-1][:, 1:][:, ::-1],
    "by the size": lambda x: x[:, ops.shape(x)[1] - 2 :: -1],
    "from the middle": lambda x: x[:, ops.shape(x)[1] // 2 : 0 : -1],
    "a tensor's places": lambda x: x[:, ops.convert_to_tensor([2, 0, -1])],
    "a number in a tensor": lambda x: x[:, ops.convert_to_tensor(2)],
    "a step in a tensor": lambda x: x[:, :: ops.convert_to_tensor(2)],
    "an array's mask": lambda x: x[..., np.array([True, False, True, True])],
    "a tensor's mask": lambda x: x[..., ops.convert_to_tensor([True, False, True, True])],
}
X = np.random.default_rng(0).random((2, 7, 4), "float32")


class Own(layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def _right(name):
    try:
        return np.asarray(KEYS[name](X))  # NumPy takes them all
    except TypeError:
        return KEYS[name](torch.as_tensor(X)).numpy()


@pytest.mark.parametrize("name", KEYS)
def test_in_a_graph(name, tmp_path):
    x, right = Input((None, 4)), _right(name)
    y = KEYS[name](x)
    assert all(size in (None, due) for size, due in zip(y.shape, right.shape, strict=True))
    model = Model(x, y)
    model.save(tmp_path / "model.lamina")
    for each in (model, lamina.models.load_model(tmp_path / "model.lamina")):
        np.testing.assert_array_equal(each(torch.as_tensor(X)).numpy(), right)
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    np.testing.assert_array_equal(compiled(torch.as_tensor(X)).numpy(), right)


@pytest.mark.parametrize("name", KEYS)
def test_in_a_call_of_a_users(name):
    x, right = Input((None, 4)), _right(name)
    drawn = Model(x, Own(KEYS[name])(x))
    batch = torch.as_tensor(X)
    for call in (drawn, drawn.predict_on_batch, Own(KEYS[name]), Model(x, layers.Lambda(KEYS[name])(x))):
        np.testing.assert_array_equal(np.asarray(call(batch)), right)


class Reversed(layers.Layer):
    def __init__(self):
        super().__init__()
        self.rnn = layers.LSTM(3, return_sequences=True)

    def call(self, x):
        return self.rnn(x[:, ::-1])[:, ::-1]


def test_such_a_layer_is_copied_pickled_compiled_and_exported():
    x = Input((None, 4))
    model = Model(x, Reversed()(x))
    batch = torch.as_tensor(X)
    right = model(batch)
    auto = torch.export.Dim.AUTO
    torch._dynamo.reset()
    for each in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        torch.compile(model, fullgraph=True, backend="eager"),
        torch.export.export(model, (batch,), dynamic_shapes=({0: auto},)).module(),
    ):
        torch.testing.assert_close(each(batch), right)


def test_such_a_layer_is_trained():
    x = Input((7, 4))
    model = Model(x, Reversed()(x))
    model.compile("adam", "mse")
    assert model.fit(X, np.zeros((2, 7, 3), "float32"), epochs=2, verbose=0).history["loss"][-1] > 0


def test_an_error_of_the_users_own_stays_what_it_is():
    class Raising(layers.Layer):
        def call(self, x):
            raise ValueError("step must be greater than zero, says the user")

    with pytest.raises(ValueError, match="says the user"):
        Raising()(torch.ones(2, 3))


def test_a_layer_without_such_steps_runs_as_ever():
    layer = Own(lambda x: x[:, ::2])
    layer(torch.as_tensor(X))
    assert layer._remat is None


def test_a_mask_ends_there_with_a_word():
    ids = Input((None,))
    x = layers.Embedding(9, 4, mask_zero=True)(ids)
    with pytest.warns(UserWarning, match="drops the mask"):
        assert x[:, ::-1].mask is None


def test_every_slice_is_what_python_makes_of_it():
    rows, x = list(range(5)), torch.arange(5)
    ends = [None, *range(-7, 8)]
    for start in ends:
        for stop in ends:
            for step in (-1, -2, -3):
                key = slice(start, stop, step)
                assert taken(x, key, lambda x, key: x[key]).tolist() == rows[key]
