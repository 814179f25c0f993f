"""Hostile traced calls: operations in a file that compute, in the place of a class that nobody has."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any

import torch

from lamina import Model
from lamina.layers import Input, Layer
from lamina.saving.archive import read_archive


class Twice(Layer):
    """The user's; who loads the file does not have it."""

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1],), initializer="ones", name="w")

    def call(self, x: Any) -> Any:
        return torch.sin(x) * self.w


GIANT = 10**12
INPUT = {"$value": 1}


def node(name: Any, *args: Any, **kwargs: Any) -> tuple[str, Any]:
    """The attack that puts an operation before all others."""
    return "nodes", [name, list(args), kwargs]


# The hole, a name, where it stands in the traced entry, and what stands there.
TRACED: list[tuple[str, str, str, Any]] = [
    ("S2", "system", *node("os.system", "true")),
    ("S2", "other_library", *node("poisoned_module.run.default", INPUT)),
    ("S2", "dunder", *node("aten.sin.__class__", INPUT)),
    ("S2", "packet", *node("aten.__dict__.default", INPUT)),
    ("S2", "overload", *node("aten.sin.default.__globals__", INPUT)),
    ("S2", "no_name", *node(["aten.sin.default"], INPUT)),
    ("S3", "load_library", *node("torch.ops.load_library", "/tmp/evil.so")),
    ("S3", "from_file", *node("aten.from_file.default", "/etc/passwd", False, 4)),
    ("S3", "set_storage", *node("aten.set_.source_Storage", INPUT, INPUT)),
    ("S3", "resize", *node("aten.resize_.default", INPUT, [10**6])),
    ("S3", "item", *node("aten._local_scalar_dense.default", INPUT)),
    ("S3", "print", *node("aten._print.default", "x")),
    ("S3", "attribute", *node("operator.attrgetter", "__class__")),
    ("S9", "callable", *node("aten.sin.default", {"$callable": "print"})),
    ("S12", "torch_load", *node("torch.load", "/etc/passwd")),
    ("S19", "past_the_end", *node("aten.as_strided.default", INPUT, [GIANT], [1])),
    ("S19", "negative", *node("aten.ones.default", [-4])),
    ("S19", "giant_ones", *node("aten.ones.default", [GIANT])),
    ("S19", "giant_repeat", *node("aten.repeat.default", INPUT, [GIANT, GIANT])),
    ("S19", "huge_number", *node("aten.ones.default", [2**80])),
    ("S19", "weight", "weight", {"path": "w", "kind": "parameter", "shape": [GIANT, GIANT], "dtype": "float32",
                                 "trainable": True, "name": "w"}),
    ("S19", "constant", "constants", {"shape": [GIANT], "dtype": "float32", "values": [1.0]}),
    ("S21", "number", *node("aten.sin.default", {"$value": 99})),
    ("S21", "itself", *node("aten.sin.default", {"$value": 2})),
    ("S21", "negative_number", *node("aten.sin.default", {"$value": -1})),
    ("S21", "many", "many", 200_000),
    ("S21", "path", "weight", {"path": "a..b", "kind": "parameter", "shape": [4], "dtype": "float32", "trainable": True,
                               "name": "w"}),
    ("S21", "kind", "weight", {"path": "w", "kind": "__class__", "shape": [4], "dtype": "float32", "trainable": True,
                               "name": "w"}),
]  # fmt: skip


@functools.cache
def good_traced(folder: Path) -> dict[str, bytes]:
    x = Input((4,), name="x")
    path = folder / "traced.lamina"
    Model(x, Twice(name="twice")(x), name="small").save(path)
    members = {name: bytes(data) for name, data in read_archive(path).items()}
    path.unlink()
    return members


def document(folder: Path, where: str, value: Any) -> dict[str, Any]:
    """``model.json`` with the attack in the traced entry of the layer."""
    whole: dict[str, Any] = json.loads(good_traced(folder.parent)["model.json"])
    (entry,) = (layer for layer in whole["model"]["config"]["layers"] if layer["name"] == "twice")
    traced = entry["traced"]
    for call in traced["calls"]:
        for mode in ("inference", "training"):
            if where == "nodes":
                # In the place of the first operation, so that the numbers of the others stay right.
                call[mode]["nodes"][0] = copy.deepcopy(value)
            elif where == "many":
                call[mode]["nodes"] = [["aten.sin.default", [INPUT], {}]] * value
    if where == "weight":
        traced["weights"] = [value]
    elif where == "constants":
        traced["constants"] = [value]
    return whole
