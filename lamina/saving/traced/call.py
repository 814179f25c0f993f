"""TracedLayer: a layer whose call is a list of PyTorch's operations, read from a file."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina import constraints, regularizers
from lamina.devices import current_device, take_memory
from lamina.graph import ArgumentError, tree
from lamina.layers.base import Layer
from lamina.layers.variable import Variable
from lamina.layers.weight_facts import WeightFacts
from lamina.probing import probing, unwatched
from lamina.saving.errors import LoadingError
from lamina.saving.fields import field, items, position, refuse_unknown
from lamina.saving.limits import count_trials
from lamina.saving.values import decode, dtype_of_name, tensor_of
from lamina.saving.weights import slot_of

from .steps import Ref, Step, run_on_shapes, step_of

_MAX_NODES = 100_000
_WEIGHT_KEYS = ("path", "kind", "shape", "dtype", "trainable", "name", "regularizer", "constraint")
_PLACE = object()
MODES = {False: "inference", True: "training"}


class Program:
    """One call in one mode, as it stands in a file: operations in order, each on values that came before.

    The values are numbered: weights, constants, inputs, then the result of each operation.

    Raises:
        LoadingError: an operation that is not allowed, or a number that comes to nothing.
    """

    def __init__(self, data: dict[str, Any], given: int) -> None:
        where = "A traced call"
        refuse_unknown(data, ("nodes", "outputs", "losses"), where)
        nodes = items(field(data, "nodes", list, where), list, where)
        if len(nodes) > _MAX_NODES:
            raise LoadingError(f"{where} has too many operations.", got=str(len(nodes)))
        self._steps: list[Step] = []
        self._count = given
        for node in nodes:
            if len(node) != 3:
                raise LoadingError(f"{where} is malformed.", got=f"{node!r:.80}")
            name, args, kwargs = node
            self._steps.append(step_of(name, self._read(args), self._read(kwargs)))
            self._count += 1
        self._outputs = self._read(data.get("outputs"))
        self._losses = self._read(field(data, "losses", list, where))
        self._forget(given)

    def _read(self, data: Any) -> Any:
        def value(number: Any) -> Ref:
            return Ref(position(number, self._count, "A traced call"))

        return decode(data, {"$value": value})

    def _forget(self, given: int) -> None:
        """Note after which step each result is used no more, so that it is freed there; at once, where nothing does."""
        last = {given + step: step for step in range(len(self._steps))}
        for number, step in enumerate(self._steps):
            leaves = tree.leaves((step.args, step.kwargs))
            last |= {leaf.number: number for leaf in leaves if isinstance(leaf, Ref)}
        kept = {leaf.number for leaf in tree.leaves((self._outputs, self._losses)) if isinstance(leaf, Ref)}
        for number, place in last.items():
            if number >= given and number not in kept:
                self._steps[place].used.append(number)

    def run(self, values: list[Any]) -> tuple[Any, list[torch.Tensor]]:
        """(outputs, losses) for weights, constants and inputs; on shapes alone where the inputs are such."""
        values = list(values)
        # It was traced on the CPU, which is wherever the data are now.
        device = next((v.device for v in reversed(values) if isinstance(v, torch.Tensor)), None)
        on_shapes = probing() or (device is not None and device.type == "meta")
        if on_shapes:
            count_trials(len(self._steps))
            device = torch.device("meta")
            values = [_shape_of(v) for v in values]

        def value(leaf: Any) -> Any:
            if isinstance(leaf, Ref):
                return values[leaf.number]
            return device if isinstance(leaf, torch.device) else leaf

        gradients = torch.is_grad_enabled()
        try:
            for step in self._steps:
                if step.run is torch.set_grad_enabled:
                    values.append(step.run(bool(step.args[0]) and gradients))
                    continue
                args, kwargs = tree.map_leaves(value, step.args), tree.map_leaves(value, step.kwargs)
                if on_shapes:
                    values.append(run_on_shapes(step, args, kwargs, unwatched))
                else:
                    values.append(step.run(*args, **kwargs))
                for number in step.used:
                    values[number] = None
        finally:
            torch.set_grad_enabled(gradients)
        return tree.map_leaves(value, self._outputs), tree.map_leaves(value, self._losses)


def _shape_of(value: Any) -> Any:
    """A tensor of the same shape without storage."""
    real = isinstance(value, torch.Tensor) and not value.is_meta
    return torch.empty_like(value, device="meta") if real else value


class Call:
    """One way of being called: a structure of arguments, shapes with unknown axes, and a program for each mode."""

    def __init__(self, data: Any, given: int) -> None:
        where = "A traced call"
        if type(data) is not dict:
            raise LoadingError(f"{where} is malformed.", got=f"{data!r:.80}")
        refuse_unknown(data, ("args", "kwargs", "inference", "training"), where)
        self._specs: list[tuple[list[int | None], torch.dtype]] = []
        self.arguments = decode([data.get("args"), data.get("kwargs")], {"$tensor": self._spec})
        if type(self.arguments[0]) is not list or type(self.arguments[1]) is not dict:
            raise LoadingError(f"{where} is malformed.", got=f"{data.get('args')!r:.80}")
        count = given + len(self._specs)
        self.programs = {mode: Program(field(data, word, dict, where), count) for mode, word in MODES.items()}

    def _spec(self, facts: Any) -> Any:
        where = "A traced call"
        refuse_unknown(facts, ("shape", "dtype"), where)
        shape = field(facts, "shape", list, where)
        items([size for size in shape if size is not None], int, where)
        self._specs.append((shape, dtype_of_name(field(facts, "dtype", str, where))))
        return _PLACE

    def tensors(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor] | None:
        """The tensors among the arguments, in order; None where these are not the arguments that were traced."""
        given = [list(args), kwargs]
        if tree.describe(given) != tree.describe(self.arguments):
            return None
        pairs = list(zip(tree.leaves(self.arguments), tree.leaves(given), strict=True))
        tensors = [value for due, value in pairs if due is _PLACE]
        if any(due is not _PLACE and (type(due) is not type(value) or due != value) for due, value in pairs):
            return None
        fits = all(isinstance(t, torch.Tensor) and _fits(t, *s) for t, s in zip(tensors, self._specs, strict=True))
        return tensors if fits else None


def _fits(tensor: torch.Tensor, shape: list[int | None], dtype: torch.dtype) -> bool:
    sizes = zip(tensor.shape, shape, strict=True) if tensor.dim() == len(shape) else [(0, 1)]
    return tensor.dtype == dtype and all(due is None or size == due for size, due in sizes)


class Traced(Layer):
    """What `TracedLayer` and a traced model have in common; see `TracedLayer`."""

    adds_losses = True

    def _take_traced(self, class_name: str, config: Any, data: dict[str, Any]) -> None:
        """Become what the entry of a layer says: its class, its config as it stands there, and the traced calls."""
        where = f"The traced {class_name}"
        refuse_unknown(data, ("weights", "constants", "calls"), where)
        self.traced_class, self.traced_config, self.traced_data = class_name, config, data
        self.autocast = False
        weights = items(field(data, "weights", list, where), dict, where)
        self._traced_paths = [_make_weight(self, facts, where) for facts in weights]
        self._traced_constants = [_constant(c, where) for c in field(data, "constants", list, where)]
        self._read_calls()
        self.built = True

    @property
    def label(self) -> str:
        """For people: ``Scale (traced) "scale"``."""
        return f'{self.kind} "{self._name}"'

    @property
    def kind(self) -> str:
        """What stands for its class in summaries and pictures."""
        return f"{self.traced_class} (traced)"

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_traced_calls"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        self._read_calls()

    def _read_calls(self) -> None:
        calls = field(self.traced_data, "calls", list, self.label)
        given = len(self._traced_paths) + len(self._traced_constants)
        self._traced_calls = [Call(call, given) for call in calls]

    def run_traced(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool) -> Any:
        """Run the call that was traced for such arguments.

        Raises:
            ArgumentError: other arguments than those that were traced.
        """
        for call in self._traced_calls:
            tensors = self._fitting(call, args, kwargs)
            if tensors is not None:
                weights = [slot[name] for slot, name in (slot_of(self, path) for path in self._traced_paths)]
                constants = [c.to(tensors[0].device) if tensors else c for c in self._traced_constants]
                outputs, losses = call.programs[training].run([*weights, *constants, *tensors])
                self.add_loss(losses)
                return outputs
        got = ", ".join(f"{tuple(t.shape)} {t.dtype}" for t in tree.leaves((args, kwargs)) if hasattr(t, "shape"))
        raise ArgumentError(
            f"{self.label} was not called like this when it was saved, and its code is not at hand.",
            got=got,
            hint=f'load_model(..., custom_objects={{"{self.traced_class}": {self.traced_class}}})',
        )

    def _fitting(self, call: Call, args: Any, kwargs: Any) -> list[torch.Tensor] | None:
        """`Call.tensors`. Where there is one call, what it compares sizes with decides nothing but whether it fits: a
        trial on shapes is not to try how it would go otherwise, which takes five times as long."""
        if len(self._traced_calls) > 1 or not probing():
            return call.tensors(args, kwargs)
        with unwatched():
            return call.tensors(args, kwargs)


class TracedLayer(Traced):
    """A layer of the user's whose class is not at hand: its call is the operations that were traced when it was saved.

    It has the same weights under the same paths, trains and is saved again like any layer.

    Args:
        class_name, config: as they stand in the file, for whoever has the class.
        data: weights, constants and traced calls, as `traced` gives them.
    """

    def __init__(self, class_name: str, config: Any, data: dict[str, Any], name: str) -> None:
        super().__init__(name=name)
        self._take_traced(class_name, config, data)

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        return self.run_traced(args, kwargs, self.training if training is None else bool(training))


def _make_weight(layer: torch.nn.Module, facts: dict[str, Any], where: str) -> str:
    """Put a weight at its path, in modules made for it; without storage where a file's values are to come."""
    refuse_unknown(facts, _WEIGHT_KEYS, where)
    path = field(facts, "path", str, where)
    *modules, key = path.split(".")
    part = layer
    for step in modules:
        if step not in part._modules:
            part._modules[step] = torch.nn.Module().train(False)
        part = part._modules[step]  # type: ignore[assignment]
    if not key or any(not step for step in modules) or key in part._parameters or key in part._buffers:
        raise LoadingError(f"{where} has a weight that cannot be.", got=f"{path!r:.80}")
    kind = field(facts, "kind", str, where)
    if kind not in ("parameter", "buffer"):
        raise LoadingError(f"{where} has a weight that cannot be.", got=f"{kind!r:.80}")
    shape = items(field(facts, "shape", list, where), int, where)
    dtype = dtype_of_name(field(facts, "dtype", str, where))
    device = current_device()
    take_memory(math.prod(shape) * dtype.itemsize, f"The weight {path!r} of {where}")
    try:
        value: torch.Tensor = torch.zeros(shape, dtype=dtype, device=device)
    except (RuntimeError, ValueError, IndexError) as error:
        raise LoadingError(f"{where} has a weight that cannot be.", got=str(error)) from error
    trainable = field(facts, "trainable", bool, where)
    if facts.get("name") is not None:
        name = field(facts, "name", str, where)
        regularizer = regularizers.deserialize(decode(facts.get("regularizer")))
        constraint = constraints.deserialize(decode(facts.get("constraint")))
        known = WeightFacts(name, name, regularizer, constraint, is_buffer=kind == "buffer")
        value = Variable(value, requires_grad=trainable, facts=known)
    elif kind == "parameter":
        value = torch.nn.Parameter(value, trainable)
    slot: dict[str, Any] = part._parameters if kind == "parameter" else part._buffers
    slot[key] = value
    result: str = path
    return result


def _constant(facts: Any, where: str) -> torch.Tensor:
    """A tensor that the call had made for itself; its values stand in the config."""
    if type(facts) is not dict:
        raise LoadingError(f"{where} is malformed.", got=f"{facts!r:.80}")
    refuse_unknown(facts, ("shape", "dtype", "values"), where)
    dtype = dtype_of_name(field(facts, "dtype", str, where))
    shape = items(field(facts, "shape", list, where), int, where)
    try:
        return tensor_of(field(facts, "values", list, where), shape, dtype)
    except (RuntimeError, ValueError, TypeError) as error:
        raise LoadingError(f"{where} has a constant that cannot be.", got=str(error)[:200]) from error
