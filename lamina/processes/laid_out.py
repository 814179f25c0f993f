"""Laid out: how a model's weights lie on the processes, and so which of these have rows of their own."""

from __future__ import annotations

from typing import Any

from .world import World


class LaidOut:
    """That a backward pass of a model averages its gradients itself, and over which processes.

    Processes that hold parts of one copy of the model work on the same rows.

    Attributes:
        parts: the processes that have different rows, this one among them: one of each copy of the model.
        weight: of this process's gradients in the sum over them; 0 where they do not count.
    """

    def __init__(self, parts: World) -> None:
        self.parts = parts
        self.weight = 1 / parts.size

    def weigh(self, gradient: Any) -> Any:
        """A gradient, in place, as what is then to be averaged. Not a product with zero: it may be no number."""
        if not self.weight:
            return gradient.zero_()
        factor = self.weight * self.parts.size
        return gradient if factor == 1 else gradient.mul_(factor)

    def reset(self) -> None:
        """Each process counts alike, as in a loop of the user's."""
        self.weight = 1 / self.parts.size


def laid_out(model: Any) -> LaidOut | None:
    """How a model lies; None where each process has a model of its own."""
    found: LaidOut | None = vars(model).get("_laid_out")
    return found


def mark(model: Any, how: LaidOut) -> None:
    """Note how a model lies; not as an attribute, which a module would take for a part of itself."""
    vars(model)["_laid_out"] = how
