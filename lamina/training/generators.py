"""The random generators that a training draws from: their states, taken and put back."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

State = dict[str, Any]


def capture() -> Any:
    """States of Python's, NumPy's and PyTorch's global generators, on the host and on each GPU that is in use.

    As they come, which takes 20 us; `described` makes of them what a file can hold.
    """
    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    cuda = torch.cuda.get_rng_state_all() if on_gpu else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def described(captured: Any) -> State:
    """What `capture` gave, as JSON types and tensors."""
    (version, words, gauss), (name, keys, position, has_gauss, cached), host, cuda = captured
    state: State = {
        "python": {"version": version, "words": torch.tensor(words), "gauss": gauss},
        "numpy": {
            "name": str(name), "keys": torch.from_numpy(np.asarray(keys).astype(np.int64)), "position": int(position),
            "has_gauss": int(has_gauss), "cached": float(cached),
        },
        "torch": host,
    }  # fmt: skip
    return state if cuda is None else state | {"cuda": cuda}


def global_state() -> State:
    """The states of all global generators as a file can hold them."""
    return described(capture())


def set_global_state(state: State) -> None:
    """Put back what `global_state` or `described` gave, exactly. GPUs that are not there any more are left out."""
    python, host = state["python"], state["numpy"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    keys = host["keys"].numpy().astype(np.uint32)
    np.random.set_state((host["name"], keys, host["position"], host["has_gauss"], host["cached"]))
    torch.set_rng_state(state["torch"])
    for device, own in enumerate(state.get("cuda", ())[: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(own, device)


def states_of(generators: Iterable[torch.Generator]) -> list[torch.Tensor]:
    """States of generators that layers or data sets own."""
    return [generator.get_state() for generator in generators]


def set_states(generators: Iterable[torch.Generator], states: Iterable[torch.Tensor]) -> None:
    """Put back what `states_of` gave."""
    for generator, state in zip(generators, states, strict=False):
        generator.set_state(state)


def states_by_path(model: torch.nn.Module) -> State:
    """States of the generators that layers own (``Dropout(seed=7)``): path of the layer -> device -> state.

    A generator of PyTorch's that a layer of the user's holds as an attribute counts as well.
    """
    return {
        path: {str(device): generator.get_state() for device, generator in _generators(holder).items()}
        for path, holder in _holders(model)
    }


def set_states_by_path(model: torch.nn.Module, states: State) -> None:
    """Put back what `states_by_path` gave. One that had drawn nothing yet starts from its seed again."""
    for path, holder in _holders(model):
        own = states.get(path, {})
        if isinstance(holder, torch.Generator):
            for state in own.values():
                holder.set_state(state)
            continue
        holder.generators.clear()
        for device, state in own.items():
            holder.on(torch.device(device)).set_state(state)


def _generators(holder: Any) -> dict[Any, torch.Generator]:
    return {holder.device: holder} if isinstance(holder, torch.Generator) else holder.generators


def _holders(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """(path, generator, or what holds one for each device) of what has random numbers of its own, each once."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            seeded_source = isinstance(getattr(value, "generators", None), dict) and value.seed is not None
            if seeded_source or isinstance(value, torch.Generator):
                yield f"{path}.{name}", value


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Within, all global generators start from `seed`; afterwards they are as they were. None changes nothing.

    >>> before = torch.get_rng_state()
    >>> with seeded(3):
    ...     first = torch.rand(2)
    >>> with seeded(3):
    ...     assert torch.equal(torch.rand(2), first)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    if seed is None:
        yield
        return
    before = global_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_global_state(before)
