"""Trying a module on shapes alone, and running it otherwise than it is, without a change that others could see."""

from .probe import BUILT_IN, behind, for_real, probes_around, probing, run_on_shapes, unwatched
from .stand_in import StandIns, is_shape, parts_of, stand_in
from .values import BY_VALUES

__all__ = [
    "BUILT_IN",
    "BY_VALUES",
    "StandIns",
    "behind",
    "for_real",
    "is_shape",
    "parts_of",
    "probes_around",
    "probing",
    "run_on_shapes",
    "stand_in",
    "unwatched",
]
