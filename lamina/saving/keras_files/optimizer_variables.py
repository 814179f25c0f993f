"""The state of an optimizer as Keras lists it: iterations, learning rate, then the tensors of each parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina import optimizers

from .h5 import H5File
from .layout import OPTIMIZER

# Slots in Keras' order: those in one tuple alternate, parameter by parameter; tuples follow each other.
_SLOTS: Mapping[type, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        optimizers.SGD: (("momentum",),),
        optimizers.Adam: (("momentum", "velocity"), ("velocity_hat",)),
        optimizers.AdamW: (("momentum", "velocity"), ("velocity_hat",)),
        optimizers.Adamax: (("momentum", "norm"),),
        optimizers.Nadam: (("momentum", "velocity"),),
        optimizers.RMSprop: (("velocity",), ("momentum",), ("average_gradient",)),
        optimizers.Adagrad: (("accumulator",),),
        optimizers.Adadelta: (("accumulated_grad", "accumulated_delta_var"),),
        optimizers.Ftrl: (("accumulator", "linear"),),
        optimizers.Lion: (("momentum",),),
        optimizers.Lamb: (("momentum", "velocity"),),
    }
)
GROUP_OF_OLD = "optimizer_weights"
# Nadam's product of momenta, which follows from the number of steps.
_FOLLOWS = ("momentum_cache", "m_schedule")
_FIRST = (("average",), ("gradient_accumulator",))


def optimizer_variables(model: Any) -> tuple[list[torch.Tensor], list[str]]:
    """The optimizer's variables in Keras' order, and what cannot be carried, a line each."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or not optimizer.built:
        return [], []
    if type(optimizer) not in _SLOTS:  # before its first step too: a loss scale changes with steps that are left out
        return [], [_not_carried(optimizer)]
    if not optimizer.iterations:
        return [], []
    state = optimizer.state_dict()
    variables = [torch.tensor(int(state["iterations"]), dtype=torch.int32)]
    if "learning_rate" in state:
        variables.append(state["learning_rate"].to(torch.float32))
    trained = model.trainable_weights
    positions = {id(parameter): number for number, parameter in enumerate(optimizer._parameters)}
    fresh: dict[int, dict[str, torch.Tensor]] = {}
    for weight, slot in _slots_in_order(optimizer, trained):
        key = f"{positions[id(weight)]}/{slot}"
        if key not in state:  # it had no gradient yet
            fresh.setdefault(id(weight), optimizer._state_of(weight))
        variables.append(state[key] if key in state else fresh[id(weight)][slot])
    return variables + _after(optimizer), []


def _after(optimizer: Any) -> list[torch.Tensor]:
    """What Keras lists behind the slots: Nadam's product of momenta, which follows from the number of steps."""
    if type(optimizer) is not optimizers.Nadam:
        return []
    return [torch.tensor(optimizer._product_until(optimizer.iterations), dtype=torch.float32)]


def load_optimizer(model: Any, file: H5File, old: bool = False) -> list[str]:
    """Give the compiled model's optimizer the state in the file. Returns what cannot be carried, a line each.

    Args:
        old: Keras 2 wrote the file, of which the learning rate is no part.
    """
    stored = [path for path in file.datasets if path.startswith(f"{OPTIMIZER}/")]
    if not stored or _took_no_step(file, stored):
        return []
    paths = [f"{OPTIMIZER}/vars/{number}" for number in range(len(stored))]
    if any(path not in file.datasets for path in paths):
        return ["the optimizer's state: its variables are not those of an optimizer"]
    return _take(model, file, paths, rate=not old, alternating=True)


def load_legacy_optimizer(model: Any, file: H5File) -> list[str]:
    """`load_optimizer` of a whole-model ``.h5``: variables by names, in their order.

    From 2.11 on, an optimizer's slots alternate, parameter by parameter; before, those of one name stood together.
    Keras 3 lists the learning rate too.
    """
    if GROUP_OF_OLD not in file.groups:
        return []
    names = file.names(GROUP_OF_OLD, "weight_names")
    paths = [f"{GROUP_OF_OLD}/{name}" for name in names]
    if len(paths) < 2:  # one is the count of steps alone
        return []
    if any(path not in file.datasets for path in paths):
        return ["the optimizer's state: the file names variables that it does not hold"]
    words = [name.rpartition("/")[2].split(":")[0] for name in names]
    alternating, rate = words[0] == "iteration", words[1] == "learning_rate"
    paths = [path for path, word in zip(paths, words, strict=True) if word not in _FOLLOWS]
    return _take(model, file, paths, rate=rate, alternating=alternating)


def _take(model: Any, file: H5File, paths: list[str], *, rate: bool, alternating: bool) -> list[str]:
    """Take the state from the variables in these places: the number of steps, the rate if it is there, the slots."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return ["the optimizer's state: the model is not compiled"]
    if type(optimizer) not in _SLOTS:
        return [_not_carried(optimizer)]
    parameters = list(model.parameters())
    plain = isinstance(optimizer._learning_rate, float)
    slots = list(_slots_in_order(optimizer, list(model.trainable_weights), alternating))
    told = plain and rate
    shapes: list[tuple[int, ...]] = [(), *([()] if told else []), *(tuple(weight.shape) for weight, _ in slots)]
    shapes += [()] * len(_after(optimizer)) * rate  # Keras 2 lists no more than the slots
    if [file.datasets[path].shape for path in paths] != shapes:
        return [f"the optimizer's state: {len(paths)} variables there, {len(shapes)} of other shapes or number here"]
    values = [file.read(path, shape) for path, shape in zip(paths, shapes, strict=True)]
    state = {"iterations": values[0]}
    if plain:
        own = torch.tensor(optimizer._learning_rate, dtype=torch.float64)
        # The file has it rounded; the config, from which the optimizer was made, may have it as it was given.
        is_own = not told or own.to(torch.float32) == values[1].to(torch.float32)
        state["learning_rate"] = own if is_own else values[1]
    positions = {id(parameter): number for number, parameter in enumerate(parameters)}
    for (weight, slot), value in zip(slots, values[1 + told :], strict=False):
        state[f"{positions[id(weight)]}/{slot}"] = value
    optimizer.build(parameters)
    optimizer.load_state_dict(state)
    return []


def _took_no_step(file: H5File, stored: list[str]) -> bool:
    """Whether the optimizer in the file is a fresh one: nothing but its step, which is 0, and its learning rate."""
    step = f"{OPTIMIZER}/vars/0"
    alone = len(stored) <= 2 and step in file.datasets and file.datasets[step].shape == ()
    return alone and not int(file.read(step, ()))


def _slots_in_order(optimizer: Any, trained: list[Any], alternating: bool = True) -> Iterator[tuple[Any, str]]:
    """(parameter, slot) of each tensor of state."""
    order = (*_FIRST, *_SLOTS[type(optimizer)])
    for slots in order if alternating else [(slot,) for group in order for slot in group]:
        for weight in trained:
            own = optimizer.slots()
            yield from ((weight, slot) for slot in slots if slot in own or slot in _more(optimizer))


def _more(optimizer: Any) -> tuple[str, ...]:
    """Slots that any optimizer may have."""
    result: tuple[str, ...] = ("average",) * optimizer.use_ema + ("gradient_accumulator",) * bool(
        optimizer.gradient_accumulation_steps
    )
    return result


def _not_carried(optimizer: Any) -> str:
    return f"the state of {type(optimizer).__name__}: its variables have no fixed order in Keras' files"
