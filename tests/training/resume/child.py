"""A process that trains and is killed: by itself, with SIGKILL, at a point that it is told.

    python -m tests.training.resume.child <file of jobs>

Jobs are JSON, ``[{"name", "folder", "save_freq", "point": [where, n]}, ...]``. Each is a process of its own: a fork of
this one, in which nothing has been trained yet. What came of each job, one after the other, is printed as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import torch

from lamina.callbacks import Callback
from lamina.saving import archive

from .setups import fit, result


def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)


class Killer(Callback):
    """Dies at the `n`-th call of a hook."""

    def __init__(self, hook, n):
        super().__init__()
        self.left = n
        setattr(self, hook, self.tick)

    def tick(self, *args):
        self.left -= 1
        if self.left == 0:
            die()


def arm(owner, name, n, before=True, half=False):
    """Die at the `n`-th call of a function: before it, after it, or in the middle of a write."""
    real, left = getattr(owner, name), [n]

    def armed(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0 and half:
            _, file, _, data = args
            file.write(bytes(data)[: len(data) // 2])
            file.flush()
        if left[0] == 0 and (before or half):
            die()
        value = real(*args, **kwargs)
        if left[0] == 0:
            die()
        return value

    setattr(owner, name, armed)


def train(job):
    where, n = job.get("point") or ("", 0)
    more = []
    if where == "half":  # a member is half in the file
        arm(archive, "_write_member", n, half=True)
    elif where == "fsync":
        arm(os, "fsync", n)
    elif where in ("before replace", "after replace"):
        arm(os, "replace", n, before=where.startswith("before"))
    elif where:
        more.append(Killer(where, n))
    options = {"double_checkpoint": True} if job.get("double") else {}
    model = fit(job["name"], job["folder"], job["save_freq"], more, **options)
    Path(job["folder"], "result.json").write_text(json.dumps(result(model, job["folder"])))


def live(job):
    """The exit status of a new process that does the job; below 0 the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            train(job)
            status = 0
        except BaseException:  # noqa: BLE001 - a fork must end here, whatever happens
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([live(job) for job in json.loads(Path(sys.argv[1]).read_text())]))
