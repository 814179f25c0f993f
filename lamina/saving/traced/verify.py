"""Whether what was traced does what the layer's code does: both run on the same numbers before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import LaminaError, SymbolicTensor, tree
from lamina.graph.infer import probe
from lamina.layers import Layer
from lamina.layers.mode import flags
from lamina.saving.errors import SavingError
from lamina.sizes.world import BATCH_SIZE

from .arguments import copies_of, filled, outputs_and_losses, weights_laid_over
from .call import MODES, TracedLayer

# PyTorch's tracer takes sizes to be at least 2; a normalization of a single row in training is another call.
_BATCHES = {False: (1, 3), True: (3, 2)}
_REGISTER = "@lamina.saving.register_keras_serializable() on its class"
_Run = Callable[[], tuple[Any, list[torch.Tensor]]]


def refuse_if_different(layer: Layer, data: dict[str, Any], calls: list[Any], weights: dict[str, torch.Tensor]) -> None:
    """Run the layer and its traced calls, in both modes, on several batches; the bits must be the same, and gradients
    but for rounding: a call may bring a gradient of its own, which no trace holds.

    Where the layer's own code gives other numbers each time although the seed is the same, only structure and shapes
    are compared.

    Raises:
        SavingError: names the mode and what differs.
    """
    stand_in = TracedLayer(type(layer).__name__, None, json.loads(json.dumps(data)), layer.name)
    for arguments in calls:
        _refuse_if_not_drawn(layer, stand_in, arguments)
        for training, batches in _BATCHES.items():
            for batch in batches:
                tensors = _numbers(arguments, batch)
                own = [_ran(layer, weights, arguments, tensors, training) for _ in range(2 if training else 1)]
                try:
                    theirs = _ran_traced(stand_in, weights, arguments, tensors, training)
                except (LaminaError, RuntimeError, TypeError, ValueError, ArithmeticError, IndexError) as error:
                    theirs = [f"{type(error).__name__}: {error}"]
                where = f"in {MODES[training]} mode, on a batch of {batch}"
                exactly = _same(own[0][:3], own[-1][:3], exactly=True)
                if not _same(own[0][:3], theirs[:3], exactly):
                    told = f", {theirs[0].splitlines()[0]}" if isinstance(theirs[0], str) else ""
                    raise SavingError(
                        f"{layer.label} cannot be saved: what was traced gives other numbers than its code.",
                        got=where + told,
                        expected="a call that does the same each time, whatever the sizes",
                        hint=f"no Python numbers that change, no branch on sizes, in call(); or {_REGISTER}",
                    )
                if exactly and not _near(own[0][3], theirs[3]):
                    raise SavingError(
                        f"{layer.label} cannot be saved: what was traced has other gradients than its code.",
                        got=where,
                        expected="operations of PyTorch's, whose gradients are theirs",
                        hint=f"no torch.autograd.Function, no hooks on gradients, in call(); or {_REGISTER}",
                    )


def _refuse_if_not_drawn(layer: Layer, stand_in: TracedLayer, arguments: Any) -> None:
    """A file is read by drawing its graph: what was traced must run on shapes alone, as the layer's code did.

    Raises:
        SavingError: it does not, as where it asks for the places of a constant's values.
    """
    args, kwargs = tree.map_leaves(lambda v: v.example(0) if isinstance(v, SymbolicTensor) else v, arguments)
    kwargs = {key: value for key, value in kwargs.items() if key != "training"}
    try:
        probe(stand_in, args, kwargs)
    except (LaminaError, RuntimeError, NotImplementedError, TypeError, ValueError, IndexError) as error:
        raise SavingError(
            f"{layer.label} cannot be saved: what was traced cannot be drawn again, so no file of it could be read.",
            got=f"{type(error).__name__}: {error}".splitlines()[0],
            expected="a call whose shapes follow from the shapes of its inputs",
            hint=f"torch.nonzero and masks of constants computed in __init__ and kept as buffers; or {_REGISTER}",
        ) from error


def _numbers(arguments: Any, batch: int) -> list[torch.Tensor]:
    """Random inputs of these shapes; small whole numbers, which any table of vectors has."""
    generator = torch.Generator().manual_seed(batch)
    found = []
    for leaf in tree.leaves(arguments):
        if isinstance(leaf, SymbolicTensor):
            shape = list(leaf.example(0).shape)
            if leaf.shape and leaf.shape[0] is None and shape[0] == BATCH_SIZE:
                shape[0] = batch
            if leaf.dtype.is_floating_point or leaf.dtype.is_complex:
                found.append(torch.randn(shape, generator=generator, dtype=torch.float32).to(leaf.dtype))
            else:
                found.append(torch.randint(0, 2, shape, generator=generator).to(leaf.dtype))
        elif isinstance(leaf, torch.Tensor):
            found.append(leaf.detach().as_subclass(torch.Tensor))
    return found


def _seeded(run: _Run, weights: dict[str, torch.Tensor], inputs: list[torch.Tensor]) -> list[Any]:
    """Outputs, losses, what became of the weights, and gradients, with the same random numbers each time; recorded for
    gradients, as it was traced: some of PyTorch's modules take other kernels without."""
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        outputs, losses = run()
        sources = [t for t in (*inputs, *weights.values()) if t.requires_grad]
        return [outputs, losses, list(weights.values()), _gradients([outputs, losses], sources)]


def _gradients(results: Any, sources: list[torch.Tensor]) -> list[torch.Tensor] | str:
    """Of a weighted sum of all results; zeros for what no result depends on, nothing where there are none at all. What
    PyTorch says where there is no gradient: such a layer can be used all the same."""
    terms = []
    for result in tree.leaves(results):
        if isinstance(result, torch.Tensor) and result.requires_grad:
            weights = torch.cos(torch.arange(result.numel(), dtype=torch.float32)).reshape(result.shape)
            terms.append((result * weights.to(result.dtype)).sum())
    if not terms or not sources:
        return []
    total = sum(term.real if term.is_complex() else term for term in terms)
    try:
        found = torch.autograd.grad(total, sources, allow_unused=True)  # type: ignore[arg-type]
    except (RuntimeError, NotImplementedError) as error:
        return str(error)
    return [torch.zeros_like(s) if g is None else g for g, s in zip(found, sources, strict=True)]


def _with_gradients(tensors: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Leaves that want a gradient, and copies of them, which a call may change in place."""
    leaves = [t.clone().requires_grad_(t.is_floating_point()) for t in tensors]
    return leaves, [leaf.clone() for leaf in leaves]


def _ran(layer: Layer, weights: Any, arguments: Any, tensors: Any, training: bool) -> list[Any]:
    copies = copies_of(weights)
    with torch.enable_grad():
        inputs, given = _with_gradients(tensors)
    with weights_laid_over(layer, copies), flags(layer, training):
        return _seeded(lambda: outputs_and_losses(layer, filled(arguments, iter(given))), copies, inputs)


def _ran_traced(stand_in: TracedLayer, weights: Any, arguments: Any, tensors: Any, training: bool) -> list[Any]:
    copies = copies_of(weights)
    with torch.enable_grad():
        inputs, given = _with_gradients(tensors)
    args, kwargs = filled(arguments, iter(given))
    kwargs = {key: value for key, value in kwargs.items() if key != "training"}

    def run() -> tuple[Any, list[torch.Tensor]]:
        stand_in._losses = []
        return stand_in.run_traced(args, kwargs, training), stand_in._losses

    with weights_laid_over(stand_in, copies):
        return _seeded(run, copies, inputs)


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


def _near(a: list[torch.Tensor] | str, b: list[torch.Tensor] | str) -> bool:
    """Whether gradients are equal but for rounding, each on its own scale; where the code has none, any will do."""
    if isinstance(a, str):
        return True
    if isinstance(b, str) or len(a) != len(b):
        return False
    for x, y in zip(a, b, strict=True):
        scale = float(torch.nan_to_num(x).abs().max()) if x.numel() else 0.0
        eps = torch.finfo(x.dtype).eps ** 0.5
        if not torch.allclose(x, y, rtol=eps, atol=eps * scale, equal_nan=True):
            return False
    return True


def _equal(x: torch.Tensor, y: torch.Tensor) -> bool:
    x, y = x.detach(), y.detach()
    return torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)) if x.is_floating_point() else torch.equal(x, y)
