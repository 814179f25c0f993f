"""Who is measured: the names of the peers, what each needs, and how a process becomes one of them.

Standard library only at import; `load` imports the peer's framework.
"""

import os
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from workloads import Arrays

ROOT = Path(__file__).resolve().parent.parent
YARDSTICK = "torch"  # hand-written PyTorch: every ratio is to it
# The modules that must be installed. A name "keras-X" is Keras 3 on backend X.
PEERS: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch",),
    "lamina": ("torch", "lamina"),
    "keras-torch": ("torch", "keras"),
    "keras-jax": ("jax", "keras"),
    "keras-tensorflow": ("tensorflow", "keras"),
}
FRAMEWORKS = ("torch", "jax", "tensorflow")


class Peer(Protocol):
    """What a measurement asks of a peer. Arrays are NumPy's, in host memory, on every call: moving them is timed."""

    def build(self, case: str, device: str) -> None: ...

    def compile(self) -> None: ...

    def fit(self, inputs: "Arrays", targets: "Arrays") -> float:
        """One epoch in random order -> mean loss, as a float: the device has finished."""
        ...

    def predict(self, inputs: "Arrays") -> "list[np.ndarray]": ...

    def call(self, inputs: "Arrays") -> "list[np.ndarray]":
        """The bare forward call on one batch, without gradients."""
        ...

    def trainable_params(self) -> int: ...


def missing(peer: str) -> list[str]:
    """The modules that the peer needs and that are not installed (a clone's own `lamina` counts as installed)."""
    path = [*sys.path, str(ROOT)]
    return [module for module in PEERS[peer] if PathFinder.find_spec(module, path) is None]


def isolate(peer: str) -> None:
    """Before the first import: the process sees the peer's own framework only.

    Keras probes for the others, and imports them where they are installed; a user of one backend has only that one,
    and would not pay for the rest.
    """
    family, _, backend = peer.partition("-")
    if family == "keras":
        os.environ["KERAS_BACKEND"] = backend
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        # Not the missing ones: what has a name in `sys.modules` is there, to Keras' preprocessing layers.
        others = [name for name in FRAMEWORKS if name != backend and PathFinder.find_spec(name) is not None]
        sys.modules.update(dict.fromkeys(others))  # type: ignore[arg-type]


def load(peer: str) -> Peer:
    """Imports the peer's framework. From here on the process is that peer."""
    if peer not in PEERS:
        raise ValueError(f"Unknown peer {peer!r}; there are {', '.join(PEERS)}.")
    isolate(peer)
    if peer == "torch":
        from peer_torch import TorchPeer

        return TorchPeer()
    from peer_keras import KerasPeer

    return KerasPeer("lamina" if peer == "lamina" else peer.partition("-")[2])
