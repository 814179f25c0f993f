"""Weights: the part of a layer that makes, lists, freezes and copies its weights."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

import numpy as np
import torch

from lamina import constraints, initializers, regularizers
from lamina._torch.sharding import is_sharded, laid_out_like
from lamina.argument_kinds import as_flag
from lamina.arrays import as_array, as_tensor
from lamina.graph import Constant, ShapeError
from lamina.graph.dtypes import to_torch
from lamina.graph.operation import Operation
from lamina.initializers import Initializer
from lamina.probing import for_real, probing
from lamina.tracebacks import door
from lamina.users_traceback import at_users_line, fold

from .absent import Attributes
from .drawn_calls import known_names
from .first_values import made_by
from .listed_variables import adopt_variables, register_variable
from .mode_watch import watch_anew
from .moving import follow_weights, tell_places
from .name_scopes import scoped
from .nested import adopt_nested_layers, holds_modules, known_parts, note_container
from .stateless_calls import stateless_call, symbolic_call
from .taken_names import OURS, refuse_ours, refuse_taken
from .variable import Variable, become_variable
from .weight_facts import WeightFacts, places
from .weight_shapes import refuse_no_arrays, takes_shape_first, whole_sizes
from .weights_anew import note_weight, tell_if_replaced

# Values that are neither weights nor parts, and hold none.
_SETTINGS = frozenset((bool, int, float, str, type(None), torch.dtype))
_HELD = (torch.Tensor, torch.nn.Module)


class Weights(Operation, Attributes):
    """An ``nn.Module`` whose parameters and buffers are also Keras' weights, in Keras' order."""

    _trainable: bool
    _torch_dtype: torch.dtype
    _variable_torch_dtype: torch.dtype
    built: bool
    _losses: list[torch.Tensor]
    _name: str
    _asks_mode = True
    _mode_is_set = _is_watched = False
    _watch: Any = None
    weight_facts: dict[str, WeightFacts]
    """Name of a weight in this layer -> what is known of it, whatever tensor stands there."""
    frozen_for_good: frozenset[str] = frozenset()
    """Weights that stay frozen when the layer is trained again, as a kernel that has adapters."""
    adds_losses = False
    """True for a layer of Lamina's own whose call adds losses."""

    def __init__(self) -> None:
        super().__init__()
        # Lists of layers do not tell which of them came first to which list.
        self.__dict__.update(weight_facts={}, _made_at=perf_counter_ns(), _containers=())

    @takes_shape_first
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight and register it.

        Args:
            shape: its shape; () by default.
            initializer: name or object; "glorot_uniform" for floats and "zeros" for others by default.
            dtype: the layer's `variable_dtype` by default.
            trainable: a parameter for the optimizer if True, else a buffer; both stand in ``state_dict``.
            regularizer, constraint: names or objects.
            name: what it is called; the attribute it is assigned to names it in ``state_dict``.
            autocast: under a mixed policy ``call`` sees a trainable weight in the compute dtype; False: as it is.
            aggregation: Keras' word for several devices; without effect on one.
            overwrite_with_gradient: the optimizer replaces the values by the gradient.
        """
        shape = whole_sizes(shape, self)
        kind = to_torch(dtype) if dtype is not None else self._variable_torch_dtype
        init = initializer
        if not isinstance(initializer, Initializer):
            init = initializers.get(initializer or ("glorot_uniform" if kind.is_floating_point else "zeros"))
        # Real even while the layer is being tried on tensors without storage; a build is made for real as a whole.
        name = name or "variable"
        if self._building:
            value = made_by(init, shape, kind, self, name)
        else:
            with for_real(self):
                value = made_by(init, shape, kind, self, name)
        trainable = trainable and kind.is_floating_point
        facts = WeightFacts(
            name,
            scoped(f"{self._name}/{name}"),
            regularizers.get(regularizer),
            constraints.get(constraint),
            autocast,
            is_buffer=not trainable,
            layer_has_it=True,
            aggregation=aggregation,
            overwrite_with_gradient=overwrite_with_gradient,
        )
        weight = Variable.of_layer(value, trainable and self._trainable, facts)
        key = self._free_key(name)
        slot: dict[str, Any] = self._parameters if trainable else self._buffers
        slot[key] = weight
        self.weight_facts[key] = facts
        note_weight(self, facts)
        if "_set_names" in self.__dict__:
            self.__dict__["_set_names"].add("_parameters")
        return weight

    add_variable = add_weight

    def _free_key(self, name: str) -> str:
        """Under which a new weight of this name stands in ``state_dict``, until an attribute names it."""
        key, k = name if name.isidentifier() else name.replace(".", "_").replace("/", "_"), 1
        while key in self._parameters or key in self._buffers:
            key, k = f"{name}_{k}", k + 1
        return key

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if name in OURS:
            refuse_ours(self, name, value)
        kind = type(value)
        # Most attributes are settings, and setting them is a good part of the time that a layer's __init__ takes.
        if (kind in _SETTINGS or not isinstance(value, _HELD)) and not (
            "_modules" in own and (name in own["_parameters"] or name in own["_buffers"] or name in own["_modules"])
        ):
            if "_set_names" in own:  # a stand-in, for one call
                own["_set_names"].add(name)
            try:
                object.__setattr__(self, name, value)
            except AttributeError:
                refuse_taken(self, name, value)
                raise
            except TypeError as error:  # what a property refuses
                fold(error, sys._getframe(1))
                raise
            if kind not in _SETTINGS and note_container(self, name, value) and "_modules" in own:
                if holds_modules(value):
                    adopt_nested_layers(self, in_place=False)
                adopt_variables(self, name)
            return
        if isinstance(value, Variable) and self._name_weight(name, value):
            return
        if "_set_names" in self.__dict__:
            self.__dict__["_set_names"].add(name)
        if value is None or isinstance(value, torch.nn.Module):
            self._set_part(name, value)
        elif isinstance(value, torch.Tensor):
            self._set_tensor(name, value)
        elif name in self.__dict__.get("_modules", ()) and (hasattr(type(self), name) or name in self.__dict__):
            note_container(self, name, value)
            object.__setattr__(self, name, value)  # a part may be called like an attribute: the attribute is meant
        else:
            super().__setattr__(name, value)

    def _name_weight(self, name: str, weight: Variable) -> bool:
        """Whether this is a weight that `add_weight` has made here: it stays what it is, under the attribute's name."""
        slots: tuple[dict[str, Any], ...] = (self.__dict__.get("_parameters", {}), self.__dict__.get("_buffers", {}))
        for slot in slots:
            key = name if slot.get(name) is weight else next((key for key, own in slot.items() if own is weight), None)
            if key is None:
                continue
            named = self.__dict__.setdefault("_attribute_weights", set())
            if key != name and key not in named:
                tell_if_replaced(self, name, self.weight_facts.get(key))
                slot[name] = slot.pop(key)
                if key in self.weight_facts:
                    self.weight_facts[name] = self.weight_facts.pop(key)
            named.add(name)
            lent = self.__dict__.get("_lent_dtype")
            if lent is not None and slot is not slots[1] and self.weight_facts[name].autocast:
                self.__dict__[name] = weight.to(lent)  # as every later call has it
            return True
        return False

    def _set_tensor(self, name: str, value: torch.Tensor) -> None:
        """A tensor in a weight's place becomes what ``load_state_dict(assign=True)`` makes of it; else PyTorch's."""
        if isinstance(value, Variable) and value.is_detached:
            value = value.as_subclass(torch.Tensor)
            old = self.__dict__.get("_parameters", {}).get(name)
            if old is not None:
                value = torch.nn.Parameter(value, old.requires_grad)
        is_buffer = self.__dict__.get("_buffers", {}).get(name) is not None
        if is_buffer and isinstance(value, torch.nn.Parameter) and not value.requires_grad:
            self._know(name, value)
            self._buffers[name] = value  # PyTorch would train it
        elif getattr(value.__dict__.get("facts"), "is_buffer", False) and not is_buffer and "_buffers" in self.__dict__:
            register_variable(self, name, value)  # type: ignore[arg-type]  # only a `Variable` has facts
        else:
            super().__setattr__(name, value)

    def _set_part(self, name: str, part: torch.nn.Module | None) -> None:
        """A module becomes a part, perhaps in the place of another; None takes one out, or a weight."""
        if part is not None:
            if "_modules" in self.__dict__:
                adopt_nested_layers(self)  # what came to a list by now comes before
            self.__dict__.update(_looked_at=False, _direct=False, _cast_plan=None)
            if not isinstance(part, Weights):
                part.train(self.training)  # PyTorch's modules are born in training mode, layers in inference mode
        before = self.__dict__.get("_modules", {}).get(name)
        super().__setattr__(name, part)  # type: ignore[arg-type]  # None is for PyTorch to judge
        if part is not None and before not in (None, part):
            adopt_nested_layers(self)  # it may stand in a list too
            tell_places(self)  # what it returns may have another shape now

    def _holds(self, name: str) -> bool:
        """Whether a weight, a buffer or a part goes by this name."""
        own = self.__dict__
        return "_modules" in own and (name in own["_parameters"] or name in own["_buffers"] or name in own["_modules"])

    def train(self, mode: bool = True) -> Any:
        """PyTorch's; and the mode counts as said, see `lamina.layers.mode_watch`."""
        self.__dict__.update(_asks_mode=False, _mode_is_set=True)
        return super().train(mode)

    def register_parameter(self, name: str, param: torch.nn.Parameter | None) -> None:
        super().register_parameter(name, param)
        if param is not None:
            self._know(name, param)

    def _know(self, name: str, weight: torch.nn.Parameter) -> None:
        """What is known of the weight of this name holds of the tensor that takes its place."""
        facts = self.weight_facts.get(name)
        if facts is not None:
            become_variable(weight, facts)
        own = getattr(weight, "facts", None)
        if isinstance(weight, Variable) and own is not None and not own.layer_has_it:  # one that the user has made
            if facts is not None:
                facts.regularizer = weight.regularizer or facts.regularizer
                facts.constraint = weight.constraint or facts.constraint
                weight.facts = facts
            else:
                weight.facts.layer_has_it, self.weight_facts[name] = True, weight.facts

    # -- lists, in Keras' order: own trainable ones, own others, then those of the layers within

    def _own_weights(self) -> Iterator[Any]:
        """The weights that are this layer's own and not of a layer within, trainable ones first."""
        return _own_weights_of(self)

    def _parts(self) -> list[torch.nn.Module]:
        """The modules within, in the order in which their weights are listed."""
        adopt_nested_layers(self)
        return [part for part in self._modules.values() if part is not None]

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Weights]:
        """The layer, and those within it, each once; those right within it alone where it is not ``recursive``.

        Keras' code asks for it by this name. What lies within a module of PyTorch's counts as if it lay beside it.
        """
        found = {id(self): self}
        waiting = list(reversed(self._parts()))
        while waiting:
            part = waiting.pop()
            known = id(part) in found
            if isinstance(part, Weights):
                found.setdefault(id(part), part)
            if not known and (recursive or not isinstance(part, Weights)):
                within = part._parts() if isinstance(part, Weights) else list(part.children())
                waiting.extend(reversed(within))
        return list(found.values())[0 if include_self else 1 :]

    @property
    def weights(self) -> list[Any]:
        """All weights, each once."""
        seen: dict[int, Any] = {}
        for weight in _weights_of(self):
            seen.setdefault(id(weight), weight)
        return list(seen.values())

    variables = weights

    @property
    def trainable_weights(self) -> list[Any]:
        return [w for w in self.weights if w.requires_grad]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Any]:
        return [w for w in self.weights if not w.requires_grad]

    non_trainable_variables = non_trainable_weights

    def count_params(self) -> int:
        """Number of values in all weights."""
        return sum(w.numel() for w in self.weights)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """The weights' values as arrays, in the order of ``weights``; bfloat16 as float32."""
        return [as_array(w).copy() for w in self.weights]

    @door
    def set_weights(self, weights: list[Any]) -> None:
        """Overwrite all weights, in the order of ``weights``.

        Raises:
            ShapeError: another number of arrays, or an array of another shape; nothing is changed then.
            ArgumentTypeError: no list of arrays.
        """
        own = self.weights
        refuse_no_arrays(f"set_weights() of {self.label}", weights, len(own))
        got, due = [tuple(np.shape(w)) for w in weights], [tuple(w.shape) for w in own]
        if got != due:
            wrong = next((f" (number {i})" for i, (a, b) in enumerate(zip(got, due, strict=False)) if a != b), "")
            raise ShapeError(
                f"These arrays are not the weights of {self._name!r}{wrong}.",
                got=f"{len(got)}: {got}",
                expected=f"{len(due)}: {due}",
            )
        with torch.no_grad():
            watch_anew(self.modules())
            for weight, value in zip(own, weights, strict=True):
                values = value if isinstance(value, torch.Tensor) else as_tensor(np.asarray(value))
                weight.copy_(laid_out_like(values, weight))

    # -- freezing

    @property
    def trainable(self) -> bool:
        """Whether the optimizer may change the weights here. Setting it reaches everything under this layer."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = as_flag(value, f"{self.label}: trainable")
        adopt_nested_layers(self)
        for part in self.modules():
            if isinstance(part, Weights):
                part._trainable = value
            stays: frozenset[str] = getattr(part, "frozen_for_good", frozenset())
            for name, weight in part._parameters.items():
                if weight is None or (value and name in stays):
                    continue
                if not value and weight.requires_grad:
                    weight._lamina_frozen = True  # type: ignore[attr-defined]
                    weight.requires_grad_(False)
                elif value and (isinstance(weight, Variable) or getattr(weight, "_lamina_frozen", False)):
                    weight.requires_grad_(True)

    stateless_call, symbolic_call = stateless_call, symbolic_call

    # -- losses of the layer itself

    def add_loss(self, loss: Any) -> None:
        """Add a scalar tensor to what training minimises; called in ``call``, anew each time it runs."""
        if not probing():
            self._losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])

    @property
    def losses(self) -> list[torch.Tensor]:
        """What ``add_loss`` was given in the last call here and below, and the regularizers of the trained weights."""
        added = [term for part in self.modules() if isinstance(part, Weights) for term in part._losses]
        return added + [place.penalty() for place in places(self.modules(), "regularizer") if place.is_trained]

    def _losing_parts(self) -> list[Weights]:
        """The layers here and below whose call may add losses: those that say so, and those that are not Lamina's."""
        adopt_nested_layers(self)
        return [
            part
            for part in known_parts(self)
            if isinstance(part, Weights)
            and (
                getattr(part, "activity_regularizer", None) is not None
                or part.adds_losses
                or not type(part).__module__.startswith("lamina.")
            )
        ]

    # -- PyTorch's walks over modules, with layers in plain lists and dicts found

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, torch.nn.Module]]:
        adopt_nested_layers(self)
        result: Iterator[tuple[str, torch.nn.Module]] = super().named_modules(*args, **kwargs)
        return result

    def __dir__(self) -> list[str]:
        return known_names(self, super().__dir__())  # type: ignore[no-untyped-call]  # PyTorch gives it no hints

    def named_children(self) -> Iterator[tuple[str, torch.nn.Module]]:
        adopt_nested_layers(self)
        return super().named_children()

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        adopt_nested_layers(self)
        return super().state_dict(*args, **kwargs)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in (*self._parameters, *self._buffers):
            value = destination.get(prefix + name)
            if isinstance(value, Variable) and not keep_vars:
                destination[prefix + name] = value.as_subclass(torch.Tensor)

    to, cuda = at_users_line(torch.nn.Module.to), at_users_line(torch.nn.Module.cuda)

    @at_users_line
    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        for part in self.modules():
            adopt_nested_layers(part)
        return super().load_state_dict(*args, **kwargs)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: Any, *args: Any) -> None:
        watch_anew([self])
        for name, weight in (*self._parameters.items(), *self._buffers.items()):
            if is_sharded(weight) and prefix + name in state_dict:
                state_dict[prefix + name] = laid_out_like(state_dict[prefix + name], weight)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)
        for name, buffer in self._buffers.items():  # with assign=True other tensors stand there
            if type(buffer) is torch.Tensor and name in self.weight_facts:
                self._buffers[name] = Variable(buffer, requires_grad=False, facts=self.weight_facts[name])
        follow_weights(self)  # with assign=True they may have come in another dtype

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        """PyTorch's ``to`` makes new buffers, and new parameters in some cases; see that these stay `Variable`s."""
        before = [
            (slot, name, weight)
            for slot in (self._parameters, self._buffers)
            for name, weight in slot.items()
            if isinstance(weight, Variable)
        ]
        known = [weight.facts for _, _, weight in before]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        for (slot, name, old), facts in zip(before, known, strict=True):
            new: Any = slot[name]
            become_variable(new, facts)
            if slot is self._buffers and new is not None and not isinstance(new, Variable):
                self._buffers[name] = old.with_value(new)
        return self


def _own_weights_of(module: torch.nn.Module) -> Iterator[Any]:
    yield from (p for p in module._parameters.values() if p is not None)
    passing = module._non_persistent_buffers_set
    yield from (b for name, b in module._buffers.items() if b is not None and name not in passing)


def _weights_of(module: torch.nn.Module) -> Iterator[Any]:
    if isinstance(module, Constant) and not module._parameters:
        return  # a tensor that the graph computes with, or a state of random numbers: saved, but no weight
    yield from module._own_weights() if isinstance(module, Weights) else _own_weights_of(module)
    parts = module._parts() if isinstance(module, Weights) else module._modules.values()
    for part in parts:
        if part is not None:
            yield from _weights_of(part)
