"""Whether what was traced does what the layer's code does: both run on the same numbers before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import LaminaError, SymbolicTensor, tree
from lamina.graph.infer import BATCH_EXAMPLES
from lamina.layers import Layer
from lamina.layers.base import in_mode
from lamina.saving.errors import SavingError

from .arguments import copies_of, filled, outputs_and_losses, weights_laid_over
from .call import MODES, TracedLayer

# PyTorch's tracer takes sizes to be at least 2; a normalization of a single row in training is another call.
_BATCHES = {False: (1, 3), True: (3, 2)}
_Run = Callable[[], tuple[Any, list[torch.Tensor]]]


def refuse_if_different(layer: Layer, data: dict[str, Any], calls: list[Any], weights: dict[str, torch.Tensor]) -> None:
    """Run the layer and its traced calls, in both modes, on several batches; the bits must be the same.

    Where the layer's own code gives other numbers each time although the seed is the same, only structure and shapes
    are compared.

    Raises:
        SavingError: names the mode and what differs.
    """
    stand_in = TracedLayer(type(layer).__name__, None, json.loads(json.dumps(data)), layer.name)
    for arguments in calls:
        for training, batches in _BATCHES.items():
            for batch in batches:
                tensors = _numbers(arguments, batch)
                own = [_ran(layer, weights, arguments, tensors, training) for _ in range(2 if training else 1)]
                try:
                    theirs = _ran_traced(stand_in, weights, arguments, tensors, training)
                except (LaminaError, RuntimeError, TypeError, ValueError, ArithmeticError, IndexError) as error:
                    theirs = [f"{type(error).__name__}: {error}"]
                if not _same(own[0], theirs, exactly=_same(own[0], own[-1], exactly=True)):
                    raise SavingError(
                        f"{layer.label} cannot be saved: what was traced gives other numbers than its code.",
                        got=f"in {MODES[training]} mode, on a batch of {batch}"
                        + (f", {theirs[0].splitlines()[0]}" if isinstance(theirs[0], str) else ""),
                        expected="a call that does the same each time, whatever the sizes",
                        hint="no Python numbers that change, no branch on sizes, in call(); or "
                        "@lamina.saving.register_keras_serializable() on its class",
                    )


def _numbers(arguments: Any, batch: int) -> list[torch.Tensor]:
    """Random inputs of these shapes; small whole numbers, which any table of vectors has."""
    generator = torch.Generator().manual_seed(batch)
    found = []
    for leaf in tree.leaves(arguments):
        if isinstance(leaf, SymbolicTensor):
            shape = list(leaf.example(0).shape)
            if leaf.shape and leaf.shape[0] is None and shape[0] == BATCH_EXAMPLES[0]:
                shape[0] = batch
            if leaf.dtype.is_floating_point or leaf.dtype.is_complex:
                found.append(torch.randn(shape, generator=generator, dtype=torch.float32).to(leaf.dtype))
            else:
                found.append(torch.randint(0, 2, shape, generator=generator).to(leaf.dtype))
        elif isinstance(leaf, torch.Tensor):
            found.append(leaf.detach().as_subclass(torch.Tensor))
    return found


def _seeded(run: _Run, weights: dict[str, torch.Tensor]) -> list[Any]:
    """Outputs, losses and what became of the weights, with the same random numbers each time; with gradients, as it was
    traced: some of PyTorch's modules take other kernels without."""
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        outputs, losses = run()
    return [outputs, losses, list(weights.values())]


def _ran(layer: Layer, weights: Any, arguments: Any, tensors: Any, training: bool) -> list[Any]:
    copies = copies_of(weights)
    with weights_laid_over(layer, copies), in_mode(layer, training):
        return _seeded(lambda: outputs_and_losses(layer, filled(arguments, iter(tensors))), copies)


def _ran_traced(stand_in: TracedLayer, weights: Any, arguments: Any, tensors: Any, training: bool) -> list[Any]:
    copies = copies_of(weights)
    args, kwargs = filled(arguments, iter(tensors))
    kwargs = {key: value for key, value in kwargs.items() if key != "training"}

    def run() -> tuple[Any, list[torch.Tensor]]:
        stand_in._losses = []
        return stand_in.run_traced(args, kwargs, training), stand_in._losses

    with weights_laid_over(stand_in, copies):
        return _seeded(run, copies)


def _same(a: Any, b: Any, exactly: bool) -> bool:
    """Whether both have the same structure of tensors with the same dtypes, shapes and, exactly, bits."""
    if tree.describe(a) != tree.describe(b):
        return False
    for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True):
        if not isinstance(x, torch.Tensor) or not isinstance(y, torch.Tensor):
            if x != y:
                return False
        elif x.shape != y.shape or x.dtype != y.dtype or (exactly and not _equal(x, y)):
            return False
    return True


def _equal(x: torch.Tensor, y: torch.Tensor) -> bool:
    x, y = x.detach(), y.detach()
    return torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)) if x.is_floating_point() else torch.equal(x, y)
