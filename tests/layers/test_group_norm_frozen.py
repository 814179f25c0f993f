"""GroupNormalization of inputs that want no gradient, on which PyTorch's kernel ends the process (torch 2.13)."""

from __future__ import annotations

import pytest
import torch

from lamina import layers


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}, {"axis": 1}])
def test_weights_have_the_same_gradient_with_and_without_one_for_the_inputs(options: dict[str, int | bool]) -> None:
    layer = layers.GroupNormalization(3, **options)
    x, direction = (torch.randn(4, 6, 5, 6, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    layer(x)
    grads = []
    for inputs in (x.requires_grad_(), x.detach()):
        outputs = layer(inputs)
        grads.append(torch.autograd.grad((outputs * direction).sum(), layer.trainable_weights))
    torch.testing.assert_close(grads[1], grads[0])
