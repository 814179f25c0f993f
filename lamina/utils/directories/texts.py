"""Texts in folders as a data set."""

from __future__ import annotations

from functools import partial
from typing import Any

from lamina.graph import ArgumentError
from lamina.tracebacks import door
from lamina.utils.data_files import reading

from .dataset import dataset_from_directory


@door
def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Texts from .txt files, with a class for each subfolder.

    Args:
        max_length: letters that are kept of a text; None for all.
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset: as in
            `image_dataset_from_directory`.
        follow_links, format, verbose: as there.

    Returns:
        A `torch.utils.data.DataLoader` of (texts, labels), or texts alone; the texts of a batch are a list of str.
        With ``batch_size=None`` a `Dataset`. It has `class_names` and `file_paths`.
        It has the words of Keras' guides: ``map``, ``take``, ``batch``, ``shuffle``, ``cache``, ``prefetch``, ...

    Raises:
        ArgumentError: an argument cannot be, or there are no files. DataFileError: a file is not UTF-8.

    >>> from pathlib import Path
    >>> for name in ("good", "bad"):
    ...     Path("reviews", name).mkdir(parents=True)
    ...     _ = Path("reviews", name, "1.txt").write_text(f"A {name} film.")
    >>> next(iter(text_dataset_from_directory("reviews", shuffle=False, max_length=6, verbose=False)))
    (['A bad ', 'A good'], tensor([0, 1], dtype=torch.int32))
    """
    if max_length is not None and (type(max_length) is not int or max_length < 1):
        raise ArgumentError(f"max_length cannot be {max_length!r}.", expected="a number from 1, or None")
    return dataset_from_directory(
        directory, partial(read_text, max_length=max_length), list, (".txt",), labels=labels, label_mode=label_mode,
        class_names=class_names, batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, format=format, verbose=verbose,
    )  # fmt: skip


def read_text(path: str, max_length: int | None) -> str:
    """The text of a file, or its beginning."""
    with (
        reading(path, "a text in UTF-8", "the file written anew: iconv -f latin1 -t utf-8, or the like"),
        open(path, encoding="utf-8") as file,
    ):
        return file.read(-1 if max_length is None else max_length)
