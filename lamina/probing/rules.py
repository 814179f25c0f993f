"""Rules of shapes for the functions that layers of users are mostly made of, beside the pointwise ones.

PyTorch finds the shapes of these in Python, and the first time it does so it imports its compiler (0.5 to 1.2 s). A
rule answers only where it is sure that PyTorch takes the arguments, and what is made is laid out as PyTorch does it;
else it gives None.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F

Tensor = torch.Tensor
# A shape and a dtype of something contiguous, a tensor that is not, or None: the rule does not tell.
Found = tuple[tuple[int, ...], torch.dtype] | Tensor | None
Rule = Callable[[dict[str, Any]], Found]


class RefusedError(RuntimeError):
    """What PyTorch would raise: a rule that is sure of it need not ask."""


def laid_out_like(tensors: list[Tensor], shape: tuple[int, ...], dtype: torch.dtype) -> Found:
    """What a pointwise function makes: its axes lie in memory as those of the first operand that has all of them.

    None where an operand before that one has some of them in another order, or where two axes are alike in it.
    """
    whole = next((tensor for tensor in tensors if tuple(tensor.shape) == tuple(shape)), None)
    if whole is None or not all(shape):
        return None
    steps_of_whole = whole.stride()
    order = sorted(range(len(shape)), key=lambda axis: -steps_of_whole[axis])
    for tensor in tensors:
        strides = tensor.expand(shape).stride()
        steps = [strides[axis] for axis in order if strides[axis]]  # 0: along this axis it is one for all
        if any(before <= after for before, after in pairwise(steps)):
            return None
        if tensor is whole:
            break
    if 0 in steps_of_whole:
        return None
    made = torch.empty([shape[axis] for axis in order], dtype=dtype, device="meta")
    return made.permute([order.index(axis) for axis in range(len(shape))])


def _like(given: dict[str, Any]) -> Found:
    x = given["input"]
    return (tuple(x.shape), x.dtype) if x.is_contiguous() and x.is_floating_point() else None


def _matmul(given: dict[str, Any]) -> Found:
    a, b = given["input"], given["other"]
    if a.dtype != b.dtype or min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2] or a.ndim < b.ndim:
        return None  # of a matrix and many, PyTorch turns the result round
    lead = tuple(a.shape[:-2])
    if b.ndim > 2 and tuple(b.shape[:-2]) != lead:
        return None
    return (*lead, a.shape[-2], b.shape[-1]), a.dtype


def _mm(given: dict[str, Any]) -> Found:
    return _matmul(given) if given["input"].ndim == given["other"].ndim == given["axes"] else None


def _addmm(given: dict[str, Any]) -> Found:
    """Of two matrices and one row that is added to each row of their product."""
    row, a, b = given["input"], given["mat1"], given["mat2"]
    fits = given["beta"] == given["alpha"] == 1 and a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]
    if not fits or row.shape != b.shape[1:] or not row.dtype == a.dtype == b.dtype:
        return None
    return (a.shape[0], b.shape[1]), a.dtype


def _linear(given: dict[str, Any]) -> Found:
    x, weight, bias = given["input"], given["weight"], given["bias"]
    fits = x.ndim and weight.ndim == 2 and x.shape[-1] == weight.shape[1] and x.dtype == weight.dtype
    if not fits or (bias is not None and (tuple(bias.shape) != (weight.shape[0],) or bias.dtype != x.dtype)):
        return None
    return (*x.shape[:-1], weight.shape[0]), x.dtype


def _einsum(given: dict[str, Any]) -> Found:
    equation, operands = given["equation"], given["operands"]
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    if not isinstance(equation, str) or len(operands) != 2 or operands[0].dtype != operands[1].dtype:
        return None
    left, _, out = equation.replace(" ", "").partition("->")
    one, _, other = left.partition(",")
    sizes: dict[str, int] = {}
    for labels, operand in zip((one, other), operands, strict=True):
        if not labels.isalpha() or len(set(labels)) != len(labels) or len(labels) != operand.ndim:
            return None
        if any(sizes.setdefault(label, size) != size for label, size in zip(labels, operand.shape, strict=True)):
            return None
    shared, summed = set(one) & set(other), (set(one) & set(other)) - set(out)
    if not out.isalpha() or set(out) | summed != set(one) | set(other) or len(set(out)) != len(out) or not summed:
        return None
    # PyTorch multiplies (both, left, right) and brings the axes in order.
    rows, columns = [label for label in out if label not in other], [label for label in out if label not in one]
    if rows and columns and out.index(columns[0]) < out.index(rows[0]):
        return None  # whether it swaps the two is a matter of its version
    order = [label for label in out if label in shared] + rows + columns
    made = torch.empty([sizes[label] for label in order], dtype=operands[0].dtype, device="meta")
    return made.permute([order.index(label) for label in out])


def _softmax(given: dict[str, Any]) -> Found:
    x, dim = given["input"], given["dim"]
    if type(dim) is not int or not -x.ndim <= dim < x.ndim or given["dtype"] is not None:
        return None
    return _like(given)


def _axes(x: Tensor, dim: Any) -> list[int] | None:
    """The axes that are reduced; None where they are none of this tensor's, or not each once."""
    if dim is None or dim == ():
        return list(range(x.ndim))
    dims = [dim] if type(dim) is int else list(dim)
    if not all(type(d) is int and -x.ndim <= d < x.ndim for d in dims):
        return None
    axes = [d % x.ndim for d in dims]
    return axes if len(set(axes)) == len(axes) else None


def _reduced(given: dict[str, Any], dtype: torch.dtype) -> Found:
    x = given["input"]
    axes = _axes(x, given["dim"])
    if axes is None or not x.is_contiguous() or not all(x.shape):
        return None
    keep = given["keepdim"]
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes), dtype


def _sum(given: dict[str, Any]) -> Found:
    x, dtype = given["input"], given["dtype"]
    wide = torch.int64 if not (x.is_floating_point() or x.is_complex()) else x.dtype
    return _reduced(given, dtype or wide) if dtype in (None, x.dtype) else None


def _mean(given: dict[str, Any]) -> Found:
    x = given["input"]
    return _reduced(given, x.dtype) if x.is_floating_point() and given.get("dtype") in (None, x.dtype) else None


def _spread(given: dict[str, Any]) -> Found:
    """Of variances and deviations, along given axes."""
    return None if type(given["dim"]) is bool or not isinstance(given["unbiased"], bool) else _mean(given)


def _norm(given: dict[str, Any]) -> Found:
    order, dim = given["p"], given["dim"]
    plain = order in given["named"] or (isinstance(order, (int, float)) and order > 0)
    return _mean(given) if plain and (type(dim) is int or (isinstance(dim, (list, tuple)) and len(dim) == 1)) else None


def _normalized(given: dict[str, Any]) -> Found:
    x, dim = given["input"], given["dim"]
    plain = given["out"] is None and isinstance(given["p"], (int, float)) and given["p"] > 0
    return _like(given) if plain and type(dim) is int and -x.ndim <= dim < x.ndim else None


def _flipped(given: dict[str, Any]) -> Found:
    x, dims = given["input"], given["dims"]
    if not isinstance(dims, (list, tuple)):
        return None
    dims = dims[0] if len(dims) == 1 and isinstance(dims[0], (list, tuple)) else dims
    return (tuple(x.shape), x.dtype) if dims and _axes(x, dims) is not None and x.is_contiguous() else None


def _made(given: dict[str, Any]) -> Found:
    x, dtype = given["input"], given["dtype"] or given["input"].dtype
    return (tuple(x.shape), dtype) if x.is_contiguous() else laid_out_like([x], tuple(x.shape), dtype)


def _triangle(given: dict[str, Any]) -> Found:
    x = given["input"]
    return (tuple(x.shape), x.dtype) if x.ndim > 1 and x.is_contiguous() and type(given["diagonal"]) is int else None


def _repeated(given: dict[str, Any]) -> Found:
    x, sizes = given["input"], given["sizes"]
    sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)) else sizes
    if len(sizes) < x.ndim or not all(type(n) is int and n > 0 for n in sizes):
        return None
    shape = (1,) * (len(sizes) - x.ndim) + tuple(x.shape)
    return tuple(n * times for n, times in zip(shape, sizes, strict=True)), x.dtype


def _tiled(given: dict[str, Any]) -> Found:
    x, sizes = given["input"], given["sizes"]
    sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)) else sizes
    return _repeated({"input": x, "sizes": (1,) * (x.ndim - len(sizes)) + tuple(sizes)})


def _by_positions(given: dict[str, Any]) -> Found:
    """Of a normalization over the last axes, whose weights have a number for each value there."""
    x, sizes = given["input"], tuple(given["normalized_shape"])
    weights = [weight for weight in (given["weight"], given["bias"]) if weight is not None]
    if not sizes or x.shape[-len(sizes) :] != sizes:
        return None
    return None if any(tuple(w.shape) != sizes or w.dtype != x.dtype for w in weights) else _like(given)


def _by_channels(given: dict[str, Any]) -> Found:
    """Of normalizations whose weights and averages have one number for each channel."""
    x, groups = given["input"], given["num_groups"]
    by_averages = given["running_mean"] is not None and not given.get("training", True)
    few = x.ndim < 2 or (x.shape[0] < 2 and not by_averages)  # of one value there is no variance
    if few or not x.numel() or type(groups) is not int or groups < 1 or x.shape[1] % groups:
        return None
    for key in ("weight", "bias", "running_mean", "running_var"):
        one = given[key]
        if one is not None and (tuple(one.shape) != (x.shape[1],) or one.dtype != x.dtype):
            return None
    whole = given.get("training") or given["running_mean"] is not None or "momentum" not in given
    return _like(given) if whole else None


def _largest(given: dict[str, Any]) -> Any:
    x, count, dim = given["input"], given["k"], given["dim"]
    fits = type(count) is int and type(dim) is int and -x.ndim <= dim < x.ndim and x.is_contiguous()
    if not fits or not 0 <= count <= x.shape[dim] or x.is_complex() or x.dtype == torch.bool:
        return None
    shape = tuple(count if i == dim % x.ndim else n for i, n in enumerate(x.shape))
    values, places = (torch.empty(shape, dtype=dtype, device="meta") for dtype in (x.dtype, torch.int64))
    return torch.return_types.topk((values, places))


def _log_sum(given: dict[str, Any]) -> Found:
    return None if given["dim"] in (None, ()) else _mean(given)


def _best(given: dict[str, Any]) -> Found:
    one_axis = given["dim"] is None or type(given["dim"]) is int
    return _reduced(given, torch.int64) if one_axis and not given["input"].is_complex() else None


def _cat(given: dict[str, Any]) -> Found:
    tensors, dim = given["tensors"], given["dim"]
    _refuse_unequal(tensors, dim)
    first = _alike(tensors)
    if first is None or type(dim) is not int or not first.ndim or not -first.ndim <= dim < first.ndim:
        return None
    dim %= first.ndim
    rest = [(*t.shape[:dim], *t.shape[dim + 1 :]) for t in tensors]
    if any(shape != rest[0] for shape in rest):
        return None
    return (*first.shape[:dim], sum(t.shape[dim] for t in tensors), *first.shape[dim + 1 :]), first.dtype


def _refuse_unequal(tensors: Any, dim: Any) -> None:
    """Refuse tensors that cannot be joined, as PyTorch does, which imports its compiler to find that out.

    Raises:
        RefusedError: so it is; in PyTorch's words.
    """
    several = isinstance(tensors, (list, tuple)) and len(tensors) > 1 and all(isinstance(t, Tensor) for t in tensors)
    if not several or type(dim) is not int or any(t.shape == (0,) or not t.ndim for t in tensors):
        return  # an empty one of one axis goes with anything
    first = tensors[0]
    if not -first.ndim <= dim < first.ndim:
        return
    dim %= first.ndim
    for number, tensor in enumerate(tensors):
        if tensor.ndim != first.ndim:
            raise RefusedError(
                f"Number of dimensions of tensors must match.  Expected {first.ndim}-D tensors, but got "
                f"{tensor.ndim}-D for tensor number {number} in the list"
            )
        for axis, (due, size) in enumerate(zip(first.shape, tensor.shape, strict=True)):
            if axis != dim and due != size:
                raise RefusedError(
                    f"Sizes of tensors must match except in dimension {dim}. "
                    f"Expected {due} in dimension {axis} but got {size} for tensor number {number} in the list"
                )


def _beside(given: dict[str, Any]) -> Found:
    tensors = given["tensors"]
    several = isinstance(tensors, (list, tuple)) and all(isinstance(t, Tensor) and t.ndim > 1 for t in tensors)
    return _cat({"tensors": tensors, "dim": 1}) if several else None


def _stack(given: dict[str, Any]) -> Found:
    tensors, dim = given["tensors"], given["dim"]
    first = _alike(tensors)
    if first is None or type(dim) is not int or not -first.ndim - 1 <= dim <= first.ndim:
        return None
    dim %= first.ndim + 1
    if any(t.shape != first.shape for t in tensors):
        return None
    return (*first.shape[:dim], len(tensors), *first.shape[dim:]), first.dtype


def _alike(tensors: Any) -> Tensor | None:
    """The first of several contiguous tensors of one dtype and as many axes."""
    if not isinstance(tensors, (list, tuple)) or not tensors or not all(isinstance(t, Tensor) for t in tensors):
        return None
    first: Tensor = tensors[0]
    same = all(t.dtype == first.dtype and t.ndim == first.ndim and t.is_contiguous() and t.numel() for t in tensors)
    return first if same else None


def _embedding(given: dict[str, Any]) -> Found:
    ids, weight = given["input"], given["weight"]
    plain = given["max_norm"] is None and not given["scale_grad_by_freq"] and not given["sparse"]
    at, rows = given["padding_idx"], weight.shape[0] if weight.ndim == 2 else 0
    if not plain or not rows or ids.dtype not in (torch.int32, torch.int64) or not (at is None or -rows <= at < rows):
        return None
    return (*ids.shape, weight.shape[1]), weight.dtype


def _convolution(given: dict[str, Any]) -> Found:
    x, weight, bias, groups = given["input"], given["weight"], given["bias"], given["groups"]
    rank = x.ndim - 2
    if weight.ndim != x.ndim or rank != given["axes"] or type(groups) is not int or groups < 1:
        return None
    out = weight.shape[0]
    fits = x.shape[1] == weight.shape[1] * groups and out % groups == 0 and x.dtype == weight.dtype
    fits = fits and bool(x.numel()) and x.is_floating_point()
    if not fits or (bias is not None and (tuple(bias.shape) != (out,) or bias.dtype != x.dtype)):
        return None
    stride, dilation = (_each(given[key], rank, 1) for key in ("stride", "dilation"))
    if stride is None or dilation is None:
        return None
    reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if isinstance(given["padding"], str):
        if given["padding"] not in ("same", "valid") or (given["padding"] == "same" and set(stride) != {1}):
            return None
        around: Sequence[int] | None = reach if given["padding"] == "same" else [0] * rank
    else:
        padding = _each(given["padding"], rank, 0)
        around = None if padding is None else [2 * p for p in padding]
    return None if around is None else _slid(x, out, around, reach, stride)


def _slid(x: Tensor, channels: int, around: Sequence[int], reach: Sequence[int], stride: Sequence[int]) -> Found:
    """A window that reaches so far beyond its first element, slid over what is padded by so many in all."""
    room = [n + p - r - 1 for n, p, r in zip(x.shape[2:], around, reach, strict=True)]
    if min(room) < 0:
        return None
    return (x.shape[0], channels, *(free // s + 1 for free, s in zip(room, stride, strict=True))), x.dtype


def _pooling(given: dict[str, Any]) -> Found:
    x, axes = given["input"], given["axes"]
    kernel = _each(given["kernel_size"], axes, 1)
    stride = _each(given["stride"], axes, 1) if given["stride"] not in (None, (), []) else kernel
    padding = _each(given["padding"], axes, 0)
    plain = not given["ceil_mode"] and not given.get("return_indices") and given.get("dilation", 1) == 1
    fits = plain and x.ndim == axes + 2 and x.is_contiguous() and x.is_floating_point() and bool(x.numel())
    if not fits or kernel is None or stride is None or padding is None:
        return None
    if any(2 * p > k or n < k for p, k, n in zip(padding, kernel, x.shape[2:], strict=True)):
        return None
    return _slid(x, x.shape[1], [2 * p for p in padding], [k - 1 for k in kernel], stride)


def _each(value: Any, count: int, least: int) -> list[int] | None:
    """A number for each axis, where one may stand for all."""
    numbers = [value] * count if type(value) is int else list(value) if isinstance(value, (list, tuple)) else []
    if len(numbers) == 1:
        numbers *= count
    return numbers if len(numbers) == count and all(type(n) is int and n >= least for n in numbers) else None


def _attention(given: dict[str, Any]) -> Found:
    q, k, v, mask = given["query"], given["key"], given["value"], given["attn_mask"]
    _refuse_unfitting(given)
    lead = q.shape[:-2]
    fits = q.ndim == k.ndim == v.ndim and q.ndim in (3, 4) and k.shape[:-2] == v.shape[:-2] == lead
    fits = fits and q.is_floating_point()
    if not fits or given["enable_gqa"] or given["dropout_p"] or not math.prod(q.shape):
        return None
    if mask is not None and (given["is_causal"] or not _covers(mask, (*q.shape[:-1], k.shape[-2]), q.dtype)):
        return None
    return (*q.shape[:-1], v.shape[-1]), q.dtype


def _refuse_unfitting(given: dict[str, Any]) -> None:
    """Refuse what attention cannot be of, which PyTorch finds out with the help of its compiler, in words of products.

    Raises:
        RefusedError: so it is.
    """
    q, k, v, mask = given["query"], given["key"], given["value"], given["attn_mask"]
    if not all(isinstance(t, Tensor) and t.ndim > 1 for t in (q, k, v)):
        return
    came = f"query {tuple(q.shape)}, key {tuple(k.shape)}, value {tuple(v.shape)}"
    if not q.dtype == k.dtype == v.dtype:
        raise RefusedError(f"query, key and value of one dtype, not {q.dtype}, {k.dtype}, {v.dtype}")
    if q.shape[-1] != k.shape[-1]:
        raise RefusedError(f"as many features (the last axis) in query and key, not {came}")
    if k.shape[-2] != v.shape[-2]:
        raise RefusedError(f"as many steps (the last axis but one) in key and value, not {came}")
    leads = [t.shape[:-2] for t in (q, k, v)]
    if given["enable_gqa"]:
        heads = [lead[-1] if lead else 1 for lead in leads]
        if not heads[1] or not heads[2] or heads[0] % heads[1] or heads[0] % heads[2]:
            raise RefusedError(f"heads of the query that are a multiple of those of key and value, not {came}")
        return
    lead = _broadcast(*leads)
    if lead is None:
        raise RefusedError(f"query, key and value that are alike before their last two axes, not {came}")
    scores = (*lead, q.shape[-2], k.shape[-2])
    known = isinstance(mask, Tensor) and 1 < mask.ndim <= len(scores) and mask.dtype in (torch.bool, q.dtype)
    if known and _broadcast(mask.shape, scores) != scores:
        raise RefusedError(f"a mask that goes with the scores, {scores}, not {tuple(mask.shape)}")


def _broadcast(*shapes: Any) -> tuple[int, ...] | None:
    """The shape of them together; PyTorch's own function imports its compiler."""
    rank = max(map(len, shapes))
    aligned = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    sizes = [{n for n in axis if n != 1} or {1} for axis in zip(*aligned, strict=True)]
    return tuple(n for (n,) in sizes) if all(len(n) == 1 for n in sizes) else None


def _covers(mask: Tensor, scores: tuple[int, ...], dtype: torch.dtype) -> bool:
    """Whether it says something of each of these scores, as PyTorch's attention takes it."""
    behind = scores[len(scores) - mask.ndim :]
    fits = 2 <= mask.ndim <= len(scores) and all(a in (1, b) for a, b in zip(mask.shape, behind, strict=True))
    return fits and mask.dtype in (torch.bool, dtype)


def _cumulated(given: dict[str, Any]) -> Found:
    x, dim = given["input"], given["dim"]
    fits = x.is_contiguous() and type(dim) is int and -x.ndim <= dim < x.ndim and given["dtype"] is None
    whole = not (x.is_floating_point() or x.is_complex())
    return (tuple(x.shape), torch.int64 if whole else x.dtype) if fits else None


def _signed(text: str) -> inspect.Signature:
    """A signature from a text of parameters with plain defaults."""
    names: list[inspect.Parameter] = []
    for part in text.split():
        name, has_default, value = part.partition("=")
        default = _DEFAULTS.get(value, value) if has_default else inspect.Parameter.empty
        several = name.startswith("*")
        kind = inspect.Parameter.VAR_POSITIONAL if several else inspect.Parameter.POSITIONAL_OR_KEYWORD
        names.append(inspect.Parameter(name.lstrip("*"), kind, default=default))
    return inspect.Signature(names)


_DEFAULTS: dict[str, Any] = {
    "None": None,
    "False": False,
    "True": True,
    "0": 0,
    "1": 1,
    "2": 2,
    "-1": -1,
    "0.0": 0.0,
    "()": (),
}


def _named(names: str, *homes: Any) -> list[Any]:
    """The functions of these names in each of the places that have them."""
    return [getattr(home, name) for name in names.split() for home in homes if hasattr(home, name)]


def _table() -> Iterable[tuple[list[Any], str, Rule, dict[str, Any]]]:
    reduced = "input dim=None keepdim=False dtype=None"
    yield [operator.matmul, *_named("matmul __matmul__", torch, Tensor)], "input other", _matmul, {}
    yield _named("mm", torch, Tensor), "input other", _mm, {"axes": 2}
    yield _named("bmm", torch, Tensor), "input other", _mm, {"axes": 3}
    yield [torch.addmm], "input mat1 mat2 beta=1 alpha=1", _addmm, {}
    yield [F.linear], "input weight bias=None", _linear, {}
    yield [torch.einsum], "equation *operands", _einsum, {}
    yield _named("softmax log_softmax", torch, Tensor), "input dim dtype=None", _softmax, {}
    yield _named("softmax log_softmax", F), "input dim=None _stacklevel=None dtype=None", _softmax, {}
    yield _named("sum", torch, Tensor), reduced, _sum, {}
    yield _named("mean", torch, Tensor), reduced, _mean, {}
    yield _named("amax amin", torch, Tensor), "input dim=() keepdim=False", _mean, {}
    yield _named("logsumexp", torch, Tensor), "input dim keepdim=False", _log_sum, {}
    yield _named("var std", torch, Tensor), "input dim=None unbiased=True keepdim=False correction=None", _spread, {}
    yield [Tensor.norm, torch.norm], "input p=fro dim=None keepdim=False dtype=None", _norm, {"named": ("fro", None)}
    yield [torch.linalg.norm], "input p=None dim=None keepdim=False dtype=None", _norm, {"named": (None,)}
    yield [torch.linalg.vector_norm], "input p=2 dim=None keepdim=False dtype=None", _norm, {"named": ()}
    yield [F.normalize], "input p=2 dim=1 eps=0.0 out=None", _normalized, {}
    yield [torch.flip], "input dims", _flipped, {}
    yield [Tensor.flip], "input *dims", _flipped, {}
    yield (
        _named("randn_like rand_like zeros_like ones_like empty_like", torch),
        "input dtype=None device=None",
        _made,
        {},
    )
    yield _named("tril triu", torch, Tensor), "input diagonal=0", _triangle, {}
    yield [Tensor.repeat], "input *sizes", _repeated, {}
    yield _named("tile", torch, Tensor), "input *sizes", _tiled, {}
    averaged = "input weight bias running_mean running_var training momentum eps cudnn_enabled"
    yield [torch.batch_norm], averaged, _by_channels, {"num_groups": 1}
    averaged = "input running_mean running_var weight=None bias=None training=False momentum=0.0 eps=0.0"
    yield [F.batch_norm], averaged, _by_channels, {"num_groups": 1}
    layered = "input normalized_shape weight=None bias=None eps=0.0"
    yield [F.layer_norm], layered, _by_positions, {}
    yield [torch.layer_norm], f"{layered} cudnn_enable=True", _by_positions, {}
    grouped = "input num_groups weight=None bias=None eps=0.0"
    yield [F.group_norm], grouped, _by_channels, {"running_mean": None, "running_var": None}
    yield [torch.group_norm], f"{grouped} cudnn_enabled=True", _by_channels, {"running_mean": None, "running_var": None}
    yield _named("topk", torch, Tensor), "input k dim=-1 largest=True sorted=True", _largest, {}
    yield _named("argmax argmin", torch, Tensor), "input dim=None keepdim=False", _best, {}
    yield _named("cumsum", torch, Tensor), "input dim dtype=None", _cumulated, {}
    yield _named("cat concat concatenate", torch), "tensors dim=0", _cat, {}
    yield [torch.stack], "tensors dim=0", _stack, {}
    yield [torch.hstack], "tensors", _beside, {}
    embedded = "input weight padding_idx=None max_norm=None norm_type=None scale_grad_by_freq=False sparse=False"
    yield [F.embedding], embedded, _embedding, {}
    yield from _windows()
    attended = "query key value attn_mask=None dropout_p=0.0 is_causal=False scale=None enable_gqa=False"
    yield [F.scaled_dot_product_attention], attended, _attention, {}
    yield [F.dropout], "input p=0.0 training=True inplace=False", _dropout, {}


def _windows() -> Iterable[tuple[list[Any], str, Rule, dict[str, Any]]]:
    """Of `_table`, the functions that slide a window."""
    slid = "input weight bias=None stride=1 padding=0 dilation=1 groups=1"
    pooled = "input kernel_size stride=None padding=0"
    for axes in (1, 2, 3):
        yield list({getattr(F, f"conv{axes}d"), getattr(torch, f"conv{axes}d")}), slid, _convolution, {"axes": axes}
        best = [getattr(F, f"max_pool{axes}d")]
        yield best, f"{pooled} dilation=1 ceil_mode=False return_indices=False", _pooling, {"axes": axes}
        more = "" if axes == 1 else " divisor_override=None"
        yield (
            [getattr(F, f"avg_pool{axes}d")],
            f"{pooled} ceil_mode=False count_include_pad=True{more}",
            _pooling,
            {"axes": axes},
        )


def _dropout(given: dict[str, Any]) -> Found:
    p = given["p"]
    return _like(given) if not given["inplace"] and isinstance(p, (int, float)) and 0 <= p <= 1 else None


def rule_for(func: Any) -> Callable[[Any, Any], Found] | None:
    """The rule of a function, to be given its arguments."""
    return _RULES.get(func)


def _bound(signature: inspect.Signature, rule: Rule, more: dict[str, Any]) -> Callable[[Any, Any], Found]:
    def found(args: Any, kwargs: Any) -> Found:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return rule({**bound.arguments, **more})

    return found


_RULES = {func: _bound(_signed(text), rule, more) for functions, text, rule, more in _table() for func in functions}
