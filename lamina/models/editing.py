"""A drawn graph with another module in a layer's place, or with layers that have moved to another dtype.

A graph never changes: each of these gives a new one, which shares with the old one what is the same in both. What
follows a place is drawn again only where a shape, a dtype or a mask has become another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from lamina.graph import (
    ArgumentError,
    Constant,
    Graph,
    GraphError,
    LaminaError,
    Node,
    Symbolic,
    SymbolicTensor,
    TensorSpec,
    record,
    tree,
)
from lamina.graph.source import Source, begins_drawing, caller
from lamina.graph.walk import key_of
from lamina.layers.base import Layer
from lamina.layers.core import AddedLoss
from lamina.layers.core.input_layer import InputLayer
from lamina.layers.core.torch_module import TorchModule
from lamina.layers.moving import dtype_after, tell_places
from lamina.ops.body import Body, placeholder
from lamina.probing import is_box, rebuilt, refilled
from lamina.saving.errors import SavingError

Convert = Callable[[torch.dtype], torch.dtype]


# -- a model, its graph changed


@begins_drawing
def exchange(model: Any, name: str, module: torch.nn.Module | None) -> None:
    """Put ``module`` in the place of the model's layer ``name``, as `with_module` does, or change nothing.

    Raises:
        ArgumentError: there is no module; or the model is a layer of another one, drawn for what it returns now.
    """
    if module is None:
        raise cannot_remove(model, name)
    before = model._drawn.graph
    graph = with_module(before, name, module, model.label)
    _refuse_other_results(model, graph)
    other_dtypes = [t.dtype for t in graph.outputs] != [t.dtype for t in before.outputs]
    model._set_graph(graph).write()
    if other_dtypes:
        tell_places(model)
    if model._step is not None:
        model._step.forget_model()
        model._step.forget_lost_weights(list(model.parameters()))


def modules_beside(model: Any, graph: Graph) -> dict[str, Any]:
    """The modules of a model that its new graph does not name: set as attributes, and other names for layers of it.

    Raises:
        ArgumentError: one is called like a layer of the graph.
    """
    old = None if model._drawn is None else model._drawn.graph
    places = {} if old is None else {id(part): key for key, part in old.modules.items()}
    drawn = {id(part) for part in graph.modules.values()}
    beside: dict[str, Any] = {}
    for key, part in model._modules.items():
        if old is not None and key in old.modules:
            continue
        if id(part) in places:
            part = graph.modules.get(places[id(part)], part)
        elif id(part) in drawn:  # a chain that had no graph yet
            continue
        if key in graph.modules:
            raise ArgumentError(f"{model.label} has an attribute {key!r}, and a layer of that name in its graph.")
        beside[key] = part
    return beside


def refuse_what_would_be_lost(model: Any) -> None:
    """Before a model is written: what was set beside a graph, or stands in a weight's place, would not come back.

    Raises:
        SavingError: there is something with weights, in the model or in one within it, and no class that makes it.
    """
    for part in model.modules():
        if isinstance(part, Layer):
            _refuse_other_weights(part)
        graph = part.__dict__.get("_drawn") and part._drawn.graph
        if not graph or not part.made_by_graph:
            continue
        drawn = {id(module) for module in graph.modules.values()}
        for name, module in part._modules.items():
            if module is not None and id(module) not in drawn and module.state_dict():
                raise SavingError(
                    f"{part.label} has a module {name!r} that is no part of its graph: it would not be there again.",
                    got=f"{type(module).__name__} with {', '.join(module.state_dict())}",
                    hint="model.save_weights(path), a subclass of Model that makes it in __init__, or a call of it "
                    "in the graph",
                )


def _refuse_other_weights(layer: Layer) -> None:
    """A weight that is computed from others, and one that was registered by hand on a layer of Lamina's."""
    own = {**layer._parameters, **layer._buffers}
    computed = [name for name in layer.weight_facts if name not in own]
    if computed:
        raise SavingError(
            f"The weight {computed[0]!r} of {layer.label} is computed from others: pruned or parametrized.",
            got=", ".join(layer.state_dict()),
            hint=f"torch.nn.utils.parametrize.remove_parametrizations(layer, {computed[0]!r}), or prune.remove, before "
            "saving; save_weights for the weights as they are",
        )
    drawn = layer.__dict__.get("_drawn") is not None and bool(getattr(layer, "made_by_graph", False))
    parameters = [name for name, weight in layer._parameters.items() if weight is not None]
    strange = [name for name in parameters if name not in layer.weight_facts]
    made = drawn or type(layer).__module__.startswith("lamina.layers.")
    if made and strange:
        raise SavingError(
            f"{layer.label} has a parameter {strange[0]!r} that its class does not make: it would not be there again.",
            hint="a subclass that makes it, or save_weights",
        )


def cannot_remove(model: Any, name: str) -> ArgumentError:
    """Why a layer of a graph cannot simply go."""
    return ArgumentError(
        f"{model.label} is drawn with {name!r}: without it, what follows has no input.",
        where=str(caller()),
        hint=f"model.{name} = layers.Identity() passes its input on; "
        f"Model(model.input, model.get_layer({name!r}).input) ends before it",
    )


@begins_drawing
def renew(model: Any) -> None:
    """Bring a model's graph to what its modules are now: others may stand in their places, or have other dtypes.

    Raises:
        LaminaError: it cannot be; the modules that were there are back in their places.
    """
    graph = model._drawn.graph
    now = {name: model._modules.get(name) for name in graph.modules}
    exchanged = [name for name, module in graph.modules.items() if now[name] is not module]
    model._modules.update((name, graph.modules[name]) for name in exchanged)
    model._seen = tuple(model._modules.values())
    for name in exchanged:
        model._put(name, now[name])
    for inner in model._seen:
        if inner.__dict__.get("_drawn") is not None:
            _ = inner.graph
    if model._drawn.is_outdated:
        move(model)


def move(model: Any, convert: Convert | None = None) -> None:
    """Draw a model's graph again for what its layers are now; see `in_dtypes_of_layers`."""
    try:
        graph = in_dtypes_of_layers(model._drawn.graph, convert)
    except LaminaError as error:
        error.add_note(f"while {model.label} was drawn again, since layers of it have another dtype or other parts now")
        raise
    model._set_graph(graph).write()


def follow(model: Any, fn: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Draw a model's graph again where ``_apply(fn)``, which ``double()`` calls, has moved it to another dtype."""
    declared = {t.dtype for t in model._drawn.graph.inputs if t.dtype.is_floating_point}
    if model._drawn.is_outdated or any(dtype_after(fn, dtype) != dtype for dtype in declared):
        move(model, lambda dtype: dtype_after(fn, dtype) if dtype.is_floating_point else dtype)


def with_loss(graph: Graph, term: SymbolicTensor, name: str | None) -> Graph:
    """The graph with a term of the loss: a layer behind the first output, which it passes on."""
    passed = AddedLoss(name=name)(graph.outputs[0], term)
    outputs = tree.pack_like(graph.output_structure, iter([passed, *graph.outputs[1:]]))
    return Graph(graph.input_structure, outputs)


# -- another module in a place


def with_module(graph: Graph, name: str, module: torch.nn.Module, owner: str) -> Graph:
    """The graph with ``module`` in every call of the layer ``name``; it is called like that from then on.

    Args:
        module: a layer; any other module becomes a `TorchModule`.
        owner: the model, for people.

    Raises:
        ArgumentError: it cannot stand there: a constant's place, an `Input`, a layer that has a place here already or
            goes by another name elsewhere.
        LaminaError: it cannot take what the layer takes, or a layer behind it cannot take what it gives; names both.
    """
    old = graph.modules[name]
    layer = _as_layer(graph, name, module, owner)
    before = [(part, _settings(part)) for part in layer.modules()]
    if layer is not module:
        layer.supports_masking = True  # while it is drawn: see `_Exchange`
    layer._name, layer.auto_named, layer._settled = name, getattr(old, "auto_named", False), True
    new_parts = _parts_of(layer) - _parts_of(old)
    try:
        result = graph.rebuild(_Exchange(old, layer, adapter=layer is not module).apply)
        if list(result.modules) != list(graph.modules) or result.modules[name] is not layer:
            raise GraphError(
                f"{owner} would have other names with another layer at {name!r}.",
                got=", ".join(result.modules),
                expected=", ".join(graph.modules),
                hint="a new Model of the layers",
            )
    except Exception as error:
        for part, settings in before:  # it may have been built
            part.__dict__.clear()
            part.__dict__.update({name: refilled(value, was) for name, (value, was) in settings.items()})
        error.add_note(
            f"while {type(module).__name__} was to take the place of {type(old).__name__} {name!r} in {owner}, "
            f"{caller()}; nothing is changed"
        )
        raise
    if layer is not module:
        layer.supports_masking = bool(old.supports_masking) and not old._makes_masks
    for part in new_parts:
        part.training = old.training
    return result


def _as_layer(graph: Graph, name: str, module: torch.nn.Module, owner: str) -> Layer:
    """The module as a layer for this place."""
    old = graph.modules[name]
    if not isinstance(old, Layer):
        raise ArgumentError(
            f"{owner} has a {'constant' if isinstance(old, Constant) else 'function'} at {name!r}, and no layer.",
            got=type(module).__name__,
            where=str(caller()),
            hint=f"model.{name}.value = torch.nn.Parameter(...)" if isinstance(old, Constant) else "a new Model",
        )
    if isinstance(module, InputLayer):
        raise ArgumentError(f"An Input cannot stand at {name!r} in {owner}.", where=str(caller()))
    if not isinstance(module, Layer):
        return TorchModule(module, name=name)
    other = next((key for key, part in graph.modules.items() if part is module), None)
    if other is not None:
        raise ArgumentError(
            f"{owner} has this layer at {other!r} already, so it cannot stand at {name!r} too.",
            got=module.label,
            where=str(caller()),
            hint=f"Model(model.input, ...) drawn anew, with {other!r} called in both places; or copy.deepcopy(layer)",
        )
    called_like_that = module.name == name or (module.auto_named and not module._settled)
    if not called_like_that and module._calls():
        raise ArgumentError(
            f"A layer goes by its name wherever it is called: {module.label} cannot become {name!r} in {owner}.",
            got=f"it is called in another graph, {module._calls()[0].source}",
            where=str(caller()),
            hint="copy.deepcopy(layer)",
        )
    return module


def _settings(module: torch.nn.Module) -> dict[str, tuple[Any, Any]]:
    """A module's attributes, each with a copy of what is in it, if that is a container."""

    def copied(value: Any) -> Any:
        return rebuilt(value, copied) if is_box(value) else value

    return {name: (value, copied(value)) for name, value in module.__dict__.items()}


def _parts_of(module: torch.nn.Module) -> set[torch.nn.Module]:
    return set(module.modules())


class _Exchange:
    """Draws the nodes again that another layer changes something for.

    Args:
        adapter: the new layer wraps a module that knows no masks: those of the old layer's results stay.
    """

    def __init__(self, old: Any, new: Layer, adapter: bool) -> None:
        self.old, self.new, self.adapter = old, new, adapter
        self._changed: dict[tuple[int, int], Any] = {}

    def apply(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if node.op is not self.old:
            return drawn_for(node, args, kwargs)
        if not isinstance(self.new, TorchModule):
            kwargs = without_found_masks(node, kwargs)
        args, kwargs = tree.map_leaves(lambda leaf: _uncast(leaf, self.old), (args, kwargs))
        result = drawn_again(node, self.new, args, kwargs, caller())
        self._keep_masks(node, result)
        return result

    def _keep_masks(self, node: Node, result: Any) -> None:
        """An adapter passes on the masks that the layer which it adapts made or passed on."""
        new = [leaf for leaf in tree.leaves(result) if isinstance(leaf, Symbolic)]
        if self.adapter and len(new) == len(node.specs):
            for leaf, mask, spec in zip(new, node.masks, node.specs, strict=True):
                leaf.node.masks[leaf.index] = mask if leaf.node.specs[leaf.index] == spec else None


def drawn_for(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The call of a node on other arguments: the node itself, a copy of it, or drawn anew where they differ."""
    before, after = (_symbolics((node.args, node.kwargs)), _symbolics((args, kwargs)))
    if all(key_of(a) == key_of(b) for a, b in zip(before, after, strict=True)):
        return node.output
    if not any(mask is not None for mask in node.masks) and all(map(_alike, before, after)):
        again = Node(node.op, args, kwargs, node.source)
        again.give(list(node.specs), node.template, node.worlds)
        again.fixed = node.fixed
        _tell(node.op, again)
        return again.output
    kwargs = without_found_masks(node, kwargs)
    if isinstance(node.op, Layer):
        args, kwargs = tree.map_leaves(lambda leaf: _uncast(leaf, node.op), (args, kwargs))
    return drawn_again(node, node.op, args, kwargs, node.source)


def drawn_again(node: Node, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any], source: Source) -> Any:
    """The call of a node drawn anew, perhaps of another layer, under this line of the user's."""
    result = op(*args, **kwargs) if isinstance(op, torch.nn.Module) else record(op, args, kwargs)
    for leaf in tree.leaves(result):
        if isinstance(leaf, Symbolic):
            leaf.node.source = source
    return result


def without_found_masks(node: Node, kwargs: dict[str, Any]) -> dict[str, Any]:
    """A mask that the old call found on its input is looked for anew, on the new one."""
    return {key: value for key, value in kwargs.items() if not _is_found_mask(node, key)}


def _is_found_mask(node: Node, key: str) -> bool:
    if not isinstance(node.op, Layer) or key not in {name for name, _ in node.op._facts.masks}:
        return False
    found = {key_of(m) for s in node.inputs if (m := getattr(s, "mask", None)) is not None}
    return all(not isinstance(leaf, Symbolic) or key_of(leaf) in found for leaf in tree.leaves(node.kwargs[key]))


def _symbolics(nested: Any) -> list[Symbolic]:
    return [leaf for leaf in tree.leaves(nested) if isinstance(leaf, Symbolic)]


def _alike(one: Symbolic, other: Symbolic) -> bool:
    """Whether a layer sees no difference: same shapes, known in the same worlds, same dtype, no mask."""
    masked = getattr(one, "mask", None) is not None or getattr(other, "mask", None) is not None
    same = one.node.specs[one.index] == other.node.specs[other.index] and one.node.worlds == other.node.worlds
    return same and not masked


def _tell(op: Any, node: Node) -> None:
    if isinstance(op, Layer):
        op._note_node(node)


# -- layers in another dtype


def in_dtypes_of_layers(graph: Graph, convert: Convert | None = None) -> Graph:
    """The graph for layers that have moved to other dtypes since it was drawn: with other casts between them.

    Args:
        convert: what each dtype has become, where the whole model has moved: its inputs are declared in the new one.

    Raises:
        LaminaError: something that the user wrote into the graph does not go with the new dtypes.
    """
    inputs = graph.input_structure
    if convert is not None and any(convert(t.dtype) != t.dtype for t in graph.inputs):
        inputs = tree.map_leaves(lambda t: _redeclared(t, convert), inputs)
    return graph.rebuild(_Moved(convert).apply, inputs)


def _redeclared(tensor: SymbolicTensor, convert: Convert) -> SymbolicTensor:
    """An input like this one in another dtype; the tensor itself where that is the same."""
    dtype = convert(tensor.dtype)
    if dtype == tensor.dtype:
        return tensor
    layer: Any = tensor.node.op
    if not isinstance(layer, InputLayer):
        return placeholder(tensor.name, _moved(tensor, convert), tensor.node.source)
    new = InputLayer.from_config(layer.get_config() | {"dtype": dtype})
    new.auto_named, new._settled = layer.auto_named, layer._settled
    result: SymbolicTensor = new.take()
    result.node.source = tensor.node.source
    return result


class _Moved:
    """Draws every node again. The casts that a layer wanted of its input are left out: it says anew what it wants."""

    def __init__(self, convert: Convert | None) -> None:
        self.convert = convert
        self._bodies: dict[int, Body] = {}

    def apply(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(node.op, Layer):
            args, kwargs = tree.map_leaves(lambda leaf: _uncast(leaf, node.op), (args, kwargs))
        args, kwargs = tree.map_leaves(self._body, (args, kwargs))
        return drawn_again(node, node.op, args, kwargs, node.source)

    def _body(self, leaf: Any) -> Any:
        if not isinstance(leaf, Body):
            return leaf
        if id(leaf) not in self._bodies:
            convert = self.convert or (lambda dtype: dtype)
            inputs = tuple(placeholder(t.name, _moved(t, convert), t.node.source) for t in leaf.graph.inputs)
            self._bodies[id(leaf)] = Body(leaf.role, leaf.graph.rebuild(self.apply, inputs), leaf.own)
        return self._bodies[id(leaf)]


def _moved(tensor: SymbolicTensor, convert: Convert) -> TensorSpec:
    """What is known of a tensor that has moved to another dtype."""
    spec: Any = tensor.node.specs[tensor.index]
    result: TensorSpec = replace(spec, dtype=convert(tensor.dtype))
    return result


def _uncast(leaf: Any, layer: Any) -> Any:
    """What stood before a cast to the dtype of a layer that casts its inputs itself."""
    while isinstance(leaf, SymbolicTensor) and leaf.node.op is torch.Tensor.to:
        node = leaf.node
        source = node.args[0]
        if len(node.args) != 2 or node.kwargs or not isinstance(node.args[1], torch.dtype):
            break
        if not isinstance(source, SymbolicTensor) or not leaf.dtype.is_floating_point or source.dtype.is_complex:
            break
        if not (layer.autocast if source.dtype.is_floating_point else layer.casts_integers):
            break
        leaf = source
    return leaf


# -- who else must know


def _refuse_other_results(model: Any, graph: Graph) -> None:
    """A model that is a layer of others keeps the shapes that these were drawn for.

    Raises:
        ArgumentError: it would give another shape; names a call that was drawn for the old one.
    """
    old, new = model._drawn.graph.outputs, graph.outputs
    for node in model._calls():
        for before, after in zip(old, new, strict=True):
            if before.shape != after.shape:
                raise ArgumentError(
                    f"{model.label} is a layer of another model, which was drawn for what it returns.",
                    got=f"{after.shape} instead of {before.shape}",
                    expected=f"{before.shape}, as for the call in {node.source}",
                    where=str(caller()),
                    hint="a new Model around the changed one",
                )
