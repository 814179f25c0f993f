"""What is compared of a model before it is saved and after it is loaded elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lamina.graph import tree


def look(model: Any, inputs: Any) -> dict[str, Any]:
    graph = model.graph
    return {
        "outputs": model(inputs, training=False),  # layers on pictures draw numbers where nobody says a mode
        "keys": list(model.state_dict()),
        "paths": [getattr(w, "path", None) for w in model.weights],
        "layers": [(type(layer).__name__, layer.name, layer.trainable) for layer in model.layers],
        "trained": [w.requires_grad for w in model.weights],
        "names": (model.name, model.input_names, model.output_names),
        "nodes": [(graph.name_of(node), [mask is not None for mask in node.masks]) for node in graph.nodes],
        "lines": [Path(str(node.source)).name for node in graph.nodes],
    }


def same(a: Any, b: Any) -> bool:
    """The same structure with bit-equal tensors."""
    if tree.describe(a) != tree.describe(b) or type(a) is not type(b):
        return False
    pairs = list(zip(tree.leaves(a), tree.leaves(b), strict=True))
    return bool(pairs) and all(x.dtype == y.dtype and torch.equal(_comparable(x), _comparable(y)) for x, y in pairs)


def _comparable(x: torch.Tensor) -> torch.Tensor:
    """NaN equals nothing, not even itself."""
    return torch.nan_to_num(x, nan=12345.0) if x.is_floating_point() else x
