"""A model's own words for a file: `save`, and how it is compiled, as data."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError
from lamina.processes import written_by_first
from lamina.saving import beforehand, deserialize_keras_object, save_model, serialize_keras_object
from lamina.saving.rescue import rescued
from lamina.tracebacks import door
from lamina.training.trainer import Trainer

from . import editing

_PARTS = ("loss", "loss_weights", "metrics", "weighted_metrics")


@door
@written_by_first
def save(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **of_keras: Any) -> None:
    """Write graph, configs, weights, and how the model is trained, into one file.

    Where a model that is trained cannot be written so, its weights, optimizer and training are written into a file
    ``<filepath>.partial`` beside, and the error says how to get them back.

    Args:
        filepath: ``model.lamina``; or ``.keras``, ``.h5``, ``.hdf5``, which Keras opens.
        overwrite: replace a file that is there.
        zipped: for Keras' sake; a model is always one file, and False is refused.
        of_keras: ``include_optimizer=False`` leaves out how the model is trained; ``save_format`` of Keras 2, where it
            asks for what is done.

    Raises:
        SavingError, ArgumentError: something that a file has no word for, named with its line; no such folder; an
            argument that asks for something else.
    """
    with rescued(model, filepath):
        editing.refuse_what_would_be_lost(model)
        save_model(model, filepath, overwrite, zipped, **of_keras)


def refuse_unsavable(model: Any, filepath: Any) -> None:
    """Raise what `save` would raise of the model itself; nothing is written, and no weight is looked at.

    Raises:
        SavingError, ArgumentError: as of `save`.
    """
    editing.refuse_what_would_be_lost(model)
    beforehand.refuse_unsavable(model, filepath)


def get_compile_config(model: Any) -> dict[str, Any]:
    """How the model is compiled, as JSON types: optimizer, losses, metrics; empty where it is not, or by a ``compile``
    of its class's own.

    Raises:
        SavingError: an optimizer, loss or metric that has neither a name nor ``get_config``.

    >>> from lamina import Model
    >>> from lamina.layers import Dense, Input
    >>> x = Input((3,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile("sgd", "mse")
    >>> model.get_compile_config()["loss"]
    'mse'
    """
    if model._compiled is None:
        return {}
    parts = {"optimizer": model.optimizer, **{part: model._compiled[part] for part in _PARTS}}
    return {**{part: serialize_keras_object(value) for part, value in parts.items()}, "jit_compile": model.jit_compile}


def compile_from_config(model: Any, config: dict[str, Any]) -> None:
    """Compile the model as `get_compile_config` says.

    Raises:
        ArgumentError: the class has a ``compile`` of its own, which takes other arguments.
    """
    if type(model).compile is not Trainer.compile:
        raise ArgumentError(
            f"{model.label} cannot be compiled from a config: its class has a compile() of its own.",
            hint="get_compile_config() and compile_from_config() of the class's own, or compile() after loading",
        )
    model.compile(**deserialize_keras_object(config))
