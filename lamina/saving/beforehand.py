"""What a file has no word for, found before a training begins and not at the end of its first epoch."""

from __future__ import annotations

from typing import Any

from lamina.file_formats import format_of

from .classes import MODELS, Classes
from .config_writer import ConfigWriter
from .keras_files.config_out import KerasConfigWriter
from .keras_files.training import training_for_keras
from .training_config import training_to_config


def refuse_unsavable(model: Any, filepath: Any, *, models: Classes = MODELS) -> None:
    """Refuse a model that `save_model` could not write into a file of this name. Nothing is written.

    A model without a graph that is not built yet may be anything by then: it is not asked.

    Raises:
        SavingError, ArgumentError: as of `save_model`.
    """
    found = format_of(filepath)
    if found is None or not found.model or (model.graph is None and not model.built):
        return
    if found.of_keras:
        KerasConfigWriter(models).model(model)
        training_for_keras(model)
    else:
        ConfigWriter(models, values=False, traces=True).layer(model)
        training_to_config(model)
