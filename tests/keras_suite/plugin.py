"""A plugin of pytest's for Keras' tests: Lamina in Keras' place, and each test's outcome as a line of JSON."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from tests.keras_suite import internals, judging, names

sys.modules["conftest"] = ModuleType("conftest")
sys.modules["conftest"].skip_if_backend = internals.skip_if_backend  # type: ignore[attr-defined]
WORDS = judging.Words()
ABSENT = f"lamina{os.sep}layers{os.sep}absent.py"  # what says that an attribute is not there
if os.environ.get("KERAS_SUITE_ON") != "keras":
    WORDS.install()
    names.install()
    internals.lamina.Layer.torch_params = property(internals.kept_by)  # type: ignore[attr-defined]
    import_module("keras.src.testing.test_case").get_seed_generators = internals.seed_generators_of  # type: ignore[attr-defined]


def pytest_configure(config: Any) -> None:
    for mark in ("requires_trainable_backend", "skipif", "multi_device", "requires_tpu"):
        config.addinivalue_line("markers", mark)


def _first_words(error: BaseException | None) -> str:
    said = f"{type(error).__name__}: {error}" if error is not None else ""
    return " | ".join(filter(None, map(str.strip, said.splitlines())))[:300]


def _not_public(error: BaseException | None) -> str:
    """What of Keras' inner life a test wants: a name that Keras does not publish, or one with an underscore."""
    while error is not None:
        if isinstance(error, names.NotPublicError):
            return str(error)
        own = isinstance(error, AttributeError) and isinstance(error.name, str) and error.name.startswith("_")
        if own and not error.name.startswith("__") and _asked_by_a_test(error):  # type: ignore[attr-defined]  # seen above
            return f"{type(error.obj).__name__}.{error.name}"  # type: ignore[attr-defined]
        error = error.__cause__ or error.__context__
    return ""


def _asked_by_a_test(error: BaseException) -> bool:
    """Whether the last line of Python that is not PyTorch's is one of a test of Keras'."""
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    frames = [
        name for name in frames if not name.endswith((ABSENT, f"torch{os.sep}nn{os.sep}modules{os.sep}module.py"))
    ]
    return bool(frames) and frames[-1].startswith(str(names.WHEEL)) and frames[-1].endswith("_test.py")


def _outcome(report: Any, error: BaseException | None) -> tuple[str, str]:
    """What came of a test, and why."""
    missing = _not_public(error) or ", ".join(names.REPLACED)
    elsewhere = judging.of_its_own(report.nodeid, missing or _first_words(error))
    if report.outcome == "failed" and elsewhere:
        return elsewhere, missing or _first_words(error)
    if report.outcome == "failed" and missing:
        return "not public", missing
    of_others = re.search(r"_(tf|tensorflow|grain)$", report.nodeid)  # a case of a test, for the data of other engines
    if report.outcome == "failed" and (of_others or judging.wants_library(error)):
        return "needs other libraries", _first_words(error)
    if report.outcome == "passed" and WORDS.found:
        return "other words", WORDS.found[0][:300]
    return report.outcome, _first_words(error)


def pytest_runtest_setup(item: Any) -> None:
    WORDS.found.clear()
    names.REPLACED.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    report = (yield).get_result()
    if call.when == "call" or report.outcome != "passed":
        error = call.excinfo.value if call.excinfo is not None else None
        outcome, reason = _outcome(report, error)
        place = str(call.excinfo.traceback[-1].path) + f":{call.excinfo.traceback[-1].lineno + 1}" if error else ""
        record = {"id": item.nodeid, "outcome": outcome, "error": reason, "at": place}
        with open(os.environ["KERAS_SUITE_OUT"], "a") as out:
            out.write(json.dumps(record) + "\n")


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        error = str(report.longrepr).strip().splitlines()[-1][:300]
        lacks = any(f"No module named '{name}'" in error for name in judging.LIBRARIES)
        outcome = "needs other libraries" if lacks else "not public" if "NotPublicError" in error else "not collected"
        record = {"id": report.nodeid, "outcome": outcome, "error": error, "at": ""}
        with open(os.environ["KERAS_SUITE_OUT"], "a") as out:
            out.write(json.dumps(record) + "\n")
