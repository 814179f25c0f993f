"""Weights of Keras 3 in several files: a ``.weights.json`` that tells which ``.weights.h5`` beside it has which."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.saving.archive import write_file
from lamina.saving.errors import LoadingError, SavingError, refuse_missing
from lamina.saving.strict_json import parse

from .h5 import Attributes, H5File, open_h5, write_h5

ENDING = ".weights.json"
# A table of so many bytes tells of more weights than any model has.
_MAX_TABLE = 1 << 26
_MAX_FILES = 10_000


def is_shard_table(source: Any) -> bool:
    """Whether a file, by its path, is the table of a set of files of weights, told by the content."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return False
    with open(source, "rb") as file:
        begin = file.read(1 << 12)
        return begin.lstrip()[:1] == b"{" and os.fspath(source).endswith(ENDING)


@contextmanager
def open_weights(source: Any, where: str) -> Iterator[H5File]:
    """The weights of a file, or of the set of files that a table tells of, for reading.

    Raises:
        LoadingError: as `h5.open_h5`; or the table tells of files elsewhere, or of one weight twice.
        MissingFileError: a file of the set is not there.
    """
    with ExitStack() as stack:
        if not is_shard_table(source):
            yield stack.enter_context(open_h5(source, where))
            return
        paths = _files_of(Path(os.fsdecode(source)), where)
        yield _Set([stack.enter_context(open_h5(path, repr(str(path)))) for path in paths], where)


def _files_of(table: Path, where: str) -> list[Path]:
    """The files of a set, which lie beside their table."""
    if table.stat().st_size > _MAX_TABLE:
        raise LoadingError(f"{where} is larger than any table of weights.", got=f"{table.stat().st_size} bytes")
    told = parse(table.read_bytes(), where)
    places = told.get("weight_map") if isinstance(told, dict) else None
    if not isinstance(places, dict):
        raise LoadingError(f"{where} is no table of weights.", expected='{"weight_map": {path: file, ...}}')
    names = dict.fromkeys(name for place in places.values() for name in (place if isinstance(place, list) else [place]))
    odd = [name for name in names if not isinstance(name, str) or name != os.path.basename(name) or name in ("", "..")]
    if odd or len(names) > _MAX_FILES:
        got = f"{odd[0]!r}"[:120] if odd else f"{len(names)} files"
        raise LoadingError(
            f"{where} tells of files that are not its own.", got=got, expected="names of files beside it"
        )
    paths = [table.with_name(name) for name in names]
    for path in paths:
        refuse_missing(path)
    return paths


class _Set(H5File):
    """Several files as one."""

    def __init__(self, files: list[H5File], where: str) -> None:
        self.where, self._files = where, files
        self.datasets, self.groups = {}, {}
        self._with = {path: file for file in files for path in file.datasets}
        for file in files:
            twice = next((path for path in file.datasets if path in self.datasets), None)
            if twice is not None:
                raise LoadingError(f"{where} tells of one weight twice.", got=f"{twice!r} also in {file.where}"[:200])
            self.datasets |= file.datasets
            self.groups = file.groups | self.groups

    def read(self, path: str, shape: tuple[int, ...]) -> torch.Tensor:
        return self._with[path].read(path, shape)

    def attribute(self, item: Any, name: str) -> str | None:
        if not isinstance(item, str):
            return self._files[0].attribute(item, name)
        found = (file.attribute(item, name) for file in self._files if item in file.groups)
        return next((text for text in found if text is not None), None)

    def names(self, group: str, name: str) -> list[str]:
        found = (file.names(group, name) for file in self._files if group in file.groups)
        return next((texts for texts in found if texts), [])


# -- writing


def refuse_size(filepath: Any, size: Any) -> None:
    """Raise ArgumentError unless the size, in GB, and the ending of the table go together."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, (int, float)) or not size > 0):
        raise ArgumentError(f"max_shard_size cannot be {size!r}.", expected="a number of GB above 0, or None")
    is_table = os.fsdecode(filepath).endswith(ENDING)
    if is_table and size is None:
        hint = f'max_shard_size=5, of GB; or "{os.fsdecode(filepath).removesuffix(ENDING)}.weights.h5" for one file'
        raise ArgumentError(f"A *{ENDING} tells of several files: of which size?", got="max_shard_size=None", hint=hint)
    if size is not None and not is_table:
        raise ArgumentError(
            "With max_shard_size the weights go into several files, and a table tells of them.",
            got=repr(os.fsdecode(filepath)), expected=f"*{ENDING}",
        )  # fmt: skip


def write_shards(
    path: Any, arrays: Mapping[str, torch.Tensor], attributes: Attributes, size: float, overwrite: bool
) -> None:
    """Write tensors into as many HDF5 files as it takes, and last the table of them.

    Args:
        path: of the table; the files are called after it, ``model_00000.weights.h5`` and so on.
        attributes: of groups, by their paths; each stands in the files that have something of its group.
        size: GB that the weights of a file have at most.

    Raises:
        SavingError: a weight that is larger; no h5py, or no place to write to.
    """
    table = Path(os.fsdecode(path))
    most, total = size * 1024**3, 0
    parts: list[dict[str, torch.Tensor]] = [{}]
    room = most
    for name, tensor in arrays.items():
        count = tensor.numel() * tensor.element_size()
        if count > most:
            raise SavingError(
                "A weight is larger than a file may be.",
                got=f"{name} of shape {tuple(tensor.shape)}: {count} bytes",
                expected=f"at most max_shard_size={size:g} GB, {most:.0f} bytes",
                hint=f"max_shard_size={1.01 * count / 1024**3:.3g}",
            )
        if count > room:
            parts.append({})
            room = most
        parts[-1][name], room, total = tensor, room - count, total + count
    places: dict[str, list[str]] = {}
    for number, part in enumerate(parts):
        file = table.with_name(f"{table.name.removesuffix(ENDING)}_{number:05}.weights.h5")
        groups = dict.fromkeys(name.rpartition("/")[0] for name in part)
        write_h5(file, part, {group: attributes[group] for group in groups if group in attributes}, overwrite)
        for group in groups:
            places.setdefault(f"/{group}", []).append(file.name)
    told = {"metadata": {"total_size": total}, "weight_map": places}
    write_file(table, lambda file: file.write(json.dumps(told, indent=4).encode()), overwrite)
