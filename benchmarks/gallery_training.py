"""The gallery's examples beside Keras: a training epoch of the same lines, compilation aside.

    python benchmarks/gallery_training.py                                      # all timed examples, all peers installed
    python benchmarks/gallery_training.py --cases mlp,vit --peers lamina,keras-torch --repeats 1
    python benchmarks/gallery_training.py --peer lamina --case mlp             # one, as a line of JSON

An example runs as it is, up to its first call of `fit`; that call is taken, with its model and its data, and repeated
for one epoch at a time, without validation and callbacks. For Keras `lamina` means Keras in that process, so the lines
are the same. Two epochs are left out first: what compiles, compiles there. The table and `gallery.json`, which
docs/gallery.md reads, hold Lamina's time as a part of Keras', the median over the repeats. It is the time of the
processor, all threads together: on a machine that others use, too, the clock would tell of them.

TensorFlow and JAX seldom live in one environment with PyTorch. `--python keras-jax=PATH` names an interpreter for a
peer; it needs Keras, scikit-learn and matplotlib beside its framework.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import measure
import peers

# This folder is first on the path; the package `gallery` is at the root of the repository.
sys.path.insert(0, str(peers.ROOT))

import schedule

from gallery.runner import as_keras, discover

OURS = "lamina"
OTHERS = ("keras-torch", "keras-jax", "keras-tensorflow")
OUT = schedule.HERE / "gallery.json"


class ReachedError(Exception):
    """The example has come to its `fit`."""


def first_fit(name: str, keras: Any) -> Callable[[], object]:
    """Run the example until it calls `fit` -> one epoch of that call."""
    taken: list[Any] = []

    def take(model: Any, *args: Any, **kwargs: Any) -> None:
        taken.extend((model, args, kwargs))
        raise ReachedError

    original, keras.Model.fit = keras.Model.fit, take
    try:
        with tempfile.TemporaryDirectory() as folder:
            discover.load(name).run(out=Path(folder))
    except ReachedError:
        pass
    finally:
        keras.Model.fit = original
    model, args, kwargs = taken
    kwargs = {key: value for key, value in kwargs.items() if not key.startswith("validation") and key != "callbacks"}
    return lambda: model.fit(*args, **(kwargs | {"epochs": 1, "verbose": 0}))


def one(name: str, peer: str, seconds: float) -> None:
    """Measure one example with one peer, in this process."""
    if peer == OURS:
        import lamina as keras
    else:
        keras = as_keras.become_keras(peer.partition("-")[2])
    epoch = first_fit(name, keras)
    epoch()
    epoch()
    cpu = time.process_time()
    times = measure.timed_calls(epoch, seconds, 3, 100)
    cpu = (time.process_time() - cpu) / len(times)
    measure.emit({"epoch_ms": measure.median_ms(times, 1), "best_ms": min(times) * 1e3, "cpu_ms": cpu * 1e3})


def ratios(records: Sequence[measure.Record], key: str = "cpu_ms") -> dict[str, dict[str, float]]:
    """Example -> peer -> Lamina's time as a part of the peer's: the median over the repeats in which both ended."""
    at: dict[tuple[str, str, int], float] = {
        (record["case"], record["peer"], record["repeat"]): record[key]
        for record in records
        if record["status"] == "ok"
    }
    found: dict[str, dict[str, list[float]]] = {}
    for (case, peer, repeat), theirs in at.items():
        if peer != OURS and (case, OURS, repeat) in at:
            found.setdefault(case, {}).setdefault(peer, []).append(at[case, OURS, repeat] / theirs)
    return {
        case: {peer: round(statistics.median(found[case][peer]), 3) for peer in OTHERS if peer in found[case]}
        for case in sorted(found)
    }


def table(beside: Mapping[str, Mapping[str, float]]) -> str:
    """The ratios as Markdown."""
    rows = [f"| example | {' | '.join(OTHERS)} |", f"|---{'|---' * len(OTHERS)}|"]
    for case, row in beside.items():
        rows.append(f"| {case} | {' | '.join(f'{row[peer]:.2f}' if peer in row else '' for peer in OTHERS)} |")
    return "\n".join(rows)


def all_of_them(
    cases: Sequence[str], chosen: Sequence[str], repeats: int, seconds: float, pythons: Mapping[str, str]
) -> int:
    """Every example with every peer, interleaved -> exit code."""
    measured = {"gallery": schedule.Measurement(Path(__file__).name, tuple(chosen), tuple(cases))}
    plan = schedule.Plan(["gallery"], chosen, cases, repeats, seconds, measurements=measured, pythons=pythons)
    records = schedule.run(plan, lambda done: schedule.write_json(OUT, {"ratios": ratios(done), "records": done}))
    print(table(ratios(records)))
    return int(any(str(record["status"]).startswith("failed") for record in records))


def interpreter(text: str) -> tuple[str, str]:
    """The peer and the path of `keras-jax=/path/to/python`."""
    peer, _, path = text.partition("=")
    if peer not in OTHERS or not Path(path).exists():
        raise argparse.ArgumentTypeError(f"expected PEER=PATH with a peer of {', '.join(OTHERS)}, got {text!r}")
    return peer, path


def main() -> int:
    timed = [name for name in discover.names() if discover.timed(name)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=[OURS, *OTHERS], help="one peer, in this process; needs --case")
    parser.add_argument("--case", choices=discover.names(), help="the example for --peer")
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=timed, help="by default those that say so"
    )
    parser.add_argument("--peers", type=lambda text: text.split(","), default=[OURS, *OTHERS])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each example and peer, after two epochs")
    parser.add_argument(
        "--python", action="append", default=[], type=interpreter, metavar="PEER=PATH", help="an interpreter for a peer"
    )
    parser.add_argument("--device", default="cpu", help="only the CPU")
    args = parser.parse_args()
    if args.peer:
        one(args.case, args.peer, args.seconds)
        return 0
    return all_of_them(args.cases, args.peers, args.repeats, args.seconds, dict(args.python))


if __name__ == "__main__":
    sys.exit(main())
