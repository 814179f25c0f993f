"""The graph rewritten for inference: the same numbers in fewer steps, never out of date, and nowhere else to see."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lamina import Input, Model, Sequential, activations, layers, optimizers
from lamina.models.folding.steps import Fused, InPlace

L = layers


def fill(model, seed=0):
    """Weights and statistics that are nothing special; variances from 0.1 to 3."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        low, high = (0.1, 3.0) if "moving_variance" in weight.path else (-0.7, 0.7)
        weight.assign(generator.uniform(low, high, tuple(weight.shape)))
    return model


def data(model, rows=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    sizes = [[rows, *(n or 9 for n in t.shape[1:])] for t in model.inputs]
    found = [torch.randn(s, generator=generator, dtype=t.dtype) for s, t in zip(sizes, model.inputs, strict=True)]
    return found if len(found) > 1 else found[0]


def steps_of(model):
    """What the rewritten graph calls, the input aside: names of fused steps, classes of layers left as they are."""
    with torch.inference_mode():
        model._folded_form()
    names = []
    for line in model._drawn.folding.program.source.splitlines():
        if " = " in line:
            names.append(line.split(" = ")[1])
    return names


def fused(model):
    return [step.__name__ for step in model._drawn.folding._steps]


def assert_same(model, inputs, tolerance=1e-5):
    expected = model(inputs, training=False)
    with torch.inference_mode():
        found = model._folded_form()(inputs)
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def leaves(nested):
    if isinstance(nested, torch.Tensor):
        return [nested.detach()]
    return [leaf for part in (nested.values() if isinstance(nested, dict) else nested) for leaf in leaves(part)]


# -- each kind of layer before the normalization

FIRST, LAST = "channels_first", "channels_last"
KINDS = {
    "conv1d": ((9, 4), lambda **k: L.Conv1D(6, 3, **k)),
    "conv1d causal": ((9, 4), lambda **k: L.Conv1D(6, 3, padding="causal", dilation_rate=2, **k)),
    "conv1d first": ((4, 9), lambda **k: L.Conv1D(6, 3, data_format=FIRST, **k)),
    "conv2d": ((9, 8, 4), lambda **k: L.Conv2D(6, 3, **k)),
    "conv2d same": ((9, 8, 4), lambda **k: L.Conv2D(6, (3, 2), padding="same", **k)),
    "conv2d strides": ((9, 8, 4), lambda **k: L.Conv2D(6, 3, strides=2, padding="same", **k)),
    "conv2d dilated": ((9, 8, 4), lambda **k: L.Conv2D(6, 3, dilation_rate=2, padding="same", **k)),
    "conv2d groups": ((9, 8, 4), lambda **k: L.Conv2D(6, 3, groups=2, **k)),
    "conv2d first": ((4, 9, 8), lambda **k: L.Conv2D(6, 3, data_format=FIRST, **k)),
    "conv2d unknown size": ((None, None, 4), lambda **k: L.Conv2D(6, 3, strides=2, padding="same", **k)),
    "conv3d": ((5, 6, 7, 4), lambda **k: L.Conv3D(6, 2, padding="same", **k)),
    "conv3d first": ((4, 5, 6, 7), lambda **k: L.Conv3D(6, 2, strides=2, data_format=FIRST, **k)),
    "transpose1d": ((9, 4), lambda **k: L.Conv1DTranspose(6, 3, strides=2, **k)),
    "transpose2d": ((9, 8, 4), lambda **k: L.Conv2DTranspose(6, 3, strides=2, padding="same", **k)),
    "transpose2d first": ((4, 9, 8), lambda **k: L.Conv2DTranspose(6, 3, data_format=FIRST, **k)),
    "transpose3d": ((3, 4, 5, 4), lambda **k: L.Conv3DTranspose(6, 2, strides=2, **k)),
    "depthwise1d": ((9, 4), lambda **k: L.DepthwiseConv1D(3, depth_multiplier=2, **k)),
    "depthwise2d": ((9, 8, 4), lambda **k: L.DepthwiseConv2D(3, depth_multiplier=2, **k)),
    "depthwise2d first": ((4, 9, 8), lambda **k: L.DepthwiseConv2D(3, strides=2, data_format=FIRST, **k)),
    "separable1d": ((9, 4), lambda **k: L.SeparableConv1D(6, 3, **k)),
    "separable2d": ((9, 8, 4), lambda **k: L.SeparableConv2D(6, 3, depth_multiplier=2, **k)),
    "dense": ((8,), lambda **k: L.Dense(6, **k)),
    "dense of a sequence": ((5, 8), lambda **k: L.Dense(6, **k)),
}


def axis_of(layer):
    return 1 if getattr(layer, "data_format", LAST) == FIRST else -1


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_normalization_goes_into_the_layer_before_it(name, use_bias, dtype, tolerance):
    shape, make = KINDS[name]
    x = Input(shape, dtype=dtype)
    layer = make(use_bias=use_bias, dtype=dtype)
    y = L.ReLU(dtype=dtype)(L.BatchNormalization(axis_of(layer), epsilon=0.01, dtype=dtype)(layer(x)))
    model = fill(Model(x, y))
    assert len(steps_of(model)) == 1
    assert fused(model) == [f"{type(layer).__name__}+BatchNormalization+relu"]
    assert_same(model, data(model), tolerance)
    assert_same(model, data(model, rows=1), tolerance)
    assert_same(model, data(model, rows=0), tolerance)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("shape, make", [KINDS["conv2d"], KINDS["dense"], KINDS["depthwise2d"]])
def test_without_center_or_scale(shape, make, center, scale):
    x = Input(shape)
    model = fill(Model(x, L.BatchNormalization(center=center, scale=scale)(make(use_bias=False)(x))))
    assert len(steps_of(model)) == 1
    assert_same(model, data(model))


def test_two_normalizations_and_what_vanishes_between():
    x = Input((8, 8, 3))
    y = L.Dropout(0.5)(L.Conv2D(5, 3)(x))
    y = L.Activation("linear")(L.ActivityRegularization(0.1)(L.BatchNormalization()(y)))
    y = L.GaussianNoise(1.0)(L.BatchNormalization()(L.Identity()(y)))
    model = fill(Model(x, L.SpatialDropout2D(0.2)(L.Activation("tanh")(y))))
    model._folded_form()
    assert "Conv2D+BatchNormalization+BatchNormalization" in fused(model)[0]
    assert_same(model, data(model))


def test_16_bit_weights_are_folded_in_32_bits():
    x = Input((8, 8, 3), dtype="bfloat16")
    y = L.BatchNormalization(dtype="bfloat16")(L.Conv2D(5, 3, dtype="bfloat16")(x))
    model = fill(Model(x, y))
    assert len(steps_of(model)) == 1
    assert_same(model, data(model), 0.05)


def test_layers_of_a_mixed_policy_run_as_they_are():
    x = Input((8, 8, 3))
    y = L.BatchNormalization(dtype="mixed_bfloat16")(L.Conv2D(5, 3, dtype="mixed_bfloat16")(x))
    model = fill(Model(x, L.ReLU()(L.BatchNormalization()(L.Conv2D(2, 1)(y)))))
    model._folded_form()
    assert fused(model) == ["Conv2D+BatchNormalization+relu"]
    assert_same(model, data(model), 1e-3)


# -- where it must not


def _shared():
    x = Input((8, 8, 3))
    conv = L.Conv2D(3, 3, padding="same")
    return Model(x, [L.BatchNormalization()(conv(x)), L.BatchNormalization()(conv(conv(x)))])


def _read_twice():
    x = Input((8, 8, 3))
    y = L.Conv2D(4, 3)(x)
    return Model(x, L.Concatenate()([y, L.BatchNormalization()(y)]))


def _an_output():
    x = Input((8, 8, 3))
    y = L.Conv2D(4, 3)(x)
    return Model(x, {"before": y, "after": L.BatchNormalization()(y)})


def _other_axis():
    x = Input((8, 8, 3))
    return Model(x, L.BatchNormalization(axis=1)(L.Conv2D(4, 3)(x)))


def _nonlinear():
    x = Input((8, 8, 3))
    return Model(x, L.BatchNormalization()(L.Conv2D(4, 3, activation="relu")(x)))


def _normalized_first():
    x = Input((8, 8, 3))
    return Model(x, L.Conv2D(4, 3, padding="same")(L.BatchNormalization()(x)))


def _in_training_mode():
    x = Input((8, 8, 3))
    return Model(x, L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3)(x), training=True)))


def _penalized():
    x = Input((8, 8, 3))
    return Model(x, L.BatchNormalization()(L.Conv2D(4, 3, activity_regularizer="l2")(x)))


def _masked():
    x = Input((6, 4))
    return Model(x, L.BatchNormalization()(L.Dense(4)(L.Masking()(x))))


def _subclassed():
    class Doubled(L.Conv2D):
        def call(self, inputs):
            return 2 * super().call(inputs)

    x = Input((8, 8, 3))
    return Model(x, L.BatchNormalization()(Doubled(4, 3)(x)))


def _replaced():
    x = Input((8, 8, 3))
    conv = L.Conv2D(4, 3)
    y = conv(x)
    conv.call = lambda inputs: torch.zeros(inputs.shape[0], 6, 6, 4)
    return Model(x, L.BatchNormalization()(y))


REFUSED = [_read_twice, _an_output, _other_axis, _nonlinear, _normalized_first, _in_training_mode, _penalized, _masked,
           _subclassed, _replaced]  # fmt: skip


@pytest.mark.parametrize("make", REFUSED)
def test_not_folded(make):
    model = fill(make())
    call, inputs = model._folded_form(), data(model)
    expected = model(inputs, training=False)
    if call is not None:
        assert not any("BatchNormalization" in name for name in fused(model))
        with torch.inference_mode():
            torch.testing.assert_close(leaves(call(inputs)), leaves(expected), rtol=1e-5, atol=1e-5)


def test_a_shared_convolution_has_weights_for_each_normalization():
    model = fill(_shared())
    model._folded_form()
    assert fused(model) == ["Conv2D+BatchNormalization"] * 2
    assert_same(model, data(model))


def test_nothing_to_fold():
    x = Input((4,))
    assert Model(x, L.Dense(2, activation="relu")(L.Dropout(0.5)(x)))._folded_form() is None
    assert Model(x, torch.relu(x))._folded_form() is None

    class Own(Model):
        def call(self, inputs):
            return inputs

    assert Own()._folded_form() is None


# -- sums and activations


def test_residual_blocks_add_in_the_memory_of_what_is_done_with():
    x = Input((8, 8, 4))
    h = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x)))
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(h)))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(y))
    model = fill(Model(x, L.Dense(2)(L.GlobalAveragePooling2D()(L.ReLU()(L.Add()([h, y]))))))
    assert len(steps_of(model)) == 5
    assert fused(model)[-1] == "Conv2D+BatchNormalization+Add+relu"
    assert model._drawn.folding._steps[-1].reuse
    assert_same(model, data(model))


def _sum_with_input():
    x = Input((8, 8, 4))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(L.Conv2D(4, 1)(x)))
    return Model(x, torch.relu(x + y))


def _sum_with_a_view_of_the_input():
    x = Input((8, 8, 4))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(L.Conv2D(4, 1)(x)))
    return Model(x, L.ReLU()(L.Add()([L.Reshape((8, 8, 4))(x), y])))


def _sum_with_output():
    x = Input((8, 8, 4))
    h = L.Conv2D(4, 1, activation="relu")(x)
    return Model(x, [h, L.Conv2D(4, 3, padding="same")(L.MaxPooling2D(1)(h)) + h])


def _sum_of_a_view():
    x = Input((8, 8, 4))
    h = L.Conv2D(4, 1, activation="relu")(x)
    flat = L.Flatten()(h)
    y = L.ReLU()(L.Add()([h, L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(h))]))
    return Model(x, L.Concatenate()([flat, L.Flatten()(y)]))


def _sum_read_later():
    x = Input((8, 8, 4))
    h = L.Conv2D(4, 1, activation="relu")(x)
    inner = L.Conv2D(4, 1, activation="relu")(h)
    y = L.Add()([h, L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(inner))])
    return Model(x, L.Concatenate()([y, L.Conv2D(2, 1)(h)]))


def _sum_of_itself():
    x = Input((8, 8, 4))
    h = L.Conv2D(4, 1, activation="relu")(x)
    return Model(x, L.ReLU()(L.Add()([h, L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(h))])))


def _sum_of_two_convolutions():
    x = Input((8, 8, 4))
    a, b = (L.BatchNormalization()(L.Conv2D(6, k, strides=2, padding="same")(x)) for k in (1, 3))
    return Model(x, L.Activation("silu")(L.Add()([a, b])))


def _sum_spread_over_an_axis():
    x = Input((8, 8, 4))
    pooled = L.Conv2D(4, 1)(L.GlobalAveragePooling2D(keepdims=True)(x))
    return Model(x, L.ReLU()(L.Add()([pooled, L.BatchNormalization()(L.Conv2D(4, 1)(x))])))


def _sum_of_three():
    x = Input((8, 8, 4))
    return Model(x, L.Add()([x, L.Conv2D(4, 1)(x), L.BatchNormalization()(L.Conv2D(4, 1)(x))]))


def _sum_of_dense():
    x = Input((4,))
    return Model(x, L.ReLU()(L.BatchNormalization()(L.Dense(4)(x)) + L.Dense(4, activation="tanh")(x)))


def _channels_first():
    x = Input((4, 8, 8))
    h = L.Conv2D(4, 1, data_format=FIRST, activation="relu")(x)
    y = L.BatchNormalization(1)(L.Conv2D(4, 3, padding="same", data_format=FIRST)(h))
    return Model(x, L.ReLU(max_value=6)(L.Add()([y, h])))


def _normalized_before_activation():
    x = Input((8, 8, 4))
    h = L.Conv2D(4, 1)(L.ReLU()(L.BatchNormalization()(x)))
    return Model(x, L.Add()([x, L.Conv2D(4, 1)(L.LeakyReLU()(L.BatchNormalization()(h)))]))


def _volumes():
    x = Input((5, 5, 5, 4))
    h = L.ReLU()(L.BatchNormalization()(L.Conv3D(4, 1)(x)))
    y = L.BatchNormalization()(L.Conv3D(4, 3, padding="same")(h))
    return Model(x, L.ReLU()(L.Add()([y, h])))


def _series():
    x = Input((9, 4))
    h = L.ReLU()(L.BatchNormalization()(L.Conv1D(4, 1)(x)))
    y = L.BatchNormalization()(L.Conv1D(4, 3, padding="same")(L.Conv1D(4, 1)(h)))
    return Model(x, L.ReLU()(L.Add()([y, h])))


def _of_nested_models():
    inner_x = Input((8, 8, 4))
    inner = Model(inner_x, L.Add()([L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(inner_x)), inner_x]))
    chain = Sequential([L.Conv2D(4, 1), L.BatchNormalization(), L.ReLU(), L.Dropout(0.1)])
    x = Input((8, 8, 4))
    return Model(x, {"a": L.ReLU()(inner(chain(x))), "b": inner(x)})


def _of_several_inputs():
    a, b = Input((8, 8, 4), name="a"), Input((8, 8, 4), name="b")
    inner = Model({"p": a, "q": b}, L.BatchNormalization()(L.Conv2D(2, 1)(a - b)))
    u, v = Input((8, 8, 4)), Input((8, 8, 4))
    return Model([u, v], [inner({"q": u, "p": v}), inner({"p": u, "q": u})])


WIRED = [_sum_with_input, _sum_with_a_view_of_the_input, _sum_with_output, _sum_of_a_view, _sum_read_later,
         _sum_of_itself, _sum_of_two_convolutions, _sum_spread_over_an_axis, _sum_of_three, _sum_of_dense,
         _channels_first, _normalized_before_activation, _volumes, _series, _of_nested_models,
         _of_several_inputs]  # fmt: skip


@pytest.mark.parametrize("make", WIRED)
def test_wirings(make):
    model = fill(make())
    inputs = data(model)
    before = copy.deepcopy(inputs)
    assert_same(model, inputs)
    assert_same(model, inputs)  # and a second time: nothing that lasts was written to
    torch.testing.assert_close(inputs, before, rtol=0, atol=0)


@pytest.mark.parametrize("make", WIRED)
def test_without_the_kernels_of_onednn(make, monkeypatch):
    monkeypatch.setattr("lamina._torch.onednn.convolutions", lambda: None)
    model = fill(make())
    assert_same(model, data(model))
    assert all(step._onednn is None for step in model._drawn.folding._steps)


def test_a_sum_over_batches_of_unlike_size():
    a, b = Input((4, 4, 2)), Input((4, 4, 2))
    model = fill(
        Model([a, b], L.ReLU()(L.BatchNormalization()(L.Conv2D(2, 1)(a)) + L.Conv2D(2, 1, activation="relu")(b)))
    )
    x, one = torch.randn(3, 4, 4, 2), torch.randn(1, 4, 4, 2)
    assert_same(model, [x, one])
    assert_same(model, [one, x])


NOT_ALONE = ("get", "serialize", "deserialize", "threshold", "glu")
ACTIVATIONS = [name for name in activations.__all__ if name not in NOT_ALONE]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name):
    x = Input((6, 6, 3))
    own = L.Conv2D(3, 3, padding="same", activation=name)(x)
    model = fill(Model(x, L.Activation(name)(L.Add()([x, L.BatchNormalization()(L.Conv2D(3, 1)(own))]))))
    assert_same(model, data(model))


LAYERS = [L.ReLU(), L.ReLU(6.0), L.ReLU(negative_slope=0.1), L.ReLU(6.0, 0.1), L.ReLU(threshold=0.5), L.LeakyReLU(),
          L.ELU(), L.PReLU(), L.Softmax()]  # fmt: skip


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_every_activation_layer(number):
    x = Input((6, 6, 3))
    model = fill(Model(x, copy.deepcopy(LAYERS[number])(L.BatchNormalization()(L.Conv2D(3, 1)(x)))))
    assert_same(model, data(model))


@pytest.mark.parametrize("function", [torch.relu, F.relu, lambda t: t.relu()])
def test_functions(function):
    x = Input((6, 6, 3))
    model = fill(Model(x, function(torch.add(x, L.BatchNormalization()(L.Conv2D(3, 1)(x))))))
    assert len(steps_of(model)) == 1
    assert_same(model, data(model))


def test_deep():
    x = y = Input((4, 4, 2))
    for _ in range(400):
        y = L.Add()([L.BatchNormalization(gamma_initializer="zeros")(L.Conv2D(2, 1, use_bias=False)(y)), y])
    model = Model(x, y)
    assert_same(model, data(model))


# -- never out of date


def normalized(rows=None):
    x = Input((6, 6, 3))
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(3, 1)(x)))
    y = L.ReLU(name="relu")(L.BatchNormalization(name="norm")(L.Conv2D(4, 3, name="conv")(y)))
    return fill(Model(x, L.Dense(2, name="dense")(L.GlobalAveragePooling2D()(y))))


def _an_optimizer_step(model):
    optimizer = torch.optim.SGD(model.eval().parameters(), 0.5)
    model(data(model)).sum().backward()
    optimizer.step()


def _a_step_of_pytorchs_fused_kernel(model):
    optimizer = torch.optim.Adam(model.eval().parameters(), 0.5, fused=True)
    model(data(model)).sum().backward()
    optimizer.step()


def _a_step_of_a_fused_kernel(model):
    optimizer, weights = optimizers.Adam(0.5), list(model.eval().parameters())
    optimizer.apply(torch.autograd.grad(model(data(model)).sum(), weights), weights)


def _set_weights(model):
    model.set_weights([w + 0.1 for w in model.get_weights()])


def _load_state_dict(model):
    model.load_state_dict({k: v + 0.1 for k, v in model.state_dict().items()})


def _load_by_assignment(model):
    model.load_state_dict({k: v.detach() + 0.1 for k, v in model.state_dict().items()}, assign=True)


def _assign(model):
    model.get_layer("norm").moving_variance.assign([0.3, 0.4, 0.5, 0.6])


def _another_parameter(model):
    model.get_layer("conv").kernel = torch.nn.Parameter(torch.randn(3, 3, 3, 4))


def _another_storage(model):
    kernel = model.get_layer("conv").kernel
    kernel.data = kernel.data + 0.2


def _train(model):
    model.compile("sgd", "mse")
    model.train_on_batch(data(model), torch.zeros(3, 2))


def _another_dtype(model):
    model.to(torch.float32).to(torch.device("cpu"))
    model.get_layer("norm").epsilon = 0.5


@pytest.mark.parametrize(
    "change",
    [_an_optimizer_step, _a_step_of_a_fused_kernel, _a_step_of_pytorchs_fused_kernel, _set_weights, _load_state_dict,
     _load_by_assignment, _assign, _another_parameter, _another_storage, _train, _another_dtype],
)  # fmt: skip
def test_changed_weights_are_folded_again(change):
    model = normalized()
    inputs = data(model)
    before = model._folded_form()(inputs)
    change(model)
    assert_same(model, inputs)
    assert (model(inputs) - before).abs().max() > 1e-3


def test_unchanged_weights_are_not_folded_again():
    model = normalized()
    model._folded_form()
    kernel = model._drawn.folding._steps[0]._onednn or model._drawn.folding._steps[0]._folded
    model._folded_form()
    assert (model._drawn.folding._steps[0]._onednn or model._drawn.folding._steps[0]._folded) is kernel
    model._folded_form(afresh=True)
    assert (model._drawn.folding._steps[0]._onednn or model._drawn.folding._steps[0]._folded) is not kernel


def test_what_is_written_through_data_is_seen_afresh():
    model = normalized()
    model._folded_form()
    model.get_layer("conv").kernel.data.mul_(2.0)
    inputs = data(model)
    expected = model(inputs, training=False)
    with torch.inference_mode():
        torch.testing.assert_close(model._folded_form(afresh=True)(inputs), expected, rtol=1e-5, atol=1e-5)


def test_predict_takes_it_and_evaluate_does_not():
    model = normalized()
    x, y = data(model, rows=10).numpy(), np.zeros((10, 2), "float32")
    model.compile("sgd", "mse")
    kept = model.fit(x, y, batch_size=4, validation_data=(x, y), verbose=0).history["val_loss"]
    assert model._drawn.folding is None
    assert model.evaluate(x, y, batch_size=4, verbose=0) == kept[-1]
    assert model._drawn.folding is None
    for change in (lambda: None, lambda: _set_weights(model), lambda: _train(model)):
        change()
        expected = model(torch.from_numpy(x), training=False).detach().numpy()
        np.testing.assert_allclose(model.predict(x, batch_size=4, verbose=0), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.predict_on_batch(x), expected, rtol=1e-5, atol=1e-5)
        assert model._drawn.folding is not None
    model.get_layer("conv").kernel.data.mul_(2.0)
    expected = model(torch.from_numpy(x), training=False).detach().numpy()
    np.testing.assert_allclose(model.predict(x, batch_size=4, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_training_after_inference_is_what_it_was():
    model, twin = normalized(), normalized()
    inputs, targets = data(model), torch.ones(3, 2)
    with torch.inference_mode():
        model._folded_form()(inputs)
    for m in (model, twin):
        m.compile(torch.optim.SGD(m.parameters(), 0.1), "mse")
        m.train_on_batch(inputs, targets)
    for a, b in zip(model.weights, twin.weights, strict=True):
        assert torch.equal(a, b)


# -- hooks


@pytest.mark.parametrize("name", ["conv", "norm", "relu", "dense"])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_hooks_still_fire(name, kind):
    model = normalized()
    inputs = data(model)
    model._folded_form()
    seen = []
    handle = getattr(model.get_layer(name), kind)(lambda module, args, *output: seen.append((args[0], *output)))
    assert_same(model, inputs)
    assert len(seen) == 2  # once for the model as it is, once in the rewritten graph
    for given, rewritten in zip(*seen, strict=True):
        torch.testing.assert_close(given, rewritten, rtol=1e-5, atol=1e-5)
    handle.remove()
    assert_same(model, inputs)
    assert len(seen) == 2
    assert fused(model) == ["Conv2D+BatchNormalization+relu"] * 2


def test_what_a_hook_keeps_is_not_overwritten():
    x = Input((6, 6, 3))
    h = L.Conv2D(3, 1, name="before", activation="relu")(x)
    conv = L.Conv2D(3, 1, name="inner", activation="relu")
    model = fill(Model(x, torch.relu(h + L.BatchNormalization()(L.Conv2D(3, 1)(conv(h))))))
    kept = []
    model.get_layer("inner").register_forward_pre_hook(lambda module, args: kept.append(args[0]))
    with torch.inference_mode():
        model._folded_form()(data(model))
    torch.testing.assert_close(kept[0], model.get_layer("before")(data(model)))


def test_hooks_of_the_model_or_of_all_modules():
    model = normalized()
    handle = model.register_forward_hook(lambda *_: None)
    assert model._folded_form() is None
    handle.remove()
    assert model._folded_form() is not None
    handle = torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
    assert model._folded_form() is None
    handle.remove()
    assert model._folded_form() is not None


def test_a_nested_model_that_casts_what_it_is_given_stays_whole():
    inside = Input((4,))
    nested = Model(inside, inside * 3.0 + 0.1)
    x = Input((4,), dtype="float64")
    h = nested(x)
    model = fill(Model(x, [h, L.BatchNormalization()(L.Dense(3)(h))]))
    assert "Dense+BatchNormalization" in str(steps_of(model) and fused(model))
    assert_same(model, data(model))


def test_a_hooked_nested_model_stays_whole():
    model = fill(_of_nested_models())
    seen = []
    nested = next(layer for layer in model.layers if isinstance(layer, Sequential))
    nested.register_forward_hook(lambda *_: seen.append(1))
    assert_same(model, data(model))
    assert len(seen) == 2


# -- no trace


def test_nothing_of_it_is_saved_copied_or_listed():
    model = normalized()
    names, count = list(model.state_dict()), len(list(model.modules()))
    config, size = model.get_config(), len(pickle.dumps(model))
    with torch.inference_mode():
        model._folded_form()(data(model))
    assert list(model.state_dict()) == names
    assert len(list(model.modules())) == count
    assert model.get_config() == config
    assert len(pickle.dumps(model)) == size
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin._drawn.folding is None
        assert_same(twin, data(model))
    assert all(len(layer._calls()) == 1 for layer in model.layers)  # layers know nothing of the other graph


def test_a_dropped_model_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        model = normalized()
        with torch.inference_mode():
            model._folded_form()(data(model))
        program = weakref.ref(model._drawn.folding.program)
        alive = [weakref.ref(model), *(weakref.ref(layer) for layer in model.layers)]
        del model
        assert program() is None
        assert [ref() for ref in alive] == [None] * len(alive)
    finally:
        gc.enable()


def test_predictions_of_a_custom_layer_leave_no_losses_behind():
    class Penalized(L.Layer):
        def call(self, inputs):
            self.add_loss(inputs.sum())
            return inputs

    x = Input((6, 6, 3))
    own = Penalized()
    model = fill(Model(x, own(L.BatchNormalization()(L.Conv2D(2, 1)(x)))))
    for _ in range(3):
        with torch.inference_mode():
            model._folded_form()(data(model))
    assert len(own._losses) == 1


def test_errors_name_the_line():
    x = Input((6, 6, 3))
    y = L.BatchNormalization()(L.Conv2D(2, 1)(x))
    model = Model(x, L.Lambda(lambda t: t.reshape(7, 7), output_shape=(7,))(y))
    with pytest.raises(RuntimeError, match="shape") as caught:
        model._folded_form()(torch.ones(2, 6, 6, 3))
    assert 'ran Lambda "lambda' in caught.value.__notes__[0]


def test_steps_say_what_they_are():
    assert Fused(L.Conv2D(1, 1), adds=True).__name__ == "Conv2D+Add"
    assert InPlace.__doc__
