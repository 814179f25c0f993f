"""Calls as data: what a layer of the user's does, as PyTorch's own operations, so that it runs without its code."""

from .call import Traced, TracedLayer
from .rebuilt import refuse_if_not_rebuilt
from .trace import traced
from .ways import ways_of

__all__ = ["Traced", "TracedLayer", "refuse_if_not_rebuilt", "traced", "ways_of"]
