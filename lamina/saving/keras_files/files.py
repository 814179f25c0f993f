"""Keras' whole-model files: ``.keras`` of Keras 3, in and out; ``.h5`` of Keras 2 and 3, in.

A ``.keras`` is a zip of ``config.json``, ``metadata.json`` and ``model.weights.h5``. Which kind a file is, its content
tells, never its name.
"""

from __future__ import annotations

import io
import json
import os
import stat
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

from lamina.custom_objects import custom_object_scope
from lamina.printable import QUOTED, printable
from lamina.saving.archive import is_archive, read_zip, write_file
from lamina.saving.budget import within_budget, without_weights
from lamina.saving.classes import Classes
from lamina.saving.errors import DamagedFileError, LoadingError, SavingError, not_too_deep
from lamina.saving.strict_json import MAX_BYTES, parse
from lamina.saving.translations import Report, Translations, TranslationWarning, tell

from .config_in import KerasConfigReader
from .config_out import KerasConfigWriter
from .h5 import is_h5, open_h5
from .older import OLD_HARD_SIGMOID, TODAY, Version, version_of
from .training import compile_as_told, training_for_keras
from .weights import read_keras_weights, read_legacy_optimizer, read_legacy_weights, write_keras_weights

SUFFIX = ".keras"

# The version whose words are written; Keras reads files of any 3.
_KERAS_VERSION = "3.15.0"

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
_MEMBERS = (CONFIG, METADATA, WEIGHTS)
_MAX_METADATA = 2**20
# Keras does not pack. Where someone has, weights shrink little, but those that are all zeros.
_MAX_EXPANSION = 20
_MAX_ENTRIES = 16
_SMALL = 2**26
_PIECE = 2**20

_DATE = (1980, 1, 1, 0, 0, 0)
_BAD_ZIP = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, UnicodeDecodeError)


def is_keras_file(path: Any) -> bool:
    """Whether a file is a whole model of Keras', or HDF5, told by its content."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        return False
    if is_h5(path):
        return True
    if not is_archive(path):
        return False
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            return CONFIG in archive.NameToInfo or WEIGHTS in archive.NameToInfo
    except _BAD_ZIP:
        return False  # whoever reads it next says what is wrong


def load_keras_model(
    path: Any, custom_objects: Mapping[str, Any] | None, compile: bool, models: Classes, report: Report | None = None
) -> Any:
    """The model of a ``.keras`` or whole-model ``.h5``.

    What cannot be carried is left out, with a warning.

    Args:
        report: is given what was translated, renamed, defaulted or left out, where there was anything.

    Raises:
        LoadingError: what Lamina does not have, by its name; a damaged or odd file; no h5py.
    """
    where, told = repr(str(path)), Translations()
    # In scope, a plain name in a config may mean one of the caller's, too.
    with not_too_deep(where), custom_object_scope(custom_objects or {}):
        read = _from_h5 if is_h5(path) else _from_zip
        model, reader, left = read(path, where, custom_objects or {}, compile, models, told)
    for line in left:
        told.add("left out", line)
    _warn_of([*left, *reader.remarks], f"{model.label} is loaded without", TranslationWarning)
    tell(told, report)
    return model


def save_keras_model(model: Any, path: Any, overwrite: bool, models: Classes) -> None:
    """Write a ``.keras`` that Keras 3 opens: graph, weights, and how the model is trained.

    Raises:
        SavingError: something in the graph that Keras has no word for, with its line; no h5py.
    """
    writer = KerasConfigWriter(models)
    entry = writer.model(model)
    training, left = training_for_keras(model)
    entry["compile_config"] = training
    weights = io.BytesIO()
    left += write_keras_weights(model, weights, optimizer=bool(training), orders=writer.orders)
    metadata = {"keras_version": _KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}
    members: dict[str, Any] = {
        METADATA: json.dumps(metadata).encode(),
        CONFIG: _to_json(entry),
        WEIGHTS: weights.getbuffer(),
    }

    def fill(file: Any) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                with archive.open(zipfile.ZipInfo(name, _DATE), "w", force_zip64=len(data) > 2**31) as member:
                    member.write(data)

    write_file(path, fill, overwrite)
    if f'"config": "{OLD_HARD_SIGMOID}"'.encode() in members[CONFIG]:
        left.append(
            "hard_sigmoid of Keras 2, which Keras 3 does not have: it opens the file with "
            f'custom_objects={{"{OLD_HARD_SIGMOID}": lambda x: keras.ops.clip(0.2 * x + 0.5, 0, 1)}}'
        )
    _warn_of(left, f"{model.label} is saved for Keras without")


def _to_json(entry: dict[str, Any]) -> bytes:
    try:
        return json.dumps(entry, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise SavingError("The model's config holds what JSON has no word for.", got=str(error)) from error


def _warn_of(left: list[str], what: str, kind: type[UserWarning] = UserWarning) -> None:
    for line in left:
        warnings.warn(printable(f"{what} {line}", 2 * QUOTED), kind, stacklevel=4)


# -- in


def _from_zip(
    path: Any, where: str, custom_objects: Mapping[str, Any], compile: bool, models: Classes, told: Translations
) -> tuple[Any, KerasConfigReader, list[str]]:
    members = _members_of(path, where)
    missing = [name for name in (CONFIG, WEIGHTS) if name not in members]
    if missing:
        raise LoadingError(f"{where} is no whole model of Keras'.", got=f"no {', '.join(missing)}")
    metadata = parse(members[METADATA], f"{where}, {METADATA},") if METADATA in members else {}
    # Keras 2.13 and tf_keras write the same kind of file, in their words.
    said = metadata.get("keras_version") if isinstance(metadata, dict) else None
    version = version_of(said) if isinstance(said, str) else TODAY
    told.source = _named(where, said, version)
    entry = parse(members[CONFIG], f"{where}, {CONFIG},")
    model, reader = _model_of(entry, where, custom_objects, models, version, told)
    compiled = compile and compile_as_told(
        model, _renamed(entry.get("compile_config"), reader), custom_objects, told, version.old
    )
    weights = members[WEIGHTS]
    left = read_keras_weights(
        model, weights, f"{where}, {WEIGHTS},", optimizer=compiled, orders=reader.orders, old=version.old
    )
    return model, reader, left


def _from_h5(
    path: Any, where: str, custom_objects: Mapping[str, Any], compile: bool, models: Classes, told: Translations
) -> tuple[Any, KerasConfigReader, list[str]]:
    with open_h5(path, where) as file:
        config, training = file.attribute("", "model_config"), file.attribute("", "training_config")
        said = file.attribute("", "keras_version")
    version = version_of(said)
    told.source = _named(where, said, version)
    if config is None:
        raise LoadingError(
            f"{where} holds weights, and no model.", hint="model.load_weights(...) of a model that is built already"
        )
    model, reader = _model_of(parse(config, where), where, custom_objects, models, version, told)
    read_legacy_weights(model, path, where, told)
    left: list[str] = []
    compiled = (
        compile
        and training is not None
        and compile_as_told(model, _renamed(parse(training, where), reader), custom_objects, told, version.old)
    )
    if compiled:
        left = read_legacy_optimizer(model, path, where, reader.orders)
    return model, reader, left


def keras_model_from_config(
    entry: Any,
    where: str,
    custom_objects: Mapping[str, Any] | None,
    models: Classes,
    report: Report | None = None,
) -> Any:
    """The model of JSON that Keras wrote: of ``to_json()``, or an entry as in its files. Its weights are fresh.

    Args:
        report: as of `load_keras_model`.

    Raises:
        LoadingError: as `load_keras_model`.
    """
    said = entry.get("keras_version") if isinstance(entry, dict) else None
    # Keras 3 tells modules and no version.
    version = version_of(said) if said is not None else TODAY if "module" in entry else Version(2)
    told = Translations(_named(where, said, version))
    with custom_object_scope(custom_objects or {}):
        model = within_budget(
            where, lambda: KerasConfigReader(custom_objects, models, version, told).model(entry, where)
        )
    tell(told, report)
    return model


def _named(where: str, said: Any, version: Version) -> str:
    """The file and the Keras that wrote it, for a person."""
    guess = f"Keras {version.major}, which it does not tell"
    return f"{where} (Keras {said:.20})" if isinstance(said, str) else f"{where} ({guess})"


def is_keras_config(entry: Any) -> bool:
    """Whether JSON is a model as Keras tells it, and not as Lamina does."""
    return isinstance(entry, dict) and "format" not in entry and {"class_name", "config"} <= entry.keys()


def _renamed(config: Any, reader: KerasConfigReader) -> Any:
    """How a model is trained, by the names that its outputs have here."""
    if not isinstance(config, dict) or not reader.renamed:
        return config

    def by_todays_names(value: Any) -> Any:
        return {reader.renamed.get(key, key): item for key, item in value.items()} if isinstance(value, dict) else value

    return {part: by_todays_names(value) for part, value in config.items()}


def _model_of(
    entry: Any, where: str, custom_objects: Mapping[str, Any], models: Classes, version: Version, told: Translations
) -> tuple[Any, KerasConfigReader]:
    reader = KerasConfigReader(custom_objects, models, version, told)
    with without_weights():  # whatever sizes the config says, the weights take no memory: those in the file come
        return reader.model(entry, where), reader


def _members_of(path: Any, where: str) -> dict[str, bytes]:
    """The members, each read whole, and counted while it is read: what a zip says of sizes is not believed."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            _refuse_odd(infos, where)
            return {info.filename: _read(archive, info, where) for info in infos}
    except (LoadingError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except _BAD_ZIP as error:
        raise _damaged(where, error) from error


def mapped_members(path: Any, where: str) -> dict[str, Any]:
    """The members, of which those that are stored as they are are not read: parts of the mapped file.

    Raises:
        LoadingError, DamagedFileError: as `load_keras_model`.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            _refuse_odd(infos, where)
    except (LoadingError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except _BAD_ZIP as error:
        raise _damaged(where, error) from error
    if any(info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size for info in infos):
        return _members_of(path, where)
    return read_zip(path, lambda infos, path: _refuse_odd(infos, where), _EXPECTED, lambda name: name != WEIGHTS)


_EXPECTED = "a file that Keras wrote"


def _damaged(where: str, error: BaseException) -> DamagedFileError:
    return DamagedFileError(f"{where} is no model file, or a damaged one.", got=str(error)[:200], expected=_EXPECTED)


def _refuse_odd(infos: list[zipfile.ZipInfo], where: str) -> None:
    names = [info.filename for info in infos[:_MAX_ENTRIES]]
    unknown = [name for name in names if name not in _MEMBERS]
    if unknown or len(infos) > len(set(names)):
        got = f"unknown: {', '.join(map(repr, unknown))}"[:200] if unknown else f"twice: {names}"[:200]
        raise LoadingError(
            f"{where} holds members that a model file of Keras' does not have.", got=got, expected=", ".join(_MEMBERS)
        )
    for info in infos:
        if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise LoadingError(
                f"The member {info.filename!r} of {where} is encrypted, or packed in an unknown way.",
                expected="stored as it is, or deflated",
            )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> bytes:
    limit = {CONFIG: MAX_BYTES, METADATA: _MAX_METADATA}.get(info.filename)
    packed = info.compress_type == zipfile.ZIP_DEFLATED
    most = info.compress_size * (_MAX_EXPANSION if packed else 1) + packed * _SMALL
    limit = most if limit is None else min(limit, most)
    parts, size = [], 0
    with archive.open(info) as member:
        while part := member.read(_PIECE):
            size += len(part)
            if size > limit:
                raise LoadingError(
                    f"The member {info.filename!r} of {where} is larger than it can be.", expected=f"{limit} bytes"
                )
            parts.append(part)
    return b"".join(parts)
