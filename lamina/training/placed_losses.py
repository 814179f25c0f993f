"""Where each loss belongs: what ``compile(loss=)`` is given in a nesting, laid over the nesting of the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lamina import losses
from lamina.graph import ArgumentError, StructureError, tree
from lamina.losses import Loss

from .naming import Outputs

_NESTINGS = (list, tuple, Mapping)


@dataclass
class Placed:
    """A loss and where it belongs.

    Attributes:
        path: the keys and indices that lead to the place.
        at: the position of an output, or a nesting of positions: then the loss takes all of these together.
        loss: as given.
        weight: as given.
    """

    path: tuple[Any, ...]
    at: Any
    loss: Any
    weight: Any


def placed_losses(outputs: Outputs, given: Any, weights: Any) -> list[Placed]:
    """Every loss that there is, with its weight, in the order of the outputs.

    Nothing but names and positions is needed where each output has one loss. In a deeper nesting, as in Keras: a list
    where an output is a tensor holds several losses of it; a list in another kind of nesting than the outputs' holds
    losses of that whole nesting, one function of all its targets and predictions, and nestings of losses of its parts.

    Raises:
        StructureError: a place that the outputs do not have, or weights for other losses than there are.

    >>> outputs = Outputs(["a", "b"])
    >>> [(one.at, one.loss, one.weight) for one in placed_losses(outputs, ["mse", ["mae", "mse"]], [1.0, 2.0, 3.0])]
    [(0, 'mse', 1.0), (1, 'mae', 2.0), (1, 'mse', 3.0)]
    """
    if not _is_deep(given):
        paths = {at: path for path, at in tree.paths(outputs.structure) if at is not None}
        one_each = zip(outputs.spread(given, "loss"), outputs.spread(weights, "loss_weights"), strict=True)
        found = [Placed(paths[i], i, loss, weight) for i, (loss, weight) in enumerate(one_each)]
        return [placed for placed in found if placed.loss is not None]
    loss = _with_weights(given, weights)
    if isinstance(loss, Mapping) and not _holds_all(outputs.structure, loss):
        parts = tree.paths(outputs.structure)
        named = zip(parts, outputs.spread(loss, "loss"), strict=True)
        return [placed for (path, at), entry in named for placed in _laid(at, path, entry)]
    return list(_laid(outputs.structure, (), loss))


def _is_entry(loss: Any) -> bool:
    """Whether this is one loss, a config of one too, and no nesting of them."""
    return (
        not isinstance(loss, _NESTINGS)
        or isinstance(loss, _Weighed)
        or (isinstance(loss, dict) and "class_name" in loss)
    )


def _is_deep(given: Any) -> bool:
    if _is_entry(given):
        return False
    return not all(map(_is_entry, given.values() if isinstance(given, Mapping) else given))


class _Weighed(tuple[Any, Any]):
    """(loss, weight)"""


def _with_weights(loss: Any, weights: Any) -> Any:
    paths = dict(tree.paths(loss))
    if weights is None:
        factors: dict[Any, Any] = dict.fromkeys(paths)
    else:
        factors = dict(tree.paths(weights))
        if factors.keys() != paths.keys():
            if len(factors) != len(paths):
                raise StructureError(
                    f"loss_weights holds {len(factors)} weights for {len(paths)} losses.",
                    got=tree.describe(weights),
                    expected=tree.describe(loss),
                )
            factors = dict(zip(paths, factors.values(), strict=True))
    pairs = (None if one is None else _Weighed((one, factors[path])) for path, one in paths.items())
    return tree.pack_like(loss, pairs)


def _holds_all(structure: Any, loss: Mapping[str, Any]) -> bool:
    return isinstance(structure, Mapping) and all(key in structure for key in loss)


def _laid(at: Any, path: tuple[Any, ...], loss: Any) -> Iterator[Placed]:
    """The losses of one place and of those within it."""
    if loss is None:
        return
    if _is_entry(loss):
        yield Placed(path, at, loss[0], loss[1])
        return
    leaves = list(tree.paths(at, path))
    if not isinstance(loss, Mapping) and len(loss) == len(leaves) and all(map(_is_entry, loss)):
        for (place, position), one in zip(leaves, loss, strict=True):
            yield from _laid(position, place, one)
    elif not isinstance(loss, Mapping) and not isinstance(at, type(loss)):
        for one in loss:
            yield from _laid(at, path, one)
    else:
        for key, one in loss.items() if isinstance(loss, Mapping) else enumerate(loss):
            yield from _laid(_part(at, key, path, loss), (*path, key), one)


def _part(at: Any, key: Any, path: tuple[Any, ...], loss: Any) -> Any:
    kind = Mapping if isinstance(loss, Mapping) else (list, tuple)
    if isinstance(at, kind) and (key in at if isinstance(at, Mapping) else key < len(at)):
        return at[key]
    raise StructureError(
        f"loss has an entry at {[*path, key]}, where the outputs have none.",
        got=tree.describe(loss),
        expected=f"at {list(path)}: {tree.describe(at)}" if path else tree.describe(at),
    )


class SumOfLosses(Loss):
    """Several losses of one output: their sum, each times its weight."""

    def __init__(self, parts: list[tuple[Loss, float]]) -> None:
        super().__init__(name="_".join(loss.name for loss, _ in parts))
        self.parts = parts

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> torch.Tensor:
        values = [losses.base.called_with_mask(loss)(y_true, y_pred, sample_weight, mask) * w for loss, w in self.parts]
        return sum((value.mean() for value in values[1:]), start=values[0].mean())


class JointLoss:
    """One function of several outputs together, in their nesting.

    Args:
        name: in the logs, without ``_loss``.
        loss: a `Loss` or a function of targets and predictions.
        at: the nesting of positions.
    """

    def __init__(self, name: str, loss: Any, at: Any) -> None:
        self.name, self.at = name, at
        resolved = losses.get(loss)
        self.loss: Loss = resolved if isinstance(resolved, Loss) else losses.LossFunctionWrapper(resolved)

    def __call__(self, y_true: list[Any], y_pred: list[Any], sample_weight: list[Any]) -> torch.Tensor:
        """From flat lists, one entry per output."""
        places = list(tree.leaves(self.at))
        weights = {id(sample_weight[i]) for i in places}
        if len(weights) > 1:
            raise ArgumentError(
                f"The loss {self.name!r} takes several outputs together, and these have several sample weights.",
                hint="give one sample_weight for all, or one loss for each output",
            )
        true, pred = tree.map_leaves(y_true.__getitem__, self.at), tree.map_leaves(y_pred.__getitem__, self.at)
        return self.loss(true, pred, sample_weight[places[0]])
