"""One resolver for all that is given per output: losses, metrics, loss weights, targets, sample weights.

By name (an output's name: the key of an output dict, or the layer that makes it) or by position; never sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from lamina.graph import StructureError, tree
from lamina.losses.names import CLASSES


class Outputs:
    """The outputs of a model, flat, with every name each one answers to.

    Args:
        names: unique names in declared order.
        aliases: further names -> position, e.g. the names of the layers behind an output dict's keys.
        structure: the outputs' nesting, a position in each place; a list of them by default.
        layer_names: of the layers that make the outputs; None for a model of code, whose outputs have no such names.

    Attributes:
        due: the positions of those that take targets, which may then be given for these alone; None for all.

    >>> outputs = Outputs(["price", "category"])
    >>> outputs.spread({"category": "mse"}, "loss")
    [None, 'mse']
    >>> outputs.spread(["mae", "mse"], "loss")
    ['mae', 'mse']
    """

    def __init__(
        self,
        names: list[str],
        aliases: Mapping[str, int] | None = None,
        structure: Any = None,
        layer_names: list[str] | None = None,
    ) -> None:
        self.names = names
        self._place = dict(aliases or {}) | {name: i for i, name in enumerate(names)}
        self.structure = list(range(len(names))) if structure is None else structure
        self.layer_names = layer_names
        self.due: list[int] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_graph(cls, graph: Any) -> Outputs:
        """The outputs that a graph declares."""
        aliases = {
            graph.name_of(t.node): i for i, t in reversed(list(enumerate(graph.outputs))) if t.node in graph.nodes
        }
        made_by = [graph.name_of(t.node) if t.node in graph.nodes else t.name for t in graph.outputs]
        return cls(graph.output_names, aliases, _positions(graph.output_structure), made_by)

    @classmethod
    def of_result(cls, y_pred: Any) -> Outputs:
        """The outputs of a model without a graph that returned ``y_pred``: named by keys of dicts, else by position."""
        found = list(tree.paths(y_pred))
        if len(found) == 1 and not found[0][0]:
            return cls(["output"], structure=0)
        names = [".".join(str(s) if isinstance(s, str) else f"output_{s}" for s in path) for path, _ in found]
        return cls(names, structure=_positions(y_pred))

    # -- how Keras calls what belongs to an output

    def loss_name(self, place: int, path: tuple[Any, ...], given: Any, loss: Any) -> str:
        """``a/y1`` for the loss of an output: its path, the layer's name in place of a last number.

        The outputs of a model of code have no names: there the loss gives its own, ``mse`` where it was given so.
        """
        if path and isinstance(path[-1], str):
            return "/".join(map(str, path))
        last = self.layer_names[place] if self.layer_names is not None else _own_name(given, loss)
        return "/".join(map(str, (*path[:-1], last)))

    def metric_prefix(self, place: int) -> str:
        """``y1_``, before a metric of this output; nothing where there is one output, or none has a name."""
        keys = isinstance(self.structure, Mapping) and all(isinstance(part, int) for part in self.structure.values())
        if len(self) == 1 or (self.layer_names is None and not keys):
            return ""
        return f"{self.names[place] if keys or self.layer_names is None else self.layer_names[place]}_"

    def told(self, losses: Any, metrics: Any) -> Outputs:
        """The same, which know which of them take targets: those with a loss; where none has one, with a metric."""
        for given, several in ((losses, False), (metrics, True)):
            try:
                entries = self.spread(given, "loss", several)
            except StructureError:  # which is said where losses are resolved, if it is a mistake
                return self
            self.due = [i for i, entry in enumerate(entries) if entry is not None and entry != []]
            if self.due:
                break
        return self

    def spread(self, given: Any, what: str, several: bool = False) -> list[Any]:
        """One entry per output, None where nothing was given.

        Args:
            given: a dict by names, a list by position, or one thing: for each output.
            what: what it is, for errors.
            several: an entry may itself be a list (metrics), so for one output a list is its entry.

        Raises:
            StructureError: a name that is no output's, or a list of another length.
        """
        if given is None:
            return [None] * len(self)
        if isinstance(given, Mapping):
            return self._by_name(given, what)
        if isinstance(given, (list, tuple)):
            if len(self) == 1 and several:
                inner = given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
                return [list(inner)]
            if len(given) != len(self):
                raise StructureError(
                    f"{what} has {len(given)} entries for {len(self)} outputs.",
                    got=str([type(g).__name__ if not isinstance(g, str) else g for g in given]),
                    expected=f"one for each of {self.names}, or a dict with these keys",
                )
            return list(given)
        return [given] * len(self)

    def _by_name(self, given: Mapping[str, Any], what: str) -> list[Any]:
        entries: list[Any] = [None] * len(self)
        for name, value in given.items():
            part = self.structure.get(name) if isinstance(self.structure, Mapping) else None
            if isinstance(part, (list, tuple, Mapping)):
                for place, entry in _along(part, value):
                    entries[place] = entry
                continue
            if name not in self._place:
                raise StructureError(
                    f"{what} names {name!r}, which is no output of the model.",
                    got=f"keys {list(given)}",
                    expected=f"outputs {self.names}",
                )
            entries[self._place[name]] = value
        return entries

    def flat(self, y_pred: Any) -> list[Any]:
        """Predictions in the model's structure as a list in the order of `names`."""
        return [y_pred] if isinstance(y_pred, torch.Tensor) else list(tree.leaves(y_pred))

    def spread_weights(self, given: Any) -> list[Any]:
        """Sample weights: one array for all outputs, or one for each, by name or by position."""
        if given is None or isinstance(given, (Mapping, list, tuple)):
            return self.spread_data(given, "sample_weight")
        return [given] * len(self)

    def spread_data(self, given: Any, what: str) -> list[Any]:
        """Like `spread`, for targets and weights: a lone tensor belongs to a lone output."""
        if given is None or isinstance(given, Mapping):
            if isinstance(given, Mapping) and any(isinstance(v, Mapping) for v in given.values()):
                given = {".".join(map(str, path)): leaf for path, leaf in tree.paths(given)}
            return self.spread(given, what)
        if len(self) == 1:
            if isinstance(given, (list, tuple)) and len(given) == 1:
                given = given[0]
            return [given]
        due, leaves = self.due, list(tree.leaves(given))
        if due is not None and len(leaves) != len(self) and len(leaves) == max(len(due), 1):
            by_place = dict(zip(due, leaves, strict=False))
            return [by_place.get(i) for i in range(len(self))]
        if not isinstance(given, (list, tuple)):
            raise StructureError(
                f"{what} is one tensor for {len(self)} outputs.",
                expected=f"one for each of {self.names}: a list or a dict",
            )
        return self.spread(leaves, what)


def _own_name(given: Any, loss: Any) -> str:
    return given if isinstance(given, str) and given not in CLASSES else loss.name


def _positions(structure: Any) -> Any:
    """The same nesting, with the position of each output in its place."""
    count = iter(range(len(list(tree.leaves(structure)))))
    return tree.map_leaves(lambda leaf: None if leaf is None else next(count), structure)


def _along(part: Any, value: Any) -> Iterator[tuple[int, Any]]:
    """Each position of a nesting, with what a nesting like it has there; what is not nested so belongs to all."""
    if isinstance(part, Mapping) and isinstance(value, Mapping):
        for key in part:
            yield from _along(part[key], value.get(key))
    elif isinstance(part, (list, tuple)) and isinstance(value, (list, tuple)) and len(value) == len(part):
        for inner, entry in zip(part, value, strict=True):
            yield from _along(inner, entry)
    else:
        yield from ((place, value) for place in tree.leaves(part) if place is not None)
