"""Which cases of one test are in the quick suite: evenly spread ones, and the first of each family; all the others
are slow tests.

The suite has 40,000 cases. Most are the same few lines run over every operation, layer and file: they find what an
earlier case of their test has not found in very rare changes only, and `make test-all` runs them.
"""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

CASES = 8  # of one test, unless it says another number: @pytest.mark.quick_cases(3)
# What starts processes, or PyTorch's compiler, takes a hundred times as long as what does not.
COSTLY_CASES = 4
_COSTLY = re.compile(r"compile|export|make_fx|process|killed|lives|traced")
_FAMILY = re.compile(r"(?:\d+-)?([\w.]*)")


def is_costly(function: str) -> bool:
    """Whether the name of a test says that each of its cases takes long."""
    return _COSTLY.search(function) is not None


def kept(function: str, cases: list[str], most: int | None = None) -> set[int]:
    """Which of the cases of a test are quick ones, given how these are called: every n-th, so that there are `most` at
    most. Of a test that is not costly and gives no number also the first of each family, that is of those whose names
    begin with the same word."""
    number = most or (COSTLY_CASES if is_costly(function) else CASES)
    quick = set(range(0, len(cases), -(-len(cases) // number)))
    if most is None and not is_costly(function):
        families = [_FAMILY.match(case)[1] for case in cases]
        quick |= {families.index(family) for family in families}
    return quick


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the further cases of each test as slow, unless the command names single cases."""
    if any("[" in argument for argument in config.args):
        return
    tests: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        test, bracket, _ = item.nodeid.partition("[")
        if bracket and item.get_closest_marker("slow") is None:
            tests[test].append(item)
    for test, cases in tests.items():
        marker = cases[0].get_closest_marker("quick_cases")
        names = [item.nodeid.partition("[")[2] for item in cases]
        quick = kept(test.rpartition("::")[2], names, marker.args[0] if marker else None)
        for number, item in enumerate(cases):
            if number not in quick:
                item.add_marker(pytest.mark.slow)
