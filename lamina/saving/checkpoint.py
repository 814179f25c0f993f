"""A checkpoint: all that a training needs to go on as if nothing had happened, in one file written like a model's.

- ``weights.safetensors``, ``optimizer.safetensors``: as in a model file;
- ``run.json``: which optimizer, on which parameters; and the training in progress, if there is one: epoch and batch,
  running means, the callbacks' own state, every random generator (`lamina.training.run.Run.state_dict`);
- ``run.safetensors``: the tensors in that, by number.

The architecture is not in it, so it serves models that are code as well. ``model.save`` while a training is in progress
writes the same members beside the model's.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from typing import Any

import torch

from lamina.layers.weights import Weights
from lamina.optimizers import Optimizer
from lamina.processes import written_by_first
from lamina.tracebacks import door

from .archive import OPTIMIZER, RUN, RUN_TENSORS, WEIGHTS, is_archive, read_archive, refuse_folder, write_archive
from .errors import BAD_CONFIG, DamagedFileError, LoadingError, SavingError, refuse_missing, refuse_no_path
from .fields import field, items, refuse_unknown
from .own_members import own_members, restore_own
from .report import compared
from .strict_json import parse
from .tensors import TensorFile, read_tensors
from .trees import TensorsAside, unpack
from .weights import freeze, frozen, load_state, once, state_of
from .worked_on import refuse_without_weights

FORMAT = "lamina.checkpoint"
VERSION = 1
SUFFIX = ".lamina"

_RUN_FIELDS = {
    "epoch": int, "batch": int, "trained": bool, "stopping": bool, "feed": dict, "callbacks": dict, "generators": dict
}  # fmt: skip


# -- writing


@door
@written_by_first
def save_checkpoint(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    weights_only: bool = False,
    executor: Executor | None = None,
) -> Future[None] | None:
    """Write weights, the optimizer's state and, while ``fit`` is in progress, everything that makes it go on exactly.

    The file is there whole or not at all; one that it replaces stays until it is on the disk.

    Args:
        filepath: ends in ``.lamina``.
        overwrite: replace a file that is there.
        weights_only: nothing but the weights.
        executor: has the file written by one of its workers, from a copy; None writes it now.

    Returns:
        What the executor gives for it: the error of a write that fails comes out of its ``result()``.

    Raises:
        SavingError: another ending, no such folder, a state that a file has no word for, a model without weights.
        OSError: the file cannot be written, as on a full disk.
    """
    refuse_no_path(filepath)
    if not str(filepath).endswith(SUFFIX):
        raise SavingError(f"A checkpoint is called *{SUFFIX}.", got=repr(str(filepath)), hint=f'"latest{SUFFIX}"')
    refuse_without_weights(model)
    members: dict[str, bytes | TensorFile] = {WEIGHTS: TensorFile(once(state_of(model)))}
    if not weights_only:
        members |= training_members(model)
    if executor is not None:
        copies = {name: bytes(data) for name, data in members.items()}
        return executor.submit(write_archive, filepath, copies, overwrite)
    write_archive(filepath, members, overwrite)
    return None


def training_members(model: Any) -> dict[str, bytes | TensorFile]:
    """The members of a file that hold the optimizer and the training in progress."""
    aside = TensorsAside()
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION, "optimizer": None, "run": None}
    members: dict[str, bytes | TensorFile] = {}
    optimizer = model.optimizer
    if optimizer is not None:
        document["optimizer"] = {"class": _kind(optimizer), "parameters": _paths_of(model, optimizer), "state": None}
        if isinstance(optimizer, Optimizer):
            members[OPTIMIZER] = TensorFile(optimizer.state_dict())
        else:
            document["optimizer"]["state"] = aside.pack(optimizer.state_dict())
    if model._running is not None:
        document["run"] = _packed_run(model, aside)
    members |= own_members(model)
    members[RUN] = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    members[RUN_TENSORS] = TensorFile(aside.tensors)
    return members


def _packed_run(model: Any, aside: TensorsAside) -> dict[str, Any]:
    state = model._running.state_dict()
    packed: dict[str, Any] = {"callbacks": {}}
    for name, own in state.pop("callbacks").items():
        try:
            packed["callbacks"][name] = aside.pack(own)
        except SavingError as error:
            error.where = f"the state_dict() of the callback {name}"
            raise
    packed |= aside.pack(state)
    packed["model"] = aside.pack({"frozen": frozen(model), "resting": _resting(model), "buffers": _loose(model)})
    return packed


def _kind(optimizer: Any) -> str:
    """The class, of PyTorch's optimizers the one that is wrapped."""
    return type(optimizer if isinstance(optimizer, Optimizer) else optimizer.optimizer).__name__


def _paths_of(model: Any, optimizer: Any) -> list[str]:
    """Where the parameters are that the optimizer was built on, in its order."""
    if not isinstance(optimizer, Optimizer):
        return []
    paths = {id(parameter): path for path, parameter in model.named_parameters()}
    found = [paths.get(id(parameter)) for parameter in optimizer._parameters]
    if None in found:
        raise SavingError(
            "The optimizer was built on parameters that are not this model's.", hint="an optimizer for each model"
        )
    return found  # type: ignore[return-value]


def _resting(model: torch.nn.Module) -> list[str]:
    """Paths of the layers whose ``trainable`` is False."""
    return [path for path, part in model.named_modules() if isinstance(part, Weights) and not part.trainable]


def _loose(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Path -> buffer outside of ``state_dict``, such as the states of a stateful RNN."""
    return {
        f"{path}.{name}" if path else name: part._buffers[name]
        for path, part in model.named_modules()
        for name in sorted(part._non_persistent_buffers_set)
        if part._buffers.get(name) is not None
    }


# -- reading


@door
def load_checkpoint(model: Any, filepath: Any, learning_rate: float | None = None) -> None:
    """Put back what `save_checkpoint` wrote, or ``model.save`` while a training was in progress.

    Outside of ``fit``: weights and the optimizer's state. In the ``on_train_begin`` of a callback: the training as
    well, which then goes on from there.

    Args:
        learning_rate: one to go on with instead of the one in the file. Counters stay.

    Raises:
        LoadingError: no checkpoint; or lists everything in which it differs from this model, its optimizer, the data.
            Nothing is changed then.
        DamagedFileError: not what was written; a LoadingError and an OSError.
        FileNotFoundError: there is no such file.

    >>> from lamina import Input, Model
    >>> from lamina.layers import Dense
    >>> x = Input((2,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile("adam", "mse")
    >>> _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    >>> model.save_checkpoint("latest.lamina")
    >>> model.load_checkpoint("latest.lamina", learning_rate=1e-4)
    >>> int(model.optimizer.iterations), float(model.optimizer.learning_rate)
    (1, 0.0001)
    """
    refuse_missing(filepath)
    refuse_folder(filepath)
    checkpoint = Checkpoint(filepath, learning_rate)
    run = model._running
    if run is None:
        checkpoint.check(model, None)
        checkpoint.restore(model, None)
        return
    if checkpoint.run is None:
        raise LoadingError(
            f"{checkpoint.where} holds no training in progress, so there is nothing to go on with.",
            expected="a checkpoint that was written while fit was running",
            hint="load_checkpoint before fit, and fit(initial_epoch=)",
        )
    run.make_weights()
    checkpoint.check(model, run)
    run.resume_from(checkpoint)


class Checkpoint:
    """What stands in a file, ready to be put back.

    Args:
        filepath: the file.
        learning_rate: see `load_checkpoint`.

    Attributes:
        epoch, batch: where its training was; 0 where there is none.
    """

    def __init__(self, filepath: Any, learning_rate: float | None = None) -> None:
        self.where = where = repr(str(filepath))
        self.learning_rate = learning_rate
        members = self._own = _members(filepath, where)
        document = _document(members[RUN], where)
        aside = read_tensors(members[RUN_TENSORS], where) if RUN_TENSORS in members else {}
        self.weights = read_tensors(members[WEIGHTS], where)
        self.optimizer: dict[str, Any] | None = document["optimizer"]
        self.optimizer_state: Any = None
        if self.optimizer is not None:
            refuse_unknown(self.optimizer, ("class", "parameters", "state"), where)
            field(self.optimizer, "class", str, where)
            items(field(self.optimizer, "parameters", list, where), str, where)
            plain = self.optimizer["state"] is None
            self.optimizer_state = (
                read_tensors(members.get(OPTIMIZER, b""), where) if plain else unpack(self.optimizer["state"], aside)
            )
        self.run: dict[str, Any] | None = None
        if document["run"] is not None:
            self.run = unpack(document["run"], aside)
            for name, kind in _RUN_FIELDS.items():
                field(self.run, name, kind, where)
        self.epoch: int = 0 if self.run is None else self.run["epoch"]
        self.batch: int = 0 if self.run is None else self.run["batch"]

    def check(self, model: Any, run: Any) -> None:
        """Refuse what does not fit, all of it at once.

        Args:
            run: the training that is to go on, or None.

        Raises:
            LoadingError: lists what differs.
        """
        faults = [f"weight      {fault}" for fault in compared(state_of(model), self.weights).faults]
        faults += [f"optimizer   {fault}" for fault in self._optimizer_faults(model)]
        if run is not None:
            faults += run.faults(self.run)
        if faults:
            raise LoadingError(
                f"The checkpoint {self.where} does not fit {model.label} as it is trained here.",
                got="\n".join(faults),
                expected="the model, the compile() and the data that wrote it",
                hint="the same code as before; or another file, to begin anew",
            )

    def restore(self, model: Any, run: Any) -> None:
        """Put everything back, into the very tensors that are there."""
        load_state(model, self.weights, self.where)
        restore_own(model, self._own, self.where)
        if self.optimizer is not None:
            self._load_optimizer(model, model.optimizer)
        if self.learning_rate is not None:
            model.optimizer.learning_rate = self.learning_rate
        if run is not None and self.run is not None:
            self._restore_flags(model, self.run["model"])
            run.load_state_dict(self.run)

    def _load_optimizer(self, model: Any, optimizer: Any) -> None:
        paths = self.optimizer["parameters"]  # type: ignore[index]
        if paths:
            own = dict(model.named_parameters())
            optimizer.build(own[path] for path in paths)
        optimizer.load_state_dict(self.optimizer_state)

    def _optimizer_faults(self, model: Any) -> list[str]:
        optimizer, kept = model.optimizer, self.optimizer
        if optimizer is None or kept is None:
            here = "a model that is not compiled" if optimizer is None else _kind(optimizer)
            there = "none" if kept is None else kept["class"]
            return [] if optimizer is kept else [f"{there}, but here {here}"]
        if _kind(optimizer) != kept["class"]:
            return [f"{kept['class']}, but here {_kind(optimizer)}"]
        own = {path for path, _ in model.named_parameters()}
        if any(path not in own for path in kept["parameters"]):
            return []  # they are listed among the weights already
        built = _paths_of(model, optimizer)
        if built and built != kept["parameters"][: len(built)]:
            return [f"on the parameters {', '.join(kept['parameters'])}, but here {', '.join(built)}"]
        # Tried on a copy that shares the model's weights: there is no other way to know whether a state fits.
        trial = copy.deepcopy(optimizer, {id(p): p for p in model.parameters()})
        try:
            self._load_optimizer(model, trial)
        except BAD_CONFIG as error:
            return [str(error)]
        return []

    def _restore_flags(self, model: torch.nn.Module, state: Mapping[str, Any]) -> None:
        """What is frozen, and the buffers that are no weights."""
        resting = set(state["resting"])
        for path, part in model.named_modules():
            if isinstance(part, Weights):
                part._trainable = path not in resting
        freeze(model, state["frozen"])
        loose = _loose(model)
        with torch.no_grad():
            for path, value in state["buffers"].items():
                if path in loose and loose[path].shape == value.shape:
                    loose[path].copy_(value)
                    continue
                owner, _, name = path.rpartition(".")
                device = next((p.device for p in model.parameters()), torch.device("cpu"))
                model.get_submodule(owner).register_buffer(name, value.to(device), persistent=False)


def _members(filepath: Any, where: str) -> dict[str, memoryview]:
    whole = is_archive(filepath)
    members = read_archive(filepath) if whole else {}
    if WEIGHTS in members and RUN in members:
        return members
    raise (LoadingError if whole else DamagedFileError)(
        f"{where} is no checkpoint.",
        got=", ".join(members) or "another kind of file",
        expected="a file that save_checkpoint wrote, or model.save during fit",
        hint="load_weights for weights alone, lamina.models.load_model for a model",
    )


def _document(data: memoryview, where: str) -> dict[str, Any]:
    document = parse(bytes(data), where)
    if type(document) is not dict or document.get("format") != FORMAT or document.get("version") != VERSION:
        got = (
            f"{document.get('format')!r}, version {document.get('version')!r}"
            if type(document) is dict
            else "no object"
        )
        raise LoadingError(
            f"{where} holds no training that can be read.", got=got[:80], expected=f"{FORMAT!r}, {VERSION}"
        )
    refuse_unknown(document, ("format", "version", "optimizer", "run"), where)
    for key in ("optimizer", "run"):
        if document.get(key) is not None:
            field(document, key, dict, where)
        document.setdefault(key, None)
    return document
