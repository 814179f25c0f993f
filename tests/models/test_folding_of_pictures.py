"""Folding of what networks for pictures are made of: zeros around, depthwise kernels, weights that stay as they are."""

import numpy as np
import pytest
import torch

from lamina import Input, Model, layers
from lamina._torch import onednn
from tests.models.test_folding import assert_same, data, fill, fused

L = layers


def padded(padding, convolution, activation="relu6", size=(9, 8, 4)):
    x = Input(size)
    y = L.BatchNormalization()(convolution(L.ZeroPadding2D(padding)(x)))
    return fill(Model(x, L.Activation(activation)(y)))


@pytest.mark.parametrize("kind", ("depthwise", "dense"))
@pytest.mark.parametrize("padding", (1, ((0, 1), (0, 1)), ((1, 0), (0, 1)), ((2, 1), (1, 1)), ((0, 3), (2, 0))))
def test_zeros_around_a_picture_are_the_convolutions_own(padding, kind):
    make = {
        "depthwise": lambda: L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, use_bias=False),
        "dense": lambda: L.Conv2D(6, 3, strides=2),
    }[kind]
    for size in ((9, 8, 4), (8, 9, 4), (None, None, 4)):
        model = padded(padding, make(), size=size)
        assert_same(model, data(model))
        assert "ZeroPadding2D" not in model._drawn.folding.program.source
        assert len(fused(model)) == 1
        assert "pad" not in model._drawn.folding.program.source


@pytest.mark.parametrize("stride", (1, 2, 3))
@pytest.mark.parametrize("window", (2, 3, 4, 5))
def test_an_infinite_pixel_reaches_the_results_of_its_windows_alone(window, stride):
    x = Input((8, 9, 4))
    y = L.BatchNormalization()(L.DepthwiseConv2D(window, strides=stride, padding="same", depth_multiplier=2)(x))
    model = fill(Model(x, L.Activation("silu")(y)))
    pictures = np.ones((3, 8, 9, 4), "float32")
    pictures[0, 3, 4, 1], pictures[1, 0, 0, 0], pictures[2, -1, -1, 2] = np.inf, -np.inf, np.nan
    with torch.no_grad():
        expected = model(pictures, training=False).numpy()
    np.testing.assert_allclose(model.predict(pictures, verbose=0), expected, atol=1e-5)
    assert np.isnan(expected).sum() < expected[0].size


@pytest.mark.parametrize("activation", ("silu", "sigmoid", "hard_silu", "tanh", "relu6"))
def test_activations_within_the_convolution(activation):
    model = padded(1, L.DepthwiseConv2D(3), activation)
    assert_same(model, data(model))


def test_zeros_that_others_read_or_that_a_strided_window_of_one_position_meets_stay():
    x = Input((8, 8, 4))
    zeros = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
    a = L.BatchNormalization()(L.DepthwiseConv2D(3, strides=2)(zeros))
    b = L.BatchNormalization()(L.Conv2D(8, 1, strides=2)(L.ZeroPadding2D(1)(x)))
    c = L.BatchNormalization()(L.Conv2D(3, 3, padding="same")(L.ZeroPadding2D(1)(x)))
    model = fill(Model(x, [a, b, c, L.Flatten()(zeros)]))
    assert_same(model, data(model))
    assert model._drawn.folding.program.source.count("zero_padding") > 2


def test_kernels_are_packed_for_the_size_of_their_inputs():
    """Packed for another size they may come in an order that each call has to change first."""
    found = onednn.convolutions()
    if found is None:
        pytest.skip("this build has no such kernels")
    model = padded(1, L.Conv2D(6, 3, strides=2))
    sizes = []

    def pack(*arguments):
        sizes.append(arguments[5])
        return found.pack(*arguments)

    with torch.inference_mode():
        run = model._folded_form()
        model._drawn.folding._steps[0]._onednn.found = found._replace(pack=pack)
        for rows in (3, 5):
            run(data(model, rows=rows))
    assert sizes == [[3, 4, 9, 8]]


def test_weights_that_hold_the_same_values_are_not_folded_again():
    model = padded(1, L.DepthwiseConv2D(3))
    x = np.random.default_rng(0).normal(size=(4, 9, 8, 4)).astype("float32")
    model.predict(x, batch_size=2, verbose=0)
    step = model._drawn.folding._steps[0]
    kept = step._folded
    model.predict(x, batch_size=2, verbose=0)
    assert step._folded is kept
    kernel = model.layers[2].kernel
    kernel.data.copy_(kernel.data.flip(0))
    found = model.predict(x, batch_size=2, verbose=0)
    assert step._folded is not kept
    expected = model(torch.from_numpy(x), training=False).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_changes_of_one_value_in_a_large_weight_show():
    x = Input((4, 4, 64))
    model = fill(Model(x, L.BatchNormalization()(L.Conv2D(100, 3)(x))))
    model._folded_form(afresh=True)
    folding, kernel = model._drawn.folding, model.layers[1].kernel
    assert folding.holds_values()
    for place, change in ((0, 1e-5), (20_000, 1e-5), (57_599, 1e-5)):
        kernel.data.view(-1)[place] += change
        assert not folding.holds_values()
        folding.fold(remember=True)
    values = kernel.data.view(-1)
    values[[5, 6]] = values[[6, 5]]
    assert not folding.holds_values()


def test_small_kernels_without_a_normalization_are_packed_and_watched():
    x = Input((1, 1, 8))
    y = L.Conv2D(4, 1, activation="silu")(x)
    model = fill(Model(x, L.Conv2D(8, 1, activation="sigmoid", use_bias=False)(y)))
    assert_same(model, data(model))
    model.layers[1].kernel.assign(model.layers[1].kernel * 2)
    assert_same(model, data(model))


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("side", (2, 40))
def test_a_window_of_one_position_is_a_product(rank, side):
    """Both ways, by a product and by the convolution, with gradients."""
    size = (side,) + (7,) * (rank - 1)
    kind = (L.Conv1D, L.Conv2D, L.Conv3D)[rank - 1]
    for bias in (True, False):
        layer = kind(5, 1, use_bias=bias, activation="relu")
        x = torch.randn(5, *size, 3, requires_grad=True)
        y = layer(x)
        y.square().sum().backward()
        found = [x.grad, layer.kernel.grad]
        x.grad = layer.kernel.grad = None
        z = torch.relu(x @ layer.kernel.view(3, 5) + (layer.bias if bias else 0))
        torch.testing.assert_close(y, z, rtol=1e-5, atol=1e-5)
        z.square().sum().backward()
        for a, b in zip(found, (x.grad, layer.kernel.grad), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_products_that_are_added_and_rectified_train_as_the_layers_alone():
    x = Input((4, 4, 6))
    model = fill(Model(x, L.ReLU()(L.Add()([L.Conv2D(6, 1)(x), x]))))
    given = data(model)
    gradients = []
    for run in (model._forward(), lambda t: model.call(t)):
        run(given).square().sum().backward()
        gradients.append(model.layers[1].kernel.grad.clone())
        model.zero_grad()
    assert torch.equal(*gradients)
