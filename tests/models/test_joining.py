"""The graph as fit runs it: fewer steps, and the same weights to the last bit."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers
from lamina.callbacks import LambdaCallback
from lamina.models.folding.joining import Joined
from lamina.models.folding.steps import InPlace

L = layers
LAST, FIRST = "channels_last", "channels_first"


def chain(shape, make, axis=-1):
    x = Input(shape)
    return Model(x, L.ReLU()(L.BatchNormalization(axis, momentum=0.7)(make()(x))))


def residual():
    x = Input((8, 8, 3))
    h = L.Conv2D(4, 3, padding="same", use_bias=False)(x)
    h = first = L.Activation("relu")(L.BatchNormalization()(h))
    h = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(h))
    h = L.ReLU()(L.Add()([h, first]))
    shortcut = L.BatchNormalization()(L.Conv2D(6, 1, strides=2)(h))
    h = L.BatchNormalization()(L.Conv2D(6, 3, strides=2, padding="same")(h))
    h = torch.relu(h + shortcut)
    return Model(x, L.Dense(2)(L.GlobalAveragePooling2D()(h)))


def nested_with_dropout():
    inner_x = Input((8, 8, 3))
    inner = Model(inner_x, L.Dropout(0.3)(L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3)(inner_x)))), name="encoder")
    a, b = Input((8, 8, 3)), Input((8, 8, 3))
    return Model([a, b], L.Dense(2)(L.Flatten()(L.Subtract()([inner(a), inner(b)]))))


def read_twice():
    x = Input((8, 8, 3))
    h = L.Conv2D(4, 3)(x)
    normed = L.BatchNormalization()(h)
    return Model(x, L.Concatenate()([L.ReLU()(normed), normed, h, L.ReLU()(L.Add()([normed, h]))]))


def broadcast():
    x, y = Input((8, 8, 3)), Input((1, 1, 4))
    return Model([x, y], L.ReLU()(L.Add()([L.BatchNormalization()(L.Conv2D(4, 3)(x)), y])))


def shared():
    conv, norm = L.Conv2D(3, 3, padding="same"), L.BatchNormalization()
    x = Input((8, 8, 3))
    return Model(x, L.ReLU()(norm(conv(L.ReLU()(norm(conv(x)))))))


MODELS = {
    "conv2d": lambda: chain((8, 8, 3), lambda: L.Conv2D(4, 3)),
    "conv2d strided same": lambda: chain((8, 8, 3), lambda: L.Conv2D(4, 3, strides=2, padding="same")),
    "conv2d first": lambda: chain((3, 8, 8), lambda: L.Conv2D(4, 3, data_format=FIRST), 1),
    "conv2d on another axis": lambda: chain((8, 8, 3), lambda: L.Conv2D(4, 3), 1),
    "conv1d": lambda: chain((9, 4), lambda: L.Conv1D(6, 3, padding="causal")),
    "conv3d": lambda: chain((4, 5, 6, 3), lambda: L.Conv3D(4, 2)),
    "transpose2d": lambda: chain((8, 8, 3), lambda: L.Conv2DTranspose(4, 3, strides=2)),
    "depthwise2d": lambda: chain((8, 8, 3), lambda: L.DepthwiseConv2D(3)),
    "separable2d": lambda: chain((8, 8, 3), lambda: L.SeparableConv2D(4, 3)),
    "own activation": lambda: Model(x := Input((8, 8, 3)), L.Conv2D(4, 3)(L.Conv2D(4, 3, activation="relu")(x))),
    "normalization alone": lambda: Model(x := Input((8, 8, 3)), L.ReLU()(L.BatchNormalization()(L.MaxPool2D()(x)))),
    "residual": residual,
    "nested with dropout": nested_with_dropout,
    "read twice": read_twice,
    "broadcast": broadcast,
    "shared": shared,
}


def data(model, rows=12):
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((rows, *t.shape[1:])).astype("float32") for t in model.inputs]
    y = rng.random((rows, *model.outputs[0].shape[1:])).astype("float32")  # what any last activation can reach
    return (x if len(x) > 1 else x[0]), y


def plainly(model):
    """The same model, whose fit calls the layers one by one."""
    copy = lamina.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy._joined_form = lambda: None
    return copy


def trained(model, **options):
    x, y = data(model)
    model.compile(lamina.optimizers.Adam(0.01), "mse")
    return model.fit(x, y, batch_size=5, epochs=2, seed=3, verbose=0, validation_data=(x, y), **options).history


def joined_steps(model):
    model._joined_form()
    return [op for op in (getattr(v, "__self__", v) for v in vars_of(model)) if isinstance(op, (Joined, InPlace))]


def vars_of(model):
    program = model._drawn.joining.program
    return [] if program is None else list(program.run.__globals__.values())


@pytest.mark.parametrize("name", MODELS)
def test_weights_and_history_are_those_of_the_layers_one_by_one(name):
    model = MODELS[name]()
    plain = plainly(model)
    assert joined_steps(model), "nothing was joined"
    assert trained(model) == trained(plain)
    for a, b in zip(model.weights, plain.weights, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("add", [lambda a, b: L.Add()([a, b]), torch.add])
def test_a_sum_that_is_an_output_is_not_written_over(add):
    x = Input((8, 8, 3))
    h = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3)(x)))
    total = add(h * 2, h * -3)
    model = Model(x, [total, L.ReLU()(total)])
    given = torch.randn(2, 8, 8, 3)
    sums, rectified = model._joined_form()(given)
    assert (sums < 0).any()
    torch.testing.assert_close([sums, rectified], model(given), rtol=0, atol=0)


def test_a_residual_block_is_three_steps():
    names = sorted(step.__name__ for step in joined_steps(residual()))
    assert names == [
        "Conv2D+BatchNormalization", "Conv2D+BatchNormalization+Add+relu", "Conv2D+BatchNormalization+Add+relu",
        "Conv2D+BatchNormalization+relu",
    ]  # fmt: skip


def test_a_frozen_normalization_stays_as_it_is():
    model, plain = residual(), None
    trained(model)
    plain = plainly(model)
    for each in (model, plain):
        for layer in each.layers:
            if isinstance(layer, L.BatchNormalization):
                layer.trainable = False
    before = [w.detach().clone() for w in model.get_layer("batch_normalization").weights]
    assert trained(model) == trained(plain)
    assert all(map(torch.equal, before, model.get_layer("batch_normalization").weights))
    for a, b in zip(model.weights, plain.weights, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_hooks_fire_and_changed_layers_count():
    model = residual()
    trained(model)
    seen = []
    norm = model.get_layer("batch_normalization")
    handle = norm.register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape)))
    trained(model)
    assert [shape[0] for shape in seen] == [5, 5, 2, 5, 5, 2] * 2  # batches of training and of validation
    handle.remove()
    before = len(seen)
    trained(model)
    assert len(seen) == before
    conv = model.get_layer("conv2d_1")
    conv.activation = lamina.activations.tanh
    plain = plainly(model)
    plain.get_layer("conv2d_1").activation = lamina.activations.tanh
    assert trained(model) == trained(plain)


def test_nothing_of_it_is_kept():
    model = residual()
    trained(model)
    keys = list(model.state_dict())
    assert keys == list(residual().state_dict())
    copy = pickle.loads(pickle.dumps(model))
    assert copy._drawn.joining is None
    gc.collect()
    gc.disable()
    try:
        reference = weakref.ref(model)
        del model
        assert reference() is None
    finally:
        gc.enable()


def test_models_without_anything_to_join_run_as_they_are():
    x = Input((4,))
    model = Model(x, L.Dense(2, activation="relu")(x))
    assert model._joined_form() is None
    assert model._forward() is model


def test_a_callback_may_call_the_model_between_steps():
    model = residual()
    x, _ = data(model)
    outputs = []
    call = LambdaCallback(on_train_batch_end=lambda batch, logs: outputs.append(model.predict(x).sum()))
    trained(model, callbacks=[call])
    assert len(set(outputs)) == len(outputs) == 6
