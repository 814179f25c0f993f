"""Which Keras wrote a file."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Version(NamedTuple):
    """The first two numbers of the version of Keras that wrote a file."""

    major: int
    minor: int = 0

    @property
    def old(self) -> bool:
        """Whether it is in the words of Keras 1 or 2."""
        return self.major < 3


# Classes of layers in tf.keras that stand for functions of TensorFlow's.
TF_KINDS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")

TODAY = Version(3)


def version_of(text: Any) -> Version:
    """The version that a file tells; Keras 1 where it tells none, as its first files did not.

    >>> version_of("2.2.4-tf"), version_of("3.15.0"), version_of(None)
    (Version(major=2, minor=2), Version(major=3, minor=15), Version(major=1, minor=0))
    """
    found = re.match(r"(\d{1,4})(?:\.(\d{1,4}))?", text, re.ASCII) if isinstance(text, str) else None
    return Version(int(found[1]), int(found[2] or 0)) if found else Version(1)
