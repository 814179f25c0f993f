"""From what a person gives as ``loss=`` to a `Loss`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .base import Loss
from .crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from .names import ALIASES, CLASSES, FUNCTIONS, class_of
from .torch_loss import TorchLoss, is_torch_loss
from .wrapper import LossFunctionWrapper

LOSSES = Registry(
    "loss", classes={**CLASSES, "LossFunctionWrapper": LossFunctionWrapper}, functions=FUNCTIONS, aliases=ALIASES
)


@at_users_line
def get(identifier: Any) -> Any:
    """The loss function or `Loss` for a name, alias, class, config or object; None for None.

    Raises ArgumentError for an unknown name, listing near ones.

    >>> get("mse").__name__, get("MeanSquaredError").name
    ('mean_squared_error', 'mean_squared_error')
    """
    return deserialize(identifier) if isinstance(identifier, dict) else LOSSES.get(identifier)


def serialize(loss: Any) -> Any:
    """A loss as JSON types: {"class_name", "config"}, or the name of one of our functions."""
    return LOSSES.serialize(loss)


@at_users_line
def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`. Own classes and functions of the user come from `custom_objects`, by name."""
    if isinstance(name, dict) and name.get("class_name") == "LossFunctionWrapper":
        return LossFunctionWrapper.from_config(name.get("config") or {}, custom_objects)
    return LOSSES.deserialize(name, custom_objects)


def kind_of_targets(y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> str:
    """``"binary"``, ``"sparse"`` or ``"categorical"``, told from the shapes as Keras does.

    One unit is binary; targets of lower rank, or with one column for several units, are class numbers; else one-hot.

    >>> kind_of_targets((None, 1), (None, 1)), kind_of_targets((None,), (None, 5)), kind_of_targets((8, 5), (8, 5))
    ('binary', 'sparse', 'categorical')
    """
    if y_pred_shape[-1] == 1:
        return "binary"
    one_column = bool(y_true_shape) and y_true_shape[-1] == 1
    return "sparse" if len(y_true_shape) < len(y_pred_shape) or one_column else "categorical"


def resolve_loss(
    identifier: Any, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> Loss | None:
    """A `Loss` for anything that ``compile(loss=...)`` takes for one output; None for None.

    ``"crossentropy"`` and ``"ce"`` become the binary, sparse or categorical one by the shapes. A function of ours
    becomes its class, which runs fused. PyTorch's loss modules and functions are called with (predictions, targets),
    see `TorchLoss`; any other callable, modules of the user's own among them, with (targets, predictions).

    Args:
        identifier: name, alias, function, `Loss`, class, config, or a loss module of PyTorch.
        y_true_shape: shape of the targets, the batch first.
        y_pred_shape: shape of the predictions, the batch first.

    >>> resolve_loss("crossentropy", (None,), (None, 10)).name
    'sparse_categorical_crossentropy'
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kinds = {
            "binary": BinaryCrossentropy,
            "sparse": SparseCategoricalCrossentropy,
            "categorical": CategoricalCrossentropy,
        }
        result: Loss | None = kinds[kind_of_targets(y_true_shape, y_pred_shape)]()
        return result
    found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    if is_torch_loss(found):
        return TorchLoss(found)
    ours = class_of(found)
    return LossFunctionWrapper(found) if ours is None else ours()
