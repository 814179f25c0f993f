"""Class weights: the weight of each row from the class of its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.graph import ArgumentError, StructureError

from .naming import Outputs


class ClassWeights:
    """Turns ``class_weight=`` into sample weights, without waiting for the device.

    Args:
        given: class -> weight for a single output; for several a dict of such, by output name or in order. Classes that
            are left out have weight 1.

    >>> weights = ClassWeights({1: 5.0})
    >>> weights.of(torch.tensor([0, 1, 1]), {1: 5.0}, torch.Size([3, 2]))
    tensor([1., 5., 5.])
    """

    def __init__(self, given: Any) -> None:
        self.given = given
        self._spread: list[Any] | None = None
        self._tables: dict[tuple[int, int, torch.device], torch.Tensor] = {}

    def spread(self, outputs: Outputs) -> list[Any]:
        """One table per output, None where none was given.

        Raises:
            StructureError: an unknown output, or a single table for several outputs.
            ArgumentError: something that is no class number or no weight.
        """
        if self._spread is not None:
            return self._spread
        given = self.given
        if isinstance(given, Mapping) and not any(isinstance(v, Mapping) or v is None for v in given.values()):
            places = [0] if len(outputs) == 1 else outputs.due or []
            if len(places) != 1:
                raise StructureError(
                    "class_weight is for one output, but the model has several.",
                    got=f"classes {list(given)}",
                    expected=f"a dict by output name: {outputs.names}",
                )
            given = {outputs.names[places[0]]: given}
        if isinstance(given, (list, tuple)) and given and all(isinstance(v, (int, float)) for v in given):
            raise StructureError(
                "class_weight is a dict from class numbers to weights.",
                got=f"a {type(given).__name__} of {len(given)} numbers",
                hint=f"class_weight=dict(enumerate({list(given)[:5]}{'...' if len(given) > 5 else ''}))",
            )
        tables = outputs.spread(given, "class_weight")
        for name, table in zip(outputs.names, tables, strict=True):
            if table is not None:
                _check(name, table)
        self._spread = tables
        return tables

    def applied(self, outputs: Outputs, targets: list[Any], predictions: list[Any], weights: list[Any]) -> list[Any]:
        """The sample weights times those of the targets' classes."""
        weights = list(weights)
        for i, table in enumerate(self.spread(outputs)):
            if table is None or targets[i] is None:
                continue
            by_class = self.of(targets[i], table, predictions[i].shape)
            own = weights[i]
            if own is not None and own.ndim > by_class.ndim:
                by_class = by_class.reshape(by_class.shape + (1,) * (own.ndim - by_class.ndim))
            weights[i] = by_class if own is None else own * by_class
        return weights

    def of(self, target: torch.Tensor, table: Mapping[int, float], predicted: torch.Size) -> torch.Tensor:
        """Weights (B,) or (B, T) for class numbers, or for one-hot targets of the predictions' shape (B, ..., C)."""
        classes = predicted[-1] if len(predicted) > 1 else 1
        one_hot = classes > 1 and target.shape == predicted
        numbers = target.argmax(-1) if one_hot else target
        if numbers.ndim > 1 and numbers.shape[-1] == 1:
            numbers = numbers.squeeze(-1)
        values = self._table(table, max(classes, 2), target.device)
        # The last entry, of weight 1, stands for every class that is not in the table; -1 is its place too.
        return values[numbers.long().clamp(-1, len(values) - 1)]

    def _table(self, table: Mapping[int, float], classes: int, device: torch.device) -> torch.Tensor:
        key = (id(table), classes, device)
        if key not in self._tables:
            numbers = {int(number): float(weight) for number, weight in table.items()}
            most = max([*numbers, classes - 1])
            values = [numbers.get(number, 1.0) for number in range(most + 1)]
            self._tables[key] = torch.tensor([*values, 1.0], device=device)
        return self._tables[key]


def _check(name: str, table: Any) -> None:
    right = isinstance(table, Mapping) and all(
        float(number).is_integer() and float(number) >= 0 and float(weight) >= 0
        for number, weight in table.items()
        if isinstance(number, (int, float)) or getattr(number, "ndim", None) == 0
    )
    if not right or not all(hasattr(number, "__index__") or isinstance(number, float) for number in table):
        raise ArgumentError(
            f"class_weight of the output {name!r} is a dict from class numbers to weights.",
            got=repr(table)[:120],
            expected="{0: 1.0, 1: 5.0}: classes from 0 on, weights of at least 0",
        )
