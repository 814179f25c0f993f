"""Attention by scaled dot products."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F

from lamina._torch import transforms
from lamina.graph import ArgumentError, ShapeError

from .one_node import one_node
from .operands import common, ordered, placed


@one_node
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """For each query position the mean of the values, weighted by `softmax(scale * query . key + bias)` over S.

    It is one call of PyTorch's fused attention, unless the logits are capped. With fewer heads of keys and values than
    of queries, each serves a group of consecutive heads. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.

    Args:
        query: (B, T, N, H): N heads of size H.
        key, value: (B, S, K, H), where K divides N.
        bias: added to the logits; (B, N, T, S), with size 1 where it does not differ.
        mask: True where a position may be seen; shaped like `bias`. One that sees nothing gets the mean of all values.
        scale: factor of the products; 1 / sqrt(H) by default.
        is_causal: whether position t sees only s <= t.
        flash_attention: True for PyTorch's flash kernel or an error, False for any but that; by default PyTorch
            chooses.
        attn_logits_soft_cap: c, for logits of `c * tanh(logits / c)` before the bias; step by step, in more memory.

    Returns:
        (B, T, N, H).

    Raises:
        ArgumentError: a cap with `flash_attention=True`, or a cap that is not above 0. ShapeError: the axes do not fit.

    >>> q = k = v = torch.ones(1, 3, 2, 4)
    >>> dot_product_attention(q, k, v, is_causal=True).shape
    torch.Size([1, 3, 2, 4])
    """
    bias, mask = placed(query, bias, mask)[1:]
    query, key, value = map(ordered, common(query, key, value))
    _check(query, key, value)
    if attn_logits_soft_cap is not None and (flash_attention or not attn_logits_soft_cap > 0):
        raise ArgumentError(
            f"ops.dot_product_attention: attn_logits_soft_cap cannot be {attn_logits_soft_cap!r} here.",
            got=f"flash_attention={flash_attention}",
            expected="a number above 0, and no flash_attention=True: that kernel knows no cap",
        )
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    if is_causal and not (bias is None and mask is None and attn_logits_soft_cap is None):
        seen = torch.ones((q.shape[2], k.shape[2]), dtype=torch.bool, device=q.device).tril()
        mask, is_causal = seen if mask is None else mask.bool() & seen, False
    bias = _joined(q, bias, mask)
    grouped = q.shape[1] != k.shape[1]
    if attn_logits_soft_cap is not None:
        out = _by_hand(q, k, v, bias, scale, float(attn_logits_soft_cap))
    else:
        with kernels(flash_attention):
            out = F.scaled_dot_product_attention(q, k, v, bias, 0.0, is_causal, scale=scale, enable_gqa=grouped)
    return out.transpose(1, 2)


def _joined(q: torch.Tensor, bias: torch.Tensor | None, mask: torch.Tensor | None) -> torch.Tensor | None:
    """Bias and mask as what is added to the logits."""
    bias = None if bias is None else bias.to(q.dtype)
    if mask is None:
        return bias
    # A large number rather than -inf, as in Keras: who sees nothing gets the mean of all values, not NaN.
    return torch.where(mask.bool(), q.new_zeros(()) if bias is None else bias, 0.7 * torch.finfo(q.dtype).min)


def _by_hand(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None, scale: float | None, cap: float
) -> torch.Tensor:
    groups = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(groups, 1) if groups > 1 else x for x in (k, v))
    logits = (q * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)) @ k.mT
    logits = cap * torch.tanh(logits / cap)
    return (logits if bias is None else logits + bias).softmax(-1) @ v


def kernels(flash: bool | None) -> Any:
    """A context: the kernels that PyTorch may take. None leaves it to PyTorch, but where a transform has one."""
    plain = transforms.beyond_kernels()
    if flash is None and not plain:
        return nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel  # half a millisecond that only its users pay

    if plain:
        return sdpa_kernel(SDPBackend.MATH)
    others = [SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION] if flash else others)


def _check(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    fits = all(len(shape) == 4 for shape in shapes)
    if fits:
        (b, _, n, h), (b2, s, heads, h2), (b3, s3, heads3, _) = shapes
        fits = b == b2 == b3 and h == h2 and s == s3 and heads == heads3 and n % heads == 0
    if not fits:
        raise ShapeError(
            "ops.dot_product_attention: query, key and value do not fit together.",
            got=", ".join(map(str, shapes)),
            expected="(B, T, N, H), (B, S, K, H), (B, S, K, H), where K divides N",
        )
