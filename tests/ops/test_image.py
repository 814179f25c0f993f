"""Functions on pictures where Keras on torch cannot be asked: by hand, by NumPy, by the other functions; and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import torch

from lamina import Input, Model, ops
from lamina.graph import ArgumentError, DtypeError, ShapeError

image = ops.image
RNG = np.random.default_rng(3)
PICTURES = torch.as_tensor(RNG.random((2, 9, 8, 3)))
CLOSE = {"rtol": 1e-10, "atol": 1e-10}
FIRST = {"data_format": "channels_first"}


def first(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(-1, 1)


# ---- sampling


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    "mode, theirs",
    [("constant", "grid-constant"), ("nearest", "nearest"), ("wrap", "grid-wrap"), ("mirror", "mirror"),
     ("reflect", "reflect")],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(7,), (4, 1), (1, 5, 3)])
def test_samples_are_those_of_scipy(order: int, mode: str, theirs: str, shape: tuple[int, ...]) -> None:
    values, places = RNG.normal(size=shape), RNG.uniform(-9, 12, (len(shape), 50))
    expected = scipy.ndimage.map_coordinates(values, places, order=order, mode=theirs, cval=0.3)
    torch.testing.assert_close(
        image.map_coordinates(values, places, order, mode, 0.3), torch.as_tensor(expected), **CLOSE
    )


def test_places_that_are_no_numbers_do_no_harm() -> None:
    places = torch.tensor([[np.inf, -np.inf, np.nan, 1e30, -1e30]])
    for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        assert image.map_coordinates(torch.arange(3), places, 0, mode).shape == (5,)


@pytest.mark.parametrize("mode", ["constant", "reflect", "wrap"])
def test_gradients_of_warps_are_those_of_differences(mode: str) -> None:
    x = torch.as_tensor(RNG.random((2, 4, 5, 2)), dtype=torch.float64).requires_grad_()
    turns = torch.tensor(
        [[0.83, -0.52, 1.57, 0.41, 1.13, -0.71, 0.011, 0.023], [1.31, 0.2, -2.1, 0.1, 0.7, 1.23, 0, -0.03]]
    )
    turns = turns.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda *a: image.affine_transform(*a, fill_mode=mode, fill_value=0.5), (x, turns))


def test_one_transform_serves_all_pictures() -> None:
    turn = torch.tensor([0.8, -0.5, 1.5, 0.4, 1.1, -0.7, 0.0, 0.0])
    kept = turn.clone()
    both = image.affine_transform(PICTURES, turn)
    torch.testing.assert_close(both, image.affine_transform(PICTURES, turn.expand(2, 8)), **CLOSE)
    torch.testing.assert_close(both[1], image.affine_transform(PICTURES[1], turn), **CLOSE)
    assert torch.equal(turn, kept)  # Keras writes into what it is given


def test_a_projective_transform_is_the_perspective_one() -> None:
    """c0 and c1 count, which Keras says of TensorFlow only."""
    c0, c1 = 0.05, -0.02
    turn = torch.tensor([1.1, 0.1, -0.4, 0.05, 0.9, 0.3, c0, c1], dtype=torch.float64)
    end = torch.tensor([[0.0, 0.0], [7.0, 0.0], [0.0, 8.0], [7.0, 8.0]], dtype=torch.float64)
    x, y = end.unbind(-1)
    k = c0 * x + c1 * y + 1
    start = torch.stack([(turn[0] * x + turn[1] * y + turn[2]) / k, (turn[3] * x + turn[4] * y + turn[5]) / k], -1)
    torch.testing.assert_close(
        image.affine_transform(PICTURES, turn, fill_value=0.2),
        image.perspective_transform(PICTURES, start, end, fill_value=0.2),
        rtol=1e-8,
        atol=1e-8,
    )


def test_points_between_pixels_of_bytes_keep_their_fractions() -> None:
    """Keras casts the points to the pictures' dtype."""
    pictures = (PICTURES * 255).to(torch.uint8)
    start = torch.tensor([[0.5, 0.0], [6.5, 0.0], [0.5, 8.0], [6.5, 8.0]])
    end = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 8.0], [6.0, 8.0]])
    moved = image.perspective_transform(pictures, start, end)
    expected = (pictures[:, :, :-1].double() + pictures[:, :, 1:].double()) / 2
    assert moved.dtype == torch.uint8
    assert (moved[:, :, :-1].double() - expected).abs().max() <= 0.51


# ---- elastic_transform


def test_elastic_moves_are_blurred_noise() -> None:
    """Read off a picture whose values are its rows and columns."""
    size, sigma, alpha = 96, 2.0, 1.0
    grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij"), -1).double()
    moved = image.elastic_transform(grid.expand(20, -1, -1, -1), alpha, sigma, fill_mode="nearest", seed=5)
    moves = (moved - grid)[:, 10:-10, 10:-10]
    bell = np.exp(-0.5 * (np.arange(-6, 7) / sigma) ** 2)
    bell /= bell.sum()
    spread = sigma * (bell**2).sum()  # of sums of independent numbers, along both axes
    assert abs(moves.mean()) < 0.02
    np.testing.assert_allclose(moves.std(), alpha * spread, rtol=0.03)
    np.testing.assert_allclose(np.corrcoef(moves[..., 0].flatten(), moves[..., 1].flatten())[0, 1], 0, atol=0.02)
    near = (moves[:, :, 1:] * moves[:, :, :-1]).mean() / moves.square().mean()
    np.testing.assert_allclose(near, (bell[1:] * bell[:-1]).sum() / (bell**2).sum(), rtol=0.03)


def test_elastic_seeds_and_formats() -> None:
    twice = [image.elastic_transform(PICTURES, seed=4) for _ in range(2)]
    assert torch.equal(*twice)
    assert not torch.equal(twice[0], image.elastic_transform(PICTURES, seed=5))
    torch.testing.assert_close(first(twice[0]), image.elastic_transform(first(PICTURES), seed=4, **FIRST), **CLOSE)
    one = [torch.manual_seed(7) and image.elastic_transform(PICTURES[0]) for _ in range(2)]
    assert torch.equal(*one)
    grey = PICTURES[..., :1].expand(-1, -1, -1, 3)
    moved = image.elastic_transform(grey, seed=1)
    assert torch.equal(moved[..., 0], moved[..., 2])  # all channels move alike
    in_bytes = image.elastic_transform((PICTURES * 255).to(torch.uint8), seed=4)
    assert in_bytes.dtype == torch.uint8
    assert (in_bytes / 255.0 - image.elastic_transform(PICTURES.float(), seed=4)).abs().max() < 1.6 / 255


# ---- sizes


def kernel(name: str, x: np.ndarray) -> np.ndarray:
    radius = int(name[-1])
    return np.where(np.abs(x) < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


@pytest.mark.parametrize("name", ["lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [True, False])
def test_lanczos_is_the_weighted_mean_that_its_paper_says(name: str, antialias: bool) -> None:
    values, sizes = RNG.normal(size=(9, 8, 2)), (5, 13)
    expected = values
    for axis, m in enumerate(sizes):
        n = values.shape[axis]
        places, width = (np.arange(m) + 0.5) * n / m - 0.5, max(n / m, 1.0) if antialias else 1.0
        weights = kernel(name, (places[:, None] - np.arange(n)) / width)
        weights /= weights.sum(1, keepdims=True)
        expected = np.moveaxis(np.tensordot(weights, expected, (1, axis)), 0, axis)
    ours = image.resize(values, sizes, name, antialias)
    torch.testing.assert_close(ours, torch.as_tensor(expected), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method, mode", [("linear", "bilinear"), ("cubic", "bicubic")])
def test_scaling_is_resizing(method: str, mode: str) -> None:
    size = (5, 17)
    scale = torch.tensor([size[0] / 9, size[1] / 8], dtype=torch.float64)
    scaled = image.scale_and_translate(PICTURES, (2, *size, 3), scale, torch.zeros(2).double(), (1, 2), method)
    torch.testing.assert_close(scaled, image.resize(PICTURES, size, mode, antialias=True), rtol=1e-6, atol=1e-6)


def test_resized_bytes_stay_within_their_limits() -> None:
    sharp = torch.tensor([0, 255, 0, 255], dtype=torch.uint8).reshape(1, 4, 1)
    for mode in ("bicubic", "lanczos3"):
        resized = image.resize(sharp, (1, 9), mode).flatten().tolist()
        assert resized[0] < 60
        assert max(resized) == 255


# ---- filters


def test_blur_of_any_window_is_a_convolution() -> None:
    """Keras on torch garbles windows that are not square; (width, height) is the order that its sigmas have."""
    size, sigma = (5, 2), (1.5, 0.7)
    bells = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / s) ** 2) for n, s in zip(size, sigma, strict=True)]
    across, down = (bell / bell.sum() for bell in bells)
    padded = np.pad(PICTURES.numpy(), ((0, 0), (0, 1), (2, 2), (0, 0)))
    rows = sum(down[i] * padded[:, i : i + 9] for i in range(2))
    expected = torch.as_tensor(sum(across[j] * rows[:, :, j : j + 8] for j in range(5)))
    torch.testing.assert_close(image.gaussian_blur(PICTURES, size, sigma), expected, **CLOSE)
    torch.testing.assert_close(
        image.gaussian_blur(first(PICTURES), size, torch.tensor(sigma).double(), **FIRST), first(expected), **CLOSE
    )
    in_bytes = image.gaussian_blur((PICTURES * 255).to(torch.uint8), size, sigma)
    assert in_bytes.dtype == torch.uint8
    assert (in_bytes / 255.0 - expected).abs().max() < 0.005


def test_slopes_of_one_picture_and_of_bytes() -> None:
    both = image.sobel_edges(PICTURES)
    torch.testing.assert_close(image.sobel_edges(PICTURES[1]), both[1], **CLOSE)
    torch.testing.assert_close(image.sobel_edges(first(PICTURES)[1], **FIRST), both[1].movedim(2, 0), **CLOSE)
    pictures = (PICTURES * 255).to(torch.uint8)
    assert image.sobel_edges(pictures).dtype == torch.int32
    torch.testing.assert_close(image.sobel_edges(pictures).double(), image.sobel_edges(pictures.double()), **CLOSE)


def test_alike_in_bytes() -> None:
    one, other = ((x * 255).to(torch.uint8) for x in (PICTURES, PICTURES.flip(0)))
    for compared, (x, y) in {
        image.ssim(one, other, 255, filter_size=5): (one.float(), other.float()),
        image.ssim(one, one, 255, filter_size=5): (one.float(), one.float()),
    }.items():
        assert compared.dtype == torch.float32
        torch.testing.assert_close(compared, image.ssim(x, y, 255, filter_size=5))
    torch.testing.assert_close(image.ssim(one, one, 255, filter_size=5), torch.ones(2))
    torch.testing.assert_close(ops.psnr(one, other, 255), ops.psnr(one.float(), other.float(), 255.0))
    assert ops.psnr(one, one, 255).isinf()


def test_colours_go_around() -> None:
    colours = torch.as_tensor(RNG.random((50, 40, 3)))
    torch.testing.assert_close(image.hsv_to_rgb(image.rgb_to_hsv(colours)), colours, **CLOSE)


# ---- in graphs, compiled, in two sizes

CALLS: dict[str, Any] = {
    "affine": lambda x: image.affine_transform(x, [0.8, -0.5, 1.5, 0.4, 1.1, -0.7, 0.0, 0.0], fill_mode="mirror"),
    "blur": lambda x: image.gaussian_blur(x, 5, (2.0, 1.0)),
    "crop": lambda x: image.crop_images(x, 1, 2, target_height=3, target_width=3),
    "edges": image.sobel_edges,
    "elastic": lambda x: image.elastic_transform(x, 0.0),
    "hsv": image.rgb_to_hsv,
    "patches": lambda x: image.extract_patches(x, (3, 2), 2, padding="same"),
    "pad": lambda x: image.resize(x, (5, 11), "lanczos3", pad_to_aspect_ratio=True, antialias=True),
    "perspective": lambda x: image.perspective_transform(
        x, [[0.0, 0.0], [5, 0], [0, 6], [5, 6]], [[1.0, 0.5], [5, 0], [-1, 6], [5, 4]]
    ),
    "resize": lambda x: image.resize(x, (4, 5), "bicubic", True, True),
    "rgb": image.hsv_to_rgb,
    "ssim": lambda x: image.ssim(x, x * 0.9, filter_size=3),
}


@pytest.mark.parametrize("name", CALLS)
def test_pictures_of_any_size_in_a_graph(name: str) -> None:
    x = Input((None, None, 3))
    model = Model(x, CALLS[name](x))
    for sizes in ((2, 9, 8, 3), (3, 7, 12, 3)):
        pictures = torch.rand(sizes)
        made = model(pictures)
        torch.testing.assert_close(made, CALLS[name](pictures))
        shape = model.output_shape
        assert len(shape) == made.ndim
        assert all(size in (None, real) for size, real in zip(shape, made.shape, strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_pictures_compile(name: str) -> None:
    pictures = torch.rand(2, 9, 8, 3)
    compiled = torch.compile(CALLS[name], fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(pictures), CALLS[name](pictures))


# ---- errors

BATCH = torch.ones(2, 4, 5, 3)
ERRORS = [
    (lambda x: image.resize(x[0, 0], (2, 2)), ShapeError, "3 or 4 axes"),
    (lambda x: image.resize(x, (2, 2), "cubic"), ArgumentError, "interpolation 'cubic'"),
    (lambda x: image.resize(x, (2, 2, 2)), ArgumentError, "size cannot be"),
    (lambda x: image.resize(x, (0, 2)), ArgumentError, "size cannot be"),
    (lambda x: image.resize(x, (2, 2), fill_mode="edge"), ArgumentError, "fill_mode"),
    (lambda x: image.resize(x, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ArgumentError, "not both"),
    (lambda x: image.resize(x, 2, data_format="hwc"), ArgumentError, "data_format 'hwc'"),
    (lambda x: image.crop_images(x, 1, 1), ArgumentError, "Two of three"),
    (lambda x: image.crop_images(x, 0, 0, 4, 1), ArgumentError, "height is 4"),
    (lambda x: image.pad_images(x, 3, 0, target_height=2, target_width=9), ArgumentError, "height is 4"),
    (lambda x: image.rgb_to_grayscale(x[..., :2]), ShapeError, "1 or 3 channels"),
    (lambda x: image.rgb_to_hsv(x[..., :1]), ShapeError, "3 channels"),
    (lambda x: image.rgb_to_hsv(x.int()), DtypeError, "floats from 0 to 1"),
    (lambda x: image.hsv_to_rgb(x.int()), DtypeError, "floats from 0 to 1"),
    (lambda x: image.map_coordinates(x[0, 0], torch.ones(3, 2), 1), ShapeError, "one row of coordinates"),
    (lambda x: image.map_coordinates(x[0, 0], torch.ones(2), 1), ShapeError, "one row of coordinates"),
    (lambda x: image.map_coordinates(x[0, 0], torch.ones(2, 2), 3), ArgumentError, "order 3"),
    (lambda x: image.map_coordinates(x[0, 0], torch.ones(2, 2), 1, "edge"), ArgumentError, "fill_mode 'edge'"),
    (lambda x: image.affine_transform(x, torch.ones(6)), ShapeError, "eight numbers"),
    (lambda x: image.affine_transform(x, torch.ones(3, 8)), ShapeError, "3 transforms, 2 pictures"),
    (lambda x: image.affine_transform(x, torch.ones(8), "bicubic"), ArgumentError, "interpolation 'bicubic'"),
    (lambda x: image.affine_transform(x, torch.ones(8), fill_mode="edge"), ArgumentError, "fill_mode 'edge'"),
    (lambda x: image.perspective_transform(x, torch.ones(4, 2), torch.ones(1, 4, 2)), ShapeError, "four points"),
    (lambda x: image.perspective_transform(x, torch.ones(3, 2), torch.ones(3, 2)), ShapeError, "four points"),
    (lambda x: image.elastic_transform(x, sigma=0), ArgumentError, "sigma cannot be 0"),
    (lambda x: image.elastic_transform(x, fill_mode="edge"), ArgumentError, "fill_mode 'edge'"),
    (lambda x: image.elastic_transform(x, seed="a"), ArgumentError, "'a' is no seed"),
    (lambda x: image.gaussian_blur(x, sigma=1.0), ArgumentError, "sigma cannot be 1.0"),
    (lambda x: image.gaussian_blur(x, sigma=(1.0, -1.0)), ArgumentError, "sigma cannot be -1.0"),
    (lambda x: image.gaussian_blur(x, (3, 0)), ArgumentError, "kernel_size cannot be"),
    (lambda x: image.sobel_edges(x[0, 0]), ShapeError, "3 or 4 axes"),
    (lambda x: image.ssim(x, x[:1]), ShapeError, "one shape"),
    (lambda x: image.ssim(x, x), ShapeError, "smaller than the window"),
    (lambda x: image.ssim(x, x, filter_size=2.5), ArgumentError, "filter_size cannot be 2.5"),
    (lambda x: image.extract_patches(x, 5), ShapeError, "larger than the input"),
    (lambda x: image.extract_patches(x, (2, 2, 2, 2)), ArgumentError, "size cannot be"),
    (lambda x: image.extract_patches(x, 2, padding="full"), ArgumentError, "padding 'full'"),
    (lambda x: image.extract_patches(x[0, 0], 2), ShapeError, "2 axes of a window"),
    (lambda x: image.extract_patches_3d(x[0], 2), ShapeError, "3 axes of a window"),
    (lambda x: image.extract_patches_3d(x, (2, 2)), ArgumentError, "size cannot be"),
    (lambda x: image.scale_and_translate(x, x.shape, [1.0], [0.0], (1,), "area"), ArgumentError, "method 'area'"),
    (lambda x: image.scale_and_translate(x, x.shape, [1.0, 1.0], [0.0], (1,), "cubic"), ArgumentError, "2 scales"),
    (lambda x: image.scale_and_translate(x, x.shape, [1.0], [0.0], (4,), "cubic"), ArgumentError, "no axis 4"),
]


@pytest.mark.parametrize("call, error, text", ERRORS, ids=[row[2] for row in ERRORS])
def test_errors_say_what_is_wrong(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(BATCH)
