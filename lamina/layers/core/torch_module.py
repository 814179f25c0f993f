"""TorchModule: any ``nn.Module`` as a layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from lamina.graph import ArgumentError, tree
from lamina.layers.base import Layer
from lamina.layers.mode_watch import watch
from lamina.layers.moving import tell_places
from lamina.probing import behind, probing
from lamina.sizes.world import Shape, merged_shape


class HoldsModule(Layer):
    """A layer around ``self.module``: what that holds is had and set through the layer too, ``model.backbone.fc``,
    ``model.out.weight``."""

    def _is_own(self, name: str) -> bool:
        """Whether an attribute is the layer's own, whatever the module has by that name."""
        return name == "module" or name in self.__dict__

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if _holds(self.__dict__.get("_modules", {}).get("module"), name):
                return getattr(self.module, name)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        inner = self.__dict__.get("_modules", {}).get("module")
        is_part = value is None or isinstance(value, (torch.nn.Module, torch.nn.Parameter))
        if is_part and _holds(inner, name) and not self._is_own(name):
            setattr(inner, name, value)
            tell_places(self)
        else:
            super().__setattr__(name, value)


class TorchModule(HoldsModule):
    """An ``nn.Module`` as a layer: its shapes are inferred, its parameters belong to the model.

    Args:
        module: the module; it is not copied, and shares its weights with every other user of it.
        output_shape: the output's shape, batch included, for a module that cannot be tried on shapes alone.
        name: made from the module's class where it is not given.

    With ``trainable=False`` its parameters stay, and so do the running averages of its batch normalizations.

    Shapes: whatever the module takes and gives; a dataclass among its results becomes a dict.

    >>> import torch
    >>> from lamina.layers import Input
    >>> TorchModule(torch.nn.Linear(4, 3))(Input((4,))).shape
    (None, 3)
    """

    has_shape_rule = False  # it is tried, but where a shape is given
    narrows_arrays = True

    def __init__(
        self, module: torch.nn.Module, name: str | None = None, output_shape: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(module, torch.nn.Module):
            raise ArgumentError(
                "TorchModule wraps an nn.Module.", got=type(module).__name__, hint="a function needs no wrapper"
            )
        if isinstance(module, Layer):
            raise ArgumentError(f"{module.label} is a layer already.", hint="call it as it is")
        self.module = module.train(False)
        self.autocast = False
        self.output_shape_given = output_shape
        self._tried: list[dict[str, list[tuple[int, ...]]]] = []
        if name is None:
            self._name = type(module).__name__.lower()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """A state may also name the weights as the module does, as before it was wrapped: ``out.weight``."""
        if not any(key.startswith(f"{prefix}module.") for key in state_dict):
            for key in [key for key in state_dict if key.startswith(prefix)]:
                state_dict[f"{prefix}module.{key[len(prefix) :]}"] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def dtype_changed(self) -> None:
        self.autocast = True  # whoever says which dtype the module is in, wants what goes in to be in that one

    def call(self, *args: Any, **kwargs: Any) -> Any:
        if probing():
            noted: dict[str, list[tuple[int, ...]]] = {}
            behind(self)._tried = [*behind(self)._tried[-1:], noted]
            with _noting_shapes(self.module, noted):
                return plain_result(self.module(*args, **kwargs))
        if self._asks_mode and (self.training or not self._is_watched):
            watch(self, self.training, args)
        module: Any = self._modules["module"]  # not by `__getattr__` above: 1 us
        return run_module(module, self._trainable, args, kwargs)

    @property
    def inner_shapes(self) -> dict[str, list[Shape]]:
        """Shapes of what the modules within return, by their paths, as found when the layer was drawn last."""
        first, last = (self._tried[0], self._tried[-1]) if self._tried else ({}, {})
        return {
            path: [merged_shape(pair) for pair in zip(shapes, last.get(path, shapes), strict=False)]
            for path, shapes in first.items()
        }

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.output_shape_given is None:
            return None
        return super().output_example(args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (
            self.output_shape_given
            if self.output_shape_given is not None
            else super().compute_output_shape(input_shape)
        )


def _holds(module: torch.nn.Module | None, name: str) -> bool:
    """Whether that is the name of a parameter, buffer or module right in this module."""
    return module is not None and any(name in slot for slot in (module._parameters, module._buffers, module._modules))


@contextmanager
def _noting_shapes(module: torch.nn.Module, noted: dict[str, list[tuple[int, ...]]]) -> Iterator[None]:
    """Within, each module under this one leaves the shapes of its result under its path."""

    def note(path: str) -> Any:
        def hook(_: Any, __: Any, result: Any) -> None:
            noted[path] = [tuple(leaf.shape) for leaf in tree.leaves(result) if isinstance(leaf, torch.Tensor)]

        return hook

    handles = [part.register_forward_hook(note(path)) for path, part in module.named_modules() if path]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def run_module(module: torch.nn.Module, trainable: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a module. In one that is frozen, batch normalizations use their running averages and leave them alone."""
    norms = [] if trainable else [m for m in module.modules() if m.training and isinstance(m, _AVERAGING)]
    for norm in norms:
        norm.training = False
    try:
        return plain_result(module(*args, **kwargs))
    finally:
        for norm in norms:
            norm.training = True


_AVERAGING = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d, torch.nn.SyncBatchNorm)


def plain_result(result: Any) -> Any:
    """A result that is a dataclass, as those of Hugging Face's models are, as a dict of what it holds."""
    if not dataclasses.is_dataclass(result) or isinstance(result, type):
        return result
    if isinstance(result, Mapping):
        return dict(result)
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}


TorchModuleWrapper = TorchModule
