"""What stands for a constraint of the user's that was not at hand when a file was read."""

from __future__ import annotations

from lamina.registry import Absent

from .base import Constraint


class AbsentConstraint(Absent, Constraint):
    """Leaves a weight as it is.

    >>> AbsentConstraint({"class_name": "function", "config": "mine"})
    <AbsentConstraint for mine>
    """
