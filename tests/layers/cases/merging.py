"""Add and its kin, Concatenate, Dot."""

from __future__ import annotations

import torch

from lamina import layers
from lamina.graph import LaminaError, ShapeError, StructureError
from tests.layers.cases.form import case
from tests.layers.cases.wrong import bad_argument, misuse, symbolic

X = (2, 5, 3)
T = torch.zeros(2, 5, 3)
CASES = [
    *(
        case(name, shapes)
        for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")
        for shapes in ([X, X], [X, X, X], [X, (2, 3)], [X, (2, 5, 1)], [(2, 3), (2, 4, 5, 3)], [X])
    ),
    *(case("Subtract", shapes) for shapes in ([X, X], [X, (2, 3)], [(2, 1, 3), (2, 5, 1)], [(2, 3), (2, 4, 5, 3)])),
    case("Concatenate", [X, (2, 5, 4)]),
    case("Concatenate", [X, (2, 1, 3), X], axis=1),
    case("Concatenate", [X, (2, 5, 4)], axis=2),
    case("Concatenate", [X, (4, 5, 3)], axis=0, test_training=()),
    case("Concatenate", [X]),
    case("Dot", [(2, 4), (2, 4)], axes=1),
    case("Dot", [(2, 4), (2, 4)], axes=-1, normalize=True),
    case("Dot", [(2, 3, 4), (2, 5, 3)], axes=(1, 2)),
    case("Dot", [(2, 3, 4), (2, 5, 3)], axes=(1, 2), normalize=True),
    case("Dot", [(2, 3, 4), (2, 3)], axes=1),
    case("Dot", [(2, 3), (2, 4, 5, 3)], axes=(1, 3)),
    case("Dot", [(2, 3, 4, 5), (2, 5, 6)], axes=(3, 1)),
]


ERRORS = [
    bad_argument("Concatenate", ["axis", "'last'"], axis="last"),
    bad_argument("Dot", ["Dot", "axes", "batch"], axes=0),
    bad_argument("Dot", ["Dot", "axes", "pair"], axes=(1, 2, 3)),
    bad_argument("Dot", ["Dot", "axes", "1.5"], axes=1.5),
    misuse(
        "structure",
        "Add",
        "a tensor to Add",
        lambda: layers.Add()(symbolic(3)),
        StructureError,
        ["Add", "list", "Add()([a, b])"],
    ),
    misuse(
        "structure",
        "Add",
        "a real tensor to Add",
        lambda: layers.Add()(T),
        StructureError,
        ["Add", "one tensor of shape"],
    ),
    misuse("value", "Add", "an empty list to Add", lambda: layers.Add()([]), LaminaError, ["Add"]),
    misuse(
        "structure",
        "Subtract",
        "one to Subtract",
        lambda: layers.Subtract()([symbolic(3)]),
        StructureError,
        ["Subtract", "2 tensors", "1 tensors"],
    ),
    misuse(
        "structure",
        "Dot",
        "three to Dot",
        lambda: layers.Dot(1)([symbolic(3)] * 3),
        StructureError,
        ["Dot", "3 tensors"],
    ),
    misuse(
        "width",
        "Add",
        "widths in Add",
        lambda: layers.Add(name="join")([symbolic(3), symbolic(3), symbolic(4)]),
        ShapeError,
        ['Add "join" cannot merge input 2', "(None, 4)   input 2", "Dense"],
    ),
    misuse(
        "width",
        "Add",
        "batches in Add",
        lambda: layers.Add()([torch.zeros(2, 3), torch.zeros(5, 3)]),
        ShapeError,
        ["input 1", "(5, 3)"],
    ),
    misuse(
        "width",
        "Concatenate",
        "lengths in Concatenate",
        lambda: layers.Concatenate()([symbolic(5, 3), symbolic(6, 3)]),
        ShapeError,
        ["Concatenate", "input 1", "all but axis -1", "axis 1"],
    ),
    misuse(
        "width",
        "Concatenate",
        "ranks in Concatenate",
        lambda: layers.Concatenate()([symbolic(5, 3), symbolic(3)]),
        ShapeError,
        ["input 1", "3 axes", "Flatten()"],
    ),
    misuse(
        "width",
        "Concatenate",
        "axis of Concatenate",
        lambda: layers.Concatenate(axis=3)([symbolic(5, 3), symbolic(5, 3)]),
        ShapeError,
        ["Concatenate", "axis 3"],
    ),
    misuse(
        "width",
        "Dot",
        "axes of Dot",
        lambda: layers.Dot(axes=1)([symbolic(3), symbolic(4)]),
        ShapeError,
        ["Dot", "input 1", "size 3", "not 4"],
    ),
]
