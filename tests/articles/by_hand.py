"""What the layers compute, written down once more in plain torch, and the few helpers around it.

Shapes: B batch, T time, F features, H W space, C channels, N heads, K key size.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

ON_KERAS = os.environ.get("LIB") == "keras"
FILE_SUFFIX = "keras" if ON_KERAS else "lamina"
beyond_keras = pytest.mark.skipif(ON_KERAS, reason="Keras cannot do this")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def integers(high: int, *shape: int, low: int = 0, seed: int = 0) -> torch.Tensor:
    """Integers from ``low`` to ``high - 1``."""
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(seed))


def one_hot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """(B,) -> (B, classes) floats."""
    return F.one_hot(labels, classes).float()


def tensors(layer: Any) -> list[torch.Tensor]:
    """Copies of the weights of a layer or model, in Keras' order."""
    return [torch.tensor(np.asarray(weight)) for weight in layer.get_weights()]


def assert_close(actual: Any, expected: Any, **tolerance: float) -> None:
    """Equal to float32 rounding, whatever of NumPy, torch or float the two are."""
    actual, expected = (torch.as_tensor(np.asarray(_plain(x)), dtype=torch.float32) for x in (actual, expected))
    torch.testing.assert_close(actual, expected, **(tolerance or {"rtol": 1e-5, "atol": 1e-5}))


def _plain(x: Any) -> Any:
    return x.detach() if isinstance(x, torch.Tensor) else x


def shapes(model: Any) -> tuple[list[tuple], list[tuple]]:
    """The shapes of a model's inputs and outputs."""
    return [tuple(t.shape) for t in model.inputs], [tuple(t.shape) for t in model.outputs]


# --------------------------------------------------------------------------------------------------------------- layers


def dense(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, activation: Callable = lambda x: x
) -> torch.Tensor:
    """(..., F) -> (..., units)."""
    return activation(x @ kernel + bias)


def softmax(x: torch.Tensor) -> torch.Tensor:
    """Along the last axis."""
    return torch.softmax(x, -1)


def conv2d(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None = None, padding: Any = 0, stride: int = 1
) -> torch.Tensor:
    """(B, H, W, C) -> (B, H, W, filters), kernel (H, W, C, filters)."""
    y = F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=padding, stride=stride)
    return y.permute(0, 2, 3, 1)


def max_pool(x: torch.Tensor, size: int) -> torch.Tensor:
    """(B, H, W, C), windows side by side, what does not fill one is left out."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)


def lstm(
    x: torch.Tensor,
    kernel: torch.Tensor,
    recurrent: torch.Tensor,
    bias: torch.Tensor,
    state: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(B, T, F) -> all outputs (B, T, units), last output, last cell state. Gates stand as i, f, c, o."""
    units = recurrent.shape[0]
    h, c = state if state is not None else (x.new_zeros(len(x), units), x.new_zeros(len(x), units))
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ kernel + h @ recurrent + bias).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs, 1), h, c


def attention(
    query: torch.Tensor, value: torch.Tensor, weights: list[torch.Tensor], allowed: torch.Tensor | None = None
) -> torch.Tensor:
    """Multi-head attention of (B, T, F) on (B, S, F); kernels (F, N, K) and (N, K, F), biases (N, K) and (F,).

    ``allowed`` (T, S) or (B, 1, T, S) is True where a query may look.
    """
    wq, bq, wk, bk, wv, bv, wo, bo = weights
    q = torch.einsum("btf,fnk->bntk", query, wq) + bq[:, None]
    k = torch.einsum("bsf,fnk->bnsk", value, wk) + bk[:, None]
    v = torch.einsum("bsf,fnk->bnsk", value, wv) + bv[:, None]
    scores = q @ k.mT / wq.shape[-1] ** 0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed, float("-inf"))
    return torch.einsum("bntk,nkf->btf", softmax(scores) @ v, wo) + bo


def layer_norm(x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, epsilon: float = 1e-3) -> torch.Tensor:
    """Over the last axis."""
    return F.layer_norm(x, x.shape[-1:], gamma, beta, epsilon)


# --------------------------------------------------------------------------------------------------------------- losses


def binary_crossentropy(target: torch.Tensor, probability: torch.Tensor) -> torch.Tensor:
    """Mean over everything."""
    return F.binary_cross_entropy(probability, target)


def categorical_crossentropy(target: torch.Tensor, probability: torch.Tensor) -> torch.Tensor:
    """Mean over the batch of -log(probability of the target)."""
    return -(target * probability.log()).sum(-1).mean()


def mse(target: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
    """Mean squared error."""
    return (target - prediction).square().mean()


def sgd_step(
    weights: list[torch.Tensor], loss_of: Callable[..., torch.Tensor], learning_rate: float
) -> tuple[float, list[torch.Tensor]]:
    """The loss at ``weights``, and the weights after one step of gradient descent from there."""
    leaves = [weight.clone().requires_grad_() for weight in weights]
    loss = loss_of(*leaves)
    gradients = torch.autograd.grad(loss, leaves)
    return loss.item(), [w.detach() - learning_rate * g for w, g in zip(leaves, gradients, strict=True)]


def assert_trains_like(
    model: Any, x: Any, y: Any, loss_of: Callable[..., torch.Tensor], optimizer: Any, rate: float
) -> None:
    """One `fit` step of a compiled model moves every weight to where gradient descent by hand moves it.

    ``loss_of`` takes the model's weights in the order of ``get_weights``; ``optimizer`` is plain SGD at ``rate``.
    """
    assert_close(float(optimizer.learning_rate), rate)
    expected_loss, expected = sgd_step(tensors(model), loss_of, rate)
    history = model.fit(x, y, batch_size=4096, epochs=1, shuffle=False, verbose=0)
    assert_close(history.history["loss"][0], expected_loss)
    for actual, hand in zip(tensors(model), expected, strict=True):
        assert_close(actual, hand)
