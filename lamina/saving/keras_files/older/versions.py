"""Which Keras wrote a file."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Version(NamedTuple):
    """The first two numbers of the version of Keras that wrote a file, and whether it was the one in TensorFlow."""

    major: int
    minor: int = 0
    in_tensorflow: bool = False

    @property
    def old(self) -> bool:
        """Whether it is in the words of Keras 1 or 2."""
        return self.major < 3

    @property
    def aligns_corners(self) -> bool:
        """Whether UpSampling2D interpolates from the pixels' corners, as Keras did before it was TensorFlow's."""
        return self.old and not self.in_tensorflow and (self.major, self.minor) < (2, 4)


# Classes of layers in tf.keras that stand for functions of TensorFlow's.
TF_KINDS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")

TODAY = Version(3)


def version_of(text: Any) -> Version:
    """The version that a file tells; Keras 1 where it tells none, as its first files did not.

    >>> tuple(map(tuple, (version_of("2.2.4-tf"), version_of("3.15.0"), version_of(None))))
    ((2, 2, True), (3, 15, False), (1, 0, False))
    """
    found = re.match(r"(\d{1,4})(?:\.(\d{1,4}))?", text, re.ASCII) if isinstance(text, str) else None
    return Version(int(found[1]), int(found[2] or 0), "-tf" in text) if found else Version(1)
