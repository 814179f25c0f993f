"""The attacks: each payload through each door that takes it, and files that are hostile as files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lamina import Model
from lamina.cli import main
from lamina.graph import LaminaError
from lamina.layers import Dense, Input
from lamina.models import clone_model, load_model, model_from_json
from lamina.saving import KerasFileEditor, inspect_file, weight_tree
from lamina.saving.archive import read_archive, write_archive
from lamina.saving.classes import is_for_training, is_own
from lamina.saving.tensors import TensorFile

from .body_attacks import BODIES, Change, branching_document, good_branching
from .config_attacks import CONFIGS, CONSTANTS, Config
from .payloads import GIANT, PAYLOADS, PICKLE, SECRET
from .traced_attacks import TRACED, document, good_traced
from .work_attacks import BUDGET, ESCAPES, GRAPH_WORK, LOUD, TRACED_WORK, TRAINING_WORK

DOORS = ("load_model", "load_weights", "from_config", "model_from_json", "clone_model", "cli")
ENTRIES = (*DOORS, "inspect", "edit")


class NotNamedError(Exception):
    """The command line ended in something else than a named error."""


@dataclass(frozen=True)
class Attack:
    """``make(folder)`` prepares and returns what is to be watched: a call without arguments."""

    name: str
    hole: str
    entry: str
    make: Callable[[Path], Callable[[], Any]]


def small() -> Model:
    x = Input((4,), name="x")
    return Model(x, torch.tanh(Dense(3, name="dense")(x)), name="small")


# -- good files, and doors


def _once(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Made once a folder's parent: saving for each attack would take most of the time."""
    known: dict[Path, Any] = {}

    def get(folder: Path) -> Any:
        if folder.parent not in known:
            known[folder.parent] = make(folder)
        return known[folder.parent]

    return get


@_once
def good_lamina(folder: Path) -> dict[str, bytes]:
    small().save(folder / "good.lamina")
    return {name: bytes(data) for name, data in read_archive(folder / "good.lamina").items()}


@_once
def good_keras(folder: Path) -> dict[str, bytes]:
    x = Input((4,), name="x")
    Model(x, Dense(3, name="dense")(x), name="small").save(folder / "good.keras")
    with zipfile.ZipFile(folder / "good.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@_once
def good_compiled(folder: Path) -> dict[str, bytes]:
    model = small()
    model.compile("sgd", "mse", metrics=["mae"])
    model.save(folder / "compiled.lamina")
    return {name: bytes(data) for name, data in read_archive(folder / "compiled.lamina").items()}


@_once
def good_model(folder: Path) -> Model:
    return small()


@dataclass(frozen=True)
class Load:
    """A file, brought to a reader."""

    path: Path
    read: Callable[[Path], Any]

    def __call__(self) -> None:
        self.read(self.path)


def load(path: Path, **more: Any) -> Load:
    return Load(path, lambda path: load_model(path, **more))


def weights(path: Path, model: Model, **more: Any) -> Load:
    return Load(path, lambda path: model.load_weights(path, **more))


class HarmlessError(LaminaError):
    """What stands in the file was told, and nothing else happened."""


def inspect(path: Path) -> None:
    """Looking into a file may tell what it says; that is printable, in lines that a person reads."""
    facts = inspect_file(path)
    text, told = str(facts), json.dumps(facts.to_dict())
    if not text.replace("\n", "").isprintable() or max(map(len, text.splitlines())) > 80 or not told.isprintable():
        raise NotNamedError(f"text that is not for a terminal: {text!r}"[:300])
    raise HarmlessError(facts.kind)


def edit(path: Path) -> None:
    """The same of weights that are edited, and written anew, in memory."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        editor = KerasFileEditor(path)
        editor.summary()
        editor.compare(small())
        editor.compare(editor)
    lines = told.getvalue().splitlines()
    if not "".join(lines).isprintable() or max(map(len, lines)) > 300 or len(lines) > 20_000:
        raise NotNamedError(f"text that is not for a terminal: {told.getvalue()!r}"[:300])
    if editor.endings[0] == ".weights.h5":
        weight_tree.to_h5(io.BytesIO(), editor.weights_dict, editor.object_metadata)
    else:
        bytes(TensorFile(weight_tree.to_paths(editor.weights_dict)))
    raise HarmlessError("edited")


def convert(*arguments: Any) -> Callable[[], Any]:
    """The command line. What it prints must be the name of an error of ours."""

    def run() -> None:
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            code = main(["convert", *map(str, arguments)])
        name = told.getvalue().removeprefix("lamina: ").partition(":")[0]
        if code == 1 and name in error_names():
            raise LaminaError(told.getvalue())
        raise NotNamedError(f"exit code {code}: {told.getvalue()}"[:300])

    return run


def error_names(cls: type = LaminaError) -> set[str]:
    return {cls.__name__}.union(*(error_names(sub) for sub in cls.__subclasses__()))


# -- payloads


def _plant(document: dict[str, Any], where: str, key: str, value: Any) -> None:
    config = document["model"]["config"]
    dense = next(layer for layer in config["layers"] if layer["name"] == "dense")
    tanh = next(node for node in config["nodes"] if "function" in node)
    if where == "function":
        tanh["function"] = value
    else:
        {"config": dense["config"], "entry": dense, "model": config}[where][key] = value


def _document(folder: Path, *payload: Any) -> dict[str, Any]:
    document = json.loads(good_lamina(folder)["model.json"])
    _plant(document, *payload)
    return document


def _text(folder: Path, *payload: Any) -> str:
    document = _document(folder, *payload)
    return json.dumps({key: document[key] for key in ("format", "version", "model", "tied")})


def _lamina(folder: Path, *payload: Any) -> Path:
    members = {**good_lamina(folder), "model.json": json.dumps(_document(folder, *payload)).encode()}
    write_archive(folder / "m.lamina", members, overwrite=True)
    return folder / "m.lamina"


def _keras(folder: Path, where: str, key: str, value: Any) -> Path:
    members = dict(good_keras(folder))
    entry = json.loads(members["config.json"])
    dense = next(layer for layer in entry["config"]["layers"] if layer["config"]["name"] == "dense")
    if where == "function":
        dense["config"]["activation"] = value
    else:
        {"config": dense["config"], "entry": dense, "model": dense["config"]}[where][key] = value
    members["config.json"] = json.dumps(entry).encode()
    return zipped(folder / "m.keras", members)


def _clone(folder: Path, where: str, key: str, value: Any) -> Callable[[], Any]:
    """A live layer whose get_config says what it must not; JSON alone cannot make one."""
    model = small()
    dense = next(layer for layer in model.layers if layer.name == "dense")
    told = {**dense.get_config(), key if where == "config" else "activation": value}
    dense.get_config = lambda: told  # type: ignore[method-assign]
    return lambda: clone_model(model)


def header(facts: Any, tail: bytes = b"") -> bytes:
    text = json.dumps(facts).encode() if not isinstance(facts, bytes) else facts
    return struct.pack("<Q", len(text)) + text + tail


def _weights(folder: Path, where: str, key: str, value: Any) -> Path:
    """A file of weights whose header says the payload where it should say a dtype."""
    path = folder / "m.safetensors"
    path.write_bytes(header({"dense.kernel": {"dtype": value, "shape": [4, 3], "data_offsets": [0, 48]}}, bytes(48)))
    return path


def _through(entry: str, *payload: Any) -> Callable[[Path], Callable[[], Any]]:
    doors: dict[str, Callable[[Path], Callable[[], Any]]] = {
        "load_model": lambda folder: load(_lamina(folder, *payload)),
        "load_model.keras": lambda folder: load(_keras(folder, *payload)),
        "load_weights": lambda folder: weights(_weights(folder, *payload), good_model(folder)),
        "model_from_json": lambda folder: _call(model_from_json, _text(folder, *payload)),
        "from_config": lambda folder: _call(Model.from_config, _document(folder, *payload)["model"]["config"]),
        "clone_model": lambda folder: _clone(folder, *payload),
        "cli": lambda folder: convert(_lamina(folder, *payload), folder / "out.keras"),
        "cli.keras": lambda folder: convert(_keras(folder, *payload), folder / "out.lamina"),
    }
    return doors[entry]


@dataclass(frozen=True)
class Call:
    """A text or config, brought to a reader."""

    function: Callable[[Any], Any]
    argument: Any

    def __call__(self) -> None:
        self.function(self.argument)


def _call(function: Any, argument: Any) -> Call:
    return Call(function, argument)


def _payload_attacks() -> list[Attack]:
    found = []
    for number, (hole, where, key, value) in enumerate(PAYLOADS):
        for entry in (*DOORS, "load_model.keras", "cli.keras"):
            live = where == "function" or key == "class_name" or where == "model"
            if entry == "clone_model" and (live or value is False):
                continue  # what a clone calls are the live model's functions and classes, not names
            name = f"{hole}-{entry}-{where}-{key[:20] or 'call'}-{number}"
            make = _through(entry, where, key, value)
            if entry.startswith("load_model") and _is_for_training(where, key, value):
                make = _left_out(make)
            elif entry.startswith("cli") and _is_for_training(where, key, value):
                continue  # it reads by `load_model`, and would write what it has read
            found.append(Attack(name, hole, entry.partition(".")[0], make))
    return found


def _is_for_training(where: str, key: str, value: Any) -> bool:
    """Whether the name says nothing but that of a user's initializer, regularizer or constraint that is not at hand."""
    return where == "config" and is_for_training(key) and isinstance(value, dict) and not is_own(value)


def _left_out(make: Callable[[Path], Callable[[], Any]]) -> Callable[[Path], Callable[[], Any]]:
    """An attack that may succeed if what it names is left out and told: a trained model is not lost for it."""

    def prepared(folder: Path) -> Callable[[], Any]:
        run = make(folder)

        def attack() -> None:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                run()
            if any("is loaded without" in str(one.message) for one in told):
                raise HarmlessError("read without what is not at hand")

        return attack

    return prepared


# -- files


def zipped(path: Path, members: dict[str, bytes], **more: Any) -> Path:
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _with(folder: Path, **members: bytes) -> Path:
    """The good file with other members; ``_`` stands for a dot."""
    return zipped(folder / "m.lamina", {**good_lamina(folder), **members})


def _object_in_config(document: Any) -> None:
    """An object in the words that configs of a user's classes have, in one of Lamina's own."""
    layer = next(entry for entry in document["model"]["config"]["layers"] if "units" in (entry["config"] or {}))
    told = {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": "system"}
    layer["config"]["kernel_initializer"] = {"$object": told}


def _twice(folder: Path) -> Path:
    import warnings

    path = _with(folder)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("model.json", b"{}")
    return path


def _tar(folder: Path) -> Path:
    with tarfile.open(folder / "m.lamina", "w") as archive:
        link = tarfile.TarInfo("a/../../evil")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return folder / "m.lamina"


def _folder(folder: Path) -> Path:
    (folder / "dir").mkdir()
    os.symlink(SECRET, folder / "dir" / "model.json")
    return folder / "dir"


def _bytes_of_h5(fill: Callable[[Any], None]) -> bytes:
    import h5py

    told = io.BytesIO()
    with h5py.File(told, "w") as file:
        fill(file)
    return told.getvalue()


def _h5(fill: Callable[[Any], None]) -> Callable[[Path], Path]:
    return lambda folder: written(folder / "m.weights.h5", _bytes_of_h5(fill))


def _keras_h5(fill: Callable[[Any], None]) -> Callable[[Path], Path]:
    return lambda folder: zipped(folder / "m.keras", {**good_keras(folder), "model.weights.h5": _bytes_of_h5(fill)})


KERNEL = "layers/dense/vars/0"


def _external(file: Any) -> None:
    file.create_dataset(KERNEL, (4, 3), "f4", external=[(SECRET, 0, 48)])


def _soft(file: Any) -> None:
    import h5py

    file["layers/dense/vars/1"] = torch.zeros(3).numpy()
    file[KERNEL] = h5py.SoftLink("/layers/dense/vars/1")


def _external_link(file: Any) -> None:
    import h5py

    file[KERNEL] = h5py.ExternalLink(SECRET, "/x")


def _virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource(SECRET, "x", (4, 3))
    file.create_virtual_dataset(KERNEL, layout)


def _giant(file: Any) -> None:
    file.create_dataset(KERNEL, (GIANT, 3), "f4", chunks=(1024, 3))


def _h5_bomb(file: Any) -> None:
    file.create_dataset(KERNEL, (64 << 20,), "f4", chunks=(1 << 20,), compression="gzip")


def _whole_h5(config: Any) -> Callable[[Path], Path]:
    def fill(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = config.get("keras_version", "2.15.0")
        file.create_group("model_weights")

    return _h5(fill)


def _sequential(**dense: Any) -> dict[str, Any]:
    entry = {"class_name": "Dense", "config": {"name": "dense", "units": 3, "batch_input_shape": [None, 4]}, **dense}
    return {"class_name": "Sequential", "config": {"name": "s", "layers": [entry]}}


def _bomb(name: str, base: Callable[[Path], dict[str, bytes]], size: int = 300 << 20) -> Callable[[Path], Path]:
    kept: list[bytes] = []  # it takes a second to compress, and is the same at each door

    def make(folder: Path) -> Path:
        good = base(folder)
        if not kept:
            members = {**good, name: b" " * size}
            kept.append(zipped(folder / "m.keras", members, compression=zipfile.ZIP_DEFLATED).read_bytes())
        return written(folder / "m.keras", kept[0])

    return make


def _npz(folder: Path) -> Path:
    return zipped(folder / "m.npz", {"arr.npy": PICKLE})


def _torch_saved(value: Any, old: bool = False) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        torch.save(value, folder / "m.pt", _use_new_zipfile_serialization=not old)
        return folder / "m.pt"

    return make


def _storages_lie(folder: Path) -> Path:
    """A file of PyTorch's whose pickle says a larger storage than there is."""
    path = _torch_saved({"dense.kernel": torch.zeros(4, 3), "dense.bias": torch.zeros(3)})(folder)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return zipped(path, {name: data[:4] if "/data/" in name else data for name, data in members.items()})


def _lie(folder: Path) -> Path:
    """The central directory says another size than is stored."""
    path = _with(folder)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    data[place + 20 : place + 28] = struct.pack("<II", 0x7FFFFFF0, 0x7FFFFFF0)
    return written(path, bytes(data))


def _flagged(folder: Path, path: Path, flag: int) -> Path:
    """All members say of themselves that they are encrypted."""
    data = bytearray(path.read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(magic)
        while start >= 0:
            data[start + place] |= flag
            start = data.find(magic, start + 1)
    return written(folder / "flagged", bytes(data))


def _one_bit(folder: Path, path: Path, text: bytes) -> Path:
    data = path.read_bytes()
    assert text in data
    return written(folder / "bit", data.replace(text, bytes([text[0], text[1] ^ 1, *text[2:]]), 1))


def _document_with(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        document = json.loads(good_lamina(folder)["model.json"])
        change(document)
        return _with(folder, **{"model.json": json.dumps(document).encode()})

    return make


def _units(document: dict[str, Any]) -> None:
    _plant(document, "config", "units", GIANT)


def _many_nodes(document: dict[str, Any]) -> None:
    config = document["model"]["config"]
    config["nodes"] = [{"name": "n"}] * 300_000


def _cycle(document: dict[str, Any]) -> None:
    nodes = document["model"]["config"]["nodes"]
    nodes[-1]["args"] = [{"$node": [len(nodes) - 1, 0]}]


def _giant_constant(document: dict[str, Any]) -> None:
    document["model"]["config"]["constants"] = [
        {"id": 77, "shape": [GIANT, GIANT], "dtype": "float32", "parameter": False, "trainable": False}
    ]


def _seeds(seeds: Any, shape: Any = (2,)) -> Callable[[dict[str, Any]], None]:
    """A constant that says it is a generator of seeds."""

    def change(document: dict[str, Any]) -> None:
        entry = {"id": 77, "shape": list(shape), "dtype": "int64", "parameter": False, "trainable": False}
        document["model"]["config"]["constants"] = [{**entry, "seeds": seeds}]

    return change


def _facts(dtype: str = "F32", shape: Any = (4, 3), start: Any = 0, stop: Any = 48) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def _tensors(facts: Any, tail: int = 48) -> Callable[[Path], Path]:
    return lambda folder: written(folder / "m.safetensors", header(facts, bytes(tail)))


ONNX = b"\x08\x07\x12\x07pytorch:\x10\x0a\x05x../../etc/passwdlocation"
MODEL_OF = ("load_model", "cli")
WEIGHTS_OF = ("load_weights", "cli_weights")
BOTH = (*MODEL_OF, *WEIGHTS_OF)

# (hole, name, what makes the file, the doors it is brought to)
FILES: list[tuple[str, str, Callable[[Path], Path], tuple[str, ...]]] = [
    (
        "S1",
        "lambda_in_h5",
        _whole_h5(_sequential(class_name="Lambda", config={"function": ["4wE=", None, None]})),
        BOTH,
    ),
    ("S2", "module_in_h5", _whole_h5(_sequential(class_name="poisoned_module>Poison")), BOTH),
    ("S5", "h5_named_lamina", lambda f: _whole_h5(_sequential(class_name="Lambda"))(f).rename(f / "x.lamina"), BOTH),
    # Its weights alone are sound, and load_weights makes nothing of a config.
    ("S5", "keras_named_h5", lambda f: _keras(f, "entry", "class_name", "Lambda").rename(f / "x.h5"), MODEL_OF),
    ("S6", "pickle", lambda f: written(f / "m.lamina", PICKLE), BOTH),
    ("S11", "pickle_member", lambda f: _with(f, **{"weights.pkl": PICKLE}), BOTH),
    ("S11", "npz_member", lambda f: _with(f, **{"model.weights.npz": PICKLE}), BOTH),
    ("S11", "pickled_weights", lambda f: _with(f, **{"weights.safetensors": PICKLE}), BOTH),
    ("S11", "npz", _npz, BOTH),
    ("S12", "torch_object", _torch_saved(torch.nn.ReLU()), BOTH),
    ("S12", "torch_object_old", _torch_saved(torch.nn.ReLU(), old=True), BOTH),
    ("S12", "torch_storage_lies", _storages_lie, BOTH),
    ("S12", "torch_pickle", lambda f: zipped(f / "m.pt", {"a/data.pkl": PICKLE, "a/version": b"3"}), BOTH),
    ("S15", "external_storage", _h5(_external), BOTH),
    ("S15", "soft_link", _h5(_soft), BOTH),
    ("S15", "external_link", _h5(_external_link), BOTH),
    ("S15", "virtual", _h5(_virtual), BOTH),
    ("S15", "keras_external_storage", _keras_h5(_external), BOTH),
    ("S15", "keras_soft_link", _keras_h5(_soft), BOTH),
    ("S15", "keras_external_link", _keras_h5(_external_link), BOTH),
    ("S15", "keras_virtual", _keras_h5(_virtual), BOTH),
    ("S16", "folder", _folder, BOTH),
    ("S17", "onnx", lambda f: written(f / "m.onnx", ONNX), BOTH),
    ("S18", "member_outside", lambda f: _with(f, **{"../../evil": b"x"}), BOTH),
    ("S18", "member_absolute", lambda f: _with(f, **{"/tmp/evil": b"x"}), BOTH),
    ("S18", "tar", _tar, BOTH),
    ("S19", "h5_giant", _h5(_giant), BOTH),
    ("S19", "keras_h5_giant", _keras_h5(_giant), BOTH),
    ("S19", "giant_tensor", _tensors({"dense.kernel": _facts(shape=[GIANT, 3], stop=12 * GIANT)}), BOTH),
    ("S19", "overflowing_shape", _tensors({"dense.kernel": _facts(shape=[2**62, 4, 3])}), BOTH),
    ("S19", "negative_axis", _tensors({"dense.kernel": _facts(shape=[-4, -3])}), BOTH),
    ("S19", "overlap", _tensors({"dense.kernel": _facts(), "dense.bias": _facts(shape=[3], stop=12)}), BOTH),
    ("S19", "giant_header", lambda f: written(f / "m.safetensors", struct.pack("<Q", 2**63) + b"{}"), BOTH),
    ("S19", "nothing_stored", _tensors({"dense.kernel": _facts()}, tail=0), BOTH),
    ("S19", "member_lies", _lie, BOTH),
    ("S19", "giant_units", _document_with(_units), MODEL_OF),
    ("S19", "giant_constant", _document_with(_giant_constant), MODEL_OF),
    ("S2", "seeds_of_a_module", _document_with(_seeds({"class_name": "poisoned_module.Poison"})), MODEL_OF),
    ("S9", "seeds_no_object", _document_with(_seeds(["os.system"])), MODEL_OF),
    ("S19", "seeds_giant", _document_with(_seeds({"seed": 2**200, "name": "g"})), MODEL_OF),
    ("S19", "seeds_giant_state", _document_with(_seeds({"seed": 7, "name": "g"}, shape=[GIANT])), MODEL_OF),
    ("S19", "keras_giant_units", lambda f: _keras(f, "config", "units", GIANT), MODEL_OF),
    ("S20", "bomb_config", _bomb("config.json", good_keras), BOTH),
    ("S20", "bomb_metadata", _bomb("metadata.json", good_keras), MODEL_OF),
    ("S20", "bomb_asset", _bomb("assets/x", good_keras, 1 << 20), BOTH),
    ("S20", "bomb_weights", _bomb("model.weights.h5", good_keras), BOTH),
    ("S20", "bomb_lamina", _bomb("model.json", good_lamina), BOTH),
    ("S20", "h5_bomb", _h5(_h5_bomb), BOTH),
    ("S21", "twice", _twice, BOTH),
    ("S21", "own_state_of_nobody", lambda f: _with(f, **{"own.json": b'{"layers":["nobody"]}'}), MODEL_OF),
    ("S21", "own_state_malformed", lambda f: _with(f, **{"own.json": b'{"layers":7,"run":"code"}'}), MODEL_OF),
    ("S2", "object_in_config", _document_with(_object_in_config), MODEL_OF),
    ("S21", "deep_json", lambda f: _with(f, **{"model.json": b"[" * 10**6}), MODEL_OF),
    ("S21", "key_twice", lambda f: _with(f, **{"model.json": b'{"format":1,"format":2}'}), MODEL_OF),
    ("S21", "nan", lambda f: _with(f, **{"model.json": b'{"format":NaN}'}), MODEL_OF),
    ("S21", "huge_number", lambda f: _with(f, **{"model.json": b"9" * 10**6}), MODEL_OF),
    ("S21", "many_nodes", _document_with(_many_nodes), MODEL_OF),
    ("S21", "cycle", _document_with(_cycle), MODEL_OF),
    ("S21", "deep_header", lambda f: written(f / "m.safetensors", header(b'{"a":' * 10**5)), BOTH),
    ("S20", "encrypted", lambda f: _flagged(f, _with(f), 0x1), BOTH),
    ("S20", "encrypted_keras", lambda f: _flagged(f, zipped(f / "m.keras", good_keras(f)), 0x1), BOTH),
    ("S20", "wrong_crc", lambda f: _one_bit(f, _with(f), b'"format"'), BOTH),
    ("S20", "wrong_crc_keras", lambda f: _one_bit(f, zipped(f / "m.keras", good_keras(f)), b'"class_name"'), BOTH),
    ("S20", "cut_keras", lambda f: written(f / "c", zipped(f / "m.keras", good_keras(f)).read_bytes()[:-30]), BOTH),
    ("S20", "cut_in_a_member", lambda f: written(f / "c", _with(f).read_bytes()[:100]), BOTH),
    ("S20", "long_name", lambda f: _with(f, **{"x" * 60_000: b"x"}), BOTH),
    ("S20", "long_name_keras", lambda f: zipped(f / "m", {**good_keras(f), "x" * 60_000: b"x"}), BOTH),
    ("S20", "escapes_in_a_name", lambda f: _with(f, **{ESCAPES: b"x"}), BOTH),
    ("S20", "long_tensor_name", _tensors({"x" * 10**6: _facts()}), BOTH),
    ("S20", "escapes_in_tensor_names", _tensors({ESCAPES: _facts()}), BOTH),
    ("S20", "many_tensor_names", _tensors({f"{k}": _facts(stop=0, shape=[0]) for k in range(2000)}, 0), BOTH),
    ("S21", "empty", lambda f: written(f / "m.lamina", b""), BOTH),
    ("S21", "cut", lambda f: written(f / "m.lamina", _with(f).read_bytes()[:-30]), BOTH),
]


def _file_attacks() -> list[Attack]:
    doors: dict[str, Callable[[Path, Path], Callable[[], Any]]] = {
        "load_model": lambda folder, path: load(path),
        "load_weights": lambda folder, path: weights(path, good_model(folder)),
        "cli": lambda folder, path: convert(path, folder / "out.keras"),
        "cli_weights": lambda folder, path: convert(path, folder / "o.lamina", "--model", _good_path(folder)),
    }

    def bring(door: str, make: Callable[[Path], Path]) -> Callable[[Path], Callable[[], Any]]:
        return lambda folder: doors[door](folder, make(folder))

    return [
        Attack(
            f"{hole}-{door}-{name}", hole, door.partition("_w")[0] if door == "cli_weights" else door, bring(door, make)
        )
        for hole, name, make, entries in FILES
        for door in entries
    ]


def _good_path(folder: Path) -> Path:
    write_archive(folder / "model.lamina", good_lamina(folder), overwrite=True)
    return folder / "model.lamina"


# -- objects in memory, which only Python code can hand over


class _Shadow(Dense):
    """A class of the caller's under a name of ours."""

    def __init__(self, units: int, evil: bool = False, **more: Any) -> None:
        import poisoned_module  # noqa: F401

        super().__init__(units, **more)


def _live(value: Any) -> Callable[[Path], Callable[[], Any]]:
    def make(folder: Path) -> Callable[[], Any]:
        config = _document(folder, "config", "activation", value)["model"]["config"]
        return lambda: Model.from_config(config)

    return make


GIANT_UNITS = ("config", "units", GIANT)


def _memory_attacks() -> list[Attack]:
    shadows = {"Dense": _Shadow}
    document = ("config", "evil", True)
    found = [
        Attack(
            "S10-load_model-shadow", "S10", "load_model",
            lambda f: load(_lamina(f, *document), custom_objects=shadows),
        ),
        Attack(
            "S10-load_model-shadow_keras", "S10", "load_model",
            lambda f: load(_keras(f, *document), custom_objects=shadows),
        ),
        Attack(
            "S10-model_from_json-shadow", "S10", "model_from_json",
            lambda f: (lambda text: lambda: model_from_json(text, custom_objects=shadows))(_text(f, *document)),
        ),
        Attack("S4-clone_model-names", "S4", "clone_model", lambda f: _clone(f, "config", "activation", "load_model")),
        Attack("S5-clone_model-unsafe", "S5", "clone_model", lambda f: _clone(f, "config", "safe_mode", {"x": False})),
        Attack("S19-clone_model-giant_units", "S19", "clone_model", lambda f: _clone(f, "config", "units", GIANT)),
        Attack("S19-from_config-giant_units", "S19", "from_config", _through("from_config", *GIANT_UNITS)),
        Attack("S19-model_from_json-giant_units", "S19", "model_from_json", _through("model_from_json", *GIANT_UNITS)),
        Attack("S9-clone_model-print", "S9", "clone_model", lambda f: _clone(f, "config", "kernel_initializer", print)),
    ]  # fmt: skip
    things = {"print": print, "system": os.system, "class": Dense, "bytes": PICKLE, "lambda": lambda x: x}
    return found + [
        Attack(f"S9-from_config-{name}", "S9", "from_config", _live(thing)) for name, thing in things.items()
    ]


def _traced_attacks() -> list[Attack]:
    def written_out(folder: Path, where: str, value: Any) -> Path:
        text = json.dumps(document(folder, where, value)).encode()
        return zipped(folder / "m.lamina", {**good_traced(folder.parent), "model.json": text})

    def through(door: str, where: str, value: Any) -> Callable[[Path], Callable[[], Any]]:
        doors: dict[str, Callable[[Path], Callable[[], Any]]] = {
            "load_model": lambda folder: load(written_out(folder, where, value)),
            "cli": lambda folder: convert(written_out(folder, where, value), folder / "out.keras"),
            "from_config": lambda folder: _call(Model.from_config, document(folder, where, value)["model"]["config"]),
        }
        return doors[door]

    return [
        Attack(f"{hole}-{door}-traced-{name}", hole, door, through(door, where, value))
        for hole, name, where, value in [*TRACED, *TRACED_WORK]
        for door in ("load_model", "cli", "from_config")
    ]


def _body_attacks() -> list[Attack]:
    def written_out(folder: Path, change: Change) -> Path:
        text = json.dumps(branching_document(folder, change)).encode()
        return zipped(folder / "m.lamina", {**good_branching(folder.parent), "model.json": text})

    def through(door: str, change: Change) -> Callable[[Path], Callable[[], Any]]:
        doors: dict[str, Callable[[Path], Callable[[], Any]]] = {
            "load_model": lambda folder: load(written_out(folder, change)),
            "cli": lambda folder: convert(written_out(folder, change), folder / "out.keras"),
            "from_config": lambda folder: _call(
                Model.from_config, branching_document(folder, change)["model"]["config"]
            ),
        }
        return doors[door]

    return [
        Attack(f"{hole}-{door}-body-{name}", hole, door, through(door, change))
        for hole, name, change in BODIES
        for door in ("load_model", "cli", "from_config")
    ]


def _work_attacks() -> list[Attack]:
    def changed(folder: Path, change: Change, good: Callable[[Path], dict[str, bytes]] = good_lamina) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(good(folder)["model.json"])
        change(document)
        return document

    def from_file(change: Change, good: Callable[[Path], dict[str, bytes]]) -> Callable[[Path], Callable[[], Any]]:
        def make(folder: Path) -> Callable[[], Any]:
            text = json.dumps(changed(folder, change, good)).encode()
            return load(zipped(folder / "m.lamina", {**good(folder), "model.json": text}))

        return make

    def from_json(change: Change) -> Callable[[Path], Callable[[], Any]]:
        def make(folder: Path) -> Callable[[], Any]:
            document = changed(folder, change)
            kept = {key: document[key] for key in ("format", "version", "model", "tied")}
            return _call(model_from_json, json.dumps(kept))

        return make

    def from_config(change: Change) -> Callable[[Path], Callable[[], Any]]:
        return lambda folder: _call(Model.from_config, changed(folder, change)["model"]["config"])

    found = []
    for kind, changes in (("graph", GRAPH_WORK), ("loud", LOUD), ("budget", BUDGET)):
        for name, change in changes:
            if kind != "budget":  # the weights of a file are as large as the file
                make = from_file(change, good_lamina)
                found.append(Attack(f"S20-load_model-{kind}-{name}", "S20", "load_model", make))
            found.append(Attack(f"S20-from_json-{kind}-{name}", "S20", "model_from_json", from_json(change)))
            if not name.startswith("key"):  # which stands beside the config
                found.append(Attack(f"S20-from_config-{kind}-{name}", "S20", "from_config", from_config(change)))
    for name, change in TRAINING_WORK:
        make = from_file(change, good_compiled)
        found.append(Attack(f"S20-load_model-training-{name}", "S20", "load_model", make))
    return found


def _looked_into(attack: Attack, entry: str, look: Callable[[Path], None]) -> Attack | None:
    """The same file, looked into or edited; None where the attack is none of a file or text."""
    if attack.entry not in ("load_model", "load_weights", "model_from_json"):
        return None

    def make(folder: Path) -> Callable[[], Any]:
        brought: Any = attack.make(folder)
        path = brought.path if isinstance(brought, Load) else None
        if path is None:
            text = brought.argument if isinstance(brought, Call) else "{"
            path = written(folder / "m.json", text.encode())
        return lambda: look(path)

    return Attack(f"{entry}-{attack.name}", attack.hole, entry, make)


def _config_attacks() -> list[Attack]:
    """Configs of Keras' and Lamina's, as JSON, in a ``.h5`` and a ``.keras``."""

    def through(door: str, config: Config) -> Callable[[Path], Callable[[], Any]]:
        doors: dict[str, Callable[[Path], Callable[[], Any]]] = {
            "load_model": lambda folder: Load(_whole_h5(config())(folder), harmless(_quiet)),
            "model_from_json": lambda folder: _call(harmless(_quiet_json), json.dumps(config())),
            "from_config": lambda folder: _call(harmless(Model.from_config), config()["config"]),
            "load_weights": lambda folder: _joined(folder, config()),
        }
        return doors[door]

    return [
        Attack(f"{hole}-{door}-{name}", hole, door, through(door, config))
        for hole, name, config in [*CONFIGS, *CONSTANTS]
        for door in ("load_model", "model_from_json", "from_config", "load_weights")
    ]


def _quiet(path: Path) -> Any:
    return load_model(path, report=_looked_at)


def _quiet_json(text: str) -> Any:
    return model_from_json(text, report=_looked_at)


def _looked_at(told: Any) -> None:
    if not str(told).replace("\n", "").isprintable():
        raise NotNamedError(f"text that is not for a terminal: {told}"[:300])


def harmless(read: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A reader that may succeed: then nothing was taken, and nothing touched."""

    def run(argument: Any) -> None:
        read(argument)
        raise HarmlessError("read")

    return run


def _joined(folder: Path, config: Any) -> Callable[[], Any]:
    """JSON, and then the weights, as it was done for years."""
    path = _whole_h5(config)(folder)
    return Load(path, harmless(lambda path: _quiet_json(json.dumps(config)).load_weights(path, by_name=True)))


def all_attacks() -> list[Attack]:
    files = _payload_attacks() + _file_attacks() + _memory_attacks()
    found = files + _traced_attacks() + _body_attacks() + _work_attacks() + _config_attacks()
    names = {attack.name for attack in found}
    files = [one for one in found if one.name.replace("load_weights", "load_model", 1) not in names - {one.name}]
    looks: tuple[tuple[str, Callable[[Path], None]], ...] = (("inspect", inspect), ("edit", edit))
    return found + [one for attack in files for look in looks if (one := _looked_into(attack, *look)) is not None]
