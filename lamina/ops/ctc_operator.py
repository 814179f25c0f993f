"""The loss of CTC as one operator, which has a rule for shapes.

PyTorch's function has none, so neither a graph can be drawn with it nor `torch.compile` take it. This one runs the same
kernels. Letters: B batch, T steps, L labels, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina._torch import ctc


def _loss(log_p: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor, blank: int) -> tuple[Tensor, Tensor]:
    """(B,) losses of log_p (T, B, C), and the forward variables (B, T, 2 L + 1) that the gradient is made from."""
    loss, alpha = ctc.forward(log_p, labels, steps, lengths, blank)
    return loss, F.pad(alpha, (0, 2 * labels.shape[1] + 1 - alpha.shape[2]))  # as wide as if all labels counted


def _gradient(
    grad: Tensor,
    log_p: Tensor,
    labels: Tensor,
    steps: Tensor,
    lengths: Tensor,
    blank: int,
    loss: Tensor,
    alpha: Tensor,
) -> Tensor:
    alpha = alpha[:, :, : 2 * int(lengths.max()) + 1].contiguous()
    return ctc.backward(grad, log_p, labels, steps, lengths, loss, alpha, blank)


def _shapes(log_p: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor, blank: int) -> tuple[Tensor, Tensor]:
    count, samples, _ = log_p.shape
    return log_p.new_empty(samples), log_p.new_empty((samples, count, 2 * labels.shape[1] + 1))


def _shape_of_gradient(grad: Tensor, log_p: Tensor, *rest: Any) -> Tensor:
    return torch.empty_like(log_p, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.blank = inputs
    ctx.save_for_backward(*tensors, *output)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Tensor, None, None, None, None]:
    *inputs, loss, alpha = ctx.saved_tensors
    return torch.ops.lamina.ctc_loss_gradient(grad, *inputs, ctx.blank, loss, alpha), None, None, None, None


def _operators() -> torch.library.Library:
    """Make the operators known to PyTorch; they live as long as what is returned.

    By hand, since the decorators of `torch.library` load the compiler's machinery.
    """
    library = torch.library.Library("lamina", "FRAGMENT")
    inputs = "Tensor log_p, Tensor labels, Tensor steps, Tensor lengths, int blank"
    for name, schema, kernel, shapes in (
        ("ctc_loss", f"({inputs}) -> (Tensor, Tensor)", _loss, _shapes),
        (
            "ctc_loss_gradient",
            f"(Tensor grad, {inputs}, Tensor loss, Tensor alpha) -> Tensor",
            _gradient,
            _shape_of_gradient,
        ),
    ):
        library.define(name + schema)
        library.impl(name, kernel, "CompositeExplicitAutograd")
        torch.library.register_fake(f"lamina::{name}", shapes, lib=library)
    torch.library.register_autograd("lamina::ctc_loss", _backward, setup_context=_keep, lib=library)
    return library


_LIBRARY = _operators()


def ctc_loss(log_p: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor, blank: int) -> Tensor:
    """Losses (B,) of log-probabilities (T, B, C): -log of what the first `steps` (B,) give the first `lengths` labels.

    >>> log_p = torch.zeros(3, 1, 3).log_softmax(-1)
    >>> ctc_loss(log_p, torch.tensor([[1, 2]]), torch.tensor([3]), torch.tensor([2]), 0)
    tensor([1.6864])
    """
    result: Tensor = torch.ops.lamina.ctc_loss(log_p, labels, steps, lengths, blank)[0]
    return result
