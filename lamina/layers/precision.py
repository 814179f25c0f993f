"""Precision: the part of a layer that knows its dtypes, and runs it where weights and computation have different ones.

A plain policy ("float32", "bfloat16") needs nothing at run time: weights are made in its dtype, and inputs of another
one are cast by the graph. Under a mixed policy ``forward`` runs on a stand-in whose trainable weights are in the
compute dtype (`lamina.layers.lending`). Non-trainable weights keep their dtype: ``call`` may change them, and sums and
averages belong in full precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina import dtype_policies
from lamina._torch import attributes as reading
from lamina.dtype_policies import DTypePolicy, DTypePolicyMap
from lamina.graph import ArgumentError, tree
from lamina.graph.dtypes import to_torch
from lamina.probing import is_shape

from .mode import asked_mode, asking, run_foreign
from .moving import follow
from .quantizing import Quantizing
from .remat import remat_mode
from .saving_hooks import SavingHooks
from .weights import Weights


class Precision(Weights, SavingHooks, Quantizing):
    """A layer's `dtype_policy` and what follows from it."""

    full_precision = False
    """True: under a mixed policy ``call`` runs in the variables' dtype, and only its result gets the compute dtype."""
    casts_parts = False
    """True: ``call`` reads weights of the layers within or runs them bare, so theirs are cast with this layer's own."""
    own_weights_follow_policy = False
    """True: weights are cast although inputs are not (``autocast`` False)."""

    _runs_graph = False
    """True: a drawn model, whose layers compute by policies of their own."""

    autocast: bool
    _autocast_rests = False
    _policy: DTypePolicy
    _mixed: bool
    _may_lend: bool
    _plain_dtype: torch.dtype | None
    run: Any
    takes_training: bool
    heeds_mode: bool
    _foreign: bool
    _remat: Any = None
    _cast_plan: list[tuple[Any, list[str]]] | None = None

    def _take_policy(self, policy: DTypePolicy) -> None:
        own = policy.for_path(self._name)
        mixed, dtype = own.is_mixed, to_torch(own.compute_dtype)
        self.__dict__.update(
            _policy=policy,
            _remat=remat_mode() or self._remat,
            _torch_dtype=dtype,
            _variable_torch_dtype=to_torch(own.variable_dtype) if mixed else dtype,
            _mixed=mixed,
            _may_lend=mixed,
            # Of a tensor that the layer can take as it comes; with none, every call from outside is looked at.
            _plain_dtype=None if mixed else dtype,
        )
        if mixed and self.full_precision and self.autocast:
            self.autocast, self._autocast_rests = False, True
        elif not mixed and self._autocast_rests:
            self.autocast, self._autocast_rests = True, False

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The layer's policy. It can be set until the layer is built or called; a drawn model's at any time, since its
        layers compute by their own.

        Raises:
            ArgumentError: set later; weights have a dtype by then, and the graph says where inputs are cast.
        """
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy = dtype_policies.get(value)
        if policy == self._policy:
            return
        if not self._runs_graph and (self._has_built or getattr(self, "called_by", None)):
            raise ArgumentError(
                f"{type(self).__name__} {self._name!r} is built: its dtype policy stays.",
                got=repr(value),
                expected=repr(self._policy),
                hint=f"{type(self).__name__}(..., dtype=...), or a layer from get_config() with another dtype",
            )
        self._take_policy(policy)

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

    def dtype_changed(self) -> None:
        """Called when the layer has moved to another dtype (``layer.double()``), for what else hangs on it."""

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        follow(self, fn)
        return self

    # -- running

    def launch(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer on real tensors, hooks and all: in the mode that ``training`` asks for, as its policy wants."""
        if not kwargs and not (self._foreign and asked_mode() is not None):
            return self.run_mixed(*args) if self._mixed else self.run(*args)
        if "training" in kwargs:
            mode = kwargs["training"]
            if not self.takes_training:
                del kwargs["training"]
            if mode is not None and self.heeds_mode:
                with asking(self, bool(mode)):
                    return self._run_as_asked(args, kwargs)
        return self._run_as_asked(args, kwargs)

    def _run_as_asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._foreign and asked_mode() is not None:
            return run_foreign(self, lambda it: (it.run_mixed if it._mixed else it.run)(*args, **kwargs))
        return self.run_mixed(*args, **kwargs) if self._mixed else self.run(*args, **kwargs)

    def run_mixed(self, *args: Any, **kwargs: Any) -> Any:
        """`run` under a mixed policy."""
        if self.full_precision:
            args, kwargs = cast_floats((args, kwargs), self._variable_torch_dtype)
            return cast_floats(self.run(*args, **kwargs), self._torch_dtype)
        # In a graph the inputs have been cast already; not looking for more in a single tensor saves 2 of 16 us.
        if self.autocast and (kwargs or len(args) != 1 or getattr(args[0], "dtype", None) != self._torch_dtype):
            args, kwargs = cast_floats((args, kwargs), self._torch_dtype)
        return self._run_foreign(args, kwargs) if self._has_foreign_parts() else self.run(*args, **kwargs)

    def _run_foreign(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """With PyTorch's own modules inside, by PyTorch's own means: `torch.autocast`."""
        if any(map(is_shape, tree.leaves((args, kwargs)))):
            # Tried on shapes alone, where autocast does not reach: nothing but shapes is read.
            args, kwargs = cast_floats((args, kwargs), self._variable_torch_dtype)
            return cast_floats(self.run(*args, **kwargs), self._torch_dtype)
        with torch.autocast(next(self.parameters()).device.type, self._torch_dtype):
            return cast_floats(self.run(*args, **kwargs), self._torch_dtype)

    def _has_foreign_parts(self) -> bool:
        return len(self._modules) > 0 and has_foreign_parts(self)


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


def weight_lists(layer: torch.nn.Module) -> list[str]:
    """The attributes that hold weights of the layer's own in plain lists, tuples or dicts."""
    own = {id(weight) for weight in layer._parameters.values()}
    return [
        name
        for name, value in reading.attributes_of(layer).items()
        if not name.startswith("_")
        and isinstance(value, (list, tuple, dict))
        and any(id(leaf) in own for leaf in tree.leaves(value))
    ]
