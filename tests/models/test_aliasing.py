"""Whose memory is whose in a model: data are never written to, results stay what they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina import ops
from lamina.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    Dropout,
    Flatten,
    Identity,
    Input,
    MaxPooling2D,
    Permute,
    ReLU,
    Reshape,
)
from lamina.models import Model

SHAPE = (4, 4, 3)


def conv(x):
    return Conv2D(3, 1, use_bias=False)(x)


def norm(x):
    return BatchNormalization()(x)


def nested(body):
    return lambda x: Model(i := Input(SHAPE), body(i))(x)


# What may run in the memory of something else: rectifiers and sums, of what nobody else must hold.
BODIES = {
    "a rectifier of the input": lambda x: ReLU()(x),
    "a function of the input": lambda x: torch.relu(x),
    "of a reshaped input": lambda x: ReLU()(Reshape((2, 8, 3))(x)),
    "of a permuted input": lambda x: ReLU()(Permute((2, 1, 3))(x)),
    "of a cropped input": lambda x: ReLU()(Cropping2D(1)(x)),
    "of a slice of the input": lambda x: torch.relu(x[:, ::2]),
    "of a transposed input": lambda x: torch.relu(x.transpose(1, 2)),
    "of the input through a Dropout": lambda x: ReLU()(Dropout(0.5, seed=3)(x)),
    "of the input through an Identity": lambda x: Activation("relu")(Identity()(x)),
    "of the input through a linear activation": lambda x: ReLU()(Activation("linear")(x)),
    "of a window of one": lambda x: ReLU()(MaxPooling2D(1)(x)),
    "of a mean of one": lambda x: ReLU()(AveragePooling2D(1)(x)),
    "of a normalized input": lambda x: ReLU()(norm(x)),
    "of the input twice": lambda x: ReLU()(Add()([x, x])),
    "of a sum of views": lambda x: ReLU()(Add()([x, Permute((2, 1, 3))(x)])),
    "of a sum with the input": lambda x: ReLU()(Add()([conv(x), x])),
    "of a sum with the input first": lambda x: torch.relu(x + conv(x)),
    "of a sum of two": lambda x: ReLU()(norm(conv(x)) + norm(conv(x))),
    "of a sum with a view": lambda x: ReLU()(norm(conv(x)) + x.transpose(1, 2)),
    "of a sum with a reshaped view": lambda x: ReLU()(conv(x) + Reshape(SHAPE)(Flatten()(x))),
    "beside the sum": lambda x: [ReLU()(s := x + conv(x)), s],
    "beside the convolution": lambda x: [ReLU()(c := conv(x)), c],
    "beside the normalization": lambda x: [ReLU()(n := norm(conv(x))), n],
    "beside a view of the sum": lambda x: [ReLU()(s := x + conv(x)), Reshape((-1,))(s)],
    "beside a view of the convolution": lambda x: [ReLU()(c := norm(conv(x))), torch.relu(c[:, :1])],
    "beside a sum that is read again": lambda x: Concatenate()([ReLU()(s := norm(conv(x)) + x), s]),
    "of a term that is read again": lambda x: [ReLU()(norm(conv(x)) + (t := norm(conv(x)))), t],
    "in place of a term with a view": lambda x: [(t := norm(conv(x)))[:, 1:], ReLU()(conv(x) + t)],
    "in a model within": lambda x: nested(lambda i: ReLU()(conv(i) + i))(x),
    "in a model within, whose end is read twice": lambda x: [y := nested(lambda i: norm(conv(i)))(x), ReLU()(y)],
    "twice in a row": lambda x: ReLU()(ReLU()(conv(x) + x) + x),
    "the input itself": lambda x: [x, ReLU()(x + 1)],
    "a normalization of a sum": lambda x: norm(conv(x) + x),
    "a normalization of a rectifier": lambda x: norm(ReLU()(conv(x))),
    "a sum with a rectifier": lambda x: ReLU()(conv(x)) + x,
    "beside a sum of others": lambda x: [ReLU()(s := (c := conv(x)) + c.transpose(1, 2)), s],
    "by ops": lambda x: ops.relu(ops.add(conv(x), x)),
}


def made(body):
    x = Input(SHAPE)
    model, rng = Model(x, BODIES[body](x)), np.random.default_rng(5)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.weights])  # no average of 0, no variance of 1
    return model


def trained(body):
    """With weights behind each output, so that there is something to learn."""
    x = Input(SHAPE)
    outputs = BODIES[body](x)
    return Model(x, [Dense(2)(one) for one in (outputs if isinstance(outputs, list) else [outputs])])


def data(seed=0, rows=6):
    return np.random.default_rng(seed).normal(size=(rows, *SHAPE)).astype("float32")


def listed(outputs):
    found = outputs if isinstance(outputs, list) else [outputs]
    return [one.detach().numpy() if isinstance(one, torch.Tensor) else one for one in found]


@pytest.mark.parametrize("body", BODIES)
def test_inference_changes_no_data_and_no_result_of_before(body):
    model = made(body)
    first, second = data(0), data(1)
    kept = first.copy(), second.copy()
    expected = [one.copy() for one in listed(model(torch.tensor(first), training=False))]
    for run in (
        lambda x: model(torch.from_numpy(x)),
        lambda x: model(x),
        lambda x: model.predict(x, batch_size=2, verbose=0),
        lambda x: model.predict(x, verbose=0),
        lambda x: model.predict(torch.from_numpy(x), batch_size=3, verbose=0),
        model.predict_on_batch,
    ):
        results = listed(run(first))
        run(second)
        np.testing.assert_array_equal(first, kept[0])
        np.testing.assert_array_equal(second, kept[1])
        for one, reference in zip(results, expected, strict=True):
            np.testing.assert_allclose(one, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("body", BODIES)
def test_training_changes_no_data_and_learns_what_the_layers_one_by_one_learn(body):
    model, plain = trained(body), trained(body)
    x, rng = data(), np.random.default_rng(2)
    model.predict(x, verbose=0)
    plain.set_weights(model.get_weights())
    y = [rng.normal(size=one.shape).astype("float32") for one in listed(model(x))]
    kept = [one.copy() for one in (x, *y)]
    for each in (model, plain):
        each.compile("sgd", "mse")
    plain._joined_form = lambda: None  # every layer by itself
    torch.manual_seed(0)
    model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    torch.manual_seed(0)
    plain.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    model.evaluate(x, y, batch_size=2, verbose=0)
    model.train_on_batch(x, y)
    plain.train_on_batch(x, y)
    model.test_on_batch(x, y)
    for now, before in zip((x, *y), kept, strict=True):
        np.testing.assert_array_equal(now, before)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("body", BODIES)
def test_gradients_reach_the_input_and_leave_it_as_it_was(body):
    model = made(body)
    for training in (False, True):
        x = torch.tensor(data(), requires_grad=True)
        kept = x.detach().clone()
        outputs = model(x, training=training)
        total = sum(one.square().sum() for one in (outputs if isinstance(outputs, list) else [outputs]))
        total.backward()
        assert torch.equal(x.detach(), kept)
        assert x._version == 0
        assert x.grad.isfinite().all()


def test_results_of_predict_are_no_memory_of_the_model():
    x = Input((3,))
    model = Model(x, [Dense(2)(x), x + torch.zeros(3)])
    rows = np.ones((4, 3), "float32")
    before = model.predict(rows, batch_size=2, verbose=0)
    kept = [one.copy() for one in before]
    for one in model.predict(rows, batch_size=2, verbose=0):
        one[...] = -7.0
    for one, reference, again in zip(before, kept, model.predict(rows, batch_size=2, verbose=0), strict=True):
        np.testing.assert_array_equal(one, reference)
        np.testing.assert_array_equal(again, reference)


def test_arrays_of_weights_are_copies():
    x = Input((3,))
    model = Model(x, BatchNormalization()(Dense(2)(x)))
    given = [np.random.default_rng(3).normal(size=w.shape).astype("float32") for w in model.weights]
    model.set_weights(given)
    for array in model.get_weights():
        array[...] = -7.0
    kept = [array.copy() for array in given]
    for array in given:
        array[...] = 9.0
    for weight, reference in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(weight, reference)


def test_weights_that_tensors_are_copied_into_stay_apart_from_them():
    layer = Dense(2)
    layer.build((None, 3))
    tensors = [torch.ones(3, 2), torch.ones(2)]
    layer.set_weights(tensors)
    layer.kernel.assign(tensors[0])
    with torch.no_grad():
        layer.kernel.add_(1.0)
    assert tensors[0].eq(1).all()
    tensors[1].zero_()
    assert layer.bias.eq(1).all()


def test_a_constant_of_a_graph_is_the_tensor_that_was_given():
    """As PyTorch's own modules: what is registered as a buffer is not copied, and inference does not write to it."""
    table = torch.arange(6.0).reshape(2, 3)
    x = Input((2, 3))
    model = Model(x, torch.relu(x + table))
    model.predict(np.ones((2, 2, 3), "float32"), verbose=0)
    assert torch.equal(table, torch.arange(6.0).reshape(2, 3))
