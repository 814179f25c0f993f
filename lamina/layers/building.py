"""Building: a layer makes its weights once, whoever calls ``build``, and is built from then on."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from lamina.devices import current_device
from lamina.frames import is_raised_by_user
from lamina.graph import ArgumentError, LaminaError, StructureError, tree
from lamina.graph.source import caller
from lamina.probing import for_real, probes_around
from lamina.sizes.cycles import refuse_loop
from lamina.tracebacks import door

from .lazy import make_lazy_weights, refuse_unknown
from .listed_variables import adopt_variables
from .made_anew import tell_if_made_anew
from .nested import adopt_nested_layers
from .shape_rules import shapes_of

_LOCK = threading.RLock()  # threads that call a new layer at the same time build it once
_SLOTS = ("_parameters", "_buffers", "_modules")


def marks_built(build: Callable[..., None]) -> Callable[..., None]:
    """A class's ``build`` that leaves the layer built; a second one for the same shapes does nothing.

    Raises:
        ArgumentError: the layer is built for other shapes.
    """
    takes_none = len(inspect.signature(build).parameters) == 1  # a `build(self)`, which asks for no shape

    @door
    @wraps(build)
    def marked(self: Any, *shapes: Any, **named: Any) -> None:
        if takes_none:
            shapes, named = (), {}
        with _LOCK, for_real(self, current_device) as layer:
            if layer._building:  # super().build(...)
                build(layer, *shapes, **named)
                return
            given = tuple(map(_plain, (*shapes, *named.values())))
            if probes_around():
                layer.__dict__["_built_for_examples"], given = given, _unsized(given)
            if layer._has_built and layer._built_for is not None and (layer._built_for == given or layer.weights):
                _refuse_other(layer, given)
                return  # what has no weights is built anew for another shape
            _build(layer, lambda: build(layer, *shapes, **named))
            layer._built_for = given
            layer.built = True

    return marked


def build_for(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Build a layer for what it is called on.

    Raises:
        ArgumentError, StructureError: that is no tensor, or several where ``build`` takes one.
    """
    if not any(hasattr(leaf, "shape") for leaf in tree.leaves((args, kwargs))):
        raise ArgumentError(
            f"{layer.label} was called on no tensor.",
            got=", ".join(type(leaf).__name__ for leaf in tree.leaves((args, kwargs))) or "nothing",
            expected="symbolic tensors, torch tensors or NumPy arrays",
            hint="layer(Input(shape)), or torch.as_tensor(values)",
        )
    shapes: tuple[Any, ...] = (shapes_of(args[0]) if args else shapes_of(next(iter(kwargs.values()))),)
    named: dict[str, Any] = {}
    if layer._facts.build_shapes:
        if layer._facts.strangers:
            raise _unknown_shapes(layer)
        given = layer._facts.signature.bind_partial(*args, **kwargs).arguments
        shapes, wanted = (), layer._facts.build_arguments.items()
        named = {name: shapes_of(given[n]) if given.get(n) is not None else None for name, n in wanted}
    refuse_unknown(layer, args, kwargs)
    try:
        layer._build_once(*shapes, **named)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, LaminaError) or not isinstance(args[0] if args else None, (list, tuple, dict)):
            raise
        raise StructureError(
            f"{layer.label} cannot take a {type(args[0]).__name__} of {len(args[0])} tensors.",
            got=f"shapes {next(iter((*shapes, *named.values())))}",
            expected="one tensor" + (f" ({type(error).__name__}: {error})" if is_raised_by_user(error) else ""),
            hint="Concatenate()([...]) or another merging layer before it, or the layer called on each",
        ) from error
    make_lazy_weights(layer, args, kwargs)


def _unknown_shapes(layer: Any) -> ArgumentError:
    """The error for a ``build`` of several arguments, of which one is the shape of nothing that is called."""
    facts = layer._facts
    names = [name for name in facts.signature.parameters if name != "training"]
    return ArgumentError(
        f"{layer.label}: build() has an argument that is the shape of no argument of call().",
        got=f"build({', '.join(facts.strangers)}), call({', '.join(names)})",
        expected=f"names such as {names[0]}_shape, each after an argument of call; or one argument alone, which gets "
        "the shape of the first one",
        hint=f"def build(self, {', '.join(f'{name}_shape' for name in names)})",
    )


def build_once(layer: Any, *shapes: Any, **named: Any) -> None:
    """Build a layer for these shapes, unless it is built; of several threads that call it, one does."""
    if layer._builds_nothing and not layer._modules and "build" not in layer.__dict__ and not probes_around():
        layer._built_for = tuple(map(_plain, (*shapes, *named.values())))
        layer.built = True
        return
    with _LOCK, for_real(layer, current_device) as real:
        if not real._has_built:
            real.build(*shapes, **named)
            tell_if_made_anew(real)


def _unsized(shapes: Any) -> Any:
    """The shapes without the example sizes of a trial; weights hang on the last axis, which is kept."""
    if isinstance(shapes, dict):
        return {key: _unsized(value) for key, value in shapes.items()}
    if not isinstance(shapes, tuple):
        return shapes
    if any(isinstance(part, (tuple, dict)) for part in shapes):
        return tuple(map(_unsized, shapes))
    return (*(None for _ in shapes[:-1]), *shapes[-1:])


def _build(layer: Any, build: Callable[[], None]) -> None:
    """Run a build; if it fails, the layer has what it had before."""
    adopt_nested_layers(layer)
    before = {slot: dict(layer.__dict__[slot]) for slot in _SLOTS}
    layer._building = True
    try:
        build()
        if not type(layer).__module__.startswith("lamina."):
            adopt_variables(layer)
    except BaseException:
        for slot, entries in before.items():
            layer.__dict__[slot].clear()
            layer.__dict__[slot].update(entries)
        raise
    finally:
        layer._building = False


def _refuse_other(layer: Any, given: tuple[Any, ...]) -> None:
    of_rank = [len(shapes[0]) if shapes and isinstance(shapes[0], tuple) else 0 for shapes in (layer._built_for, given)]
    if layer.builds_for_any_rank and of_rank[0] != of_rank[1]:
        return
    if not _alike(layer._built_for, given):
        told = [", ".join(map(str, shapes)) for shapes in (given, layer._built_for)]
        raise ArgumentError(
            f"{layer.label} is built already, for another shape.",
            got=f"build({told[0]})",
            expected=f"build({told[1]}), as before",
            where=str(caller()),
            hint=f"a new {type(layer).__name__} for the other shape",
        )


def _plain(shapes: Any) -> Any:
    """A shape as a tuple of sizes; a nesting of them in its structure."""
    try:
        if isinstance(shapes, Mapping):
            return {key: _plain(value) for key, value in shapes.items()}
        return tuple(map(_plain, shapes)) if isinstance(shapes, (list, tuple)) else shapes
    except RecursionError:
        refuse_loop(shapes)
        raise


def _alike(a: Any, b: Any) -> bool:
    """Whether two nestings of shapes can be those of one input: None is any size, and so is a shape's first."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if not isinstance(a, tuple) or not isinstance(b, tuple):
        return a is None or b is None or a == b
    first = 0 if any(isinstance(part, (tuple, dict)) for part in (*a, *b)) else 1
    return len(a) == len(b) and all(map(_alike, a[first:], b[first:]))
