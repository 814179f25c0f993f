"""kill -9 at any point, in the middle of writing a backup too, and a new process ends with the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .setups import assert_same, whole

ROOT = Path(__file__).parents[3]

# (training, save_freq, where it is killed, at the how-manieth time)
POINTS = [
    ("plain", 1, "on_train_batch_begin", 1),
    ("plain", 1, "on_train_batch_begin", 8),
    ("plain", 2, "on_train_batch_end", 4),
    ("plain", 1, "on_epoch_begin", 2),
    ("plain", "epoch", "on_epoch_end", 2),
    ("plain", 1, "on_test_batch_begin", 3),
    ("plain", 1, "on_test_end", 2),
    ("plain", 1, "on_train_end", 1),
    ("plain", 1, "half", 6),
    ("plain", 1, "fsync", 5),
    ("plain", 2, "before replace", 3),
    ("plain", 1, "after replace", 7),
    ("loader", 2, "on_train_batch_end", 9),
    ("loader", 1, "half", 17),
    ("workers", 1, "on_train_batch_end", 4),
    ("workers", "epoch", "on_train_batch_begin", 9),
    ("again", 1, "on_train_batch_end", 10),
    ("again", 3, "on_test_batch_end", 2),
    ("once", 1, "on_train_batch_end", 8),
    ("watched", "epoch", "on_epoch_begin", 3),
    ("watched", 3, "half", 20),
    ("averaged", 1, "on_train_batch_end", 7),
    ("averaged", 1, "on_test_batch_begin", 3),
    ("outputs", 1, "on_train_batch_end", 10),
    ("outputs", 1, "fsync", 8),
    ("subclassed", 1, "on_train_batch_end", 5),
    ("subclassed", 1, "before replace", 4),
    ("own_step", 1, "on_train_batch_end", 6),
    ("torch_optimizer", 1, "on_train_batch_end", 8),
    ("py_dataset", 2, "on_train_batch_end", 9),
    ("thawed", 1, "on_train_batch_end", 7),
]


# Every training and every place, once each; the others are slow tests.
QUICK = (1, 4, 6, 7, 11, 13, 15, 17, 18, 19, 22, 24, 26, 27, 28, 29, 30)


def start(jobs, folder):
    (folder / "jobs.json").write_text(json.dumps(jobs))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "random"}
    command = [sys.executable, "-m", "tests.training.resume.child", str(folder / "jobs.json")]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1]), err


@pytest.fixture(scope="module")
def lives(request, tmp_path_factory):
    """What became of each point that is tested: the job, how its two processes ended, and where."""
    tested = sorted({point for item in request.session.items if (point := point_of(item)) is not None})
    jobs = []
    for name, save_freq, where, n in (POINTS[i] for i in tested):
        folder = tmp_path_factory.mktemp(name)
        jobs.append({"name": name, "folder": str(folder), "save_freq": save_freq, "point": [where, n], "double": n % 2})
    # Two fresh interpreters kill all of them; two others, which know nothing of the first, go on.
    ends = []
    for life in (jobs, [job | {"point": None} for job in jobs]):
        halves = [start(life[k::2], tmp_path_factory.mktemp("jobs")) for k in (0, 1)]
        done = [finish(process) for process in halves]
        merged = [None] * len(jobs)
        for k in (0, 1):
            merged[k::2] = done[k][0]
        ends.append((merged, done[0][1] + done[1][1]))
    (killed, _), (ended, errors) = ends
    return {i: (jobs[k], killed[k], ended[k], errors) for k, i in enumerate(tested)}


def point_of(item):
    """The number of the point that a test is about, if it is one of these tests."""
    return item.callspec.params.get("i") if item.path == Path(__file__) and hasattr(item, "callspec") else None


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    results = {}

    def of(name):
        if name not in results:
            results[name] = whole(name, tmp_path_factory.mktemp("whole"))
        return results[name]

    return of


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize(
    "i",
    [pytest.param(i, marks=() if i in QUICK else pytest.mark.slow) for i in range(len(POINTS))],
    ids=lambda i: "-".join(map(str, POINTS[i])),
)
def test_killed_and_started_again(lives, expected, i):
    job, killed, ended, errors = lives[i]
    assert killed == -signal.SIGKILL
    assert ended == 0, errors
    assert_same(json.loads((Path(job["folder"]) / "result.json").read_text()), expected(POINTS[i][0]))


def test_no_worker_outlives_its_process(lives):
    """A worker looks every 5 seconds whether its parent is still there."""
    deadline = time.monotonic() + 20
    while (left := _children_of_jobs()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def _children_of_jobs():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"tests.training.resume.child" in path.read_bytes():
                found.append(path.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
