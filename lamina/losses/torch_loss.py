"""`TorchLoss`: the losses of PyTorch, modules and functions, which take (predictions, targets) in this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from lamina._torch import modules
from lamina.graph.errors import ArgumentError, ShapeError
from lamina.naming import snake_case

from .base import Loss
from .shapes import paired, same_shape
from .targets import check_class_numbers

_OVER_CLASSES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
_OVER_CLASSES_FUNCTIONS = (F.cross_entropy, F.nll_loss, F.multi_margin_loss)
_OF_WHOLE_NUMBERS = (nn.MultiLabelMarginLoss, F.multilabel_margin_loss)
_OF_ANSWERS = (nn.BCELoss, nn.BCEWithLogitsLoss)


def is_torch_loss(fn: Any) -> bool:
    """Whether `fn` is a loss of PyTorch, or a module derived from one, and so takes (predictions, targets).

    >>> is_torch_loss(nn.MSELoss()), is_torch_loss(F.mse_loss), is_torch_loss(nn.Linear(1, 1))
    (True, True, False)
    """
    return isinstance(fn, modules.LOSSES) or getattr(fn, "__module__", None) == F.__name__


class TorchLoss(Loss):
    """A loss of PyTorch, such as ``nn.CrossEntropyLoss()`` or ``F.mse_loss``, as a `Loss`.

    It is called with (predictions, targets). Targets are brought to what PyTorch wants: class numbers as int64, (B,)
    for predictions (B, C) even if they come as (B, 1); others in dtype and shape of the predictions. Nothing is
    broadcast over the batch. Classes lie along axis 1, as everywhere in PyTorch. Where PyTorch reduces to one number,
    there is nothing left for weights and masks: give the module ``reduction="none"``, and the mean is taken here.

    Args:
        fn: the module or function.
        reduction: what is done with the losses of a module with ``reduction="none"``; see `Loss`.
        name: defaults to the name of the class or function.
        dtype: see `Loss`.

    Raises:
        ShapeError: targets and predictions do not pair, or weights for a loss that is one number.

    >>> import torch
    >>> TorchLoss(nn.CrossEntropyLoss())(torch.tensor([[0], [1]]), torch.zeros(2, 2))
    tensor(0.6931)
    """

    integer_targets = True

    def __init__(
        self,
        fn: Callable[..., Tensor],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None) or snake_case(type(fn).__name__), reduction, dtype)
        self.fn = fn
        self._over_classes = isinstance(fn, _OVER_CLASSES) or fn in _OVER_CLASSES_FUNCTIONS
        self._whole_numbers = isinstance(fn, _OF_WHOLE_NUMBERS[0]) or fn is _OF_WHOLE_NUMBERS[1]
        # A class derived from PyTorch's may take what it likes.
        self._known = str(getattr(type(fn) if isinstance(fn, nn.Module) else fn, "__module__", "")).startswith("torch.")
        if self._known and not self._over_classes and not self._whole_numbers:
            self.takes = "answers" if isinstance(fn, _OF_ANSWERS) else "numbers"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if isinstance(self.fn, nn.Module):
            self._move_to(y_pred)
        targets = self._arranged(y_true, y_pred) if self._known else y_true
        try:
            return self.fn(y_pred, targets)
        except IndexError:
            if self._over_classes and targets.device.type == "cpu":
                ignored = getattr(self.fn, "ignore_index", -100)
                check_class_numbers(targets, y_pred.shape[min(1, y_pred.ndim - 1)], ignored, self.name)
            raise

    def _arranged(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if self._over_classes and (y_true.shape != y_pred.shape or not y_true.is_floating_point()):
            due = (*y_pred.shape[:1], *y_pred.shape[2:]) if y_pred.ndim > 1 else ()
            fitted = y_true.squeeze(-1) if y_true.ndim == len(due) + 1 and y_true.shape[-1] == 1 else y_true
            if tuple(fitted.shape) != due:
                raise ShapeError(
                    f"{self.name} takes one class number for each vector of classes, which lie along axis 1.",
                    got=f"targets {tuple(y_true.shape)}, predictions {tuple(y_pred.shape)}",
                    expected=f"targets {due}, or probabilities of the shape of the predictions, as floats",
                )
            return fitted.long()
        if self._whole_numbers:
            return same_shape(y_true.long(), y_pred, self.name)[0]
        return paired(y_true, y_pred, self.name)[0].reshape(y_pred.shape)

    def _move_to(self, y_pred: Tensor) -> None:
        """Weights of classes go where the predictions are, once."""
        for held in (*self.fn.parameters(), *self.fn.buffers()):  # type: ignore[attr-defined]
            if held.device != y_pred.device:
                self.fn.to(y_pred.device)  # type: ignore[attr-defined]
                return

    def get_config(self) -> dict[str, Any]:
        raise ArgumentError(
            f"The loss {self.name} of PyTorch cannot be saved in a file.",
            got=repr(self.fn),
            hint="one of lamina.losses; or compile again after loading",
        )
