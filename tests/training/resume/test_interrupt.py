"""Ctrl-C: the training ends cleanly, callbacks keep their promises, and the one who pressed it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from lamina.callbacks import BackupAndRestore, Callback, EarlyStopping, LambdaCallback, OrbaxCheckpoint
from lamina.utils import PyDataset

from .setups import Noisy, arrays, assert_same, network, result, seed_all
from .test_checkpoint import compiled, fit, state

ROOT = Path(__file__).parents[3]


def press(at_epoch, at_batch):
    """Ctrl-C in a step: the handler of Python raises KeyboardInterrupt in the main thread."""

    class Press(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.now = epoch

        def on_train_batch_begin(self, batch, logs=None):
            if (self.now, batch) == (at_epoch, at_batch):
                os.kill(os.getpid(), signal.SIGINT)

    return Press()


@pytest.mark.filterwarnings("ignore:EarlyStopping has mode")
def test_best_weights_come_back_and_the_backup_stays(tmp_path):
    seed_all(1)
    model, after = compiled(), []
    stop = EarlyStopping("loss", mode="max", patience=9, restore_best_weights=True)  # the first epoch is the best
    spy = LambdaCallback(on_epoch_end=lambda epoch, logs: after.append(state(model)))
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=5, callbacks=[spy, stop, BackupAndRestore(tmp_path / "b"), press(3, 1)])
    weights = list(model.state_dict())
    assert len(after) == 3
    assert {name: state(model)[name] for name in weights} == {name: after[0][name] for name in weights}
    assert model._running is None
    # What was put back is not what goes on.
    goes_on = compiled()
    stop = EarlyStopping("loss", mode="max", patience=9, restore_best_weights=True)
    fit(goes_on, epochs=5, callbacks=[stop, BackupAndRestore(tmp_path / "b")])
    seed_all(1)
    whole = compiled()
    stop = EarlyStopping("loss", mode="max", patience=9, restore_best_weights=True)
    fit(whole, epochs=5, callbacks=[stop])
    assert_same(result(goes_on, tmp_path), result(whole, tmp_path))


class InThreads(PyDataset):
    def __init__(self):
        super().__init__(workers=3)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return arrays(4)


@pytest.mark.parametrize("source", [lambda: DataLoader(Noisy(), batch_size=5, num_workers=2), InThreads])
def test_workers_end(source, tmp_path):
    before = set(_children()), set(threading.enumerate())
    model = network()
    model.compile("sgd", "mse")
    with pytest.raises(KeyboardInterrupt):
        model.fit(source(), epochs=3, verbose=0, callbacks=[press(1, 2), OrbaxCheckpoint(tmp_path)])
    deadline = time.monotonic() + 10
    while (set(_children()), set(threading.enumerate())) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    # PyTorch's helper that watches shared memory may stay; a worker may not.
    assert set(threading.enumerate()) <= before[1]
    assert [pid for pid in set(_children()) - before[0] if "torch_shm_manager" not in _name(pid)] == []


def _children():
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def _name(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "torch_shm_manager"


PROGRAM = """
import sys
import torch
from torch.utils.data import DataLoader
from lamina.callbacks import Callback, EarlyStopping
from tests.training.resume.setups import Noisy, network

class Promise(Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            print("STEP", flush=True)
    def on_train_end(self, logs=None):
        print("KEPT", flush=True)

torch.set_num_threads(1)
model = network()
model.compile("sgd", "mse")
try:
    model.fit(DataLoader(Noisy(), batch_size=5, num_workers=2), epochs=10**6, callbacks=[Promise()])
except KeyboardInterrupt:
    print("TOLD", sys.stdout is sys.__stdout__, model._running, flush=True)
"""


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("whole_group", [False, True])
def test_a_real_ctrl_c(whole_group):
    """SIGINT to a process, or to all of its group, as a terminal sends it: then the workers get it as well."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    for line in process.stdout:
        if "STEP" in line:
            break
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "KEPT" in out
    assert out.endswith("TOLD True None\n")
    # A worker of PyTorch's whose tensor nobody takes any more may say so; nobody else says anything.
    assert "KeyboardInterrupt" not in err
    assert "lamina" not in err
    with pytest.raises(ProcessLookupError):  # nobody of its group is left
        os.killpg(process.pid, 0)


def test_an_error_of_a_callback_leaves_the_backup(tmp_path):
    seed_all(1)
    whole = compiled()
    fit(whole, epochs=4)
    seed_all(1)
    fails = LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 / (2 - epoch))
    with pytest.raises(ZeroDivisionError):
        fit(compiled(), epochs=4, callbacks=[fails, BackupAndRestore(tmp_path / "b")])
    torch.manual_seed(5)
    model = compiled()
    fit(model, epochs=4, callbacks=[BackupAndRestore(tmp_path / "b")])
    assert_same(result(model, tmp_path), result(whole, tmp_path))
