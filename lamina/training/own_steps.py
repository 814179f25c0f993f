"""What a step that a model defines itself has returned, where nothing can be shown or learnt from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.graph.errors import ArgumentTypeError
from lamina.losses.given import LossValueError

from .sense.said import Said

_RESULTS = "return {m.name: m.result() for m in self.metrics}, or {'loss': loss}"


def check_results(said: Said, model: Any, name: str, results: Any) -> None:
    """Refuse what is no dict of results; None, which Keras takes for an empty one, is told of once.

    Raises:
        ArgumentTypeError: so it is.
    """
    if isinstance(results, Mapping):
        return
    if results is None:
        said.once(
            f"nothing of {name}",
            f"The {name} of {model.label} returns nothing, so no loss and no metric is shown or kept. Try: {_RESULTS}.",
            here=True,
        )
        return
    raise ArgumentTypeError(
        f"The {name} of {model.label} must return its results by their names.",
        got=_kind(results),
        expected="a dict from names to numbers or tensors of one number",
        hint=_RESULTS,
    )


def no_outputs(model: Any, given: Any) -> ArgumentTypeError:
    """The error of a ``predict_step`` that returns something that is no output."""
    return ArgumentTypeError(
        f"The predict_step of {model.label} must return the outputs of a batch.",
        got=_kind(given),
        expected="a tensor, or tensors in a list, tuple or dict",
        hint="return self(x, training=False)",
    )


def no_loss(model: Any, given: Any) -> LossValueError:
    """The error of a ``compute_loss`` that returns no tensor."""
    return LossValueError(
        f"The compute_loss of {model.label} gives no tensor, so there is nothing to learn from.",
        got=_kind(given),
        expected="a tensor of one number, computed from y_pred by torch or ops",
        hint="a `return` at its end" if given is None else "torch or ops in place of numpy, float() and .item()",
    )


def _kind(given: Any) -> str:
    if given is None:
        return "None"
    shape = getattr(given, "shape", None)
    shown = f" of shape {tuple(shape)}" if shape is not None else f": {given!r:.60}"
    return f"{type(given).__name__}{shown}"
