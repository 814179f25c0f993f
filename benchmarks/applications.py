"""Applications: a step of fit and a batch of predict at 64x64.

    python benchmarks/applications.py                        # every peer that is installed, in turn, and a table
    python benchmarks/applications.py --python keras-jax=PATH    # that peer with another environment's Python
    python benchmarks/applications.py --peer lamina          # one peer, as a line of JSON

Peers take turns, a fresh process each time and all on one core, so that a round is a few minutes; what is compared is
the shortest of the calls of a process, in CPU time as in time that passed. Keras runs each backend's own way of fit:
compiled on JAX and TensorFlow, eager on PyTorch. "torch" is torchvision's network where that is installed, trained as a
good PyTorch user writes it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import measure
import peers

CASES = ("ResNet50", "MobileNetV2", "EfficientNetB0")
TORCHVISION = {"ResNet50": "resnet50", "MobileNetV2": "mobilenet_v2", "EfficientNetB0": "efficientnet_b0"}
SIDE, BATCH, CLASSES, STEPS, CALLS = 64, 16, 10, 4, 3


def pictures() -> tuple[Any, Any]:
    import numpy as np

    draws = np.random.default_rng(0)
    return (
        draws.uniform(0, 255, (BATCH * STEPS, SIDE, SIDE, 3)).astype("float32"),
        draws.integers(0, CLASSES, BATCH * STEPS).astype("int64"),
    )


def of_keras(keras: ModuleType, case: str) -> measure.Record:
    """Of Lamina, and of Keras on any backend: the same code."""
    make = getattr(keras.applications, case)
    model = make(weights=None, input_shape=(SIDE, SIDE, 3), classes=CLASSES)
    x, y = pictures()
    model.compile("adam", "sparse_categorical_crossentropy")
    return _steady(
        fit=lambda: model.fit(x, y, batch_size=BATCH, verbose=0),
        predict=lambda: model.predict(x, batch_size=BATCH, verbose=0),
    )


def of_torch(case: str) -> measure.Record:
    """Of torchvision's network, channels last in memory, which is faster for all three."""
    import torch
    import torchvision
    from torch.nn import functional as F

    model = getattr(torchvision.models, TORCHVISION[case])(num_classes=CLASSES).to(memory_format=torch.channels_last)
    if case == "ResNet50":
        _stride_as_in_the_paper(model)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    x, y = (torch.as_tensor(array) for array in pictures())
    batches = [(part.permute(0, 3, 1, 2), due) for part, due in zip(x.split(BATCH), y.split(BATCH), strict=True)]

    def fit() -> None:
        model.train()
        for part, due in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(part), due).backward()
            optimizer.step()

    def predict() -> None:
        model.eval()
        with torch.inference_mode():
            for part, _ in batches:
                model(part).softmax(-1).numpy()

    return _steady(fit, predict)


def _stride_as_in_the_paper(model: Any) -> None:
    """Halve the pictures where Keras' ResNet does, in a block's first convolution: 6 % less to multiply."""
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = stage[0].conv2.stride, stage[0].conv1.stride


def _steady(fit: Callable[[], Any], predict: Callable[[], Any]) -> measure.Record:
    """Milliseconds of one step, once everything is compiled and warm: shortest of some calls."""
    record = {}
    for name, call in (("fit", fit), ("predict", predict)):
        call()
        times = [_both_clocks(call) for _ in range(CALLS)]
        record[f"{name}_ms"], record[f"{name}_cpu_ms"] = (
            min(column) / STEPS * 1e3 for column in zip(*times, strict=True)
        )
    return record


def _both_clocks(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds that passed, and seconds of CPU time of all threads."""
    passed, worked = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - passed, time.process_time() - worked


def on_one_core() -> None:
    """Before any framework is imported: each counts the cores that it may use."""
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])


def one(peer: str, cases: list[str]) -> None:
    on_one_core()
    peers.isolate(peer)
    if peer == "torch":
        measure.emit({case: of_torch(case) for case in cases})
        return
    from peer_keras import load_keras

    keras = load_keras("lamina" if peer == "lamina" else peer.partition("-")[2])
    measure.emit({case: of_keras(keras, case) for case in cases})


def all_of_them(chosen: list[str], cases: list[str], rounds: int, pythons: Mapping[str, str]) -> None:
    """Rounds in which the peers take turns, and a table of ratios within a round."""
    records: dict[str, list[dict[str, measure.Record]]] = {}
    for k in range(rounds):
        turn = chosen[k % len(chosen) :] + chosen[: k % len(chosen)]
        for peer in turn:
            found = _asked([pythons.get(peer, sys.executable), __file__, "--peer", peer, "--cases", ",".join(cases)])
            print(f"<!-- round {k + 1}, {peer}: {json.dumps(found)} -->", flush=True)
            records.setdefault(peer, []).append(found or {})
    columns = [(what, key) for what in ("fit", "predict") for key in (f"{what}_cpu_ms", f"{what}_ms")]
    print(
        "\n| case | peer | "
        + " | ".join(f"{w}, {'CPU' if 'cpu' in key else 'passed'}, ms" for w, key in columns)
        + " |"
    )
    print("|---" * (2 + len(columns)) + "|")
    for case in cases:
        for peer in chosen:
            cells = [_cell(records, case, peer, key) for _, key in columns]
            print(f"| {case} | {peer} | {' | '.join(cells)} |")


def _asked(command: list[str]) -> dict[str, measure.Record] | None:
    """What a peer's process prints last; None where the peer is not there or fails, which stands on standard error."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(ended.stdout.splitlines()[-1]) if ended.returncode == 0 else None


def _cell(records: Mapping[str, list[dict[str, measure.Record]]], case: str, peer: str, key: str) -> str:
    """Median over the rounds; and the ratio to PyTorch of the same round: median, smallest, largest."""
    values = [found[case][key] for found in records[peer] if case in found]
    if not values:
        return "did not run"
    text = f"{statistics.median(values):.0f}"
    pairs = zip(records.get(peers.YARDSTICK, []), records[peer], strict=False)
    ratios = [own[case][key] / base[case][key] for base, own in pairs if case in base and case in own]
    if peer == peers.YARDSTICK or not ratios:
        return text
    return f"{text}: {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=[*peers.PEERS], help="one peer, in this process; by default all")
    parser.add_argument("--peers", default=",".join(peers.PEERS), help="those to compare")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="a peer's own interpreter")
    args = parser.parse_args()
    cases = args.cases.split(",")
    if args.peer is not None:
        one(args.peer, cases)
    else:
        pythons = dict(pair.split("=", 1) for pair in args.python)
        all_of_them(args.peers.split(","), cases, args.rounds, pythons)


if __name__ == "__main__":
    main()
