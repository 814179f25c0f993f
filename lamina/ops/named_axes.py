"""Axes by name: what a tensor looks like, and what it shall look like, in one line.

The language is that of einops: Rogozhnikov 2022, https://openreview.net/forum?id=oapKSVM2bcj.
"""

from __future__ import annotations

import math
import re
from typing import Any

from lamina.graph import ArgumentError, ShapeError

from .one_node import one_node
from .operands import tensor as as_tensor

_TOKENS = re.compile(r"\s*(?:(->)|(\(|\))|(\.\.\.)|(\w+))")
# "..." by itself is several axes, within parentheses a part of one.
_DOTS, _WITHIN = "...", "(...)"
# Each group becomes one axis; of no names it has size 1.
Groups = list[list[str]]


@one_node
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """The axes in another order, taken apart or put together, as a pattern of names says.

    Args:
        tensor: any shape; or a list of tensors of one shape, whose list is the first axis.
        pattern: "before -> after". Each side names the axes in order; names in parentheses make up one axis, the last
            running fastest; `1` or `()` is an axis of size 1; `...` stands for any number of axes. Both sides have the
            same names.
        axes_lengths: sizes of names. Of those in parentheses before `->`, one may be left out: it follows.

    Raises:
        ArgumentError: a pattern that is none, a name on one side only or twice, a size for no name. ShapeError: the
            tensor has other axes, or an axis cannot be taken apart so.

    >>> images = torch.ones(32, 30, 40, 3)
    >>> rearrange(images, "b h w c -> b c h w").shape
    torch.Size([32, 3, 30, 40])
    >>> rearrange(images, "b (h h1) (w w1) c -> b h w (c h1 w1)", h1=2, w1=2).shape
    torch.Size([32, 15, 20, 12])
    >>> rearrange(images, "b ... c -> (b ...) c").shape
    torch.Size([38400, 3])
    """
    before, after = _sides(pattern)
    x = as_tensor(tensor)
    _refuse_other_names(pattern, before, after, axes_lengths)
    some = [_DOTS] in before
    least = len(before) - some
    if x.ndim < least or (x.ndim > least and not some):
        raise _misfit(pattern, x, f"{least} axes{' or more' if some else ''}")
    dots = [f"{_DOTS}{i}" for i in range(x.ndim - least)]
    before, after = _spelled_out(before, dots), _spelled_out(after, dots)
    sizes: dict[str, int] = {}
    for group, size in zip(before, x.shape, strict=True):
        sizes |= _sizes(pattern, x, group, size, axes_lengths)
    names = [name for group in before for name in group]
    x = x.reshape([sizes[name] for name in names])
    x = x.permute([names.index(name) for group in after for name in group])
    return x.reshape([math.prod([sizes[name] for name in group]) for group in after])


def _sides(pattern: str) -> tuple[Groups, Groups]:
    """The groups on both sides of the arrow."""
    sides: list[Groups] = [[]]
    inner: list[str] | None = None
    end = 0
    pattern = pattern.rstrip()
    while end < len(pattern):
        found = _TOKENS.match(pattern, end)
        if found is None:
            raise _no_pattern(pattern, f"{pattern[end:].strip()[0]!r} means nothing here")
        end = found.end()
        arrow, bracket, _, name = found.groups()
        if arrow or bracket:
            if (inner is not None) != (bracket == ")"):
                raise _no_pattern(pattern, "parentheses open and close in turn, on one side")
            if arrow:
                sides.append([])
            elif bracket == "(":
                inner = []
            else:
                sides[-1].append(inner or [])
                inner = None
            continue
        names = [] if name == "1" else [_checked(pattern, name)] if name else [_DOTS if inner is None else _WITHIN]
        if inner is None:
            sides[-1].append(names)
        else:
            inner.extend(names)
    if inner is not None or len(sides) != 2:
        raise _no_pattern(pattern, "parentheses that close, and one ->")
    return sides[0], sides[1]


def _checked(pattern: str, name: str) -> str:
    if not name.isidentifier() or name.startswith("_") or name.endswith("_"):
        raise _no_pattern(pattern, f"{name!r} is no name: letters, digits and _ within")
    return name


def _refuse_other_names(pattern: str, before: Groups, after: Groups, lengths: dict[str, int]) -> None:
    left, right = ([name for group in side for name in group] for side in (before, after))
    if _WITHIN in left:
        raise _no_pattern(pattern, "... stands by itself on the left: it cannot be told from what is beside it")
    right = [_DOTS if name == _WITHIN else name for name in right]
    twice = {name for side in (left, right) for name in side if side.count(name) > 1}
    if twice:
        raise _no_pattern(pattern, f"each name once on a side, not {' '.join(sorted(twice))}")
    if set(left) != set(right):
        lone = " ".join(sorted({*left} ^ {*right}))
        raise _no_pattern(pattern, f"the same names on both sides, and {lone} is on one")
    unknown = set(lengths) - set(left)
    if unknown:
        raise _no_pattern(pattern, f"a name for each size, and there is no {' '.join(sorted(unknown))}")


def _spelled_out(groups: Groups, dots: list[str]) -> Groups:
    """With a name for each axis that `...` stands for."""
    spelled: Groups = []
    for group in groups:
        if group == [_DOTS]:
            spelled.extend([name] for name in dots)
        else:
            spelled.append([part for name in group for part in (dots if name == _WITHIN else [name])])
    return spelled


def _sizes(pattern: str, x: Any, group: list[str], size: int, lengths: dict[str, int]) -> dict[str, int]:
    """The sizes of the names that make up one axis."""
    known = {name: lengths[name] for name in group if name in lengths}
    open_names = [name for name in group if name not in lengths]
    if len(open_names) > 1:
        raise _no_pattern(pattern, f"a size for all but one of {' '.join(group)}", f"{open_names[0]}=...")
    total = math.prod([*known.values()])
    if total < 1 or size % total or (not open_names and size != total):
        said = ", ".join(f"{name}={value}" for name, value in known.items())
        raise _misfit(pattern, x, f"({' '.join(group)}){' with ' + said if said else ''} for an axis of size {size}")
    return known | dict.fromkeys(open_names, size // total)


def _no_pattern(pattern: str, expected: str, hint: str | None = None) -> ArgumentError:
    return ArgumentError(f"ops.rearrange cannot read {pattern!r}.", expected=expected, hint=hint)


def _misfit(pattern: str, x: Any, what: str) -> ShapeError:
    return ShapeError(
        f"ops.rearrange: {pattern!r} does not fit the tensor.", got=f"shape {tuple(x.shape)}", expected=what
    )
