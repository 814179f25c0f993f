"""Derivatives that you say yourself, and derivatives in a direction."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamina._torch import tracing
from lamina.graph import ArgumentError, GraphError, ShapeError, StructureError, SymbolicTensor, tree

from .body import draw, drawn_as, spec_of, told
from .one_node import holds_symbolic, recorded
from .operands import here, tensor


def _of_jvp(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    fun, primals, tangents, has_aux = args
    pairs = zip(tree.leaves(primals), tree.leaves(tangents), strict=True)
    wrong = next((pair for pair in pairs if pair[0].shape != pair[1].shape), None)
    if wrong is not None:
        raise ShapeError("ops.jvp: a primal and its tangent have two shapes.", got=" and ".join(map(told, wrong)))
    result = fun.example(*primals)
    return (result[0], *result) if has_aux else (result, result)


@drawn_as(_of_jvp)
def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """How a function changes in a direction: `fun(x)` and `J @ v`, J the derivatives of `fun` at `x`, in one pass.

    Args:
        fun: takes as many arguments as there are primals, tensors or nestings of tensors; returns one. On symbolic
            tensors it becomes a graph within the graph.
        primals: a tuple or list, the arguments `x`.
        tangents: the direction `v`, in the structure and the shapes of the primals.
        has_aux: whether `fun` returns (result, what else it has to say).

    Returns:
        (fun(x), J @ v), and what else it has to say.

    Raises:
        ArgumentError: primals or tangents are no tuple or list, or not as many.
        ShapeError: in a graph, a primal and its tangent of two shapes.

    >>> jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    if not all(isinstance(v, (tuple, list)) for v in (primals, tangents)) or len(primals) != len(tangents):
        raise ArgumentError(
            "ops.jvp takes a tuple of primals and one of as many tangents.",
            got=f"primals {primals}, tangents {tangents}",
            where=here(),
        )
    primals, tangents = (tree.map_leaves(tensor, tuple(v)) for v in (primals, tangents))
    if holds_symbolic((primals, tangents)):
        specs = (tree.map_leaves(spec_of, primal) for primal in primals)
        return recorded(jvp, (draw("fun", fun, *specs), primals, tangents, has_aux), {})
    return torch.func.jvp(fun, primals, tangents, has_aux=has_aux)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose gradient you say yourself: for one that is cheaper or more stable than what autograd finds.

    Called on symbolic tensors, `f` and its `grad_fn` become graphs within the graph, and are saved with the model; what
    `grad_fn` uses of the way to the output is then computed again on the way back.

    Args:
        f: takes tensors, or nestings of tensors, and returns (output, grad_fn). `grad_fn(*args, upstream=...)`, or
            `grad_fn(upstream)`, gets the gradient of each tensor of the output (a tuple, if there are several) and
            returns that of each tensor of the arguments, in their order: one, or a tuple; None for none. Weights that
            `f` uses without being given them get no gradient.

    Returns:
        The function `args -> f(*args)[0]`.

    Raises:
        ArgumentError: `f` is no function. StructureError: it does not return a pair (when called), or `grad_fn` another
            number of gradients (when differentiated). GraphError: it is exported, which would lose the gradient.

    >>> @custom_gradient
    ... def softplus(x):
    ...     e = torch.exp(x)
    ...     return torch.log(1 + e), lambda *args, upstream: upstream * (1 - 1 / (1 + e))
    >>> x = torch.tensor(100.0, requires_grad=True)
    >>> torch.autograd.grad(softplus(x), x)
    (tensor(1.),)
    """
    if not callable(f):
        raise ArgumentError("ops.custom_gradient takes a function.", got=repr(f))

    @functools.wraps(f)
    def function(*args: Any) -> Any:
        if holds_symbolic(args):
            return _drawn(f, args)
        if tracing.is_exporting():
            raise GraphError("A gradient of one's own is lost where operations are exported.", got=repr(f))
        leaves = list(tree.leaves(args))
        frame: dict[str, Any] = {}
        flat = _CustomGradient.apply(f, args, frame, *leaves)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        return tree.pack_like(frame["output"], iter(flat))

    return function


def _drawn(f: Callable[..., Any], args: Any) -> Any:
    """The call as a node: two graphs, of the output and of the gradient."""
    leaves = [tensor(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in tree.leaves(args)]
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (torch.Tensor, SymbolicTensor))]

    def pair(*tensors: Any) -> tuple[list[Any], Any, Any]:
        given = dict(zip(places, tensors, strict=True))
        whole = [given.get(i, leaf) for i, leaf in enumerate(leaves)]
        return whole, *_pair(f(*tree.pack_like(args, iter(whole))))

    def gradient(*tensors: Any) -> list[Any]:
        whole, _, grad_fn = pair(*tensors[: len(places)])
        found = _gradients(grad_fn, whole, tensors[len(places) :])
        return [found[i] for i in places]

    specs = [spec_of(leaves[i]) for i in places]
    forward = draw("f", lambda *tensors: pair(*tensors)[1], *specs)
    upstream = (spec_of(leaf) for leaf in tree.leaves(forward.body.graph.output_structure))
    backward = draw("grad_fn", gradient, *specs, *upstream)
    return recorded(differentiated, (forward, backward, [leaves[i] for i in places]), {})


def _of_differentiated(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    forward, backward, inputs = args
    output = forward.example(*inputs)
    for gradient, given in zip(backward.example(*inputs, *tree.leaves(output)), inputs, strict=True):
        if gradient is not None and not _sums_to(gradient.shape, given.shape):
            got = f"{told(gradient)} for {told(given)}"
            raise ShapeError("The gradient function gives a gradient of another shape.", got=got)
    return output


def _sums_to(shape: tuple[int, ...], less: tuple[int, ...]) -> bool:
    """Whether autograd takes a gradient of this shape: it sums over axes along which the value was repeated."""
    return len(less) <= len(shape) and all(a in (1, b) for a, b in zip(less[::-1], shape[::-1], strict=False))


@drawn_as(_of_differentiated)
def differentiated(forward: Callable[..., Any], backward: Callable[..., Any], inputs: list[torch.Tensor]) -> Any:
    """`forward(*inputs)`, whose gradients are `backward(*inputs, *upstream)`.

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(differentiated(torch.exp, lambda x, upstream: upstream * 2, [x]), x)
    (tensor(2.),)
    """

    def f(*tensors: Any) -> Any:
        return forward(*tensors), lambda *args, upstream: backward(*args, *_flat(upstream))

    return custom_gradient(f)(*inputs)


class _CustomGradient(torch.autograd.Function):
    """Flat tensors in, flat tensors out; `frame` brings back the structure of the output."""

    @staticmethod
    def forward(ctx: Any, f: Callable[..., Any], args: Any, frame: dict[str, Any], *leaves: Any) -> Any:
        frame["output"], ctx.grad_fn = _pair(f(*tree.pack_like(args, iter(leaves))))
        ctx.places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        ctx.others = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        ctx.save_for_backward(*(leaves[i] for i in ctx.places))
        return tuple(tree.leaves(frame["output"]))

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> Any:
        args = list(ctx.others)
        for place, saved in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[place] = saved
        gradients = _gradients(ctx.grad_fn, args, upstream)
        own = (g if i in ctx.places else None for i, g in enumerate(gradients))
        return (None, None, None, *own)


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not callable(result[1]):
        raise StructureError(
            "A function with a custom gradient returns (output, grad_fn).", got=f"{type(result).__name__}"
        )
    return result[0], result[1]


def _gradients(grad_fn: Callable[..., Any], args: list[Any], upstream: tuple[Any, ...]) -> tuple[Any, ...]:
    """By the form that Keras asks for on PyTorch, or, of a function of one argument, by that of its other engines."""
    given = upstream[0] if len(upstream) == 1 else upstream
    code = getattr(grad_fn, "__code__", None)  # not `inspect`, which torch.compile cannot follow
    several = code is None or code.co_flags & inspect.CO_VARARGS or code.co_argcount + code.co_kwonlyargcount > 1
    gradients = _flat(grad_fn(*args, upstream=given) if several else grad_fn(given))
    if len(gradients) != len(args):
        raise StructureError(
            "The gradient function gives one gradient for each argument.",
            got=f"{len(gradients)} gradients",
            expected=f"{len(args)}",
        )
    return gradients


def _flat(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)
