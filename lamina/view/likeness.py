"""Likeness: what two calls have in common that do the same with weights of their own.

It holds all that a picture could tell of them, names left out: the operation, its settings, the shapes of its weights.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import FunctionType
from typing import Any

import torch

from lamina.graph import Constant, Node, Symbolic, tree
from lamina.one_line import quietly

from .facts import Facts, Row, describe

_OF_ITS_OWN = ("name", "seed", "build_config", "registered_name", "module")
_PLAIN = (bool, int, float, str, type(None), torch.dtype)


def likenesses(facts: Facts) -> list[Hashable]:
    """For each row what it has in common with all that do the same."""
    known: dict[int, Hashable] = {}
    return [_likeness(row, known) for row in facts.rows]


def _likeness(row: Row, known: dict[int, Hashable]) -> Hashable:
    shared = row.layer_name if row.calls > 1 else None  # the same layer again is not like another one
    return (row.kind, row.family, shared, row.trainable, row.outputs, _of_op(row, known))


def _of_op(row: Row, known: dict[int, Hashable]) -> Hashable:
    op = row.op
    if isinstance(op, Node):
        return _of_call(op)
    if id(op) not in known:
        weights = tuple((tuple(w.shape), w.dtype, w.requires_grad) for w in row.weights)
        inner = _of_graph(describe(row.inner), known) if row.inner is not None else None
        known[id(op)] = (type(op), weights, row.built, inner, None if inner else _settings(op))
    return known[id(op)]


def _of_graph(facts: Facts, known: dict[int, Hashable]) -> Hashable:
    return tuple((_likeness(row, known), row.inputs) for row in facts.rows)


def _of_call(node: Node) -> Hashable:
    """A function, and its arguments without the tensors."""
    return (id(node.op), *(_said(leaf) for leaf in tree.leaves((node.args, node.kwargs))))


def _said(leaf: Any) -> Hashable:
    if isinstance(leaf, Symbolic):
        return "tensor"
    if isinstance(leaf, Constant):
        return tuple(leaf.value.shape), leaf.value.dtype
    return id(leaf.body) if hasattr(leaf, "body") else repr(leaf)


def _settings(op: Any) -> Hashable:
    """A layer's config, or its plain attributes where it has none that tells."""
    wrapped = getattr(op, "module", None)
    if isinstance(wrapped, torch.nn.Module):
        return repr(wrapped)
    config = quietly(op.get_config) if hasattr(op, "get_config") else None  # a user's own layer may be unfinished
    if isinstance(config, Mapping):
        return repr(_without_names(config))
    own = ((key, value) for key, value in vars(op).items() if not key.startswith("_"))
    return repr(sorted((key, _value(value)) for key, value in own if isinstance(value, (*_PLAIN, FunctionType))))


def _value(value: Any) -> str:
    code = getattr(value, "__code__", None)
    return repr(value) if code is None else repr((code.co_code, code.co_consts, code.co_names))


def _without_names(value: Any) -> Any:
    """A config without what only tells one layer from the other."""
    if isinstance(value, Mapping):
        return {key: _without_names(item) for key, item in value.items() if key not in _OF_ITS_OWN}
    if isinstance(value, (list, tuple)):
        return [_without_names(item) for item in value]
    return value
