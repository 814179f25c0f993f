"""Messages that speak of example sizes, as messages that speak of unknown ones."""

from __future__ import annotations

import re
from collections.abc import Collection
from math import prod


def without_examples(text: str, other: str | None, examples: Collection[int]) -> str:
    """A message with ``None`` for every number that comes from an example.

    Args:
        text: said of one example.
        other: said of another one, where something was: numbers that differ come from the examples.
        examples: the example sizes, for where there is no other message of the same words.

    >>> without_examples("size 192 is not 50", "size 5120 is not 50", {192})
    'size None is not 50'
    >>> without_examples("size 192 is not 50", None, {192})
    'size None is not 50'
    """
    parts = re.split(r"(\d+)", text)
    others = re.split(r"(\d+)", other) if other is not None else []
    if len(parts) == len(others) and parts[::2] == others[::2]:
        numbers = [a if a == b else "None" for a, b in zip(parts[1::2], others[1::2], strict=True)]
    else:
        numbers = ["None" if int(n) in examples else n for n in parts[1::2]]
    parts[1::2] = numbers
    return "".join(parts)


def numbers_that_differ(text: str, other: str) -> tuple[list[tuple[int, int]], list[int]]:
    """Of two messages of the same words, the numbers that differ, in pairs, and those that do not.

    Products and sums of the latter within one pair of brackets are among them: a shape asks for that many elements,
    sizes of parts for as many together.

    >>> numbers_that_differ("size 192 is not 50", "size 384 is not 50")
    ([(192, 384)], [50])
    """
    parts, others = re.split(r"(\d+)", text), re.split(r"(\d+)", other)
    if parts[::2] != others[::2]:
        return [], []
    pairs = [(int(a), int(b)) for a, b in zip(parts[1::2], others[1::2], strict=True)]
    same = [a for a, b in pairs if a == b]
    shapes = [[int(n) for n in re.findall(r"\d+", shape)] for shape in re.findall(r"\[[^][]*\]", text)]
    wholes = [whole for shape in shapes if len(shape) > 1 for whole in (prod(shape), sum(shape))]
    return [pair for pair in pairs if pair[0] != pair[1]], list(dict.fromkeys([*same, *wholes]))
