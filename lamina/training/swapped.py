"""`compile` with one argument in the place of another: the optimizer and the loss, metrics and the losses' weights."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from lamina import losses, metrics, optimizers
from lamina.graph import ArgumentError, tree


def refuse_swapped(optimizer: Any, loss: Any) -> None:
    """Say so where an optimizer is given as the loss, or a loss as the optimizer.

    Raises:
        ArgumentError: they are.
    """
    is_loss = isinstance(optimizer, losses.Loss) or (_names(losses, optimizer) and not _names(optimizers, optimizer))
    is_optimizer = isinstance(loss, optimizers.Optimizer) or (_names(optimizers, loss) and not _names(losses, loss))
    if is_loss or is_optimizer:
        said = {"optimizer": loss if is_optimizer else "adam", "loss": optimizer if is_loss else "mse"}
        shown = {key: repr(value) if isinstance(value, str) else type(value).__name__ for key, value in said.items()}
        raise ArgumentError(
            f"compile() was given {'a loss as the optimizer' if is_loss else 'an optimizer as the loss'}.",
            got=f"{optimizer!r}, {loss!r}",
            expected="the optimizer first, then the loss",
            hint=f"compile(optimizer={shown['optimizer']}, loss={shown['loss']})",
        )


def refuse_metrics_as_weights(loss_weights: Any) -> None:
    """Say so where metrics stand in the place of the losses' weights, the third one, as they do in Keras 2.

    Raises:
        ArgumentError: they do.
    """
    if any(map(_is_metric, tree.leaves(loss_weights))):
        raise ArgumentError(
            "compile() was given metrics as loss_weights.",
            got=f"loss_weights={loss_weights!r}",
            expected="compile(optimizer, loss, loss_weights, metrics): numbers in the third place",
            hint=f"compile(..., metrics={loss_weights!r})",
        )


def _is_metric(leaf: Any) -> bool:
    short = isinstance(leaf, str) and leaf in ("acc", "accuracy", "ce", "crossentropy")
    return short or isinstance(leaf, metrics.Metric) or callable(leaf) or _names(metrics, leaf)


def _names(kind: Any, name: Any) -> bool:
    """Whether it is the name of one of these."""
    with suppress(ArgumentError):
        return isinstance(name, str) and kind.get(name) is not None
    return False
