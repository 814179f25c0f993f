"""Pictures as Keras 2 prepared them. Today it is `utils.image_dataset_from_directory` and layers that augment."""

from lamina.public_names import names_of
from lamina.utils import array_to_img, img_to_array, load_img, save_img

from .affine import apply_affine_transform
from .changes import (
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from .folders import DirectoryIterator
from .frames import DataFrameIterator
from .generator import ImageDataGenerator
from .iterators import Iterator, NumpyArrayIterator
from .resizing import smart_resize

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]

__getattr__, __dir__ = names_of(__name__, __all__)
