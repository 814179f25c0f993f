"""Writing down what a layer does: its call, traced into PyTorch's own operations, once for each mode."""

from __future__ import annotations

import operator
from itertools import chain, count
from typing import Any

import torch

from lamina import constraints, regularizers
from lamina._torch import tracing
from lamina.graph import LaminaError, SymbolicTensor, tree
from lamina.graph.source import warn
from lamina.layers import Layer
from lamina.layers.mode import flags
from lamina.layers.variable import Variable
from lamina.metrics import Metric
from lamina.saving.classes import is_own
from lamina.saving.errors import SavingError
from lamina.saving.values import encode, name_of_dtype, no_word, numbers_of

from .allow_list import GRADIENTS, is_operator, name_of_operation
from .arguments import copies_of, filled, outputs_and_losses, weights_laid_over, weights_of
from .call import MODES
from .domain import Answer, answers_of
from .verify import refuse_if_different, sizes_taken
from .ways import Sizes, Way, ways_of

_MAX_CONSTANT = 100_000
_HINT = (
    "torch functions of the inputs only; or @lamina.saving.register_keras_serializable() on its class, which is then "
    "needed for loading"
)

# How the tracer calls a part of the graph in which gradients are turned on or off.
_REGION = "wrap_with_set_grad_enabled"


def traced(layer: Layer) -> dict[str, Any]:
    """Weights, constants and traced calls of a layer, as JSON types: what `TracedLayer` is made from.

    Each distinct way in which the layer was called is traced in inference and in training mode, for any size of the
    axes that are unknown, and run beside the layer's own code, with which it must agree.

    Raises:
        SavingError: what it does cannot be written down; says which layer, why, and what to do.
    """
    ways = ways_of(layer)
    if not ways:
        raise _refused(layer, "it was never called, so nobody knows on which shapes")
    weights = weights_of(layer)
    for path, weight in weights.items():
        if weight.layout is not torch.strided or weight.is_quantized:
            raise _refused(layer, f"its weight {path!r} is {weight.layout}, {weight.dtype}", "dense weights")
    data: dict[str, Any] = {"weights": [_weight(layer, path, w) for path, w in weights.items()]}
    constants: list[torch.Tensor] = []
    data["calls"] = []
    traced_ways: list[Way] = []
    answers: list[list[Answer]] = []
    for way in ways:
        args, kwargs = way.arguments
        plain = {key: value for key, value in kwargs.items() if key != "training"}
        try:
            arguments = {"args": encode(list(args), _leaf), "kwargs": encode(plain, _leaf)}
        except SavingError as error:
            raise _refused(layer, f"it was called with {error.got}") from error
        if any(arguments == {k: call[k] for k in arguments} for call in data["calls"]):
            continue
        programs = _programs(layer, weights, way)
        for mode, word in MODES.items():
            arguments[word] = programs[mode]
            constants.extend(_constants_of(layer, programs[mode]))
        data["calls"].append(arguments)
        traced_ways.append(way)
        answers.append([answer for program in programs.values() for answer in answers_of(way, program)])
    _write_programs(layer, data["calls"], len(weights), constants)
    data["constants"] = [_constant(layer, value) for value in constants]
    refuse_if_different(layer, data, traced_ways, answers, weights)
    return data


def _refused(layer: Layer, why: str, hint: str = _HINT) -> SavingError:
    return SavingError(f"{layer.label} cannot be saved: what it does cannot be traced.", got=why, hint=hint)


# -- arguments and weights


def _leaf(leaf: Any) -> Any:
    if isinstance(leaf, (SymbolicTensor, torch.Tensor)):
        return {"$tensor": {"shape": list(leaf.shape), "dtype": name_of_dtype(leaf.dtype)}}
    return no_word(leaf)


def _weight(layer: Layer, path: str, weight: torch.Tensor) -> dict[str, Any]:
    owner, _, key = path.rpartition(".")
    is_parameter = key in layer.get_submodule(owner)._parameters
    entry: dict[str, Any] = {
        "path": path,
        "kind": "parameter" if is_parameter else "buffer",
        "shape": list(weight.shape),
        "dtype": name_of_dtype(weight.dtype),
        "trainable": weight.requires_grad,
    }
    if isinstance(weight, Variable):
        entry["name"] = weight.weight_name
        for what, package in (("regularizer", regularizers), ("constraint", constraints)):
            found = getattr(weight, what)
            if found is not None:
                entry[what] = encode(_serialized(layer, package, found, f"{what} of its weight {path!r}"))
    return entry


def _serialized(layer: Layer, package: Any, obj: Any, what: str) -> Any:
    """What a file says of an object that a weight needs for training; its name only, where it can tell no more."""
    try:
        found = package.serialize(obj)
        return {**found, "absent": True} if isinstance(found, dict) and not is_own(found) else found
    except LaminaError as error:
        name = getattr(obj, "__name__", type(obj).__name__)
        warn(
            f"{layer.label} is saved without the {what}, {name!r} ({error.got}): what is loaded answers as it does "
            "here, and training goes on without it."
        )
        return {"class_name": "function", "config": name, "module": "unknown", "absent": "untold"}


def _constant(layer: Layer, value: torch.Tensor) -> dict[str, Any]:
    if value.numel() > _MAX_CONSTANT:
        got = f"it makes a tensor of {value.numel()} constant values"
        raise _refused(layer, got, "self.register_buffer in __init__ or build, so that it is stored with the weights")
    return {"shape": list(value.shape), "dtype": name_of_dtype(value.dtype), "values": numbers_of(value)}


# -- the call


class _CallOf(torch.nn.Module):
    """A layer's call as a function of its weights and inputs, which is what is exported."""

    def __init__(self, layer: Layer, paths: list[str], arguments: Any) -> None:
        super().__init__()
        # Not as a child: its weights are inputs.
        self.__dict__["call"] = (layer, paths, arguments)

    def forward(self, weights: list[torch.Tensor], inputs: list[torch.Tensor]) -> Any:
        layer, paths, arguments = self.__dict__["call"]
        with weights_laid_over(layer, dict(zip(paths, weights, strict=True))):
            return outputs_and_losses(layer, filled(arguments, iter(inputs)))


def _programs(layer: Layer, weights: dict[str, torch.Tensor], way: Way) -> dict[bool, Any]:
    """The call in both modes as graphs of ATen operations: traced on the usual sizes, or, where these do not go, on
    some with which the layer runs.

    Raises:
        SavingError: with the first line of PyTorch's reason.
    """
    try:
        return {mode: _export(layer, weights, way, way.usual, mode) for mode in MODES}
    except SavingError:
        others = sizes_taken(layer, weights, way)
        if others is None or others == way.usual:
            raise
    return {mode: _export(layer, weights, way, others, mode) for mode in MODES}


def _export(layer: Layer, weights: dict[str, torch.Tensor], way: Way, sizes: Sizes, training: bool) -> Any:
    copies = list(copies_of(weights).values())
    inputs = way.blanks(sizes)
    # AUTO lets the tracer find that sizes depend on one another; `domain` asks later what became of them.
    axes: list[dict[int, Any]] = [{} for _ in inputs]
    for number, axis in way.axes:
        axes[number][axis] = torch.export.Dim.AUTO
    call = _CallOf(layer, list(weights), way.arguments)
    try:
        with flags(layer, training), torch.random.fork_rng(devices=[]):
            return torch.export.export(
                call, (copies, inputs), dynamic_shapes=([None] * len(copies), axes), strict=False
            )
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
        metrics = [v.name for part in layer.modules() for v in vars(part).values() if isinstance(v, Metric)]
        if metrics and "NotImplemented" in lines[0]:  # what PyTorch says of a tensor that it cannot trace
            raise _refused(
                layer, f"its call keeps metrics ({', '.join(metrics)}), of which a trace has no place"
            ) from error
        raise _refused(layer, f"in {MODES[training]} mode, {type(error).__name__}: {lines[0]}"[:300]) from error


# -- the exported graph as JSON


def _constants_of(layer: Layer, program: Any) -> list[torch.Tensor]:
    found = list(program.constants.values()) + list(program.state_dict.values())
    if not all(isinstance(value, torch.Tensor) for value in found):
        raise _refused(layer, f"it holds {', '.join(type(v).__name__ for v in found)}")
    return found


def _write_programs(layer: Layer, calls: list[dict[str, Any]], weights: int, constants: list[torch.Tensor]) -> None:
    numbers = {id(value): weights + i for i, value in enumerate(constants)}
    for call in calls:
        for word in MODES.values():
            call[word] = _Writer(layer, call[word], weights, numbers, weights + len(constants)).write()


class _Writer:
    def __init__(self, layer: Layer, program: Any, weights: int, constants: dict[int, int], given: int) -> None:
        self.layer, self.program = layer, program
        self.nodes: list[Any] = []
        self.places: dict[Any, Any] = {}
        self.regions: dict[Any, list[Any]] = {}
        held = {**program.constants, **program.state_dict}
        targets = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs}
        # Weights come first, then, behind the constants, the inputs; constants have their own places.
        order = chain(range(weights), count(given))
        self.count = given - weights
        for node in (n for n in program.graph.nodes if n.op == "placeholder"):
            if targets.get(node.name) in held:
                self.places[node] = constants[id(held[targets[node.name]])]
            else:
                self.places[node] = next(order)
                self.count += 1

    def write(self) -> dict[str, Any]:
        flat = self._walk(self.program.graph_module)
        outputs, losses = self.program.call_spec.out_spec.unflatten(flat)
        return {"nodes": self.nodes, "outputs": self._encoded(outputs), "losses": self._encoded(losses)}

    def _walk(self, module: Any) -> list[Any]:
        """Write the operations of a graph, those of regions without gradients within it in their place; its results."""
        for node in module.graph.nodes:
            if node.op == "output":
                return list(node.args[0])
            if node.op == "call_function" and str(node.target) == _REGION:
                self._region(module, node)
            elif node.op == "call_function" and node.target is operator.getitem and node.args[0] in self.regions:
                self.places[node] = self.regions[node.args[0]][node.args[1]]
            elif node.op == "call_function":
                if node.users or not _is_about_sizes(node):  # else what the tracer only wanted to know
                    self._write(node, self._name(node), list(node.args), dict(node.kwargs))
            elif node.op not in ("placeholder", "get_attr"):
                raise _refused(self.layer, f"it holds {node.op} {node.target}")
        return []

    def _region(self, module: Any, node: Any) -> None:
        enabled, inner, *args = node.args
        part = getattr(module, inner.target)
        inputs = (n for n in part.graph.nodes if n.op == "placeholder")
        self.places |= {inside: self.places[outside] for inside, outside in zip(inputs, args, strict=True)}
        self._write(None, GRADIENTS, [enabled], {})
        self.regions[node] = [self.places.get(result) for result in self._walk(part)]
        self._write(None, GRADIENTS, [not enabled], {})

    def _write(self, node: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.nodes.append([name, self._encoded(args), self._encoded(kwargs)])
        self.places[node] = self.count
        self.count += 1

    def _name(self, node: Any) -> str:
        name = name_of_operation(node.target)
        if name is None:
            raise _refused(self.layer, f"it does {node.target}, which is not among the operations that a file may hold")
        return name

    def _encoded(self, value: Any) -> Any:
        return encode(tree.map_leaves(lambda leaf: leaf, value), self._leaf)  # lists of PyTorch's as plain ones

    def _leaf(self, leaf: Any) -> Any:
        if isinstance(leaf, torch.fx.Node):
            return {"$value": self.places[leaf]}
        return None if leaf is torch.strided else no_word(leaf)


def _is_about_sizes(node: Any) -> bool:
    """Whether a node has no effect but its result."""
    names = ("sym_size", "sym_constrain_range_for_size", "promote_types", *tracing.CHECKS)
    base = str(node.target).split(".")[1] if is_operator(node.target) else ""
    return base in names or getattr(node.target, "__module__", "") in ("_operator", "math", "torch")
