"""Precision: the part of a layer that knows its dtypes, and runs it where weights and computation have different ones.

A plain policy ("float32", "bfloat16") needs nothing at run time: weights are made in its dtype, and inputs of another
one are cast by the graph. Under a mixed policy `run_mixed` stands in for ``run``: for the length of the call the layer
sees its trainable weights in the compute dtype. They are laid over the real ones in the instance's ``__dict__``, where
Python looks before it asks an ``nn.Module`` for its parameters, so any way of reading them finds them, compiled or not,
and gradients flow through the cast to the float32 weights. Non-trainable weights keep their dtype: ``call`` may change
them, and sums and averages belong in full precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from lamina import dtype_policies
from lamina.dtype_policies import DTypePolicy, DTypePolicyMap
from lamina.graph import ArgumentError, tree
from lamina.graph.dtypes import to_torch

from .weights import Weights

_ABSENT = object()
# (an instance's __dict__, an attribute in it, what stood there before)
_Lent = list[tuple[dict[str, Any], str, Any]]


class Precision(Weights):
    """A layer's `dtype_policy` and what follows from it."""

    full_precision = False
    """True: under a mixed policy ``call`` runs in the variables' dtype, and only its result gets the compute dtype."""
    casts_parts = False
    """True: ``call`` reads weights of the layers within or runs them bare, so theirs are cast with this layer's own."""
    own_weights_follow_policy = False
    """True: weights are cast although inputs are not (``autocast`` False)."""

    autocast: bool
    run: Any

    def _take_policy(self, policy: DTypePolicy) -> None:
        own = policy.for_path(self._name)
        self._policy = policy
        self._torch_dtype = to_torch(own.compute_dtype)
        self._variable_torch_dtype = to_torch(own.variable_dtype)
        self._mixed = own.is_mixed
        # The dtype of a tensor that the layer can take as it comes; with none, every call from outside is looked at.
        self._plain_dtype = None if own.is_mixed else self._torch_dtype
        if own.is_mixed and self.full_precision:
            self.autocast = False

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The layer's policy. It can be set until the layer is built or called.

        Raises:
            ArgumentError: set later; weights have a dtype by then, and the graph says where inputs are cast.
        """
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        if self.built or getattr(self, "called_by", None):  # type: ignore[has-type]
            raise ArgumentError(
                f"{type(self).__name__} {self._name!r} is built: its dtype policy stays.",
                got=repr(value),
                expected=repr(self._policy),
                hint=f"{type(self).__name__}(..., dtype=...), or a layer from get_config() with another dtype",
            )
        self._take_policy(dtype_policies.get(value))

    def policy_for(self, part: str) -> DTypePolicy:
        """The policy of a layer within this one, by its name."""
        return self._policy.for_path(f"{self._name}/{part}")

    @property
    def compute_dtype(self) -> str:
        """The dtype of computation, and as a rule of outputs."""
        return self._policy.for_path(self._name).compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._policy.for_path(self._name).variable_dtype

    @property
    def dtype(self) -> str:
        """The dtype of weights."""
        return self.variable_dtype

    def dtype_config(self) -> Any:
        """The policy as ``get_config`` gives it: its name, or the config of a map of policies."""
        is_map = isinstance(self._policy, DTypePolicyMap)
        return dtype_policies.serialize(self._policy) if is_map else self._policy.name

    # -- running

    @property
    def run_name(self) -> str:
        """The method by which a program runs this layer."""
        return "run_mixed" if self._mixed else "run"

    def launch(self, *args: Any, **kwargs: Any) -> Any:
        """`run` as the policy wants it."""
        return self.run_mixed(*args, **kwargs) if self._mixed else self.run(*args, **kwargs)

    def run_mixed(self, *args: Any, **kwargs: Any) -> Any:
        """`run` under a mixed policy."""
        if self.full_precision:
            args, kwargs = cast_floats((args, kwargs), self._variable_torch_dtype)
            return cast_floats(self.run(*args, **kwargs), self._torch_dtype)
        # In a graph the inputs have been cast already; not looking for more in a single tensor saves 2 of 16 us.
        if self.autocast and (kwargs or len(args) != 1 or getattr(args[0], "dtype", None) != self._torch_dtype):
            args, kwargs = cast_floats((args, kwargs), self._torch_dtype)
        if has_foreign_parts(self):
            return self._run_foreign(args, kwargs)
        return self._run_with_cast_weights(args, kwargs)

    def _run_with_cast_weights(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        lent: _Lent = []
        try:
            for part in _cast_with(self):
                if part._mixed and (part.autocast or part.own_weights_follow_policy):
                    _lend(part, lent)
            return self.run(*args, **kwargs)
        finally:
            for attributes, name, before in lent:
                if before is _ABSENT:
                    attributes.pop(name, None)
                else:
                    attributes[name] = before

    def _run_foreign(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """With PyTorch's own modules inside, by PyTorch's own means: `torch.autocast`."""
        kind = next(self.parameters()).device.type
        if kind == "meta":  # tried on shapes alone, where autocast does not reach: nothing but shapes is read
            args, kwargs = cast_floats((args, kwargs), self._variable_torch_dtype)
            return cast_floats(self.run(*args, **kwargs), self._torch_dtype)
        with torch.autocast(kind, self._torch_dtype):
            return cast_floats(self._run_with_cast_weights(args, kwargs), self._torch_dtype)


def cast_floats(nested: Any, dtype: torch.dtype) -> Any:
    """The same nesting, its floating tensors in this dtype."""

    def cast(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor) and leaf.dtype != dtype and leaf.is_floating_point():
            return leaf.to(dtype)
        return leaf

    return cast(nested) if isinstance(nested, torch.Tensor) else tree.map_leaves(cast, nested)


def has_foreign_parts(module: torch.nn.Module) -> bool:
    """Whether modules of PyTorch's, which know no policy, hold weights right under this layer."""
    return any(
        any(weight is not None for weight in part._parameters.values()) or has_foreign_parts(part)
        for part in module._modules.values()
        if part is not None and not isinstance(part, Weights)
    )


def _cast_with(layer: Precision) -> Iterator[Precision]:
    """The layers whose weights are cast for a call of this one."""
    if not layer.casts_parts:
        yield layer
        return
    stack: list[torch.nn.Module] = [layer]
    while stack:
        part = stack.pop()
        if isinstance(part, Precision):
            yield part
        stack.extend(inner for inner in part._modules.values() if inner is not None)


def _lend(layer: Precision, lent: _Lent) -> None:
    """Lay the layer's weights in the compute dtype over the real ones; what an outer call has laid there stays."""
    attributes, dtype = layer.__dict__, layer._torch_dtype
    casts: dict[int, torch.Tensor] = {}
    for name, weight in layer._parameters.items():
        if weight is None or name in attributes or weight.dtype == dtype or not weight.is_floating_point():
            continue
        if not getattr(weight, "autocast", True):
            continue
        lent.append((attributes, name, _ABSENT))
        attributes[name] = casts[id(weight)] = weight.to(dtype)
    for name in layer.__dict__.get("_weight_lists", ()):
        before = attributes[name]
        lent.append((attributes, name, before))
        attributes[name] = tree.map_leaves(lambda leaf: casts.get(id(leaf), leaf), before)


def weight_lists(layer: torch.nn.Module) -> list[str]:
    """The attributes that hold weights of the layer's own in plain lists, tuples or dicts."""
    own = {id(weight) for weight in layer._parameters.values()}
    return [
        name
        for name, value in layer.__dict__.items()
        if not name.startswith("_")
        and isinstance(value, (list, tuple, dict))
        and any(id(leaf) in own for leaf in tree.leaves(value))
    ]
