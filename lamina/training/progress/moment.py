"""Moment: what there is to tell at one time of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Moment:
    """What a display is given to draw; it asks for nothing else.

    Attributes:
        head: ``"Epoch 3/10"``.
        step, steps: how far it is; `steps` is None where unknown.
        elapsed: seconds since the epoch began.
        per_step: seconds a step takes, None before the first.
        left: seconds until the last step, None where unknown.
        logs: numbers by their names in `History`.
        outputs: names of the outputs, if they are several: ``price_loss`` then stands under ``price``.
        validating: the steps are those of the validation.
        notes: further short facts, such as the learning rate.
        unit: what a step is called.
        ended: ``""`` while it runs, else how to say it: ``"done"``, ``"stopped"``.
    """

    head: str
    step: int = 0
    steps: int | None = None
    elapsed: float = 0.0
    per_step: float | None = None
    left: float | None = None
    logs: dict[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    validating: bool = False
    notes: list[str] = field(default_factory=list)
    unit: str = "step"
    ended: str = ""

    @property
    def count(self) -> str:
        """``"312/782"``, as wide at the first step as at the last.

        >>> Moment("Epoch", 7, 782).count, Moment("Epoch", 7).count
        ('  7/782', '7')
        """
        return f"{self.step:>{len(str(self.steps))}}/{self.steps}" if self.steps is not None else str(self.step)


@dataclass(frozen=True)
class Entry:
    """A metric and, if there is one, its value on the validation data beside it."""

    name: str
    value: Any
    validation: Any = None


def grouped(logs: dict[str, Any], outputs: Sequence[str]) -> dict[str, list[Entry]]:
    """Logs under the output they belong to, in the order of the outputs; under ``""`` what belongs to none.

    The longest name wins where one output's name begins another's.

    >>> for output, entries in grouped({"loss": 3.0, "a_loss": 1.0, "a_b_loss": 2.0}, ["a", "a_b"]).items():
    ...     print(output or "-", *(f"{e.name}={e.value}" for e in entries))
    - loss=3.0
    a loss=1.0
    a_b loss=2.0
    """
    groups: dict[str, list[Entry]] = {"": [], **{output: [] for output in outputs}}
    longest_first = sorted(outputs, key=len, reverse=True)
    for name, value in logs.items():
        if name.startswith("val_") and name[4:] in logs:
            continue  # shown beside the number it belongs to
        output = next((o for o in longest_first if name.startswith(o + "_")), "")
        groups[output].append(Entry(name.removeprefix(output + "_"), value, logs.get("val_" + name)))
    return {output: entries for output, entries in groups.items() if entries}
