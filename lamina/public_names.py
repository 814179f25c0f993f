"""Names that are not there: the nearest ones, where else the name is, and what takes the place of a name of Keras'."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable
from types import FrameType

from lamina.frames import is_ours
from lamina.graph.errors import LaminaError
from lamina.nearest import nearest, suggested
from lamina.tracebacks import door

_QUANTIZED = "torchao or torch.ao.quantization on the trained model, which is an nn.Module"
_PARALLEL = "torchrun --nproc-per-node N script.py; see lamina.distribution"
_ABSENT = (
    ("", "export", "model.export('model.pt2') or model.export('model.onnx')"),
    ("", "quantizers Quantizer", _QUANTIZED),
    ("", "legacy estimator experimental", "the same name without this module, if it is in Keras 3"),
    ("layers", "RandomHeight RandomWidth", "layers.RandomZoom keeps the size; torchvision.transforms.v2 does not"),
    ("layers", "FlaxLayer JaxLayer TFSMLayer", "layers.TorchModule for a module of PyTorch's"),
    ("layers", "CuDNNLSTM CuDNNGRU", "LSTM or GRU, which run the fast kernels by themselves"),
    ("layers", "LocallyConnected1D LocallyConnected2D", "a Layer of your own: ops.extract_sequences or unfold, einsum"),
    ("layers", "DenseFeatures", "utils.FeatureSpace"),
    ("layers", "ThresholdedReLU", "layers.Lambda(lambda x: x * (x > theta))"),
    ("dtype_policies", "AWQDTypePolicy GPTQDTypePolicy Int4DTypePolicy QuantizedDTypePolicy "
     "QuantizedFloat8DTypePolicy", _QUANTIZED),
    ("utils", "multi_gpu_model", _PARALLEL),
)  # fmt: skip
"""(module, names of Keras' that it has not, what to use); asked only of names that are not there."""


class MissingNameError(LaminaError, AttributeError):
    """A module of Lamina's has no such name."""

    __module__ = "lamina"


class MissingImportError(LaminaError, ImportError):
    """The same, in ``from lamina.layers import ...``."""

    __module__ = "lamina"


def missing(module: str, name: str, public: Iterable[str]) -> LaminaError:
    """What is raised for a name that a module of ours has not.

    Args:
        module: its dotted name.
        public: the names that it has.

    >>> print(missing("lamina.layers", "RandomWidth", ["Dense"]).headline)
    Keras has layers.RandomWidth, Lamina does not (yet).
    """
    package, _, inner = module.partition(".")
    dotted = f"{inner}.{name}" if inner else name
    for where, names, instead in _ABSENT:
        if where == inner and name in names.split():
            return MissingNameError(f"Keras has {dotted}, Lamina does not (yet).", hint=instead)
    if (inner, name) == ("", "GradientTape"):
        return MissingNameError(
            "GradientTape is TensorFlow's.",
            hint="loss = ...; model.zero_grad(); loss.backward(); optimizer.apply([p.grad for p in "
            "model.trainable_weights], model.trainable_weights); or a train_step of your own",
        )
    elsewhere = [
        f"{place.partition('.')[2]}.{name}"
        for place, other in list(sys.modules.items())
        if place.startswith(f"{package}.") and place.count(".") == 1 and name in getattr(other, "__all__", ())
    ]
    found = " or ".join(sorted(elsewhere)) or suggested(nearest(name, public))
    return MissingNameError(
        f"{module} has no {name!r}.",
        hint=found or f"dir({module}) lists the names that it has",
    )


def names_of(module: str, public: list[str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a module: what is said of a name that it has not, and its public names.

    >>> __getattr__, __dir__ = names_of("lamina.shapes", ["Circle"])
    >>> __dir__()
    ['Circle']
    """

    @door
    def look_up(name: str) -> object:
        if name.startswith("__"):  # which Python asks of every module, and does without
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        imported = _is_import()
        if imported and _is_module(module, name):  # `from . import name`, which Python asks for before it loads it
            raise AttributeError(f"module {module!r} has not loaded {name!r}")
        error = missing(module, name, public)
        if imported:  # `from ... import name`: Python would say only that it cannot.
            raise MissingImportError(error.headline, where=error.where, hint=error.hint)
        raise error

    return look_up, lambda: sorted(public)


def _is_import() -> bool:
    """Whether a name is asked for by ``from ... import name``, which takes an error of another kind for an answer."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    asks = frame.f_code if frame is not None else None
    return asks is not None and asks.co_name == "_handle_fromlist" and "importlib" in asks.co_filename


def _is_module(module: str, name: str) -> bool:
    return importlib.util.find_spec(f"{module}.{name}") is not None
