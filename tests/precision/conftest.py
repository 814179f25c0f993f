"""Each test here leaves the process-wide defaults as it found them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import keras
import pytest

from lamina.defaults import Defaults, defaults


@pytest.fixture(autouse=True)
def restored_defaults() -> Iterator[None]:
    theirs = keras.config.floatx(), keras.config.epsilon(), keras.config.dtype_policy()
    yield
    fresh = Defaults()
    for field in fields(Defaults):
        setattr(defaults, field.name, getattr(fresh, field.name))
    keras.config.set_floatx(theirs[0])
    keras.config.set_epsilon(theirs[1])
    keras.config.set_dtype_policy(theirs[2])
