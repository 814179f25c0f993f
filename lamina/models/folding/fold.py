"""Folding: a graph's program for inference, and whether the layers are still as they were when it was made."""

from __future__ import annotations

from typing import Any

import torch

from lamina._torch import onednn
from lamina.graph import Graph
from lamina.layers.normalization import BatchNormalization
from lamina.program import Program

from .fingerprint import Fingerprint
from .rules import rewritten
from .settings import Settings, layers_of
from .steps import LINEAR, Fused


def can_fold(graph: Graph) -> bool:
    """Whether the graph, or one nested in it, holds layers that a rewrite can gain from: convolutions."""
    kinds = {type(op) for op in layers_of(graph)}
    return BatchNormalization in kinds or any(kind in LINEAR and kind.__name__ != "Dense" for kind in kinds)


class Folding:
    """The rewritten graph of a model as a `Program`, with folded copies of the weights that normalizations went into.

    It holds layers and no model, belongs to nothing that is saved or copied, and is made anew when `holds` says no.

    Args:
        graph: of the model.
        remember: as in `fold`.

    Attributes:
        program: takes what the model's own program takes and gives what it gives; None where no rule applied.
    """

    def __init__(self, graph: Graph, remember: bool = False) -> None:
        self._settings = Settings(graph)
        inference = rewritten(graph)
        self._steps = [node.op for node in inference.nodes if isinstance(node.op, Fused)]
        self.program = Program(inference, training=False, unpacks=True) if self._steps else None
        self._weights: list[tuple[dict[str, Any], str, Any, int, int]] = []
        self._smallest: tuple[torch.Tensor, torch.Tensor] | None = None
        self._fingerprint: Fingerprint | None = None
        if self._steps:
            self.fold(remember)

    def holds(self) -> bool:
        """Whether every layer is what it was: same hooks, same settings. Weights may have changed."""
        return self._settings.hold()

    def is_current(self) -> bool:
        """Whether the folded weights are those that the layers have now, as far as PyTorch counts changes.

        What is written through ``weight.data`` is not counted, nor are steps of PyTorch's fused optimizers: one weight,
        the smallest that can be trained, is compared by its values (0.7 us), since all of them change in a step.
        """
        # Written out, and so half as long as with all(): it stands before each single row that is predicted.
        for slot, name, weight, version, pointer in self._weights:
            current: Any = slot.get(name)
            if current is not weight or weight._version != version or weight.data_ptr() != pointer:
                return False
        return self._smallest is None or torch.equal(*self._smallest)

    def holds_values(self) -> bool:
        """Whether the folded weights are those that the layers have now, however they were written.

        It can be told only of what was folded with `remember`.
        """
        return (
            self._fingerprint is not None and self.is_current() and self._fingerprint.is_that_of(self._seen_weights())
        )

    def _seen_weights(self) -> list[torch.Tensor]:
        return [weight for _, _, weight, _, _ in self._weights]

    def fold(self, remember: bool = False) -> None:
        """Fold the weights as they are now.

        Args:
            remember: keep what `holds_values` compares with.
        """
        self._weights = [entry for step in self._steps for layer in (step.layer, *step.norms) for entry in _seen(layer)]
        self._fingerprint = Fingerprint(self._seen_weights()) if remember else None
        trained = [weight for weight in self._seen_weights() if weight.requires_grad]
        smallest = min(trained, key=torch.Tensor.numel, default=None)
        self._smallest = None if smallest is None else (smallest, smallest.detach().clone())
        made: dict[tuple[int, ...], dict[str, torch.Tensor]] = {}
        found = onednn.convolutions()
        with torch.inference_mode(False), torch.no_grad():
            for step in self._steps:
                step.prepare(made, found)


def _seen(layer: torch.nn.Module) -> list[tuple[dict[str, Any], str, Any, int, int]]:
    slots: tuple[dict[str, Any], ...] = (layer._parameters, layer._buffers)
    return [(slot, name, w, w._version, w.data_ptr()) for slot in slots for name, w in slot.items() if w is not None]
