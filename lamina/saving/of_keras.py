"""Keras' own arguments of ``save``: what of them is done, and what to write in place of the others."""

from __future__ import annotations

import os
from typing import Any

from lamina.graph import ArgumentError

_ENDINGS = {"h5": (".h5", ".hdf5"), "hdf5": (".h5", ".hdf5"), "keras": (".keras",), "lamina": (".lamina",)}
_HINTS = {
    "save_format": "the ending of the file says it: .lamina, .keras, .h5",
    "zipped": "a .keras is one file, which Keras opens wherever it opens a folder; unzip makes a folder of it",
    "include_optimizer": "True, or False",
}


def includes_training(of_keras: dict[str, Any], filepath: Any) -> bool:
    """Whether the file is to tell how the model is trained: ``include_optimizer``.

    Raises:
        ArgumentError: another argument, or one that asks for something else than what is done.
    """
    path = os.fsdecode(filepath)
    for name, value in of_keras.items():
        done = name == "include_optimizer" and value in (True, False, None)
        done = done or (name == "zipped" and value in (True, None))
        if name == "save_format":
            done = value is None or path.endswith(_ENDINGS.get(value, ()))
        if not done:
            raise ArgumentError(
                f"save() does not take {name}={value!r}."[:200],
                expected="filepath, overwrite, include_optimizer",
                hint=_HINTS.get(name, f"leave {name} out"),
            )
    return of_keras.get("include_optimizer") is not False
