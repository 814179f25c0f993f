"""Vocabularies that Keras keeps as text files beside its config, and their weights among those of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.layers import IntegerLookup, Layer, TextVectorization
from lamina.saving.errors import BAD_CONFIG, LoadingError

from .h5 import open_h5
from .layout import Layout

_FILE = "vocabulary.txt"


def weights_of_vocabularies(layout: Layout) -> dict[str, torch.Tensor]:
    """Path of a dataset -> the weights for "tf_idf" of each layer that looks tokens up: Keras wants them there too."""
    found = {}
    for place, layer in layout.lookups.items():
        if layer.output_mode == "tf_idf" and layer.get_vocabulary():
            weights = torch.tensor(layer.idf_weights, dtype=torch.float32)
            found[f"{place}/vars/idf_weights"] = weights
            if isinstance(layer, TextVectorization):  # around a StringLookup there, which is saved as well
                found[f"{place}/_lookup_layer/vars/idf_weights"] = weights
    return found


def give_vocabularies(
    model: Any, members: Mapping[str, bytes], weights: Any, where: str, orders: Mapping[int, list[Layer]]
) -> None:
    """Give each layer that looks tokens up, and has no vocabulary from its config, the one of the file.

    Args:
        members: of the file: path -> content.
        weights: the bytes of its weights, where "tf_idf" finds its own.

    Raises:
        LoadingError: a vocabulary that cannot be.
    """
    if not any(name.endswith(f"/{_FILE}") for name in members):
        return
    for place, layer in Layout(model, orders).lookups.items():
        content = members.get(f"assets/{place}/{_FILE}")
        if content is None or layer.get_vocabulary():
            continue
        idf = None
        if layer.output_mode == "tf_idf":
            path = f"{place}/vars/idf_weights"
            with open_h5(weights, where) as file:
                if path in file.datasets:
                    idf = file.read(path, file.datasets[path].shape)
        try:
            lines: list[Any] = content.decode().split("\n")
            tokens = [int(line) for line in lines] if isinstance(layer, IntegerLookup) else lines
            layer.learn_vocabulary(tokens, None if idf is None else idf[: len(tokens)])
        except (*BAD_CONFIG, UnicodeError) as error:
            raise LoadingError(
                f"The vocabulary of {layer.label} in {where} cannot be.", got=f"{error}"[:200]
            ) from error
