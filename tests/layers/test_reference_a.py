"""What the comparison with Keras on torch cannot tell: where that is wrong, random, silent, or has no such promise."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lamina import Input, Model, layers, ops
from tests.layers.parity import check


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5), dtype=dtype)


def randomize(layer: Any) -> None:
    """Give every weight values that no default hides."""
    generator = torch.Generator().manual_seed(3)
    for weight in layer.weights:
        weight.assign(torch.rand(weight.shape, generator=generator, dtype=weight.dtype) + 0.5)


# -- pooling


def mean_of_windows(x: np.ndarray, k: int, s: int) -> np.ndarray:
    """Mean over each "same" window of the part that lies in the image, by the definition."""
    batch, *sizes, channels = x.shape
    counts = [-(-n // s) for n in sizes]
    begins = [max((count - 1) * s + k - n, 0) // 2 for count, n in zip(counts, sizes, strict=True)]
    out = np.empty((batch, *counts, channels))
    for i, j in product(*map(range, counts)):
        rows = slice(max(i * s - begins[0], 0), i * s - begins[0] + k)
        columns = slice(max(j * s - begins[1], 0), j * s - begins[1] + k)
        out[:, i, j] = x[:, rows, columns].mean((1, 2))
    return out


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("s", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(7, 6), (5, 8)])
def test_average_pooling_leaves_the_padding_out_of_the_mean(k: int, s: int, size: tuple[int, int]) -> None:
    x = drawn(2, *size, 3)
    pooled = layers.AveragePooling2D(k, s, "same", dtype="float64")(x)
    np.testing.assert_allclose(pooled.numpy(), mean_of_windows(x.numpy(), k, s), rtol=1e-12)


def test_global_max_pooling_hands_the_gradient_to_one_of_equal_values() -> None:
    x = torch.ones(1, 2, 2, 1, requires_grad=True)
    layers.GlobalMaxPooling2D()(x).sum().backward()
    assert sorted(x.grad.flatten().tolist()) == [0, 0, 0, 1]


# -- normalization


@pytest.mark.parametrize("center,scale", list(product([True, False], repeat=2)))
def test_layer_normalization_over_an_axis_in_the_middle(center: bool, scale: bool) -> None:
    layer = layers.LayerNormalization(axis=1, epsilon=0.1, center=center, scale=scale, dtype="float64")
    x = drawn(4, 6, 5)
    layer(x)
    randomize(layer)
    expected = F.layer_norm(x.movedim(1, -1), (6,), layer.gamma, layer.beta, 0.1).movedim(-1, 1)
    torch.testing.assert_close(layer(x), expected)


def test_rms_normalization_over_an_axis_in_the_middle() -> None:
    layer = layers.RMSNormalization(axis=1, epsilon=0.1, dtype="float64")
    x = drawn(4, 6, 5)
    layer(x)
    randomize(layer)
    expected = x / torch.sqrt((x**2).mean(1, keepdim=True) + 0.1) * layer.scale[:, None]
    torch.testing.assert_close(layer(x), expected)


def test_batch_normalization_mask_lies_beside_the_channels_wherever_they_are() -> None:
    x, mask = drawn(3, 4, 5), drawn(3, 5) > 0
    first = layers.BatchNormalization(axis=1, momentum=0.5, dtype="float64")
    y = first(x, training=True, mask=mask)
    values = x.movedim(1, -1)[mask]
    torch.testing.assert_close(first.moving_mean.detach(), values.mean(0) / 2)
    torch.testing.assert_close(first.moving_variance.detach(), 0.5 + values.var(0, correction=0) / 2)
    last = layers.BatchNormalization(momentum=0.5, dtype="float64")
    torch.testing.assert_close(y, last(x.movedim(1, -1), training=True, mask=mask).movedim(-1, 1))


def test_batch_normalization_state_over_many_steps() -> None:
    """The moving averages equal the recursion in float64, and the backward pass survives a second step before it."""
    layer = layers.BatchNormalization(momentum=0.9)
    mean, variance = np.zeros(4), np.ones(4)
    generator = torch.Generator().manual_seed(0)
    outputs = []
    for _ in range(200):
        x = torch.randn(6, 3, 4, generator=generator) * 3 + 2
        outputs.append(layer(x, training=True))
        batch = x.double().numpy()
        mean = 0.9 * mean + 0.1 * batch.mean((0, 1))
        variance = 0.9 * variance + 0.1 * batch.var((0, 1))
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-5)
    sum(output.square().sum() for output in outputs[:2]).backward()
    assert layer.gamma.grad.abs().sum() > 0


def test_frozen_batch_normalization_runs_in_inference_mode() -> None:
    layer = layers.BatchNormalization()
    x = drawn(6, 4, dtype=torch.float32)
    layer(x)
    layer.trainable = False
    torch.testing.assert_close(layer(x, training=True), layer(x, training=False))
    assert not layer.moving_mean.any()


def test_group_normalization_shift_without_factor_has_gradients() -> None:
    layer = layers.GroupNormalization(groups=2, scale=False, dtype="float64")
    x = drawn(4, 3, 6).requires_grad_()
    layer(x)
    randomize(layer)
    assert torch.autograd.gradcheck(lambda v: layer(v), (x,))
    (gradient,) = torch.autograd.grad(layer(x).sum(), layer.beta)
    assert gradient.tolist() == [12.0] * 6


def test_rms_scaling_of_layer_normalization_divides_by_the_deviation_alone() -> None:
    layer = layers.LayerNormalization(rms_scaling=True, epsilon=0.1, dtype="float64")
    x = drawn(4, 5)
    layer(x)
    randomize(layer)
    torch.testing.assert_close(layer(x), x / torch.sqrt(x.var(1, correction=0, keepdim=True) + 0.1) * layer.gamma)


# -- noise


NOISE = [
    ("Dropout", 0.5),
    ("AlphaDropout", 0.5),
    ("SpatialDropout1D", 0.5),
    ("GaussianNoise", 0.5),
    ("GaussianDropout", 0.5),
]


@pytest.mark.parametrize("name,amount", NOISE)
def test_a_seed_makes_the_noise_repeatable_and_its_state_travels(name: str, amount: float) -> None:
    x = torch.ones(8, 16, 4)
    one, two = (getattr(layers, name)(amount, seed=3) for _ in range(2))
    torch.manual_seed(1)
    first = one(x, training=True)
    torch.manual_seed(2)
    assert torch.equal(first, two(x, training=True))
    later = [copied(x, training=True) for copied in (copy.deepcopy(one), pickle.loads(pickle.dumps(one)), one)]
    assert torch.equal(later[0], later[1])
    assert torch.equal(later[0], later[2])
    assert not torch.equal(first, later[2])
    torch.manual_seed(1)
    free = getattr(layers, name)(amount)
    again = free(x, training=True)
    torch.manual_seed(1)
    assert torch.equal(again, free(x, training=True))  # without a seed, PyTorch's own rules


# -- layout and copies

IMAGE = (4, 10, 9, 6)
LAYOUT = [
    ("Conv1D", (8, 3), (4, 10, 6)),
    ("Conv2D", (8, 3), IMAGE),
    ("Conv2D", (8, 3, 2, "same"), IMAGE),
    ("Conv3D", (8, 2), (4, 5, 4, 3, 6)),
    ("DepthwiseConv2D", (3,), IMAGE),
    ("SeparableConv2D", (8, 3), IMAGE),
    ("Conv2DTranspose", (8, 3, 2), IMAGE),
    ("MaxPooling1D", (2,), (4, 10, 6)),
    ("MaxPooling2D", (2,), IMAGE),
    ("AveragePooling2D", (3, 2, "same"), IMAGE),
    ("GlobalMaxPooling2D", (None, True), IMAGE),
    ("UpSampling2D", (2,), IMAGE),
    ("BatchNormalization", (), IMAGE),
    ("GroupNormalization", (2,), IMAGE),
]


@pytest.mark.parametrize("name,args,shape", LAYOUT)
def test_channels_last_goes_through_as_it_lies(name: str, args: tuple[Any, ...], shape: Any) -> None:
    """What enters PyTorch's kernels shares the input's memory, and what leaves them is the layer's order already."""
    layer = getattr(layers, name)(*args)
    x = torch.randn(shape)
    y = layer(x, training=True)
    assert y.is_contiguous()
    view = layer._enter(x) if hasattr(layer, "_enter") else layer._views[0](x)
    assert view.data_ptr() == x.data_ptr()
    three = torch.channels_last_3d if view.dim() == 5 else torch.channels_last
    assert view.is_contiguous(memory_format=three)


@pytest.mark.parametrize("rank", (1, 2, 3))
def test_a_large_kernel_is_brought_into_the_order_of_the_data(rank: int) -> None:
    """Values and gradients as of the view that a small kernel is."""
    cls = (layers.Conv1D, layers.Conv2D, layers.Conv3D)[rank - 1]
    layer = cls(128, 2)
    layer.build((None, *(3,) * rank, 2**18 // 128 // 2**rank))
    kernel = layer.torch_kernel(layer.kernel)
    view = cls.torch_kernel(cls(128, 2, data_format="channels_first"), layer.kernel)
    assert torch.equal(kernel, view)
    plain = kernel.squeeze(2) if rank == 1 else kernel
    assert plain.movedim(1, -1).is_contiguous()
    grad = torch.randn_like(view)
    (found,) = torch.autograd.grad(kernel, layer.kernel, grad)
    (due,) = torch.autograd.grad(view, layer.kernel, grad)
    assert torch.equal(found, due)
    assert found.is_contiguous()


def test_reshaping_without_copies() -> None:
    x = torch.randn(2, 6, 4)
    for layer in (layers.Flatten(), layers.Reshape((4, 6)), layers.Permute((2, 1)), layers.Cropping1D(1)):
        assert layer(x).untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert layers.RepeatVector(1000)(x[:, 0]).untyped_storage().nbytes() == x.untyped_storage().nbytes()


# -- integers, compile


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """All layers share the code of `Layer.__call__`, of which torch.compile keeps 8 versions."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def test_upsampling_repeats_integers() -> None:
    x = torch.arange(12).reshape(1, 2, 3, 2)
    y = layers.UpSampling2D((2, 3))(x)
    assert torch.equal(y, layers.UpSampling2D((2, 3))(x.float()).long())
    assert y.dtype == torch.int64


def test_reshaping_layers_keep_integers() -> None:
    x = torch.arange(24).reshape(2, 3, 4)
    made = [
        layers.Flatten(),
        layers.Reshape((12,)),
        layers.Permute((2, 1)),
        layers.ZeroPadding1D(1),
        layers.Cropping1D(1),
    ]
    for layer in made:
        assert layer(x).dtype == torch.int64
        assert layer(layers.Input((3, 4), dtype="int64")).dtype == torch.int64


COMPILED = [
    ("Dense", {"units": 3, "activation": "relu"}, (4, 5)),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "padding": "causal"}, (2, 9, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 8, 7, 4)),
    ("DepthwiseConv2D", {"kernel_size": 3}, (2, 8, 7, 4)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3}, (2, 8, 7, 4)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 8, 7, 4)),
    ("MaxPooling2D", {"pool_size": 2, "strides": 1, "padding": "same"}, (2, 8, 7, 4)),
    ("AveragePooling2D", {"pool_size": 3, "padding": "same"}, (2, 8, 7, 4)),
    ("GlobalAveragePooling1D", {}, (2, 8, 4)),
    ("GlobalMaxPooling2D", {}, (2, 8, 7, 4)),
    ("BatchNormalization", {}, (2, 8, 7, 4)),
    ("LayerNormalization", {"axis": [1, 2]}, (2, 8, 7, 4)),
    ("GroupNormalization", {"groups": 2}, (2, 8, 7, 4)),
    ("RMSNormalization", {}, (2, 8)),
    ("UnitNormalization", {}, (2, 8)),
    ("Dropout", {"rate": 0.0, "seed": 1}, (2, 8)),
    ("Flatten", {}, (2, 8, 7)),
    ("Reshape", {"target_shape": (-1, 4)}, (2, 8, 7)),
    ("Permute", {"dims": (2, 1)}, (2, 8, 7)),
    ("RepeatVector", {"n": 3}, (2, 8)),
    ("ZeroPadding2D", {}, (2, 8, 7, 4)),
    ("Cropping2D", {"cropping": 1}, (2, 8, 7, 4)),
    ("UpSampling2D", {"interpolation": "bilinear"}, (2, 8, 7, 4)),
    ("ReLU", {"max_value": 1.0, "threshold": 0.1}, (2, 8)),
    ("PReLU", {}, (2, 8)),
    ("Softmax", {"axis": [1, 2]}, (2, 8, 7)),
]


@pytest.mark.parametrize("name,kwargs,shape", COMPILED)
@pytest.mark.usefixtures("fresh_compiler")
def test_compiles_as_one_graph(name: str, kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    """In training mode, with gradients and state, for two batch sizes of the same compiled function."""
    layer = getattr(layers, name)(**kwargs, dtype="float64")
    layer(drawn(*shape))
    randomize(layer)
    other = copy.deepcopy(layer)
    compiled = torch.compile(layer.train(), fullgraph=True, backend="eager")
    for batch in (shape[0], 3, 5):
        x = drawn(batch, *shape[1:]).requires_grad_()
        results = []
        for function in (compiled, lambda value: other(value, training=True)):
            y = function(x)
            gradients = torch.autograd.grad(y.square().sum(), [x])
            results.append([y, *gradients])
        torch.testing.assert_close(results[0], results[1])
    torch.testing.assert_close(list(layer.state_dict().values()), list(other.state_dict().values()))


@pytest.mark.usefixtures("fresh_compiler")
def test_seeded_noise_compiles_too() -> None:
    layer = layers.Dropout(0.5, seed=1)
    layer(torch.ones(1))
    compiled = torch.compile(layer.train(), fullgraph=True, backend="eager")
    assert float((compiled(torch.ones(200, 200)) == 0).float().mean()) == pytest.approx(0.5, abs=0.02)


def test_strides_together_with_dilation() -> None:
    """Keras refuses it; PyTorch's kernels can, and "same" has one meaning for it."""
    layer = layers.Conv2D(3, 3, strides=2, dilation_rate=2, padding="same", dtype="float64")
    x = drawn(2, 8, 9, 4)
    y = layer(x)
    kernel = layer.kernel.detach().permute(3, 2, 0, 1)
    expected = F.conv2d(F.pad(x.permute(0, 3, 1, 2), (2, 2, 1, 2)), kernel, stride=2, dilation=2)
    torch.testing.assert_close(y.detach(), expected.permute(0, 2, 3, 1))
    assert layer.compute_output_shape((None, 8, 9, 4)) == (None, 4, 5, 3)


def test_leaky_relu_understands_the_argument_of_keras_2() -> None:
    assert layers.LeakyReLU(alpha=0.25)(torch.tensor([-4.0])).tolist() == [-1.0]


WRONG = [
    ("Dense", {"units": 3}, "call", lambda layer, right, x: right(layer, x) * 1.001),
    ("Dense", {"units": 3}, "call", lambda layer, right, x: right(layer, x).detach()),
    ("Dense", {"units": 3}, "compute_output_shape", lambda layer, right, shape: (*shape[:-1], None)),
    ("Dense", {"units": 3}, "get_config", lambda layer, right: {**right(layer), "use_bias": 1.5}),
    (
        "BatchNormalization",
        {"momentum": 0.9},
        "_by_batch",  # PyTorch's own step of the moving variance, with the unbiased one
        lambda layer, right, x, count: layer._normalize(x, layer.moving_mean, layer.moving_variance, True),
    ),
]


@pytest.mark.parametrize("name,kwargs,method,change", WRONG)
def test_the_comparison_with_keras_can_fail(
    name: str, kwargs: dict[str, Any], method: str, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(name, kwargs, (4, 5), dtypes=("float64",))
    cls = getattr(layers, name)
    right = getattr(cls, method)
    monkeypatch.setattr(cls, method, lambda layer, *args: change(layer, right, *args))
    with pytest.raises(AssertionError):
        check(name, kwargs, (4, 5), dtypes=("float64",))


@pytest.mark.parametrize("interpolation", ["lanczos3", "lanczos5"])
def test_up_sampling_by_lanczos_is_that_of_resize(interpolation: str) -> None:
    """Keras has the words, but on PyTorch no kernel for them; `ops.image.resize` is compared with the paper."""
    x = torch.randn(2, 5, 4, 3)
    larger = layers.UpSampling2D((2, 3), interpolation=interpolation)
    torch.testing.assert_close(larger(x), ops.image.resize(x, (10, 12), interpolation=interpolation))
    inputs = Input((None, None, 3))
    torch.testing.assert_close(Model(inputs, larger(inputs))(x), larger(x))
