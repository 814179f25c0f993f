"""Models of a bare ``nn.Module``: what `Model.from_module` makes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError, SymbolicTensor, ValueNeededError, tree
from lamina.layers.base import Layer
from lamina.layers.core.input_layer import Input, InputLayer
from lamina.layers.core.torch_module import HoldsModule, TorchModule, run_module
from lamina.layers.lazy import is_lazy
from lamina.layers.mode_watch import watch
from lamina.training.trainer import Trainer

from .model import Model


class ModuleModel(HoldsModule, Model):
    """A model whose call is that of a module, on whatever data come: nothing is declared, so nothing is checked before.

    A list or tuple of inputs is given to a module of several arguments one by one, and a dict by name, where the names
    are those of its arguments.

    >>> import torch
    >>> ModuleModel(torch.nn.Linear(3, 2))(torch.ones(1, 3)).shape
    torch.Size([1, 2])
    """

    def __init__(self, module: torch.nn.Module, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name or _name_for(module), trainable=trainable)
        self.auto_named = name is None
        self.autocast = False
        self.module = module
        self._arguments = argument_names(module)

    def _is_own(self, name: str) -> bool:
        return hasattr(Trainer, name) or super()._is_own(name)  # `compile` sets ``loss``

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # A tracer is not to see it: the module has its weights, and the next call tells a file what it was given.
        if not torch.compiler.is_compiling() or is_lazy(self.module):
            super()._build_for(args, kwargs)

    def call(self, inputs: Any) -> Any:  # type: ignore[override]  # a module has its mode by train() and eval()
        if isinstance(inputs, Mapping) and self._names_fit(inputs):
            return self._run_module(**inputs)
        if isinstance(inputs, (list, tuple)) and len(self._arguments or inputs) > 1:
            return self._run_module(*inputs)
        return self._run_module(inputs)

    def _run_module(self, *args: Any, **kwargs: Any) -> Any:
        if self._asks_mode and (self.training or not self._is_watched):
            watch(self, self.training, args)
        module: Any = self._modules["module"]  # not by `__getattr__`: 1 us
        return tensors_only(run_module(module, self._trainable, args, kwargs))

    def _names_fit(self, inputs: Mapping[str, Any]) -> bool:
        return self._arguments is None or all(name in self._arguments for name in inputs)

    def get_config(self) -> dict[str, Any]:
        raise ArgumentError(
            f"{self.label} has no config: nobody knows how its {type(self.module).__name__} is made.",
            hint="model.save_weights(path), or torch.save(module.state_dict(), path)",
        )


def of_module(
    cls: type[Model],
    module: torch.nn.Module,
    inputs: Any,
    name: str | None,
    output_names: Sequence[str] | None,
    output_shape: Any,
) -> Model:
    """See `Model.from_module`."""
    if not isinstance(module, torch.nn.Module):
        raise ArgumentError("from_module takes an nn.Module.", got=type(module).__name__)
    if isinstance(module, Layer):
        raise ArgumentError(
            f"{module.label} is a layer already.", hint="Model(inputs, layer(inputs)), Sequential([layer])"
        )
    if inputs is None and cls is not Model:
        raise ArgumentError(
            f"{cls.__name__}.from_module needs its inputs.", hint="inputs=(8,), a shape without the batch"
        )
    if inputs is None:
        if output_names is not None or output_shape is not None:
            raise ArgumentError(
                "output_names and output_shape belong to a module whose inputs are known.", hint="inputs="
            )
        return ModuleModel(module, name)
    return cls(*_drawn(module, inputs, output_names, output_shape), name=name or _name_for(module))


def _drawn(
    module: torch.nn.Module, inputs: Any, output_names: Sequence[str] | None, output_shape: Any
) -> tuple[Any, Any]:
    """(inputs, outputs) of the graph with one node, the module.

    Raises:
        ArgumentError: what stands for an input is none; ``output_names`` do not fit.
        ValueNeededError: the module cannot be tried on shapes alone, and no ``output_shape`` is given.
    """
    if isinstance(inputs, Mapping):
        symbolic: Any = {key: _input(value, key) for key, value in inputs.items()}
    else:
        names = argument_names(module) or ()
        symbolic = [_input(v, names[i] if i < len(names) else None) for i, v in enumerate(_positional(inputs))]
    layer = TorchModule(module, output_shape=output_shape)
    try:
        outputs = layer(**symbolic) if isinstance(symbolic, dict) else layer(*symbolic)
    except ValueNeededError as error:
        error.hint = "output_shape=..., the shape of what it returns (None for the batch), in the same structure"
        raise
    alone = isinstance(symbolic, list) and (_is_shape(inputs) or not isinstance(inputs, (list, tuple)))
    return symbolic[0] if alone else symbolic, _named(tensors_only(outputs), output_names)


def tensors_only(outputs: Any) -> Any:
    """What a module returns without what is no tensor (None, caches); named tuples as dicts, so that names count."""
    if tree.is_namedtuple(outputs):
        outputs = outputs._asdict()
    if isinstance(outputs, Mapping):
        kept = {key: tensors_only(value) for key, value in outputs.items()}
        return {key: value for key, value in kept.items() if value is not None}
    if isinstance(outputs, (list, tuple)):
        return [value for value in map(tensors_only, outputs) if value is not None]
    return outputs if isinstance(outputs, (torch.Tensor, SymbolicTensor, torch.fx.Proxy)) else None


def argument_names(module: torch.nn.Module) -> tuple[str, ...] | None:
    """Names of what the module's ``forward`` takes; None where it takes any."""
    inner: Any = module
    while type(inner).forward is torch.nn.Module.forward or hasattr(inner, "module"):  # a wrapper such as DDP
        if not isinstance(getattr(inner, "module", None), torch.nn.Module):
            break
        inner = inner.module
    parameters = inspect.signature(inner.forward).parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    return tuple(p.name for p in parameters)


def _positional(inputs: Any) -> list[Any]:
    if isinstance(inputs, (list, tuple)) and not _is_shape(inputs):
        return list(inputs)
    return [inputs]


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(n is None or isinstance(n, int) for n in value)


def _input(value: Any, name: str | None) -> SymbolicTensor:
    """An input as it is, of a shape, or like an example."""
    if isinstance(value, SymbolicTensor):
        if name is not None and isinstance(value.node.op, InputLayer):
            value.node.op._settle_name(name)
        return value
    if _is_shape(value):
        return Input(tuple(value), name=name)
    if isinstance(value, np.ndarray):
        value = as_tensor(value)
    if isinstance(value, torch.Tensor) and value.dim():
        return Input(tuple(value.shape[1:]), dtype=value.dtype, name=name)
    raise ArgumentError(
        f"The input {name or ''!r} of a module cannot be this.",
        got=f"{type(value).__name__}: {value!r}"[:80],
        expected="Input(...), a shape without the batch such as (32, 32, 3), or an example with a batch axis",
    )


def _named(outputs: Any, names: Sequence[str] | None) -> Any:
    if names is None:
        return outputs
    flat = list(outputs.values()) if isinstance(outputs, Mapping) else outputs
    flat = list(flat) if isinstance(flat, (list, tuple)) else [flat]
    if len(names) != len(flat) or len(set(names)) != len(names):
        raise ArgumentError(
            f"The module returns {len(flat)} tensor{'s' if len(flat) > 1 else ''}, each needs a name.",
            got=f"output_names={list(names)}",
        )
    return dict(zip(names, flat, strict=True))


def _name_for(module: torch.nn.Module) -> str:
    return type(module).__name__.lower()
