"""Resizing, CenterCrop: pictures of one size."""

from __future__ import annotations

import torch

from lamina import layers
from lamina.graph import StructureError
from tests.layers.cases.form import FIRST, case
from tests.layers.cases.wrong import bad_argument, bad_input, misuse

BYTES = {"test_input_dtype": "uint8"}
SIZE = {"height": 5, "width": 9}

CASES = [
    case("Resizing", (2, 6, 7, 3), height=4, width=5),
    case("Resizing", (2, 6, 7, 3), **SIZE, interpolation="nearest"),
    case("Resizing", (2, 6, 7, 3), **SIZE, interpolation="bicubic", antialias=True),
    case("Resizing", (2, 6, 7, 3), height=3, width=3, antialias=True),
    case("Resizing", (2, 6, 7, 3), **SIZE, crop_to_aspect_ratio=True),
    case("Resizing", (2, 6, 7, 3), **SIZE, pad_to_aspect_ratio=True, fill_mode="constant", fill_value=2.0),
    case("Resizing", (2, 3, 6, 7), **SIZE, **FIRST),
    case("Resizing", (6, 7, 3), **SIZE),
    case("Resizing", (3, 6, 7), **SIZE, pad_to_aspect_ratio=True, **FIRST),
    case("Resizing", (2, 6, 7, 3), **SIZE, **BYTES),
    case("Resizing", (2, 6, 7, 3), **SIZE, interpolation="bicubic", test_input_dtype="int32"),
    case("CenterCrop", (2, 6, 7, 3), height=3, width=4),
    case("CenterCrop", (2, 6, 7, 3), height=6, width=2),
    case("CenterCrop", (2, 6, 7, 3), height=9, width=5),
    case("CenterCrop", (2, 6, 7, 3), height=9, width=20),
    case("CenterCrop", (2, 3, 6, 7), height=5, width=3, **FIRST),
    case("CenterCrop", (3, 6, 7), height=8, width=3, **FIRST),
    case("CenterCrop", (6, 7, 3), height=5, width=3),
    case("CenterCrop", (2, 6, 7, 3), height=3, width=4, **BYTES),
    case("CenterCrop", (2, 6, 7, 3), height=8, width=4, **BYTES),
]

ERRORS = [
    bad_argument("Resizing", "Resizing: height cannot be 0", height=0, width=4),
    bad_argument("Resizing", "Resizing: width cannot be 4.5", height=4, width=4.5),
    bad_argument("Resizing", "interpolation cannot be 'area'.*'lanczos3'", **SIZE, interpolation="area"),
    bad_argument("Resizing", "fill_mode cannot be 'reflect'", **SIZE, fill_mode="reflect"),
    bad_argument("Resizing", "fill_value cannot be 'black'", **SIZE, fill_value="black"),
    bad_argument("Resizing", "pad_to_aspect_ratio", **SIZE, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
    bad_argument("Resizing", "data_format cannot be 'last'", **SIZE, data_format="last"),
    bad_argument("CenterCrop", "CenterCrop: height cannot be -1", height=-1, width=4),
    bad_argument("CenterCrop", "CenterCrop: data_format cannot be 'last'", **SIZE, data_format="last"),
    *(bad_input("rank", name, (None, 8), "3.* axes", **SIZE) for name in ("Resizing", "CenterCrop")),
    *(bad_input("rank", name, (None, 2, 3, 4, 5), "3 or 4 axes.*not 5", **SIZE) for name in ("Resizing", "CenterCrop")),
    *(
        misuse(
            "structure",
            name,
            "labels",
            lambda name=name: getattr(layers, name)(4, 4)({"image": torch.zeros(2, 6, 6, 3), "labels": torch.ones(2)}),
            StructureError,
            f"{name}.* cannot take this dict.*'images'",
        )
        for name in ("Resizing", "CenterCrop")
    ),
]
