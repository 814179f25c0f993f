"""Calls: a recorded function in the words that its user wrote: ``2 − x``, ``[:, 0]``, ``ops.sum``.

Where the order of several tensors counts, they are called a, b, c in it, and so are the arrows that bring them.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

import lamina.ops
from lamina.graph import Constant, Node, Symbolic, tree
from lamina.graph.walk import Key, key_of
from lamina.one_line import shortened
from lamina.operations import OPERATIONS, function_name

_LONGEST = 30
_SIGNS = {"-": "−", "*": "×"}  # what people write for what Python writes
_EITHER_WAY = frozenset(
    "add mul eq ne and_ or_ xor maximum minimum fmax fmin logical_and logical_or logical_xor bitwise_and bitwise_or "
    "bitwise_xor hypot logaddexp logaddexp2 gcd lcm isclose".split()
)
_MOST = 4  # items of a list that are told one by one


@dataclass(frozen=True, slots=True)
class Said:
    """What was called, its settings, and what each tensor that it reads is called there; "" where that is plain."""

    kind: str
    hint: str
    letters: dict[Key, str]


def origins(nodes: Iterable[Node]) -> Counter[Hashable]:
    """How many nodes each call of ours made: by the user's line and the name in `lamina.ops`."""
    return Counter(_origin(node) for node in nodes if node.source.op)


def _origin(node: Node) -> Hashable:
    return node.source, node.source.at, node.source.op


def said_of(node: Node, made: Counter[Hashable]) -> Said:
    """The words for a call of a function.

    Args:
        made: see `origins`; of several nodes that one function made, that one bears its name which does the work.
    """
    ours = _name_in_ops(node, made)
    if _is_index(node):
        letters = _letters(node, named=True)
        key = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
        of = letters[key_of(node.inputs[0])] if len(node.inputs) > 1 else ""
        return Said(_cut(f"{of}[{', '.join(_index(part, letters) for part in key)}]"), "", _told(letters))
    signed = _signed(node, bool(ours))
    if signed is not None:
        return signed
    kind = f"ops.{ours}" if ours else _short_function(function_name(node.op))
    letters = _letters(node, named=_order_counts(node))
    words = _in_ops(node, ours, letters) if ours else _arguments(node, letters)
    return Said(kind, _cut(", ".join(words)), _told(letters))


# -- tensors


def _order_counts(node: Node) -> bool:
    return len(node.inputs) > 1 and not _EITHER_WAY.intersection(OPERATIONS.of(node.op).names)


def _letters(node: Node, named: bool) -> dict[Key, str]:
    """What each tensor is called: x where there is one, a, b, c where the order of several counts, else nothing."""
    keys = [key_of(symbolic) for symbolic in node.inputs]
    if len(keys) == 1:
        return {keys[0]: "x"}
    return {key: _letter(i) if named else "" for i, key in enumerate(keys)}


def _letter(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else str(i + 1)


def _told(letters: dict[Key, str]) -> dict[Key, str]:
    return letters if len(letters) > 1 else {}


# -- Python's operators


def _is_index(node: Node) -> bool:
    return getattr(node.op, "__name__", "") == "getitem" and len(node.args) == 2


def _signed(node: Node, ours: bool) -> Said | None:
    """A call of one of Python's operators as it is written; one in `lamina.ops` that does the same too."""
    facts = OPERATIONS.of(node.op)
    sign = _SIGNS.get(facts.sign, facts.sign)
    written = ours or node.op is facts.operator or function_name(node.op).startswith("torch.Tensor.")
    if not sign or not written or node.kwargs or not 1 <= len(node.args) <= 2:
        return None
    operands = node.args[::-1] if node.op in facts.reversed else node.args
    letters = _letters(node, named=_order_counts(node))
    if not any(letters.values()):
        return Said(sign, "", {})  # of two tensors in any order
    words = [_value(operand, letters) for operand in operands]
    if len(words) == 2:
        return Said(_cut(f"{words[0]} {sign} {words[1]}"), "", _told(letters))
    return Said(f"{sign}{words[0]}", "", {})


def _index(part: Any, letters: dict[Key, str]) -> str:
    if isinstance(part, slice):
        ends = ["" if v is None else _value(v, letters) for v in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, _value(part.step, letters)])
    return "..." if part is Ellipsis else _value(part, letters)


# -- functions


def _arguments(node: Node, letters: dict[Key, str]) -> list[str]:
    """Plain arguments; the tensors among them where one must know which is which."""
    args = list(node.args)
    one_tensor_first = len(node.inputs) == 1 and bool(args) and isinstance(args[0], Symbolic)
    if one_tensor_first and not any(_symbolic(a) for a in args[1:]):
        args = args[1:]
    told = [a for a in args if not _is_body(a) and (any(letters.values()) or not _symbolic(a))]
    words = [_value(a, letters) for a in told]
    for name, value in node.kwargs.items():
        idle = value is None or value is False or name.startswith("_") or _is_body(value)
        if not idle and (any(letters.values()) or not _symbolic(value)):
            words.append(f"{name}={_value(value, letters)}")
    return words


def _symbolic(value: Any) -> bool:
    return any(isinstance(leaf, Symbolic) for leaf in tree.leaves(value))


def _is_body(value: Any) -> bool:
    """A branch of a choice, or what a loop repeats: both are drawn as boxes of their own."""
    return any(hasattr(leaf, "graph") and not isinstance(leaf, Symbolic) for leaf in tree.leaves(value))


# -- functions of ours


def _name_in_ops(node: Node, made: Counter[Hashable]) -> str:
    """The function of `lamina.ops` that a call stands for, "" where it is PyTorch's own or only a part of one."""
    name = node.source.op
    if name not in lamina.ops.__all__ or made[_origin(node)] == 1:
        return name if name in lamina.ops.__all__ else ""
    facts = OPERATIONS.of(node.op)
    keras = facts.keras.partition(" ")[0].rpartition(".")[2].lower()
    alike = {*facts.names, keras, getattr(node.op, "__name__", "")}
    return name if name in alike or name.replace("_", "") in alike else ""


def _in_ops(node: Node, name: str, letters: dict[Key, str]) -> list[str]:
    """Arguments by the words of `lamina.ops`; what is left as it is by default is not said."""
    parameters = inspect.signature(getattr(lamina.ops, name)).parameters
    axis = next((word for word in ("axis", "axes") if word in parameters), "")
    words, axis_said = [], not axis
    first_tensor = len(node.inputs) == 1
    given = [("", value) for value in node.args] + list(node.kwargs.items())
    for i, (key, value) in enumerate(given):
        if value is None or value is False or key.startswith("_") or isinstance(value, torch.dtype) or _is_body(value):
            continue
        if _symbolic(value):
            if not (first_tensor and i == 0) and any(letters.values()):
                words.append(_value(value, letters))
        elif value is True:
            words += ["keepdims"] if "keepdims" in parameters else []
        elif not axis_said and _is_axes(value):
            axis_said = True
            idle = value == parameters[axis].default or (axis == "axis" and _is_all(value, node))
            words += [] if idle else [f"{axis} {_axes(value)}"]
        else:
            words.append(_value(value, letters))
    return words


def _is_axes(value: Any) -> bool:
    return type(value) is int or (isinstance(value, (list, tuple)) and all(type(n) is int for n in value))


def _axes(value: int | Sequence[int]) -> str:
    return str(value) if isinstance(value, int) else ", ".join(map(str, value))


def _is_all(value: Any, node: Node) -> bool:
    """Whether these are all axes, which is what goes without saying."""
    rank = len(getattr(node.inputs[0], "shape", ())) if node.inputs else 0
    return not isinstance(value, int) and rank > 0 and sorted(value) == list(range(rank))


# -- values


def _value(value: Any, letters: dict[Key, str]) -> str:
    if isinstance(value, Symbolic):
        return letters.get(key_of(value)) or "·"
    if isinstance(value, Constant):
        shape = tuple(value.value.shape)
        return f"tensor {shape}" if shape else _value(value.value.item(), letters)
    if isinstance(value, (list, tuple)) and any(isinstance(leaf, (Symbolic, Constant)) for leaf in tree.leaves(value)):
        items = [_value(item, letters) for item in value]
        items = items if len(items) <= _MOST else [*items[: _MOST - 1], "…", items[-1]]
        return f"[{', '.join(items)}]"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).removeprefix("torch.")


def _cut(text: str) -> str:
    return shortened(text, _LONGEST)


def _short_function(name: str) -> str:
    """``torch.nn.functional.gelu`` -> ``F.gelu``: long prefixes say little in a narrow column."""
    for long, short in (("torch.nn.functional.", "F."), ("torch.Tensor.", "Tensor.")):
        if name.startswith(long):
            return short + name.removeprefix(long).strip("_")
    if name.startswith("lamina.ops."):  # whichever file it stands in
        return f"ops.{name.rpartition('.')[2]}"
    return name
