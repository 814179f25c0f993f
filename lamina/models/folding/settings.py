"""Settings: what a rewrite of a graph has read of its layers, and whether they are still so."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import modules
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
        self._facts: list[Any] = [(layer, *_facts(layer)) for layer in layers_of(graph)]

    def hold(self) -> bool:
        """Whether every layer is what it was: same hooks, same settings. Weights may have changed."""
        for layer, hooked, facts in self._facts:
            if modules.has_hooks(layer) is not hooked:
                return False
            own = layer.__dict__
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


def _facts(layer: torch.nn.Module) -> tuple[bool, list[tuple[str, Any]]]:
    """Whether the layer has hooks, and those of its attributes that matter as they are now."""
    own = vars(layer)
    names = [*(name for name in _FACTS if name in own), *_OVERRIDES]
    return modules.has_hooks(layer), [(name, own.get(name)) for name in names]
