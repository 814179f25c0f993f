"""A plugin of pytest's for Keras' tests: Lamina in Keras' place, and each test's outcome as a line of JSON."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from tests.keras_suite import internals, judging, names

sys.modules["conftest"] = ModuleType("conftest")
sys.modules["conftest"].skip_if_backend = internals.skip_if_backend  # type: ignore[attr-defined]
WORDS = judging.Words()
if os.environ.get("KERAS_SUITE_ON") != "keras":
    WORDS.install()
    names.install()
    internals.lamina.Layer.torch_params = property(internals.kept_by)  # type: ignore[attr-defined]
    import_module("keras.src.testing.test_case").get_seed_generators = internals.seed_generators_of  # type: ignore[attr-defined]


def pytest_configure(config: Any) -> None:
    for mark in ("requires_trainable_backend", "skipif", "multi_device", "requires_tpu"):
        config.addinivalue_line("markers", mark)


def _last_line(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300] if error is not None else ""


def _not_public(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, names.NotPublicError):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


def _outcome(report: Any, error: BaseException | None) -> tuple[str, str]:
    """What came of a test, and why."""
    missing = _not_public(error)
    if report.outcome == "failed" and missing:
        return "not public", missing
    if report.outcome == "failed" and judging.wants_library(error):
        return "needs other libraries", _last_line(error)
    if report.outcome == "passed" and WORDS.found:
        return "other words", WORDS.found[0][:300]
    return report.outcome, _last_line(error)


def pytest_runtest_setup(item: Any) -> None:
    WORDS.found.clear()


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
