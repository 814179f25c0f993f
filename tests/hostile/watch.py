"""A process that makes attacks one after another and tells, a JSON line each, how they end and what they touch.

`python -m tests.hostile.watch FOLDER` reads names of attacks, a line each. Nothing that it does itself is watched:
files are made before, and what is imported lazily is imported by good files.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lamina.graph import LaminaError
from lamina.models import load_model, model_from_json

from .attacks import Attack, all_attacks, convert, good_compiled, good_keras, good_lamina, small, weights, zipped
from .kernel import Looked
from .payloads import POISON, SECRET
from .traced_attacks import good_traced
from .violations import VIOLATIONS

_PROCESSES = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "pty.")
_NETWORK = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.")
_CODE = ("marshal.", "pickle.", "code.", "ctypes.dlopen", "function.__new__", "exec")
_FILES = ("os.rename", "os.remove", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.", "os.listdir")


# More letters than an error of ours takes for a person to read, all its lines together.
_LOUD = 3000


class Watcher:
    """An audit hook, which Python has no way to take away: it looks only while ``folder`` is set.

    An error told of a line of Python reads that line: the source of modules that are there already may be opened.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None or not self._bad(event, arguments):
            return
        self.seen.append(f"{event} {arguments!r}"[:200])

    def _bad(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "import":
            return True
        if event == "exec":  # a graph runs as a function that is written from it: see test_generated_code.py
            return not arguments[0].co_filename.startswith("lamina_program_")
        if event == "open":
            path = arguments[0]
            if isinstance(path, int):
                return False
            writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            return bool(writes) or not os.path.realpath(os.fsdecode(path)).startswith(f"{self.folder}{os.sep}")
        return event.startswith((*_PROCESSES, *_NETWORK, *_CODE, *_FILES))

    @contextmanager
    def looking(self, folder: Path) -> Iterator[None]:
        self.seen.clear()
        self.folder = Path(os.path.realpath(folder))
        try:
            yield
        finally:
            self.folder = None


def peak_mib() -> float:
    """The most memory since `forget_peak`; since the beginning where the system does not forget."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def forget_peak() -> None:
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.iterdir()}


def report(attack: Attack, folder: Path, watcher: Watcher, looked: Looked) -> dict[str, Any]:
    """One attack: what it ended in, what it touched, seconds of CPU, MiB of memory."""
    try:
        run = attack.make(folder)
    except Exception as error:  # noqa: BLE001 - an attack that cannot be made is told as one
        return {"name": attack.name, "broken": f"{type(error).__name__}: {error}"}
    files = files_in(folder)
    looked.forget()
    forget_peak()
    before, modules, begun = peak_mib(), set(sys.modules), time.process_time()
    told, named = _end(run, folder, watcher)
    loud = len(told) > _LOUD or not told.replace("\n", "").isprintable()
    seconds = time.process_time() - begun
    touched = watcher.seen + looked.events()
    mark = folder.parent / "mark"
    poisoned = mark.exists()
    mark.unlink(missing_ok=True)
    return {
        "name": attack.name, "named": named, "end": told[:200], "touched": touched, "loud": loud,
        "imported": sorted(set(sys.modules) - modules), "poisoned": poisoned,
        "written": [name for name, facts in files_in(folder).items() if files.get(name) != facts],
        "seconds": round(seconds, 3), "mib": round(peak_mib() - before, 1),
    }  # fmt: skip


def _end(run: Callable[[], Any], folder: Path, watcher: Watcher) -> tuple[str, bool]:
    with watcher.looking(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run()
        except LaminaError as error:
            return f"{type(error).__name__}: {error}", True
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
            return f"{type(error).__name__}: {error}", False
    return "no error", False


def warm(folder: Path) -> None:
    """Import what good files and bad ones make lamina import."""
    good_lamina(folder)
    good_keras(folder)
    model = small()
    load_model(folder / "good.lamina")
    good_compiled(folder)
    load_model(folder / "compiled.lamina")
    load_model(zipped(folder / "traced.lamina", good_traced(folder)))
    loaded = load_model(folder / "good.keras")
    loaded.save_weights(folder / "good.weights.h5")
    loaded.load_weights(folder / "good.weights.h5")
    model.save_weights(folder / "good.safetensors")
    model.load_weights(folder / "good.safetensors")
    import torch
    from rich.cells import cell_len

    cell_len("\u4e2d")  # a table of widths, which an error with such a name reads
    torch.save(dict(model.state_dict()), folder / "good.pt")
    weights(folder / "good.pt", model)()
    model_from_json(model.to_json())
    for arguments in (("good.lamina", "new.keras"), ("good.lamina", "good.lamina")):
        _end(convert(*(folder / name for name in arguments)), folder, _NOBODY)


class _Nobody:
    @contextmanager
    def looking(self, folder: Path) -> Iterator[None]:
        yield


_NOBODY: Any = _Nobody()


def poison(folder: Path) -> None:
    """A module on sys.path whose import leaves a mark."""
    mark = folder / "mark"
    (folder / f"{POISON}.py").write_text(f"open({str(mark)!r}, 'w').close()\ndef run(*a): pass\nclass Poison: pass\n")
    sys.path.insert(0, str(folder))


def work(folder: Path, attacks: dict[str, Attack]) -> None:
    poison(folder)
    (folder / "warm").mkdir()
    warm(folder / "warm")
    watcher = Watcher()
    secret = Path(SECRET)
    secret.parent.mkdir()
    secret.write_bytes(bytes(4096))
    looked = Looked(secret.parent)
    for number, line in enumerate(sys.stdin):
        place = folder / str(number)
        place.mkdir()
        sys.__stdout__.write(json.dumps(report(attacks[line.strip()], place, watcher, looked)) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
    shutil.rmtree(secret.parent)


if __name__ == "__main__":
    forbidden = [
        Attack(name, "", "", lambda folder, do=violation.do: lambda: do(folder))
        for name, violation in VIOLATIONS.items()
    ]
    work(Path(sys.argv[1]), {attack.name: attack for attack in [*all_attacks(), *forbidden]})
