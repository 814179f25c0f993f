"""Each layer, forward and backward, beside the plain PyTorch that computes the same on the same tensors.

    python benchmarks/layers.py --peer lamina --case activation --seconds 5

The plain operation and the peer take turns within one process, a few milliseconds each, and who is first alternates. A
ratio is that of two neighbours; what is reported is the median over all turns. Times are CPU time of one thread.
Gradients are those of all floating inputs and all trained weights, for a given gradient of the outputs.

Two ratios are Lamina's: "layer" is what `layer(x)` takes on a real tensor, "program" what the same layer takes within a
model, where `fit` runs it.
"""

import ctypes
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import measure
import peers

# Before a framework is imported: one thread each, whose CPU time is then the whole.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
              "TF_NUM_INTEROP_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}  # fmt: skip
TURN_S = 0.004  # of one contestant, unless a single call takes longer
LEAST_TURNS = 5
Step = Callable[[], object]


def seconds_of(step: Step, calls: int) -> float:
    """CPU seconds per call."""
    start = time.process_time()
    for _ in range(calls):
        step()
    return (time.process_time() - start) / calls


def in_turns(steps: Sequence[Step], seconds: float) -> list[list[float]]:
    """Seconds per call of each step, turn by turn; who goes first changes from turn to turn."""
    calls = []
    for step in steps:
        step()
        calls.append(max(1, round(TURN_S / max(seconds_of(step, 1), 1e-6))))
        if calls[-1] > 1:
            calls[-1] = max(1, round(TURN_S / seconds_of(step, calls[-1])))
    found: list[list[float]] = [[] for _ in steps]
    end, turn = measure.now() + seconds, 0
    while turn < LEAST_TURNS or measure.now() < end:
        for i in range(len(steps)):
            place = (i + turn) % len(steps)
            found[place].append(seconds_of(steps[place], calls[place]))
        turn += 1
    return found


def measured(ways: dict[str, Step], seconds: float) -> measure.Record:
    """Microseconds of the plain operation, and the ratio of each of the peer's ways to it."""
    found = dict(zip(ways, in_turns(list(ways.values()), seconds), strict=True))
    plain = found.pop("plain")
    ratios = {way: statistics.median(t / p for t, p in zip(times, plain, strict=True)) for way, times in found.items()}
    return {"plain_us": statistics.median(plain) * 1e6, **{way: round(ratio, 4) for way, ratio in ratios.items()}}


def keep_pages() -> None:
    """Have glibc keep freed memory: where a framework tells it otherwise, large results cost a page fault per 4 KiB."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def contestants(peer: str) -> Any:
    """The peer's library, imported in a process of one thread that keeps its memory."""
    os.environ.update(ONE_THREAD)
    keep_pages()
    if peer != "lamina":
        peers.isolate(peer)
        import keras

        # Hidden while Keras is imported, no longer: the yardstick needs torch, and Keras' layers for data take a module
        # that is hidden for one that is there.
        for name in peers.FRAMEWORKS:
            if name in sys.modules and sys.modules[name] is None:
                del sys.modules[name]
        return keras
    import lamina

    return lamina


def main() -> None:
    args = measure.arguments(__doc__)
    library = contestants(args.peer)
    from layer_cases import FAMILIES
    from layer_steps import ways_of

    backend = args.peer.partition("-")[2]
    # Keras' ratios are far from 1, and most of its time goes into compiling.
    seconds = args.seconds / (20 if backend else 5)
    cases = [case for case in FAMILIES[args.case] if not backend or case.keras in (True, backend)]
    rows = {case.name: measured(ways_of(case, args.peer, library), seconds) for case in cases}
    mean = statistics.geometric_mean(row["layer"] for row in rows.values())
    measure.emit({"rows": rows, "geometric_mean": mean})


if __name__ == "__main__":
    main()
