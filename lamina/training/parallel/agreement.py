"""Agreement: whether all processes mean the same training, asked before the first step; one set of weights for all."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any

import torch

from lamina._torch.sharding import is_sharded
from lamina.graph import ArgumentError, tree
from lamina.graph.source import warn
from lamina.layers import Layer
from lamina.layers.mode import asking
from lamina.processes import World
from lamina.training.data import Source


def agree(world: World, model: Any, source: Source, facts: dict[str, Any]) -> None:
    """Compare this process's training with those of the others.

    Args:
        source: the data.
        facts: what else must be alike, by the names that the user knows.

    Raises:
        ArgumentError: something differs; on every process alike, so that none waits for another.
    """
    own = {name: repr(value) for name, value in (_of_model(model) | _of_data(source) | facts).items()}
    everyone, values = zip(*world.gathered((own, _values_of(source))), strict=True)
    for rank, told in enumerate(everyone):
        different = [name for name in everyone[0] if told.get(name) != everyone[0][name]]
        if different:
            name = different[0]
            raise ArgumentError(
                f"The processes do not train alike: {name} of rank {rank} is another than that of rank 0.",
                got=f"rank {rank}: {_short(told.get(name))}; rank 0: {_short(everyone[0][name])}",
                expected="one script, with the same model, data and arguments on every rank",
                hint="a seed that does not hang on RANK, and no `if rank == 0` around layers or fit",
            )
    others = [rank for rank, own in enumerate(values) if own != values[0]]
    if others and world.is_first:
        warn(
            f"The arrays of rank {others[0]} hold other numbers than those of rank 0. Each process reads its rows of "
            "its own arrays: some rows are missing from the training, others are in it twice, and rows of the "
            "validation data may be in it. Try a seed for whatever draws, shuffles or splits them."
        )


def share_weights(world: World, model: Any, batch: Any) -> None:
    """Give the model the first process's weights; one that has none yet makes them, by trying the batch."""
    if not model.built:
        # One that is only a training step has no call; its parts have their weights.
        with suppress(NotImplementedError), asking(model, False), torch.no_grad():
            model(batch[0])
    tensors = [*model.parameters(), *model.buffers()]
    # Weights that lie on several processes have been the first one's since they were laid out.
    world.copy_first([t for t in dict.fromkeys(tensors) if not (t.is_meta or is_sharded(t))])


def join_in(world: World, model: Any, feed: Any) -> None:
    """Both of these, of a model that is to work on some data."""
    agree(world, model, feed.source, {})
    share_weights(world, model, feed.peek())


def _of_data(source: Source) -> dict[str, Any]:
    """What is to be alike of data: how much there is, and of what shapes."""
    facts: dict[str, Any] = {}
    data = getattr(source, "data", None)
    if data is not None:
        leaves = [(path, leaf) for path, leaf in tree.paths(data) if leaf is not None]
        facts["the shape of the data"] = [(path, tuple(leaf.shape), str(leaf.dtype)) for path, leaf in leaves]
    try:
        facts["the number of batches"] = len(source)
    except TypeError:
        facts["the number of batches"] = None
    return facts


def _values_of(source: Source) -> int:
    """A checksum of a few rows of arrays, the first and the last; 0 of data of another kind."""
    rows, total = getattr(source, "rows", 0), 0
    for leaf in tree.leaves(getattr(source, "data", None)):
        for start in (0, max(rows - 4, 0)) if leaf is not None else ():
            part = leaf[start : start + 4] if isinstance(leaf, torch.Tensor) else leaf.cut(start, min(start + 4, rows))
            numbers = part.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            total = zlib.crc32(numbers.numpy().tobytes(), total)
    return total


def _of_model(model: Any) -> dict[str, Any]:
    weights = [(name, tuple(p.shape), str(p.dtype), p.requires_grad) for name, p in model.named_parameters()]
    facts: dict[str, Any] = {"the class of the model": type(model).__name__, "the list of weights": weights}
    program = getattr(model, "program", None)
    if getattr(model, "graph", None) is not None and program is not None:
        facts["the graph"] = program(True).source
    facts["the settings of the layers"] = [(type(m).__name__, _settings(m)) for m in model.modules()]
    return facts


def _settings(module: Any) -> list[tuple[str, Any]]:
    """The numbers and words that a layer was made with; not those that random values or names come from."""
    try:
        config = module.get_config() if isinstance(module, Layer) and getattr(module, "graph", None) is None else {}
    except Exception:  # noqa: BLE001 - of a layer of the user's, which may have none
        return []
    left_out = ("name", "seed", "dtype")
    plain = (str, int, float, bool, type(None), tuple, list)
    return [
        (key, value)
        for key, value in config.items()
        if type(value) in plain and key not in left_out and not key.endswith("_initializer")
    ]


def _short(text: Any) -> str:
    """A text, or what tells it from others where it is long."""
    text = str(text)
    return text if len(text) <= 120 else f"{text[:60]}... ({len(text)} letters, checksum {zlib.crc32(text.encode())})"
