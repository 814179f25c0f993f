"""Connectionist temporal classification (CTC): sequences of labels whose places in time are not known.

A step's class is a label or the blank. Repetitions count once and blanks not at all, so that with the blank 0 the steps
1 1 0 1 2 spell 1 1 2. Graves et al. 2006, https://doi.org/10.1145/1143844.1143891.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, ShapeError

from . import ctc_operator
from .ctc_beams import beam_search
from .one_node import one_node
from .operands import floating, ordered, placed


@one_node
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-log of the probability that the steps, without repetitions and blanks, spell the labels.

    Graves et al. 2006, https://doi.org/10.1145/1143844.1143891.

    Args:
        target: labels, (B, L), filled up with anything.
        output: logits, (B, T, C).
        target_length: how many of a row's labels count, (B,).
        output_length: how many of its steps count, (B,).
        mask_index: the number of the blank.

    Returns:
        (B,), at least float32; infinite where the labels need more steps than there are.

    Raises:
        ShapeError: another rank, or another number of samples.

    On a GPU PyTorch's function asks for the lengths on the host, so this waits for the device.

    >>> ctc_loss([[1, 2]], torch.zeros(1, 3, 3), [2], [3])
    tensor([1.6864])
    """
    target, output, target_length, output_length = placed(target, output, target_length, output_length)
    samples = {x.shape[:1] for x in (target, output, target_length, output_length)}
    if (target.ndim, output.ndim, target_length.ndim, output_length.ndim) != (2, 3, 1, 1) or len(samples) > 1:
        raise ShapeError(
            "ops.ctc_loss takes labels, logits and how many of them count.",
            got=", ".join(str(tuple(x.shape)) for x in (target, output, target_length, output_length)),
            expected="(B, L), (B, T, C), (B,), (B,)",
        )
    log_p = _scores(output).log_softmax(-1).transpose(0, 1)
    return ctc_operator.ctc_loss(log_p, target.long(), output_length.long(), target_length.long(), mask_index)


@one_node
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> Any:
    """The labels that the steps of a sequence spell.

    "greedy" takes the best class of each step; "beam_search" adds up the probabilities of all steps that spell the
    same, following the `beam_width` most probable beginnings from step to step.

    Args:
        inputs: logits, (B, T, C).
        sequence_lengths: how many of a row's steps count, (B,).
        strategy: "greedy" or "beam_search".
        beam_width: for "beam_search".
        top_paths: how many of the best sequences "beam_search" gives, at most `beam_width`.
        merge_repeated: whether "greedy" counts repetitions once; "beam_search" always does.
        mask_index: the number of the blank; None for the last class.

    Returns:
        Labels, (paths, B, T) of int32, filled up with -1; and scores. Those of "greedy", (B, 1), are minus the sum of
        the chosen logits, those of "beam_search", (B, top_paths), log-probabilities, best first.

    Raises:
        ArgumentError: an argument cannot be. ShapeError: another rank, or another number of samples.

    >>> labels, _ = ctc_decode(torch.eye(3)[None, [1, 1, 0, 2]], [4])
    >>> labels
    tensor([[[ 1,  2, -1, -1]]], dtype=torch.int32)
    """
    if strategy not in ("greedy", "beam_search"):
        raise ArgumentError(f"ops.ctc_decode has no strategy {strategy!r}.", expected="'greedy' or 'beam_search'")
    if strategy == "beam_search" and not 0 < top_paths <= beam_width:
        raise ArgumentError(
            f"ops.ctc_decode: top_paths cannot be {top_paths}.", expected=f"1 to beam_width, {beam_width}"
        )
    inputs, lengths = (ordered(x) for x in placed(inputs, sequence_lengths))
    if inputs.ndim != 3 or lengths.shape != inputs.shape[:1]:
        raise ShapeError(
            "ops.ctc_decode takes logits and how many steps of each row count.",
            got=f"{tuple(inputs.shape)}, {tuple(lengths.shape)}",
            expected="(B, T, C), (B,)",
        )
    scores, blank = _scores(inputs), inputs.shape[2] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(scores, lengths, merge_repeated, blank)
    return beam_search(scores.log_softmax(-1), lengths, beam_width, top_paths, blank)


def _scores(logits: torch.Tensor) -> torch.Tensor:
    """At least float32: sums over many steps need the digits."""
    logits = ordered(floating(logits))
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _greedy(
    scores: torch.Tensor, lengths: torch.Tensor, merge_repeated: bool, blank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    best, labels = scores.max(-1)
    counts = torch.arange(scores.shape[1], device=scores.device) < lengths.unsqueeze(1)
    kept = counts & (labels != blank)
    if merge_repeated:
        kept &= F.pad(labels[:, 1:] != labels[:, :-1], (1, 0), value=True)
    order = torch.argsort(kept.logical_not().to(torch.int8), dim=1, stable=True)  # what is kept first, as it stood
    found = torch.where(kept, labels, -1).gather(1, order)
    return found.to(torch.int32).unsqueeze(0), -torch.where(counts, best, 0.0).sum(1, keepdim=True)
