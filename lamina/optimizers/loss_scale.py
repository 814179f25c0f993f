"""`LossScaleOptimizer`: keeps the gradients of a float16 model within what float16 can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lamina._torch import foreach
from lamina.graph.errors import ArgumentError, ShapeError, StructureError
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .base import Optimizer
from .group import dense
from .learning_rate import Steps
from .multi import MultiOptimizer, read_map
from .table import SINGLE, read_optimizer

_REGISTRY = Registry("optimizer", classes={**SINGLE, "MultiOptimizer": MultiOptimizer})

# The scale stays where float32 holds it, its half and its double exactly. Beyond, it would be inf or 0 for good.
_LOWEST, _HIGHEST = 2.0**-125, 2.0**126

# Keras writes the base's arguments into this optimizer's config, though it takes none of them.
_NOT_TAKEN: Mapping[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """The loss is multiplied by a scale, gradients are divided by it; a step with an infinite gradient is skipped.

    The scale is halved when a gradient is not finite, and doubled after `dynamic_growth_steps` steps in a row without
    that. Use `scale_loss` before differentiating (`fit` does).

    Scale, counter and the sign to skip stay on the device of the weights, so no step waits for it. On a CPU they are
    simply read. On other devices a skipped step runs, and leaves no trace in weights and state: fused kernels are told
    to do nothing, for others weights and state are put back. As Python does not learn of it there, it counts in
    `iterations`, which schedules and bias corrections go by. On a CPU it does not, as in Keras.

    Args:
        inner_optimizer: makes the steps. Its `loss_scale_factor` is set to None.
        initial_scale: the first scale. Rather too high than too low: it falls faster than it rises.
        dynamic_growth_steps: steps until the scale is doubled.
        name: defaults to the class name in lower case.

    Raises:
        ArgumentError: an argument that belongs to the inner optimizer, or an inner one that scales as well.

    >>> from lamina.optimizers import SGD
    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> scaled = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
    >>> scaled.scale_loss(torch.tensor(2.0))
    tensor(16.)
    >>> scaled.apply([torch.tensor([8.0])], [weight])
    >>> scaled.apply([torch.tensor([float("inf")])])
    >>> weight.data, scaled.dynamic_scale
    (tensor([0.5000]), tensor(4.))
    """

    hands_on = True

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer) or isinstance(inner_optimizer, LossScaleOptimizer):
            raise ArgumentError(
                "LossScaleOptimizer scales for another optimizer.",
                got=repr(inner_optimizer),
                expected="an optimizer of lamina.optimizers that does not scale itself",
            )
        if not kwargs.pop("dynamic", True):
            raise ArgumentError(
                "LossScaleOptimizer changes its scale.",
                got="dynamic=False",
                hint="loss_scale_factor of the inner optimizer is a scale that stays",
            )
        for argument, default in _NOT_TAKEN.items():
            if kwargs.pop(argument, default) != default:
                raise ArgumentError(
                    f"LossScaleOptimizer takes no {argument}.", hint=f"{argument} of the inner optimizer"
                )
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        # Both are None until `build`, which knows the device.
        self.dynamic_scale: Tensor | None = None
        self.step_counter: Tensor | None = None
        super().__init__(learning_rate=0.0, name=name, **kwargs)
        inner_optimizer.loss_scale_factor = None

    @property
    def iterations(self) -> Steps:
        """Number of updates made so far, by the inner optimizer."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def scale_loss(self, loss: Any) -> Any:
        """`loss` times the scale, to be differentiated instead of `loss`."""
        loss = loss if isinstance(loss, Tensor) else torch.tensor(float(loss))
        if self.dynamic_scale is None:
            # A tensor of float32, not a number: with that, a float16 loss would become an infinite one of float16.
            return loss * torch.full((), self.initial_scale, dtype=torch.float32, device=loss.device)
        return loss * self.dynamic_scale.to(loss.device)

    # ------------------------------------------------------------------------------------------------------ stepping

    def build(self, parameters: Iterable[Tensor]) -> None:
        """Say which parameters there are; see `Optimizer.build`."""
        parameters = list(parameters)
        self.inner_optimizer.build(parameters)
        super().build(parameters)
        if self.dynamic_scale is None:
            self.dynamic_scale = torch.tensor(self.initial_scale, dtype=torch.float32)
            self.step_counter = torch.tensor(0)
        self._to_device()

    def forget(self, parameters: Iterable[Tensor]) -> None:
        """Let go of parameters; see `Optimizer.forget`."""
        parameters = list(parameters)
        self.inner_optimizer.forget(parameters)
        super().forget(parameters)

    def _to_device(self) -> None:
        device = self._parameters[0].device if self._parameters else None
        assert self.dynamic_scale is not None
        assert self.step_counter is not None
        self.dynamic_scale, self.step_counter = self.dynamic_scale.to(device), self.step_counter.to(device)

    @torch.no_grad()
    @at_users_line
    def apply(self, grads: Sequence[Tensor | None], parameters: Sequence[Tensor] | None = None) -> None:
        """Make one step, if all gradients are finite, and move the scale; see `Optimizer.apply`."""
        ordered = self._ordered(grads, parameters)
        present = [dense(grad, p) for grad, p in zip(ordered, self._parameters, strict=True) if grad is not None]
        if not present:
            raise self._no_gradient()
        finite = self._all_finite(present)
        assert self.dynamic_scale is not None  # made by build()
        scale = self.dynamic_scale.to(finite.device)
        unscaled = iter(foreach.div(present, scale))
        inner = [None if grad is None else next(unscaled) for grad in ordered]
        for parameter in self._overwritten:  # their gradients are values, of which no loss was scaled
            place = self._positions[id(parameter)]
            inner[place] = ordered[place]
        if not self._may_read(finite):
            self._apply_unless(~finite, inner)
        elif finite:
            self.inner_optimizer.apply(inner, self._parameters)
        self._move_scale(finite, scale)

    def _may_read(self, finite: Tensor) -> bool:
        """Whether Python can look at a tensor without waiting for a device."""
        return finite.device.type == "cpu"

    def _all_finite(self, grads: Sequence[Tensor]) -> Tensor:
        # The largest absolute value, unlike sums, is finite for all finite tensors.
        norms = foreach.norm([grad for grad in grads if grad.numel()] or list(grads), float("inf"))
        device = norms[0].device
        return torch.stack([norm.to(device, torch.float32) for norm in norms]).isfinite().all()

    def _apply_unless(self, skip: Tensor, grads: Sequence[Tensor | None]) -> None:
        """A step of the inner optimizer that leaves no trace where `skip`, a bool on the device, is true."""
        inner = self.inner_optimizer
        inner._prepare(inner._ordered(grads, self._parameters))
        if inner._skips_itself():
            inner._found_inf = skip.to(torch.float32)
            try:
                inner.apply(grads, self._parameters)
            finally:
                inner._found_inf = None
            return
        held = inner._held()
        before = [tensor.detach().clone() for tensor in held]
        inner.apply(grads, self._parameters)
        for tensor, old in zip(held, before, strict=True):
            tensor.copy_(torch.where(skip.to(tensor.device), old, tensor))

    def _move_scale(self, finite: Tensor, scale: Tensor) -> None:
        assert self.step_counter is not None  # made by build()
        counter = self.step_counter.to(finite.device)
        grows = finite & (counter == self.dynamic_growth_steps - 1)
        factor = torch.where(finite, torch.where(grows, 2.0, 1.0), 0.5)
        self.dynamic_scale = (scale * factor).clamp(_LOWEST, _HIGHEST)
        self.step_counter = torch.where(finite & ~grows, counter + 1, 0)

    def _prepare(self, grads: Sequence[Tensor | None]) -> None:
        self.inner_optimizer._prepare(self.inner_optimizer._ordered(grads, self._parameters))

    def _held(self) -> list[Tensor]:
        return self.inner_optimizer._held()

    def finalize_variable_values(self, var_list: Iterable[Tensor] | None = None) -> None:
        """At the end of training: see `Optimizer.finalize_variable_values`."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """`Optimizer.exclude_from_weight_decay` of the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def _is_decayed(self, parameter: Tensor) -> bool:
        return self.inner_optimizer._is_decayed(parameter)

    def _decayed(self, group: Any) -> list[Tensor]:
        return self.inner_optimizer._decayed(group)

    # -------------------------------------------------------------------------------------------------------- saving

    def state_dict(self) -> dict[str, Tensor]:
        """Once built "step_counter" and "dynamic_scale", and the state of the inner optimizer under "inner/"."""
        own = {"step_counter": self.step_counter, "dynamic_scale": self.dynamic_scale}
        state = {name: tensor for name, tensor in own.items() if tensor is not None}
        return state | {f"inner/{key}": tensor for key, tensor in self.inner_optimizer.state_dict().items()}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Tensor], assign: bool = False) -> None:
        """Restore what `state_dict` gave, exactly.

        Args:
            assign: the tensors given become the state, without a copy where possible.

        Raises:
            StructureError: the names differ, as for another optimizer or another model.
            ShapeError: a tensor has another shape than its parameter.
        """
        state = dict(state_dict)
        counter, scale = state.pop("step_counter", None), state.pop("dynamic_scale", None)
        if any(not key.startswith("inner/") for key in state):
            raise StructureError(
                f"This state does not belong to optimizer {self.name!r}.",
                got=", ".join(sorted(state)[:4]),
                expected="step_counter, dynamic_scale, and the state of the inner optimizer under inner/",
                hint="a state of the inner optimizer alone goes into inner_optimizer.load_state_dict",
            )
        for name, tensor in (("step_counter", counter), ("dynamic_scale", scale)):
            if tensor is not None and tensor.ndim:
                got = str(tuple(tensor.shape))
                raise ShapeError(f"{name} of optimizer {self.name!r} is one number.", got=got, expected="()")
        inner = {key.removeprefix("inner/"): tensor for key, tensor in state.items()}
        self.inner_optimizer.load_state_dict(inner, assign)
        if counter is not None and scale is not None:
            self.step_counter, self.dynamic_scale = counter.clone(), scale.clone()
            self._to_device()

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as JSON types."""
        return {
            "name": self.name,
            "inner_optimizer": _REGISTRY.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> LossScaleOptimizer:
        """Reverse of `get_config`; what is the user's own comes from `custom_objects`, by name."""
        return cls(**{**config, "inner_optimizer": read_inner(config["inner_optimizer"], custom_objects)})


def read_inner(inner: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """The optimizer that `LossScaleOptimizer.get_config` has written; anything but data comes back as it is."""
    if not isinstance(inner, dict):
        return inner
    return read_optimizer(_REGISTRY, inner, custom_objects, {"optimizer_map": read_map})
