"""Files that Keras has published for its applications: where each is, and how it is known to be whole."""

from __future__ import annotations

from typing import NamedTuple

from lamina.graph import LaminaError
from lamina.utils.files import cache_folder, get_file

_STORAGE = "https://storage.googleapis.com/"
_APPLICATIONS = f"{_STORAGE}tensorflow/keras-applications/"


class DownloadError(LaminaError, OSError):
    """A file that is needed is not here, and cannot be had. An `OSError`."""

    __module__ = "lamina.applications"


class Published(NamedTuple):
    """A file of Keras' own.

    Args:
        url: where it is.
        name: what it is called in the cache, as in Keras'.
        hash: md5 or sha256 of what is in it; None where Keras tells none.
    """

    url: str
    name: str
    hash: str | None

    def fetch(self, instead: str) -> str:
        """The path of the file, which is downloaded unless it is in the cache.

        Args:
            instead: what else the caller could write.

        Raises:
            DownloadError: it cannot be downloaded. ArgumentError: what came is another file.
        """
        try:
            return get_file(self.name, self.url, cache_subdir="models", file_hash=self.hash)
        except OSError as error:
            place = cache_folder("models") / self.name
            other = f"\n{place} is there, and holds something else (its hash differs)" if place.is_file() else ""
            raise DownloadError(
                f"The file {self.name!r} is not in the cache, and could not be downloaded.",
                got=f"{error}{other}",
                expected=f"{self.url}\nin {place}",
                hint=f"download it where there is a network, and copy it there; or {instead}",
            ) from error


class Weights(NamedTuple):
    """The two files of an architecture: with its head, and without."""

    top: Published
    bare: Published


CLASSES = Published(
    f"{_STORAGE}download.tensorflow.org/data/imagenet_class_index.json",
    "imagenet_class_index.json",
    "c2c37ea517e94d9795004a39431a14cb",
)
"""WordNet's number and an English name of each class of ImageNet, by its place in the predictions."""


def weights(
    stem: str,
    hashes: tuple[str | None, str | None],
    *,
    ends: tuple[str, str] = (".h5", "_notop.h5"),
    folder: str = _APPLICATIONS,
    kept_as: str | None = None,
) -> Weights:
    """The files ``folder + stem + end``, for each of both ends.

    Args:
        kept_as: what takes the place of the stem in the cache, with "-" of the ends written "_".

    >>> weights("vgg16/vgg16", (None, None)).bare.url.rpartition("/")[2]
    'vgg16_notop.h5'
    """
    names = [(stem + end).rpartition("/")[2] if kept_as is None else kept_as + end.replace("-", "_") for end in ends]
    top, bare = (
        Published(folder + stem + end, name, told) for end, name, told in zip(ends, names, hashes, strict=True)
    )
    return Weights(top, bare)


def kernels(folder: str, stem: str, hashes: tuple[str, str]) -> Weights:
    """The files whose names end as the oldest of them do.

    >>> kernels("vgg16", "vgg16", ("0" * 32, "0" * 32)).top.name
    'vgg16_weights_tf_dim_ordering_tf_kernels.h5'
    """
    return weights(f"{folder}/{stem}_weights_tf_dim_ordering_tf_kernels", hashes)


def of_efficientnet(stem: str, hashes: tuple[str, str]) -> Weights:
    """The files of the first EfficientNet, which lie in a place of their own."""
    return weights(stem, hashes, folder=f"{_STORAGE}keras-applications/")
