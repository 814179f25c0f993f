"""Operation: what the graph asks of a module that a node calls.

A node calls a plain function of tensors, or an `Operation`; all that the graph knows of the latter stands here. Layers
are operations. `Held` is the base of modules that stand among a node's arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from .node import Node


class Operation(torch.nn.Module):
    """A module that nodes call.

    Attributes:
        name: what people and files call it.
        auto_named: the name was made up, and a model may choose another.
        is_input: its node is an input of the graph: it has no arguments.
        optional: as an input, it may be given None.
        passes_on: its result is its first argument, and is called like that.
    """

    name: str
    auto_named = True
    is_input = False
    optional = False
    passes_on = False

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The results for one example of the arguments, see `lamina.graph.infer`; None where only trying can tell."""
        return None

    def called_in(self, mode: bool | None) -> tuple[str, dict[str, Any]]:
        """How a program calls it in a training mode, or in its own (None): a method, and arguments for that."""
        return "run", {}

    def _settle_name(self, name: str) -> None:
        """Take the name that a model gives."""

    def _note_node(self, node: Node) -> None:
        """Be told of a node that calls it."""


class Held(torch.nn.Module):
    """A module that is an argument of a node.

    Attributes:
        role: what it is to the node; names it in the model.
    """

    role = "constant"

    def in_mode(self, training: bool | None) -> Any:
        """What a program that runs in this mode is given in its place."""
        return self
