"""What a fresh process does: read a model and inputs from files, predict, write the answers into a file.

    python -m gallery.runner.answer loaded NAME MODEL INPUTS ANSWERS

`loaded` loads a `.lamina`; `compiled` compiles what it has loaded, as one whole graph; `keras` loads a `.keras` into
Keras itself.
"""

from __future__ import annotations

import argparse
import ast
from pathlib import Path
from typing import Any

from . import arrays, discover


def loaded(name: str, file: Path, inputs: Any, backend: str) -> Any:
    """The answers of the model as Lamina loads it."""
    from lamina import models

    discover.load(name)
    return models.load_model(file).predict(inputs, batch_size=arrays.flat(inputs)[0].shape[0], verbose=0)


def compiled(name: str, file: Path, inputs: Any, backend: str) -> Any:
    """The answers of the model under `torch.compile(fullgraph=True)`."""
    import torch

    from lamina import models, tree

    discover.load(name)
    loaded = models.load_model(file).eval()  # layers that draw random numbers act where nobody says a mode
    model: Any = torch.compile(loaded, fullgraph=True, backend=backend)
    with torch.no_grad():
        outputs = model(tree.map_structure(torch.as_tensor, numbers(loaded, inputs)))
    return tree.map_structure(lambda tensor: tensor.numpy(), outputs)


def numbers(model: Any, inputs: Any) -> Any:
    """The inputs with what `TextVectorization` gives in the place of texts, of which PyTorch has no tensors."""
    from lamina import layers

    readers = {layer.input.name: layer for layer in model.layers if isinstance(layer, layers.TextVectorization)}
    if not readers:
        return inputs
    if isinstance(inputs, dict):
        return {name: readers[name](part) if name in readers else part for name, part in inputs.items()}
    parts = inputs if isinstance(inputs, list) else [inputs]
    given = [readers[t.name](part) if t.name in readers else part for t, part in zip(model.inputs, parts, strict=True)]
    return given if isinstance(inputs, list) else given[0]


def keras(name: str, file: Path, inputs: Any, backend: str) -> Any:
    """The answers of Keras. What the example registers is made anew upon Keras, by the same lines."""
    from .as_keras import become_keras

    module = become_keras()
    if any(map(_is_own, ast.parse((discover.FOLDER / f"{name}.py").read_text()).body)):
        discover.load(name)
    return module.saving.load_model(file).predict(inputs, batch_size=arrays.flat(inputs)[0].shape[0], verbose=0)


def _is_own(node: ast.stmt) -> bool:
    """A class, or a function with a decorator: what a file may name."""
    return isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and bool(node.decorator_list))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("how", choices=["loaded", "compiled", "keras"])
    parser.add_argument("name")
    parser.add_argument("files", type=Path, nargs=3, metavar="MODEL INPUTS ANSWERS")
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    given = parser.parse_args()
    model, inputs, answers = given.files
    how = {"loaded": loaded, "compiled": compiled, "keras": keras}[given.how]
    arrays.save(answers, how(given.name, model, arrays.load(inputs), given.backend))


if __name__ == "__main__":
    main()
