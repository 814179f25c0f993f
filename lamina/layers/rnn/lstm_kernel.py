"""PyTorch's LSTM over a whole batch, also where autocast asks for a dtype that this processor has no kernel for.

Under autocast PyTorch hands an LSTM on a CPU to oneDNN in the low precision, and the call dies where oneDNN has no
such kernel: bfloat16 on processors without AVX-512, float16 on most. Other functions of autocast run everywhere.
"""

from __future__ import annotations

import functools

import torch


def lstm(
    x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, weights: list[torch.Tensor], training: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Outputs (B, T, U) and last states (1, B, U) of one layer, for inputs (B, T, F) and first states (B, U).

    ``weights`` as PyTorch has them: (4U, F), (4U, U), and no bias or two of (4U,).

    >>> x, h = torch.zeros(2, 5, 3), torch.zeros(2, 4)
    >>> outputs, last_h, last_c = lstm(x, h, h, [torch.zeros(16, 3), torch.zeros(16, 4)], training=False)
    >>> tuple(outputs.shape), tuple(last_h.shape)
    ((2, 5, 4), (1, 2, 4))
    """
    first, biases = (h.unsqueeze(0), c.unsqueeze(0)), len(weights) == 4
    # Of an export nobody knows where it will run; compiled code comes here when it runs (see opaque.py).
    if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return torch.lstm(x, first, weights, biases, 1, 0.0, training, False, True)
    asked = torch.get_autocast_dtype("cpu")
    if _has_kernel(asked):
        return torch.lstm(x, first, weights, biases, 1, 0.0, training, False, True)
    with torch.autocast("cpu", enabled=False):
        whole, first = [weight.float() for weight in weights], (first[0].float(), first[1].float())
        outputs, h, c = torch.lstm(x.float(), first, whole, biases, 1, 0.0, training, False, True)
    return outputs.to(asked), h.to(asked), c.to(asked)


@functools.cache
def _has_kernel(dtype: torch.dtype) -> bool:
    """Whether an LSTM under autocast to ``dtype`` runs on this processor: no public function says it, a trial does."""
    one = torch.zeros(1, 1, 1)
    try:
        with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
            torch.lstm(one, (one, one), [torch.zeros(4, 1), torch.zeros(4, 1)], False, 1, 0.0, False, False, True)
    except RuntimeError:
        return False
    return True
