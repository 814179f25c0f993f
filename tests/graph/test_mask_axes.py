"""Functions along the features of a masked tensor keep its mask; along its positions they end it, and say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import lamina
from lamina import layers, ops

W = torch.ones(4, 3)

KEEP: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: torch.softmax(x, -1),
    "F.softmax": lambda x: F.softmax(x, dim=2),
    "method": lambda x: x.log_softmax(-1),
    "ops.softmax": lambda x: ops.softmax(x),
    "mean": lambda x: x.mean(-1),
    "ops.mean": lambda x: ops.mean(x, axis=[2], keepdims=True),
    "sum": lambda x: torch.sum(x, 2),
    "any": lambda x: torch.any(x != 0, -1),
    "ops.any": lambda x: ops.any(x, axis=-1),
    "ops.all": lambda x: ops.all(x, axis=-1),
    "@": lambda x: x @ W,
    "@ vector": lambda x: x @ torch.ones(4),
    "ops.matmul": lambda x: ops.matmul(x, W),
    "einsum": lambda x: torch.einsum("btf,fg->btg", x, W),
    "ops.einsum": lambda x: ops.einsum("btf,fg->btg", x, W),
    "max": lambda x: x.max(-1)[0],
    "ops.argmax": lambda x: ops.argmax(x, axis=-1),
    "ops.var": lambda x: ops.var(x, axis=-1),
    "norm": lambda x: x.norm(dim=-1),
    "linalg.norm": lambda x: torch.linalg.norm(x, dim=-1),
    "logsumexp": lambda x: ops.logsumexp(x, axis=-1),
    "cumsum": lambda x: x.cumsum(-1),
    "sort": lambda x: x.sort()[0],
    "ops.top_k": lambda x: ops.top_k(x, 2)[0],
    "flip": lambda x: x.flip([2]),
    "glu": lambda x: F.glu(x),
    "[..., :2]": lambda x: x[..., :2],
    "[:, :, 0]": lambda x: x[:, :, 0],
    "[..., None]": lambda x: x[..., None],
    "[:, :, None, 1:]": lambda x: x[:, :, None, 1:],
    "expand_dims": lambda x: ops.expand_dims(x, -1),
    "squeeze": lambda x: x.mean(-1, keepdim=True).squeeze(-1),
    "cat": lambda x: torch.cat([x, x * 2], -1),
    "ops.concatenate": lambda x: ops.concatenate([x, x], axis=-1),
    "chunk": lambda x: x.chunk(2, -1)[1],
    "ops.split": lambda x: ops.split(x, 2, axis=-1)[0],
    "unflatten": lambda x: x.unflatten(-1, (2, 2)),
    "roll": lambda x: x.roll(1, -1),
}

END: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: torch.softmax(x, 1),
    "mean": lambda x: x.mean(1),
    "mean of all": lambda x: x.mean(),
    "sum of both": lambda x: x.sum((1, 2)),
    "any": lambda x: torch.any(x, 1),
    "@ from the left": lambda x: torch.ones(3, 5) @ x,
    "einsum of positions": lambda x: torch.einsum("btf,tg->bgf", x, torch.ones(5, 5)),
    "einsum that moves": lambda x: torch.einsum("btf->tbf", x),
    "flip": lambda x: x.flip(1),
    "flip of all": lambda x: ops.flip(x),
    "cat": lambda x: torch.cat([x, x], 1),
    "a stretch": lambda x: x[:, 1:],
    "a new axis before": lambda x: x[:, None],
    "a new axis of dots": lambda x: x[None, ...],
    "unsqueeze": lambda x: x.unsqueeze(1),
    "chunk": lambda x: x.chunk(2, 1)[0],
    "sort": lambda x: x.sort(1)[0],
    "roll": lambda x: x.roll(1, 1),
    "transpose": lambda x: x.transpose(1, 2),
}


def masked() -> Any:
    return layers.Embedding(6, 4, mask_zero=True)(lamina.Input((5,), dtype="int32"))


@pytest.mark.parametrize("name", KEEP)
def test_along_the_features_a_mask_goes_on(name: str) -> None:
    x = masked()
    assert KEEP[name](x).mask is x.mask


@pytest.mark.parametrize("name", END)
def test_along_the_positions_it_ends_with_a_warning(name: str) -> None:
    with pytest.warns(UserWarning, match="drops the mask"):
        assert END[name](masked()).mask is None


def test_what_sums_over_padded_rows_of_another_tensor_ends_it() -> None:
    x = masked()
    with pytest.warns(UserWarning, match="drops the mask"):
        assert (torch.ones(5, 5) @ x).mask is None
    scores = masked() @ torch.ones(4, 5)
    with pytest.warns(UserWarning, match="drops the mask"):
        assert (torch.softmax(scores, -1) @ x).mask is None


def test_masking_what_is_masked_is_silent() -> None:
    x = layers.Masking()(masked())
    assert x.mask is not None
