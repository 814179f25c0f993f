"""What building the graph of ResNet-50 costs beyond drawing its 25.6 million weights.

    python benchmarks/graph_build.py --peer lamina

The same initializers draw the same shapes once more, alone; the rest of the build's time is the graph: layers, symbolic
calls, inferred shapes.
"""

from collections.abc import Callable
from typing import Any

import measure
import peers
import resnet50
from peer_keras import load_keras, wait_for_weights

# Keras' name of a weight -> the attribute with its initializer
INITIALIZERS = {
    "kernel": "kernel_initializer",
    "bias": "bias_initializer",
    "gamma": "gamma_initializer",
    "beta": "beta_initializer",
    "moving_mean": "moving_mean_initializer",
    "moving_variance": "moving_variance_initializer",
}


def draws(model: Any) -> list[tuple[Callable[..., Any], tuple[int, ...]]]:
    """The initializer and the shape of each weight of the model."""
    found = [
        (getattr(layer, initializer), tuple(getattr(layer, weight).shape))
        for layer in model.layers
        for weight, initializer in INITIALIZERS.items()
        if getattr(layer, weight, None) is not None
    ]
    if len(found) != len(model.weights):
        raise RuntimeError(f"{len(model.weights)} weights, but initializers of {len(found)}.")
    return found


def main() -> None:
    args = measure.arguments(__doc__)
    peers.isolate(args.peer)
    backend = "lamina" if args.peer == "lamina" else args.peer.partition("-")[2]
    keras = load_keras(backend)
    start = measure.now()
    model = resnet50.build(keras)
    wait_for_weights(backend, model)
    build_s = measure.now() - start

    todo = draws(model)
    kept: list[object] = []  # as in the model: memory that is given back would make the next draw cheaper
    draw_s = measure.timed(lambda: kept.extend(initializer(shape) for initializer, shape in todo))
    params = model.count_params()
    measure.emit({"build_s": build_s, "draw_s": draw_s, "graph_s": build_s - draw_s, "params": params,
                  "params_ok": params == resnet50.VALUES})  # fmt: skip


if __name__ == "__main__":
    main()
