"""Axes by name: what einops' documentation says of `rearrange`, computed by hand with NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import ops
from lamina.graph import ArgumentError, ShapeError
from lamina.layers import Input

PICTURES = np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3)  # b h w c

# Pattern, sizes, and the same by reshaping and transposing.
CASES: list[tuple[str, dict[str, int], Callable[[np.ndarray], np.ndarray]]] = [
    ("b h w c -> b h w c", {}, lambda x: x),
    ("b h w c -> b c h w", {}, lambda x: x.transpose(0, 3, 1, 2)),
    ("b h w c->w c b h", {}, lambda x: x.transpose(2, 3, 0, 1)),
    ("  b h w c  ->  (b h) w c  ", {}, lambda x: x.reshape(8, 6, 3)),
    ("b h w c -> h (b w) c", {}, lambda x: x.transpose(1, 0, 2, 3).reshape(4, 12, 3)),
    ("b h w c -> (b h w c)", {}, lambda x: x.reshape(-1)),
    ("b h w c -> b (c h w)", {}, lambda x: x.transpose(0, 3, 1, 2).reshape(2, -1)),
    (
        "b (h1 h) (w1 w) c -> (b h1 w1) h w c",
        {"h1": 2, "w1": 2},
        lambda x: x.reshape(2, 2, 2, 2, 3, 3).transpose(0, 1, 3, 2, 4, 5).reshape(8, 2, 3, 3),
    ),
    (
        "b (h h1) (w w1) c -> b h w (c h1 w1)",
        {"h1": 2, "w": 3},
        lambda x: x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(2, 2, 3, 12),
    ),
    (
        "b h (w1 w2 w3) c -> w2 b h w1 w3 c",
        {"w1": 3, "w3": 1},
        lambda x: x.reshape(2, 4, 3, 2, 1, 3).transpose(3, 0, 1, 2, 4, 5),
    ),
    ("b (h) w c -> b h (w) c", {}, lambda x: x),
    ("b h w c -> b 1 h w 1 c", {}, lambda x: x.reshape(2, 1, 4, 6, 1, 3)),
    ("b h w c -> () b h (w c)", {}, lambda x: x.reshape(1, 2, 4, 18)),
    ("b h w c -> b (1 h) w c", {}, lambda x: x),
    ("b ... -> ... b", {}, lambda x: x.transpose(1, 2, 3, 0)),
    ("... c -> c ...", {}, lambda x: x.transpose(3, 0, 1, 2)),
    ("b ... c -> b (...) c", {}, lambda x: x.reshape(2, 24, 3)),
    ("b ... c -> (b ...) c", {}, lambda x: x.reshape(48, 3)),
    ("... h w c -> (h ...) w c", {}, lambda x: x.transpose(1, 0, 2, 3).reshape(8, 6, 3)),
    ("b h w c ... -> b ... h w c", {}, lambda x: x),
    ("... -> (...)", {}, lambda x: x.reshape(-1)),
    ("b_1 h2 w_w c -> c w_w h2 b_1", {}, lambda x: x.transpose()),
]


@pytest.mark.parametrize("pattern, sizes, by_hand", CASES, ids=[pattern for pattern, *_ in CASES])
def test_values_are_those_by_hand(pattern: str, sizes: dict[str, int], by_hand: Callable[..., Any]) -> None:
    result = ops.rearrange(PICTURES, pattern, **sizes)
    assert np.array_equal(result.numpy(), by_hand(PICTURES))


@pytest.mark.parametrize(
    "pattern, sizes",
    [
        ("b h w c -> b c h w", {}),
        ("b h w c -> h (b w) c", {"b": 2, "w": 6}),
        ("b h w c -> (b h w c)", {"b": 2, "h": 4, "w": 6, "c": 3}),
        ("b (h1 h) (w1 w) c -> (b h1 w1) h w c", {"b": 2, "h1": 2, "w1": 3}),
        ("b h (w1 w2 w3) c -> (w2 c) b h 1 (w1 w3)", {"w1": 3, "w2": 2, "w3": 1, "c": 3}),
        ("b ... c -> c ... b", {}),
    ],
)
def test_back_is_the_inverse(pattern: str, sizes: dict[str, int]) -> None:
    before, after = pattern.split("->")
    there = ops.rearrange(PICTURES, pattern, **sizes)
    assert np.array_equal(ops.rearrange(there, f"{after}->{before}", **sizes).numpy(), PICTURES)


def test_axes_of_size_one_go() -> None:
    x = np.arange(6).reshape(1, 2, 1, 3)
    assert np.array_equal(ops.rearrange(x, "1 a () b -> b a").numpy(), x.reshape(2, 3).T)


def test_the_list_is_the_first_axis() -> None:
    rows = [torch.ones(2, 3), torch.zeros(2, 3)]
    assert torch.equal(ops.rearrange(rows, "n a b -> a n b"), torch.stack(rows, 1))


@pytest.mark.parametrize(
    "pattern, sizes, error, text",
    [
        ("b h w c", {}, ArgumentError, "one ->"),
        ("b h w c -> b -> c", {}, ArgumentError, "one ->"),
        ("b h w c -> b h w", {}, ArgumentError, "c is on one"),
        ("b h w -> b h w c", {}, ArgumentError, "c is on one"),
        ("b h h c -> b h c", {}, ArgumentError, "each name once on a side, not h"),
        ("b h w c -> b h w c c", {}, ArgumentError, "not c"),
        ("b ... ... c -> b ... c", {}, ArgumentError, "not ..."),
        ("b (h w c -> b h w c", {}, ArgumentError, "open and close"),
        ("b h) w c -> b h w c", {}, ArgumentError, "open and close"),
        ("b ((h w)) c -> b h w c", {}, ArgumentError, "open and close"),
        ("b (h w -> b h) w", {}, ArgumentError, "open and close"),
        ("b h w c -> (b h w c", {}, ArgumentError, "close"),
        ("b h w 3 -> b h w", {}, ArgumentError, "'3' is no name"),
        ("b h _w c -> b h _w c", {}, ArgumentError, "'_w' is no name"),
        ("b h w+ c -> b h w+ c", {}, ArgumentError, r"'\+' means nothing"),
        ("b .. c -> b .. c", {}, ArgumentError, r"'\.' means nothing"),
        ("b (... c) -> b ... c", {}, ArgumentError, "stands by itself on the left"),
        ("b (...) -> b ...", {}, ArgumentError, "stands by itself on the left"),
        ("b h w c -> b h w c", {"k": 2}, ArgumentError, "no k"),
        ("b (h k) w c -> b h k w c", {}, ArgumentError, "all but one of h k"),
        ("b h w -> h b w", {}, ShapeError, "3 axes"),
        ("b h w c d ... -> b ...  h w c d", {}, ShapeError, "5 axes or more"),
        ("b (h k) w c -> b h k w c", {"k": 3}, ShapeError, r"\(h k\) with k=3 for an axis of size 4"),
        ("b (h k) w c -> b h k w c", {"k": 2, "h": 3}, ShapeError, "k=2"),
        ("b (h k) w c -> b h k w c", {"k": 0}, ShapeError, "k=0"),
        ("b h w c -> b h w c", {"h": 5}, ShapeError, "h=5 for an axis of size 4"),
        ("b h 1 c -> b h c", {}, ShapeError, r"\(\) for an axis of size 6"),
    ],
)
def test_errors_say_what_is_wrong(pattern: str, sizes: dict[str, int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ops.rearrange(PICTURES, pattern, **sizes)


def test_errors_within_a_graph_name_the_users_line() -> None:
    with pytest.raises(ShapeError, match="k=3") as caught:
        ops.rearrange(Input((4, 6)), "b (h k) w -> b h k w", k=3)
    assert "test_rearrange.py" in str(caught.value)


def test_sizes_may_be_those_of_another_tensor() -> None:
    x, y = Input((None, 3)), Input((None,))
    model = lamina.Model([x, y], ops.rearrange(x, "b (t k) c -> b t (k c)", t=ops.shape(y)[1] // 2))
    assert model.output_shape == (None, None, None)  # the two axes may have any sizes
    given = torch.randn(2, 8, 3)
    assert torch.equal(model([given, torch.zeros(2, 8)]), given.reshape(2, 4, 6))


def test_gradients_go_back_to_their_places() -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    (ops.rearrange(x, "a b -> b a") * torch.arange(6.0).reshape(3, 2)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
