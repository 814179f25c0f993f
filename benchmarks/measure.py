"""Clocks, memory and the one line of JSON that a measuring process prints.

Standard library only: a process imports this before it times the import of anything else.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

now = time.perf_counter
Record = dict[str, Any]  # of one process: what it is, how it ended, and the numbers


def arguments(about: str) -> argparse.Namespace:
    """What every measuring script takes: which peer, which workload, for how long, on which device."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--case", default="mlp", help="a name of workloads.WORKLOADS")
    parser.add_argument("--seconds", type=float, default=5.0, help="time to train for, after the warm-up")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    return parser.parse_args()


def emit(result: Record) -> None:
    """Prints the process's result as its last line of output."""
    sys.stdout.flush()
    print(json.dumps(result), flush=True)


def timed(call: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = now()
    call()
    return now() - start


def timed_calls(call: Callable[[], object], seconds: float, least: int, most: int) -> list[float]:
    """Seconds of each call, repeated until `seconds` are over, within `least` and `most` calls."""
    times: list[float] = []
    end = now() + seconds
    while len(times) < least or (now() < end and len(times) < most):
        times.append(timed(call))
    return times


def affordable_steps(fit: Callable[[int], object], wanted: int, seconds: float) -> int:
    """Steps for one timed fit(): `wanted`, or fewer where two such fits would not end within `seconds`.

    `fit(n)` trains n steps. The cost of a step is the slope between one and four steps, since fit() has a cost of its
    own as well; the floor guards against a slope that noise turned to zero or below.
    """
    one, four = timed(lambda: fit(1)), timed(lambda: fit(4))
    step = max((four - one) / 3, four / 20)
    return max(2, min(wanted, int(seconds / 2 / step)))


def median_ms(seconds: list[float], units: int) -> float:
    """Median milliseconds per unit of work, where each call did `units` of them."""
    return statistics.median(seconds) / units * 1e3


def peak_rss_mb() -> float:
    """Largest resident set of this process so far, MB (10^6 bytes).

    Linux' VmHWM is preferred: `ru_maxrss` of a fresh process starts at its parent's value.
    """
    return _status_kb("VmHWM") * 1024 / 1e6 or _maxrss_mb()


def rss_mb() -> float:
    """Resident set of this process now, MB; the peak where the system does not tell."""
    return _status_kb("VmRSS") * 1024 / 1e6 or _maxrss_mb()


def _status_kb(key: str) -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


def _maxrss_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # macOS reports bytes, Linux kB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
