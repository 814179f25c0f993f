"""Models from files: `lamina.saving`, told which classes models have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lamina import saving
from lamina.layers import LAYERS
from lamina.saving.classes import MODELS
from lamina.saving.translations import Report
from lamina.tracebacks import door

from .model import Model
from .sequential import Sequential
from .traced_model import TracedModel

MODEL_CLASSES: Mapping[str, type] = MappingProxyType(
    {"Model": Model, "Sequential": Sequential, "TracedModel": TracedModel}
)

MODELS.update(MODEL_CLASSES)
LAYERS.of_other_homes |= {**MODEL_CLASSES, "Functional": Model}  # a model may be a part of a layer


@door
def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    report: Report | None = print,
) -> Any:
    """The model that ``model.save`` wrote: same graph, names, weights, and compiled as it was.

    Args:
        filepath: a ``.lamina`` file; or a ``.keras`` or whole-model ``.h5`` of Keras', of any version.
        custom_objects: name -> class or function, for what is not Lamina's own. Nothing is imported by name, and a name
            of Lamina's own always means Lamina's own.
        compile: compile it as it was, with the state of its optimizer.
        safe_mode: Keras' argument. Loading is safe always; False changes nothing.
        report: called with the `lamina.saving.Translations` of a file of Keras' of which something was translated,
            renamed, defaulted or left out. ``print`` prints them as a table; ``found.append`` keeps them; None is
            quiet.

    Raises:
        LoadingError: not a model file, a damaged one, one of a newer version, or one that needs ``custom_objects``.
        MissingFileError: there is no such file; a FileNotFoundError.

    >>> import os, tempfile, torch
    >>> from lamina.layers import Dense, Input
    >>> x = Input((3,))
    >>> model = Model(x, torch.tanh(Dense(2)(x)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "m.lamina")
    ...     model.save(path)
    ...     torch.equal(load_model(path)(torch.ones(1, 3)), model(torch.ones(1, 3)))
    True
    """
    return saving.load_model(filepath, custom_objects, compile, report=report, models=MODEL_CLASSES)


@door
def save_model(
    model: Model, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **of_keras: Any
) -> None:
    """``model.save(filepath, overwrite)``."""
    model.save(filepath, overwrite, zipped, **of_keras)


@door
def model_from_json(
    json_string: str, custom_objects: Mapping[str, Any] | None = None, *, report: Report | None = print
) -> Any:
    """A model with fresh weights from what ``model.to_json()`` gave, here or in Keras (of any version).

    Args:
        custom_objects: name -> class or function, for what is not Lamina's own or Keras'.
        report: as of `load_model`.

    Raises:
        LoadingError: no such text, or one that holds code, or what Lamina does not have.

    >>> from lamina.layers import Dense, Input
    >>> x = Input((3,), name="x")
    >>> [layer.name for layer in model_from_json(Model(x, Dense(2)(x)).to_json()).layers]
    ['x', 'dense']
    """
    return saving.model_from_json(json_string, custom_objects, report=report, models=MODEL_CLASSES)
