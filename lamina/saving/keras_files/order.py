"""The order in which Keras comes by the layers of a graph, told from a config alone.

Keras numbers the weights of a file by the place of their layers in ``model.layers``. That order follows from which call
reads which, and an operation that is several nodes here is one call there. So it is found on the calls as they stand in
the config. In which order the config lists its layers says nothing: Keras does not look at it either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Call = tuple[str, int]
"""The name of a layer or operation, and which of its calls."""


def in_keras_order(outputs: Iterable[Call], reads: Mapping[Call, Sequence[Call]]) -> list[str]:
    """The names of the layers and operations that the outputs need, as Keras orders them: by distance from the outputs,
    then as a walk back from these first meets them.

    A layer that is called several times stands where its farthest call stands.

    Args:
        outputs: the calls that give the outputs, flat, as Keras flattens them.
        reads: for each call, those whose results it is given, in the order of its arguments. One that is not in it
            reads nothing.

    >>> in_keras_order([("c", 0)], {("c", 0): [("b", 0), ("x", 0)], ("b", 0): [("a", 0)], ("a", 0): [("x", 0)]})
    ['x', 'a', 'b', 'c']
    """
    met, sorted_calls = _walked(outputs, reads)
    distance, _ = _distances(sorted_calls, reads)
    first = {name: place for place, (name, _) in reversed(list(enumerate(met)))}
    return sorted(first, key=lambda name: (-distance[name], first[name]))


def in_order_of_running(outputs: Iterable[Call], reads: Mapping[Call, Sequence[Call]]) -> list[Call]:
    """The calls that the outputs need, as Keras runs them: by distance from the outputs, then those that it met last
    when it sorted them first. The arguments are those of `in_keras_order`.

    >>> in_order_of_running([("c", 0)], {("c", 0): [("b", 0), ("x", 0)], ("b", 0): [("x", 0)]})
    [('x', 0), ('b', 0), ('c', 0)]
    """
    distances = _distances(_walked(outputs, reads)[1], reads)[1]
    return sorted(distances, key=lambda call: -distances[call])


def _distances(
    sorted_calls: list[Call], reads: Mapping[Call, Sequence[Call]]
) -> tuple[dict[str, int], dict[Call, int]]:
    """How far from the outputs layers and calls stand; calls in the order in which a walk from the outputs finds it."""
    of_layers: dict[str, int] = {}
    of_calls: dict[Call, int] = {}
    for call in reversed(sorted_calls):
        own = of_layers[call[0]] = of_calls[call] = max(of_calls.get(call, 0), of_layers.get(call[0], 0))
        for read in reads.get(call, ()):
            of_calls[read] = max(of_calls.get(read, 0), own + 1)
    return of_layers, of_calls


def _walked(outputs: Iterable[Call], reads: Mapping[Call, Sequence[Call]]) -> tuple[list[Call], list[Call]]:
    """The calls as a walk back from the outputs first meets them, and each after those that it reads."""
    finished: dict[Call, bool] = {}  # False while what a call reads is being walked
    result: list[Call] = []
    stack = list(reversed(list(outputs)))
    while stack:
        call = stack[-1]
        if finished.get(call) is None:
            finished[call] = False
            stack += [read for read in reversed(reads.get(call, ())) if read not in finished]
        else:
            stack.pop()
            if not finished[call]:
                finished[call] = True
                result.append(call)
    return list(finished), result
