"""The layouts that a plan compares."""

from __future__ import annotations

import math
import re
from typing import Any

from lamina.distribution.kinds import DataParallel, Distribution, ModelParallel
from lamina.distribution.layouts import LayoutMap
from lamina.distribution.mesh import DeviceMesh
from lamina.layers import Dense, Embedding, GroupQueryAttention, MultiHeadAttention

from .chips import PER_NODE

COPIES, SHARDED, TENSOR = "data parallel", "sharded weights", "tensor parallel"
_SMALL = 100
"""A kernel with less than this part of all weights stays whole: what it computes would be sent around for little."""


def layout(name: str, model: Any, size: int) -> tuple[Distribution, int] | None:
    """(the distribution of that name on so many devices, how many copies of the model it has); None if there is none.

    Args:
        name: `COPIES`, `SHARDED` or `TENSOR`.
    """
    devices = [f"cpu:{number}" for number in range(size)]
    if name != TENSOR:
        return DataParallel(devices=devices, shard_weights=name == SHARDED), size
    best: Any = None
    for parts in (n for n in range(2, PER_NODE + 1) if PER_NODE % n == 0 and size % n == 0):
        mesh = DeviceMesh((size // parts, parts), ("batch", "model"), devices)
        to = ModelParallel(layout_map=tensor_layouts(model, mesh))
        own = sum(_own_part(weight, to) for weight in model.weights)
        if len(to.layout_map) and (best is None or own < best[0]):
            best = own, to, size // parts
    return None if best is None else best[1:]


def _own_part(weight: Any, to: ModelParallel) -> float:
    """How many values of a weight a device has."""
    axes = [name for name in to.get_variable_layout(weight).axes if name is not None]
    return float(weight.numel()) / math.prod(to.device_mesh.size_of(name) for name in axes)


def tensor_layouts(model: Any, mesh: DeviceMesh) -> LayoutMap:
    """Heads of attention, outputs of dense layers and features of embeddings cut along the mesh's axis "model".

    Only what can be cut into equal parts, and is large enough to be worth it.

    >>> from lamina import Input, Model, layers
    >>> x = Input((8,))
    >>> model = Model(x, layers.Dense(6, name="head")(layers.Dense(16, name="wide")(x)))
    >>> cuts = tensor_layouts(model, DeviceMesh((1, 4), ("batch", "model"), [f"cpu:{i}" for i in range(4)]))
    >>> {path: layout.axes for path, layout in cuts.items()}
    {'wide/kernel': (None, 'model'), 'wide/bias': ('model',)}
    """
    cuts, parts = LayoutMap(mesh), mesh.size_of("model")
    total = sum(w.numel() for w in model.weights)
    attention = [x for x in model._flatten_layers() if isinstance(x, (MultiHeadAttention, GroupQueryAttention))]
    within = {id(part) for layer in attention for part in layer.modules()}
    for layer in attention:
        _cut_attention(layer, parts, cuts)
    for layer in model._flatten_layers():
        if id(layer) in within:
            continue
        if isinstance(layer, Dense) and layer.kernel.numel() * _SMALL > total and layer.kernel.shape[1] % parts == 0:
            _add(cuts, layer.kernel, (None, "model"))
            if layer.bias is not None:
                _add(cuts, layer.bias, ("model",))
        elif isinstance(layer, Embedding) and layer.embeddings.shape[1] % parts == 0:
            _add(cuts, layer.embeddings, (None, "model"))
    return cuts


def _cut_attention(layer: Any, parts: int, cuts: LayoutMap) -> None:
    """By heads, where those of queries and those of keys can be parted alike."""
    projections = (layer.query, layer.key, layer.value)
    if math.gcd(*(int(p.kernel.shape[1]) for p in projections)) % parts:
        return
    for projection in projections:
        _add(cuts, projection.kernel, (None, "model", None))
        if projection.bias is not None:
            _add(cuts, projection.bias, ("model", None))
    _add(cuts, layer.attention_output.kernel, ("model", None, None))


def _add(cuts: LayoutMap, weight: Any, axes: tuple[str | None, ...]) -> None:
    cuts[re.escape(weight.path)] = axes
