"""Applications: what building one costs beside drawing its weights, and a step of fit and a batch of predict at 64x64.

    python benchmarks/applications.py                     # every peer that is installed, a process each, and a table
    python benchmarks/applications.py --peer lamina       # one, as a line of JSON

Keras runs each backend's own way of fit: compiled on JAX and TensorFlow, eager on PyTorch. "torch" is torchvision's
network where that is installed, trained as a good PyTorch user writes it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import measure
import peers

CASES = ("ResNet50", "MobileNetV2", "EfficientNetB0")
TORCHVISION = {"ResNet50": "resnet50", "MobileNetV2": "mobilenet_v2", "EfficientNetB0": "efficientnet_b0"}
SIDE, BATCH, CLASSES, STEPS = 64, 16, 10, 4
# Keras' name of a weight -> the attribute with its initializer.
INITIALIZERS = {
    "kernel": "kernel_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "bias": "bias_initializer",
    "gamma": "gamma_initializer",
    "beta": "beta_initializer",
    "moving_mean": "moving_mean_initializer",
    "moving_variance": "moving_variance_initializer",
}


def pictures() -> tuple[Any, Any]:
    import numpy as np

    draws = np.random.default_rng(0)
    return (
        draws.uniform(0, 255, (BATCH * STEPS, SIDE, SIDE, 3)).astype("float32"),
        draws.integers(0, CLASSES, BATCH * STEPS).astype("int64"),
    )


def draws(model: Any) -> list[Callable[[], Any]]:
    """What draws each weight of the model once more, alone."""
    return [
        partial(getattr(layer, initializer), tuple(getattr(layer, weight).shape))
        for layer in model.layers
        for weight, initializer in INITIALIZERS.items()
        if getattr(layer, weight, None) is not None and hasattr(layer, initializer)
    ]


def of_keras(keras: ModuleType, case: str, seconds: float) -> measure.Record:
    """Of Lamina, and of Keras on any backend: the same code."""
    make = getattr(keras.applications, case)

    def build() -> Any:
        return make(weights=None, input_shape=(SIDE, SIDE, 3), classes=CLASSES)

    model = build()
    built = min(measure.timed_calls(build, seconds, 3, 20))
    todo = draws(model)
    drawn = min(measure.timed_calls(lambda: [draw() for draw in todo], seconds, 3, 20))
    x, y = pictures()
    model.compile("adam", "sparse_categorical_crossentropy")
    fit = lambda: model.fit(x, y, batch_size=BATCH, verbose=0)  # noqa: E731  the same call, timed and not
    predict = lambda: model.predict(x, batch_size=BATCH, verbose=0)  # noqa: E731
    return {"build_ms": built * 1e3, "draw_ms": drawn * 1e3, **_steady(fit, predict, seconds)}


def of_torch(case: str, seconds: float) -> measure.Record:
    """Of torchvision's network, channels first as it wants them."""
    import torch
    import torchvision
    from torch.nn import functional as F

    make = getattr(torchvision.models, TORCHVISION[case])
    built = min(measure.timed_calls(lambda: make(num_classes=CLASSES), seconds, 3, 20))
    model = make(num_classes=CLASSES).to(memory_format=torch.channels_last)
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

    return {"build_ms": built * 1e3, **_steady(fit, predict, seconds)}


def _steady(fit: Callable[[], Any], predict: Callable[[], Any], seconds: float) -> measure.Record:
    """Milliseconds of one step, once everything is compiled and warm."""
    for warm in (fit, predict):
        warm()
    fits, predicts = (measure.timed_calls(call, seconds, 3, 50) for call in (fit, predict))
    return {"fit_ms": measure.median_ms(fits, STEPS), "predict_ms": measure.median_ms(predicts, STEPS)}


def one(peer: str, seconds: float) -> None:
    peers.isolate(peer)
    if peer == "torch":
        measure.emit({case: of_torch(case, seconds) for case in CASES})
        return
    from peer_keras import load_keras

    keras = load_keras("lamina" if peer == "lamina" else peer.partition("-")[2])
    measure.emit({case: of_keras(keras, case, seconds) for case in CASES})


def all_of_them(seconds: float) -> None:
    """A process for each peer, and a table."""
    print("| case | peer | build, ms | its weights alone, ms | step of fit, ms | batch of predict, ms |")
    print("|---|---|---|---|---|---|")
    for peer in peers.PEERS:
        if absent := peers.missing(peer) + ([] if peer != "torch" else _absent("torchvision")):
            print(f"| | {peer} | not installed: {', '.join(absent)} | | | |")
            continue
        command = [sys.executable, __file__, "--peer", peer, "--seconds", str(seconds)]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if ended.returncode:
            print(f"| | {peer} | ended with {ended.returncode} | | | |")
            continue
        for case, record in json.loads(ended.stdout.splitlines()[-1]).items():
            print(f"| {case} | {peer} | {_cells(record)} |", flush=True)


def _absent(module: str) -> list[str]:
    try:
        __import__(module)
    except (ImportError, RuntimeError):
        return [module]
    return []


def _cells(record: Mapping[str, float]) -> str:
    keys = ("build_ms", "draw_ms", "fit_ms", "predict_ms")
    return " | ".join(f"{record[key]:.0f}" if key in record else "" for key in keys)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=[*peers.PEERS], help="one peer, in this process; by default all")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each number")
    args = parser.parse_args()
    if args.peer is None:
        all_of_them(args.seconds)
    else:
        one(args.peer, args.seconds)


if __name__ == "__main__":
    main()
