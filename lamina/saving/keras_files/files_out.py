"""Keras' files, written: whole models as ``.keras`` and ``.h5``, weights as ``.keras``, ``.weights.h5`` and ``.h5``."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from lamina import losses
from lamina.graph import LaminaError
from lamina.saving.archive import write_file
from lamina.saving.classes import MODELS, Classes
from lamina.saving.errors import SavingError
from lamina.saving.hooks import overrides
from lamina.saving.own_state import hooked_parts
from lamina.saving.worked_on import has_weights

from .config_out import KerasConfigWriter
from .files import CONFIG, METADATA, WEIGHTS, warn_of
from .h5 import Attributes, write_h5
from .hooked import own_assets
from .legacy_out import LegacyWeights, legacy_optimizer
from .older import OLD_HARD_SIGMOID
from .training import training_for_keras
from .weights import write_keras_weights

# The version whose words are written; Keras reads files of any 3.
_KERAS_VERSION = "3.15.0"
_DATE = (1980, 1, 1, 0, 0, 0)


def save_keras_model(model: Any, path: Any, overwrite: bool, models: Classes = MODELS, training: bool = True) -> None:
    """Write a ``.keras`` that Keras 3 opens: graph, weights, and how the model is trained, if ``training``.

    A model that is not built yet comes back so: the file tells how it is made, with a warning.

    Raises:
        SavingError: something in the graph that Keras has no word for, with its line; no h5py.
    """
    writer = KerasConfigWriter(models)
    entry = writer.model(model)
    told, left = training_for_keras(model) if training else ({}, [])
    if training and model._compiled is not None and overrides(model, "get_compile_config"):
        told = writer.words(model).encoded(model.get_compile_config())
    entry["compile_config"] = told
    weights = io.BytesIO()
    left += write_keras_weights(model, weights, optimizer=bool(told), orders=writer.orders)
    config = _to_json(entry)
    assets = own_assets(model, writer.orders)
    _write_zip(path, {CONFIG: config, WEIGHTS: weights.getbuffer(), **assets}, overwrite)
    if not has_weights(model):
        left.append("weights, since it has none yet: model(x) on data makes them")
    warn_of([*writer.left, *left, *_of_older(config)], f"{model.label} is saved for Keras without")


def save_keras_weights(model: Any, path: Any, overwrite: bool) -> list[str]:
    """Write a ``.keras`` of weights alone, for ``load_weights``.

    Returns:
        What could not be carried, a line each.

    Raises:
        SavingError: no h5py.
    """
    weights = io.BytesIO()
    left = write_keras_weights(model, weights)
    _write_zip(path, {WEIGHTS: weights.getbuffer(), **own_assets(model)}, overwrite)
    return left


def save_h5_model(model: Any, path: Any, overwrite: bool, models: Classes = MODELS, training: bool = True) -> None:
    """Write a whole-model ``.h5`` that Keras opens: graph, weights, and how the model is trained, if ``training``.

    Raises:
        SavingError: as `save_keras_model`; or a model that is no graph, for which such a file has no word, or one whose
            classes save more than weights.
    """
    _refuse_hooks(model)
    if model.graph is None:
        raise SavingError(
            f"{model.label} cannot be written into a .h5: it is defined by code, or not built, and Keras opens no such "
            "file of one.",
            expected="Model(inputs, outputs), or a Sequential with an Input",
            hint='model.save("model.keras") or model.save("model.lamina"); or model.save_weights("model.weights.h5")',
        )
    writer = KerasConfigWriter(models)
    entry = writer.model(model)
    how, left = training_for_keras(model) if training else ({}, [])
    own = LegacyWeights(model, "model_weights", _KERAS_VERSION, writer.orders)
    config = _to_json({"class_name": entry["class_name"], "config": entry["config"]})
    told: dict[str, Any] = {"keras_version": _KERAS_VERSION, "backend": "torch", "model_config": config.decode()}
    arrays, attributes = own.arrays, own.attributes
    if how:
        parts = {part: _functions_by_name(how[part]) for part in ("metrics", "weighted_metrics", "loss_weights")}
        loss = _in_full(_functions_by_name(how["loss"]))
        optimizer = {"optimizer_config": how["optimizer"], "loss": loss, **parts}
        told["training_config"] = _to_json(optimizer).decode()
        more, of_them, without = legacy_optimizer(model)
        arrays, attributes, left = {**arrays, **more}, {**attributes, **of_them}, left + without
    write_h5(path, arrays, {"": told, **attributes}, overwrite)
    warn_of([*writer.left, *left, *own.left, *_of_older(config)], f"{model.label} is saved for Keras without")


def _in_full(loss: Any) -> Any:
    """Losses by their long names: from a ``.h5``, Keras does not find the short ones ("mse")."""
    if isinstance(loss, list):
        return [_in_full(item) for item in loss]
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: _in_full(item) for key, item in loss.items()}
    if not isinstance(loss, str) or ">" in loss:
        return loss
    try:
        return getattr(losses.get(loss), "__name__", loss)
    except LaminaError:
        return loss  # a function of the user's


def _functions_by_name(value: Any) -> Any:
    """Functions of a user's as a ``.h5`` has them: by their names alone."""
    if isinstance(value, list):
        return [_functions_by_name(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "function":
        return value["config"]
    return value if "class_name" in value else {key: _functions_by_name(item) for key, item in value.items()}


def save_h5_weights(model: Any, path: Any, overwrite: bool) -> list[str]:
    """Write a ``.h5`` of weights alone, as Keras 1 and 2 have it, and as Keras 3 reads it.

    Returns:
        What could not be carried, a line each.

    Raises:
        SavingError: a model that has no weights yet; no h5py.
    """
    _refuse_hooks(model)
    own = LegacyWeights(model, "", _KERAS_VERSION)
    attributes: Attributes = own.attributes
    write_h5(path, own.arrays, attributes, overwrite)
    return own.left


def _refuse_hooks(model: Any) -> None:
    """A ``.h5`` has no place for what classes save by themselves: in Keras, it would be gone."""
    for _, part in hooked_parts(model):
        raise SavingError(
            f"{part.label} cannot be written into a .h5: its class saves more than such a file holds.",
            got=f"{type(part).__name__} with save_own_variables or save_assets",
            hint='model.save("model.keras") or model.save("model.lamina")',
        )


def _write_zip(path: Any, members: Mapping[str, Any], overwrite: bool) -> None:
    metadata = {"keras_version": _KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}
    members = {METADATA: json.dumps(metadata).encode(), **members}

    def fill(file: Any) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                with archive.open(zipfile.ZipInfo(name, _DATE), "w", force_zip64=len(data) > 2**31) as member:
                    member.write(data)

    write_file(path, fill, overwrite)


def _to_json(entry: dict[str, Any]) -> bytes:
    try:
        return json.dumps(entry, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise SavingError("The model's config holds what JSON has no word for.", got=str(error)) from error


def _of_older(config: bytes) -> list[str]:
    """What a reader needs for words of older versions, a line each."""
    if f'"config": "{OLD_HARD_SIGMOID}"'.encode() not in config:
        return []
    return [
        "hard_sigmoid of Keras 2, which Keras 3 does not have: it opens the file with "
        f'custom_objects={{"{OLD_HARD_SIGMOID}": lambda x: keras.ops.clip(0.2 * x + 0.5, 0, 1)}}'
    ]
