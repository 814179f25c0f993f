"""Symbolic tensors and numbers: calling anything on them records a node instead of computing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import torch

from lamina.sizes import tree
from lamina.sizes.search import REFUSALS
from lamina.sizes.world import Example, Shape, Unknown, dims_of, example_shapes, merged_shape, source_dims

from .dtypes import name_of
from .errors import DtypeError, GraphError, LaminaError, ShapeError, ValueNeededError
from .infer import Array, infer
from .masks import carried_mask
from .node import Constant, Leaf, Node, Symbolic, function_name, short_name
from .refusals import explained
from .source import caller, calling_module


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


def record(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Add the call ``op(*args, **kwargs)`` to the graph of its arguments and return its symbolic results.

    Raises:
        ShapeError, DtypeError: the operation cannot take these arguments.
        ValueNeededError: the operation wants values, which there are none while building.
    """
    args, kwargs = tree.map_leaves(_hold_constant, (args, kwargs))
    node = Node(op, args, kwargs, caller())
    if not isinstance(op, torch.nn.Module):
        _refuse_bare_module(node)
    try:
        found = infer(node)
    except (NotImplementedError, TypeError, LaminaError, *REFUSALS) as error:
        raise explained(node, error) from (None if isinstance(error, LaminaError) else error)
    node.fixed = found.fixed
    specs: list[Any] = []
    numbers = any(isinstance(symbolic, SymbolicInt) for symbolic in node.inputs)
    node.give(specs, _pair_up(found.first, found.second, specs, node, numbers), (found.high, found.low))
    if not specs:
        raise ValueNeededError(
            f"{node.label} gives no tensor, so it cannot be part of a graph.",
            got=f"a result of type {type(found.first).__name__}",
            where=str(node.source),
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
            where=str(node.source),
            hint="give the axis a fixed size in Input(...)",
        )
    rest = iter(others)

    def pair(a: Any) -> Any:
        b = next(rest)
        if isinstance(a, Array):
            if len(a.shape) != len(b.shape):
                raise ShapeError(
                    f"{node.label} returns tensors whose rank depends on their size.", where=str(node.source)
                )
            specs.append(TensorSpec((a.shape, b.shape), a.dtype))
        elif type(a) in (int, float) and (a != b or numbers):
            specs.append(NumberSpec((a, b)))
        else:
            return a
        return Leaf(len(specs) - 1)

    return tree.map_leaves(pair, first)


def _hold_constant(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor):
        if leaf.requires_grad and not isinstance(leaf, torch.nn.Parameter):
            raise GraphError(
                "A tensor with requires_grad=True cannot become part of a graph: it is no parameter of any layer.",
                where=str(caller()),
                hint="torch.nn.Parameter(tensor) to train it with the model, or tensor.detach() for a constant",
            )
        return Constant(leaf)
    if isinstance(leaf, np.ndarray):
        raise DtypeError(
            "A NumPy array stands beside a symbolic tensor.",
            got=f"numpy array of shape {leaf.shape}, {leaf.dtype}",
            expected="torch tensors, which become constants of the model",
            where=str(caller()),
            hint="torch.as_tensor(array)",
        )
    return leaf


def _refuse_bare_module(node: Node) -> None:
    module = calling_module()
    if module is not None:
        kind = type(module).__name__
        raise GraphError(
            f"The bare PyTorch module {kind} was called on a symbolic tensor.",
            got=", ".join(str(s) for s in node.inputs),
            expected="a layer: the model must own the module's parameters",
            where=str(node.source),
            hint=f"layers.TorchModule({kind.lower()})(x) instead of {kind.lower()}(x)",
        )


def _values_needed(what: str, hint: str) -> NoReturn:
    raise ValueNeededError(
        f"{what} needs values, but this is a symbolic one: it stands for what will be there when the model runs.",
        where=str(caller()),
        hint=hint,
    )


_CHOOSE = "torch.where(condition, a, b) to choose by value; a Layer with its own call() for a Python `if`"


class _Recorded(Symbolic):
    """The Python operators that tensors and numbers share; each records a node."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return record(operator.add, (self, other), {})

    def __radd__(self, other: Any) -> Any:
        return record(operator.add, (other, self), {})

    def __sub__(self, other: Any) -> Any:
        return record(operator.sub, (self, other), {})

    def __rsub__(self, other: Any) -> Any:
        return record(operator.sub, (other, self), {})

    def __mul__(self, other: Any) -> Any:
        return record(operator.mul, (self, other), {})

    def __rmul__(self, other: Any) -> Any:
        return record(operator.mul, (other, self), {})

    def __truediv__(self, other: Any) -> Any:
        return record(operator.truediv, (self, other), {})

    def __rtruediv__(self, other: Any) -> Any:
        return record(operator.truediv, (other, self), {})

    def __floordiv__(self, other: Any) -> Any:
        return record(operator.floordiv, (self, other), {})

    def __rfloordiv__(self, other: Any) -> Any:
        return record(operator.floordiv, (other, self), {})

    def __mod__(self, other: Any) -> Any:
        return record(operator.mod, (self, other), {})

    def __rmod__(self, other: Any) -> Any:
        return record(operator.mod, (other, self), {})

    def __pow__(self, other: Any) -> Any:
        return record(operator.pow, (self, other), {})

    def __rpow__(self, other: Any) -> Any:
        return record(operator.pow, (other, self), {})

    def __neg__(self) -> Any:
        return record(operator.neg, (self,), {})

    def __pos__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self  # a handle on a node that never changes; a `Graph` copies its nodes

    def __reduce__(self) -> Any:
        raise GraphError(f"{self!r} cannot be pickled by itself.", hint="pickle or save the model it belongs to")

    def __bool__(self) -> bool:
        _values_needed("A Python `if`, `while`, `and`, `or`, `not` or bool()", _CHOOSE)

    def __float__(self) -> float:
        _values_needed("float()", "keep it a tensor: arithmetic on it is recorded")

    def __int__(self) -> int:
        _values_needed("int()", "keep it a tensor, or x.to(torch.int64)")

    def __index__(self) -> int:
        _values_needed("range(), a plain list index or a constructor of torch", "x.new_zeros(b, n), ops.zeros((b, n))")

    # Two arrays of NumPy's that would otherwise be built element by element from objects.
    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _values_needed("NumPy", "the torch function of the same name, e.g. torch.mean(x) for np.mean(x)")

    def __array_ufunc__(self, ufunc: Any, *_: Any, **__: Any) -> NoReturn:
        name = ufunc.__name__
        _values_needed(
            f"NumPy's np.{name}", f"the torch function, e.g. torch.{name}(x); torch.as_tensor(array) for an array"
        )


class SymbolicInt(_Recorded):
    """A number that only run time tells, such as the size of an unknown axis. Arithmetic on it is recorded.

    >>> from lamina.layers import Input
    >>> x = Input((None, None, 3))
    >>> b, h, w, c = (x.size(i) for i in range(4))
    >>> x.reshape(b, h * w, c).shape
    (None, None, 3)
    """

    __slots__ = ()

    @property
    def moves(self) -> bool:
        return True

    def example(self, k: int) -> Any:
        return self.node.specs[self.index].examples[k]  # type: ignore[attr-defined]

    def _compare(self, other: Any) -> NoReturn:
        _values_needed(
            "Comparing the size of an unknown axis", "a fixed size in Input(...), or a Layer with its own call()"
        )

    __lt__ = __le__ = __gt__ = __ge__ = _compare

    def __repr__(self) -> str:
        return f"<SymbolicInt of {self.node.label}>"


class SymbolicTensor(_Recorded):
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
        return len(self.shape)

    def dim(self) -> int:
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:
        """Sizes of all axes, or of one: an int where it is known, else a `SymbolicInt`."""
        if dim is None:
            return tuple(self.size(i) for i in range(self.ndim))
        if not -self.ndim <= dim < self.ndim:
            raise ShapeError(f"size({dim}) of a tensor with {self.ndim} axes.", got=str(self), where=str(caller()))
        known = self.shape[dim]
        return known if known is not None else record(torch.Tensor.size, (self, dim), {})

    def numel(self) -> Any:
        total: Any = 1
        for size in self.size():
            total = size * total
        return total

    def __len__(self) -> int:
        if self.shape and self.shape[0] is not None:
            return self.shape[0]
        _values_needed("len()", "x.size(0), which arithmetic and reshape accept")

    def __iter__(self) -> Iterator[Any]:
        if not self.shape or self.shape[0] is None:
            _values_needed("Iterating over an axis of unknown size", "x.unbind(1) along an axis of known size")
        return iter(record(torch.unbind, (self,), {}))

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name} {self.shape} {name_of(self.dtype)}>"

    def __str__(self) -> str:
        return f"{self.shape} {name_of(self.dtype)} from {self.node.label}"

    # -- recording

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if (name.endswith("_") and not name.endswith("__")) or kwargs.get("inplace") or kwargs.get("out") is not None:
            _refuse_in_place(function_name(func), name)
        return record(func, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _NEEDS_VALUES:
            return lambda *_, **__: _values_needed(f".{name}()", _NEEDS_VALUES[name])
        if name in _PROPERTIES:
            return _PROPERTIES[name](self)
        method = getattr(torch.Tensor, name, None) if not name.startswith("_") else None
        if name.endswith("_") and method is not None:
            return lambda *_, **__: _refuse_in_place(f"torch.Tensor.{name}", name)
        if callable(method):
            return _Method(self, method)
        raise AttributeError(
            f"A symbolic tensor has no {name!r}: {self}. It has the methods of torch.Tensor that compute."
        )

    def __getitem__(self, key: Any) -> Any:
        return record(operator.getitem, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise ValueNeededError(
            "Assigning to a part of a symbolic tensor would change it in place.",
            got=str(self),
            where=str(caller()),
            hint="torch.where(mask, new, x), torch.cat([...]) or x.index_copy(dim, index, source)",
        )

    def __matmul__(self, other: Any) -> Any:
        return record(operator.matmul, (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return record(operator.matmul, (other, self), {})

    def __abs__(self) -> Any:
        return record(torch.abs, (self,), {})

    def __invert__(self) -> Any:
        return record(operator.invert, (self,), {})

    def __and__(self, other: Any) -> Any:
        return record(operator.and_, (self, other), {})

    def __or__(self, other: Any) -> Any:
        return record(operator.or_, (self, other), {})

    def __xor__(self, other: Any) -> Any:
        return record(operator.xor, (self, other), {})

    def __lt__(self, other: Any) -> Any:
        return record(operator.lt, (self, other), {})

    def __le__(self, other: Any) -> Any:
        return record(operator.le, (self, other), {})

    def __gt__(self, other: Any) -> Any:
        return record(operator.gt, (self, other), {})

    def __ge__(self, other: Any) -> Any:
        return record(operator.ge, (self, other), {})

    def __eq__(self, other: Any) -> Any:
        return record(operator.eq, (self, other), {})

    def __ne__(self, other: Any) -> Any:
        return record(operator.ne, (self, other), {})

    def __hash__(self) -> int:
        return object.__hash__(self)


class _Method:
    """A bound method of a symbolic tensor, so that ``x.relu`` prints and pickles as what it is."""

    __slots__ = ("method", "tensor")

    def __init__(self, tensor: SymbolicTensor, method: Callable[..., Any]) -> None:
        self.tensor, self.method = tensor, method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return SymbolicTensor.__torch_function__(self.method, (), (self.tensor, *args), kwargs)


def _refuse_in_place(what: str, name: str) -> NoReturn:
    plain = name.rstrip("_")
    raise ValueNeededError(
        f"{what} works in place, but a graph has no places: each node makes a new tensor.",
        where=str(caller()),
        hint=f"the plain form, x = x.{plain}(...), without inplace= or out=",
    )


def _reversed_axes(x: SymbolicTensor) -> Any:
    return record(torch.permute, (x, tuple(reversed(range(x.ndim)))), {})


def _no_device(x: SymbolicTensor) -> NoReturn:
    _values_needed(".device", "x.new_zeros(...), torch.zeros_like(x): made on x's device when the model runs")


_PROPERTIES: dict[str, Callable[[SymbolicTensor], Any]] = {
    "T": _reversed_axes,
    "mT": lambda x: record(torch.transpose, (x, -2, -1), {}),
    "H": lambda x: record(torch.adjoint, (x,), {}),
    "mH": lambda x: record(torch.adjoint, (x,), {}),
    "real": lambda x: record(torch.real, (x,), {}),
    "imag": lambda x: record(torch.imag, (x,), {}),
    "device": _no_device,
    "requires_grad": lambda x: x.dtype.is_floating_point,
    "is_complex": lambda x: lambda: x.dtype.is_complex,
    "is_floating_point": lambda x: lambda: x.dtype.is_floating_point,
}

_NEEDS_VALUES = {
    "item": "keep it a tensor: arithmetic on it is recorded",
    "numpy": "model.predict(...) or model(x).numpy(): arrays come out of a model that ran",
    "tolist": "model.predict(...).tolist()",
    "backward": "model.fit(...), or model(x) on real tensors and .backward() on the loss",
    "data_ptr": "model(x) on real tensors",
    "requires_grad_": "Layer.trainable, or parameters of layers",
    "data": "the symbolic tensor itself",
    "grad": "model(x) on real tensors and x.grad",
}
