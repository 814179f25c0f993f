"""The table of mutants is about the code that there is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_changes_one_place_and_names_tests(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    assert text.count(mutant.old) == 1, "the code has changed: say what is to be broken now, or drop the mutant"
    mutated = mutant.applied(text)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(text))
    for test in mutant.tests.split():
        assert (ROOT / test.partition("::")[0]).is_file()
