"""Every case in which a layer is compared with Keras': a model, saved here, loaded and trained in a fresh process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lamina import Model, layers
from lamina.graph import SymbolicTensor, tree
from lamina.layers import Input
from tests.layers.cases import CASES
from tests.layers.cases.form import Case, made
from tests.saving.elsewhere import elsewhere
from tests.saving.look import same

# Where a stateful layer stands within its sequence is no part of the model: a loaded one begins anew.
ROWS = {f"{number:03}-{case.layer}": case for number, case in enumerate(CASES) if not case.arguments.get("stateful")}


def model_of(case: Case) -> tuple[Model, list[Any]]:
    """The layer on inputs of an unknown batch size; arrays among the arguments of the call are inputs too."""
    data: list[torch.Tensor] = []

    def given(array: Any) -> Any:
        tensor = torch.tensor(array)
        data.append(tensor.float() if tensor.is_floating_point() else tensor)
        return Input(tensor.shape[1:], dtype=str(data[-1].dtype).removeprefix("torch."))

    rng = np.random.default_rng(3)
    dtype = case.options.get("input_dtype") or "float32"

    def drawn(shape: tuple[int, ...]) -> np.ndarray:
        floating = dtype.startswith("float")
        return rng.normal(size=shape) if floating else rng.integers(0, 2 if dtype == "bool" else 5, shape).astype(dtype)

    arrays = case.options.get("inputs")
    if arrays is None:
        arrays = [drawn(shape) for shape in case.shapes] if isinstance(case.shapes, list) else drawn(case.shapes)
    inputs = [given(array) for array in arrays] if isinstance(arrays, list) else given(arrays)

    def argument(value: Any) -> Any:
        if isinstance(value, list):
            return [argument(item) for item in value]
        return given(value) if isinstance(value, np.ndarray) else value

    call = {key: argument(value) for key, value in case.call.items()}
    torch.manual_seed(0)
    outputs = getattr(layers, case.layer)(**made(dict(case.arguments), layers))(inputs, **call)
    flat = [leaf for leaf in tree.leaves([inputs, list(call.values())]) if isinstance(leaf, SymbolicTensor)]
    return Model(flat, outputs), data


@pytest.fixture(scope="module")
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Both sides of each case that this run has a test of: all of them in one process."""
    items = [item for item in request.session.items if item.path == Path(__file__) and hasattr(item, "callspec")]
    names = dict.fromkeys(item.callspec.params["name"] for item in items)
    return elsewhere(tmp_path_factory.mktemp("parity"), {name: model_of(ROWS[name]) for name in names})


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("name", ROWS)
def test_a_fresh_process_has_the_same_layer(facts: list[dict[str, Any]], name: str) -> None:
    here, there = (side[name] for side in facts)
    assert same(there["outputs"], here["outputs"])
    for fact in ("layers", "trained", "nodes"):
        assert there[fact] == here[fact]


@pytest.mark.parametrize("name", ROWS)
def test_one_more_step_is_bit_equal(facts: list[dict[str, Any]], name: str) -> None:
    here, there = (side[name]["step"] for side in facts)
    assert (there is None) == (here is None)
    if here is None:
        assert not any(facts[0][name]["trained"]), "a layer with weights was not trained"
    else:
        assert there["logs"] == here["logs"]
        assert same(there["weights"], here["weights"])
        assert same(there["optimizer"], here["optimizer"])
