"""What is told of every step of an optimizer of Lamina's, as ``register_optimizer_step_post_hook`` is of PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

AFTER_STEP: list[Callable[[Sequence[Any]], None]] = []
"""Functions of the parameters that a step has changed. Empty, as a rule: a step pays 20 ns for looking."""
