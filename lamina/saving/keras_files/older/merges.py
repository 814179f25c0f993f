"""Keras 1's Sequential that begins with a Merge of other Sequential models: one graph with an input for each."""

from __future__ import annotations

from typing import Any, Protocol

from lamina.saving.errors import LoadingError
from lamina.saving.fields import field, items


class Reader(Protocol):
    """Makes layers from their entries."""

    def first_of(self, entries: list[dict[str, Any]], where: str) -> list[Any]: ...

    def layer(self, entry: dict[str, Any], where: str) -> Any: ...


def sequential_of_merge(entries: list[dict[str, Any]], reader: Reader, where: str) -> tuple[Any, Any]:
    """Symbolic inputs and outputs of a Sequential model whose first entry merges others.

    Raises:
        LoadingError: a branch that does not tell its input, or is no Sequential model.
    """
    merge, *rest = entries
    inputs: list[Any] = []
    outputs = _merged(merge, reader, where, inputs)
    for entry in rest:
        outputs = reader.layer(entry, where)(outputs)
    return inputs, outputs


def _merged(merge: dict[str, Any], reader: Reader, where: str, inputs: list[Any]) -> Any:
    config = field(merge, "config", dict, where)
    branches = items(field(config, "layers", list, where), dict, where)
    return reader.layer(merge, where)([_branch(branch, reader, where, inputs) for branch in branches])


def _branch(branch: dict[str, Any], reader: Reader, where: str, inputs: list[Any]) -> Any:
    entries = branch.get("config")
    if isinstance(entries, dict):
        entries = entries.get("layers")
    if branch.get("class_name") != "Sequential" or not isinstance(entries, list) or not entries:
        raise LoadingError(f"{where} merges what is no Sequential model.", got=f"{branch.get('class_name')!r}"[:80])
    items(entries, dict, where)
    if entries[0].get("class_name") == "Merge":
        made = _merged(entries[0], reader, where, inputs)
        layers = [reader.layer(entry, where) for entry in entries[1:]]
    else:
        first, *layers = reader.first_of(entries, where)
        if not first.is_input:
            raise LoadingError(f"{where} merges a model that does not tell its input.", got=first.label)
        made = first.take()
        inputs.append(made)
    for layer in layers:
        made = layer(made)
    return made
