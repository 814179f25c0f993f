"""What `import lamina` (or Keras) costs on top of `import torch`, in a fresh process.

    python benchmarks/imports.py --peer lamina

torch is imported first, so that both parts come from the same process and their noise is not subtracted.
"""

import importlib

import measure
import peers


def seconds_to_import(module: str) -> float:
    return measure.timed(lambda: importlib.import_module(module))


def main() -> None:
    args = measure.arguments(__doc__)
    peers.isolate(args.peer)
    torch_s = seconds_to_import("torch")
    library = {"torch": None, "lamina": "lamina", "keras-torch": "keras"}[args.peer]
    extra_s = seconds_to_import(library) if library else 0.0
    measure.emit({"torch_s": torch_s, "extra_s": extra_s, "total_s": torch_s + extra_s})


if __name__ == "__main__":
    main()
