"""Every case in which a layer is compared with Keras': a model, saved here, loaded and trained in a fresh process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lamina import Model, layers
from lamina.graph import SymbolicTensor, tree
from lamina.layers import Input
from tests.layers import test_parity_a, test_parity_b
from tests.layers.parity import Sub
from tests.saving.elsewhere import elsewhere
from tests.saving.look import same

A = (
    "DENSE", "CONV", "DEPTHWISE", "TRANSPOSE", "POOLING", "NORMALIZATION", "REGULARIZATION", "RESHAPING", "ACTIVATION"
)  # fmt: skip
B = ("CORE", "MERGING", "RECURRENT", "ATTENTION")


def tables() -> dict[str, tuple[str, dict[str, Any], Any, dict[str, Any]]]:
    rows = [row for table in A for row in getattr(test_parity_a, table)]
    rows += [row.values for table in B for row in getattr(test_parity_b, table)]
    filled = [(*row, *({},) * (4 - len(row))) for row in rows]
    return {f"{number:03}-{row[0]}": row for number, row in enumerate(filled)}


CASES = tables()


def made(value: Any) -> Any:
    """The layers among the arguments of a layer."""
    if isinstance(value, Sub):
        return getattr(layers, value.name)(**made(value.kwargs))
    if isinstance(value, dict):
        return {key: made(item) for key, item in value.items()}
    return [made(item) for item in value] if isinstance(value, list) else value


def model_of(name: str, kwargs: dict[str, Any], shapes: Any, options: dict[str, Any]) -> tuple[Model, list[Any]]:
    """The layer on inputs of an unknown batch size; arrays among the arguments of the call are inputs too."""
    data: list[torch.Tensor] = []

    def given(array: Any) -> Any:
        tensor = torch.tensor(array)
        data.append(tensor.float() if tensor.is_floating_point() else tensor)
        return Input(tensor.shape[1:], dtype=str(data[-1].dtype).removeprefix("torch."))

    rng = np.random.default_rng(3)
    dtype = options.get("input_dtype") or "float32"

    def drawn(shape: tuple[int, ...]) -> np.ndarray:
        floating = dtype.startswith("float")
        return rng.normal(size=shape) if floating else rng.integers(0, 2 if dtype == "bool" else 5, shape).astype(dtype)

    arrays = options.get("inputs")
    if arrays is None:
        arrays = [drawn(shape) for shape in shapes] if isinstance(shapes, list) else drawn(shapes)
    inputs = [given(array) for array in arrays] if isinstance(arrays, list) else given(arrays)

    def argument(value: Any) -> Any:
        if isinstance(value, list):
            return [argument(item) for item in value]
        return given(value) if isinstance(value, np.ndarray) else value

    call = {key: argument(value) for key, value in (options.get("call_kwargs") or {}).items()}
    torch.manual_seed(0)
    outputs = getattr(layers, name)(**made(kwargs))(inputs, **call)
    flat = [leaf for leaf in tree.leaves([inputs, list(call.values())]) if isinstance(leaf, SymbolicTensor)]
    return Model(flat, outputs), data


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return elsewhere(tmp_path_factory.mktemp("parity"), {name: model_of(*case) for name, case in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_a_fresh_process_has_the_same_layer(facts: Any, name: str) -> None:
    here, there = (side[name] for side in facts)
    assert same(there["outputs"], here["outputs"])
    for fact in ("layers", "trained", "nodes"):
        assert there[fact] == here[fact]


@pytest.mark.parametrize("name", CASES)
def test_one_more_step_is_bit_equal(facts: Any, name: str) -> None:
    here, there = (side[name]["step"] for side in facts)
    assert (there is None) == (here is None)
    if here is not None:
        assert there["logs"] == here["logs"]
        assert same(there["weights"], here["weights"])
        assert same(there["optimizer"], here["optimizer"])


def test_every_layer_with_weights_was_trained(facts: Any) -> None:
    here, _ = facts
    assert len(CASES) > 200
    idle = {name for name in CASES if here[name]["step"] is None and any(here[name]["trained"])}
    assert not idle
