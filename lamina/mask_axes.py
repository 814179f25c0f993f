"""Functions that leave the first axes of a tensor alone, over which its mask lies: the mask goes on through them.

Nodes and symbolic tensors are those of `lamina.graph`, which asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ALONG = {
    **dict.fromkeys(("softmax", "log_softmax", "cumsum", "cumprod", "logsumexp", "mean", "sum", "prod"), (1, None)),
    **dict.fromkeys(("amax", "amin", "argmax", "argmin", "all", "any", "std", "var", "max", "min"), (1, None)),
    **dict.fromkeys(("flip", "squeeze", "unflatten"), (1, None)),
    **dict.fromkeys(("glu", "argsort", "sort"), (1, -1)),
    **dict.fromkeys(("norm", "roll", "torch.linalg.norm", "repeat_interleave"), (2, None)),
    **dict.fromkeys(("topk", "diff"), (2, -1)),
    **dict.fromkeys(("chunk", "split", "tensor_split"), (2, 0)),
}
"""Usual names of functions that work along some axes -> where the axes stand, and those that are meant otherwise."""


def keeps_positions(node: Any, name: str) -> bool:
    """Whether a function, by its usual name, leaves the positions of its input's mask as they are.

    So it is where it works along later axes than those of the mask, and where a product sums over later ones.
    """
    x = node.inputs[0]
    mask = getattr(x, "mask", None)
    if mask is None:
        return False
    if name == "cat":
        axis = _argument(node, 1, ("dim", "axis"), 0)
        return all(getattr(one, "ndim", 0) == x.ndim for one in node.inputs) and _are_later([axis], x, mask)
    own = node.args[1:2] if name == "einsum" else node.args[:1]
    if not (own and own[0] is x) or any(getattr(other, "mask", None) is not None for other in node.inputs[1:]):
        return False
    if name in _ALONG:
        place, meant = _ALONG[name]
        axes = _argument(node, place, ("dim", "dims", "axis"), meant)
        return _are_later(axes if isinstance(axes, (tuple, list)) else [axes], x, mask)
    return name in _RULES and _RULES[name](node, x, mask)


def _argument(node: Any, place: int, names: tuple[str, ...], otherwise: Any) -> Any:
    if len(node.args) > place:
        return node.args[place]
    return next((node.kwargs[name] for name in names if name in node.kwargs), otherwise)


def _are_later(axes: Any, x: Any, mask: Any) -> bool:
    return len(axes) > 0 and all(type(axis) is int and axis % x.ndim >= mask.ndim for axis in axes)


def _unsqueeze(node: Any, x: Any, mask: Any) -> bool:
    axis = _argument(node, 1, ("dim",), None)
    return type(axis) is int and axis % (x.ndim + 1) >= mask.ndim


def _product(node: Any, x: Any, mask: Any) -> bool:
    """``x @ w``: the rows of x stay rows, where w is one matrix or has one for each of the same batches."""
    return mask.ndim < x.ndim and bool(node.outputs[0].shape[: mask.ndim] == x.shape[: mask.ndim])


def _subscript(node: Any, x: Any, mask: Any) -> bool:
    """``x[..., :2]``, ``x[:, :, 0]``, ``x[..., None]``: all of the first axes."""
    key = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    if not all(type(part) in (int, slice, type(None), type(...)) for part in key):
        return False
    whole, written = slice(None), [part for part in key if part is not ...]
    dots = [whole] * (x.ndim - sum(part is not None for part in written))
    place = next((place for place, part in enumerate(key) if part is ...), len(key))
    return all(part == whole for part in [*written[:place], *dots, *written[place:]][: mask.ndim])


def _einsum(node: Any, x: Any, mask: Any) -> bool:
    """``"btf,fg->btg"``: the axes of the mask begin the result, and are nobody else's."""
    equation = node.args[0]
    if not isinstance(equation, str) or "->" not in equation:
        return False
    terms, result = equation.replace(" ", "").split("->")
    own, *others = terms.split(",")
    axes = own[: mask.ndim]
    return "." not in axes and result.startswith(axes) and not set(axes) & set("".join([own[mask.ndim :], *others]))


_RULES: dict[str, Callable[[Any, Any, Any], bool]] = {
    "matmul": _product,
    "unsqueeze": _unsqueeze,
    "getitem": _subscript,
    "einsum": _einsum,
}
