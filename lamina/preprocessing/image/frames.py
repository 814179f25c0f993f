"""DataFrameIterator: batches of pictures whose files, classes and weights a data frame tells."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ArgumentTypeError
from lamina.graph.source import warn
from lamina.missing_files import refuse_missing_folder

from .folders import BatchFromFilesMixin, tell

_WITHOUT_CLASSES = ("input", "multi_output", "raw", None)


class DataFrameIterator(BatchFromFilesMixin):
    """Batches of pictures, a row of a data frame (pandas, polars) for each.

    Args:
        dataframe: has a column `x_col` of file names, below `directory` if that is given.
        y_col: the column of targets, or a list of columns for "multi_output".
        weight_col: the column of sample weights.
        classes: the classes, in their order; others are left out. By default all, sorted.
        class_mode: "categorical", rows of 0 and 1 (texts, or lists of texts for several); "binary", "sparse", numbers
            of classes; "raw", what stands in the column; "multi_output"; "input", the pictures; None, no targets.
        validate_filenames: leave out rows without a file, with a warning.
        image_data_generator, target_size, color_mode, interpolation, keep_aspect_ratio, batch_size, shuffle, seed,
            data_format, save_to_dir, save_prefix, save_format, subset, dtype: see `DirectoryIterator`.

    Raises:
        ArgumentError: an argument cannot be. ArgumentTypeError: a column of something else. MissingDataError: there is
            no such folder, and files are to be validated.
    """

    allowed_class_modes = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self.set_processing_attrs(
            image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix, save_format, subset,
            interpolation, keep_aspect_ratio,
        )  # fmt: skip
        self.directory, self.dtype = os.fspath(directory or ""), dtype
        self.class_mode = "raw" if class_mode == "other" else class_mode
        columns = {name: _column(dataframe, name) for name in (x_col, weight_col) if name is not None}
        names = [] if class_mode in ("input", None) else y_col if isinstance(y_col, list) else [y_col]
        columns |= {name: _column(dataframe, name) for name in names}
        self._check(columns, x_col, y_col, weight_col, classes)
        kept = list(range(len(columns[x_col])))
        if validate_filenames:
            if self.directory:
                refuse_missing_folder(self.directory, f"the folder of the pictures that the column {x_col!r} names")
            kept = self._with_files(columns[x_col], kept, x_col)
        if self.class_mode not in _WITHOUT_CLASSES:
            kept = self._of_classes(columns[y_col], kept, classes)
        kept = self.own_part(kept)
        self._take_targets(columns, kept, y_col)
        self.filenames = [columns[x_col][row] for row in kept]
        self.sample_weight = None if weight_col is None else np.array([columns[weight_col][row] for row in kept])
        self.samples = len(kept)
        known = f" belonging to {len(self.class_indices)} classes" if self.class_mode not in _WITHOUT_CLASSES else ""
        tell(f"Found {self.samples} {'' if validate_filenames else 'non-'}validated image filenames{known}.")
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _check(self, columns: dict[str, list[Any]], x_col: str, y_col: Any, weight_col: Any, classes: Any) -> None:
        mode = self.class_mode
        if mode not in self.allowed_class_modes:
            expected = ", ".join(map(repr, self.allowed_class_modes))
            raise ArgumentError(f"class_mode cannot be {mode!r}.", expected=expected)
        if mode == "multi_output" and not isinstance(y_col, list):
            raise ArgumentTypeError("class_mode='multi_output' needs a list of columns.", got=f"y_col={y_col!r}")
        _check_types(columns[x_col], x_col, (str,))
        if mode in ("binary", "sparse"):
            _check_types(columns[y_col], y_col, (str,))
        if mode == "categorical":
            _check_types(columns[y_col], y_col, (str, list, tuple))
        count = len(set(classes or columns[y_col])) if mode == "binary" else 2
        if count != 2:
            raise ArgumentError("class_mode='binary' needs two classes.", got=f"{count}")
        if weight_col:
            _check_types(columns[weight_col], weight_col, (int, float, np.number))

    def _with_files(self, names: list[str], rows: list[int], x_col: str) -> list[int]:
        def is_picture(name: str) -> bool:
            path = os.path.join(self.directory, name)
            return name.lower().endswith(self.white_list_formats) and os.path.isfile(path)

        kept = [row for row in rows if is_picture(names[row])]
        if len(kept) < len(rows):
            warn(f"{len(rows) - len(kept)} names in the column {x_col!r} are those of no picture, and left out.")
        return kept

    def _of_classes(self, labels: list[Any], rows: list[int], classes: Any) -> list[int]:
        """Rows that have a class; the classes get their numbers."""
        met = {one for row in rows for one in _listed(labels[row])}
        wanted = list(dict.fromkeys(classes)) if classes else sorted(met)
        self.class_indices = {name: number for number, name in enumerate(wanted)}
        return [row for row in rows if any(one in self.class_indices for one in _listed(labels[row]))]

    def _take_targets(self, columns: dict[str, list[Any]], rows: list[int], y_col: Any) -> None:
        if self.class_mode == "multi_output":
            self.labels = [np.array([columns[name][row] for row in rows]) for name in y_col]
        elif self.class_mode == "raw":
            names = y_col if isinstance(y_col, list) else [y_col]
            parts = [np.array([columns[name][row] for row in rows]) for name in names]
            self.labels = np.stack(parts, 1) if isinstance(y_col, list) else parts[0]
        elif self.class_mode not in _WITHOUT_CLASSES:
            self.classes = self.labels = [self._numbers(columns[y_col][row]) for row in rows]

    def _numbers(self, label: Any) -> Any:
        if isinstance(label, str):
            return self.class_indices[label]
        return [self.class_indices[one] for one in label if one in self.class_indices]


def _column(frame: Any, name: Any) -> list[Any]:
    try:
        values: list[Any] = frame[name].to_list()
    except (KeyError, AttributeError, TypeError, IndexError) as error:
        got = f"columns {list(getattr(frame, 'columns', []))}"
        raise ArgumentError(f"The data frame has no column {name!r}.", got=got) from error
    except Exception as error:
        raise ArgumentError(f"The data frame has no column {name!r}.", got=f"{error}"[:200]) from error
    return values


def _check_types(values: list[Any], name: Any, types: tuple[type, ...]) -> None:
    odd = next((value for value in values if not isinstance(value, types)), None)
    if odd is not None:
        due = " or ".join(kind.__name__ for kind in types)
        raise ArgumentTypeError(f"The column {name!r} holds something else.", got=f"{odd!r}"[:80], expected=due)


def _listed(label: Any) -> list[Any]:
    return [label] if isinstance(label, str) else list(label)
