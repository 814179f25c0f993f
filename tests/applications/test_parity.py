"""Every architecture beside Keras' own: one small case of each family here, all of them among the slow tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.applications.compared import check

# A family, the height of the smallest picture that is worth a look.
SMALLEST = [
    ("VGG16", 32, {"include_top": False, "pooling": "max"}),
    ("ResNet50", 64, {"classes": 7, "classifier_activation": None}),
    ("ResNet50V2", 64, {"include_top": False, "pooling": "avg"}),
]
WHOLE = """
    VGG16 VGG19 ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2
""".split()


@pytest.mark.parametrize("name, side, arguments", SMALLEST, ids=lambda value: value if isinstance(value, str) else "")
def test_family(name, side, arguments, tmp_path: Path):
    check(name, tmp_path, (side, side, 3), **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("head", (True, False), ids=("head", "features"))
@pytest.mark.parametrize("name", WHOLE)
def test_architecture(name, head, tmp_path: Path):
    arguments = {"classifier_activation": None} if head else {"include_top": False}
    check(name, tmp_path, (96, 96, 3), files=not head, **arguments)
