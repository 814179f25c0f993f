"""ImageDataGenerator: pictures changed at random and made alike, batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.config import floatx, image_data_format
from lamina.graph import ArgumentError, ShapeError
from lamina.graph.source import warn

from .affine import Array, apply_affine_transform
from .changes import apply_brightness_shift, apply_channel_shift, pair
from .folders import DirectoryIterator
from .frames import DataFrameIterator
from .iterators import NumpyArrayIterator, generator_of

_EPSILON = 1e-6


class ImageDataGenerator:
    """Pictures changed at random, then made alike, as Keras 2 did it. It works picture by picture in NumPy.

    Args:
        featurewise_center, featurewise_std_normalization, zca_whitening, zca_epsilon: by the mean, the deviation, the
            covariance of the pictures that `fit` was given.
        samplewise_center, samplewise_std_normalization: by the picture's own.
        rotation_range, shear_range: degrees, at most.
        width_shift_range, height_shift_range: a share below 1 of the side, or pixels; a list to choose from. As in
            Keras the first moves rows and the second columns.
        brightness_range: two numbers; needs Pillow.
        zoom_range: two numbers, or a share around 1.
        channel_shift_range: added to all values, at most.
        fill_mode, cval, interpolation_order: see `apply_affine_transform`.
        horizontal_flip, vertical_flip: every second picture.
        rescale: a factor.
        preprocessing_function: a picture -> a picture, before `rescale`.
        data_format: "channels_last" or "channels_first"; by default `lamina.config.image_data_format()`.
        validation_split: share of the data that ``subset="validation"`` has.
        dtype: of the batches; by default `lamina.config.floatx()`.

    Random numbers are NumPy's global ones, but for iterators with a seed.

    Raises:
        ArgumentError: an argument cannot be.

    >>> generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    >>> x, y = next(generator.flow(np.ones((5, 8, 8, 3)), np.arange(5), batch_size=4))
    >>> x.shape, y.shape
    ((4, 8, 8, 3), (4,))
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Any = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        self.data_format = image_data_format() if data_format is None else data_format
        if self.data_format not in ("channels_last", "channels_first"):
            raise ArgumentError(
                f"data_format cannot be {data_format!r}.", expected="'channels_last' or 'channels_first'"
            )
        last = self.data_format == "channels_last"
        self.channel_axis, self.row_axis, self.col_axis = (3, 1, 2) if last else (1, 2, 3)
        if validation_split and not 0 < validation_split < 1:
            raise ArgumentError(f"validation_split cannot be {validation_split!r}.", expected="a share from 0 to 1")
        self._validation_split = validation_split
        self.featurewise_center = bool(featurewise_center or featurewise_std_normalization or zca_whitening)
        self.featurewise_std_normalization = bool(featurewise_std_normalization and not zca_whitening)
        self.samplewise_center = bool(samplewise_center or samplewise_std_normalization)
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = None if brightness_range is None else pair("brightness_range", brightness_range)
        is_share = isinstance(zoom_range, (int, float))
        self.zoom_range = [1 - zoom_range, 1 + zoom_range] if is_share else list(pair("zoom_range", zoom_range))
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.dtype = floatx() if dtype is None else dtype
        self.mean: Array | None = None
        self.std: Array | None = None
        self.zca_whitening_matrix: Array | None = None

    # -- batches

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Batches of pictures in memory, see `NumpyArrayIterator`.

        >>> len(ImageDataGenerator().flow(np.ones((5, 8, 8, 3)), batch_size=2))
        3
        """
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight, seed=seed,
            data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix, save_format=save_format,
            subset=subset, ignore_class_split=ignore_class_split, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Batches of pictures from a folder with one folder for each class, see `DirectoryIterator`."""
        return DirectoryIterator(
            directory, self, target_size=target_size, color_mode=color_mode, classes=classes, class_mode=class_mode,
            batch_size=batch_size, shuffle=shuffle, seed=seed, data_format=self.data_format, save_to_dir=save_to_dir,
            save_prefix=save_prefix, save_format=save_format, follow_links=follow_links, subset=subset,
            interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
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
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
    ) -> DataFrameIterator:
        """Batches of pictures whose files and classes a data frame tells, see `DataFrameIterator`."""
        return DataFrameIterator(
            dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col, target_size=target_size,
            color_mode=color_mode, classes=classes, class_mode=class_mode, batch_size=batch_size, shuffle=shuffle,
            seed=seed, data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix,
            save_format=save_format, subset=subset, interpolation=interpolation, dtype=self.dtype,
            validate_filenames=validate_filenames,
        )  # fmt: skip

    # -- one picture

    def standardize(self, x: Array) -> Array:
        """The picture made alike; it is changed in place where it can be.

        >>> ImageDataGenerator(rescale=0.5).standardize(np.ones((1, 2, 1))).ravel()
        array([0.5, 0.5])
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + _EPSILON
        if self.featurewise_center and self._is_fit(self.mean, "featurewise_center"):
            x -= self.mean
        if self.featurewise_std_normalization and self._is_fit(self.std, "featurewise_std_normalization"):
            x /= self.std + _EPSILON  # type: ignore[operator]  # it is fit
        if self.zca_whitening and self._is_fit(self.zca_whitening_matrix, "zca_whitening"):
            x = (x.reshape(1, -1) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _is_fit(self, found: Array | None, what: str) -> bool:
        if found is None:
            warn(
                f"ImageDataGenerator({what}=True) has met no pictures yet, and leaves these as they are: fit(x) first."
            )
        return found is not None

    def get_random_transform(self, img_shape: tuple[int, ...], seed: int | None = None) -> dict[str, Any]:
        """How a picture of this shape is to be changed, drawn at random; for `apply_transform`.

        >>> sorted(ImageDataGenerator().get_random_transform((8, 8, 3)))[:3]
        ['brightness', 'channel_shift_intensity', 'flip_horizontal']
        """
        return self.drawn_transform(img_shape, generator_of(seed))

    def drawn_transform(self, img_shape: tuple[int, ...], random: Any) -> dict[str, Any]:
        """`get_random_transform` with the numbers of a generator of NumPy's."""
        rows, columns = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        theta = random.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        tx = _shift(random, self.height_shift_range, rows)
        ty = _shift(random, self.width_shift_range, columns)
        shear = random.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        zx, zy = (1, 1) if self.zoom_range == [1, 1] else random.uniform(*self.zoom_range, 2)
        flips = [bool(random.random_sample() < 0.5) and wanted for wanted in (self.horizontal_flip, self.vertical_flip)]
        most = self.channel_shift_range
        intensity = random.uniform(-most, most) if most != 0 else None
        brightness = None if self.brightness_range is None else random.uniform(*self.brightness_range)
        return {
            "theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy, "flip_horizontal": flips[0],
            "flip_vertical": flips[1], "channel_shift_intensity": intensity, "brightness": brightness,
        }  # fmt: skip

    def apply_transform(self, x: Array, transform_parameters: dict[str, Any]) -> Array:
        """A picture changed as `get_random_transform` says; what is not said stays.

        >>> ImageDataGenerator().apply_transform(np.arange(3.0).reshape(1, 3, 1), {"flip_horizontal": True}).ravel()
        array([2., 1., 0.])
        """
        told = transform_parameters.get
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        moves = {name: told(name, default) for name, default in (("theta", 0), ("tx", 0), ("ty", 0), ("shear", 0),
                                                                 ("zx", 1), ("zy", 1))}  # fmt: skip
        x = apply_affine_transform(
            x, **moves, row_axis=rows, col_axis=columns, channel_axis=channels, fill_mode=self.fill_mode,
            cval=self.cval, order=self.interpolation_order,
        )  # fmt: skip
        intensity, brightness = told("channel_shift_intensity"), told("brightness")
        if intensity is not None:
            x = apply_channel_shift(x, intensity, channels)
        if told("flip_horizontal", False):
            x = np.flip(x, columns)
        if told("flip_vertical", False):
            x = np.flip(x, rows)
        if brightness is not None:
            x = apply_brightness_shift(x, brightness, False)
        return x

    def random_transform(self, x: Array, seed: int | None = None) -> Array:
        """A picture changed at random.

        >>> ImageDataGenerator(rotation_range=20).random_transform(np.ones((4, 4, 3))).shape
        (4, 4, 3)
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learn the mean, the deviation or the covariance of pictures (N, H, W, C), as far as the arguments ask for it.

        Args:
            augment: of pictures that are changed at random, `rounds` times each.

        Raises:
            ShapeError: `x` has another rank.

        >>> generator = ImageDataGenerator(featurewise_center=True)
        >>> generator.fit(np.full((3, 2, 2, 1), 5.0))
        >>> generator.mean.ravel()
        array([5.], dtype=float32)
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ShapeError("ImageDataGenerator.fit takes pictures.", got=str(x.shape), expected="4 axes")
        if self.rescale:
            x *= self.rescale
        if augment:
            random = generator_of(seed)
            rows = [
                self.apply_transform(row, self.drawn_transform(row.shape, random)) for _ in range(rounds) for row in x
            ]
            x = np.stack(rows).astype(self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes, keepdims=True)[0]
            x /= self.std + _EPSILON
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))).dot(u.T)


def _shift(random: Any, limits: Any, size: int) -> float:
    """So many pixels, up to a number or one of a list; shares of the side where they are below 1."""
    if not np.any(limits):
        return 0
    if np.ndim(limits) or isinstance(limits, (int, np.integer)):
        drawn = random.choice(limits) * random.choice([-1, 1])
    else:
        drawn = random.uniform(-limits, limits)
    return float(drawn * size if np.max(limits) < 1 else drawn)
