"""The kernels of CTC's loss. PyTorch's public function gives no forward variables, and has no rule for shapes.

Letters: B batch, T steps, L labels, C classes, S = 2 L + 1 places: the labels with a blank around each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .symbols import Symbol, found

SYMBOLS = (
    Symbol("torch.ops.aten._ctc_loss.Tensor", "the same sums over paths, step by step"),
    Symbol("torch.ops.aten._ctc_loss_backward.Tensor", "the same sums over paths, step by step"),
)

_NEVER = -float("inf")


def _forward(
    log_p: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor, blank: int = 0, zero_infinity: bool = False
) -> tuple[Tensor, Tensor]:
    """(losses (B,), alpha (B, T, S)): alpha is the log of the sum over all beginnings of paths that end in a place."""
    places, skips = _places(labels, blank)
    emitted = _emitted(log_p, places)
    reached = torch.full_like(emitted[:, 0], _NEVER)
    reached[:, :2] = emitted[:, 0, :2]
    alpha = [reached]
    for t in range(1, emitted.shape[1]):
        before = _shifted(alpha[-1], 1)
        over = torch.where(skips, _shifted(alpha[-1], 2), _NEVER)
        alpha.append(_log_sum(alpha[-1], before, over) + emitted[:, t])
    whole = torch.stack(alpha, 1)
    rows = torch.arange(len(steps), device=log_p.device)
    last = whole[rows, steps - 1]
    label = torch.where(lengths > 0, last[rows, 2 * lengths - 1], _NEVER)
    return -torch.logaddexp(last[rows, 2 * lengths], label), whole


def _backward(
    grad: Tensor,
    log_p: Tensor,
    labels: Tensor,
    steps: Tensor,
    lengths: Tensor,
    loss: Tensor,
    alpha: Tensor,
    blank: int,
    zero_infinity: bool = False,
) -> Tensor:
    """d loss / d log_p (T, B, C), less what a log-softmax before it takes away, as PyTorch's kernel gives it."""
    places, skips = _places(labels[:, : (alpha.shape[2] - 1) // 2], blank)
    emitted = _emitted(log_p, places)
    rows = torch.arange(len(steps), device=log_p.device)
    ends = torch.full_like(emitted[:, 0], _NEVER)
    ends[rows, 2 * lengths] = 0.0
    ends[rows, (2 * lengths - 1).clamp(min=0)] = 0.0
    skipped = _shifted(skips.to(emitted.dtype), -2, 0.0) > 0  # whether the place after next may be next
    beta, following = [], torch.full_like(ends, _NEVER)  # the log of the sum over all ends of paths, this step apart
    for t in range(emitted.shape[1] - 1, -1, -1):
        over = torch.where(skipped, _shifted(following, -2), _NEVER)
        now = torch.where((steps - 1 == t)[:, None], ends, _log_sum(following, _shifted(following, -1), over))
        beta.append(now)
        following = now + emitted[:, t]
    through = (alpha + torch.stack(beta[::-1], 1) + loss[:, None, None]).exp()
    shares = torch.zeros_like(log_p).transpose(0, 1).contiguous()
    shares.scatter_add_(2, places[:, None].expand_as(through), through)
    change = (log_p.exp() - shares.transpose(0, 1)) * grad[None, :, None]
    used = torch.arange(len(log_p), device=log_p.device)[:, None] < steps
    return torch.where(used[:, :, None], change, 0.0)


def _places(labels: Tensor, blank: int) -> tuple[Tensor, Tensor]:
    """((B, S) classes: blank, label, blank, ...; (B, S) whether a path may come from the place before the last)."""
    places = torch.full((labels.shape[0], 2 * labels.shape[1] + 1), blank, device=labels.device, dtype=torch.int64)
    places[:, 1::2] = labels
    skips = torch.zeros_like(places, dtype=torch.bool)
    skips[:, 3::2] = places[:, 3::2] != places[:, 1:-2:2]
    return places, skips


def _emitted(log_p: Tensor, places: Tensor) -> Tensor:
    """(B, T, S) log-probabilities of the class of each place."""
    batched = log_p.transpose(0, 1)
    return batched.gather(2, places[:, None].expand(-1, batched.shape[1], -1))


def _shifted(values: Tensor, by: int, fill: float = _NEVER) -> Tensor:
    """(B, S) moved to the right, or to the left where `by` is negative."""
    edge = values.new_full((values.shape[0], min(abs(by), values.shape[1])), fill)
    return torch.cat((edge, values[:, :-by]) if by > 0 else (values[:, -by:], edge), 1)


def _log_sum(*terms: Tensor) -> Tensor:
    return torch.logsumexp(torch.stack(terms), 0)


forward = found("torch.ops.aten._ctc_loss.Tensor") or _forward
backward = found("torch.ops.aten._ctc_loss_backward.Tensor") or _backward
