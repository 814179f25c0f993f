"""Data in memory: arrays and tensors in any structure, cut into batches without per-sample Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from lamina.graph import DtypeError, ShapeError, StructureError, tree

Batch = tuple[Any, Any, Any]


def as_tensor(value: Any, name: str) -> torch.Tensor:
    """An array, tensor, data frame or list as a tensor that shares its memory where it can.

    Raises:
        DtypeError: something that is not numbers; names it.
    """
    if isinstance(value, torch.Tensor):
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{name} is ragged: its rows have different lengths.", got=str(error)) from None
    if array.dtype.kind == "O" and array.size and all(isinstance(v, (int, float, bool, np.number)) for v in array.flat):
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        raise DtypeError(
            f"{name} does not hold numbers.", got=f"dtype {array.dtype}", expected="floats, integers or booleans"
        )
    if not array.flags.writeable or not array.flags.c_contiguous or array.dtype.byteorder == ">":
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    return (
        torch.from_numpy(array)
        if array.dtype not in (np.uint16, np.uint32, np.uint64)
        else torch.from_numpy(array.astype(np.int64))
    )


def as_tensors(structure: Any, name: str) -> Any:
    """`as_tensor` at each leaf of lists, tuples and dicts of arrays. A list of plain numbers is one array."""
    if isinstance(structure, dict):
        return {k: as_tensors(v, f"{name}[{k!r}]") for k, v in structure.items()}
    if isinstance(structure, (list, tuple)) and any(
        hasattr(v, "shape") or isinstance(v, (dict, list, tuple)) or v is None for v in structure
    ):
        if all(hasattr(v, "shape") or isinstance(v, dict) or v is None for v in structure):
            return type(structure)(as_tensors(v, f"{name}[{i}]") for i, v in enumerate(structure))
        if all(isinstance(v, (list, tuple)) for v in structure) and not _is_table(structure):
            return type(structure)(as_tensors(v, f"{name}[{i}]") for i, v in enumerate(structure))
    return None if structure is None else as_tensor(structure, name)


def _is_table(rows: Any) -> bool:
    """A list of equally long lists of numbers is one array, as NumPy reads it."""
    return len({len(row) for row in rows}) == 1 and not any(hasattr(v, "shape") for row in rows for v in row)


class Arrays:
    """Batches of (x, y, sample_weight) from data in memory.

    Args:
        x, y, sample_weight: nested arrays with one row per sample; None where there is none.
        batch_size: rows per batch; the last batch holds the rest.
        shuffle: a new order at each pass.
        device: where batches go.

    Raises:
        StructureError: arrays with different numbers of rows, or none.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        device: torch.device | None = None,
    ) -> None:
        self.data = (as_tensors(x, "x"), as_tensors(y, "y"), as_tensors(sample_weight, "sample_weight"))
        self.rows = _rows(self.data)
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.device = device

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(self.rows) if self.shuffle else None
        moves = self.device is not None and self.device.type != "cpu"
        for start in range(0, self.rows, self.batch_size):
            stop = min(start + self.batch_size, self.rows)
            if order is None:
                batch = _map(lambda t, a=start, b=stop: t[a:b], self.data)
            else:
                index = order[start:stop]
                batch = _map(
                    lambda t, i=index: torch.index_select(t, 0, i if t.device.type == "cpu" else i.to(t.device)),
                    self.data,
                )
            if moves:
                batch = _map(lambda t: t.to(self.device, non_blocking=True), batch)
            yield batch

    def split(self, fraction: float) -> tuple[Arrays, Arrays]:
        """(first part, the last ``fraction`` of the rows), in the order given, before any shuffling."""
        cut = int(self.rows * (1 - fraction))
        if not 0 < cut < self.rows:
            raise StructureError(
                f"validation_split={fraction} leaves no rows for one of the parts.",
                got=f"{self.rows} rows",
                expected="0 < fraction < 1",
            )
        first, second = (_map(lambda t, s=part: t[s], self.data) for part in (slice(0, cut), slice(cut, None)))
        options: dict[str, Any] = {"batch_size": self.batch_size, "device": self.device}
        return Arrays(*first, shuffle=self.shuffle, **options), Arrays(*second, **options)


def _map(fn: Any, data: Any) -> Any:
    """``fn`` of every tensor in (x, y, sample_weight); lone tensors take the short way, 20 us a batch."""
    return tuple(
        None
        if part is None
        else fn(part)
        if isinstance(part, torch.Tensor)
        else tree.map_leaves(lambda t: None if t is None else fn(t), part)
        for part in data
    )


def _rows(data: Any) -> int:
    counts: dict[str, int] = {}
    for name, part in zip(("x", "y", "sample_weight"), data, strict=True):
        for path, leaf in tree.paths(part):
            if leaf is None:
                continue
            label = name + "".join(f"[{step!r}]" for step in path)
            if leaf.ndim == 0:
                raise StructureError(f"{label} is a single number, not one row per sample.")
            counts[label] = leaf.shape[0]
    if not counts or 0 in counts.values():
        raise StructureError("There is no data.", got=str(counts) if counts else "x=None")
    if len(set(counts.values())) > 1:
        raise StructureError(
            "The arrays have different numbers of rows.",
            got=", ".join(f"{k}: {n}" for k, n in counts.items()),
            expected="one row per sample in each",
        )
    return next(iter(counts.values()))
