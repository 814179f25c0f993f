"""Attacks through what stands in a file for the functions of a choice or a loop."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina import Model, ops
from lamina.layers import Dense, Input
from lamina.saving.archive import read_archive

from .payloads import GIANT, SECRET

Change = Callable[[dict[str, Any]], None]


def branching() -> Model:
    """A model with a choice and a loop."""
    x = Input((4,), name="x")
    y = ops.cond(x.sum() > 0, lambda: Dense(4, name="dense")(x), lambda: x * 2)
    y = ops.fori_loop(0, 3, lambda i, v: v + x * ops.cast(i, "float32"), y)
    return Model(x, y, name="branching")


@functools.cache
def good_branching(folder: Path) -> dict[str, bytes]:
    path = folder / "branching.lamina"
    branching().save(path)
    members = {name: bytes(data) for name, data in read_archive(path).items()}
    path.unlink()
    return members


def branching_document(folder: Path, change: Change) -> dict[str, Any]:
    """``model.json`` with the attack in it."""
    document: dict[str, Any] = json.loads(good_branching(folder.parent)["model.json"])
    change(document["model"]["config"])
    return document


def _node(config: dict[str, Any], function: str) -> dict[str, Any]:
    return next(node for node in config["nodes"] if node.get("function") == function)


def _body(**fields: Any) -> Change:
    return lambda config: config["bodies"][0].update(fields)


def _in_body(change: Change) -> Change:
    return lambda config: change(config["bodies"][1]["graph"])


def _closure(value: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        _node(config, "lamina.ops.cond")["args"][1] = {"$closure": value}

    return change


def _argument(place: int, value: Any, function: str = "lamina.ops.cond") -> Change:
    def change(config: dict[str, Any]) -> None:
        _node(config, function)["args"][place] = value

    return change


def _function(name: str) -> Change:
    def change(config: dict[str, Any]) -> None:
        _node(config, "operator.mul")["function"] = name

    return _in_body(change)


def _facts(**facts: Any) -> Change:
    return _in_body(lambda graph: graph["nodes"][0]["input"].update(facts))


def _class(config: dict[str, Any]) -> None:
    graph = config["bodies"][0]["graph"]
    graph["layers"][0]["class_name"] = "Lambda"
    graph["layers"][0]["config"] = {"function": "os.system"}


def _units(config: dict[str, Any]) -> None:
    config["bodies"][0]["graph"]["layers"][0]["config"]["units"] = GIANT


def _bomb(config: dict[str, Any]) -> None:
    """Each body asks for the one before twice, each time with other shapes: 2^20 trials where nothing stops it."""
    inner = copy.deepcopy(config["bodies"][1])
    for level in range(20):
        grown = [
            {"name": "x", "input": {"shape": [None, 4], "dtype": "float32"}, "source": ["a.py", 1]},
            {"name": "s", "function": "torch.Tensor.sum", "args": [{"$node": [0, 0]}], "kwargs": {}},
            {"name": "p", "function": "operator.gt", "args": [{"$node": [1, 0]}, 0], "kwargs": {}},
            {
                "name": "cat", "function": "torch.cat", "kwargs": {},
                "args": [[{"$node": [0, 0]}, {"$node": [0, 0]}], 1],
            },
            {
                "name": "cond", "function": "lamina.ops.cond", "kwargs": {},
                "args": [
                    {"$node": [2, 0]},
                    {"$closure": [0, [{"$node": [0, 0]}]]},
                    {"$closure": [0, [{"$node": [3, 0]}]]},
                ],
            },
        ]  # fmt: skip
        graph = {
            "layers": [], "constants": [], "bodies": [inner], "nodes": grown,
            "inputs": {"$tuple": [{"$node": [0, 0]}]}, "outputs": {"$node": [4, 0]},
        }  # fmt: skip
        inner = {"id": 1000 + level, "role": "true_fn", "own": 0, "graph": graph}
    config["bodies"][1] = inner


# (hole, name, what it changes)
BODIES: list[tuple[str, str, Change]] = [
    ("S1", "lambda", _class),
    ("S4", "function_by_name", _function("os.system")),
    ("S4", "function_of_builtins", _function("builtins.eval")),
    ("S9", "role_is_code", _body(role="x; import os")),
    ("S9", "role_is_an_attribute", _body(role="a.b")),
    ("S9", "role_is_long", _body(role="a" * 10**6)),
    ("S14", "capture_is_a_path", _closure([0, [str(SECRET)]])),
    ("S19", "giant_units", _units),
    ("S19", "giant_examples", _facts(examples=[[GIANT, 4], [2 * GIANT, 4]])),
    ("S21", "bomb", _bomb),
    ("S21", "no_such_body", _closure([7, []])),
    ("S21", "negative_body", _closure([-1, []])),
    ("S21", "no_captures", _closure([0, []])),
    ("S21", "captures_are_numbers", _closure([0, [1]])),
    ("S21", "captures_are_no_list", _closure([0, {"a": 1}])),
    ("S21", "closure_is_a_number", _closure(3)),
    ("S21", "number_for_a_function", _argument(1, 5)),
    ("S21", "tensor_for_a_function", _argument(1, {"$node": [0, 0]})),
    ("S21", "body_of_another_kind", _argument(1, {"$closure": [2, [{"$node": [0, 0]}]]})),
    ("S21", "closure_for_a_tensor", _argument(0, {"$closure": [0, [{"$node": [0, 0]}]]})),
    ("S21", "closure_for_a_bound", _argument(1, {"$closure": [0, [{"$node": [0, 0]}]]}, "lamina.ops.fori_loop")),
    ("S21", "own_is_negative", _body(own=-1)),
    ("S21", "own_is_too_much", _body(own=5)),
    ("S21", "own_is_true", _body(own=True)),
    ("S21", "no_graph", _body(graph=None)),
    ("S21", "unknown_key", _body(more=1)),
    ("S21", "shared_with_nothing", lambda config: config["bodies"].__setitem__(0, {"shared": 999})),
    ("S21", "shared_with_a_layer", lambda config: config["bodies"].__setitem__(0, {"shared": 1})),
    ("S21", "bodies_are_no_list", lambda config: config.update(bodies={"a": 1})),
    ("S21", "examples_of_one", _facts(examples=[[48, 4]])),
    ("S21", "examples_of_another_rank", _facts(examples=[[48], [80]])),
    ("S21", "examples_of_another_shape", _facts(examples=[[48, 5], [80, 5]])),
    ("S21", "negative_examples", _facts(examples=[[-48, 4], [80, 4]])),
    ("S21", "examples_are_numbers", _facts(examples=7)),
    ("S21", "an_input_in_a_body", _in_body(lambda graph: graph["nodes"][0].update({"layer": 0}))),
    ("S21", "outputs_are_numbers", _in_body(lambda graph: graph.update(outputs=5))),
]
