"""Functions that a file may name, as `lamina.function_names` lists them; another name is an error of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.function_names import functions, name_of_function

from .errors import LoadingError

__all__ = ["function_of_name", "name_of_function"]


def function_of_name(name: str) -> Callable[..., Any]:
    """Reverse of `name_of_function`.

    Raises:
        LoadingError: no function has exactly this name.
    """
    found = functions().get(name)
    if found is None:
        raise LoadingError(
            f"No function is called {name!r}.",
            expected='the exact public name of a function of PyTorch or operator, such as "torch.tanh"',
            hint="a newer Lamina or PyTorch, if the file was written with one",
        )
    return found
