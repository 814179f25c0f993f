"""`MultiOptimizer`: several optimizers, each for some of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError, StructureError
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .base import Optimizer
from .optimizer_map import OptimizerMap, check_single

_MAPS = Registry("choice of optimizers", classes={"OptimizerMap": OptimizerMap})


class SeveralRatesError(ArgumentError, AttributeError):
    """`learning_rate` was asked of an optimizer that has several. An AttributeError, so that `hasattr` says no."""


class MultiOptimizer(Optimizer):
    """Each weight is trained by the optimizer that `optimizer_map` gives for it.

    A weight gets its optimizer when `build` first sees it. Each optimizer has its own learning rate, clipping (a global
    norm is that of its own weights) and so on; they stand in ``optimizers``. One whose weights are all frozen rests.

    Args:
        optimizer_map: an `OptimizerMap`, one optimizer for all, or a function that gives a weight's. It may make
            optimizers: each different object is kept.
        loss_scale_factor: the loss was multiplied by this (`scale_loss`); overwrites that of each optimizer.
        name: defaults to the class name in lower case.

    >>> from lamina.optimizers import SGD, Adam
    >>> encoder, head = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    >>> adam, sgd = Adam(0.5), SGD(0.25)
    >>> both = MultiOptimizer(lambda weight: adam if weight is encoder else sgd)
    >>> both.apply([torch.ones(1), torch.ones(1)], [encoder, head])
    >>> encoder.data, head.data
    (tensor([-0.5000]), tensor([-0.2500]))
    """

    hands_on = True

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Tensor], Optimizer] | Optimizer,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(optimizer_map, Optimizer):
            optimizer_map = OptimizerMap(optimizer_map)
        if not callable(optimizer_map):
            raise ArgumentError(
                "MultiOptimizer needs to know which optimizer trains which weight.",
                got=repr(optimizer_map),
                expected="an OptimizerMap, or a function of a weight",
            )
        self.optimizers: list[Optimizer] = []
        self._optimizer_map = optimizer_map
        # For each optimizer, the positions of its weights among all, in the order in which it knows them.
        self._shares: list[list[int]] = []
        self._exclusion: dict[str, Any] | None = None
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def _take(self, optimizer: Any) -> int:
        """The position of `optimizer` in ``optimizers``, where it stands from now on."""
        for k, known in enumerate(self.optimizers):
            if known is optimizer:
                return k
        self.optimizers.append(check_single(optimizer, "one of several"))
        self._shares.append([])
        optimizer.loss_scale_factor = self.loss_scale_factor
        if self._exclusion is not None:
            optimizer.exclude_from_weight_decay(**self._exclusion)
        return len(self.optimizers) - 1

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied by."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self.optimizers:
            optimizer.loss_scale_factor = value

    @property
    def learning_rate(self) -> Any:
        """Not to be had: each of ``optimizers`` has its own."""
        raise SeveralRatesError(
            f"{self.name!r} has a learning rate for each of its optimizers.",
            hint="optimizer.optimizers[0].learning_rate",
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise SeveralRatesError(
            f"{self.name!r} has a learning rate for each of its optimizers.",
            got=f"one learning rate, {value!r}",
            hint=f"optimizer.optimizers[0].learning_rate = {value!r}",
        )

    # ------------------------------------------------------------------------------------------------------ stepping

    def build(self, parameters: Iterable[Tensor]) -> None:
        """Say which parameters there are, and choose the optimizer of each; called again, it adds those not known yet.

        Raises:
            ArgumentError: a parameter is there twice, or what is chosen for one is no optimizer.
        """
        parameters = list(parameters)
        new: dict[int, list[Tensor]] = {}
        count = len(self._parameters)
        for p in parameters:
            if id(p) not in self._positions:
                k = self._take(self._optimizer_map(p))
                new.setdefault(k, []).append(p)
                self._shares[k].append(count)
                count += 1
        for k, own in new.items():
            self.optimizers[k].build(own)
        super().build(parameters)

    def forget(self, parameters: Iterable[Tensor]) -> None:
        """Let go of parameters; see `Optimizer.forget`."""
        parameters = list(parameters)
        for optimizer in self.optimizers:
            optimizer.forget(parameters)
        super().forget(parameters)

    def _keep(self, kept: list[int]) -> None:
        place = {old: new for new, old in enumerate(kept)}
        self._shares = [[place[i] for i in share if i in place] for share in self._shares]
        super()._keep(kept)

    @at_users_line
    def apply(self, grads: Sequence[Tensor | None], parameters: Sequence[Tensor] | None = None) -> None:
        """Make one step of each optimizer whose weights have gradients; see `Optimizer.apply`."""
        ordered = self._ordered(grads, parameters)
        if all(grad is None for grad in ordered):
            raise self._no_gradient()
        for optimizer, own, weights in self._shared_out(ordered):
            optimizer.apply(own, weights)
        self._iterations += 1

    def _shared_out(self, grads: Sequence[Tensor | None]) -> list[tuple[Optimizer, list[Tensor | None], list[Tensor]]]:
        """(optimizer, gradients, parameters), for those with any gradient."""
        shares = zip(self.optimizers, self._shares, strict=True)
        parts = [(o, [grads[i] for i in share], [self._parameters[i] for i in share]) for o, share in shares]
        return [part for part in parts if any(grad is not None for grad in part[1])]

    def _prepare(self, grads: Sequence[Tensor | None]) -> None:
        for optimizer, own, weights in self._shared_out(grads):
            optimizer._prepare(optimizer._ordered(own, weights))

    def _held(self) -> list[Tensor]:
        return [tensor for optimizer in self.optimizers for tensor in optimizer._held()]

    def finalize_variable_values(self, var_list: Iterable[Tensor] | None = None) -> None:
        """At the end of training: overwrite weights by their moving averages, where their optimizer keeps one."""
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values()

    # -------------------------------------------------------------------------------------------------- weight decay

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """`Optimizer.exclude_from_weight_decay` of each optimizer, those that are taken later too."""
        self._exclusion = {"var_list": list(var_list or []), "var_names": list(var_names or [])}
        for optimizer in self.optimizers:
            optimizer.exclude_from_weight_decay(**self._exclusion)

    def _is_decayed(self, parameter: Tensor) -> bool:
        position = self._positions.get(id(parameter))
        if position is None:
            # A map can be asked ahead of `build`. A function may make an optimizer each time, so it is not asked.
            choice = self._optimizer_map
            return choice(parameter)._is_decayed(parameter) if isinstance(choice, OptimizerMap) else True
        owner = next(o for o, share in zip(self.optimizers, self._shares, strict=True) if position in share)
        return owner._is_decayed(parameter)

    def _decayed(self, group: Any) -> list[Tensor]:
        return [p for p in group.parameters if self._is_decayed(p)]

    # -------------------------------------------------------------------------------------------------------- saving

    def state_dict(self) -> dict[str, Tensor]:
        """The number of steps, "iterations", and for each of ``optimizers`` its state, under "<its position>/"."""
        state = {"iterations": torch.tensor(self._iterations)}
        for k, optimizer in enumerate(self.optimizers):
            state |= {f"{k}/{key}": tensor for key, tensor in optimizer.state_dict().items()}
        return state

    def _load_slots(self, state: Mapping[str, Tensor], assign: bool = False) -> None:
        parts: dict[str, dict[str, Tensor]] = {str(k): {} for k in range(len(self.optimizers))}
        for key, tensor in state.items():
            position, _, name = key.partition("/")
            if position not in parts:
                raise self._foreign(f"a state {key!r}", torch.empty(1))
            parts[position][name] = tensor
        for position, part in parts.items():
            self.optimizers[int(position)].load_state_dict(part, assign)

    def _foreign(self, got: str, parameter: Tensor) -> StructureError:
        return StructureError(
            f"This state does not belong to optimizer {self.name!r} on these parameters.",
            got=got,
            expected=f"iterations, and the states of {len(self.optimizers)} optimizers, numbered from 0",
            hint="build the same optimizers, with the same arguments, on the same parameters",
        )

    def get_config(self) -> dict[str, Any]:
        """As JSON types. A function is named, and comes back from `custom_objects`; one without a name is refused."""
        choice = _MAPS.serialize(self._optimizer_map)
        return {"optimizer_map": choice, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> MultiOptimizer:
        """Reverse of `get_config`; what is the user's own comes from `custom_objects`, by name."""
        return cls(**{**config, "optimizer_map": read_map(config["optimizer_map"], custom_objects)})


def read_map(choice: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """The map or function that `MultiOptimizer.get_config` has written; anything but data comes back as it is."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("class_name") == "OptimizerMap" and isinstance(choice.get("config"), dict):
        made = OptimizerMap.from_config(choice["config"], custom_objects)
        choice = {**choice, "config": {"default_optimizer": made.default_optimizer, "optimizer_map": dict(made)}}
    return _MAPS.deserialize(choice, custom_objects)
