"""Sparse matrices, of scipy or PyTorch: rows become dense batch by batch, never the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import ShapeError

from . import numpy_arrays


def is_scipy(value: Any) -> bool:
    return any(c.__module__.startswith("scipy.sparse") for c in type(value).__mro__)


def is_torch(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout != torch.strided


def read(matrix: Any, name: str) -> SparseRows:
    """A matrix of (rows, features) by its rows.

    Raises:
        ShapeError: not a matrix. DtypeError: not numbers.
    """
    if len(matrix.shape) != 2:
        raise ShapeError(
            f"{name} is sparse and no matrix.", got=f"shape {tuple(matrix.shape)}", expected="(rows, features)"
        )
    if is_torch(matrix):
        return _of_coordinates(matrix.to_sparse_coo().coalesce())
    rows = matrix.tocsr()
    values = numpy_arrays.read(rows.data, name)
    return SparseRows(
        torch.from_numpy(rows.indptr.astype(np.int64)),
        torch.from_numpy(rows.indices.astype(np.int64, copy=rows.indices.dtype != np.int64)),
        values if isinstance(values, torch.Tensor) else values.whole(),
        rows.shape[1],
    )


def _of_coordinates(matrix: torch.Tensor) -> SparseRows:
    """Not by PyTorch's own conversion, which warns that it is a beta."""
    rows, columns = matrix.indices()
    starts = torch.zeros(matrix.shape[0] + 1, dtype=torch.int64, device=rows.device)
    starts[1:] = torch.bincount(rows, minlength=matrix.shape[0]).cumsum(0)
    return SparseRows(starts, columns, matrix.values(), matrix.shape[1])


class SparseRows:
    """A sparse matrix that gives rows as dense tensors.

    Args:
        starts: where the entries of each row start, and where the last ones end: (rows + 1,).
        columns, values: of each entry; entries at one place are added up.
        width: number of columns.
    """

    def __init__(self, starts: torch.Tensor, columns: torch.Tensor, values: torch.Tensor, width: int) -> None:
        self._starts, self._columns, self._values = starts, columns, values
        self.shape = (len(starts) - 1, width)
        self.ndim = 2
        self.dtype = values.dtype

    def __getitem__(self, rows: slice) -> SparseRows:
        start, stop, _ = rows.indices(self.shape[0])
        return SparseRows(self._starts[start : stop + 1], self._columns, self._values, self.shape[1])

    def cut(self, start: int, stop: int) -> torch.Tensor:
        """The rows from ``start`` to ``stop``, dense."""
        return self.take(torch.arange(start, stop))

    def take(self, index: torch.Tensor) -> torch.Tensor:
        """The rows of these numbers, dense: (B, width)."""
        index = index.to(self._starts.device)
        first = self._starts[index]
        counts = self._starts[index + 1] - first
        ends = counts.cumsum(0)
        rows = torch.arange(len(index), device=index.device).repeat_interleave(counts)
        # The entries of row r are first[r], first[r] + 1, ...; in the list of all rows' entries they start at
        # ends[r] - counts[r].
        entries = torch.arange(len(rows), device=index.device) + (first - ends + counts)[rows]
        dense = torch.zeros(len(index), self.shape[1], dtype=self.dtype, device=self._values.device)
        return dense.index_put_((rows, self._columns[entries]), self._values[entries], accumulate=True)

    def whole(self) -> torch.Tensor:
        """All rows, dense."""
        return self.cut(0, self.shape[0])
