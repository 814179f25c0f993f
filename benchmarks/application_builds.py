"""Applications: what building one costs beside drawing its weights.

    python benchmarks/application_builds.py                 # six of them, three peers in turn, and a table
    python benchmarks/application_builds.py --cases all     # Lamina's forty, beside their draws alone
    python benchmarks/application_builds.py --peer lamina   # one peer, as a line of JSON

Every round is a fresh process for each peer, on one core; what is compared is CPU time, the shortest of some builds of
a process. "Drawing" is plain PyTorch: for each weight its memory, and the calls that fill it with the same
distribution. "Bare modules" is the least that a model of modules costs: the same draws, each made a parameter or a
buffer of an empty `torch.nn.Module` for each layer that has any. Neither draws a graph, checks a shape or knows a
name. torchvision draws other distributions, and has no NASNet; nor has Keras on PyTorch.
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import measure
import peers
from applications import on_one_core

CASES = ("ResNet50", "MobileNetV2", "EfficientNetB0", "DenseNet121", "NASNetMobile", "ConvNeXtTiny")
TORCHVISION = {
    "ResNet50": "resnet50",
    "MobileNetV2": "mobilenet_v2",
    "EfficientNetB0": "efficientnet_b0",
    "DenseNet121": "densenet121",
    "ConvNeXtTiny": "convnext_tiny",
}
PEERS = ("lamina", "keras-torch", "torch")
TIMES = 5
Draw = Callable[[], Any]


def initializer_of(layer: Any, weight: str) -> Any:
    """The layer's initializer of a weight; None for one that has none, and begins at 0."""
    names = (f"{weight}_initializer", f"{weight.removesuffix('_kernel')}_initializer", "depthwise_initializer")
    return next((getattr(layer, name) for name in names if hasattr(layer, name)), None)


def plain_draw(initializer: Any, shape: tuple[int, ...]) -> Draw:
    """What fills new memory as an initializer of Lamina's does, by PyTorch's functions alone."""
    import torch

    def fill() -> torch.Tensor:
        made = torch.empty(shape)
        initializer.fill(made, None)
        return made

    if hasattr(initializer, "fill"):
        return fill
    kind = type(initializer).__name__
    value = 1.0 if kind == "Ones" else getattr(initializer, "value", 0.0)
    return partial(torch.full, shape, value)


def draws(model: Any) -> list[list[tuple[bool, Draw]]]:
    """For each layer that has weights of its own: whether each of them is trained, and its draw."""
    own = [(part, list(part._own_weights())) for part in model.modules() if hasattr(part, "_own_weights")]
    found = [
        [
            (weight.requires_grad, plain_draw(initializer_of(part, weight.name), tuple(weight.shape)))
            for weight in weights
        ]
        for part, weights in own
        if weights
    ]
    if sum(map(len, found)) != len(model.weights):
        raise RuntimeError(f"{len(model.weights)} weights, but draws of {sum(map(len, found))}.")
    return found


def bare_modules(todo: list[list[tuple[bool, Draw]]]) -> Any:
    """The same weights in empty modules."""
    from torch import nn

    model = nn.Module()
    for k, weights in enumerate(todo):
        part = nn.Module()
        for i, (trained, draw) in enumerate(weights):
            if trained:
                part.register_parameter(f"weight_{i}", nn.Parameter(draw()))
            else:
                part.register_buffer(f"weight_{i}", draw())
        model.add_module(str(k), part)
    return model


def cpu_ms(*calls: Callable[[], Any]) -> list[float]:
    """Milliseconds of CPU time of each call, which take turns: the shortest of some."""
    best = [float("inf")] * len(calls)
    for _ in range(TIMES):
        for i, call in enumerate(calls):
            gc.collect()
            start = time.process_time()
            made = call()
            best[i] = min(best[i], (time.process_time() - start) * 1e3)
            del made  # so that the next one has its memory
    return best


def of_lamina(case: str) -> measure.Record:
    import lamina

    make = partial(getattr(lamina.applications, case), weights=None)
    model = make()
    record = {"layers": len(model.layers), "weights": len(model.weights), "values": model.count_params()}
    todo = draws(model)
    del model
    build, draw, bare = cpu_ms(
        make, lambda: [draw() for weights in todo for _, draw in weights], lambda: bare_modules(todo)
    )
    return record | {"build": build, "draw": draw, "bare": bare}


def one(peer: str, cases: list[str]) -> None:
    """One peer, in this process."""
    on_one_core()
    peers.isolate(peer)
    if peer == "lamina":
        measure.emit({case: of_lamina(case) for case in cases})
        return
    if peer == "torch":
        import torchvision

        makes = {case: getattr(torchvision.models, name) for case, name in TORCHVISION.items() if case in cases}
    else:
        import keras

        offered = [case for case in cases if not case.startswith("NASNet")]
        makes = {case: partial(getattr(keras.applications, case), weights=None) for case in offered}
    for make in makes.values():
        make()
    measure.emit({case: {"build": cpu_ms(make)[0]} for case, make in makes.items()})


def asked(peer: str, cases: list[str]) -> dict[str, measure.Record]:
    """What a peer's process prints last; nothing where the peer is not there or fails, which standard error tells."""
    command = [sys.executable, __file__, "--peer", peer, "--cases", ",".join(cases)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(ended.stdout.splitlines()[-1]) if ended.returncode == 0 else {}


def table(rounds: list[Mapping[str, Mapping[str, measure.Record]]], cases: list[str]) -> None:
    """Medians over the rounds; ratios within a round."""

    def cell(case: str, peer: str, key: str, to_draw: bool = False) -> str:
        found = [(own[peer][case], own["lamina"][case]) for own in rounds if case in own.get(peer, {})]
        if not found:
            return "none"
        values = [one[key] / (lamina["draw"] if to_draw else 1) for one, lamina in found]
        return f"{statistics.median(values):.{2 if to_draw else 1}f}"

    columns = ("draw", "bare", "build")
    print(
        "| application | layers, weights, millions of values | drawing, ms | bare modules | Lamina | Lamina / drawing ",
        end="",
    )
    print("| Keras on PyTorch | Keras / drawing | torchvision |\n" + "|---" * 9 + "|")
    for case in cases:
        first = rounds[0]["lamina"][case]
        size = f"{first['layers']}, {first['weights']}, {first['values'] / 1e6:.1f}"
        own = " | ".join(cell(case, "lamina", key) for key in columns)
        keras = f"{cell(case, 'keras-torch', 'build')} | {cell(case, 'keras-torch', 'build', True)}"
        ratio, vision = cell(case, "lamina", "build", True), cell(case, "torch", "build")
        print(f"| {case} | {size} | {own} | {ratio} | {keras} | {vision} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, help="one peer, in this process; by default all, in rounds")
    parser.add_argument("--peers", default=",".join(PEERS), help="those to compare; Lamina is always among them")
    parser.add_argument("--cases", default=",".join(CASES), help="names, or all: Lamina's forty by themselves")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    chosen, cases = args.peers.split(","), args.cases.split(",")
    if args.cases == "all":
        import lamina

        chosen, cases = ["lamina"], [name for name in lamina.applications.__all__ if name[0].isupper()]
    if args.peer is not None:
        one(args.peer, cases)
        return
    rounds = [{peer: asked(peer, cases) for peer in dict.fromkeys(["lamina", *chosen])} for _ in range(args.rounds)]
    table(rounds, cases)


if __name__ == "__main__":
    main()
