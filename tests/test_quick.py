"""Which cases are in the quick suite (tests/quick.py)."""

from __future__ import annotations

from tests.quick import CASES, COSTLY_CASES, kept


def test_few_cases_are_all_quick() -> None:
    assert kept("test_values", ["a", "a", "b"]) == {0, 1, 2}


def test_many_cases_are_spread_evenly_and_one_of_each_family_stays() -> None:
    cases = [f"{number:03}-Dense(units={number})" for number in range(10 * CASES)]
    assert kept("test_values", cases) == set(range(0, 10 * CASES, 10))
    cases[17] = "017-LSTM(units=3)"
    assert kept("test_values", cases) == {*range(0, 10 * CASES, 10), 17}


def test_of_what_takes_long_there_are_fewer() -> None:
    cases = [f"layer{number}" for number in range(100)]
    assert len(kept("test_each_compiles", cases)) == COSTLY_CASES
    assert len(kept("test_in_a_fresh_process", cases)) == COSTLY_CASES


def test_a_test_may_say_how_many() -> None:
    cases = [f"layer{number}" for number in range(10)]
    assert kept("test_values", cases, most=3) == {0, 4, 8}
    assert kept("test_each_compiles", cases, most=1) == {0}
