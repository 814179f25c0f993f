"""Whether what was traced does what the layer's code does: both run on the same numbers before anything is written."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch

from lamina.graph import LaminaError, SymbolicTensor, tree
from lamina.graph.infer import Array, probe
from lamina.graph.source import warn
from lamina.layers import Layer
from lamina.layers.mode import flags
from lamina.saving.errors import SavingError

from .arguments import copies_of, filled, outputs_and_losses, weights_laid_over
from .call import MODES, TracedLayer
from .domain import Answer, breaking
from .ways import FILLINGS, SMALL, Sizes, Way, attempts

# (batch, size of the other unknown axes or None for the usual one) for each mode. PyTorch's tracer takes sizes to be at
# least 2; a normalization of a single row in training is another call.
_SIZES = {False: ((1, None), (3, SMALL[0]), (2, 1)), True: ((3, None), (2, SMALL[0]))}
_REGISTER = "@lamina.saving.register_keras_serializable() on its class"
# At how many sizes a layer may refuse to run before what it would do there is taken to be no matter.
_MOST_REFUSALS = 8
_Run = Callable[[], tuple[Any, list[torch.Tensor]]]


def refuse_if_different(
    layer: Layer, data: dict[str, Any], ways: list[Way], answers: list[list[Answer]], weights: dict[str, torch.Tensor]
) -> None:
    """Run the layer and its traced calls, in both modes, on several sizes; the bits must be the same, and gradients
    but for rounding: a call may bring a gradient of its own, which no trace holds.

    Where the layer's own code gives other numbers each time although the seed is the same, only structure and shapes
    are compared. Where it refuses what was invented for its inputs, others are tried; where it refuses them all, what
    was traced is taken as it is, with a warning.

    Args:
        ways: in which the layer was called.
        answers: for each way, what the tracer took for granted of sizes: sizes of the other answers are tried too.

    Raises:
        SavingError: names the mode and what differs.
    """
    stand_in = TracedLayer(type(layer).__name__, None, json.loads(json.dumps(data)), layer.name)
    for way, taken in zip(ways, answers, strict=True):
        _refuse_if_not_drawn(layer, stand_in, way)
        trial = Trial(layer, stand_in, weights, way, taken)
        if not trial.at_usual_sizes():
            warn(
                f"{layer.label} is saved as what was traced of it, which was compared with nothing: its code refuses "
                f"all inputs that were tried ({trial.refusal})."
            )
        trial.where_answers_differ()


def sizes_taken(layer: Layer, weights: dict[str, torch.Tensor], way: Way) -> Sizes | None:
    """Sizes with which a layer runs, none of them 1, which the tracer would take for known; None where none do."""
    for sizes, filling in attempts(way, 3):
        if min(sizes.values(), default=2) < 2:
            continue
        try:
            _ran(layer, weights, way.arguments, way.numbers(sizes, filling), False)
        except Exception:  # noqa: BLE001  it is the user's code, on numbers that nobody may ever give it
            continue
        return sizes
    return None


class Trial:
    """A layer's own code and what was traced of it, side by side on the same numbers.

    Attributes:
        refusal: why the layer's code last refused to run.
    """

    def __init__(
        self, layer: Layer, stand_in: TracedLayer, weights: dict[str, torch.Tensor], way: Way, answers: list[Answer]
    ) -> None:
        self.layer, self.stand_in, self.weights, self.way, self.answers = layer, stand_in, weights, way, answers
        self.filling: tuple[str, str] = FILLINGS[0]
        self.refusal = ""

    def at_usual_sizes(self) -> bool:
        """Whether the layer's code ran at all.

        Raises:
            SavingError: what was traced does something else.
        """
        ran = False
        for training, sizes in _SIZES.items():
            for batch, other in sizes:
                if other is None or any(axis for _, axis in self.way.axes) or batch != 2 or training:
                    ran |= self._at_one_of(training, attempts(self.way, batch, other))
        return ran

    def _at_one_of(self, training: bool, choices: Iterable[tuple[Sizes, tuple[str, str]]]) -> bool:
        for sizes, filling in [] if self.filling is FILLINGS[0] else [(s, self.filling) for s, _ in choices]:
            if self.at(training, sizes, filling):
                return True
        return any(self.at(training, sizes, filling) for sizes, filling in choices)

    def where_answers_differ(self) -> None:
        """Run both wherever something is not so that the tracer took for granted. Where the layer's code refuses to
        run, what was traced need not.

        Raises:
            SavingError: what was traced does something else there.
        """
        left = dict.fromkeys(map(id, self.answers), _MOST_REFUSALS)
        for sizes, broken in breaking(self.way, self.answers):
            if not any(left.get(id(answer)) for answer in broken):
                continue
            if self.at(False, sizes, self.filling):
                self.at(True, sizes, self.filling)
                for answer in broken:
                    left.pop(id(answer), None)
            for answer in broken:
                if id(answer) in left:
                    left[id(answer)] -= 1

    def at(self, training: bool, sizes: Sizes, filling: tuple[str, str]) -> bool:
        """Whether the layer's code takes such inputs.

        Raises:
            SavingError: it does, and what was traced does something else.
        """
        tensors = self.way.numbers(sizes, filling)
        arguments = self.way.arguments
        try:
            own = [_ran(self.layer, self.weights, arguments, tensors, training) for _ in range(2 if training else 1)]
        except Exception as error:  # noqa: BLE001  it is the user's code, on numbers that nobody may ever give it
            self.refusal = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            return False
        self.filling = filling
        try:
            theirs = _ran_traced(self.stand_in, self.weights, arguments, tensors, training)
        except (LaminaError, RuntimeError, TypeError, ValueError, ArithmeticError, IndexError) as error:
            theirs = [f"{type(error).__name__}: {error}"]
        self._refuse_other_numbers(own, theirs, training, sizes)
        return True

    def _refuse_other_numbers(self, own: list[Any], theirs: list[Any], training: bool, sizes: Sizes) -> None:
        exactly = _same(own[0][:3], own[-1][:3], exactly=True)
        shapes = " and ".join(str(shape) for shape in self.way.filled_shapes(sizes))
        where = f"in {MODES[training]} mode, on inputs of shape {shapes}"
        if not _same(own[0][:3], theirs[:3], exactly):
            self._refuse_branch(where, sizes)
            told = f", {theirs[0].splitlines()[0]}" if isinstance(theirs[0], str) else ""
            raise SavingError(
                f"{self.layer.label} cannot be saved: what was traced gives other numbers than its code.",
                got=where + told,
                expected="a call that does the same each time, whatever the sizes",
                hint=f"no Python numbers that change, no branch on sizes, in call(); or {_REGISTER}",
            )
        if exactly and not _near(own[0][3], theirs[3]):
            raise SavingError(
                f"{self.layer.label} cannot be saved: what was traced has other gradients than its code.",
                got=where,
                expected="operations of PyTorch's, whose gradients are theirs",
                hint=f"no torch.autograd.Function, no hooks on gradients, in call(); or {_REGISTER}",
            )

    def _refuse_branch(self, where: str, sizes: Sizes) -> None:
        broken = [answer for answer in self.answers if not answer.holds(sizes)]
        if broken:
            asked = "; ".join(dict.fromkeys(answer.told for answer in broken[:3]))
            raise SavingError(
                f"{self.layer.label} cannot be saved: what it does depends on a size, and a file holds one way only.",
                got=f"{asked}: it does something else where that is not so, {where}"[:400],
                expected="the same operations for every size",
                hint=f"sizes in tensors and operators (x.shape[1] / 2), not in float(), math or if; or {_REGISTER}",
            )


def _refuse_if_not_drawn(layer: Layer, stand_in: TracedLayer, way: Way) -> None:
    """A file is read by drawing its graph: what was traced must run on shapes alone, as the layer's code did.

    Raises:
        SavingError: it does not, as where it asks for the places of a constant's values.
    """
    shapes = iter(way.shapes)

    def example(leaf: Any) -> Any:
        if isinstance(leaf, (SymbolicTensor, torch.Tensor)):
            shape = next(shapes)
            return Array(shape, leaf.dtype) if isinstance(leaf, SymbolicTensor) else leaf
        return leaf

    args, kwargs = tree.map_leaves(example, way.arguments)
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
    with weights_laid_over(layer, copies), flags(layer, training), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nobody gives it these numbers
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
