"""What a config or a header says that it must not: one table, a line each, by the hole that it once went through."""

from __future__ import annotations

import base64
import marshal
import os
import pickle
import tempfile
from typing import Any

# Importing it leaves a mark; `watch` puts it on sys.path.
POISON = "poisoned_module"

# A file that nobody may open; `watch` makes it, and the kernel tells who looks.
SECRET = os.path.join(tempfile.gettempdir(), f"lamina-secret-{os.getpid()}", "secret")


class Bomb:
    """Unpickled, it calls `os.system`."""

    def __reduce__(self) -> Any:
        return os.system, ("echo broken-in",)


PICKLE = pickle.dumps(Bomb())
_PICKLE = base64.b64encode(PICKLE).decode()
_BYTECODE = base64.b64encode(marshal.dumps(compile(f"import {POISON}", "lambda", "exec"))).decode()


def named(class_name: str, config: Any, module: str | None = None, **more: Any) -> dict[str, Any]:
    """An object of a config, as Keras writes it."""
    where = {} if module is None else {"module": module}
    return {"class_name": class_name, "config": config, **where, **more}


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


LAMBDA = named("__lambda__", {"code": _BYTECODE, "defaults": None, "closure": None}, "builtins")
GIANT = 10**12

# Where it stands: "config" in the config of the layer "dense"; "entry" in the entry of that layer; "function" is what
# the node "tanh" calls; "model" in the config of the whole model.
# Each is the hole, where it stands, the key there, and the value.
PAYLOADS: list[tuple[str, str, str, Any]] = [
    ("S1", "config", "activation", LAMBDA),
    ("S1", "entry", "class_name", "Lambda"),
    ("S1", "function", "", _BYTECODE),
    ("S2", "config", "activation", named("function", "system", "os", registered_name="system")),
    ("S2", "config", "kernel_initializer", named("run", {"args": ["id"]}, "subprocess")),
    ("S2", "config", "bias_regularizer", named("Poison", {}, POISON)),
    ("S2", "entry", "class_name", f"{POISON}.Poison"),
    ("S2", "function", "", f"{POISON}.run"),
    ("S2", "function", "", "builtins.eval"),
    ("S2", "function", "", "operator.attrgetter"),
    ("S3", "config", "activation", named("function", "get_file", "lamina.utils")),
    ("S3", "config", "kernel_initializer", named("save_model", {"filepath": "x"}, "lamina.saving")),
    ("S3", "function", "", "lamina.utils.get_file"),
    ("S3", "function", "", "torch.hub.load_state_dict_from_url"),
    ("S4", "config", "activation", named("function", "enable_unsafe_deserialization", "keras.config")),
    ("S4", "config", "kernel_initializer", named("load_model", {"filepath": "x", "safe_mode": False}, "keras.models")),
    ("S4", "function", "", "lamina.saving.load_model"),
    ("S5", "config", "safe_mode", False),
    ("S5", "model", "safe_mode", False),
    ("S6", "config", "module", {"class_name": "__pickle__", "config": _PICKLE}),
    ("S6", "entry", "class_name", "TorchModuleWrapper"),
    ("S6", "config", "activation", _PICKLE),
    ("S7", "config", "activation", named("system", "id")),
    ("S7", "config", "kernel_initializer", {"class_name": "system", "config": {"command": "id"}, "module": None}),
    ("S8", "config", "activation", named("TFSMLayer", {"filepath": "/etc"}, "keras.layers")),
    ("S8", "config", "kernel_constraint", named("Dense", {"units": 3}, "lamina.layers")),
    ("S8", "entry", "class_name", "TFSMLayer"),
    ("S9", "config", "activation", {"$callable": "print"}),
    ("S9", "config", "kernel_initializer", "print"),
    ("S9", "function", "", "builtins.print"),
    ("S10", "config", "evil", True),
    ("S10", "entry", "class_name", f"{POISON}>Dense"),
    ("S11", "config", "weights", "model.weights.npz"),
    ("S11", "model", "weights_file", "model.weights.npz"),
    ("S12", "config", "kernel_initializer", named("load", {"f": _PICKLE, "weights_only": False}, "torch")),
    ("S12", "function", "", "torch.load"),
    ("S13", "config", "kernel_initializer", named("load_data", {"path": "x.npz"}, "lamina.datasets.mnist")),
    ("S13", "function", "", "numpy.load"),
    ("S14", "config", "vocabulary", "/etc/passwd"),
    ("S14", "config", "kernel_initializer", "http://127.0.0.1:9/kernel"),
    ("S14", "config", "activation", "/etc/passwd"),
    ("S14", "entry", "class_name", "/etc/passwd"),
    ("S15", "config", "external", [["/etc/passwd", 0, 24]]),
    ("S15", "model", "weights", {"soft_link": "/etc/passwd"}),
    ("S16", "config", "path", "assets/../../../../etc"),
    ("S16", "model", "assets", ["/etc"]),
    ("S17", "config", "external_data", {"location": "../../etc/passwd"}),
    ("S17", "entry", "class_name", "ONNX"),
    ("S18", "config", "name", "../../evil"),
    ("S18", "model", "members", ["../../evil"]),
    ("S19", "config", "units", -GIANT),
    ("S19", "config", "units", 2**80),
    ("S20", "config", "kernel_initializer", named("Zeros", {"x": ["a"] * 100_000}, "lamina.initializers")),
    ("S20", "config", "x" * 1_000_000, 1),
    ("S21", "config", "units", nested(900)),
    ("S21", "config", "units", 10**400),
    ("S21", "config", "units", {"$tuple": {"$tuple": 1}}),
    ("S21", "config", "kernel_initializer", named("Zeros", named("Zeros", {}), "lamina.initializers")),
]
HOLES = [f"S{number}" for number in range(1, 22)]
