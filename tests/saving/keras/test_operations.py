"""Each operation of Keras' goes from its `.keras` files to Lamina, and each op of Lamina's to Keras: equal numbers."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import warnings
import zipfile
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.graph import tree
from lamina.saving import LoadingError, SavingError
from lamina.saving.keras_files.operations import module_of_operation, operations
from tests.ops.cases import CASES, Case, Given

# Operations that hold functions, which Keras cannot write, or that give no tensor of a tensor.
WITH_FUNCTIONS = set("AssociativeScan Cond ForiLoop JVP Map Scan Switch VectorizedMap WhileLoop".split())
WITHOUT_TENSORS = {"Arange", "Ndim", "Size"}
OF_VALUES = {"Nonzero"}
BASES = {"Function", "SegmentReduction"}

# Ops of which Keras on torch can run no case within a model, or gives other numbers.
KERAS_FAILS = {"conv_transpose", "histogram", "nextafter"}
# Those that it writes and then cannot read.
KERAS_READS_NOT = {"adaptive_average_pool", "adaptive_max_pool"}
NO_OPERATION = {"image.extract_patches_3d"}


def is_plain(case: Case) -> bool:
    return not any(isinstance(leaf, np.ndarray) for leaf in tree.leaves((case.args, case.kwargs)))


SYMBOLIC = [case for case in CASES if case.symbolic and case.givens() and is_plain(case)]
OPS = [op for op in dict.fromkeys(case.op for case in SYMBOLIC) if op not in KERAS_FAILS]


@lru_cache
def case_for_keras(op: str, folder: Path) -> Case:
    """The first case of an op that Keras' own files can carry, for it or at least for others."""
    failed = []
    for case in (case for case in SYMBOLIC if case.op == op):
        try:
            model = drawn(keras, [case])
            model.save(folder / "m.keras")
            read = model if op in KERAS_READS_NOT else keras.models.load_model(folder / "m.keras")
            agree(read, model, [case])
        except Exception as error:  # noqa: BLE001 - Keras stumbles in all ways
            failed.append(f"{case}: {error}")
        else:
            return case
    raise AssertionError("\n".join(failed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return tmp_path_factory.mktemp("keras")


def drawn(space: Any, cases: list[Case]) -> Any:
    """A model of `keras` or `lamina` whose outputs are those of the cases, in a row."""
    inputs: list[Any] = []
    outputs: list[Any] = []

    def make(given: Given) -> Any:
        shape = given.array.shape
        batch = None if given.batched else shape[0]
        inputs.append(space.Input(batch_shape=(batch, *shape[1:]), dtype=str(given.array.dtype)))
        return inputs[-1]

    for case in cases:
        args, kwargs = case.filled(make)
        outputs += tree.leaves(attrgetter(case.op)(space.ops)(*args, **kwargs))
    return space.Model(inputs, outputs)


def results(model: Any, cases: list[Case]) -> list[torch.Tensor]:
    tensors = [torch.as_tensor(given.array.copy()) for case in cases for given in case.givens()]
    with torch.no_grad(), warnings.catch_warnings(action="ignore"):
        return list(tree.leaves(model(tensors if len(tensors) > 1 else tensors[0])))


def agree(one: Any, other: Any, cases: list[Case]) -> None:
    for mine, reference in zip(results(one, cases), results(other, cases), strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5, equal_nan=True, check_dtype=False)


# Several at once, since a file costs more than an operation.
PARTS = [OPS[start : start + 12] for start in range(0, len(OPS), 12)]


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part[0]}-{part[-1]}")
def test_from_keras(part: list[str], folder: Path, tmp_path: Path) -> None:
    cases = [case_for_keras(op, folder) for op in part]
    theirs = drawn(keras, cases)
    theirs.save(tmp_path / "m.keras")
    agree(lamina.models.load_model(tmp_path / "m.keras"), theirs, cases)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part[0]}-{part[-1]}")
def test_to_keras(part: list[str], folder: Path, tmp_path: Path) -> None:
    cases = [case_for_keras(op, folder) for op in part if op not in NO_OPERATION | KERAS_READS_NOT]
    ours = drawn(lamina, cases)
    ours.save(tmp_path / "m.keras")
    agree(keras.models.load_model(tmp_path / "m.keras"), ours, cases)


def test_all_operations_of_keras_are_known_by_place_and_arguments() -> None:
    """But for those named above."""
    known, wrong = set(), {}
    for module in pkgutil.iter_modules(keras.src.ops.__path__, "keras.src.ops."):
        if module.name.endswith("_test"):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            if not inspect.isclass(kind) or kind.__module__ != module.name or not issubclass(kind, keras.Operation):
                continue
            known.add(name)
            if name in WITH_FUNCTIONS | WITHOUT_TENSORS | OF_VALUES | BASES or name == "Operation":
                continue
            call = [str(p).split("=")[0] for p in list(inspect.signature(kind.call).parameters.values())[1:]]
            ours = operations().get(name)
            if ours is None or module_of_operation(name) != module.name or [*ours.arguments] != call:
                wrong[name] = (module.name, call)
    assert wrong == {}
    assert operations().keys() <= known


# ---- functions of PyTorch's, and what Keras has no word for


def saved_and_back(function: Any, *shapes: tuple[int, ...], path: Path) -> tuple[Any, Any, list[torch.Tensor]]:
    inputs = [lamina.Input(shape) for shape in shapes]
    model = lamina.Model(inputs, function(*inputs))
    model.save(path / "m.keras")
    return model, keras.models.load_model(path / "m.keras"), [torch.rand(3, *shape) + 0.5 for shape in shapes]


@pytest.mark.parametrize(
    "function, shapes",
    [
        (lambda x: torch.div(x, 0.3, rounding_mode="floor"), [(4,)]),
        (lambda x: torch.sort(x, 1).values, [(4,)]),
        (lambda x: x[:, [0, 2, 2]], [(4,)]),
        (lambda x, y: torch.einsum("bi,bi->b", x, y), [(4,), (4,)]),
        (lambda x: x.unfold(1, 2, 1), [(4,)]),
        (lambda x: torch.linalg.svdvals(x), [(3, 2)]),
        (lambda x, y: torch.linalg.solve_triangular(x, y, upper=True), [(3, 3), (3, 2)]),
        (lambda x: torch.linalg.svd(x, full_matrices=False)[1], [(3, 2)]),
        (lambda x: (x > 1) & (x < 1.2), [(4,)]),
        (lambda x, y: (x * 9).int() & (y * 9).int(), [(4,), (4,)]),
        (lambda x: torch.sum(x > 1, 1, dtype=torch.int32), [(4,)]),
        (lambda x: torch.isclose(x, x + 0.1, atol=0.2), [(4,)]),
    ],
)
def test_functions_of_pytorch(function: Any, shapes: list[tuple[int, ...]], tmp_path: Path) -> None:
    ours, theirs, tensors = saved_and_back(function, *shapes, path=tmp_path)
    data = tensors if len(tensors) > 1 else tensors[0]
    for mine, reference in zip(tree.leaves(ours(tensors)), tree.leaves(theirs(data)), strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "function, told",
    [
        (lambda x: torch.sort(x, 1).indices, "does not give this result"),
        (lambda x: torch.div(x, 3, rounding_mode="trunc"), "no rounding_mode='trunc'"),
        (lambda x: x[[0, 1], [1, 0]], "no lists of places"),
        (lambda x: x.unfold(0, 2, 1), "works on the last axis"),
        (lambda x: torch.linalg.matrix_exp(x @ x.mT), "no operation for torch.linalg.matrix_exp"),
        (lambda x: x.int() & 6, "takes tensors only: ops.bitwise_and makes them"),
        (lambda x: torch.clamp(x, x / 2, x), "Clip keeps x_min in its config"),
        (lambda x: lamina.ops.image.extract_patches_3d(x[:, None, :, None, None], 1), "extract_patches_3d"),
    ],
)
def test_what_keras_has_no_word_for_is_said(function: Any, told: str, tmp_path: Path) -> None:
    x = lamina.Input(batch_shape=(3, 4))
    model = lamina.Model(x, function(x))
    with pytest.raises(SavingError, match=told):
        model.save(tmp_path / "m.keras")


def test_an_operation_on_numbers_alone_is_not_computed(tmp_path: Path) -> None:
    """It would be as large as the file says."""
    x = keras.Input((4,))
    keras.Model(x, keras.ops.full((2, 4), x[0, 0])).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    full = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Full")
    full["config"]["shape"] = [10**12, 10**12]
    full["inbound_nodes"][0]["args"] = [1.0]
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(LoadingError, match="called on no tensor of the model"):
        lamina.models.load_model(tmp_path / "m.keras")
