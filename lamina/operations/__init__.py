"""Operations: all that the library knows of functions of tensors, in one table. Knows no graph."""

from .facts import Facts
from .names import callable_by_name, function_name
from .registry import OPERATIONS, described

__all__ = ["OPERATIONS", "Facts", "callable_by_name", "described", "function_name"]
