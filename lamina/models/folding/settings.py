"""Settings: what a rewrite of a graph has read of its layers, and whether they are still so."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import Graph

# What a rule reads of a layer besides its weights, and what would take the place of its class's own call.
_FACTS = ("activation", "activity_regularizer", "epsilon", "_drawn", "max_value", "negative_slope", "threshold")
_OVERRIDES = ("call", "forward")


class Settings:
    """The layers of a graph as they are now: hooks, and the attributes that rules read.

    Args:
        graph: whose layers, and those of the graphs nested in it.
    """

    def __init__(self, graph: Graph) -> None:
        self._facts = [_facts(layer) for layer in layers_of(graph)]

    def hold(self) -> bool:
        """Whether every layer is what it was: same hooks, same settings. Weights may have changed."""
        for own, hooked, facts in self._facts:
            if bool(own["_forward_hooks"] or own["_forward_pre_hooks"]) is not hooked:
                return False
            for name, value in facts:
                if own.get(name) is not value:
                    return False
        return True


def layers_of(graph: Graph) -> list[torch.nn.Module]:
    """The modules that the graph calls, those in nested graphs, too; each once."""
    found: dict[int, torch.nn.Module] = {}
    graphs = [graph]
    while graphs:
        for node in graphs.pop().nodes:
            op = node.op
            if isinstance(op, torch.nn.Module) and id(op) not in found:
                found[id(op)] = op
                nested = getattr(op, "graph", None)
                graphs.extend([nested] if isinstance(nested, Graph) else [])
    return list(found.values())


def _facts(layer: torch.nn.Module) -> tuple[dict[str, Any], bool, list[tuple[str, Any]]]:
    """The layer's attributes, whether it has hooks, and those of the attributes that matter as they are now."""
    own = vars(layer)
    names = [*(name for name in _FACTS if name in own), *_OVERRIDES]
    hooked = bool(own["_forward_hooks"] or own["_forward_pre_hooks"])
    return own, hooked, [(name, own.get(name)) for name in names]
