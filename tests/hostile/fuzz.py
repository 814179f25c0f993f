"""Good files, mutated for as long as one likes: what comes out is a model or a named error, never anything else.

    python -m tests.hostile.fuzz -max_total_time=600

With atheris (``pip install atheris``) libFuzzer chooses mutations by what code of the readers they reach; the arguments
are libFuzzer's own. Without it, or with ``-loop``, they are drawn at random, and ``-max_total_time`` (seconds) and
``-seed`` are known. A finding is kept as a file, and told.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import torch

from lamina import Model
from lamina.graph import LaminaError
from lamina.layers import LSTM, BatchNormalization, Bidirectional, Concatenate, Dense, Embedding, Input
from lamina.models import load_model, model_from_json
from lamina.saving import KerasFileEditor, inspect_file

from .body_attacks import branching
from .config_attacks import CONSTANTS, function, graph, layer, one
from .traced_attacks import Twice

KERAS2 = Path(__file__).parents[1] / "saving" / "keras" / "fixtures" / "sequential.h5"

# Words that a mutation may put anywhere in a JSON: names that exist, kinds of values, sizes at the edges.
_WORDS: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 1.5, -0.0, 2**31, 2**63, 2**64, 10**12, 10**30, 1e308, "", "x",
    "Dense", "Model", "Sequential", "Lambda", "LSTM", "InputLayer", "Functional",
    "function", "relu", "os.system", "torch.tanh", "operator.getitem",
    "torch.Tensor.reshape", "torch.zeros", "float32", "int64", "bfloat16", "mixed_float16", "lamina.layers",
    "keras.layers", "../x", [], {}, [0], [0, 0], [None, 4],
    [[]], {"$node": [0, 0]}, {"$node": [1, 0]}, {"$constant": 0}, {"$closure": [0, []]}, {"$tuple": [1, 2]},
    {"$dtype": "float32"}, {"$float": "nan"}, {"shared": 1}, {"class_name": "Zeros", "config": {}},
    {"class_name": "Dense", "config": {"units": 2}, "module": "lamina.layers"},
    {"$slice": [0, 1, 2]}, {"$result": ["x", []]},
    "TFOpLambda", "TensorFlowOpLayer", "Merge", "Convolution2D", "GRU", "math.add", "one_hot", "batch_input_shape",
    ["x", 0, 0], ["x", 0, 0, {}], ["x", 0, 1, {"y": 2}], [["x", 0, 0]], ["_CONSTANT_VALUE", -1, 2.0], "1.2.2", "2.4.0",
    {"class_name": "Zeros", "config": {"dtype": "float32"}}, {"start": 0, "stop": None, "step": 1},
]  # fmt: skip


def sequence() -> Model:
    """A model with many kinds of things in its file: masks, states, a shared layer, a constant, an optimizer."""
    tokens = Input((5,), dtype="int64", name="tokens")
    numbers = Input((4,), name="numbers")
    shared = Dense(3, activation="relu", name="shared")
    words = Bidirectional(LSTM(2))(Embedding(7, 3, mask_zero=True)(tokens))
    joined = Concatenate()([shared(numbers), shared(words), torch.tanh(numbers)[:, :2] * torch.tensor([1.0, 2.0])])
    model = Model([tokens, numbers], {"y": Dense(2)(BatchNormalization()(joined))}, name="sequence")
    model.compile("adam", "mse", metrics=["mae"])
    model.fit([torch.ones(4, 5, dtype=torch.int64), torch.ones(4, 4)], {"y": torch.ones(4, 2)}, verbose=0)
    return model


def of_keras() -> list[str]:
    """JSON as older versions of Keras wrote it."""
    first = {
        "nb_filter": 2,
        "nb_row": 1,
        "nb_col": 1,
        "border_mode": "same",
        "W_regularizer": {"name": "L2", "l2": 0.1},
    }
    steps = graph(
        layer("LSTM", "l", "x", units=2, return_state=True, recurrent_activation="hard_sigmoid"),
        layer("GRU", "g", "x", ["l", 0, 1, {}], units=2, kernel_initializer={"class_name": "HeNormalV2", "config": {}}),
        layer("Merge", "m", "l", "g", mode="concat", concat_axis=1),
        layer("SlicingOpLambda", "s/s", ["m", 0, 0, {"slice_spec": [{"start": 0, "stop": 1, "step": None}]}],
              function="__operators__.getitem"),
        shape=(4, 3),
    )  # fmt: skip
    configs = [steps, one("Convolution2D", shape=(4, 4, 1), version="1.2.2", **first), function("math.add", 2.0)]
    return [json.dumps(config()) for config in (*configs, *(config for _, _, config in CONSTANTS[::7]))]


def plain() -> Model:
    x = Input((4,), name="x")
    return Model(x, Dense(2, name="head")(Dense(3, activation="relu", name="dense")(x)), name="plain")


class Draw(random.Random):
    """Draws its numbers from bytes, so that a fuzzer that changes a byte changes one decision; then from their sum."""

    def __init__(self, data: bytes) -> None:
        super().__init__(zlib.crc32(data))
        self._data, self._place = data, 0

    def getrandbits(self, k: int) -> int:
        size = (k + 7) // 8
        if self._place + size > len(self._data):
            return super().getrandbits(k)
        part = self._data[self._place : self._place + size]
        self._place += size
        return int.from_bytes(part, "little") >> (8 * size - k)


class Target:
    """Mutates files and brings each to the readers that take it.

    Args:
        folder: where files are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = plain()
        sequence().save(folder / "0.lamina")
        plain().save(folder / "1.lamina")
        plain().save(folder / "2.keras")
        (folder / "3.h5").write_bytes(KERAS2.read_bytes())
        self.model.save_weights(folder / "4.weights.h5")
        self.model.save_weights(folder / "5.safetensors")
        torch.save(self.model.state_dict(), folder / "6.pt")
        traced = Model(x := Input((4,), name="x"), Twice(name="twice")(x), name="traced")
        traced.save(folder / "7.lamina")
        branching().save(folder / "8.lamina")
        self.seeds = [path.read_bytes() for path in sorted(folder.iterdir())]
        self.texts = [sequence().to_json(), plain().to_json(), branching().to_json(), *of_keras()]
        self.ends: dict[str, int] = {}

    def __call__(self, data: bytes) -> None:
        """One case: the bytes draw which file is mutated, and how; or are the file.

        Raises:
            AssertionError: anything but a named error came out.
        """
        draw = Draw(data)
        choice = draw.randrange(8)
        if choice == 0:
            self._read(data)
        elif choice == 1:
            text = _in_json(draw, draw.choice(self.texts))
            self._call(lambda: model_from_json(text, report=str), text.encode())
            self._look(text.encode())
        else:
            seed = draw.choice(self.seeds)
            self._read(_in_bytes(draw, seed) if choice < 4 or not seed.startswith(b"PK") else _in_zip(draw, seed))

    def _read(self, data: bytes) -> None:
        path = self.folder / "case"
        path.write_bytes(data)
        self._call(lambda: str(inspect_file(path)) and inspect_file(path).to_dict(), data)
        self._call(lambda: self._edit(path), data)
        self._call(lambda: load_model(path, report=str), data)
        self._call(lambda: self.model.load_weights(path), data)
        if draws_partial(data):
            self._call(lambda: self.model.load_weights(path, partial=True), data)

    def _edit(self, path: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            editor = KerasFileEditor(path)
            editor.summary()
            editor.compare(self.model)
            editor.save(self.folder / f"edited{editor.endings[0]}")

    def _look(self, data: bytes) -> None:
        path = self.folder / "case.json"
        path.write_bytes(data)
        self._call(lambda: str(inspect_file(path)), data)

    def _call(self, read: Callable[[], Any], data: bytes) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read()
        except LaminaError as error:
            end = type(error).__name__
        except Exception as error:
            kept = self.folder.parent / f"finding-{zlib.crc32(data):08x}"
            kept.write_bytes(data)
            raise AssertionError(f"{type(error).__name__}: {error}; the file is {kept}") from error
        else:
            end = "no error"
        self.ends[end] = self.ends.get(end, 0) + 1


def draws_partial(data: bytes) -> bool:
    return len(data) % 4 == 0


# -- mutations


def _in_bytes(draw: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        place = draw.randrange(len(data))
        kind = draw.randrange(6)
        if kind == 0:
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            data[place : place + 4] = draw.randbytes(4)
        elif kind == 3:
            del data[place : place + draw.choice((1, 4, 64, 4096))]
        elif kind == 4:
            data[place:place] = data[draw.randrange(len(data)) :][: draw.choice((1, 8, 64))]
        else:
            del data[place:]
    return bytes(data)


def _in_zip(draw: random.Random, seed: bytes) -> bytes:
    """Members mutated, with checksums and sizes that are right."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(seed)) as old, zipfile.ZipFile(content, "w", draw.choice((0, 0, 0, 8))) as new:
        names = old.namelist()
        chosen = draw.choice(names)
        for name in names:
            data = old.read(name)
            if name == chosen:
                kind = draw.randrange(6)
                if kind == 0:
                    continue
                as_json = name.endswith(".json") and kind < 5
                data = _in_json(draw, data.decode()).encode() if as_json else _in_bytes(draw, data)
                name = draw.choice((name,) * 9 + ("../x", names[0], "run.json"))
            if name not in new.NameToInfo:
                new.writestr(name, data)
    return content.getvalue()


def _in_json(draw: random.Random, text: str) -> str:
    document = json.loads(text)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            break
        owner, key = draw.choice(places)
        kind = draw.randrange(5)
        other_owner, other_key = draw.choice(places)
        if kind == 0:
            owner[key] = _word(draw)
        elif kind == 1:
            owner[key] = json.loads(json.dumps(other_owner[other_key]))
        elif kind == 2:
            del owner[key]
        elif kind == 3 and isinstance(owner, dict):
            owner[draw.choice(("x", "name", "module", "training", "traced", "$node", "dtype"))] = _word(draw)
        elif isinstance(owner[key], (int, float)):
            owner[key] = owner[key] * draw.choice((-1, 0, 2, 10**6)) + draw.choice((-1, 0, 1))
        else:
            owner[key] = [owner[key]]
    return json.dumps(document)


def _word(draw: random.Random) -> Any:
    return copy.deepcopy(draw.choice(_WORDS))  # what it becomes in this file is nothing for the next


def _places(value: Any) -> Any:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield value, key
        yield from _places(item)


# -- running


def loop(target: Callable[[bytes], None], seconds: float, seed: int) -> tuple[int, dict[str, str]]:
    """Draw cases for so many seconds. Returns how many there were, and findings: place in the code -> the error."""
    draw, until, count = random.Random(seed), time.monotonic() + seconds, 0
    found: dict[str, str] = {}
    while time.monotonic() < until:
        try:
            target(draw.randbytes(draw.choice((1, 8, 64, 1024))))
        except AssertionError as error:
            place = traceback.extract_tb((error.__cause__ or error).__traceback__)[-1]
            found.setdefault(f"{place.filename}:{place.lineno}", str(error))
        count += 1
    return count, found


def _readers() -> list[FunctionType]:
    """The functions whose paths the fuzzer is to find: those that read files, and draw graphs from them."""
    modules = [sys.modules[name] for name in sys.modules if name.startswith(("lamina.saving", "lamina.graph"))]
    owners: list[Any] = list(modules)
    for module in modules:
        classes = (value for value in vars(module).values() if isinstance(value, type))
        owners += [cls for cls in classes if cls.__module__ == module.__name__]
    found = {id(value): value for owner in owners for value in vars(owner).values() if isinstance(value, FunctionType)}
    return [value for value in found.values() if value.__module__.startswith("lamina.")]


def main(arguments: list[str]) -> int:
    options = dict(word.lstrip("-").split("=", 1) for word in arguments if "=" in word)
    folder = Path(tempfile.mkdtemp(prefix="lamina-fuzz-")) / "files"
    folder.mkdir()
    target = Target(folder)
    if "-loop" not in arguments:
        try:
            import atheris
        except ImportError:
            sys.stderr.write("No atheris here: cases are drawn at random.\n")
        else:
            (folder.parent / "corpus").mkdir()
            for function in _readers():
                atheris.instrument_func(function)
            kept = f"-artifact_prefix={folder.parent}/"
            atheris.Setup([sys.argv[0], kept, *arguments, str(folder.parent / "corpus")], target)
            atheris.Fuzz()
            return 0
    count, found = loop(target, float(options.get("max_total_time", 600)), int(options.get("seed", 0)))
    for place, error in found.items():
        sys.stdout.write(f"{place}: {error}\n")
    sys.stdout.write(f"{json.dumps({'cases': count, **target.ends})}\n")
    if not found:  # the files that were found lie there
        shutil.rmtree(folder.parent)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
