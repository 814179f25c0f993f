"""`plan`: what training a model costs on so many devices, by layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from lamina.graph.errors import ArgumentError, LaminaError
from lamina.models import clone_model
from lamina.tracebacks import door

from .chips import PER_NODE, Chip, chip
from .collectives import Call
from .layouts import COPIES, SHARDED, TENSOR, layout
from .report import table
from .step import Counts, count_operations, count_step, imagined, optimizer_of

USED = 0.4
"""The part of a device's best rate that products reach in training, with all that is done between them."""
CARRIED = 0.8
"""The part of a link's best rate that large messages reach."""
LATENCY = 20e-6
"""Seconds that a call of a process group takes at least."""
ROOM = 0.9
"""The part of a device's memory that a step may take; the rest is PyTorch's, the driver's, and gaps."""
BUCKET = 25 * 2**20
"""Bytes of gradients that `fit` sends at once."""


@dataclass(frozen=True)
class Row:
    """One layout on one number of devices. Bytes are those of one device, seconds those of one step.

    Attributes:
        devices: how many.
        layout: "data parallel", "sharded weights" or "tensor parallel".
        parts: devices that one copy of the model lies on; 1 for data parallel.
        rows: of the batch, for one copy.
        weights, gradients, state, gathered, activations, memory: bytes; `gathered` is what is whole for a while of
            sharded weights and their gradients, `memory` is all together.
        fits: whether the device has that.
        sent: bytes that a device sends in a step.
        compute, communication, step: seconds. Where both go on at once the step is shorter than their sum.
        rate: rows of the batch per second, of all devices.
        scaling: `rate` for each device, against that of one device alone.
    """

    devices: int
    layout: str
    parts: int
    rows: int
    weights: int
    gradients: int
    state: int
    gathered: int
    activations: int
    memory: int
    fits: bool
    sent: int
    compute: float
    communication: float
    step: float
    rate: float
    scaling: float


@dataclass(frozen=True)
class Plan:
    """All rows, the best layout of each number of devices first; ``print(plan)`` shows a table.

    Attributes:
        model: its name.
        batch: rows of a step, of all devices together.
        device: the kind of device, with the source of its figures.
        operations: floating-point operations of a step.
        rows: see `Row`.
        left_out: why there is no row of a layout.
    """

    model: str
    batch: int
    device: Chip
    operations: float
    rows: tuple[Row, ...]
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    def __str__(self) -> str:
        return table(self)


@door
def plan(model: Any, batch: int, devices: Sequence[int] = (8,), device: str = "h200", length: int = 128) -> Plan:
    """What a step of training costs by layout: memory, bytes that are sent, seconds. Nothing is trained.

    Bytes are counted, by running a step on PyTorch's fake process group with two rows and with three, from which what
    a step with more rows holds and sends follows. Operations are counted on tensors without storage. Seconds follow
    from these and the maker's figures, by rules of thumb: docs/scaling_plan.md.

    Args:
        model: a graph. Its own weights are not touched. Of its optimizer the state counts; Adam if it has none.
        batch: rows of a step, of all devices together.
        devices: numbers of devices.
        device: "a100", "h100" or "h200".
        length: of axes that the model leaves open, as the length of texts.

    Raises:
        ArgumentError: an unknown device, numbers below 1, or a process group is there already.
        StructureError: the model is no graph.

    >>> from lamina import Input, Model, layers
    >>> x = Input((8,))
    >>> result = plan(Model(x, layers.Dense(16)(x)), batch=64, devices=[4])
    >>> [(row.weights, row.sent) for row in result.rows if row.layout == "sharded weights"]
    [(144, 1296)]
    """
    counts = [batch, length, *devices]
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in counts) or not devices:
        raise ArgumentError(
            "batch, devices and length are whole numbers from 1 on.",
            got=f"batch={batch!r}, devices={list(devices)!r}, length={length!r}",
        )
    kind = chip(device)
    operations, _ = count_operations(clone_model(model), length)
    work = _Work(model, batch, length, kind, operations)
    rows: list[Row] = []
    left_out: list[str] = []
    for size in dict.fromkeys(devices):
        found: list[Row] = []
        for name in (COPIES, SHARDED, TENSOR):
            row = work.row(name, size)
            if isinstance(row, Row):
                found.append(row)
            else:
                left_out.append(f"{name} on {size}: {row}")
        rows.extend(sorted(found, key=lambda row: (not row.fits, row.step if row.fits else row.memory)))
    return Plan(model.name, batch, kind, operations * batch, tuple(rows), tuple(left_out))


class _Work:
    def __init__(self, model: Any, batch: int, length: int, kind: Chip, operations: float) -> None:
        self.model, self.batch, self.length, self.chip, self.operations = model, batch, length, kind, operations
        names = [str(getattr(layer, "compute_dtype", "")) for layer in model._flatten_layers() if layer.weights]
        halves = [n for n in names if n in ("bfloat16", "float16")]
        self.compute_dtype = getattr(torch, halves[0]) if 2 * len(halves) > len(names) else torch.float32

    def row(self, name: str, size: int) -> Row | str:
        """The figures; or why there are none."""
        with imagined(size):
            model = clone_model(self.model)
            found = layout(name, model, size) if size > 1 or name == COPIES else None
            if found is None:
                return "there is nothing to cut"
            to, copies = found
            rows = math.ceil(self.batch / copies)
            if self.batch < copies:
                return f"a batch of {self.batch} rows has none for some of {copies} copies"
            try:
                few, more = (self._count(to if size > 1 else None, n) for n in (2, 3))
            except (LaminaError, NotImplementedError, RuntimeError) as error:
                return str(error).splitlines()[0]
        return self._figures(name, size, size // copies, rows, _grown(few, more, rows))

    def _count(self, to: Any, rows: int) -> Counts:
        return count_step(clone_model(self.model), optimizer_of(self.model), to, rows, self.length)

    def _figures(self, name: str, size: int, parts: int, rows: int, counts: Counts) -> Row:
        whole = sum(w.numel() * w.element_size() for w in self.model.weights)
        share = counts.weights / whole if name == TENSOR else 1.0  # products are cut as their weights are
        compute = self._seconds(rows) * share
        links = self._link_seconds(counts.calls, name)
        step = max(compute, links) if name == SHARDED else compute + links
        memory = counts.weights + counts.gradients + counts.state + 2 * counts.unit + counts.activations
        rate, alone = self.batch / step, self.batch / self._seconds(self.batch)
        return Row(
            size, name, parts if name != SHARDED else size, rows, counts.weights, counts.gradients, counts.state,
            2 * counts.unit, counts.activations, memory, memory <= ROOM * self.chip.memory,
            round(sum(call.sent for call in counts.calls)), compute, links, step, rate, rate / size / alone,
        )  # fmt: skip

    def _seconds(self, rows: int) -> float:
        return self.operations * rows / (self.chip.rate(self.compute_dtype) * USED)

    def _link_seconds(self, calls: Sequence[Call], name: str) -> float:
        seconds = 0.0
        for call in calls:
            speed = self.chip.inside if call.span <= PER_NODE else self.chip.outside
            seconds += call.sent / (speed * CARRIED)
        sums = sum(call.whole for call in calls)
        times = math.ceil(sums / BUCKET) + 1 if name == COPIES and calls else len(calls)
        return seconds + times * LATENCY


def _grown(few: Counts, more: Counts, rows: int) -> Counts:
    """What a step with so many rows holds and sends, from one with two and one with three."""

    def grown(two: int, three: int) -> int:
        return two + (three - two) * (rows - 2)

    calls = tuple(replace(a, whole=grown(a.whole, b.whole)) for a, b in zip(few.calls, more.calls, strict=True))
    return replace(few, activations=grown(few.activations, more.activations), calls=calls)
