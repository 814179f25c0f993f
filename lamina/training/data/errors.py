"""The error of data that breaks while it is drawn."""

from __future__ import annotations

from lamina.graph import LaminaError


class DataError(LaminaError, RuntimeError):
    """A batch could not be made: the user's code failed, or a worker died. The cause is chained."""

    __module__ = "lamina"
