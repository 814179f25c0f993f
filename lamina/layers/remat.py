"""Rematerialization: what a call computes on its way is not kept for the backward pass, but computed again there.

It takes less memory and more time. `remat` does it for a function, `RematScope` for the layers that are made within.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch

from lamina import activations
from lamina.graph import ArgumentError, Symbolic, tree
from lamina.probing import probing

from .mode import asked_mode, asking

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what `f` does, without keeping what it computes on its way for the backward pass.

    Args:
        f: of tensors: a function, a layer, or a layer's `call`. Random numbers that it draws are the same both times.

    Returns:
        The function. On symbolic tensors, and where no gradient is computed, it is `f` itself.

    >>> x = torch.ones(2, requires_grad=True)
    >>> remat(lambda x: torch.exp(x) * 2)(x).sum().backward()
    >>> x.grad
    tensor([5.4366, 5.4366])
    """

    @functools.wraps(f, updated=())
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        symbolic = any(isinstance(leaf, Symbolic) for leaf in tree.leaves((args, kwargs)))
        if symbolic or probing() or not torch.is_grad_enabled():
            return f(*args, **kwargs)
        return _checkpointed(f, args, kwargs)

    return rematerialized


def _checkpointed(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from torch.utils.checkpoint import checkpoint  # costs an import that is seldom wanted

    mode = asked_mode()
    owner: Any = getattr(f, "__self__", f)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        # The second time is in the backward pass, where nobody asks for the mode of this call any more.
        again = mode is not None and isinstance(owner, torch.nn.Module)
        return nullcontext(), asking(owner, bool(mode)) if again else nullcontext()

    return checkpoint(f, *args, use_reentrant=False, context_fn=contexts, **kwargs)


@dataclass(frozen=True)
class RematMode:
    """How the layers of a scope are called.

    Attributes:
        mode, output_size_threshold, layer_names: as given to `RematScope`.
    """

    mode: str
    output_size_threshold: int
    layer_names: tuple[str, ...]

    def __call__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``layer.call`` of these, with or without keeping what it computes."""
        if probing() or not torch.is_grad_enabled() or not self._chosen(layer, args):
            return layer.call(*args, **kwargs)
        return _checkpointed(layer.call, args, kwargs)

    def _chosen(self, layer: Any, args: tuple[Any, ...]) -> bool:
        if self.mode == "list_of_layers":
            return layer.name in self.layer_names
        if self.mode == "activations":
            activation = getattr(layer, "activation", None)
            return activation is not None and activation is not activations.linear
        if self.mode == "larger_than":
            return self._output_size(layer, args) > self.output_size_threshold
        return True

    def _output_size(self, layer: Any, args: tuple[Any, ...]) -> int:
        """Numbers that one sample becomes."""
        shapes = tree.map_leaves(lambda leaf: tuple(leaf.shape), args[0] if args else ())
        found: list[int] = []

        def count(shape: Any) -> None:
            if isinstance(shape, dict):
                shape = list(shape.values())
            if all(size is None or isinstance(size, int) for size in shape):
                found.append(math.prod(size or 1 for size in shape[1:]))
            else:
                for part in shape:
                    count(part)

        count(layer.compute_output_shape(shapes))
        return sum(found)


_scope: ContextVar[RematMode | None] = ContextVar("rematerialization", default=None)


def remat_mode() -> RematMode | None:
    """That of the scope around; None where there is none."""
    return _scope.get()


class RematScope:
    """A context: the layers that are made within compute again, in the backward pass, what they need there.

    Args:
        mode: "full": every layer; "activations": those that have an activation; "larger_than": those whose output for
            one sample is larger than the threshold; "list_of_layers": those of these names; None: none, also within
            another scope.
        output_size_threshold: a number of values, for "larger_than".
        layer_names: for "list_of_layers".

    Raises:
        ArgumentError: another mode.

    >>> with RematScope(mode="full"):
    ...     layer = lamina.layers.Dense(4, activation="relu")
    >>> layer(torch.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None
    ) -> None:
        if mode not in _MODES:
            raise ArgumentError(f"RematScope has no mode {mode!r}.", expected=", ".join(map(repr, _MODES)))
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(layer_names or [])
        self._tokens: list[Token[RematMode | None]] = []

    def __enter__(self) -> RematScope:
        found = None
        if self.mode is not None:
            found = RematMode(self.mode, self.output_size_threshold, tuple(self.layer_names))
        self._tokens.append(_scope.set(found))
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _scope.reset(self._tokens.pop())
