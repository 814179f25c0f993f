"""Layers of one shape that can be confused: random graphs written and read by Lamina and by Keras, in all four ways.

500 graphs with the slow tests, 4 of them without."""

from __future__ import annotations

import json
import random
import zipfile
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina

SEEDS = [seed if seed < 4 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(500)]
LIBRARIES = {"lamina": lamina, "keras": keras}
# Some are one call in Keras and several nodes in Lamina, or the other way round: distances then differ.
FUNCTIONS = [
    lambda k, x: k.ops.softmax(x),
    lambda k, x: k.ops.tanh(x) * 0.5 + x,
    lambda k, x: x - k.ops.var(x, axis=-1, keepdims=True),
    lambda k, x: k.ops.relu6(k.ops.squeeze(k.ops.expand_dims(x, 1), 1)),
    lambda k, x: k.ops.split(k.ops.concatenate([x, -x], axis=-1), 2, axis=-1)[1],
    lambda k, x: k.ops.normalize(x),
    lambda k, x: k.layers.Activation("gelu")(x),
]


def dense(k: Any) -> Any:
    return k.layers.Dense(4, activation="tanh")


def part(k: Any, rng: random.Random, depth: int) -> tuple[Any, int]:
    """A model of (B, 4) -> (B, 4), and how many inputs it has."""
    if rng.random() < 0.3:
        return k.Sequential([k.Input((4,)), dense(k), dense(k)]), 1
    inputs = [k.Input((4,)) for _ in range(rng.choice([1, 2]))]
    tensors, used = wired(k, rng, list(inputs), rng.randint(2, 5), depth)
    ends = [tensors[i] for i in range(len(tensors)) if i not in used]
    return k.Model(inputs, k.layers.Add()(ends) if len(ends) > 1 else ends[0]), len(inputs)


def wired(k: Any, rng: random.Random, tensors: list[Any], steps: int, depth: int) -> tuple[list[Any], set[int]]:
    """The tensors and those that random steps add; and the places of those that some step reads."""
    used: set[int] = set()
    shared: list[tuple[Any, int]] = []
    for _ in range(steps):
        kind = rng.choice(["dense", "dense", "dense", "again", "merge", "function", "model"])
        if kind == "model" and depth:
            shared.append(part(k, rng, depth - 1))
        elif kind in ("dense", "model") or (kind == "again" and not shared):
            shared.append((dense(k), 1))
        layer, count = rng.choice(shared) if kind == "again" else shared[-1] if shared else (None, 0)
        count = {"merge": 2, "function": 1}.get(kind, count)
        places = [rng.randrange(len(tensors)) for _ in range(count)]
        given = [tensors[place] for place in places]
        if kind == "merge":
            merge = rng.choice(["Add", "Average", "Multiply", "+"])
            tensors.append(given[0] + given[1] if merge == "+" else getattr(k.layers, merge)()(given))
        elif kind == "function":
            tensors.append(rng.choice(FUNCTIONS)(k, given[0]))
        else:
            tensors.append(layer(given if len(given) > 1 else given[0]))
        used |= set(places)
    return tensors, used


def model(k: Any, seed: int, deep: bool = True) -> Any:
    """The random model of this seed.

    Args:
        deep: its outputs may be dicts within dicts.
    """
    rng = random.Random(seed)
    inputs = [k.Input((4,), name=f"in{i}") for i in range(rng.randint(1, 3))]
    tensors, used = wired(k, rng, list(inputs), rng.randint(4, 12), depth=2)
    tensors += [dense(k)(tensors[i]) for i in range(len(inputs)) if i not in used]
    ends = [tensors[i] for i in range(len(inputs), len(tensors)) if i not in used]
    rng.shuffle(ends)
    outputs: Any = ends
    if rng.random() < 0.4:
        outputs = {f"{rng.choice('abcxyz')}{i}": end for i, end in enumerate(ends)}
    elif deep and len(ends) > 2 and rng.random() < 0.4:
        outputs = {"z": ends[0], "a": {"y": ends[1], "b": ends[2:]}}
    return k.Model(inputs, outputs)


def filled(made: Any, seed: int) -> Any:
    """The model with weights that are all different."""
    rng = np.random.default_rng(seed)
    made.set_weights([rng.normal(size=w.shape).astype("float32") for w in made.get_weights()])
    return made


def answers(made: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    data = [torch.tensor(rng.normal(size=(3, 4)).astype("float32")) for _ in made.inputs]
    with torch.no_grad():
        found = made(data if len(data) > 1 else data[0])
    return {
        str(path): leaf.numpy()
        for path, leaf in lamina.tree.flatten_with_path(found)  # sorted keys, in both
    }


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for path, value in one.items():
        np.testing.assert_allclose(other[path], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("writer", LIBRARIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_equal_layers_keep_their_weights(seed, writer, tmp_path):
    original = filled(model(LIBRARIES[writer], seed), seed)
    expected = answers(original)
    original.save(tmp_path / "a.keras")
    for reader in LIBRARIES.values():
        loaded = reader.models.load_model(tmp_path / "a.keras")
        same(expected, answers(loaded))
        if seed % 20 == 0:  # and so does what was read, written again
            loaded.save(tmp_path / "b.keras")
            for again in LIBRARIES.values():
                same(expected, answers(again.models.load_model(tmp_path / "b.keras")))


def two_chains(k: Any) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    x, y = dense(k)(a), dense(k)(b)
    return k.Model([a, b], k.layers.Concatenate()([dense(k)(x), dense(k)(y)]))


def test_entries_are_written_in_keras_order(tmp_path):
    """So that a reader that goes by them, as Lamina 0.1 did, has the weights right."""
    two_chains(lamina).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        entries = json.loads(archive.read("config.json"))["config"]["layers"]
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert [entry["name"] for entry in entries] == [layer.name for layer in theirs.layers]


@pytest.mark.parametrize("writer", LIBRARIES)
@pytest.mark.parametrize("seed", SEEDS[:10])
def test_the_order_of_entries_says_nothing(seed, writer, tmp_path):
    """Files of Lamina before had them in the order of drawing. Keras does not go by them either.

    But for dicts within dicts: there it shows on which backend Keras wrote them."""
    original = filled(model(LIBRARIES[writer], seed, deep=False), seed)
    original.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    random.Random(seed).shuffle(config["config"]["layers"])
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "shuffled.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    for reader in LIBRARIES.values():
        same(answers(original), answers(reader.models.load_model(tmp_path / "shuffled.keras")))
