"""Code that does what no reader of a file may do, so that the watch is seen to see it."""

from __future__ import annotations

import io
import marshal
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from .payloads import POISON, SECRET


@dataclass(frozen=True)
class Violation:
    """``do(folder)`` is watched; ``fault`` is what the watch must say of it."""

    fault: str
    do: Callable[[Path], Any]


def _socket(folder: Path) -> None:
    with socket.socket() as one:
        one.connect_ex(("127.0.0.1", 9))


def _memory(folder: Path) -> None:
    data = bytearray(300 * 2**20)
    data[::4096] = b"x" * len(data[::4096])


def _through_a_library(folder: Path) -> None:
    """The library in C opens the file; Python does not see it."""
    with h5py.File(io.BytesIO(), "w") as file:
        file.create_dataset("x", (4, 3), "f4", external=[(SECRET, 0, 48)])[:]


def _unnamed(folder: Path) -> None:
    raise KeyError("something")


class _Call:
    def __reduce__(self) -> Any:
        return os.getpid, ()


_PICKLE = pickle.dumps(_Call())
_MARSHALLED = marshal.dumps(1)

VIOLATIONS = {
    "violation-unnamed": Violation("unnamed", _unnamed),
    "violation-no-error": Violation("unnamed", lambda folder: None),
    "violation-import": Violation(
        "imported", lambda folder: __import__("sndhdr" if sys.version_info < (3, 13) else "this")
    ),
    "violation-poison": Violation("poisoned", lambda folder: __import__(POISON)),
    "violation-process": Violation("touched", lambda folder: subprocess.run([sys.executable, "--version"], check=True)),
    "violation-system": Violation("touched", lambda folder: os.system("true")),
    "violation-exec": Violation("touched", lambda folder: exec("1")),  # noqa: S102
    "violation-eval": Violation("touched", lambda folder: eval("1")),  # noqa: S307
    "violation-pickle": Violation("touched", lambda folder: pickle.loads(_PICKLE)),
    "violation-marshal": Violation("touched", lambda folder: marshal.loads(_MARSHALLED)),
    "violation-socket": Violation("touched", _socket),
    "violation-read": Violation("touched", lambda folder: open(SECRET, "rb").close()),
    "violation-outside": Violation("touched", lambda folder: (folder / ".." / "x").open("w").close()),
    "violation-library": Violation("touched", _through_a_library),
    "violation-list": Violation("touched", lambda folder: os.listdir(folder)),
    "violation-written": Violation("written", lambda folder: (folder / "other").write_text("")),
    "violation-memory": Violation("memory", _memory),
}
