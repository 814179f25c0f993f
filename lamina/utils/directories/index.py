"""Which files lie in a folder, in which order, and of which class each is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.graph import ArgumentError
from lamina.missing_files import refuse_missing_folder
from lamina.printable import printable

SUBSETS = ("training", "validation", "both")


@dataclass
class Index:
    """Files, the class number of each (None: no labels), and the names of the classes."""

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None

    def part(self, begin: int, end: int) -> Index:
        """The files from one place to another."""
        labels = None if self.labels is None else self.labels[begin:end]
        return Index(self.paths[begin:end], labels, self.class_names)


def index_of(
    directory: Any,
    labels: Any,
    endings: tuple[str, ...],
    class_names: Sequence[str] | None,
    shuffle_seed: int | None,
    follow_links: bool,
) -> Index:
    """List a folder.

    Args:
        labels: "inferred": the subfolders are the classes; None; or a class number for each file, in the order of
            their paths.
        endings: of the files that count, in small letters.
        class_names: the subfolders that count, in this order; by default all, by name.
        shuffle_seed: of the order of the files, the same as in Keras; None for that of their paths.
        follow_links: also into folders, and to files, behind symbolic links that lead out of the folder.

    Raises:
        MissingDataError: no such folder.
        ArgumentError: no such subfolder; another number of labels; no files; a pipe, or a link out of the
            folder.
    """
    root = os.fspath(directory)
    refuse_missing_folder(root, f"a folder of files that end in {', '.join(endings)}")
    if labels == "inferred":
        names = _subfolders(root, class_names, follow_links)
        listed = [(path, i) for i, name in enumerate(names) for path in _files(root, name, endings, follow_links)]
        index = Index([path for path, _ in listed], np.array([i for _, i in listed], "int32"), names)
    else:
        if class_names is not None:
            raise ArgumentError("class_names are those of subfolders.", hint='labels="inferred"')
        paths = list(_files(root, "", endings, follow_links))
        index = Index(paths, None, None) if labels is None else _labelled(paths, labels)
    if not index.paths:
        raise ArgumentError(f"There are no files in {root!r}.", expected=f"names that end in {', '.join(endings)}")
    if shuffle_seed is not None:
        order = np.arange(len(index.paths))
        np.random.RandomState(shuffle_seed).shuffle(order)
        index.paths = [index.paths[i] for i in order]
        index.labels = None if index.labels is None else index.labels[order]
    return index


def subsets_of(index: Index, validation_split: float | None, subset: str | None) -> list[Index]:
    """The index, or the part of it that is wanted: the last files are for validation.

    Raises:
        ArgumentError: a part would be empty.
    """
    if not validation_split:
        return [index]
    count = len(index.paths)
    first = count - int(validation_split * count)
    parts = {"training": index.part(0, first), "validation": index.part(first, count)}
    wanted = list(parts.values()) if subset == "both" else [parts[str(subset)]]
    if not all(part.paths for part in wanted):
        raise ArgumentError(
            f"validation_split={validation_split} of {count} files leaves nothing for one of the parts."
        )
    return wanted


def check_split(validation_split: Any, subset: Any, shuffle: bool, seed: Any) -> None:
    """Refuse arguments that contradict each other."""
    if validation_split is not None and not 0 < validation_split < 1:
        raise ArgumentError(f"validation_split cannot be {validation_split!r}.", expected="a number between 0 and 1")
    if (validation_split is None) != (subset is None):
        raise ArgumentError("validation_split and subset go together.", got=f"{validation_split!r} and {subset!r}")
    if subset not in (*SUBSETS, None):
        raise ArgumentError(f"There is no subset {subset!r}.", expected=", ".join(SUBSETS))
    if validation_split and shuffle and seed is None:
        raise ArgumentError(
            "A shuffled split needs a seed, else what is for validation in one call is for training in the next.",
            hint="seed=...",
        )


def _subfolders(root: str, class_names: Sequence[str] | None, follow_links: bool) -> list[str]:
    found = sorted(name for name in os.listdir(root) if name[0] != "." and os.path.isdir(os.path.join(root, name)))
    if class_names is not None:
        if not set(class_names) <= set(found) or len(set(class_names)) < len(class_names):
            raise ArgumentError(
                "class_names are subfolders, each once.", got=repr(list(class_names)), expected=repr(found)
            )
        found = list(class_names)
    for name in found:
        path = os.path.join(root, name)
        if not follow_links and os.path.islink(path) and not _lies_in(path, root):
            raise _refused(path, "a link to a folder elsewhere")
    return found


def _files(root: str, name: str, endings: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    """The files whose names have one of these endings, each a file, and not one elsewhere unless links are followed."""
    walked = _walked(os.path.join(root, name), follow_links)
    for folder, entries in sorted(walked, key=lambda step: step[0]):
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.lower().endswith(endings):
                _refuse_no_file(entry, root, follow_links)
                yield os.path.join(folder, entry.name)


def _walked(top: str, follow_links: bool) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Each folder with what is in it and no folder. A folder that links lead to again is entered once."""
    stack, seen = [top], set()
    while stack:
        folder = stack.pop()
        place = os.path.realpath(folder) if follow_links else folder
        if place in seen:
            continue
        seen.add(place)
        with os.scandir(folder) as listed:
            entries = list(listed)
        stack += [os.path.join(folder, e.name) for e in entries if e.is_dir(follow_symlinks=follow_links)]
        yield folder, [entry for entry in entries if not entry.is_dir()]


def _refuse_no_file(entry: os.DirEntry[str], root: str, follow_links: bool) -> None:
    if entry.is_file(follow_symlinks=False):
        return
    if not entry.is_file():  # to open a pipe is to wait for whoever writes into it
        raise _refused(entry.path, "neither a file nor a link to one")
    if not follow_links and not _lies_in(entry.path, root):
        raise _refused(entry.path, "a link to a file elsewhere")


def _lies_in(path: str, root: str) -> bool:
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), ""))


def _refused(path: str, what: str) -> ArgumentError:
    return ArgumentError(
        "A folder of data holds something else than files.",
        got=printable(f"{path}: {what}", 300),
        expected="files below the folder",
        hint="follow_links=True, where you trust it" if "elsewhere" in what else "take it away",
    )


def _labelled(paths: list[str], labels: Any) -> Index:
    if isinstance(labels, str) or not isinstance(labels, (list, tuple, np.ndarray)):
        raise ArgumentError(
            f"labels cannot be {labels!r}.", expected='"inferred", None, or a list of a class number for each file'
        )
    if len(labels) != len(paths):
        raise ArgumentError("There is a label for each file.", got=f"{len(labels)} labels, {len(paths)} files")
    return Index(paths, np.asarray(labels, "int32"), [str(label) for label in sorted(set(labels))])
