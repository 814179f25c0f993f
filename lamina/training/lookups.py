"""Whole numbers that an `Embedding` looks up, against the size of its table.

Asked of data on the host before the first step: on a GPU a number out of range is an assertion that ends the process.
"""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, Node
from lamina.layers import Embedding


def check_lookups(model: Any, x: Any) -> None:
    """Refuse an input with a number that an `Embedding` on it has no row for.

    Args:
        model: has a graph.
        x: its inputs, as they come.

    Raises:
        ArgumentError: names the input and says where.
    """
    graph = model.graph
    tables = [node for node in graph.nodes if isinstance(node.op, Embedding) and node.args and not _is_way_back(node)]
    if not tables:
        return
    for name, declared, value in zip(graph.input_names, graph.inputs, model.match_inputs(x), strict=True):
        rows = [node.op.input_dim for node in tables if getattr(node.args[0], "node", None) is declared.node]
        if rows and isinstance(value, torch.Tensor):
            _check(name, value, min(rows))


def _is_way_back(node: Node) -> bool:
    """A `ReversibleEmbedding` called on vectors, not on ids."""
    return bool(node.args[1] if len(node.args) > 1 else node.kwargs.get("reverse", False))


def _check(name: str, ids: torch.Tensor, rows: int) -> None:
    if ids.device.type != "cpu" or not ids.numel() or ids.dtype == torch.bool or ids.is_complex():
        return
    least, greatest = (bound.item() for bound in torch.aminmax(ids))
    if least >= 0 and greatest < rows:
        return
    outside = (ids < 0) | (ids >= rows)
    place = outside.reshape(len(ids), -1).any(1).nonzero()[0].item()
    hint = f"Embedding(input_dim={greatest + 1:g}, ...)"
    if least == 1 and greatest == rows:
        hint += ", or numbers from 0: subtract 1"
    raise ArgumentError(
        f"The input {name!r} holds a number that the Embedding on it has no row for.",
        got=f"{ids[outside][0].item():g} in row {place}; numbers from {least:g} to {greatest:g}",
        expected=f"whole numbers from 0 to {rows - 1}",
        hint="numbers from 0" if least < 0 else hint,
    )
