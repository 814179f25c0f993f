"""``layers.experimental.preprocessing.Rescaling`` is `lamina.layers.Rescaling`, and so with the others."""

from lamina.layers.preprocessing import *  # noqa: F403
from lamina.layers.preprocessing import __all__ as __all__
