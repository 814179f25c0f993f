"""The kinds of files that models and weights are written to, by the endings of their names: one list for all writers.

What is read is told by its content; an ending only says what is written.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: how its name ends.
        model, weights: whether it takes a whole model, and weights alone.
        of_keras: it is written with h5py.
        told_weights: the ending says that it holds weights alone, though a whole model fits.
    """

    suffix: str
    model: bool
    weights: bool
    of_keras: bool
    told_weights: bool = False


# The first one that fits is meant, so a longer ending stands before the one that it ends with.
FORMATS = (
    Format(".lamina", model=True, weights=True, of_keras=False),
    Format(".keras", model=True, weights=True, of_keras=True),
    # As in Keras, a whole model under this name is a whole model: load_model and load_weights both read it.
    Format(".weights.h5", model=True, weights=True, of_keras=True, told_weights=True),
    Format(".h5", model=True, weights=True, of_keras=True),
    Format(".hdf5", model=True, weights=True, of_keras=True),
    Format(".safetensors", model=False, weights=True, of_keras=False),
)
MODEL, WEIGHTS = "model", "weights"


def format_of(path: Any) -> Format | None:
    """The kind that a path is of by its ending; None where no kind ends so.

    >>> format_of("best.weights.h5").suffix, format_of("best.h5").suffix, format_of("best.tar")
    ('.weights.h5', '.h5', None)
    """
    name = os.fsdecode(path)
    return next((one for one in FORMATS if name.endswith(one.suffix)), None)


def suffixes(what: str) -> list[str]:
    """The endings of files that take ``"model"`` or ``"weights"``.

    >>> suffixes("model")
    ['.lamina', '.keras', '.h5', '.hdf5']
    """
    return [one.suffix for one in FORMATS if getattr(one, what) and not (what == MODEL and one.told_weights)]


def other_ending(path: Any, what: str) -> dict[str, str] | None:
    """What to say of a path that does not end as files that take ``"model"`` or ``"weights"`` do; None where it does.

    >>> other_ending("best.keras", "model")
    >>> other_ending("best.ckpt", "model")["hint"]
    "'best.lamina'"
    """
    found = format_of(path)
    if found is not None and getattr(found, what):
        return None
    name = os.fsdecode(path)
    stem = name if found is None else name.removesuffix(found.suffix).removesuffix(f".{WEIGHTS}")
    stem = _without_foreign(stem) if found is None else stem
    beside = "" if found is None else f"; {found.suffix} takes weights alone: save_weights, or save_weights_only=True"
    return {
        "headline": f"No {'whole model' if what == MODEL else 'weights'} can be written into a file of this ending.",
        "got": repr(name),
        "expected": ", ".join(f"*{suffix}" for suffix in suffixes(what)),
        "hint": repr(stem + (".lamina" if what == MODEL else ".weights.safetensors")) + beside,
    }


# Endings of other programs' files, and of TensorFlow's checkpoints.
_FOREIGN = (".ckpt", ".tf", ".pb", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".json", ".npz", ".onnx", ".zip")


def _without_foreign(name: str) -> str:
    return next((name.removesuffix(ending) for ending in _FOREIGN if name.endswith(ending)), name)
