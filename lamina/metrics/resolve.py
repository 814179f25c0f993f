"""From what a person gives in ``metrics=`` to a `Metric`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamina.graph.errors import ArgumentError
from lamina.losses.names import FUNCTIONS as LOSS_FUNCTIONS
from lamina.losses.resolve import kind_of_targets
from lamina.losses.torch_loss import TorchLoss, is_torch_loss
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .auc import AUC
from .base import Metric
from .confusion import FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives
from .constrained import PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity
from .correlation import ConcordanceCorrelation, PearsonCorrelation
from .f_score import F1Score, FBetaScore
from .iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .reduction import Mean, MeanMetricWrapper, Sum
from .regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)
from .torch_metric import TorchMetric, is_torch_metric

_CLASSES = (
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    IoU,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanIoU,
    MeanMetricWrapper,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    Poisson,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
)
_ALIASES = {
    "bce": "BinaryCrossentropy",
    "BCE": "BinaryCrossentropy",
    "kld": "KLDivergence",
    "KLD": "KLDivergence",
    "mae": "MeanAbsoluteError",
    "MAE": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "MAPE": "MeanAbsolutePercentageError",
    "mse": "MeanSquaredError",
    "MSE": "MeanSquaredError",
    "msle": "MeanSquaredLogarithmicError",
    "MSLE": "MeanSquaredLogarithmicError",
    "rmse": "RootMeanSquaredError",
    "logcosh": "LogCoshError",
    "log_cosh": "LogCoshError",
}
# Functions that `keras.metrics` lists and that have no class of their own there: averaged over samples.
_FUNCTIONS = {
    name: LOSS_FUNCTIONS[name] for name in ("binary_focal_crossentropy", "categorical_focal_crossentropy", "huber")
}
METRICS = Registry("metric", classes={cls.__name__: cls for cls in _CLASSES}, functions=_FUNCTIONS, aliases=_ALIASES)

_BY_TARGETS: dict[str, dict[str, type[Metric]]] = {
    "accuracy": {
        "binary": BinaryAccuracy,
        "sparse": SparseCategoricalAccuracy,
        "categorical": CategoricalAccuracy,
    },
    "crossentropy": {
        "binary": BinaryCrossentropy,
        "sparse": SparseCategoricalCrossentropy,
        "categorical": CategoricalCrossentropy,
    },
}
_SHORT = {"acc": "accuracy", "ce": "crossentropy"}


@at_users_line
def get(identifier: Any) -> Any:
    """The `Metric` for a name, alias, class, config or object; a function comes back as it is, None for None.

    >>> get("mse"), get("TopKCategoricalAccuracy").k
    (<MeanSquaredError>, 5)
    """
    if isinstance(identifier, str):
        found = METRICS.get(identifier)
        return found() if isinstance(found, type) else found
    return deserialize(identifier) if isinstance(identifier, dict) else METRICS.get(identifier)


def serialize(metric: Any) -> Any:
    """A metric as JSON types: {"class_name", "config"}."""
    return METRICS.serialize(metric)


@at_users_line
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`. Own classes and functions of the user come from `custom_objects`, by name."""
    if isinstance(config, dict) and config.get("class_name") == "MeanMetricWrapper":
        return MeanMetricWrapper.from_config(config.get("config") or {}, custom_objects)
    return METRICS.deserialize(config, custom_objects)


def resolve_accuracy(kind: str, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> Metric:
    """What ``"accuracy"``, ``"acc"``, ``"crossentropy"`` or ``"ce"`` means for these shapes, under that name.

    One unit: binary. Targets of lower rank, or one column of them for several units: class numbers. Else: one-hot.

    >>> resolve_accuracy("acc", (None, 1), (None, 10))
    <SparseCategoricalAccuracy "acc">
    """
    variants = _BY_TARGETS.get(_SHORT.get(kind.lower(), kind.lower()))
    if variants is None:
        expected = "'accuracy', 'acc', 'crossentropy' or 'ce'"
        raise ArgumentError("The shapes do not tell what this metric means.", got=repr(kind), expected=expected)
    return variants[kind_of_targets(y_true_shape, y_pred_shape)](name=kind)


def resolve_metric(
    identifier: Any, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> Metric | None:
    """A `Metric` for anything that ``compile(metrics=[...])`` takes for one output; None for None.

    A name is also the name of the metric, as in Keras: ``"mse"`` is logged as ``mse``. Functions of targets and
    predictions, and losses, are averaged over samples. A metric of torchmetrics is used as it is, see `TorchMetric`.

    Args:
        identifier: name, alias, `Metric`, class, config, function, `Loss`, or a metric of torchmetrics.
        y_true_shape: shape of the targets, the batch first.
        y_pred_shape: shape of the predictions, the batch first.

    >>> resolve_metric("accuracy", (None,), (None, 10)), resolve_metric("mse", (None, 1), (None, 1))
    (<SparseCategoricalAccuracy "accuracy">, <MeanSquaredError "mse">)
    """
    if isinstance(identifier, str):
        if _SHORT.get(identifier.lower(), identifier.lower()) in _BY_TARGETS:
            return resolve_accuracy(identifier, y_true_shape, y_pred_shape)
        metric = get(identifier)
        metric = metric if isinstance(metric, Metric) else MeanMetricWrapper(metric)
        metric.name = identifier
        for variable in metric.variables:
            variable.path = f"{identifier}/{variable.name}"
        return metric
    found: Any = identifier if is_torch_metric(identifier) and not isinstance(identifier, type) else get(identifier)
    if found is None or hasattr(found, "update_state"):
        known: Metric | None = found
        return known
    if is_torch_metric(found):
        return TorchMetric(found)
    return MeanMetricWrapper(TorchLoss(found) if is_torch_loss(found) else found)
