"""Sequential: a chain of layers."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError, Graph, LaminaError, StructureError, SymbolicTensor, tree
from lamina.graph.infer import examples_at
from lamina.graph.node import is_input_node
from lamina.graph.source import begins_drawing
from lamina.graph.walk import key_of
from lamina.layers.base import Layer
from lamina.layers.core.input_layer import Input, InputLayer
from lamina.layers.core.torch_module import TorchModule
from lamina.saving.config_reader import ConfigReader
from lamina.saving.config_writer import ConfigWriter
from lamina.saving.fields import refuse_unknown
from lamina.tracebacks import door
from lamina.training.data import Source

from .drawn import Drawn
from .editing import cannot_remove
from .model import Model


class Sequential(Model):
    """A chain of layers, each called on what the one before returns.

    With an `Input` first it is a graph at once; without one it becomes a graph when it first sees data.

    Args:
        layers: layers, models, ``nn.Module``s; an ``Input(...)`` may come first.
        trainable: whether the weights may change.
        name: of the model.

    >>> import torch
    >>> from lamina.layers import Dense
    >>> model = Sequential([Dense(4, activation="relu"), Dense(1)])
    >>> model(torch.ones(2, 3)).shape, len(model.weights)
    (torch.Size([2, 1]), 4)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        several = [value for value in (layers, trainable, name) if isinstance(value, torch.nn.Module)]
        if several and layers is several[0]:
            raise ArgumentError(
                "Sequential takes its layers in one list.",
                got=", ".join(type(layer).__name__ for layer in several),
                hint=f"Sequential([{', '.join(f'{type(layer).__name__}(...)' for layer in several)}])",
            )
        super().__init__(name=name, trainable=trainable)
        self._chain: list[Any] = []
        self._keys: list[str] = []
        self._data_dtype = torch.float32
        self._start: SymbolicTensor | None = None
        self._end: Any = None
        for layer in layers or []:
            self._append(layer)
        self._finish()
        if self._drawn is not None:
            self._drawn.write()

    @door
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer at the end.

        Raises:
            ArgumentError: not a layer; an `Input` that is not first; the same layer, or the same given name, twice.
        """
        self._append(layer)
        self._finish()

    def _append(self, layer: Any) -> None:
        if isinstance(layer, SymbolicTensor) and is_input_node(layer.node):
            layer = layer.node.op
        if isinstance(layer, torch.nn.Module) and not isinstance(layer, Layer):
            layer = TorchModule(layer)
        self._refuse(layer)
        if isinstance(layer, InputLayer):
            self._start = self._end = layer.take()
            return
        if self._start is None and not self._chain and layer.given_input_shape is not None:
            texts = "string" if getattr(layer, "reads_whole_texts", False) else None
            self._start = self._end = Input(batch_shape=layer.given_input_shape, dtype=texts)
        if self._start is None and not self._chain and getattr(layer, "begins_texts", False):
            self._start = self._end = Input((), dtype="string")
        if self._start is None and not self._chain and isinstance(layer, Model) and layer.graph is not None:
            first = layer.inputs[0]
            self._start = self._end = Input(batch_shape=first.shape, dtype=getattr(first.node.op, "dtype", first.dtype))
        self._chain.append(layer)
        key = self._key(layer)
        self._keys.append(key)
        self._modules[key] = layer
        layer._settle_name(key)
        if self._start is not None:
            self._end = tree.alone(layer(self._end))

    def _finish(self) -> None:
        if self._start is not None and self._chain:
            self._set_graph(Graph(self._start, self._end))

    def _set_graph(self, graph: Graph) -> Drawn:
        drawn = super()._set_graph(graph)
        self._start, self._end = graph.inputs[0], graph.outputs[0]
        return drawn

    def _place(self, name: str) -> str | None:
        in_chain = any(layer is self._modules.get(name) for layer in self.__dict__.get("_chain", ()))
        return name if self._drawn is None and in_chain else super()._place(name)

    def _put(self, name: str, module: torch.nn.Module | None) -> None:
        old = self._modules[name]
        if self._drawn is not None:
            super()._put(name, module)
        elif module is None:
            raise cannot_remove(self, name)
        else:
            layer = module if isinstance(module, Layer) else TorchModule(module, name=name)
            self._refuse(layer, old)
            layer._name, layer.auto_named = name, old.auto_named  # type: ignore[union-attr, assignment]
            self._modules[name] = layer
        self._chain = [self._modules[name] if layer is old else layer for layer in self._chain]

    def _refuse(self, layer: Any, instead_of: Any = None) -> None:
        if not isinstance(layer, Layer):
            raise self._no_layer(layer)
        if isinstance(layer, InputLayer) and (self._chain or self._start is not None):
            raise ArgumentError("An Input can only come first in a Sequential.", got=f"after {len(self._chain)} layers")
        if any(layer is other for other in self._chain):
            raise ArgumentError(
                f"{layer.label} is in this Sequential already.", hint="the functional API shares layers"
            )
        others = [other for other in self._chain if other is not instead_of]
        if not layer.auto_named and any(layer.name == other.name for other in others):
            raise ArgumentError(f"Two layers are both called {layer.name!r}.", hint="another name for one of them")

    def _no_layer(self, given: Any) -> ArgumentError:
        got, hint = f"{type(given).__name__}: {given!r}"[:80], "Dense(10)"
        if isinstance(given, type):
            got, hint = f"the class {given.__name__}", f"{given.__name__}(...): a layer is made by calling its class"
        elif isinstance(given, SymbolicTensor):
            hint = "the layer itself, not what it returns; or Model(inputs, outputs) for what is drawn already"
        elif callable(given):
            hint = "layers.Lambda(function)"
        elif isinstance(given, (list, tuple)):
            hint = "Sequential([...]) takes a list, add() one layer: for layer in layers: model.add(layer)"
        return ArgumentError("Sequential takes layers.", got=got, hint=hint)

    def _key(self, layer: Layer) -> str:
        name, k = layer.name, 1
        while name in self._modules:
            name, k = f"{layer.name}_{k}", k + 1
        return name

    @door
    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it."""
        if not self._chain:
            raise ArgumentError("There is no layer to remove.")
        last: Layer = self._chain.pop()
        self._keys.pop()
        for key in [key for key, module in self._modules.items() if module is last]:
            del self._modules[key]
        if self._start is not None:
            self._redraw(self._start)
        return last

    @begins_drawing
    def _redraw(self, start: SymbolicTensor) -> None:
        self._start = self._end = start
        self._drawn = None
        for layer in self._chain:
            self._end = tree.alone(layer(self._end))
        self._finish()

    def build(self, input_shape: Any) -> None:
        """Become a graph for inputs of this shape, the batch included."""
        if self.graph is None and self._chain:
            for key, layer in zip(self._keys, self._chain, strict=True):
                if self._modules.get(key) is not layer:  # somebody wrote into the dict of modules
                    new, self._modules[key] = self._modules.get(key), layer
                    self._put(key, new)
            if not isinstance(input_shape, (tuple, list)) or any(isinstance(n, (tuple, list)) for n in input_shape):
                raise StructureError("A Sequential takes one tensor.", got=f"shapes {input_shape}")
            self._draw_for(tuple(input_shape))
            self._drawn.write()  # type: ignore[union-attr]  # there is one now

    def _draw_for(self, shape: tuple[int | None, ...]) -> None:
        """Draw the chain with as many unknown axes as its layers can have: only widths, or also channels, or all sizes.

        A chain that is called on texts of 5 words can then be called on texts of 7.
        """
        last = len(shape) - 1
        for known in ({last}, {1, last}) if last > 1 else ():
            looser = tuple(size if axis in known else None for axis, size in enumerate(shape))
            try:
                self._try_copies(looser)
                self._redraw(Input(batch_shape=looser, dtype=self._data_dtype))
                return
            except (LaminaError, TypeError, ValueError, IndexError):
                continue  # a layer needs the size of another axis, as Dense does behind Flatten
        self._redraw(Input(batch_shape=(None, *shape[1:]), dtype=self._data_dtype))

    def _try_copies(self, shape: tuple[int | None, ...]) -> None:
        """Draw copies of the chain, if a layer of the user's is in it: such a one may make layers within for an example
        of a size before the call fails in another, and these would stay."""
        if all(type(part).__module__.startswith("lamina.") for layer in self._chain for part in layer.modules()):
            return
        # Their weights are nobody's, and what is to be told is told when the layers themselves are drawn.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                chain = copy.deepcopy(self._chain)
            except Exception as error:  # it is the user's class, which may hold anything
                raise ValueError("a layer that cannot be copied") from error
            end: Any = (start := Input(batch_shape=shape, dtype=self._data_dtype))
            for layer in chain:
                end = tree.alone(layer(end))
                if not _stays_open(start, end):
                    raise ValueError("a layer that made its weights for an example of a size")

    def _draw_for_texts(self) -> None:
        """Become a graph of texts, if the first layer reads texts and had no vocabulary when the chain was made."""
        if self.graph is None and self._chain and getattr(self._chain[0], "reads_whole_texts", False):
            self._redraw(Input((), dtype="string"))

    def _dispatch(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._drawn is None:
            self._draw_for_texts()
        return super()._dispatch(args, kwargs)

    def _source(self, data: Any, batch_size: int | None, **options: Any) -> Source:
        self._draw_for_texts()
        return super()._source(data, batch_size, **options)

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        first = next(tree.leaves(args), None)
        kind = as_tensor(first).dtype if isinstance(first, np.ndarray) else getattr(first, "dtype", torch.float32)
        # Whole numbers are ids or counts and stay what they are; floats come in the dtype of the layers.
        own = self._chain[0]._variable_torch_dtype if self._chain else kind
        self._data_dtype = own if kind.is_floating_point and own.is_floating_point else kind
        super()._build_for(args, kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers in their order, without the `Input`."""
        return list(self._chain)

    def _parts(self) -> list[torch.nn.Module]:
        return list(self._chain)

    def __getstate__(self) -> dict[str, Any]:
        start = None if self.graph is not None or self._start is None else self._start.node.op
        return {**super().__getstate__(), "_start": start, "_end": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.graph is not None:
            self._start, self._end = self.graph.inputs[0], self.graph.outputs[0]
        start: Any = self._start
        if self.graph is None and isinstance(start, InputLayer):  # an Input without layers yet
            self._start = self._end = Input(batch_shape=start.batch_shape, dtype=start.dtype)

    @property
    def made_by_graph(self) -> bool:
        return type(self).__init__ is Sequential.__init__

    def write_config(self, writer: ConfigWriter) -> dict[str, Any] | None:
        if not self.made_by_graph:
            return None
        start = self._start.node.op if self._start is not None else None
        return {
            **self._flags(),
            "input": writer.layer(start) if start is not None else None,  # type: ignore[arg-type]
            "layers": [writer.layer(layer) for layer in self._chain],
        }

    @classmethod
    def read_config(cls, config: dict[str, Any], reader: ConfigReader) -> Any:
        if "layers" not in config:
            return super().read_config(config, reader)
        refuse_unknown(
            config, ("name", "trainable", "input", "layers", "adapters", "tied"), "The config of a Sequential"
        )
        model = cls(name=config.get("name"))
        first = [reader.layer(config["input"])] if config.get("input") is not None else []
        for layer in first + [reader.layer(entry) for entry in config["layers"]]:
            model.add(layer)
        model._trainable = bool(config.get("trainable", True))
        return model


def _stays_open(start: SymbolicTensor, end: Any) -> bool:
    """Whether what leads from one to the other was seen to go with two sizes of each axis that is unknown."""
    shapes = [examples_at([start], world)[key_of(start)].shape for world in next(tree.leaves(end)).node.worlds]
    return all(a != b for size, a, b in zip(start.shape, *shapes, strict=True) if size is None)
