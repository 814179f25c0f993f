"""Where Keras 3 puts each weight in ``model.weights.h5``: by class names and attributes, never by names of layers.

``layers/dense_1/vars/0`` is the first weight of the model's second Dense. In a container, a list or a model's layers,
a layer is called by its class, numbered from the second one on; elsewhere by the attribute that holds it. A layer that
is met again is passed over, though it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina import layers
from lamina.layers import Layer
from lamina.layers.nested import adopt_nested_layers
from lamina.layers.preprocessing.index_lookup import IndexLookup
from lamina.naming import snake_case
from lamina.saving.classes import MODELS
from lamina.saving.hooks import overrides
from lamina.saving.own_state import has_variables

# Attributes of ours -> what Keras calls them.
_ATTRIBUTES: Mapping[type, Mapping[str, str]] = MappingProxyType(
    {
        layers.MultiHeadAttention: {
            "query": "query_dense",
            "key": "key_dense",
            "value": "value_dense",
            "gate": "_gate_dense",
            "attention_output": "output_dense",
        },
        layers.GroupQueryAttention: {
            "query": "_query_dense",
            "key": "_key_dense",
            "value": "_value_dense",
            "gate": "_gate_dense",
            "attention_output": "_output_dense",
        },
    }
)

# Classes that Keras calls otherwise at home than in its list of layers.
_CLASS_WORDS: Mapping[type, str] = MappingProxyType(
    {layers.GroupQueryAttention: "grouped_query_attention", layers.TorchModule: "torch_module_wrapper"}
)

# Words of older versions of Keras -> of this one.
_OLD_WORDS = {
    "_layer_checkpoint_dependencies": "layers",
    "_query_dense": "query_dense",
    "_key_dense": "key_dense",
    "_value_dense": "value_dense",
    "_output_dense": "output_dense",
}

# States that Keras keeps with the weights and that are none of a model: of random generators, metrics, a compiled loss.
_NO_WEIGHTS = ("seed_generator", "_random_generator", "metrics", "_metrics", "compile_metrics", "_compile_metrics")

OPTIMIZER = "optimizer"


class Layout:
    """Keras' paths of a model's weights.

    Args:
        orders: id of a model -> its layers in Keras' order, where Keras' own config tells it.

    >>> from lamina.layers import Dense, Input
    >>> from lamina import Model
    >>> x = Input((3,))
    >>> list(Layout(Model(x, Dense(2)(x))).places)
    ['layers/dense/vars/0', 'layers/dense/vars/1']
    """

    def __init__(self, model: Any, orders: Mapping[int, list[Layer]] = MappingProxyType({})) -> None:
        self._orders = orders
        self.places: dict[str, torch.Tensor] = {}
        self.names: dict[str, str] = {}
        """Path of the group of a layer's own weights -> the layer's name."""
        self.stores: dict[str, Any] = {}
        """Path of the group of a layer's own weights -> the layer, where its class says by itself what lies there."""
        self.assets: dict[str, Any] = {}
        """Path of a layer -> the layer, where its class has files of its own."""
        self.lookups: dict[str, Any] = {}
        """Path of a layer -> the layer, where it has a vocabulary, which Keras keeps in a file."""
        # With the things themselves: a list that is made while asking, and gone, would lend its id to the next one.
        self._met: dict[int, Any] = {}
        self._layer(model, "")

    def is_of_vocabulary(self, path: str) -> bool:
        """Whether a dataset belongs to a vocabulary; it is no weight here."""
        place = path.removesuffix("/vars/idf_weights").removesuffix("/_lookup_layer")
        return path.endswith("/idf_weights") and place in self.lookups

    def _layer(self, layer: Layer, path: str) -> None:
        if id(layer) in self._met:
            return
        self._met[id(layer)] = layer
        own = f"{path}vars"
        self.names[own] = layer.name
        if has_variables(layer) or getattr(layer, "lora_enabled", False):  # adapters are no weights in Keras' files
            self.stores[own] = layer
        else:
            self.places |= {f"{own}/{number}": weight for number, weight in enumerate(layer._own_weights())}
        if isinstance(layer, layers.TorchModule):
            self._module(layer.module, path)
        if overrides(layer, "save_assets") or overrides(layer, "load_assets"):
            self.assets[path.rstrip("/")] = layer
        if isinstance(layer, IndexLookup):
            self.lookups[path.rstrip("/")] = layer
        for attribute, child in _children(layer):
            if attribute == "layers":
                listed: Any = layer.layers  # not a Sequential's own list, which has its place besides
                child = self._orders.get(id(layer)) or _with_modules(layer, list(listed))
                self._container(child, f"{path}{attribute}/", torch.nn.Module)
                continue
            self._child(child, f"{path}{attribute}/")

    def _child(self, child: Any, path: str) -> None:
        if isinstance(child, Layer):
            self._layer(child, path)
        elif isinstance(child, torch.nn.Module):
            self._module(child, path)
        else:
            self._container(child, path)

    def _module(self, module: torch.nn.Module, path: str) -> None:
        """PyTorch's module: Keras wraps it in a layer, which keeps its tensors under the names of ``state_dict``."""
        if id(module) in self._met:
            return
        self._met[id(module)] = module
        state = module.state_dict(keep_vars=True).items()
        self.places |= {f"{path}vars/{name}": value for name, value in state if isinstance(value, torch.Tensor)}

    def _container(self, container: Any, path: str, counted: type[torch.nn.Module] = Layer) -> None:
        """The layers in a container. `counted`: what Keras counts, the modules that it wraps among them or not."""
        if id(container) in self._met:
            return
        self._met[id(container)] = container
        used: dict[str, int] = {}
        for item in container.values() if isinstance(container, dict) else container:
            if isinstance(item, (counted, list, tuple, dict)):
                name = "container" if isinstance(item, (list, tuple, dict)) else class_word(item)
                used[name] = used.get(name, -1) + 1
                self._child(item, f"{path}{name}_{used[name]}/" if used[name] else f"{path}{name}/")


def _with_modules(model: Any, listed: list[Any]) -> list[Any]:
    """A model's layers, and where its code defines it the modules of PyTorch's among them, which Keras wraps."""
    in_lists = {name for name, _ in model.__dict__.get("_adopted", {}).values()}  # which Keras leaves as they are
    own = [part for name, part in model._modules.items() if name not in in_lists or isinstance(part, Layer)]
    own = [] if getattr(model, "graph", None) is not None else own
    if all(isinstance(part, Layer) for part in own):
        return listed
    known = {id(layer) for layer in listed}
    return [part for part in own if part is not None and (id(part) in known or not isinstance(part, Layer))]


def class_word(layer: torch.nn.Module) -> str:
    """What Keras calls a layer of this class in a container."""
    if not isinstance(layer, Layer):
        return _CLASS_WORDS[layers.TorchModule]
    if type(layer) is MODELS.get("Model"):
        return "functional"
    return _CLASS_WORDS.get(type(layer)) or snake_case(type(layer).__name__)


def _children(layer: Layer) -> Iterator[tuple[str, Any]]:
    """(attribute, layer or container), in the order in which Keras comes by them: private ones last."""
    adopt_nested_layers(layer)
    drawn = getattr(layer, "graph", None) is not None or isinstance(layer, MODELS["Sequential"])
    if drawn:
        yield "layers", layer.layers
    words = next((words for kind, words in _ATTRIBUTES.items() if isinstance(layer, kind)), {})
    found: dict[str, Any] = {
        name: value
        for name, value in vars(layer).items()
        if not name.startswith("_") and isinstance(value, (list, tuple, dict))
    }
    found |= {words.get(name, name): child for name, child in layer._modules.items() if child is not None}
    if not drawn and isinstance(layer, MODELS["Model"]):
        found["layers"] = layer.layers
    yield from sorted(found.items(), key=lambda item: f"~{item[0]}" if item[0].startswith("_") else item[0])


def word_of_today(path: str) -> str:
    """A path in a file of an older Keras, as this version says it."""
    return "/".join(_OLD_WORDS.get(word, word) for word in path.split("/"))


def is_weight(path: str) -> bool:
    """Whether an array in a file may be one of a model's weights."""
    words = path.split("/")
    return words[0] != OPTIMIZER and not any(word in _NO_WEIGHTS for word in words)
