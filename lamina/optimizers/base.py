"""`Optimizer`: what every optimizer does around its own formula."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lamina._torch import foreach
from lamina._torch.sharding import laid_out_like
from lamina.graph.errors import ArgumentError, ShapeError, StructureError
from lamina.one_line import one_line, parameters_of, said, settings
from lamina.tracebacks import Doored
from lamina.users_traceback import at_users_line, fold

from . import schedules
from .arguments import check_arguments, number, tell_of_negative_rate
from .gradients import clip_by_norm, clip_by_value, global_scale
from .group import Group, as_stored_like, filled_like
from .learning_rate import LearningRate, Steps, learning_rate_of, steps_of
from .older_names import OlderNames
from .schedules import LearningRateSchedule
from .stateless import stateless_apply
from .variables import StateVariable, set_all, variables_of

Work = list[tuple[Group, list[Tensor]]]


class Optimizer(Doored, OlderNames):
    """Base of optimizers. A subclass defines `slots` and `update`; all arguments here work for each of them.

    The order of a step: divide by `loss_scale_factor`, accumulate, clip, decay weights, `update`, average, constrain.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments.
        weight_decay: weights are multiplied by 1 - learning_rate * weight_decay before each update (decoupled).
        clipnorm: each gradient is scaled down to at most this norm.
        clipvalue: each element of a gradient is brought into [-clipvalue, clipvalue].
        global_clipnorm: all gradients together are scaled down to at most this norm. At most one of the three.
        use_ema: keep an exponential moving average of the weights.
        ema_momentum: in [0, 1]: average = ema_momentum * average + (1 - ema_momentum) * weight.
        ema_overwrite_frequency: overwrite the weights by their average every so many steps; None: only in
            `finalize_variable_values`.
        loss_scale_factor: the loss was multiplied by this (`scale_loss`); gradients are divided by it.
        gradient_accumulation_steps: update once every so many calls, with the mean of their gradients. At least 2.
        name: defaults to the class name in lower case.

    >>> class SignDescent(Optimizer):
    ...     def update(self, group, grads, learning_rate):
    ...         for parameter, grad in zip(group.parameters, grads):
    ...             parameter.add_(grad.sign(), alpha=-learning_rate)
    >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    >>> SignDescent(learning_rate=0.5).apply([torch.tensor([3.0, -4.0])], [weight])
    >>> weight.data
    tensor([0.5000, 2.5000])
    """

    kernel: str | None = None
    """Name of the fused kernel of PyTorch that `update` calls where ``group.fused``: "adam", "adagrad", "sgd"."""

    hands_on = False
    """True for an optimizer that leaves the steps to others."""

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float],
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = name or type(self).__name__.lower()
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_arguments(self, kwargs)
        self._set_learning_rate(learning_rate)
        self.built = False
        self._iterations = 0
        self._parameters: list[Tensor] = []
        self._positions: dict[int, int] = {}
        # Position of a parameter -> its tensors of state, there from its first gradient on.
        self._slots: dict[int, dict[str, Tensor]] = {}
        self._groups: list[Group] = []
        self._members: list[list[int]] = []
        # Which parameters had gradients in the last step, and the groups made for that, with their positions.
        self._present: list[bool] | None = None
        self._plan: list[tuple[Group, list[int]]] = []
        self._constraints: dict[int, Callable[[Tensor], Tensor]] = {}
        self._overwritten: list[Tensor] = []
        self._undecayed: list[Tensor] = []
        self._undecayed_names: re.Pattern[str] | None = None
        self._state_to_load: Mapping[str, Tensor] | None = None
        # 1.0 on the device where this step is to be skipped; set by LossScaleOptimizer for the length of a step.
        self._found_inf: Tensor | None = None

    # ------------------------------------------------------------------------------------ what a subclass defines

    def slots(self) -> dict[str, float]:
        """Name and first value of each tensor of state, of the parameter's shape, that a parameter needs."""
        return {}

    def first_state(self, parameter: Tensor) -> dict[str, Tensor]:
        """The tensors of state that `parameter` starts with, for optimizers to which `slots` is not enough.

        Parameters whose state has other names are updated in groups of their own.
        """
        return {name: filled_like(parameter, first) for name, first in self.slots().items()}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        """Change ``group.parameters`` in place. `grads` are clipped and fit them in dtype and memory layout."""
        raise NotImplementedError(f"{type(self).__name__} must define update(self, group, grads, learning_rate).")

    def decay_of(self, group: Group) -> float | None:
        """The weight decay of these parameters."""
        return self.weight_decay

    def decays_itself(self, group: Group) -> bool:
        """True if `update` applies the weight decay too, within its kernel."""
        return False

    def skips_itself(self, group: Group) -> bool:
        """True if all that a step does to the group is one kernel that is given ``self._found_inf``."""
        return False

    @one_line
    def __repr__(self) -> str:
        own = parameters_of(type(self)).keys() - parameters_of(Optimizer).keys()
        told = settings(self, always=own, ask=False, leave_out=["learning_rate"])
        rate = getattr(self, "_learning_rate", None)
        words = [*([] if rate is None or self.hands_on else [f"learning_rate={said(rate)}"]), *told]
        words += [f"{self.iterations:,} steps made"] if self.iterations else []
        return f"{type(self).__name__}: {', '.join(words)}"

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as JSON types. A subclass adds its own."""
        rate = self._learning_rate
        names = "weight_decay clipnorm global_clipnorm clipvalue use_ema ema_momentum ema_overwrite_frequency".split()
        names += ["loss_scale_factor", "gradient_accumulation_steps"]
        rate = rate if isinstance(rate, float) else schedules.serialize(rate)
        return {"name": self.name, "learning_rate": rate, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
        """Reverse of `get_config`; a schedule of the user comes from `custom_objects`, by its name."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    # ------------------------------------------------------------------------------------------------------ reading

    @property
    def iterations(self) -> Steps:
        """Number of updates made so far; with accumulation, calls of `apply` // `gradient_accumulation_steps`."""
        return steps_of(self, self._updates)

    @property
    def _updates(self) -> int:
        return self._iterations // (self.gradient_accumulation_steps or 1)

    @property
    def learning_rate(self) -> LearningRate:
        """The learning rate of the next step. Assign a number, a schedule or a function to change it."""
        return learning_rate_of(self, self._rate())

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | LearningRateSchedule | Callable[[], float]) -> None:
        self._set_learning_rate(learning_rate)

    def _rate(self) -> float:
        rate = self._learning_rate
        if isinstance(rate, float):
            return rate
        return float(rate(self._iterations)) if isinstance(rate, LearningRateSchedule) else float(rate())

    def _set_learning_rate(self, learning_rate: float | LearningRateSchedule | Callable[[], float]) -> None:
        if callable(learning_rate) and not isinstance(learning_rate, Tensor):
            self._learning_rate: Any = learning_rate
            return
        try:
            self._learning_rate = number(learning_rate)
            tell_of_negative_rate(self, self._learning_rate)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                "A learning rate is a number, a LearningRateSchedule or a function without arguments.",
                got=repr(learning_rate),
                hint="a schedule's config goes through schedules.deserialize",
            ) from error

    @property
    def variables(self) -> list[StateVariable]:
        """All state as tensors that can be assigned, in the order of `state_dict`."""
        return variables_of(self)

    @at_users_line
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign each of `variables`.

        Raises:
            ArgumentError: the optimizer is not built, or another number came. ShapeError: another shape.
        """
        set_all(self, weights)

    def scale_loss(self, loss: Any) -> Any:
        """`loss` times `loss_scale_factor`, to be differentiated instead of `loss`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ----------------------------------------------------------------------------------------------------- building

    @torch.no_grad()
    def build(self, parameters: Iterable[Tensor]) -> None:
        """Say which parameters there are; called again, it adds those that it does not know.

        Their order is the order of `state_dict`, so give all of them, frozen ones too: state takes memory only from the
        first gradient of a parameter on.

        Raises:
            ArgumentError: a parameter is there twice.
        """
        parameters = list(parameters)
        if len({id(p) for p in parameters}) != len(parameters):
            raise ArgumentError(
                "A parameter is given to the optimizer twice.",
                got=f"{len(parameters)} parameters, {len({id(p) for p in parameters})} of them different",
                hint="list(model.parameters()) has each once",
            )
        for p in parameters:
            if id(p) not in self._positions:
                self._positions[id(p)] = len(self._parameters)
                self._parameters.append(p)
        constraints = {i: getattr(p, "constraint", None) for i, p in enumerate(self._parameters)}
        self._constraints = {i: constraint for i, constraint in constraints.items() if constraint is not None}
        self._overwritten = [p for p in self._parameters if getattr(p, "overwrite_with_gradient", False)]
        self.built = True
        if self._state_to_load is not None:
            state, self._state_to_load = self._state_to_load, None
            self._load_slots(state)

    def forget(self, parameters: Iterable[Tensor]) -> None:
        """Let go of parameters that a model has no more, and of their state. Others are passed over."""
        gone = {id(p) for p in parameters}
        kept = [i for i, p in enumerate(self._parameters) if id(p) not in gone]
        if len(kept) < len(self._parameters):
            self._keep(kept)

    @torch.no_grad()
    def _keep(self, kept: list[int]) -> None:
        """Know only the parameters at these positions from now on, in this order."""
        place = {old: new for new, old in enumerate(kept)}
        self._parameters = [self._parameters[i] for i in kept]
        self._positions = {id(p): i for i, p in enumerate(self._parameters)}
        self._slots = {place[i]: state for i, state in self._slots.items() if i in place}
        self._constraints = {place[i]: rule for i, rule in self._constraints.items() if i in place}
        self._overwritten = [p for p in self._overwritten if id(p) in self._positions]
        self._regroup()

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        """All tensors of state that `parameter` starts with."""
        state = self.first_state(parameter)
        if self.use_ema:
            # A parameter thawed late has an average to start from, too.
            state["average"] = parameter.detach().clone()
        if self.gradient_accumulation_steps:
            state["gradient_accumulator"] = filled_like(parameter, 0.0)
        return state

    def _regroup(self) -> None:
        """Sort parameters with state into groups by device, dtype, mesh and kind of state; bring the state to where and
        how they are now."""
        members: dict[tuple[Any, ...], list[int]] = {}
        self._present, self._plan = None, []
        for i in sorted(self._slots):
            p, state = self._parameters[i], self._slots[i]
            members.setdefault((p.device, p.dtype, getattr(p, "device_mesh", None), *state), []).append(i)
            for name, tensor in state.items():
                state[name] = as_stored_like(p, tensor)
        self._members = list(members.values())
        self._groups = [
            Group(
                [self._parameters[i] for i in indices],
                {name: [self._slots[i][name] for i in indices] for name in self._slots[indices[0]]},
                self.kernel,
            )
            for indices in self._members
        ]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Exempt parameters from weight decay: those in `var_list`, and those whose name matches one of `var_names`.

        >>> from lamina.optimizers import AdamW
        >>> AdamW(weight_decay=0.004).exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        """
        self._undecayed = list(var_list or [])
        patterns = sorted(set(var_names or []))
        self._undecayed_names = re.compile("|".join(patterns)) if patterns else None

    # ----------------------------------------------------------------------------------------------------- stepping

    @at_users_line
    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Tensor]]) -> int:
        """`apply` for pairs of gradient and parameter; returns the number of calls so far."""
        grads, parameters = zip(*grads_and_vars, strict=True)
        self.apply(grads, parameters)
        return self._iterations

    stateless_apply = stateless_apply

    def apply(self, grads: Sequence[Tensor | None], parameters: Sequence[Tensor] | None = None) -> None:
        """Make one step.

        Args:
            grads: one gradient per parameter; a parameter whose gradient is None is left as it is. Not changed.
            parameters: those that `grads` belong to, all or some of those that the optimizer was built on. None: all.
                The first call builds it, if `build` has not.

        Raises:
            ArgumentError: no gradients, as many gradients as parameters are not there, or an unknown parameter.
        """
        try:
            ordered = self._ordered(grads, parameters)
            if torch.is_grad_enabled():
                with torch.no_grad():
                    self._apply(ordered)
            else:
                self._apply(ordered)
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    def _apply(self, grads: Sequence[Tensor | None]) -> None:
        if self._overwritten:
            given, grads = grads, self._overwrite(grads)
            if all(map(operator.is_, grads, [None] * len(grads))) and any(grad is not None for grad in given):
                self._iterations += 1
                return
        work = self._work(grads)
        if self.loss_scale_factor is not None:
            work = [(group, foreach.div(scaled, self.loss_scale_factor)) for group, scaled in work]
        if self.gradient_accumulation_steps:
            work = self._accumulated(work)
        if work:
            self._step(self._clipped(work))
        if self.use_ema:
            self._average()
        for i, constraint in self._constraints.items():
            if grads[i] is not None:
                self._parameters[i].copy_(constraint(self._parameters[i]))
        self._iterations += 1

    def _overwrite(self, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """Parameters that say so take their gradient as their value; the gradients that are left."""
        left = list(grads)
        for parameter in self._overwritten:
            position = self._positions[id(parameter)]
            value, left[position] = left[position], None
            if value is not None:
                parameter.copy_(value)
        return left

    def _step(self, work: Work) -> None:
        rate = self._rate()
        for group, grads in work:
            decay = self.decay_of(group)
            if decay is not None and not self.decays_itself(group):
                decayed = self._decayed(group)
                if decayed:
                    foreach.mul_(decayed, 1.0 - rate * decay)
            self.update(group, grads, rate)
        if self.gradient_accumulation_steps:
            for group in self._groups:
                foreach.zero_(group["gradient_accumulator"])

    def _ordered(self, grads: Sequence[Tensor | None], parameters: Sequence[Tensor] | None) -> Sequence[Tensor | None]:
        """One entry for each parameter that the optimizer was built on."""
        if parameters is not None and not self.built:
            self.build(parameters)
        due = self._parameters if parameters is None else parameters
        if not self.built or len(grads) != len(due):
            raise ArgumentError(
                f"Optimizer {self.name!r} cannot tell which parameters these gradients belong to.",
                got=f"{len(grads)} gradients for {len(due)} parameters",
                expected="one gradient (or None) per parameter",
                hint="apply(grads, parameters), or build(parameters) first",
            )
        if parameters is None or (len(due) == len(self._parameters) and all(map(operator.is_, due, self._parameters))):
            return grads
        ordered: list[Tensor | None] = [None] * len(self._parameters)
        for grad, parameter in zip(grads, parameters, strict=True):
            position = self._positions.get(id(parameter))
            if position is None:
                raise ArgumentError(
                    f"Optimizer {self.name!r} was not built on this parameter.",
                    got=f"{getattr(parameter, 'path', 'a parameter')} of shape {tuple(parameter.shape)}",
                    hint="optimizer.build(parameters) adds those that it does not know",
                )
            ordered[position] = grad
        return ordered

    def _work(self, grads: Sequence[Tensor | None]) -> Work:
        """Groups with the gradients that they are to be updated with, ready for kernels."""
        given: Any = grads  # those that are not None are taken out below
        if len(self._groups) == 1 and len(self._members[0]) == len(grads) and self._groups[0].accepts(grads):
            return [(self._groups[0], list(given))]
        present = [grad is not None for grad in grads]
        if present == self._present:
            # As in the last step: with half of 60 parameters frozen, 35 us in the place of 105.
            work: Work = [(group, [given[i] for i in positions]) for group, positions in self._plan]
            if all(group.accepts(own) for group, own in work):
                return work
        self._prepare(grads)
        self._present, self._plan = present, []
        for group, members in zip(self._groups, self._members, strict=True):
            kept = [k for k, i in enumerate(members) if present[i]]
            if kept:
                self._plan.append((group.part(kept), [members[k] for k in kept]))
        if not self._plan:
            raise self._no_gradient()
        return [(group, group.fitted([given[i] for i in positions])) for group, positions in self._plan]

    def _no_gradient(self) -> ArgumentError:
        return ArgumentError(
            f"Optimizer {self.name!r} got no gradient at all.",
            got=f"None for each of {len(self._parameters)} parameters",
            hint="is the loss computed from the outputs of this model, and is anything trainable?",
        )

    def _prepare(self, grads: Sequence[Tensor | None]) -> None:
        """See that there is the state that a step with these gradients needs, where and how the parameters are now."""
        new = [i for i, grad in enumerate(grads) if grad is not None and i not in self._slots]
        for i in new:
            self._slots[i] = self._state_of(self._parameters[i])
        if new or any(group.is_stale() for group in self._groups):
            self._regroup()

    def _held(self) -> list[Tensor]:
        """All tensors that a step may change."""
        return [t for group in self._groups for ts in (group.parameters, *group.slots.values()) for t in ts]

    def _skips_itself(self) -> bool:
        """True if a step with ``self._found_inf`` changes nothing where that is 1."""
        more = self.hands_on or self.use_ema or self.gradient_accumulation_steps or self._constraints
        return not more and len(self._groups) == 1 and self.skips_itself(self._groups[0])

    def _accumulated(self, work: Work) -> Work:
        """Add gradients up; their mean as gradients where a step is due, else nothing."""
        for group, grads in work:
            foreach.add_(group["gradient_accumulator"], grads)
        steps = self.gradient_accumulation_steps or 1
        if (self._iterations + 1) % steps:
            return []
        for group, _ in work:
            foreach.div_(group["gradient_accumulator"], steps)
        return [(group, group["gradient_accumulator"]) for group, _ in work]

    def _clipped(self, work: Work) -> Work:
        if self.clipnorm:
            return [(group, clip_by_norm(grads, self.clipnorm)) for group, grads in work]
        if self.clipvalue:
            return [(group, clip_by_value(grads, self.clipvalue)) for group, grads in work]
        if not self.global_clipnorm:
            return work
        scale = global_scale([grads for _, grads in work], self.global_clipnorm)
        return [(group, foreach.mul(grads, scale.to(group.device, group.dtype))) for group, grads in work]

    def _decayed(self, group: Group) -> list[Tensor]:
        """Parameters of the group that weight decay applies to."""
        if not self._undecayed and self._undecayed_names is None:
            return group.parameters
        return [p for p in group.parameters if self._is_decayed(p)]

    def _is_decayed(self, parameter: Tensor) -> bool:
        names = self._undecayed_names
        if names is not None and names.search(getattr(parameter, "name", None) or ""):
            return False
        return not any(parameter is excluded for excluded in self._undecayed)

    def _average(self) -> None:
        """Move the averages of the weights one step; at the first step they are the weights."""
        weight = 1.0 - (self.ema_momentum if self._updates else 0.0)
        for group in self._groups:
            foreach.lerp_(group["average"], group.parameters, weight)
        if self.ema_overwrite_frequency and (self._updates + 1) % self.ema_overwrite_frequency == 0:
            self._overwrite_by_average()

    def _overwrite_by_average(self) -> None:
        for group in self._groups:
            foreach.copy_(group.parameters, group["average"])

    @torch.no_grad()
    def finalize_variable_values(self, var_list: Iterable[Tensor] | None = None) -> None:
        """At the end of training: overwrite the weights by their moving average, if there is one."""
        if self.use_ema and self.built:
            self._overwrite_by_average()

    # ------------------------------------------------------------------------------------------------- saving

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that a restart needs, flat: "iterations", "learning_rate" (if it is a number), "<index>/<slot>".

        The slots are the optimizer's own tensors, not copies; the index counts parameters in the order of `build`.

        >>> from lamina.optimizers import SGD
        >>> sgd = SGD(0.5, momentum=0.9)
        >>> sgd.apply([torch.ones(2)], [torch.nn.Parameter(torch.ones(2))])
        >>> sgd.state_dict()["0/momentum"]
        tensor([-0.5000, -0.5000])
        """
        state = {"iterations": torch.tensor(self._iterations)}
        if isinstance(self._learning_rate, float):
            state["learning_rate"] = torch.tensor(self._learning_rate, dtype=torch.float64)
        for i in sorted(self._slots):
            state |= {f"{i}/{name}": tensor for name, tensor in self._slots[i].items()}
        return state

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Tensor], assign: bool = False) -> None:
        """Restore what `state_dict` gave, exactly. Before `build` it is kept, and loaded then.

        Args:
            assign: the tensors given become the state, without a copy where dtype, device and memory order agree.

        Raises:
            StructureError: the names differ, as for another optimizer or another model.
            ShapeError: a tensor has another shape than its parameter.
        """
        state = dict(state_dict)
        if "iterations" not in state:
            raise self._foreign(f"no iterations, but {', '.join(sorted(state)[:4])}", torch.empty(1))
        iterations = int(state.pop("iterations"))
        rate = state.pop("learning_rate", None)
        if not state and iterations and self._state_of(torch.empty(1)):
            raise self._foreign(f"{iterations} iterations, but no tensors", torch.empty(1))
        if self.built:
            self._load_slots(state, assign)
        else:
            self._state_to_load = state
        self._iterations = iterations
        # A schedule may have taken the place of a number since, or the other way round.
        if rate is not None and isinstance(self._learning_rate, float):
            self._learning_rate = float(rate)

    def _load_slots(self, state: Mapping[str, Tensor], assign: bool = False) -> None:
        given: dict[str, dict[str, Tensor]] = {}
        for key, tensor in state.items():
            position, _, name = key.partition("/")
            given.setdefault(position, {})[name] = tensor
        loaded = {}
        for position, tensors in given.items():
            known = position.isdecimal() and int(position) < len(self._parameters)
            parameter = self._parameters[int(position)] if known else torch.empty(1)
            own = self._state_of(_without_storage(parameter) if assign else parameter)
            if not known or tensors.keys() != own.keys():
                raise self._foreign(f"parameter {position} with {', '.join(sorted(tensors))}", parameter)
            for name, tensor in own.items():
                self._check_shape(f"{position}/{name}", tensors[name], tensor)
                if assign:
                    own[name] = tensors[name].to(parameter.device, tensor.dtype)
                else:
                    tensor.copy_(laid_out_like(tensors[name], tensor))
            loaded[int(position)] = own
        self._slots = loaded
        self._regroup()

    def _foreign(self, got: str, parameter: Tensor) -> StructureError:
        slots = ", ".join(sorted(self._state_of(parameter))) or "nothing"
        return StructureError(
            f"This state does not belong to optimizer {self.name!r} on these parameters.",
            got=got,
            expected=f"parameters numbered from 0, at most {len(self._parameters)}, each with {slots}",
            hint="build the same optimizer, with the same arguments, on the same parameters",
        )

    def _check_shape(self, key: str, given: Tensor, own: Tensor) -> None:
        if given.shape != own.shape:
            raise ShapeError(
                f"State {key!r} of optimizer {self.name!r} has another shape than its parameter asks for.",
                got=str(tuple(given.shape)),
                expected=str(tuple(own.shape)),
                hint="the parameters must be those that it was saved with, in the same order",
            )

    def __getstate__(self) -> dict[str, Any]:
        # What follows from the rest is left out: parameters are known by identity, which a copy does not share.
        derived = ("_positions", "_groups", "_members", "_present", "_plan")
        return {name: value for name, value in self.__dict__.items() if name not in derived}

    @torch.no_grad()
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._positions = {id(p): i for i, p in enumerate(self._parameters)}
        self._regroup()


def _without_storage(parameter: Tensor) -> Tensor:
    """The parameter with all that a rule may ask of it, its path too, but no memory."""
    stand_in = getattr(parameter, "stand_in", None)
    return stand_in() if stand_in is not None else torch.empty_like(parameter, device="meta")
