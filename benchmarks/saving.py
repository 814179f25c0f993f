"""Writing ResNet-50 into a file and reading it back, without and with the state of Adam.

    python benchmarks/saving.py --peer lamina

Lamina writes model.lamina and brings it to the disk (fsync); Keras writes model.keras. The yardstick is torch.save and
torch.load of as many tensors of the same shapes: no module is built, and nothing is brought to the disk.
"""

import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import measure
import numpy as np
import peers
import resnet50

CALLS = 7


def library(keras: Any, suffix: str, with_optimizer: bool) -> tuple[Callable[[Path], Any], Callable[[Path], Any], str]:
    model = resnet50.build(keras)
    if with_optimizer:
        model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")
        model.fit(np.zeros((2, 224, 224, 3), "float32"), np.zeros(2), verbose=0)
    return model.save, keras.models.load_model, suffix


def torch_alone(with_optimizer: bool) -> tuple[Callable[[Path], Any], Callable[[Path], Any], str]:
    import torch

    import lamina

    weights = resnet50.build(lamina).state_dict()
    state = {str(k): {path: torch.zeros_like(w) for path, w in weights.items()} for k in range(3 * with_optimizer)}
    state = state or {"weights": dict(weights)}
    return lambda path: torch.save(state, path), torch.load, ".pt"


def main() -> None:
    args = measure.arguments(__doc__)
    peers.isolate(args.peer)
    result: measure.Record = {}
    with tempfile.TemporaryDirectory() as folder:
        for word, with_optimizer in (("", False), ("_adam", True)):
            if args.peer == "torch":
                save, load, suffix = torch_alone(with_optimizer)
            elif args.peer == "lamina":
                import lamina

                save, load, suffix = library(lamina, ".lamina", with_optimizer)
            else:
                from peer_keras import load_keras

                save, load, suffix = library(load_keras(args.peer.partition("-")[2]), ".keras", with_optimizer)
            path = Path(folder) / f"resnet{word}{suffix}"
            for what, call in (("save", save), ("load", load)):
                times = [measure.timed(partial(call, path)) for _ in range(CALLS)]
                result[f"{what}{word}_s"] = statistics.median(times)
    measure.emit(result)


if __name__ == "__main__":
    main()
