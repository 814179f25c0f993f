"""Small data sets by Keras' names: fetched once, checked by their hash, read as data.

Files are kept in ``~/.lamina/datasets`` (`LAMINA_HOME` is another place for ``~/.lamina``). Without a connection
the error says which file goes where.
"""

from lamina.public_names import names_of

from . import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from .files import DatasetError

__all__ = [
    "DatasetError",
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]

__getattr__, __dir__ = names_of(__name__, __all__)
