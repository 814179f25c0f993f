"""What CIFAR-10 and CIFAR-100 share: archives of pickles, of which each holds rows of 3 x 32 x 32 bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lamina.config import image_data_format
from lamina.utils.archives import extract

from .files import DatasetError, copy_at, file_of, not_held, unpickled
from .splits import Array, Split

_LARGEST = 1 << 30


def folder_of(path: Any, name: str, origin: str, file_hash: str, inner: str) -> Path:
    """The folder with the batches: in the cache, unpacked there, or the user's copy of the archive or of the folder."""
    if path is None:
        folder = file_of(name, origin, file_hash, extract=True)
    else:
        folder = copy_at(path, origin, folder=True)
        if folder.is_file():
            archive, folder = folder, folder.with_name(f"{folder.name}_extracted")
            if not extract(archive, folder, ("tar",)):
                raise DatasetError(f"{archive.name} is no archive.", got=str(archive), expected=f"the file of {origin}")
    return folder / inner if (folder / inner).is_dir() else folder


def read_batch(file: Path, key: str) -> tuple[Array, Array]:
    """Pictures (N, 3, 32, 32) and labels (N, 1) of one batch.

    Raises:
        DatasetError: there is no such file, it is something else, or holds more than data.
    """
    if not file.is_file():
        raise not_held(file.parent, f"no {file.name} in it", "a folder with all batches")
    if file.stat().st_size > _LARGEST:
        raise not_held(file, f"{file.stat().st_size} bytes", f"at most {_LARGEST}")
    batch = unpickled(file.read_bytes(), file)
    named = {_text(name): value for name, value in batch.items()} if isinstance(batch, dict) else {}
    pictures, labels = named.get("data"), named.get(key)
    fits = isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8 and isinstance(labels, (list, np.ndarray))
    fits = fits and pictures.ndim == 2 and pictures.shape[1] == 3072 and len(pictures) == len(labels)  # type: ignore[union-attr, arg-type]
    if not fits or not all(isinstance(n, (int, np.integer)) and 0 <= n < 256 for n in labels):  # type: ignore[union-attr]
        raise not_held(
            file, f"keys {sorted(named)}"[:200], f"'data', rows of 3072 bytes, and '{key}', as many small numbers"
        )
    assert isinstance(pictures, np.ndarray)
    return pictures.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64).reshape(-1, 1)


def in_format(x_train: Array, y_train: Array, x_test: Array, y_test: Array) -> Split:
    """Pictures with their channels where `lamina.config.image_data_format()` has them."""
    if image_data_format() == "channels_last":
        x_train, x_test = x_train.transpose(0, 2, 3, 1), x_test.transpose(0, 2, 3, 1)
    return (x_train, y_train), (x_test, y_test)


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
