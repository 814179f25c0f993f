"""Every case in which a layer is compared with Keras': a model, saved here, loaded and trained in a fresh process.

Of the cases of one layer, those are slow tests whose arguments the cases before have too, with other values."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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
FIRST: dict[tuple[str, str], str] = {}
for _name, _case in ROWS.items():
    for _argument in ("", *_case.arguments, *_case.call):
        FIRST.setdefault((_case.layer, _argument), _name)
QUICK = {name: case for name, case in ROWS.items() if name in FIRST.values()}
FURTHER = {name: case for name, case in ROWS.items() if name not in QUICK}
NAMES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in FURTHER)]


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
def facts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Of a name: both sides of the quick cases or of the further ones, each in one process."""

    @cache
    def of(quick: bool) -> Any:
        rows = QUICK if quick else FURTHER
        return elsewhere(tmp_path_factory.mktemp("parity"), {name: model_of(case) for name, case in rows.items()})

    return lambda name: [side[name] for side in of(name in QUICK)]


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_process_has_the_same_layer(facts: Callable[[str], Any], name: str) -> None:
    here, there = facts(name)
    assert same(there["outputs"], here["outputs"])
    for fact in ("layers", "trained", "nodes"):
        assert there[fact] == here[fact]


@pytest.mark.parametrize("name", NAMES)
def test_one_more_step_is_bit_equal(facts: Callable[[str], Any], name: str) -> None:
    here, there = (side["step"] for side in facts(name))
    assert (there is None) == (here is None)
    if here is not None:
        assert there["logs"] == here["logs"]
        assert same(there["weights"], here["weights"])
        assert same(there["optimizer"], here["optimizer"])


@pytest.mark.parametrize("rows", [QUICK, pytest.param(FURTHER, marks=pytest.mark.slow)], ids=["quick", "further"])
def test_every_layer_with_weights_was_trained(facts: Callable[[str], Any], rows: dict[str, Case]) -> None:
    assert len(rows) > 200
    here = {name: facts(name)[0] for name in rows}
    idle = {name for name in rows if here[name]["step"] is None and any(here[name]["trained"])}
    assert not idle
