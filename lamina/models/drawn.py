"""Drawn: a graph and all that a model makes of it to run it. A model holds one, and changes by taking another."""

from __future__ import annotations

import warnings
from functools import cached_property, partial
from operator import methodcaller
from typing import Any

import numpy as np
import torch
from torch.compiler import is_compiling

from lamina._torch import attributes
from lamina.graph import ArgumentError, Graph, tree
from lamina.graph.infer import Array, drawn_for, infer_graph
from lamina.layers.inferred import inferred_shapes, map_shapes
from lamina.layers.mask_flow import real_mask
from lamina.program import Program

from .binding import Binding
from .folding import Folding, Joining, can_fold
from .masked_inputs import Axes, as_booleans, axes_of, draw_masked, flat_masks
from .masks import OutputMasks
from .node_errors import tell_of_node
from .shown_forward import forward_of_graph

# What a call is given when it is no drawing; None is an optional input or an option.
_DATA = (torch.Tensor, np.ndarray, bool, type(None))


class Drawn:
    """A graph with its inputs' binding, its programs and what is rewritten of it. It holds layers, and no model.

    Args:
        graph: never changes; where the model's does, another `Drawn` takes this one's place.
        label: the model, for errors.
        runs: whether a call of the model runs the graph: its class has no ``call`` of its own.
        masked: what inputs with masks it was drawn for before; `write` draws it for them again.

    Attributes:
        binding: matches what a call gives with the declared inputs.
        masks: makes the masks of the outputs.
        is_bare: only a program stands between caller and result: no mask to leave on it, no ``call`` of a subclass.
        forward: the model's ``forward`` under the inputs' names; None where it does not run the graph.
        programs: training mode (None: each layer's own) -> the graph as a function, as far as they are written.
        folding, joining: the rewrites for inference and for training, once they are asked for.
        masked: axes of masks -> the same for inputs that bring them; None where it is to be drawn.
        is_outdated: layers have moved to another dtype since: it is to be drawn again before it runs.

    >>> from lamina.layers import Input
    >>> x = Input((3,), name="x")
    >>> drawn = Drawn(Graph(x, x * 2), "Model", runs=True)
    >>> drawn.run(drawn.program(None), torch.ones(1, 3))
    tensor([[2., 2., 2.]])
    """

    def __init__(self, graph: Graph, label: str, runs: bool, masked: dict[Axes, Drawn | None] | None = None) -> None:
        self.graph, self.label, self.runs = graph, label, runs
        self.binding = Binding(graph, label)
        self.masks = OutputMasks(graph)
        self.is_bare = runs and not self.masks.some
        self.forward = forward_of_graph(self.binding.forms.signature) if runs else None
        self.programs: dict[bool | None, Program] = {}
        self.folding: Folding | None = None
        self.joining: Joining | None = None
        self.masked = {} if masked is None else masked
        self.is_outdated = False

    def __reduce__(self) -> Any:
        arguments = (self.graph, self.label, self.runs, dict.fromkeys(self.masked))
        return Drawn, arguments, {"is_outdated": self.is_outdated}

    # -- running

    def program(self, training: bool | None) -> Program:
        """The program for a mode, written when it is first asked for."""
        if is_compiling():
            self.write_programs()  # all, before the tracer reads the dict: it guards what is in it
        if training not in (None, False, True):
            raise ArgumentError(f"{self.label} has no mode {training!r}.", expected="training=True, False or None")
        if training not in self.programs:  # of two threads that come first, one is believed
            return self.programs.setdefault(training, Program(self.graph, training, unpacks=True))
        return self.programs[training]

    @attributes.ran_while_tracing
    def write_programs(self) -> None:
        """Have the program for each mode: ``torch.compile`` cannot follow how they are written, so it runs this."""
        for mode in (None, False, True):
            if mode not in self.programs:
                self.programs.setdefault(mode, Program(self.graph, mode, unpacks=True))

    def write(self) -> None:
        """Have the programs of masks ready, which ``torch.compile`` cannot write while it traces.

        Those of the outputs wait for the first call: each takes as long as drawing a tenth of the graph, and of the
        three a model mostly needs one.
        """
        self.masks.write()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*drops the mask of its input")  # said when it was first drawn
            for axes in [axes for axes, drawn in self.masked.items() if drawn is None]:
                self._draw_masked(axes)

    def mode_of(self, program: Program) -> bool | None:
        """The mode that a program is for; None for one that is rewritten."""
        return next((mode for mode, own in self.programs.items() if own is program), None)

    def outdate(self) -> None:
        """Note that the graph is not what its layers are now. Without programs no call runs it by oversight."""
        self.is_outdated, self.programs = True, {}

    def takes_at_once(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a call with these runs a program on what is given, and nothing else is to be done."""
        if not self.is_bare or (kwargs and kwargs.get("mask") is not None):
            return False
        if len(args) == 1 and type(args[0]) in (torch.Tensor, np.ndarray):
            return getattr(args[0], "_keras_mask", None) is None
        return all(isinstance(leaf, _DATA) and real_mask(leaf) is None for leaf in tree.leaves((args, kwargs)))

    def run(self, program: Program, inputs: Any) -> Any:
        """Run one of the programs, its own or a rewritten one, on what a call gives."""
        flat = self.binding(inputs)
        try:
            return program.run(*flat)
        except Exception as error:
            node = program.node_at(error.__traceback__)
            if node is not None:
                tell_of_node(self.label, node, flat, error)
            raise

    @cached_property  # a graph never changes
    def can_fold(self) -> bool:
        """Whether a rewrite may gain something."""
        return can_fold(self.graph)

    # -- what it would give

    def example(self, inputs: Any) -> Any:
        """The outputs' shapes for one example of the inputs; None where another number of them came.

        Where the inputs have the declared shapes, so have the outputs; else they are inferred node by node.
        """
        given = [leaf for leaf in tree.leaves(self.binding.match(inputs)) if isinstance(leaf, Array)]
        k = drawn_for(self.graph, given)
        if k is not None:
            return tree.map_leaves(methodcaller("example", k), tree.alone(self.graph.output_structure))
        return tree.alone(infer_graph(self.graph, given)) if len(given) == len(self.graph.inputs) else None

    def output_shape(self, model: Any, input_shape: Any) -> Any:
        """The outputs' shapes for shapes of the inputs, nested as these are; ``None`` axes are unknown."""
        told: Any = partial(Array, dtype=model._torch_dtype)  # a shape as it is given, its unknown axes None
        asked = self.binding.match(map_shapes(told, input_shape))
        for declared, array in zip(self.binding.declared, asked, strict=True):
            declared.refuse_other_sizes(array.shape, self.label)

        def outputs(arrays: Any) -> Any:
            given = [leaf for leaf in tree.leaves(self.binding.match(arrays)) if isinstance(leaf, Array)]
            declared = zip(given, self.graph.inputs, strict=True)
            return infer_graph(self.graph, [Array(array.shape, tensor.dtype) for array, tensor in declared])

        return inferred_shapes(model, outputs, input_shape, model._torch_dtype)

    def output_masks(self, inputs: Any, mask: Any = None) -> list[Any] | None:
        """A mask, or None, for each output; None where no output has one.

        Args:
            mask: those that the inputs bring, see `for_masks`.
        """
        drawn, given = self.for_masks(inputs, mask)
        return drawn.masks.of(drawn.binding(given)) if drawn.masks.some else None

    def as_declared(self, result: Any) -> Any:
        """What a call gave, in a list where the only output was declared in one."""
        declared = self.graph.output_structure
        return result if tree.alone(declared) is declared else type(declared)([result])

    # -- inputs that bring masks

    def for_masks(self, inputs: Any, mask: Any) -> tuple[Drawn, Any]:
        """What is drawn for inputs with these masks, and what that is called on: the inputs and then the masks.

        Args:
            mask: in the structure of the inputs, or flat; None where there is none.
        """
        flat = self.binding.match(inputs)
        masks = flat_masks(self.binding, mask)
        axes = axes_of(flat, masks)
        if all(own is None for own in axes):
            return self, inputs
        drawn = self.masked.get(axes) or self._draw_masked(axes)
        return drawn, [*flat, *(as_booleans(mask) for mask in masks if mask is not None)]

    def _draw_masked(self, axes: Axes) -> Drawn:
        drawn = self.masked[axes] = Drawn(draw_masked(self.graph, axes), self.label, runs=True)
        drawn.write()
        return drawn
