"""Lamina: the Functional API of deep learning, native on PyTorch.

Layers are functions on symbolic tensors; calling them draws a graph; a model is that graph, as data, and at the same
time a real ``nn.Module``. The names are Keras': ``import lamina as keras``.
"""

import importlib
from typing import TYPE_CHECKING, Any

from . import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    distillation,
    dtype_policies,
    graph,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    training,
    tree,
    utils,
)
from .call_errors import CallError as CallError  # kinds of errors that are not listed, for who catches or pickles one
from .callbacks import Callback
from .devices import device
from .dtype_policies import DTypePolicy, FloatDTypePolicy
from .graph import SymbolicTensor
from .graph.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    GraphError,
    LaminaError,
    ShapeError,
    StructureError,
    ValueNeededError,
)
from .initializers import Initializer
from .layers import Input, InputSpec, Layer
from .layers.core.embedding import IdError as IdError
from .layers.core.keras_tensor import KerasTensor
from .layers.drawn_calls import NotDrawnError as NotDrawnError
from .layers.explained import DeviceError as DeviceError
from .layers.given import NotInitializedError as NotInitializedError
from .layers.name_scopes import name_scope
from .layers.notes import NoCallError as NoCallError
from .layers.remat import RematScope, remat
from .layers.taken_names import TakenNameError as TakenNameError
from .layers.variable import Variable
from .losses import Loss
from .losses.given import LossValueError as LossValueError
from .metrics import Metric
from .models import Model, Sequential
from .models.node_errors import ValuesError as ValuesError
from .ops import einops_backend
from .optimizers import Optimizer
from .optimizers.older_names import OlderNameError as OlderNameError
from .processes import ProcessError as ProcessError
from .public_names import MissingImportError as MissingImportError
from .public_names import MissingNameError as MissingNameError
from .public_names import names_of
from .regularizers import Regularizer
from .stateless import StatelessScope
from .symbolic_scope import SymbolicScope
from .tracebacks import door
from .training.data.errors import DataError as DataError

if TYPE_CHECKING:
    from . import applications, datasets, distribution, preprocessing, view, visualization, wrappers

einops_backend.watch()
Function = Model
"""Keras' word for a graph from inputs to outputs that can be called: here that is a model."""
Operation = Layer
"""Keras' word for what can be called on symbolic tensors: here a layer, with or without weights."""
__version__ = "0.1.0"
_LATE = frozenset(("applications", "datasets", "distribution", "preprocessing", "view", "visualization", "wrappers"))
"""Imported when they are first asked for: they are seldom wanted, and take 40 ms beside 270 ms for all else;
`distribution` loads what PyTorch has for many processes, 2 s."""

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Callback",
    "DTypePolicy",
    "DtypeError",
    "FloatDTypePolicy",
    "Function",
    "GraphError",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "LaminaError",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "ShapeError",
    "StatelessScope",
    "StructureError",
    "SymbolicScope",
    "SymbolicTensor",
    "ValueNeededError",
    "Variable",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "device",
    "distillation",
    "distribution",
    "dtype_policies",
    "graph",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "remat",
    "saving",
    "training",
    "tree",
    "utils",
    "version",
    "view",
    "visualization",
    "wrappers",
]


def version() -> str:
    """The version of Lamina.

    >>> version() == lamina.__version__
    True
    """
    return __version__


@door
def __getattr__(name: str) -> Any:
    if name in _LATE:
        return importlib.import_module(f"{__name__}.{name}")
    return _look_up(name)


_look_up, __dir__ = names_of(__name__, __all__)
