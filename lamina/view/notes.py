"""Tooltips: what a person reads who points at a box."""

from __future__ import annotations

from .facts import Facts, Row, Tensor

_LONGEST = 90


def note_of(row: Row, facts: Facts) -> str:
    """Name, shapes, parameters, settings and the user's line of one row, one fact per line."""
    lines = [f"{row.name} ({row.kind})"]
    if row.times > 1 and row.block is None:
        lines.append(f"{row.times} times, one behind the other")
    if row.calls > 1:
        lines.append(f"call {row.call} of {row.calls} of {row.layer_name}")
    for wire in row.inputs:
        if wire.row < 0:  # from outside of what is drawn here
            continue
        source = facts.rows[wire.row]
        what = "mask" if wire.mask else "in"
        lines.append(f"{what}: {_described((source.outputs or ())[wire.output])} from {source.name}")
    lines.extend(f"out: {_described(tensor)}" for tensor in row.outputs or ())
    if row.weights:
        frozen = sum(w.numel() for w in row.weights if not w.requires_grad)
        lines.append(f"params: {row.params:,}" + (f", of which {frozen:,} do not train" if frozen else ""))
    lines.extend(f"{key}: {value}"[:_LONGEST] for key, value in row.config.items() if value not in (None, "", [], {}))
    if not row.config and row.hint:
        lines.append(row.hint)
    if row.source:
        lines.append(f"at {row.source}")
    return "\n".join(lines)


def tensor_note(tensor: Tensor, source: str) -> str:
    return f"{source}: {_described(tensor)}"


def _described(tensor: Tensor) -> str:
    return f"{tensor.shape} {tensor.dtype}" if tensor.shape is not None else "a number that run time tells"
