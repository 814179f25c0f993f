"""One file in, another out, and what became of what stood in the first."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamina.file_formats import FORMATS, Format, format_of
from lamina.models import load_model
from lamina.saving import SavingError, Translations, TranslationWarning


def convert(source: str, target: str, *, model_path: str | None = None, overwrite: bool = False) -> Translations:
    """Read ``source``, write ``target``.

    Args:
        source: a whole model; or weights, of the model in ``model_path``. Its content tells what it is.
        target: its ending tells what is written: a whole model for ``.lamina``, ``.keras``, ``.h5``, ``.hdf5``; its
            weights alone for ``.weights.h5``, ``.safetensors``.
        model_path: a whole model that the weights in ``source`` belong to.
        overwrite: replace ``target`` where it is there.

    Returns:
        What was translated, renamed, defaulted or left out, be it while reading or while writing.

    Raises:
        SavingError: another ending, a file that is there, or something that the new file has no word for.
        LoadingError: a file that is none, is damaged, or holds what Lamina does not have.

    >>> convert("model.lamina", "model.pickle")
    Traceback (most recent call last):
    lamina.saving.errors.SavingError: Nothing is written into a file of this ending.
      got       'model.pickle'
      expected  *.lamina, *.keras, *.weights.h5, *.h5, *.hdf5, *.safetensors
      where     ...
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
    told = Translations(repr(source))
    with _warnings_into(told):
        model = load_model(model_path or source, report=lambda read: _join(told, read))
        if model_path is not None:
            model.load_weights(source)
        _write(model, target, kind, overwrite, told)
    return told


def _join(told: Translations, read: Translations) -> None:
    told.source = read.source
    for one in read:
        for layer in one.layers or ("",):
            told.add(one.kind, one.what, layer)


@contextmanager
def _warnings_into(told: Translations) -> Iterator[None]:
    """Within, what would be a warning is left out in ``told``, but what the table of what was read tells already."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for one in caught:
        if issubclass(one.category, UserWarning) and not issubclass(one.category, TranslationWarning):
            told.add("left out", str(one.message))


def _write(model: Any, target: str, kind: Format, overwrite: bool, told: Translations) -> None:
    if kind.model and not kind.told_weights:
        model.save(target, overwrite=overwrite)
        return
    model.save_weights(target, overwrite=overwrite)
    told.add("left out", "the graph and how the model is trained: a file of weights holds neither")
