"""Trying a module on shapes alone, and running it otherwise than it is, without a change that others could see."""

from .boxes import contents_of, is_box, rebuilt, refilled, same_contents
from .probe import BUILT_IN, behind, for_real, probes_around, probing, run_on_shapes, unwatched
from .stand_in import StandIns, is_shape, parts_of, stand_in
from .values import BY_VALUES

__all__ = [
    "BUILT_IN",
    "BY_VALUES",
    "StandIns",
    "behind",
    "contents_of",
    "for_real",
    "is_box",
    "is_shape",
    "parts_of",
    "probes_around",
    "probing",
    "rebuilt",
    "refilled",
    "run_on_shapes",
    "same_contents",
    "stand_in",
    "unwatched",
]
