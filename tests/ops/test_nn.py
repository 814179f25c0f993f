"""Functions of neural networks where Keras on torch cannot be asked: by hand, by trying all, by PyTorch; and errors."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lamina import Input, Model, ops
from lamina.graph import ArgumentError, ShapeError

RNG = np.random.default_rng(9)
Q, K, V = (torch.as_tensor(RNG.normal(size=(2, n, 4, 3))) for n in (5, 7, 7))
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


# ---- attention


def attended(
    q: Any, k: Any, v: Any, bias: Any = 0.0, seen: Any = True, scale: float | None = None, cap: float | None = None
) -> torch.Tensor:
    """By the formula, in numbers of 64 bits."""
    groups = q.shape[2] // k.shape[2]
    k, v = (np.repeat(x.numpy(), groups, 2) for x in (k, v))
    logits = np.einsum("btnh,bsnh->bnts", q.numpy(), k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    logits = logits if cap is None else cap * np.tanh(logits / cap)
    weights = np.where(seen, np.exp(logits + np.asarray(bias)), 0.0)
    return torch.as_tensor(np.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdims=True), v))


def test_bias_mask_and_causality_hold_together() -> None:
    """Keras takes a bias or a mask, and on torch no bias with is_causal."""
    bias, causal = RNG.normal(size=(1, 4, 5, 7)), np.tril(np.ones((5, 7), bool))
    mask = RNG.random((2, 1, 5, 7)) < 0.6
    mask[..., 0] = True
    for given, seen in ((mask, mask), (None, True)):
        for is_causal in (False, True):
            ours = ops.dot_product_attention(Q, K, V, bias, given, is_causal=is_causal)
            torch.testing.assert_close(ours, attended(Q, K, V, bias, seen & causal if is_causal else seen), **CLOSE)


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("is_causal", [False, True])
def test_logits_may_be_capped(heads: int, is_causal: bool) -> None:
    seen = np.tril(np.ones((5, 7), bool)) if is_causal else True
    k, v = K[:, :, :heads], V[:, :, :heads]
    ours = ops.dot_product_attention(Q, k, v, scale=2.0, is_causal=is_causal, attn_logits_soft_cap=1.5)
    torch.testing.assert_close(ours, attended(Q, k, v, seen=seen, scale=2.0, cap=1.5), **CLOSE)


def test_the_flash_kernel_is_used_or_an_error() -> None:
    q, k, v = (x.float() for x in (Q, K, V))
    plain = ops.dot_product_attention(q, k, v)
    for flash in (True, False):
        torch.testing.assert_close(ops.dot_product_attention(q, k, v, flash_attention=flash), plain)
    with pytest.raises(RuntimeError, match="No available kernel"), warnings.catch_warnings(action="ignore"):
        ops.dot_product_attention(q, k, v[..., :2], flash_attention=True)


def test_attention_in_a_graph_of_any_length() -> None:
    q, k = Input((None, 4, 3)), Input((None, 2, 3))
    model = Model([q, k], ops.dot_product_attention(q, k, k, is_causal=True))
    assert model.output_shape == (None, None, 4, 3)
    for t, s in ((5, 7), (3, 3)):
        x, y = torch.randn(2, t, 4, 3), torch.randn(2, s, 2, 3)
        torch.testing.assert_close(model([x, y]), ops.dot_product_attention(x, y, y, is_causal=True))


# ---- CTC


def spelled(steps: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(s for s, before in zip(steps, (None, *steps), strict=False) if s != before and s != blank)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("steps", [1, 4, 5])
def test_beams_find_what_trying_all_finds(blank: int, steps: int) -> None:
    logits = torch.as_tensor(RNG.normal(size=(3, 5, 3)) * 2)
    log_p = logits.log_softmax(-1)
    labels, scores = ops.ctc_decode(logits, [steps] * 3, "beam_search", beam_width=200, top_paths=5, mask_index=blank)
    for sample in range(3):
        total: dict[tuple[int, ...], float] = {}
        for way in itertools.product(range(3), repeat=steps):
            p = float(sum(log_p[sample, t, c] for t, c in enumerate(way)).exp())
            total[spelled(way, blank)] = total.get(spelled(way, blank), 0.0) + p
        best = sorted(total.items(), key=lambda pair: -pair[1])[:5]
        found = [tuple(n for n in row.tolist() if n >= 0) for row in labels[:, sample]]
        assert found[: len(best)] == [sequence for sequence, _ in best]
        np.testing.assert_allclose(scores[sample, : len(best)].exp(), [p for _, p in best], rtol=1e-9)
        loss = ops.ctc_loss([list(best[0][0]) or [0]], logits[sample : sample + 1], [len(best[0][0])], [steps], blank)
        np.testing.assert_allclose(loss.item(), -np.log(best[0][1]), rtol=1e-9)


def test_a_narrow_beam_counts_no_probability_twice() -> None:
    logits = torch.as_tensor(RNG.normal(size=(4, 30, 3)))
    _, scores = ops.ctc_decode(logits, [30] * 4, "beam_search", beam_width=5, top_paths=5)
    assert (scores.exp().sum(1) <= 1).all()
    wide = ops.ctc_decode(logits, [30] * 4, "beam_search", beam_width=300)[1]
    assert (scores[:, :1] <= wide + 1e-9).all()


def test_impossible_classes_and_more_places_than_sequences() -> None:
    logits = torch.tensor([[[0.0, -torch.inf, 0.0], [0.0, -torch.inf, 0.0]]])
    labels, scores = ops.ctc_decode(logits, [2], "beam_search", beam_width=9, top_paths=4)
    assert labels[:, 0].tolist() == [[2, -1], [-1, -1], [-1, -1], [-1, -1]]
    torch.testing.assert_close(scores.exp(), torch.tensor([[0.75, 0.25, 0.0, 0.0]]))


SPELLING, COUNT = torch.tensor([[1, 2, 2, 4], [3, 1, 0, 0], [4, 0, 0, 0]]), torch.tensor([4, 2, 1])


def ctc_by_pytorch(x: torch.Tensor) -> torch.Tensor:
    log_p = x.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_p, SPELLING, torch.full((3,), x.shape[1]), COUNT, reduction="none")


def test_ctc_in_a_graph_of_any_length() -> None:
    labels, logits = Input((4,), dtype="int64"), Input((None, 5))
    lengths, steps = (Input(batch_shape=(None,), dtype="int64") for _ in range(2))
    loss = Model([labels, logits, lengths, steps], ops.ctc_loss(labels, logits, lengths, steps))
    decode = Model([logits, steps], list(ops.ctc_decode(logits, steps, "beam_search", beam_width=4, top_paths=2)))
    assert loss.output_shape == (None,)
    assert decode.output_shape == [(2, None, None), (None, 2)]
    for t in (6, 9):
        x, steps = torch.randn(3, t, 5), torch.full((3,), t)
        torch.testing.assert_close(loss([SPELLING, x, COUNT, steps]), ctc_by_pytorch(x))
        for ours, eager in zip(decode([x, steps]), ops.ctc_decode(x, steps, "beam_search", 4, 2), strict=True):
            torch.testing.assert_close(ours, eager)


def test_ctc_compiles() -> None:
    x = torch.randn(3, 6, 5, requires_grad=True)
    compiled = torch.compile(ops.ctc_loss, fullgraph=True, backend="aot_eager")
    made, expected = compiled(SPELLING, x, COUNT, torch.full((3,), 6)), ctc_by_pytorch(x)
    torch.testing.assert_close(made, expected)
    slopes = [torch.autograd.grad(loss.sum(), x)[0] for loss in (made, expected)]
    torch.testing.assert_close(*slopes)


# ---- the others


@pytest.mark.parametrize("shape", [(4,), (5, 4), (5, 4, 3)])
def test_many_hot_classes_stand_where_axis_says(shape: tuple[int, ...]) -> None:
    """Keras reduces the classes, or the batch, where `axis` is not the last."""
    labels = RNG.integers(-1, 6, shape)
    last = ops.multi_hot(labels, 6)
    rows = labels.reshape(5, 4, -1) if labels.ndim > 1 else labels.reshape(1, 4, 1)
    expected = np.array([[[float(c in row) for c in range(6)] for row in rows[b].T] for b in range(len(rows))])
    np.testing.assert_array_equal(last, expected.reshape(last.shape))
    for axis in range(-last.ndim, last.ndim):
        assert torch.equal(ops.multi_hot(labels, 6, axis=axis), last.movedim(-1, axis))


def test_whole_numbers_are_pooled_as_floats() -> None:
    x = torch.arange(10, dtype=torch.uint8).reshape(1, 10, 1)
    assert ops.adaptive_average_pool(x, 5).flatten().tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert ops.adaptive_max_pool(x, 2).flatten().tolist() == [4.0, 9.0]


def test_blocks_come_back() -> None:
    x = torch.as_tensor(RNG.normal(size=(2, 6, 12, 18)))
    for format in ("channels_last", "channels_first"):
        for r in (2, 3):
            assert torch.equal(ops.depth_to_space(ops.space_to_depth(x, r, format), r, format), x)
    assert torch.equal(ops.fold(ops.unfold(x, (3, 6), stride=(3, 6)), (12, 18), (3, 6), stride=(3, 6)), x)


def test_results_keep_64_bits() -> None:
    x = torch.ones(1, 4, 4, 4, dtype=torch.float64)
    results = [
        ops.adaptive_max_pool(x, 2), ops.dot_product_attention(x, x, x), ops.psnr(x, 2 * x, 1), ops.unfold(x, 2),
        ops.ctc_loss([[1]], x[0, :1], [1], [4]), ops.ctc_decode(x[0, :1], [4])[1], ops.space_to_depth(x, 2),
    ]  # fmt: skip
    assert {result.dtype for result in results} == {torch.float64}


# ---- compiled

CALLS: dict[str, Any] = {
    "attention": lambda x: ops.dot_product_attention(x, x, x, mask=x[:, :1, 0, :1].unsqueeze(-1) > -9, is_causal=True),
    "flash": lambda x: ops.dot_product_attention(x, x, x, flash_attention=True),
    "no flash": lambda x: ops.dot_product_attention(x, x, x, flash_attention=False),
    "cap": lambda x: ops.dot_product_attention(x, x, x, is_causal=True, attn_logits_soft_cap=2.0),
    "beams": lambda x: ops.ctc_decode(x[..., 0], torch.tensor([5, 3]), "beam_search", 4, 2),
    "greedy": lambda x: ops.ctc_decode(x[..., 0], torch.tensor([5, 3])),
    "pool": lambda x: ops.adaptive_max_pool(x, 3),
    "blocks": lambda x: ops.depth_to_space(ops.space_to_depth(x[:, :4], 2), 2),
    "hot": lambda x: ops.multi_hot((x[:, :, 0, 0] * 3).int(), 5),
    "psnr": lambda x: ops.psnr(x, x + 1, 2.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_compile(name: str) -> None:
    x = torch.randn(2, 5, 4, 8)
    compiled = torch.compile(CALLS[name], fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), CALLS[name](x))


X = torch.ones(2, 4, 6, 8)
ERRORS = [
    (lambda: ops.adaptive_max_pool(X, 0), ArgumentError, "output_size cannot be 0"),
    (lambda: ops.adaptive_average_pool(X, (1, 2, 3)), ArgumentError, "output_size cannot be"),
    (lambda: ops.adaptive_average_pool(X[0, 0], 2), ShapeError, "one to three spatial axes"),
    (lambda: ops.adaptive_max_pool(X, 2, "nhwc"), ArgumentError, "data_format 'nhwc'"),
    (lambda: ops.depth_to_space(X, 3), ShapeError, "blocks of channels"),
    (lambda: ops.depth_to_space(X, 1), ArgumentError, "block_size cannot be 1"),
    (lambda: ops.depth_to_space(X[0], 2), ShapeError, "takes pictures"),
    (lambda: ops.space_to_depth(X, 4), ShapeError, "4 x 6 pixels"),
    (lambda: ops.space_to_depth(X, 2.0), ArgumentError, "block_size cannot be 2.0"),
    (lambda: ops.unfold(X[0], 2), ShapeError, "takes pictures"),
    (lambda: ops.unfold(X, (2, 2, 2)), ArgumentError, "kernel_size cannot be"),
    (lambda: ops.unfold(X, 2, padding=-1), ArgumentError, "padding cannot be -1"),
    (lambda: ops.fold(X, 2, 2), ShapeError, "takes columns"),
    (lambda: ops.fold(X[0], 2, 2, stride=0), ArgumentError, "stride cannot be 0"),
    (lambda: ops.dot_product_attention(X, X, X[0]), ShapeError, "do not fit together"),
    (lambda: ops.dot_product_attention(X, X, X[:, :3]), ShapeError, "do not fit together"),
    (lambda: ops.dot_product_attention(X, X[:, :, :4], X[:, :, :4]), ShapeError, "K divides N"),
    (lambda: ops.dot_product_attention(X, X, X, attn_logits_soft_cap=0), ArgumentError, "soft_cap cannot be 0"),
    (
        lambda: ops.dot_product_attention(X, X, X, flash_attention=True, attn_logits_soft_cap=1),
        ArgumentError,
        "knows no cap",
    ),
    (lambda: ops.ctc_loss([1], X[0], [1], [4]), ShapeError, "labels, logits"),
    (lambda: ops.ctc_loss([[1]], X[0], [1], [4]), ShapeError, "labels, logits"),
    (lambda: ops.ctc_decode(X, [4, 4]), ShapeError, "takes logits"),
    (lambda: ops.ctc_decode(X[0], [4, 4]), ShapeError, "takes logits"),
    (lambda: ops.ctc_decode(X[0], [4] * 4, "best"), ArgumentError, "strategy 'best'"),
    (lambda: ops.ctc_decode(X[0], [4] * 4, "beam_search", 2, 3), ArgumentError, "top_paths cannot be 3"),
    (lambda: ops.multi_hot([1]), ArgumentError, "number of classes"),
    (lambda: ops.multi_hot([1], 3, classes=2), ArgumentError, "number of classes"),
    (lambda: ops.multi_hot([1], 3, sparse=True), ArgumentError, "dense"),
    (lambda: ops.psnr(X, X[0], 1), ShapeError, "one shape"),
    (lambda: ops.conv_transpose(X, torch.ones(2, 2, 3, 8), padding="full"), ArgumentError, "padding 'full'"),
]


@pytest.mark.parametrize("call, error, text", ERRORS, ids=[row[2] for row in ERRORS])
def test_errors_say_what_is_wrong(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
