"""The models of the benchmark and of the demo, and the models that the articles' code builds, go through a file into a
fresh process: of the articles, a part without the slow tests and each with them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import lamina
from tests.saving.elsewhere import ROOT, elsewhere, seen_in_a_fresh_process
from tests.saving.look import same

ROWS = 2
sys.path.insert(0, str(ROOT / "benchmarks"))

import peer_keras  # noqa: E402
import resnet50  # noqa: E402
from workloads import WORKLOADS  # noqa: E402


def of_benchmark(name: str) -> tuple[Any, Any]:
    inputs = {key: torch.from_numpy(array[:ROWS]) for key, array in WORKLOADS[name].data(1)[0].items()}
    model = peer_keras.BUILDERS[name](lamina, WORKLOADS[name].hp)
    return model, inputs if len(inputs) > 1 else next(iter(inputs.values()))


def of_demo() -> tuple[Any, Any]:
    spec = importlib.util.spec_from_file_location("digits", ROOT / "examples" / "digits.py")
    digits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(digits)
    return digits.build_model(), [torch.rand(ROWS, 8, 8, 1), torch.rand(ROWS, 8, 8, 1)]


CASES = {
    **{name: lambda name=name: of_benchmark(name) for name in WORKLOADS},
    "digits": of_demo,
}
LARGE = {"resnet50": lambda: (resnet50.build(lamina), torch.rand(ROWS, 224, 224, 3))}
NAMES = [*CASES, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]


def facts_of(cases: dict[str, Any], folder: Path) -> Any:
    return elsewhere(folder, {name: case() for name, case in cases.items()})


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Of a name: the sides of all cases of its size, each size in one process."""
    known = cache(lambda large: facts_of(LARGE if large else CASES, tmp_path_factory.mktemp("gallery")))
    return lambda name: [side[name] for side in known(name in LARGE)]


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_process_has_the_same_model(facts: Callable[[str], Any], name: str) -> None:
    here, there = facts(name)
    assert same(there["outputs"], here["outputs"])
    for fact in ("keys", "paths", "layers", "trained", "names", "nodes"):
        assert there[fact] == here[fact]


@pytest.mark.parametrize("name", NAMES)
def test_one_more_step_is_bit_equal(facts: Callable[[str], Any], name: str) -> None:
    here, there = (side["step"] for side in facts(name))
    assert here is not None
    assert there["logs"] == here["logs"]
    assert same(there["weights"], here["weights"])
    assert same(there["optimizer"], here["optimizer"])


ARTICLES = {
    "a part": ("tests/articles/test_article_functional.py", "branch or app or car or siamese or u_net or block", 8),
    "each": ("tests/articles", "test", 20),
}


@pytest.mark.slow
@pytest.mark.parametrize("which", ["a part", "each"])
def test_models_of_the_articles_are_the_same_in_a_fresh_process(tmp_path: Path, which: str) -> None:
    file, names, least = ARTICLES[which]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.saving.catcher", "-p", "no:cacheprovider"]
    environment = {**os.environ, "CATCH_IN": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    process = subprocess.run(
        [*command, "-k", f"not compile and ({names})", file], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-2000:]
    there = seen_in_a_fresh_process(tmp_path)
    assert len(there) >= least
    for name, facts in there.items():
        here = torch.load(tmp_path / f"{name}.here", weights_only=False)
        assert same(facts["outputs"], here["outputs"]), name
        assert (facts["step"] is None) == (here["step"] is None)
        if here["step"] is not None:
            assert same(facts["step"]["weights"], here["step"]["weights"]), name
