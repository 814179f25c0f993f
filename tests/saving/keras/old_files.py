"""Files of Keras 1 and 2, made by hand: the JSON and the arrays, as those versions wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Arrays = dict[str, dict[str, np.ndarray]]


def write_h5(
    path: Path, config: Any, arrays: Arrays, version: str | None = "2.1.6", backend: str = "tensorflow",
    training: Any = None,
) -> Path:  # fmt: skip
    """A whole-model ``.h5``; without a config, one of weights alone."""
    with h5py.File(path, "w") as file:
        group = file if config is None else file.create_group("model_weights")
        for place in {file, group}:
            if version is not None:
                place.attrs["keras_version"] = np.bytes_(version)
                place.attrs["backend"] = np.bytes_(backend)
        if config is not None:
            file.attrs["model_config"] = np.bytes_(json.dumps(config))
        if training is not None:
            file.attrs["training_config"] = np.bytes_(json.dumps(training))
        group.attrs["layer_names"] = [np.bytes_(name) for name in arrays]
        for name, weights in arrays.items():
            place = group.create_group(name)
            place.attrs["weight_names"] = [np.bytes_(f"{name}/{key}:0") for key in weights]
            for key, value in weights.items():
                place.create_dataset(f"{name}/{key}:0", data=value)
    return path


def layer(class_name: str, name: str, /, *inputs: Any, **config: Any) -> dict[str, Any]:
    """The entry of a layer in a graph, called once on the results of others, by their names or ``[name, 0, k]``."""
    node = [[*item, {}] if isinstance(item, list) else [item, 0, 0, {}] for item in inputs]
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [node] if inputs else [],
    }


def graph(layers: list[dict[str, Any]], inputs: list[str], outputs: list[str], kind: str = "Model") -> dict[str, Any]:
    places = [[[name, 0, 0] for name in names] for names in (inputs, outputs)]
    config = {"name": "model_1", "layers": layers, "input_layers": places[0], "output_layers": places[1]}
    return {"class_name": kind, "config": config}


def source(name: str, *shape: int | None, dtype: str = "float32") -> dict[str, Any]:
    return layer("InputLayer", name, batch_input_shape=[None, *shape], dtype=dtype, sparse=False)


def sequential(*entries: tuple[str, dict[str, Any]], bare: bool = True) -> dict[str, Any]:
    """A Sequential: until Keras 2.2.3 its config was the list of its layers."""
    layers = [{"class_name": kind, "config": config} for kind, config in entries]
    return {"class_name": "Sequential", "config": layers if bare else {"name": "s", "layers": layers}}
