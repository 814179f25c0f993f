"""Processes that train together on this machine, for tests: started as torchrun starts them, and always ended."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Ended:
    """What one process left: its exit code, what it printed, and what it handed over by `hand_over`."""

    code: int
    out: str
    result: Any


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def run(
    script: Path, size: int, *args: str, timeout: float = 120.0, port: int | None = None, **more: str
) -> list[Ended]:
    """Run a script on `size` processes to their ends.

    Each is its own session: those that are left after the timeout, or after an error here, are killed with all that
    they have started.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port or free_port()), "WORLD_SIZE": str(size)}
        running: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(size):
                with open(Path(folder) / f"{rank}.txt", "wb") as out:
                    environment = os.environ | place | more | {
                        "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
                        "HANDED_OVER": str(Path(folder) / f"{rank}.pickle"),
                    }  # fmt: skip
                    command = [sys.executable, str(script), *args]
                    running.append(
                        subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
                    )
            end = time.monotonic() + timeout
            for process in running:
                process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            texts = "\n".join((Path(folder) / f"{rank}.txt").read_text() for rank in range(len(running)))
            raise AssertionError(f"A process was still running after {timeout} s.\n{texts}") from None
        finally:
            for process in running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return [_ended(process, Path(folder), rank) for rank, process in enumerate(running)]


def hand_over(result: Any) -> None:
    """In such a process: what the test is to get."""
    Path(os.environ["HANDED_OVER"]).write_bytes(pickle.dumps(result))


def _ended(process: subprocess.Popen[bytes], folder: Path, rank: int) -> Ended:
    handed = folder / f"{rank}.pickle"
    result = pickle.loads(handed.read_bytes()) if handed.exists() else None
    return Ended(process.returncode, (folder / f"{rank}.txt").read_text(), result)
