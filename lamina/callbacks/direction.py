"""Whether more of a number is better or less: what its metric says, or else its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_RISING = frozenset(
    "acc accuracy auc bleu dice f1 fbeta fmeasure iou kappa map positive precision psnr r2 recall rouge score "
    "sensitivity similarity specificity ssim true".split()
)
_FALLING = frozenset(
    "cosh crossentropy distance divergence entropy error false fid hinge logcosh loss mae mape mse msle nll perplexity "
    "poisson rmse wer".split()
)


def rises_by_name(name: str) -> bool | None:
    """True where a name says that more is better, False where less is, None where it says neither.

    The last word that tells decides: ``accuracy_head_loss`` is a loss.

    >>> rises_by_name("val_categorical_accuracy"), rises_by_name("mean_squared_error"), rises_by_name("size")
    (True, False, None)
    """
    for word in reversed(re.split(r"[^a-z0-9]+", name.lower())):
        if word in _RISING:
            return True
        if word in _FALLING:
            return False
    return None


def rises_for_sure(monitor: str, metrics: Iterable[Any]) -> bool | None:
    """The same as `rises`, but None where only a word within the name tells, as in ``accuracy_drop``.

    >>> rises_for_sure("val_loss", []), rises_for_sure("val_head_accuracy", []), rises_for_sure("accuracy_drop", [])
    (False, True, None)
    """
    bare = re.sub(r"_\d+$", "", monitor.lower())
    if rises_by_name(bare.rpartition("_")[2]) is None and all(bare != metric.name for metric in metrics):
        return None
    return rises(monitor, metrics)


def rises(monitor: str, metrics: Iterable[Any]) -> bool | None:
    """Whether more of a monitored number is better: by the metric of that name, or else by the name itself.

    Args:
        monitor: a name in the logs, such as ``val_auc`` or, with several outputs, ``val_price_auc``.
        metrics: objects with a ``name`` and a ``direction``, "up" or "down".
    """
    name = monitor.removeprefix("val_")
    if name == "loss":
        return False
    named = {metric.name: getattr(metric, "direction", None) for metric in metrics}
    # "price_auc_1" is the second metric "auc" of the output "price"; of "auc" and "pr_auc" the longer name is meant.
    bare = re.sub(r"_\d+$", "", name)
    found = [own for own in named if own in (name, bare) or name.endswith(f"_{own}") or bare.endswith(f"_{own}")]
    direction = named[max(found, key=len)] if found else None
    return {"up": True, "down": False}.get(direction or "", rises_by_name(name))
