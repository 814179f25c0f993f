"""Weights alone: by their paths in a safetensors or ``.lamina`` file; Keras' own; other programs' by a mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.file_formats import format_of, other_ending
from lamina.graph import ArgumentError
from lamina.graph.source import warn
from lamina.layers.mode_watch import watch_anew
from lamina.printable import QUOTED, printable
from lamina.processes import written_by_first
from lamina.tracebacks import door

from .archive import WEIGHTS, is_archive, map_file, read_archive, refuse_folder, write_archive, write_file
from .errors import LoadingError, SavingError, refuse_missing, refuse_no_path
from .foreign_weights import mapped
from .keras_files.files import is_keras_zip, own_of_keras_file, tensors_of_keras_zip, warn_of
from .keras_files.files_out import save_h5_weights, save_keras_weights
from .keras_files.shards import is_shard_table, refuse_size
from .keras_files.weights import is_h5, keras_tensors, write_keras_weights
from .own_members import own_members, restore_own
from .own_state import hooked_parts
from .report import LoadReport, Tensors, compared, copy
from .rescue import leave_beside, rescued
from .tensors import TensorFile, read_tensors
from .torch_file import is_torch_file, read_torch_file
from .weights import not_those_of, once, state_of
from .worked_on import is_trained, refuse_without_weights


@door
@written_by_first
def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
    """Write the model's weights, each once, by its path in ``state_dict``.

    Args:
        filepath: ends in ``.safetensors``, a file that other programs read as well; in ``.lamina``; or as Keras' files
            do: ``.weights.h5`` for Keras 3, ``.h5`` and ``.hdf5`` for any version, ``.keras``.
        overwrite: replace a file that is there.
        max_shard_size: GB of each file, where they are to be several, as Keras 3 has them: ``model_00000.weights.h5``
            and so on, beside a table ``model.weights.json``, which is the `filepath` for this and for `load_weights`.

    Raises:
        SavingError: another ending, a weight that cannot be stored, or a model that has no weights yet; a weight larger
            than `max_shard_size`. ArgumentError: that, and a file of another ending than the table's.
    """
    with rescued(model, filepath):
        refuse_no_path(filepath)
        refuse_size(filepath, max_shard_size)
        if max_shard_size is not None:
            refuse_without_weights(model)
            left = write_keras_weights(model, filepath, overwrite=overwrite, shard_size=max_shard_size)
            _tell_of_others(model, filepath, left)
            return
        refused = other_ending(filepath, "weights")
        if refused is not None:
            raise SavingError(**refused)
        state = state_of(model)
        refuse_without_weights(model)
        _WRITERS[format_of(filepath).suffix](model, once(state), filepath, overwrite)  # type: ignore[union-attr]


def _save_safetensors(model: Any, own: dict[str, torch.Tensor], filepath: Any, overwrite: bool) -> None:
    write_file(filepath, TensorFile(own, as_in_memory=False).write, overwrite)
    hooked = ", ".join(part.label for _, part in hooked_parts(model))
    if hooked:
        warn_of([f"what the classes of {hooked} save by themselves"], "A file of weights alone has no place for")


def _save_weights_h5(model: Any, _: Tensors, filepath: Any, overwrite: bool) -> None:
    _tell_of_others(model, filepath, write_keras_weights(model, filepath, overwrite=overwrite))


def _tell_of_others(model: Any, filepath: Any, left: list[str]) -> None:
    """Weights that are not in the file: a warning, and of a trained model they are written beside."""
    beside = leave_beside(model, filepath) if left and is_trained(model) else None
    warn_of(left, "A file of Keras has no place for", beside)


_WRITERS: Mapping[str, Callable[[Any, dict[str, torch.Tensor], Any, bool], None]] = MappingProxyType({
    ".safetensors": _save_safetensors,
    ".lamina": lambda model, own, path, overwrite: write_archive(
        path, {WEIGHTS: TensorFile(own), **own_members(model)}, overwrite
    ),
    ".weights.h5": _save_weights_h5,
    ".keras": lambda model, own, path, overwrite: _tell_of_others(
        model, path, save_keras_weights(model, path, overwrite)
    ),
    ".h5": lambda model, own, path, overwrite: _tell_of_others(model, path, save_h5_weights(model, path, overwrite)),
    ".hdf5": lambda model, own, path, overwrite: _tell_of_others(model, path, save_h5_weights(model, path, overwrite)),
})  # fmt: skip


@door
def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    *,
    partial: bool = False,
    mapping: Mapping[str, Any] | Callable[[str], Any] | None = None,
    by_name: bool = False,
) -> LoadReport | None:
    """Read weights from a file into a model; all of them must fit, unless one of the arguments says otherwise.

    Args:
        filepath: a file of weights alone, of any kind that `save_weights` writes (of several, their table), or of a
            whole model (``.lamina``, ``.keras``, ``.h5``); or one of another program: ``.safetensors``, or a PyTorch
            ``state_dict`` (``.pt``, ``.pth``, ``.bin``). Its content tells which. A PyTorch file holds a pickle, which
            whoever loads it with pickle runs; here it is only read, and refused if it asks for more than tensors.
            Safetensors cannot ask for anything: prefer it.
        skip_mismatch: Keras' argument: as ``partial``, and a warning lists what did not fit.
        partial: load what fits, leave the rest as it is, and return a `LoadReport` of what was what.
        mapping: for a file with names of its own: path of a weight in this model (``state_dict`` has them) -> its
            name there; or (name, axes) where its axes stand in another order, as for ``tensor.permute(axes)``; or
            None for a weight to leave as it is. A dict, or a function of the path. PyTorch's kernels are
            (out, in, ...) and ours (..., in, out), so axes are (1, 0) for a dense one, (2, 3, 1, 0) for a
            convolution of images. Give them for each: a square one fits either way.
        by_name: Keras' argument for a model that is not the one that wrote the file: weights whose path the other
            does not have are passed over. Of a ``.h5`` of Keras 2, whose layers have names, the layers that have one
            name here and there; with ``skip_mismatch``, those of other shapes are passed over, too.

    Raises:
        LoadingError: not such a file, or one that has nothing for this model; or lists each weight that is missing,
            unexpected or of another shape. Nothing is changed then.
        ArgumentError: a mapping that cannot be.

    >>> from lamina import Input, Model
    >>> from lamina.layers import Dense
    >>> torch.save(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1)).state_dict(), "net.pt")
    >>> x = Input((4,))
    >>> model = Model(x, Dense(1, name="last")(Dense(3, name="first")(x)))
    >>> parts = {"first": "0", "last": "1"}
    >>> def name_there(path):
    ...     layer, weight = path.split(".")
    ...     return f"{parts[layer]}.bias" if weight == "bias" else (f"{parts[layer]}.weight", (1, 0))
    >>> model.load_weights("net.pt", mapping=name_there)
    >>> other = Model(x, Dense(2, name="other")(Dense(3, name="first")(x)))
    >>> model.save_weights("model.weights.safetensors")
    >>> print(other.load_weights("model.weights.safetensors", partial=True))
    2 weights loaded, 2 missing, 2 unexpected, 0 mismatched.
    missing     other.kernel (3, 2) float32
    missing     other.bias (2,) float32
    unexpected  last.kernel (3, 1) float32
    unexpected  last.bias (1,) float32
    """
    refuse_missing(filepath)
    where = repr(str(filepath))
    refuse_folder(filepath)
    due = "any" if partial or skip_mismatch else "known" if by_name else "all"
    report = _load(model, filepath, where, mapping, due, by_name)
    if skip_mismatch and report.faults:
        warn(printable(f"{model.label} from {where}: {report}", 2 * QUOTED))
    return report if partial or skip_mismatch or by_name else None


def _load(model: Any, filepath: Any, where: str, mapping: Any, due: str, by_name: bool) -> LoadReport:
    """Copy what fits, if all fits that is ``due``: all weights, those that the file knows, or any."""
    state = state_of(model, others=due == "any")
    zipped = is_keras_zip(filepath)
    of_keras = zipped or is_h5(filepath) or is_shard_table(filepath)
    if of_keras:
        if mapping is not None:
            raise ArgumentError("Keras' files need no mapping: where they hold each weight is known.", got=where)
        read = tensors_of_keras_zip(model, filepath, where, by_name) if zipped else None
        tensors = keras_tensors(model, filepath, where, by_name) if read is None else read
    else:
        tensors = tensors_of(filepath, where)
    if mapping is None:
        report = compared(state, tensors)
    else:
        tensors, report = mapped(state, tensors, mapping, where)
    refused = {"all": report, "known": LoadReport(mismatched=report.mismatched), "any": LoadReport()}[due].faults
    if refused or (report.faults and not report.loaded):
        raise not_those_of(model, state, refused or report.faults, where)
    copy(tensors, state, report)
    if of_keras:
        own_of_keras_file(model, filepath, where)
    elif is_archive(filepath) and not is_torch_file(filepath) and any(True for _ in hooked_parts(model)):
        restore_own(model, read_archive(filepath), where)
    watch_anew(model.modules())
    return report


def tensors_of(filepath: Any, where: str) -> dict[str, torch.Tensor]:
    """What the file has, by its own names."""
    if is_archive(filepath):
        if is_torch_file(filepath):
            return read_torch_file(filepath)
        members = read_archive(filepath)
        if WEIGHTS not in members:
            raise LoadingError(f"{where} holds no weights.", got=", ".join(members) or "nothing")
        return read_tensors(members[WEIGHTS], where)
    with open(filepath, "rb") as file:
        data = map_file(file)
    refuse_others(data, where)
    return read_tensors(data, where)


def refuse_others(data: Any, where: str) -> None:
    """Raise `LoadingError` for bytes of no kind of file that holds tensors, and for a bare pickle.

    A file of safetensors begins with the length of its header, in 8 bytes, and the header with a brace.
    """
    if bytes(data[:1]) == b"\x80" and bytes(data[8:9]) != b"{":  # which a safetensors file has, after its length
        raise LoadingError(
            f"{where} is a bare pickle: a program that would be run, with anything it likes.",
            expected="a .safetensors file, or a zip from torch.save",
            hint="where you trust it: torch.save(torch.load(old).state_dict(), new), with a PyTorch from 1.6",
        )
    if bytes(data[8:9]) != b"{":
        raise LoadingError(
            f"{where} is no file of a model or of weights, or a damaged one.",
            got=f"{len(data)} bytes, which begin with {bytes(data[:16])!r}",
            expected="what save_weights or save wrote, here or in Keras; safetensors; or what torch.save wrote",
            hint="download it again, if it was downloaded: a page of a web site often comes in place of a file",
        )
