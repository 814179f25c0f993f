"""Symbolic tensors and numbers: calling anything on them records a node instead of computing."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch

from lamina.operations import OPERATIONS, function_name
from lamina.sizes import tree
from lamina.sizes.dtype_facts import ATTRIBUTES, OF_RUN_TIME, hangs_on_dtype, hint_instead
from lamina.sizes.keys import recorded_item
from lamina.sizes.search import REFUSALS
from lamina.sizes.world import Example, Shape, Unknown, dims_of, example_shapes, merged_shape, source_dims
from lamina.users_traceback import at_users_line

from .dtypes import name_of
from .errors import DtypeError, GraphError, LaminaError, ShapeError, ValueNeededError
from .factories import device_of
from .infer import Array, infer
from .masks import carried_mask
from .node import Constant, Leaf, Node, Symbolic, short_name
from .operators import Recorded, both_ways, drawn, values_needed
from .refusals import explained
from .source import caller, running_modules
from .spelled import refuse_sizes_one_by_one


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What is known of a tensor before it is computed: two examples of its shape, and its dtype.

    What no call makes (an input, an argument of a body) has in ``dims`` what its sizes are in any world.
    """

    examples: tuple[Example, Example]
    dtype: torch.dtype
    dims: tuple[int | Unknown, ...] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, shape: Shape, dtype: torch.dtype) -> TensorSpec:
        """That of an input of a graph, each unknown axis by itself."""
        return cls(example_shapes(shape), dtype, source_dims(shape))

    def as_source(self) -> TensorSpec:
        """The same for a tensor that no call makes."""
        return TensorSpec(self.examples, self.dtype, self.dims or dims_of(self.examples))

    def make(self, node: Node, index: int) -> SymbolicTensor:
        return SymbolicTensor(node, index)


@dataclass(frozen=True, slots=True)
class NumberSpec:
    """What is known of a number that only run time tells: two examples of it."""

    examples: tuple[Any, Any]

    def make(self, node: Node, index: int) -> SymbolicInt:
        return SymbolicInt(node, index)


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """What is known of the device of a tensor before the model runs: nothing."""

    def make(self, node: Node, index: int) -> SymbolicDevice:
        return SymbolicDevice(node, index)


def record(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Add the call ``op(*args, **kwargs)`` to the graph of its arguments and return its symbolic results.

    Raises:
        ShapeError, DtypeError: the operation cannot take these arguments.
        ValueNeededError: the operation wants values, which there are none while building.
    """
    args, kwargs = tree.map_leaves(_hold_constant, (args, kwargs))
    node = Node(op, args, kwargs, caller())
    if not isinstance(op, torch.nn.Module):
        _refuse_bare_module(node.inputs)
    try:
        found = infer(node)
    except (NotImplementedError, TypeError, LaminaError, *REFUSALS) as error:
        told = explained(node, error)
        raise told from (None if told is error else error)
    node.fixed = found.fixed
    specs: list[Any] = []
    numbers = any(isinstance(symbolic, SymbolicInt) for symbolic in node.inputs)
    node.give(specs, _pair_up(found.first, found.second, specs, node, numbers), (found.high, found.low))
    if not specs and hangs_on_dtype(op):
        return found.first
    if not specs:
        raise ValueNeededError(
            f"{node.label} gives no tensor, so it cannot be part of a graph.",
            got=f"a result of type {type(found.first).__name__}",
            hint=hint_instead(op),
        )
    if not isinstance(op, torch.nn.Module):
        node.masks = carried_mask(node)
    return node.output


def _pair_up(first: Any, second: Any, specs: list[Any], node: Node, numbers: bool) -> Any:
    """The output structure with `Leaf` where a symbolic result stands; fills ``specs`` from left to right."""
    others = list(tree.leaves(second))
    if len(others) != len(list(tree.leaves(first))):
        raise ShapeError(
            f"{node.label} returns a different number of tensors for different sizes of the unknown axes.",
            hint="give the axis a fixed size in Input(...)",
        )
    rest = iter(others)

    def pair(a: Any) -> Any:
        b = next(rest)
        if isinstance(a, Array):
            if len(a.shape) != len(b.shape):
                raise ShapeError(f"{node.label} returns tensors whose rank depends on their size.")
            specs.append(TensorSpec((a.shape, b.shape), a.dtype))
        elif type(a) in (int, float) and (a != b or numbers):
            specs.append(NumberSpec((a, b)))
        elif isinstance(a, torch.device):
            specs.append(DeviceSpec())
        else:
            return a
        return Leaf(len(specs) - 1)

    return tree.map_leaves(pair, first)


_TO_PARAMETER = "torch.nn.Parameter(tensor) to train it with the model, or tensor.detach() for a constant"
_TO_LAYER = "this in a Layer of your own: def call(self, x): return x + self.embed(ops.arange(x.shape[1]))"


def _hold_constant(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor):
        if leaf.requires_grad and not isinstance(leaf, torch.nn.Parameter):
            whole = leaf._base  # of a view; one of all its elements in their order is a reshape
            in_order = isinstance(whole, torch.nn.Parameter) and whole.is_contiguous() and leaf.is_contiguous()
            if whole is not None and in_order and whole.numel() == leaf.numel():
                return record(torch.reshape, (whole, tuple(leaf.shape)), {})  # such as cls[None]
            computed = leaf.grad_fn is not None
            raise GraphError(
                "A tensor with requires_grad=True cannot become part of a graph: it is no parameter of any layer.",
                got="what was computed of weights at once, from no input of the graph" if computed else None,
                hint=_TO_LAYER if computed else _TO_PARAMETER,
            )
        return Constant(leaf)
    if isinstance(leaf, np.generic):
        return leaf.item()
    if isinstance(leaf, np.ndarray):
        if leaf.dtype.kind not in "biufc" or not leaf.dtype.isnative:
            raise DtypeError(
                "A NumPy array beside a symbolic tensor becomes a constant of the model, so it must hold numbers.",
                got=f"an array of shape {leaf.shape}, {leaf.dtype}",
            )
        return Constant(torch.from_numpy(leaf.copy()))
    if isinstance(leaf, _Unequal):
        raise leaf.error
    return leaf


def _refuse_bare_module(inputs: tuple[Symbolic, ...]) -> None:
    modules = running_modules()
    if modules:
        kind = type(modules[-1]).__name__
        raise GraphError(
            f"The bare PyTorch module {kind} was called on a symbolic tensor.",
            got=", ".join(map(str, inputs)),
            expected="a layer: the model must own the module's parameters",
            hint=f"layers.TorchModule({kind.lower()})(x) instead of {kind.lower()}(x)",
        )


def draw_function(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record a function of ``torch`` that was called on something symbolic."""
    name = getattr(func, "__name__", "")
    if (name.endswith("_") and not name.endswith("__")) or kwargs.get("inplace") or kwargs.get("out") is not None:
        _refuse_in_place(function_name(func), name)
    if func is torch.Tensor.__getitem__:  # a real tensor, indexed by something symbolic
        func = operator.getitem
    if OPERATIONS.of(func).factory:
        kwargs = {**kwargs, "device": _place(args, kwargs)}
        func = torch.zeros if func is torch.empty else func  # what lies in fresh memory is nobody's business
    return record(func, args, kwargs)


def _place(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Where a factory makes its tensor: as the user says, else beside the tensor whose size it was given."""
    given = kwargs.get("device")
    if given is not None:
        return str(given) if isinstance(given, torch.device) else given  # a file has words for strings
    symbolic = next(leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, Symbolic))
    while not isinstance(symbolic, SymbolicTensor):
        symbolic = symbolic.node.inputs[0]
    return symbolic.device


class _Drawn(Recorded):
    """What can be given to a function of ``torch``, which then is recorded."""

    __slots__ = ()

    def draw(self, op: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        return record(op, args, {})

    @classmethod
    @at_users_line
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return draw_function(func, args, kwargs or {})

    def __hash__(self) -> int:
        return object.__hash__(self)


class SymbolicInt(_Drawn):
    """A number that only run time tells, such as the size of an unknown axis. Arithmetic on it is recorded, also
    `divmod`, `round`, `math.ceil`, `math.floor`, `torch.sym_min` and `torch.sym_max`.

    It equals itself, and the same size asked for again; whether it equals another number only run time tells.

    >>> from lamina.layers import Input
    >>> x = Input((None, None, 3))
    >>> b, h, w, c = (x.size(i) for i in range(4))
    >>> x.reshape(b, h * w, c).shape
    (None, None, 3)
    >>> torch.arange(h).shape, torch.zeros((b, 6)).shape
    ((None,), (None, 6))
    """

    __slots__ = ()
    moves = True

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        refuse_sizes_one_by_one(sys._getframe(1))
        return SymbolicInt

    def example(self, k: int) -> Any:
        return self.node.specs[self.index].examples[k]  # type: ignore[attr-defined]

    __abs__, __round__ = drawn(operator.abs), drawn(round)
    __ceil__, __floor__, __trunc__ = drawn(math.ceil), drawn(math.floor), drawn(math.trunc)

    @at_users_line
    def __mul__(self, other: Any) -> Any:
        if isinstance(other, (list, tuple, str)):
            values_needed("A list that is repeated", "x.new_zeros(n) or torch.zeros((n,)) for [0] * n")
        return record(operator.mul, (self, other), {})

    @at_users_line
    def __rmul__(self, other: Any) -> Any:
        return self * other if isinstance(other, (list, tuple, str)) else record(operator.mul, (other, self), {})

    @at_users_line
    def _compare(self, other: Any) -> NoReturn:
        values_needed(
            "Comparing the size of an unknown axis",
            "a fixed size in Input(...), torch.sym_min(n, 5) or torch.sym_max(n, 5), or a Layer with its own call()",
        )

    __lt__ = __le__ = __gt__ = __ge__ = _compare

    @at_users_line
    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, (int, float, SymbolicInt)):
            return NotImplemented
        if not isinstance(other, SymbolicInt) and other < 0 and _is_count(self):  # such as `-1 in sizes`
            return False
        return _same_call(self, other) or self._compare(other)

    __hash__ = _Drawn.__hash__

    def __repr__(self) -> str:
        return f"<SymbolicInt of {self.node.label}>"


class SymbolicDevice(Symbolic):
    """The device of a tensor, which only run time tells. Functions of ``torch`` take it as ``device=``.

    >>> from lamina.layers import Input
    >>> x = Input((5, 4))
    >>> (x + torch.arange(4, device=x.device)).shape
    (None, 5, 4)
    """

    __slots__ = ()
    moves = False
    __torch_function__ = _Drawn.__torch_function__

    def example(self, k: int) -> torch.device:
        return torch.device("meta")

    @at_users_line
    def __eq__(self, other: Any) -> Any:
        return _same_call(self, other) or self.__getattr__("==")

    __hash__ = _Drawn.__hash__

    @at_users_line
    def __getattr__(self, name: str) -> Any:
        if name not in ("type", "=="):
            raise AttributeError(name)
        values_needed(f".{name} of a device", "device=x.device, or a Layer with its own call() to choose by device")

    def __repr__(self) -> str:
        return f"<SymbolicDevice of {self.node.inputs[0].node.label}>"


def _is_count(number: Any) -> bool:
    """Whether a number is a size, or a sum, product or quotient of sizes: never negative."""
    if not isinstance(number, SymbolicInt):
        return isinstance(number, (int, float)) and number >= 0
    keeps = number.node.op in (operator.add, operator.mul, operator.floordiv, operator.truediv, operator.mod)
    return number.node.op is torch.Tensor.size or (keeps and all(map(_is_count, number.node.args)))


def _same_call(a: Symbolic, b: Any) -> bool:
    """Whether two results are of one call, or of two calls of the same function on the same arguments."""
    if not isinstance(b, Symbolic) or a.index != b.index or a.node.op is not b.node.op:
        return False
    one, other = a.node.args, b.node.args
    same = len(one) == len(other) and all(x is y or (type(x) is type(y) is int and x == y) for x, y in zip(one, other))  # noqa: B905
    return a.node is b.node or (same and not a.node.kwargs and not b.node.kwargs)


class _Unequal:
    """What ``a == b`` gives for symbolic tensors whose shapes do not meet: no tensor, but ``t in [a, b]`` can ask."""

    __torch_function__ = _Drawn.__torch_function__

    def __init__(self, error: ShapeError) -> None:
        self.error = error

    @at_users_line
    def __bool__(self) -> bool:
        return False

    @at_users_line
    def _refuse(self, *_: Any) -> NoReturn:
        raise self.error

    __getattr__ = __invert__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __getitem__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse


class SymbolicTensor(_Drawn):
    """A tensor that will be there when the model runs: a shape, a dtype, and the node that makes it.

    Any function of ``torch`` called on it, its methods, operators and indexing are recorded as nodes.

    Attributes:
        shape: sizes of the axes, ``None`` where only run time tells.
        dtype: a ``torch.dtype``.
        node, index: the call that makes it, and which of its results it is.

    >>> from lamina.layers import Input
    >>> x = Input((4, 8))
    >>> (torch.relu(x) @ x.mT)[:, -1].shape
    (None, 4)
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, node: Node, index: int) -> None:
        super().__init__(node, index)
        spec: Any = node.specs[index]
        self.shape: Shape = merged_shape(spec.examples)
        self.dtype: torch.dtype = spec.dtype

    # -- facts

    @property
    def moves(self) -> bool:
        return None in self.shape

    def example(self, k: int) -> Array:
        return Array(self.node.specs[self.index].examples[k], self.dtype)  # type: ignore[attr-defined]

    @property
    def name(self) -> str:
        base = short_name(self.node.op)
        return base if len(self.node.specs) == 1 else f"{base}:{self.index}"

    @property
    def mask(self) -> SymbolicTensor | None:
        """The boolean mask that goes with this tensor, from ``Masking`` or ``Embedding(mask_zero=True)``."""
        return self.node.masks[self.index]  # type: ignore[return-value]

    _keras_mask = mask

    @property
    def ndim(self) -> int:
        if sys._getframe(1).f_globals.get("__name__") == "einops.layers.torch":
            _refuse_bare_module((self,))  # at its first question: it would go on and compute with None
        return len(self.shape)

    def dim(self) -> int:
        return len(self.shape)

    @at_users_line
    def size(self, dim: int | None = None) -> Any:
        """Sizes of all axes, or of one: an int where it is known, else a `SymbolicInt`."""
        if dim is None:
            return tuple(self.size(i) for i in range(self.ndim))
        if not -self.ndim <= dim < self.ndim:
            raise ShapeError(f"size({dim}) of a tensor with {self.ndim} axes.", got=str(self))
        return record(torch.Tensor.size, (self, dim), {}) if self.shape[dim] is None else self.shape[dim]

    @at_users_line
    def numel(self) -> Any:
        total: Any = 1
        for size in self.size():
            total = size * total
        return total

    @at_users_line
    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            values_needed("len()", "x.size(0), which arithmetic and reshape accept")
        return self.shape[0]

    @at_users_line
    def __iter__(self) -> Iterator[Any]:
        if not self.shape or self.shape[0] is None:
            told = getattr(self.node.op, "several_results", None)  # how to ask a layer for more than this one
            values_needed("Iterating over an axis of unknown size", told or "x.unbind(1) along an axis of known size")
        return iter(record(torch.unbind, (self,), {}))

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name} {self.shape} {name_of(self.dtype)}>"

    def __str__(self) -> str:
        return f"{self.shape} {name_of(self.dtype)} from {self.node.label}"

    # -- recording

    @at_users_line
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _NEEDS_VALUES:
            if not callable(getattr(torch.Tensor, name)):
                values_needed(f".{name}", _NEEDS_VALUES[name])
            return at_users_line(lambda *_, **__: values_needed(f".{name}()", _NEEDS_VALUES[name]))
        if name in _PROPERTIES:
            return _PROPERTIES[name](self)
        method = getattr(torch.Tensor, name, None) if not name.startswith("_") else None
        if name.endswith("_") and method is not None:
            return at_users_line(lambda *_, **__: _refuse_in_place(f"torch.Tensor.{name}", name))
        if callable(method):
            return _Method(self, method)
        raise AttributeError(
            f"A symbolic tensor has no {name!r}: {self}. It has the methods of torch.Tensor that compute."
        )

    __getitem__ = at_users_line(lambda self, key: recorded_item(self, key, record))

    @at_users_line
    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        hint = "torch.where(mask, new, x), torch.cat([...]) or x.index_copy(dim, index, source)"
        what = "Assigning to a part of a symbolic tensor would change it in place."
        raise ValueNeededError(what, got=str(self), hint=hint)

    __matmul__, __rmatmul__ = both_ways(operator.matmul)
    __abs__ = drawn(torch.abs)
    __lt__, __le__, __gt__, __ge__ = drawn(operator.lt), drawn(operator.le), drawn(operator.gt), drawn(operator.ge)

    # Python compares the same way in `a == b`, which is to be recorded, and in `t in [a, b]`, `list.index` or a dict,
    # which ask the result for its bool. See `__bool__`.

    @at_users_line
    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, _COMPARABLE):
            return NotImplemented
        try:
            return record(operator.eq, (self, other), {})
        except ShapeError as error:
            if isinstance(other, SymbolicTensor):
                return _Unequal(error)
            raise

    @at_users_line
    def __ne__(self, other: Any) -> Any:
        return record(operator.ne, (self, other), {}) if isinstance(other, _COMPARABLE) else NotImplemented

    __hash__ = _Drawn.__hash__

    @at_users_line
    def __bool__(self) -> bool:
        """Refused, but for ``a == b`` of tensors of more than one element, of which PyTorch has no bool either:

        there it says whether they are the same tensor, so that ``t in [a, b]`` looks for the object.
        """
        name, args = OPERATIONS.of(self.node.op).name, self.node.args
        if name in ("eq", "ne") and all(isinstance(arg, (SymbolicTensor, Constant)) for arg in args):
            if any(size != 1 for size in self.shape):
                return (args[0] is args[1]) is (name == "eq")
            values_needed("The bool of a comparison", "torch.where(a == b, c, d), or any(t is a for a in tensors)")
        return super().__bool__()


class _Method:
    """A bound method of a symbolic tensor, so that ``x.relu`` prints and pickles as what it is."""

    __slots__ = ("method", "tensor")

    def __init__(self, tensor: SymbolicTensor, method: Callable[..., Any]) -> None:
        self.tensor, self.method = tensor, method

    @at_users_line
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return draw_function(self.method, (self.tensor, *args), kwargs)


def _refuse_in_place(what: str, name: str) -> NoReturn:
    plain = name.rstrip("_")
    raise ValueNeededError(
        f"{what} works in place, but a graph has no places: each node makes a new tensor.",
        hint=f"the plain form, x = x.{plain}(...), without inplace= or out=",
    )


def _reversed_axes(x: SymbolicTensor) -> Any:
    return record(torch.permute, (x, tuple(reversed(range(x.ndim)))), {})


_PROPERTIES: dict[str, Callable[[SymbolicTensor], Any]] = {
    "T": _reversed_axes,
    "mT": lambda x: record(torch.transpose, (x, -2, -1), {}),
    **dict.fromkeys(("H", "mH"), lambda x: record(torch.adjoint, (x,), {})),
    "real": lambda x: record(torch.real, (x,), {}),
    "imag": lambda x: record(torch.imag, (x,), {}),
    "device": lambda x: record(device_of, (x,), {}),
    **ATTRIBUTES,
}

_NEEDS_VALUES = {
    "item": "keep it a tensor: arithmetic on it is recorded",
    "numpy": "model.predict(x), or model(x).detach().numpy(): arrays come out of a model that ran",
    "tolist": "model.predict(...).tolist()",
    "backward": "model.fit(...), or model(x) on real tensors and .backward() on the loss",
    "data_ptr": "model(x) on real tensors",
    "requires_grad_": "Layer.trainable, or parameters of layers",
    "data": "the symbolic tensor itself",
    "grad": "model(x) on real tensors and x.grad",
    **OF_RUN_TIME,
}

_COMPARABLE = (Symbolic, torch.Tensor, np.ndarray, np.generic, int, float, complex)
