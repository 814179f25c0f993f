"""The same tests on Keras: ``LIB=keras pytest tests/articles -W default`` runs every `import lamina` as `import keras`.

So it is seen that the tests ask for what Keras does, not for what Lamina happens to do.
"""

from __future__ import annotations

import importlib
import os
import sys

if os.environ.get("LIB") == "keras":
    for part in ("", ".callbacks", ".layers", ".losses", ".models", ".optimizers", ".utils"):
        sys.modules[f"lamina{part}"] = importlib.import_module(f"keras{part}")

import pytest

import lamina as keras


@pytest.fixture(autouse=True)
def same_weights_every_time() -> None:
    """Every test draws the same weights, alone or in company."""
    keras.utils.set_random_seed(1)
