"""Metrics that say nothing: those of probabilities on logits, those of classes on real numbers or on one unit."""

from __future__ import annotations

from typing import Any

import torch

from lamina import losses, metrics

from .losses import taken
from .said import Said

_ROWS = 4096  # that are looked at
_STRANGE = 0.1  # share of targets that a metric cannot take from which on it is told of
_FROM_LOGITS = (
    metrics.AUC, metrics.BinaryCrossentropy, metrics.CategoricalCrossentropy, metrics.SparseCategoricalCrossentropy,
)  # fmt: skip
_COUNTS = (
    metrics.Precision, metrics.Recall, metrics.TruePositives, metrics.TrueNegatives, metrics.FalsePositives,
    metrics.FalseNegatives,
)  # fmt: skip
_AT_RATES = (
    metrics.SensitivityAtSpecificity, metrics.SpecificityAtSensitivity, metrics.PrecisionAtRecall,
    metrics.RecallAtPrecision,
)  # fmt: skip
_LARGEST = (metrics.CategoricalAccuracy, metrics.SparseCategoricalAccuracy)
_TOP_K = (metrics.TopKCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy)


def tell_of_metrics(said: Said, terms: list[Any], targets: list[Any], predictions: list[Any]) -> None:
    """Warn of metrics that do not belong to the loss, the targets or the shape of their output.

    Args:
        terms: one for each output: ``name``, ``loss``, ``plain`` and ``weighted`` metrics.
        targets: of a batch or of all rows.
        predictions: their shapes, (None, ...).
    """
    for term, target, predicted in zip(terms, targets, predictions, strict=True):
        own = [metric for metric in (*term.plain, *term.weighted) if isinstance(metric, metrics.Metric)]
        if not own:
            continue
        if term.loss is not None and taken(term.loss) == "logits" and not said.has(f"head {term.name}"):
            _tell_of_logits(said, term, own)
        if isinstance(target, torch.Tensor):
            _tell_of_targets(said, term.name, own, target)
        if len(predicted) > 1 and isinstance(predicted[-1], int):
            _tell_of_units(said, term.name, own, predicted[-1])


def _tell_of_logits(said: Said, term: Any, own: list[Any]) -> None:
    found = {metric.name: fix for metric in own if (fix := for_logits(metric))}
    if found:
        fixes = ", ".join(dict.fromkeys(found.values()))
        said.once(
            f"metrics of logits {term.name}",
            f"The loss {term.loss.name} of the output {term.name!r} takes logits, but {_listed(found)} "
            f"{'take' if len(found) > 1 else 'takes'} the same values for probabilities. Try {fixes}; or a sigmoid or "
            "softmax at the end of the model, and from_logits=False.",
        )


def for_logits(metric: Any) -> str:
    """What to write for a metric of probabilities where predictions are logits; "" for one that takes them.

    >>> for_logits(metrics.AUC()), for_logits(metrics.AUC(from_logits=True)), for_logits(metrics.CategoricalAccuracy())
    ('AUC(from_logits=True)', '', '')
    """
    kind = type(metric)
    name = kind.__name__
    if kind in _FROM_LOGITS:
        return "" if metric.from_logits else f"{name}(from_logits=True)"
    if kind in (metrics.BinaryAccuracy, metrics.BinaryIoU):
        return f"{name}(threshold=0.0)" if metric.threshold == 0.5 else ""
    if kind in _COUNTS:
        at_half = metric.init_thresholds in (None, 0.5) and metric.top_k is None
        return f"{name}(thresholds=0.0)" if at_half else ""
    if kind in _AT_RATES or kind is metrics.KLDivergence:
        return f"probabilities for {name}"
    if kind in (metrics.F1Score, metrics.FBetaScore):
        return f"probabilities for {name}" if metric.threshold is not None else ""
    return ""


def _tell_of_targets(said: Said, name: str, own: list[Any], target: torch.Tensor) -> None:
    """Of metrics that compare with classes, where the targets are other numbers: they are (nearly) always 0."""
    binary = [metric for metric in own if type(metric) is metrics.BinaryAccuracy]
    exact = [metric for metric in own if type(metric) in (metrics.Accuracy, metrics.SparseCategoricalAccuracy)]
    if not (binary or exact) or target.device.type != "cpu" or not target.numel() or target.is_complex():
        return
    values = target[:_ROWS] if target.ndim else target
    real = values != values.round() if values.is_floating_point() else torch.zeros_like(values, dtype=torch.bool)
    for found, strange, due in (
        (binary, real | ((values != 0) & (values != 1)), "0 or 1"),
        (exact, real, "class numbers"),
    ):
        if found and strange.float().mean().item() > _STRANGE:
            said.once(
                f"targets of {found[0].name} {name}",
                f"{_listed([metric.name for metric in found])} of the output {name!r} compares with targets that are "
                f"{due}, but there are such as {values[strange].flatten()[0].item():.4g}: for these it is always 0. "
                "Try 'mae' or RootMeanSquaredError() where the targets are amounts, and "
                "'sparse_categorical_accuracy' with one unit for each class where they are classes.",
            )


def _tell_of_units(said: Said, name: str, own: list[Any], units: int) -> None:
    """Of metrics that ask which unit is the largest, where there is one, or so few that the answer is always right."""
    found = [metric.name for metric in own if _is_always_right(metric, units)]
    if found and units == 1:
        said.once(
            f"units of {found[0]} {name}",
            f"{_listed(found)} of the output {name!r} asks which unit is the largest, and there is only one. "
            "Try BinaryAccuracy() for a yes or no, or one unit for each class.",
        )
    elif found:
        said.once(
            f"units of {found[0]} {name}",
            f"{_listed(found)} of the output {name!r} asks whether the right class is among the k largest of only "
            f"{units}: it is always 1. Try a smaller k.",
        )


def _is_always_right(metric: Any, units: int) -> bool:
    if type(metric) in _TOP_K:
        return bool(metric.k >= units) and not getattr(metric, "from_sorted_ids", False)
    if type(metric) in (metrics.F1Score, metrics.FBetaScore):
        return units == 1 and metric.threshold is None
    return units == 1 and type(metric) in _LARGEST


def tell_of_absent_classes(said: Said, name: str, loss: Any, table: Any, predicted: Any) -> None:
    """Warn of weights for classes that the predictions have no unit for.

    Args:
        table: class -> weight.
        predicted: shape of the predictions, (None, ..., units).
    """
    if isinstance(loss, losses.TorchLoss) or len(predicted) < 2 or not isinstance(predicted[-1], int):
        return
    units = predicted[-1]
    if units == 1 and (loss is None or taken(loss) is None):
        return  # a number, of which nobody knows how many there are
    classes = max(units, 2)
    absent = sorted(int(number) for number in table if int(number) >= classes)
    if absent:
        said.once(
            f"absent classes {name}",
            f"class_weight has weights for {', '.join(map(str, absent[:8]))}, but the output {name!r} has the classes "
            f"0 to {classes - 1}: they are never used. Try class numbers from 0 on.",
            here=True,
        )


def _listed(names: Any) -> str:
    """Names as a sentence has them: 'a', 'b' and 'c'."""
    *first, last = map(repr, names)
    return f"{', '.join(first)} and {last}" if first else last
