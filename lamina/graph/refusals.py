"""What a person reads where a call cannot be drawn."""

from __future__ import annotations

import operator

from lamina.frames import is_raised_by_user
from lamina.sizes import tree
from lamina.users_line import place_of

from .errors import DtypeError, LaminaError, ShapeError, ValueNeededError
from .infer import joint_of, search_for
from .node import Node


def explained(node: Node, error: Exception) -> Exception:
    """The error of an operation that could not be tried on shapes alone, with the call and the user's line.

    What the user's own code has raised stays what it is; sizes of examples go from its text.
    """
    high = joint_of(node.inputs, 0)
    if isinstance(error, LaminaError):
        search_for(node).reworded(error, high)
        error.args = (error.headline,)
        return error
    got = "\n".join(f"{s}, {s.node.source}" for s in node.inputs)
    text = str(error).strip()
    of_user = is_raised_by_user(error)
    of_meta = "meta tensor" in text or "meta device" in text
    lacks_kernel = isinstance(error, NotImplementedError) and "not implemented for" in text  # for a dtype
    needs_values = of_meta or (isinstance(error, NotImplementedError) and not of_user and not lacks_kernel)
    if needs_values:
        return ValueNeededError(
            f"{node.label} needs the values of its input, which exist only when the model runs.",
            got=got,
            where=place_of(error),
            hint="ops.where(condition, a, b) or ops.cond(condition, f, g) for a Python `if`; for what else needs "
            "values, as NumPy: layers.Lambda(function, output_shape=...) or a Layer with compute_output_shape",
        )
    if of_user:
        text = search_for(node).reworded(error, high)
        if error.args and isinstance(error.args[0], str):
            error.args = (text, *error.args[1:])
        return error
    indexes = node.op is operator.getitem
    if isinstance(error, TypeError) and any(arg is None for arg in tree.leaves(node.args[1:])) and not indexes:
        return ShapeError(
            f"{node.label} was given None for a size: x.shape has None where only run time tells.",
            got=got,
            expected="whole numbers, or sizes as x.size() gives them",
            hint="b, t, c = x.size() instead of b, t, c = x.shape: arithmetic on such sizes is recorded",
        )
    text = search_for(node).reworded(error, high)
    if error.args and isinstance(error.args[0], str):  # which is shown as the cause
        error.args = (text, *error.args[1:])
    return (DtypeError if lacks_kernel else ShapeError)(
        f"{node.label} cannot take this input.",
        got=got,
        expected=text.splitlines()[0] if text else type(error).__name__,
        where=place_of(error),
    )
