"""Nothing public without a test: each layer has cases beside Keras, each of its arguments a case that changes it."""

from __future__ import annotations

import inspect
from collections import defaultdict
from typing import Any

import keras
import pytest

from lamina import layers
from tests.layers.cases import CASES
from tests.layers.cases.form import subs

# Classes that cannot stand in the table, and the file that tests each.
ELSEWHERE = {
    "InputSpec": "what a layer demands, no layer: tests/graph",
    "Layer": "the base of all: tests/graph",
    "Wrapper": "a base that computes nothing of its own: its layers have cases",
    "InputLayer": "computes nothing: tests/models",
    "AddedLoss": "the node of `add_loss`, which Keras does not have: tests/training",
    **dict.fromkeys(
        ("HashedCrossing", "Hashing", "IntegerLookup", "StringLookup"), "Keras' own ask for TensorFlow: test_lookups.py"
    ),
    "MaxNumBoundingBoxes": "takes dicts alone: test_augmentation.py",
    "TextVectorization": "Keras' own asks for TensorFlow: test_text_vectorization.py",
    "TorchModule": "Keras' own keeps its weights in other objects: tests/models",
}
# Arguments of every layer, which have tests of their own.
COMMON = {"name", "dtype", "trainable", "autocast", "kwargs"}
# Arguments that no case can change.
UNUSED = {
    ("BatchNormalization", "synchronized"): "alone it changes nothing: tests/distribution",
    ("CategoryEncoding", "sparse"): "refused; that is among the errors",
    ("Discretization", "num_bins"): "nothing to call before adapt: test_preparing.py",
    ("Discretization", "sparse"): "refused; that is among the errors",
    ("Bidirectional", "weights"): "values that the comparison overwrites: test_reference_b.py",
    ("Lambda", "mask"): "a function, which no config holds: test_masks.py",
    ("LayerNormalization", "rms_scaling"): "Keras only warns of it: test_reference_a.py",
    ("Resizing", "fill_mode"): "has one value",
    ("SimpleRNN", "activity_regularizer"): "Keras takes it and forgets it: test_reference_b.py",
}
# Arguments of Keras' that speak of what Lamina does from outside the layer, or does not offer.
FOREIGN = {"quantization_config", "gptq_unpacked_column_size"}
# Keras' public names of classes that bear another one within Keras or here.
RENAMED = {"TorchModuleWrapper", "GroupQueryAttention"}
# Names of Keras' that are later work: the other engines' wrappers.
LATER = {"FlaxLayer", "JaxLayer", "TFSMLayer"}


def public() -> dict[str, type]:
    """The classes by name; one with several names, by the name of the class."""
    found = {name: getattr(layers, name) for name in layers.__all__}
    return {name: cls for name, cls in found.items() if isinstance(cls, type) and cls.__name__ == name}


def given() -> dict[str, list[dict[str, Any]]]:
    """Of each class, the arguments it is made with, in cases of its own and within other layers."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in CASES:
        found[getattr(layers, case.layer).__name__].append(dict(case.arguments))
        for sub in subs(dict(case.arguments)):
            found[getattr(layers, sub.name).__name__].append(sub.kwargs)
    return found


GIVEN = given()
NAMES = sorted(set(public()) - set(ELSEWHERE))


def arguments(cls: Any) -> dict[str, Any]:
    """Names and defaults."""
    return {p.name: p.default for p in inspect.signature(cls).parameters.values()}


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_has_four_cases(name: str) -> None:
    own = [case for case in CASES if getattr(layers, case.layer).__name__ == name]
    assert len({str(case) for case in own}) >= 4, f"{name} has {len(own)} cases in tests/layers/cases"


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_changes_in_a_case(name: str) -> None:
    idle = {
        argument
        for argument, default in arguments(getattr(layers, name)).items()
        if argument not in COMMON
        and not any(argument in row and _differs(row[argument], default) for row in GIVEN[name])
    }
    assert idle == {argument for layer, argument in UNUSED if layer == name}


def test_exceptions_are_of_layers_that_there_are() -> None:
    assert set(ELSEWHERE) <= set(public())
    assert not set(ELSEWHERE) & {case.layer for case in CASES}
    assert {layer for layer, _ in UNUSED} <= set(NAMES)


def test_names_are_those_of_keras() -> None:
    theirs = {name for name in dir(keras.layers) if not name.startswith("_")} - LATER
    assert theirs <= set(layers.__all__)
    aliases = {name: getattr(keras.layers, name).__name__ for name in theirs if name not in RENAMED}
    assert {name: getattr(layers, name).__name__ for name in aliases} == aliases


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(keras.layers, name)])
def test_arguments_are_those_of_keras(name: str) -> None:
    """Same names in the same order with the same defaults, where one integer may stand for as many equal ones."""
    ours, theirs = (
        [(argument, _short(default)) for argument, default in arguments(cls).items() if argument not in COMMON]
        for cls in (getattr(layers, name), getattr(keras.layers, name))
    )
    theirs = [row for row in theirs if row[0] not in FOREIGN]
    assert ours[: len(theirs)] == theirs
    # What Keras' convolutions take among others.
    more = {("LayerNormalization", "rms_scaling")}
    more |= {(f"Conv{rank}D", argument) for rank in (1, 2, 3) for argument in ("lora_rank", "lora_alpha")}
    assert {(name, argument) for argument, _ in ours[len(theirs) :]} <= more


def _short(default: Any) -> Any:
    """`((1, 1), (1, 1))` and `(1, 1)` say the same as 1."""
    if not isinstance(default, tuple):
        return default
    parts = {_short(part) for part in default}
    return parts.pop() if len(parts) == 1 else default


def _differs(value: Any, default: Any) -> bool:
    return default is inspect.Parameter.empty or type(value) is not type(default) or bool(value != default)
