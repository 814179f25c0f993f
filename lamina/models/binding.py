"""Binding: what a caller gives, matched to the inputs a model declares. By name or position, never by sorting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor, holds_numbers
from lamina.graph import DtypeError, Graph, ShapeError, StructureError, Symbolic, SymbolicTensor, tree
from lamina.graph.dtypes import name_of
from lamina.layers.preprocessing.text_inputs import (
    TextReader,
    fingerprints_in,
    readers_of,
    refuse_layers_of_numbers,
    whole_texts,
    without_texts,
)
from lamina.layers.preprocessing.whole_texts import is_packed
from lamina.tables import array_of, is_table

from .call_forms import CallForms


class Binding:
    """Matches inputs to the declared ones and checks shape and dtype of each.

    A model with one input takes a tensor, ``[tensor]`` or ``{"name": tensor}``; with several, the declared structure,
    a flat list in declared order, or a dict by input names. Arrays become tensors.

    Attributes:
        forms: the ways in which a call may name them.
        flat_keys: the keys by which a flat dict names the inputs.

    Raises:
        StructureError: a missing input, or another number of them; lists what is due and what came.
        ShapeError, DtypeError: one does not fit; names it.
    """

    def __init__(self, graph: Graph, label: str) -> None:
        self.label = label
        self.names = graph.input_names
        self.structure = graph.input_structure
        modules = list(graph.modules.values())
        self.declared = [_Declared(t, name, modules) for t, name in zip(graph.inputs, graph.input_names, strict=True)]
        if any(declared.holds_texts for declared in self.declared):
            refuse_layers_of_numbers(graph)
            for declared, tensor in zip(self.declared, graph.inputs, strict=True):
                if readers := readers_of(graph, tensor):
                    declared.reader = TextReader(readers, tensor.shape)
        self.flat_keys = self._keys_of_dict()
        self._single = len(self.declared) == 1
        self._plain = (str, bytes) if self._single and self.declared[0].holds_texts else (int, float)
        keys = self.structure if isinstance(self.structure, Mapping) else self.names
        self.forms = CallForms(keys, len(self.declared), label)

    def _keys_of_dict(self) -> list[str]:
        """The keys by which a flat dict names the inputs: the declared dict's own, or the inputs' names."""
        if isinstance(self.structure, Mapping) and not any(tree.is_nested(v) for v in self.structure.values()):
            return list(self.structure)
        return self.names

    def __call__(self, inputs: Any) -> list[Any]:
        """The inputs, flat, in declared order, each checked."""
        if self._single and isinstance(inputs, (torch.Tensor, Symbolic, np.ndarray)):
            return [self.declared[0].fit(inputs, self.label)]
        flat = self.match(inputs)
        return [declared.fit(value, self.label) for declared, value in zip(self.declared, flat, strict=True)]

    def match(self, inputs: Any) -> list[Any]:
        """The inputs, flat, in declared order, as they came."""
        if isinstance(inputs, Mapping):
            return self._match_dict(inputs)
        if self._single and not isinstance(inputs, (list, tuple)):
            return [inputs]
        if self._single and all(isinstance(leaf, self._plain) for leaf in tree.leaves(inputs)):
            return [inputs]  # rows of numbers, or texts
        if isinstance(inputs, (list, tuple)):
            if len(inputs) == len(self.declared) and not any(map(_is_structure, inputs)):
                return list(inputs)
            flat = [leaf for _, leaf in tree.paths(inputs)]
            if len(flat) == len(self.declared) and self._has_parts_of(inputs):
                return flat
            inner = inputs if self._single else tree.alone(inputs)
            if inner is not inputs and isinstance(inner, (list, tuple, Mapping)):
                return self.match(inner)  # the batch (x,) of a step of one's own: the inputs as one thing
        raise self._mismatch(inputs)

    def _has_parts_of(self, inputs: list[Any] | tuple[Any, ...]) -> bool:
        """Whether each part of what came has as many tensors as that of the inputs: ``([a], b)`` is ``[a, b]``."""
        declared = self.structure.values() if isinstance(self.structure, Mapping) else self.structure
        parts = [declared] if self._single and not tree.is_nested(declared) else list(declared)
        return [_count(part) for part in inputs] == [_count(part) for part in parts]

    def _match_dict(self, inputs: Mapping[str, Any]) -> list[Any]:
        if isinstance(self.structure, Mapping) and self.flat_keys is self.names and set(inputs) == set(self.structure):
            flat: list[Any] = []
            for key, part in self.structure.items():
                given = list(tree.leaves(inputs[key]))
                if len(given) != len(list(tree.leaves(part))):
                    raise self._mismatch(inputs)
                flat.extend(given)
            return flat
        missing: list[str] = []
        for keys in (self.flat_keys, self.names):
            missing = [k for k, d in zip(keys, self.declared, strict=True) if k not in inputs and not d.optional]
            if not missing:
                return [inputs.get(k) for k in keys]
        raise StructureError(
            f"{self.label} misses the input{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}.",
            got=f"keys {list(inputs)}",
            expected=f"keys {self.flat_keys}",
        )

    def _mismatch(self, inputs: Any) -> StructureError:
        n = len(self.declared)
        flat = [leaf for _, leaf in tree.paths(inputs)]
        plain = isinstance(inputs, (list, tuple)) and len(flat) == len(inputs) > 1
        got = tree.describe(inputs) if tree.is_nested(inputs) else f"one array of shape {shape_of(inputs)}"
        hint = f"[{', '.join(f'x{i + 1}' for i in range(n))}]" if 1 < n < 9 else None
        if plain:
            kind = type(inputs).__name__
            got = f"{got}: a {kind} of {len(flat)} arrays, of which each is one input, of shape {shape_of(flat[0])}"
        if plain and self._single:
            hint = "np.stack(x) for the samples of one input in a list"
            hint += "; x and y as two arguments, as in fit(x, y)" if len(flat) == 2 else ""
        return StructureError(
            f"{self.label} takes {n} input{'s' if n > 1 else ''}, in another structure.",
            got=got,
            expected=f"{tree.describe(self.structure)}, a list in the order {self.names}, or a dict with these keys",
            hint=hint,
        )


def shape_of(value: Any) -> str:
    """The shape of an array; the type of what has none."""
    shape = getattr(value, "shape", None)
    return str(tuple(shape)) if shape is not None else type(value).__name__


class _Declared:
    """One declared input."""

    def __init__(self, tensor: SymbolicTensor, name: str, modules: list[torch.nn.Module]) -> None:
        self.name = name
        self._modules = modules
        self.shape = tensor.shape
        self.dtype = tensor.dtype
        self.rank = len(tensor.shape)
        self.reader: TextReader | None = None
        self.holds_texts = getattr(tensor.node.op, "holds_texts", False)
        self.optional = getattr(tensor.node.op, "optional", False) is True
        self._known = [(axis, size) for axis, size in enumerate(tensor.shape) if size is not None]

    def fit(self, value: Any, label: str) -> Any:
        """The value as a tensor of the declared dtype, its shape checked."""
        if value is None:
            if self.optional:
                return None
            raise StructureError(
                f"{label} needs the input {self.name!r}.", got="None", hint="Input(..., optional=True)"
            )
        if not isinstance(value, (torch.Tensor, Symbolic)):
            value = self._as_tensor(self._numbers(value), label)
        if self.holds_texts and not isinstance(value, Symbolic):
            if self.reader is not None:
                return self._read_by(self.reader, value, label)
            value = fingerprints_in(value)
        shape = value.shape
        if len(shape) != self.rank:
            value = self._with_rank(value, label)
            shape = value.shape
        for axis, size in self._known:
            if shape[axis] != size and shape[axis] is not None:
                raise self._wrong_shape(shape, label)
        return value if value.dtype == self.dtype else self._with_dtype(value, label)

    def _read_by(self, reader: TextReader, value: torch.Tensor, label: str) -> torch.Tensor:
        found = reader.fit(value)
        if found is not None:
            return found
        if is_packed(value) and value.ndim > 1:
            raise self._wrong_shape(value.shape[:-1], label)
        raise DtypeError(
            f"The input {self.name!r} of {label} takes texts.",
            got="one text" if is_packed(value) else f"{name_of(value.dtype)} {tuple(value.shape)}",
            expected="lists, arrays or columns of texts" + reader.otherwise,
            hint='[text], ["a text"]: a list is a batch' if is_packed(value) else None,
        )

    def _numbers(self, value: Any) -> Any:
        """What stands for texts in a graph; other data as they are."""
        if not self.holds_texts:
            return value
        return without_texts(value) if self.reader is None else whole_texts(value)

    def refuse_other_sizes(self, shape: Any, label: str) -> None:
        """Refuse a shape, its unknown axes None, that no tensor of the declared one can have."""
        known = all(shape[axis] in (size, None) for axis, size in self._known) if len(shape) == self.rank else False
        if not known:
            raise self._wrong_shape(shape, label)

    def _as_tensor(self, value: Any, label: str) -> torch.Tensor:
        if isinstance(value, torch.nn.Module):
            kind = type(value).__name__
            raise StructureError(
                f"{label} is called on a layer or model, not on a tensor.",
                got=f"{kind} for the input {self.name!r}",
                hint="encoder.output for what a model named encoder gives; layer(x) for a layer's output",
            )
        if isinstance(value, torch.Tensor):
            return self._beside_weights(value)
        try:
            array = array_of(value) if is_table(value) else np.asarray(value)
        except ValueError as error:
            raise ShapeError(f"The input {self.name!r} of {label} is ragged.", got=str(error)) from None
        if not holds_numbers(array.dtype):
            raise DtypeError(
                f"The input {self.name!r} of {label} cannot take {type(value).__name__} data.",
                got=f"dtype {array.dtype}",
                expected=name_of(self.dtype),
            )
        return self._beside_weights(as_tensor(array))

    def _beside_weights(self, tensor: torch.Tensor) -> torch.Tensor:
        for module in self._modules:
            # Its own are looked at first: the walk over what is in it takes a third of the call of a small model.
            weight = next((weight for weight in module._parameters.values() if weight is not None), None)
            if weight is None and (module._modules or not type(module).__module__.startswith("lamina.")):
                weight = next(module.parameters(), None)
            if weight is not None:
                return tensor.to(weight.device)
        return tensor

    def _with_rank(self, value: Any, label: str) -> Any:
        """(N,) for a declared (None, 1) and the other way round are the same data; anything else is a mistake."""
        if len(value.shape) == self.rank - 1 and self.shape[-1] == 1:
            return value.unsqueeze(-1)
        if len(value.shape) == self.rank + 1 and value.shape[-1] == 1:
            return value.squeeze(-1)
        raise self._wrong_shape(value.shape, label)

    def _with_dtype(self, value: Any, label: str) -> Any:
        if value.dtype.is_complex and not self.dtype.is_complex:
            raise DtypeError(
                f"The input {self.name!r} of {label} holds real numbers.",
                got=name_of(value.dtype),
                expected=name_of(self.dtype),
                hint="x.real and x.imag as two channels, or another dtype= in Input",
            )
        if value.dtype.is_floating_point and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise DtypeError(
                f"The input {self.name!r} of {label} holds whole numbers.",
                got=name_of(value.dtype),
                expected=name_of(self.dtype),
                hint=f"x.astype({name_of(self.dtype)!r}) if the values are whole, or another dtype= in Input",
            )
        return value.to(self.dtype)

    def _wrong_shape(self, shape: Any, label: str) -> ShapeError:
        return ShapeError(
            f"The input {self.name!r} of {label} cannot take this shape.",
            got=str(tuple(shape)),
            expected=f"{self.shape} (None: any size)",
            hint="; ".join(self._ways_to_fit(tuple(shape))) or None,
        )

    def _ways_to_fit(self, shape: tuple[int, ...]) -> Iterator[str]:
        """What makes values of another shape fit; nothing that would not."""
        *_, last = self.shape or (None,)
        if self._fits((1, *shape)):
            yield "a batch axis in front: x[None] for a single example"
        elif self.rank > 2 and last is not None and self._fits((*shape, last)):
            grey = f"np.repeat(x[..., None], {last}, axis=-1) where they are grey"
            yield f"an axis of channels at the end: {'x[..., None]' if last == 1 else grey}"
        if self.rank > 2 and len(shape) == self.rank - 1 and shape[1:] == self.shape[2:] and self.shape[1] is not None:
            yield f"Input({tuple(self.shape[2:])}) if {self.shape[1]} is the batch size: shape= is without it"
        if self.rank == len(shape) == 2 and last is not None:
            yield f"columns as many as Input({tuple(self.shape[1:])}) says; Input({shape[1:]}) if the data are right"
        if self.rank > 3 and len(shape) == self.rank:
            if self._fits((shape[0], *shape[2:], shape[1])):
                yield "the channels last: np.moveaxis(x, 1, -1)"
            elif self._fits((shape[0], shape[-1], *shape[1:-1])):
                yield "the channels first: np.moveaxis(x, -1, 1)"

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == self.rank and all(size in (None, n) for size, n in zip(self.shape, shape, strict=True))


def _is_structure(value: Any) -> bool:
    """Whether this is no data of one input: a list of texts is, one of tensors is not."""
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (str, bytes)):
        return False
    return isinstance(value, (list, tuple, Mapping))


def _count(nested: Any) -> int:
    return sum(1 for _ in tree.leaves(nested))
