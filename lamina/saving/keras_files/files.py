"""Keras' whole-model files, read: ``.keras`` of Keras 3, ``.h5`` of Keras 1 to 3. `files_out` writes them.

A ``.keras`` is a zip of ``config.json``, ``metadata.json`` and ``model.weights.h5``. Which kind a file is, its content
tells, never its name.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Mapping
from typing import Any

import torch

from lamina.custom_objects import custom_object_scope
from lamina.graph.source import warn
from lamina.layers.low_rank import adapters_in
from lamina.printable import QUOTED, printable
from lamina.saving.archive import is_archive, is_safe, read_zip
from lamina.saving.budget import within_budget, without_weights
from lamina.saving.classes import Classes
from lamina.saving.errors import DamagedFileError, LoadingError, not_too_deep
from lamina.saving.own_state import hooked_parts
from lamina.saving.strict_json import MAX_BYTES, parse
from lamina.saving.translations import Report, Translations, TranslationWarning, tell

from .config_in import KerasConfigReader
from .h5 import is_h5, open_h5
from .hooked import ASSETS, give_own_assets, give_own_variables
from .layout import Layout
from .legacy import legacy_group
from .older import TODAY, Version, version_of
from .orders_in import orders_for
from .shards import open_weights
from .training import compile_as_told
from .vocabularies import give_vocabularies
from .weights import keras_tensors, read_keras_weights, read_legacy_optimizer, read_legacy_weights

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
_MEMBERS = (CONFIG, METADATA, WEIGHTS)
_MAX_METADATA = 2**20
# Keras does not pack. Where someone has, weights shrink little, but those that are all zeros.
_MAX_EXPANSION = 20
_MAX_ENTRIES = 10_000
_SMALL = 2**26
_SMALL_ASSET = 2**12  # there may be as many as there are entries
_PIECE = 2**20

_BAD_ZIP = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, UnicodeDecodeError)


def is_keras_file(path: Any) -> bool:
    """Whether a file is a whole model of Keras', or HDF5, told by its content."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        return False
    return is_h5(path) or is_keras_zip(path)


def is_keras_zip(path: Any) -> bool:
    """Whether a file is a ``.keras``, told by its content."""
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
    warn_of([*left, *reader.remarks], f"{model.label} is loaded without", kind=TranslationWarning)
    tell(told, report)
    return model


def warn_of(left: list[str], what: str, more: str | None = None, kind: type[UserWarning] = UserWarning) -> None:
    """Warn of each line; ``more`` is a text of ours for the first one."""
    for number, line in enumerate(left):
        told = f"\n{more}" if more and not number else ""
        warn(printable(f"{what} {line}", 2 * QUOTED) + told, kind)


# -- in


def _from_zip(
    path: Any, where: str, custom_objects: Mapping[str, Any], compile: bool, models: Classes, told: Translations
) -> tuple[Any, KerasConfigReader, list[str]]:
    members = _members_of(path, where)
    missing = [name for name in (CONFIG, WEIGHTS) if name not in members]
    if missing:
        hint = "model.load_weights(...) of a model that is built already" if missing == [CONFIG] else None
        raise LoadingError(f"{where} is no whole model of Keras'.", got=f"no {', '.join(missing)}", hint=hint)
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
    give_vocabularies(model, members, weights, f"{where}, {WEIGHTS},", reader.orders)
    give_own_assets(model, members, reader.orders)
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


def tensors_of_keras_zip(model: Any, path: Any, where: str, by_name: bool = False) -> dict[str, torch.Tensor]:
    """`keras_tensors` of a ``.keras``, of a whole model or of weights alone."""
    members = _members_of(path, where)
    if WEIGHTS not in members:
        raise LoadingError(f"{where} holds no weights.", got=", ".join(members) or "nothing")
    # Where the file tells its graph, by that; a model whose layers have other names goes by its own order.
    orders = orders_for(model, parse(members[CONFIG], f"{where}, {CONFIG},")) if CONFIG in members else {}
    return keras_tensors(model, members[WEIGHTS], f"{where}, {WEIGHTS},", by_name, orders)


def own_of_keras_file(model: Any, path: Any, where: str) -> None:
    """Let classes of the user's read from a file what they save by themselves, where the model has such."""
    if not any(True for _ in hooked_parts(model)) and not adapters_in(model):
        return
    if not is_keras_zip(path):
        with open_weights(path, where) as file:
            if legacy_group(file) is None:
                give_own_variables(Layout(model), file)
        return
    members = _members_of(path, where)
    orders = orders_for(model, parse(members[CONFIG], f"{where}, {CONFIG},")) if CONFIG in members else {}
    with open_h5(members[WEIGHTS], f"{where}, {WEIGHTS},") as file:
        give_own_variables(Layout(model, orders), file)
    give_own_assets(model, members, orders)


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
    reader.has_weights = True
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
    unknown = [name for name in names if name not in _MEMBERS and not (name.startswith(ASSETS) and is_safe(name))]
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
    small = _SMALL_ASSET if info.filename.startswith(ASSETS) else _SMALL
    most = info.compress_size * (_MAX_EXPANSION if packed else 1) + packed * small
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
