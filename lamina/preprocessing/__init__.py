"""Where Keras 2 had what prepares data: pictures, sequences, texts, and loaders from folders.

Code of today takes `lamina.utils`, layers that prepare data, and Datasets; what is shared is defined there.
"""

from lamina.public_names import names_of
from lamina.utils import (
    image_dataset_from_directory,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)

from . import image, sequence, text

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

__getattr__, __dir__ = names_of(__name__, __all__)
