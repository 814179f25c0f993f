"""The same training on many processes: each works on its rows of every batch, and all end with the same numbers."""

from lamina.training.data.part import Part

from .agreement import agree, join_in, share_weights
from .parts import parted
from .team import Team, teamed

__all__ = ["Part", "Team", "agree", "join_in", "parted", "share_weights", "teamed"]
