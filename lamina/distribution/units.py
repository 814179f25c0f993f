"""Which layers are gathered together while they run: a nested model, or a block that comes several times in the graph.

Layers of a graph are calls, one after another; a block that a function of the user's draws again and again leaves no
trace but that. So blocks are found as what comes twice or more in a row: the same kinds of layers with weights of the
same shapes, joined within the block in the same way.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import Any, NamedTuple

from torch import nn

from lamina.layers.base import Layer

Unit = list[nn.Module]
_LARGE = 16
"""A layer that holds more than this part of all weights, and is in no block, is a unit of its own."""


def units_of(model: nn.Module) -> list[Unit]:
    """The units within a model, inner ones first. What is in none belongs to the model itself.

    A layer that is called several times, or shares a weight with another, is in none: its weights must be there
    whenever either runs.

    >>> from lamina import Input, Model, layers
    >>> x = h = Input((8,))
    >>> for _ in range(3):
    ...     h = layers.LayerNormalization()(layers.Dense(8)(h) + h)
    >>> [[layer.name for layer in unit] for unit in units_of(Model(x, layers.Dense(1)(h)))]
    [['dense', 'layer_normalization'], ['dense_1', 'layer_normalization_1'], ['dense_2', 'layer_normalization_2']]
    """
    total = sum(p.numel() for p in model.parameters())
    shared = _holders_of_shared(model)
    found: list[Unit] = []
    _collect(model, shared, total, found)
    return [unit for unit in found if sum(map(_size, unit)) < total]  # one with all weights is the model itself


def _collect(model: nn.Module, shared: set[int], total: int, found: list[Unit]) -> None:
    calls = _calls(model)
    times = Counter(id(module) for module, *_ in calls)
    taken: set[int] = set()
    for module, *_ in calls:
        if _is_model(module) and id(module) not in taken and id(module) not in shared:
            _collect(module, shared, total, found)
            if any(p.requires_grad for p in module.parameters()) and times[id(module)] == 1:
                found.append([module])
                taken.add(id(module))
    blocks = [block for block in _repeated(calls) if not any(id(m) in taken for m in block)]
    for block in blocks:
        kept = [m for m in block if times[id(m)] == 1 and id(m) not in shared and _size(m)]
        if kept:
            found.append(kept)
            taken.update(map(id, kept))
    for module, *_ in calls:
        alone = times[id(module)] == 1 and id(module) not in shared and id(module) not in taken
        if alone and not _is_model(module) and _size(module) * _LARGE > total:
            found.append([module])


class _Call(NamedTuple):
    """A call of a module with weights: which others it takes results of, and how many tensors are alive before it."""

    module: nn.Module
    behind: list[int]
    width: int


def _calls(model: nn.Module) -> list[_Call]:
    """The calls of modules with weights, in order."""
    graph = getattr(model, "graph", None)
    if graph is None:
        parts = model._parts() if isinstance(model, Layer) else list(model.children())
        listed: list[nn.Module] = []
        for part in parts:  # a list of modules is not called itself
            listed.extend(part.children() if isinstance(part, nn.ModuleList) else [part])
        return [_Call(part, [], 0) for part in listed if _size(part)]
    widths = _widths(graph)
    numbers: dict[Any, frozenset[int]] = {}
    calls: list[_Call] = []
    for node, width in zip(graph.nodes, widths, strict=True):
        behind: frozenset[int] = frozenset().union(*(numbers.get(s.node, frozenset()) for s in node.inputs))
        if isinstance(node.op, nn.Module) and _size(node.op):
            calls.append(_Call(node.op, sorted(behind), width))
            behind = frozenset((len(calls) - 1,))
        numbers[node] = behind
    return calls


def _widths(graph: Any) -> list[int]:
    """How many results are there before each node that it or a later one takes."""
    last: dict[Any, int] = {}
    for place, node in enumerate(graph.nodes):
        for symbolic in node.inputs:
            last[symbolic.node, symbolic.index] = place
    made = {node: place for place, node in enumerate(graph.nodes)}
    change = [0] * (len(graph.nodes) + 2)
    for (node, _), place in last.items():
        change[made.get(node, -1) + 1] += 1
        change[place + 1] -= 1
    return list(accumulate(change))[: len(graph.nodes)]


def _repeated(calls: list[_Call]) -> list[Unit]:
    """What comes at least twice in a row; where there is a choice, what covers most calls, by the shortest blocks.

    The same calls may be cut into blocks from several places on. A block begins where the fewest tensors are alive: at
    the one that residual connections have just been added to, and not within.
    """
    kinds = [_kind(call.module) for call in calls]
    found: list[Unit] = []
    start = 0
    while start < len(calls):
        length, times = max(
            ((length, _times(calls, kinds, start, length)) for length in range(1, (len(calls) - start) // 2 + 1)),
            key=lambda pair: (pair[0] * pair[1] if pair[1] > 1 else 0, -pair[0]),
            default=(1, 1),
        )
        if times < 2:
            start += 1
            continue
        turned = [(place, _times(calls, kinds, place, length)) for place in range(start, start + length)]
        start, times = min(
            (t for t in turned if t[1] > 1),
            key=lambda t: (max(calls[t[0] + k * length].width for k in range(t[1])), -t[1], t[0]),
        )
        for k in range(times):
            block = calls[start + k * length : start + (k + 1) * length]
            found.append(list({id(call.module): call.module for call in block}.values()))
        start += length * times
    return found


def _times(calls: list[_Call], kinds: list[Any], start: int, length: int) -> int:
    """How often the block of this length that starts here follows itself."""
    times, stop = 1, start + length
    while kinds[stop : stop + length] == kinds[start : start + length] and (
        _joints(calls, stop, length) == _joints(calls, start, length)
    ):
        times, stop = times + 1, stop + length
    return times


def _joints(calls: list[_Call], start: int, length: int) -> list[list[int]]:
    """Which calls of a block take the results of which others of it."""
    within = calls[start : start + length]
    return [[number - start for number in call.behind if number >= start] for call in within]


def _kind(module: nn.Module) -> Any:
    return type(module), tuple(tuple(p.shape) for p in module.parameters())


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _is_model(module: nn.Module) -> bool:
    return hasattr(module, "graph")


def _holders_of_shared(model: nn.Module) -> set[int]:
    """Ids of the modules that hold, themselves or within, a weight that another module holds too."""
    holders: dict[int, list[nn.Module]] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                holders.setdefault(id(parameter), []).append(module)
    tied = {id(m) for modules in holders.values() if len(modules) > 1 for m in modules}
    return {id(m) for m in model.modules() if m is not model and any(id(part) in tied for part in m.modules())}
