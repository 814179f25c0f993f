"""``model.lamina``: a whole model in one file. A zip, stored not packed, with

- ``model.json``: format and version, the model's class and config (graph, layers), how it is trained;
- ``weights.safetensors``: every weight by its path in ``state_dict``, tied weights once;
- ``optimizer.safetensors``: the optimizer's state, where there is one;
- ``run.json``, ``run.safetensors``: the training in progress, where there is one; see `lamina.saving.checkpoint`.

Reading makes nothing but Lamina's own classes by exact name and those that the caller hands over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.file_formats import format_of, other_ending
from lamina.layers.low_rank import adapters_in, add_adapters

from .archive import MODEL, OPTIMIZER, WEIGHTS, read_archive, refuse_folder, write_archive
from .budget import at_most, within_budget, without_weights
from .checkpoint import training_members
from .classes import MODELS, Classes
from .config_reader import ConfigReader
from .config_writer import ConfigWriter
from .errors import BAD_CONFIG, LoadingError, SavingError, not_too_deep, refuse_missing, refuse_no_path
from .fields import field, items, refuse_unknown
from .generators import generators_from_config, generators_to_config
from .keras_files.files import is_keras_config, is_keras_file, keras_model_from_config, load_keras_model
from .keras_files.files_out import save_h5_model, save_keras_model
from .limits import limited_trials
from .of_keras import includes_training
from .own_members import own_members, restore_own
from .rescue import rescued
from .strict_json import parse
from .tensors import TensorFile, read_tensors
from .traced import Traced
from .training_config import training_from_config, training_to_config
from .translations import Report
from .values import decode, dtype_of_name, encode, name_of_dtype, no_word
from .weights import freeze, frozen, once, state_of, take_state, tie, ties, ties_by_hand

FORMAT = "lamina.model"
VERSION = 1

_MAX_FIRST_CALL = 2**28  # values in one tensor
# What a model that is built by its first call may make beside the weights that are in the file.
_AROUND_WEIGHTS = 2**26
_KEYS = ("format", "version", "model", "first_call", "adapters", "tied", "frozen", "training", "generators")


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    *,
    models: Classes = MODELS,
    **of_keras: Any,
) -> None:
    """Write a model into one file: graph, configs, weights, and how it is trained.

    The file is there whole or not at all. Everything that a later `load_model` cannot read back is refused now.

    Args:
        filepath: ends in ``.lamina``; or, as Keras has it, in ``.keras``, ``.h5`` or ``.hdf5``.
        overwrite: replace a file that is there.
        zipped: for Keras' sake; a model is always one file, and False is refused.
        models: class name -> class of Lamina's models.
        of_keras: ``include_optimizer=False`` leaves out how the model is trained; see `of_keras.includes_training`.

    Raises:
        SavingError, ArgumentError: something that a file has no word for, named with its line; or no such folder.
    """
    with rescued(model, filepath):
        refuse_no_path(filepath)
        training = includes_training({"zipped": zipped, **of_keras}, filepath)
        refused = other_ending(filepath, "model")
        if refused is not None:
            raise SavingError(**refused)
        _WRITERS[format_of(filepath).suffix](model, filepath, overwrite, models, training)  # type: ignore[union-attr]


def _save_lamina(model: Any, filepath: Any, overwrite: bool, models: Classes, training: bool = True) -> None:
    own = own_members(model)  # first: it says best what a class saves that no file holds
    state = state_of(model)
    told, optimizer_state = training_to_config(model) if training else ({}, {})
    document = {
        "format": FORMAT,
        "version": VERSION,
        "model": ConfigWriter(models, values=False, traces=True).layer(model),
        "first_call": encode(model._first_call, _shape_of) if model.graph is None else None,
        "tied": ties(state),
        "frozen": frozen(model),
        "training": told,
    }
    if adapted := adapters_in(model):
        document["adapters"] = adapted
    if drawn := generators_to_config(model):
        document["generators"] = drawn
    members: dict[str, bytes | TensorFile] = {
        MODEL: _to_json(document),
        WEIGHTS: TensorFile(once(state)),
        **own,
    }
    if optimizer_state:
        members[OPTIMIZER] = TensorFile(optimizer_state)
    if training and model._running is not None:
        members |= training_members(model)
    write_archive(filepath, members, overwrite)


_WRITERS: Mapping[str, Callable[[Any, Any, bool, Classes, bool], None]] = MappingProxyType({
    ".lamina": _save_lamina, ".keras": save_keras_model,
    ".h5": save_h5_model, ".hdf5": save_h5_model, ".weights.h5": save_h5_model,
})  # fmt: skip


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    report: Report | None = print,
    models: Classes = MODELS,
) -> Any:
    """Read what `save_model` wrote; or a ``.keras`` or whole-model ``.h5`` of Keras'. Its content tells which it is.

    Args:
        custom_objects: name -> class or function, for what is not Lamina's own. Nothing is imported by name.
        compile: compile the model as it was, with the state of its optimizer.
        safe_mode: Keras' argument. Loading is safe always; False changes nothing.
        report: is given the `Translations` of a file of Keras' of which something was translated, renamed, defaulted
            or left out: ``print`` prints them as a table, ``list.append`` keeps them, None does nothing.
        models: class name -> class of Lamina's models.

    Raises:
        LoadingError: not a model file, a damaged one, one of a newer version, or one that needs ``custom_objects``.
        MissingFileError: there is no such file; a FileNotFoundError.
    """
    refuse_missing(filepath)
    refuse_folder(filepath)
    if is_keras_file(filepath):
        return load_keras_model(filepath, custom_objects, compile, models, report)
    where = repr(str(filepath))
    with not_too_deep(where), limited_trials():
        return _read_model(read_archive(filepath), where, custom_objects or {}, compile, models)


def _read_model(
    members: Mapping[str, memoryview], where: str, custom_objects: Mapping[str, Any], compile: bool, models: Classes
) -> Any:
    if MODEL not in members or WEIGHTS not in members:
        hint = "model.load_weights(...) of a model that is built already" if WEIGHTS in members else None
        raise LoadingError(f"{where} holds no whole model.", got=", ".join(members) or "nothing", hint=hint)
    document = _from_json(bytes(members[MODEL]), where)
    refuse_unknown(document, _KEYS, where)
    tensors = read_tensors(members[WEIGHTS], where)
    reader = ConfigReader(custom_objects, models, values=False)
    if document.get("first_call") is None:
        with without_weights():  # whatever sizes the config says, the weights take no memory: those in the file come
            model = _adapted(reader.layer(document.get("model")), document, where)
    else:
        with at_most(_AROUND_WEIGHTS + 4 * sum(tensor.nbytes for tensor in tensors.values())):
            model = reader.layer(document.get("model"))
            _call_first(model, document["first_call"])
            _adapted(model, document, where)
    tie(model, _paths(document, "tied", where))
    take_state(model, tensors, where)
    freeze(model, _paths(document, "frozen", where))
    generators_from_config(model, field(document, "generators", dict, where, {}))
    restore_own(model, members, where)
    if compile:
        state = read_tensors(members[OPTIMIZER], where) if OPTIMIZER in members else {}
        training_from_config(model, field(document, "training", dict, where), state, custom_objects)
    return model


def model_to_json(model: Any, *, models: Classes = MODELS) -> str:
    """Graph and configs as a JSON text, without weights."""
    entry = ConfigWriter(models).layer(model)
    document = {"format": FORMAT, "version": VERSION, "model": entry, "tied": ties_by_hand(model)}
    adapted = adapters_in(model)
    return _to_json({**document, "adapters": adapted} if adapted else document).decode()


def model_from_json(
    json_string: str,
    custom_objects: Mapping[str, Any] | None = None,
    *,
    report: Report | None = print,
    models: Classes = MODELS,
) -> Any:
    """A model with fresh weights from what `model_to_json` gave; or Keras', of any version.

    Args:
        report: as of `load_model`.
    """
    where = "The JSON text"
    document = parse(json_string, where)
    if is_keras_config(document):
        return keras_model_from_config(document, where, custom_objects, models, report)
    refuse_foreign(document, where)
    refuse_unknown(document, ("format", "version", "model", "adapters", "tied"), where)

    def made() -> Any:
        return _adapted(ConfigReader(custom_objects, models).layer(document.get("model")), document, where)

    model = within_budget(where, made)
    tie(model, _paths(document, "tied", where))
    return model


def _adapted(model: Any, document: dict[str, Any], where: str) -> Any:
    """The model, its layers within layers with the adapters that they were given by hand."""
    if "adapters" not in document:
        return model
    try:
        add_adapters(model, _paths(document, "adapters", where))
        return model
    except BAD_CONFIG as error:
        raise LoadingError(f"The adapters in {where} cannot be added.", got=str(error)[:200]) from error


# -- JSON


def _to_json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _from_json(data: Any, where: str) -> dict[str, Any]:
    document = parse(data, where)
    refuse_foreign(document, where)
    return document  # type: ignore[no-any-return]


def refuse_foreign(document: Any, where: str) -> None:
    """Raise unless it is a document of Lamina's, of a version that is known."""
    if type(document) is not dict or document.get("format") != FORMAT:
        got = f"format {document.get('format')!r}"[:80] if type(document) is dict else type(document).__name__
        raise LoadingError(f"{where} is no model of Lamina's.", got=got, expected=f"format {FORMAT!r}")
    version = field(document, "version", int, where)
    if not 1 <= version <= VERSION:
        raise LoadingError(
            f"{where} has a format that this version of Lamina cannot read.",
            got=f"format version {version}",
            expected=f"1 to {VERSION}",
            hint="pip install -U lamina" if version > VERSION else None,
        )


def _paths(document: dict[str, Any], key: str, where: str) -> dict[str, str]:
    found: dict[str, str] = field(document, key, dict, where)
    for path in found:
        field(found, path, str, f"{where}, {key!r},")
    return found


# -- models without a graph are built by calling them


def _shape_of(leaf: Any) -> Any:
    if isinstance(leaf, torch.Tensor):
        return {"$tensor": {"shape": list(leaf.shape), "dtype": name_of_dtype(leaf.dtype)}}
    return no_word(leaf)


def _call_first(model: Any, data: Any) -> None:
    """Call a model of the user's class on zeros, in the shapes that it was first called on: that makes its weights."""
    where = "The first call of the model"
    if isinstance(model, Traced):
        model._first_call = decode(data, {"$tensor": lambda facts: _zeros(facts, where, "meta")})
        return
    kind: type = type(model)
    if MODELS.get(kind.__name__) is kind:
        raise LoadingError(f"{where} is told, but {model.label} is made by its config.")
    if model.built:
        return
    try:
        args, kwargs = decode(data, {"$tensor": lambda facts: _zeros(facts, where)})
        with torch.no_grad():
            model(*args, **kwargs)
    except LoadingError:
        raise
    except BAD_CONFIG as error:
        raise LoadingError(f"{where} cannot be made again.", got=f"{type(error).__name__}: {error}") from error


def _zeros(facts: Any, where: str, device: str | None = None) -> torch.Tensor:
    refuse_unknown(facts, ("shape", "dtype"), where)
    shape = items(field(facts, "shape", list, where), int, where)
    if not all(0 <= size < 2**31 for size in shape) or math.prod(shape) > _MAX_FIRST_CALL:
        raise LoadingError(f"{where} is larger than any.", got=f"{shape!r:.80}")
    return torch.zeros(shape, dtype=dtype_of_name(field(facts, "dtype", str, where)), device=device)
