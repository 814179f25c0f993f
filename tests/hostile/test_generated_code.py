"""A graph becomes Python text that is compiled: nothing that a file says stands in that text as code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lamina import Model
from lamina.graph import LaminaError
from lamina.layers import Dense, Input, Layer
from lamina.models import model_from_json


class Open(Layer):
    """A layer of the caller's that takes any argument by name."""

    def call(self, x: Any, **more: Any) -> Any:
        return x * len(more)


def drawn() -> dict[str, Any]:
    x = Input((4,), name="x")
    model = Model(x, torch.tanh(Open(name="open")(Dense(4, name="dense")(x), a=1)), name="small")
    return json.loads(model.to_json())  # type: ignore[no-any-return]


def code(mark: Path) -> str:
    return f"open({str(mark)!r}, 'w')"


def test_the_name_of_an_argument_is_no_code(tmp_path: Path) -> None:
    document = drawn()
    (node,) = (node for node in document["model"]["config"]["nodes"] if node["name"] == "open")
    names = [f"a={code(tmp_path / 'mark')}, b", "class", "not a name", "x) or (y", "\n    pass #"]
    node["kwargs"] = dict.fromkeys(names, 1)
    model = model_from_json(json.dumps(document), custom_objects={"Open": Open})
    x = torch.ones(1, 4)
    assert torch.equal(model(x), torch.tanh(model.get_layer("dense")(x) * len(names)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["class", "lambda", "None", "_", "2nd", "a b", "v_class"])
def test_names_that_are_none_in_python(name: str) -> None:
    x = Input((3,), name=name)
    y = Dense(2, name=f"{name}2" if name == "_" else "def")(x)
    model = Model(x, {name: torch.tanh(y)})
    assert torch.equal(model(torch.ones(1, 3))[name], torch.tanh(model.get_layer(y.node.op.name)(torch.ones(1, 3))))


@pytest.mark.parametrize("text", ["x); {code}; (", "x\n    {code}\n    y", "x'+{code}+'", "{{{code}}}", "import os"])
@pytest.mark.parametrize("place", ["node", "layer", "input", "argument", "key"])
def test_names_and_values_are_no_code(place: str, text: str, tmp_path: Path) -> None:
    document = drawn()
    text = text.format(code=code(tmp_path / "mark"))
    config = document["model"]["config"]
    if place == "node":
        config["nodes"][-1]["name"] = text
    elif place == "layer":
        config["layers"][1]["name"] = config["layers"][1]["config"]["name"] = text
    elif place == "input":
        config["inputs"] = {text: config["inputs"]}
    else:
        (node,) = (node for node in config["nodes"] if node["name"] == "open")
        node["kwargs"] = {"a": text if place == "argument" else {text: 1}}
    try:
        model = model_from_json(json.dumps(document), custom_objects={"Open": Open})
    except LaminaError:
        pass
    else:
        model({text: torch.ones(1, 4)} if place == "input" else torch.ones(1, 4))
    assert list(tmp_path.iterdir()) == []
