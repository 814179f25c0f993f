"""Batches of pictures from files: what is shared, and the iterator over a folder with one folder for each class."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from lamina.config import floatx, image_data_format, is_interactive_logging_enabled
from lamina.graph import ArgumentError
from lamina.missing_files import refuse_missing_folder
from lamina.utils import img_to_array, load_img

from .affine import Array
from .iterators import Iterator

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class BatchFromFilesMixin(Iterator):
    """Base of iterators that know a file for each row; a subclass sets `filepaths`, `class_mode` and labels."""

    filepaths: list[str]
    class_indices: dict[Any, int]
    class_mode: str | None = None
    labels: Any = None
    sample_weight: Any = None
    dtype: Any = "float32"

    def set_processing_attrs(
        self,
        image_data_generator: Any,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        """Keep how pictures are read.

        Raises:
            ArgumentError: a color_mode or a subset that there is not.
        """
        if color_mode not in _CHANNELS:
            raise ArgumentError(f"color_mode cannot be {color_mode!r}.", expected=", ".join(map(repr, _CHANNELS)))
        if subset not in (None, "training", "validation"):
            raise ArgumentError(f"subset cannot be {subset!r}.", expected="'training' or 'validation'")
        height, width = target_size
        self.image_data_generator, self.target_size = image_data_generator, (height, width)
        self.color_mode, self.data_format = color_mode, data_format
        channels = (_CHANNELS[color_mode],)
        first = data_format == "channels_first"
        self.image_shape = (*channels, *self.target_size) if first else (*self.target_size, *channels)
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.interpolation, self.keep_aspect_ratio, self.subset = interpolation, keep_aspect_ratio, subset
        share = getattr(image_data_generator, "_validation_split", 0.0)
        self.split = None if subset is None else (0, share) if subset == "validation" else (share, 1)

    def own_part(self, files: list[Any]) -> list[Any]:
        """Of rows those of the subset."""
        if self.split is None:
            return files
        return files[int(self.split[0] * len(files)) : int(self.split[1] * len(files))]

    def _get_batches_of_transformed_samples(self, index_array: Array) -> Any:
        batch = np.zeros((len(index_array), *self.image_shape), dtype=self.dtype)
        for place, row in enumerate(index_array):
            picture = load_img(
                self.filepaths[row], self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio
            )
            x = img_to_array(picture, self.data_format)
            batch[place] = self.changed(x, self.image_data_generator) if self.image_data_generator else x
        if self.save_to_dir:
            most = 10_000_000
            self.save(batch, index_array, self.save_to_dir, self.save_prefix, self.save_format, self.data_format, most)
        if self.class_mode is None:
            return batch
        targets = self._targets(batch, index_array)
        return (batch, targets) if self.sample_weight is None else (batch, targets, self.sample_weight[index_array])

    def _targets(self, batch: Array, rows: Array) -> Any:
        if self.class_mode == "input":
            return batch.copy()
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.labels[row] for row in rows], dtype=self.dtype)
        if self.class_mode == "categorical":
            targets = np.zeros((len(rows), len(self.class_indices)), dtype=self.dtype)
            for place, row in enumerate(rows):
                targets[place, self.labels[row]] = 1.0
            return targets
        return [part[rows] for part in self.labels] if self.class_mode == "multi_output" else self.labels[rows]


class DirectoryIterator(BatchFromFilesMixin):
    """Batches of pictures from a folder with one folder for each class.

    Args:
        directory: the folder.
        image_data_generator: what changes the pictures; None: nothing.
        target_size: (height, width) that they are resized to, by `interpolation` of Pillow's.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: the names of folders that are classes, in their order; by default all, sorted.
        class_mode: targets are "categorical", rows of 0 and 1; "binary" or "sparse", numbers of classes; "input", the
            pictures; None, no targets.
        batch_size, shuffle, seed: see `Iterator`.
        follow_links: look into folders that are links.
        subset: "training" or "validation", of each class.
        keep_aspect_ratio: cut instead of stretching.
        data_format, save_to_dir, save_prefix, save_format, dtype: see `NumpyArrayIterator`.

    Attributes:
        class_indices: class -> number. classes: the number for each file. filenames: the files, below `directory`.

    Raises:
        ArgumentError: an argument cannot be. MissingDataError: there is no such folder.
    """

    allowed_class_modes = ("categorical", "binary", "sparse", "input", None)

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        data_format = image_data_format() if data_format is None else data_format
        self.set_processing_attrs(
            image_data_generator, target_size, color_mode, data_format, save_to_dir, save_prefix, save_format, subset,
            interpolation, keep_aspect_ratio,
        )  # fmt: skip
        if class_mode not in self.allowed_class_modes:
            raise ArgumentError(
                f"class_mode cannot be {class_mode!r}.", expected=", ".join(map(repr, self.allowed_class_modes))
            )
        self.directory, self.class_mode = os.fspath(directory), class_mode
        self.dtype = floatx() if dtype is None else dtype
        refuse_missing_folder(directory, "a folder with one folder of pictures for each class")
        names = classes or sorted(entry.name for entry in os.scandir(self.directory) if entry.is_dir())
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.num_classes = len(names)
        self.filenames: list[str] = []
        numbers: list[int] = []
        for name, number in self.class_indices.items():
            found = self.own_part(self._pictures(name, follow_links))
            self.filenames += found
            numbers += [number] * len(found)
        self.samples = len(self.filenames)
        self.classes = self.labels = np.array(numbers, dtype="int32")
        tell(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _pictures(self, name: str, follow_links: bool) -> list[str]:
        """The pictures of a class, below the folder of all."""
        top = os.path.join(self.directory, name)
        walked = sorted(os.walk(top, followlinks=follow_links), key=lambda entry: entry[0])
        return [
            os.path.relpath(os.path.join(root, file), self.directory)
            for root, _, files in walked
            for file in sorted(files)
            if file.lower().endswith(self.white_list_formats)
        ]


def tell(text: str) -> None:
    """Print, where output is wanted."""
    if is_interactive_logging_enabled():
        print(text)  # noqa: T201 - as Keras' loaders do
