"""`LossFunctionWrapper`: any function of targets and predictions as a `Loss`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from lamina.naming import snake_case
from lamina.registry import Registry

from .base import Loss
from .given import refuse_signature
from .names import ALIASES, FUNCTIONS, class_of
from .shapes import same_rank


class LossFunctionWrapper(Loss):
    """A `Loss` that calls ``fn(y_true, y_pred, **kwargs)``.

    Args:
        fn: gives the loss of every sample, (B,) or (B, ...), or a scalar.
        reduction: see `Loss`.
        name: defaults to the name of `fn`.
        dtype: see `Loss`.
        **kwargs: handed to `fn` on every call.

    >>> import torch
    >>> worst = LossFunctionWrapper(lambda t, p: (t - p).abs().amax(-1), name="worst")
    >>> worst(torch.zeros(2, 2), torch.tensor([[1.0, 3.0], [0.0, 1.0]]))
    tensor(2.)
    """

    def __init__(
        self,
        fn: Callable[..., Tensor],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None) or snake_case(type(fn).__name__), reduction, dtype)
        self.fn = fn
        self.kwargs = kwargs
        ours = class_of(fn)
        self.integer_targets, self.takes = (ours.integer_targets, ours.takes) if ours else (False, None)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # As Keras: a function that subtracts (B,) from (B, 1) would learn from a (B, B) matrix of errors.
        if type(y_true) is Tensor and isinstance(y_pred, Tensor) and y_true.ndim != y_pred.ndim:
            y_true, y_pred = same_rank(y_true, y_pred)
        try:
            return self.fn(y_true, y_pred, **self.kwargs)
        except TypeError as error:
            if error.__traceback__.tb_next is None:  # type: ignore[union-attr]  # it did not even begin
                refuse_signature(f"The loss {self.name}", self.fn, "y_true", "y_pred", **self.kwargs)
            raise

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": _functions().serialize(self.fn), **self.kwargs}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> LossFunctionWrapper:
        """Reverse of `get_config`; a function that is not ours comes from `custom_objects`, by its name."""
        return cls(**{**config, "fn": _functions().get(config["fn"], custom_objects)})


def _functions() -> Registry:
    return Registry("loss function", classes={}, functions=FUNCTIONS, aliases=ALIASES)
