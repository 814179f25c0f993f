"""One file in, another out, and what the second has no word for."""

from __future__ import annotations

import os
import warnings
from typing import Any

from lamina.file_formats import FORMATS, Format, format_of
from lamina.models import load_model
from lamina.saving import SavingError


def convert(source: str, target: str, *, model_path: str | None = None, overwrite: bool = False) -> list[str]:
    """Read ``source``, write ``target``.

    Args:
        source: a whole model; or weights, of the model in ``model_path``. Its content tells what it is.
        target: its ending tells what is written: a whole model for ``.lamina``, ``.keras``, ``.h5``, ``.hdf5``; its
            weights alone for ``.weights.h5``, ``.safetensors``.
        model_path: a whole model that the weights in ``source`` belong to.
        overwrite: replace ``target`` where it is there.

    Returns:
        What could not be carried, a line each.

    Raises:
        SavingError: another ending, a file that is there, or something that the new file has no word for.
        LoadingError: a file that is none, is damaged, or holds what Lamina does not have.

    >>> convert("model.lamina", "model.pickle")
    Traceback (most recent call last):
    lamina.saving.errors.SavingError: Nothing is written into a file of this ending.
      got       'model.pickle'
      expected  *.lamina, *.keras, *.weights.h5, *.h5, *.hdf5, *.safetensors
    """
    kind = format_of(target)
    if kind is None:
        raise SavingError(
            "Nothing is written into a file of this ending.",
            got=repr(target),
            expected=", ".join(f"*{one.suffix}" for one in FORMATS),
        )
    if os.path.exists(target) and not overwrite:
        raise SavingError(f"There is a file already: {target!r}.", hint="--overwrite, or another name")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model = load_model(model_path or source)
        if model_path is not None:
            model.load_weights(source)
        left = _write(model, target, kind, overwrite)
    told = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    return list(dict.fromkeys(told + left))


def _write(model: Any, target: str, kind: Format, overwrite: bool) -> list[str]:
    if kind.model and not kind.told_weights:
        model.save(target, overwrite=overwrite)
        return []
    model.save_weights(target, overwrite=overwrite)
    return ["the graph and how the model is trained: a file of weights holds neither"]
