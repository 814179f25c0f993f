"""Prefix beam search: the most probable sequences of labels under CTC, found step by step.

A beam is a sequence of labels, the beginning of what the steps so far may spell. Its probability is kept in two parts,
of the steps that end in a blank and of those that end in its last label: only after a blank the same label once more
makes the sequence longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

_MIXER = -7046029254386353131  # odd, so that multiplying by it loses nothing modulo 2^64


@dataclass
class _Beams:
    """W sequences for each of B samples, the best first; log-probabilities of -inf mark places that are empty."""

    labels: torch.Tensor  # (B, W, T), filled up with -1
    length: torch.Tensor  # (B, W)
    key: torch.Tensor  # (B, W): a hash of the labels
    parent: torch.Tensor  # (B, W): that of all but the last label
    blank: torch.Tensor  # (B, W): log-probability of the steps that end in a blank
    label: torch.Tensor  # (B, W): of those that end in the last label

    def last(self) -> torch.Tensor:
        """The last label of each, (B, W); -1 for those that are empty."""
        end = (self.length - 1).clamp(min=0).unsqueeze(-1)
        return self.labels.gather(2, end).squeeze(-1)

    def total(self) -> torch.Tensor:
        return torch.logaddexp(self.blank, self.label)


def beam_search(
    log_p: torch.Tensor, lengths: torch.Tensor, width: int, paths: int, blank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels (paths, B, T) and their log-probabilities (B, paths), from those of each step's classes (B, T, C)."""
    steps = log_p.shape[1]
    beams = _nothing(log_p, width, steps)
    beams.blank[:, 0] = 0  # before the first step, no labels are certain
    for step in range(0 if log_p.is_meta else steps):  # drawing a graph, the shapes are there without a search
        goes_on = (step < lengths).unsqueeze(1)
        beams = _where(goes_on, _next(beams, log_p[:, step], blank), beams)
    found = beams.labels[:, :paths].transpose(0, 1).to(torch.int32)
    return found, beams.total()[:, :paths]


def _nothing(log_p: torch.Tensor, width: int, steps: int) -> _Beams:
    """Empty places only."""
    shape = (log_p.shape[0], width)
    zeros = torch.zeros(shape, dtype=torch.int64, device=log_p.device)
    labels = torch.full((*shape, steps), -1, dtype=torch.int64, device=log_p.device)
    never = log_p.new_full(shape, -torch.inf)
    return _Beams(labels, zeros, zeros, zeros - 1, never, never.clone())


def _next(beams: _Beams, log_p: torch.Tensor, blank: int) -> _Beams:
    """The best beams after one more step with these log-probabilities of its classes, (B, C)."""
    width, classes = beams.length.shape[1], log_p.shape[1]
    last, total = beams.last(), beams.total()
    has_label = beams.length > 0
    # A beam stays the same by a blank, or by its last label again.
    stay_blank = total + log_p[:, blank].unsqueeze(1)
    stay_label = beams.label + torch.where(has_label, log_p.gather(1, last.clamp(min=0)), -torch.inf)
    # Or it grows by a label; by its last one only after a blank.
    again = torch.arange(classes, device=log_p.device) == last.unsqueeze(-1)
    grown = torch.where(again, beams.blank.unsqueeze(-1), total.unsqueeze(-1)) + log_p.unsqueeze(1)
    grown[:, :, blank] = -torch.inf
    # What it grows to may be among the beams already: there the probabilities add up.
    shorter, found = _parents(beams)
    at = (shorter * classes + last.clamp(min=0)).clamp(min=0)
    flat = grown.flatten(1)
    stay_label = torch.logaddexp(stay_label, torch.where(found, flat.gather(1, at), -torch.inf))
    taken = torch.zeros_like(flat, dtype=torch.int8).scatter_add(1, at, found.to(torch.int8)) > 0
    flat = flat.masked_fill(taken, -torch.inf)
    scores, best = torch.topk(torch.cat([torch.logaddexp(stay_blank, stay_label), flat], 1), width, dim=1)
    grows = best >= width
    source = torch.where(grows, (best - width) // classes, best)
    stays = best.clamp(max=width - 1)
    kept = _Beams(
        beams.labels.gather(1, source.unsqueeze(-1).expand_as(beams.labels)),
        beams.length.gather(1, source),
        beams.key.gather(1, source),
        beams.parent.gather(1, source),
        torch.where(grows, -torch.inf, stay_blank.gather(1, stays)),
        torch.where(grows, flat.gather(1, (best - width).clamp(min=0)), stay_label.gather(1, stays)),
    )
    grown_beams = _grown(kept, grows, (best - width) % classes)
    # An impossible one must not look like a possible one, whose probability it would get a second time.
    return _where(scores > -torch.inf, grown_beams, _nothing(log_p, width, beams.labels.shape[2]))


def _parents(beams: _Beams) -> tuple[torch.Tensor, torch.Tensor]:
    """For each beam which other one it is with one label more, and whether there is one; (B, W) both.

    Equal hashes only say where to look: the labels decide.
    """
    alike = beams.parent.unsqueeze(1) == beams.key.unsqueeze(2)  # (B, shorter, longer)
    shorter = alike.to(torch.int8).argmax(1)
    labels = beams.labels
    theirs = labels.gather(1, shorter.unsqueeze(-1).expand_as(labels))
    end = torch.arange(labels.shape[2], device=labels.device) == (beams.length - 1).unsqueeze(-1)
    same = (torch.where(end, -1, labels) == theirs).all(-1)
    return shorter, same & (beams.length > 0)


def _grown(beams: _Beams, grows: torch.Tensor, label: torch.Tensor) -> _Beams:
    """Those that grow with their new label at the end."""
    place = torch.arange(beams.labels.shape[2], device=label.device) == beams.length.unsqueeze(-1)
    labels = torch.where(place & grows.unsqueeze(-1), label.unsqueeze(-1), beams.labels)
    key = torch.where(grows, beams.key * _MIXER + label + 1, beams.key)
    parent = torch.where(grows, beams.key, beams.parent)
    return _Beams(labels, beams.length + grows, key, parent, beams.blank, beams.label)


def _where(choice: torch.Tensor, one: _Beams, other: _Beams) -> _Beams:
    """Field by field the first where `choice`, (B, 1) or (B, W), holds, else the second."""
    return _Beams(
        torch.where(choice.unsqueeze(-1), one.labels, other.labels),
        *(
            torch.where(choice, getattr(one, field), getattr(other, field))
            for field in ("length", "key", "parent", "blank", "label")
        ),
    )
