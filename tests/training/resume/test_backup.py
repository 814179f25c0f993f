"""BackupAndRestore and OrbaxCheckpoint: their files, and what happens where these are torn, foreign or not writable."""

from __future__ import annotations

import os
import resource
import threading
import zipfile

import pytest
import torch

import lamina
from lamina.callbacks import BackupAndRestore, Callback, CheckpointError, LambdaCallback, OrbaxCheckpoint
from lamina.saving import DamagedFileError, LoadingError

from .setups import assert_same, result, seed_all
from .test_checkpoint import compiled, fit, state


class Crash(BaseException):
    pass


def crash_at(epoch):
    def end(now, logs):
        if now == epoch:
            raise Crash

    return LambdaCallback(on_epoch_begin=end)


def interrupted(folder, epoch=3, **options):
    """A training that crashed, with backups of `epoch` epochs."""
    seed_all(1)
    with pytest.raises(Crash):
        fit(compiled(), epochs=5, callbacks=[BackupAndRestore(folder, **options), crash_at(epoch)])


@pytest.fixture
def expected(tmp_path):
    seed_all(1)
    model = compiled()
    fit(model, epochs=5)
    return result(model, tmp_path)


def test_folder_and_files(tmp_path):
    folder = tmp_path / "a" / "b"
    interrupted(folder)
    assert os.listdir(folder) == ["latest.lamina"]
    fit(compiled(), epochs=5, callbacks=[BackupAndRestore(folder)])
    assert not folder.exists()
    interrupted(folder, double_checkpoint=True)
    assert sorted(os.listdir(folder)) == ["latest.lamina", "previous.lamina"]
    (folder / "mine.txt").write_text("")
    fit(compiled(), epochs=5, callbacks=[BackupAndRestore(folder, double_checkpoint=True, delete_checkpoint=False)])
    assert sorted(os.listdir(folder)) == ["latest.lamina", "mine.txt", "previous.lamina"]
    fit(compiled(), epochs=5, callbacks=[BackupAndRestore(folder)])
    assert os.listdir(folder) == ["mine.txt"]


def test_wrong_arguments(tmp_path):
    with pytest.raises(lamina.ArgumentError, match="names no folder"):
        BackupAndRestore("")
    with pytest.raises(lamina.ArgumentError, match=r"BackupAndRestore\(save_freq=\) is unknown"):
        BackupAndRestore(tmp_path, save_freq=0)
    with pytest.raises(lamina.ArgumentError, match="keeps at least one"):
        OrbaxCheckpoint(tmp_path, max_to_keep=0)


def test_it_comes_after_all_others(tmp_path):
    """What it keeps is what they have become, whatever their order and whichever name a hook of theirs has."""

    class Counter(Callback):
        def __init__(self):
            super().__init__()
            self.count = 0

        def on_batch_end(self, batch, logs=None):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    counter = Counter()
    with pytest.raises(Crash):
        fit(compiled(), epochs=5, callbacks=[BackupAndRestore(tmp_path, save_freq=1), crash_at(1), counter])
    fresh = Counter()
    fit(compiled(), epochs=5, callbacks=[BackupAndRestore(tmp_path, save_freq=1), fresh])
    assert (counter.count, fresh.count) == (3, 15)


@pytest.mark.parametrize("tear", [
    lambda path: path.write_bytes(path.read_bytes()[:-200]), lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes().replace(b'"epoch"', b'"epoc!"')),
    lambda path: path.write_text("no zip at all"),
])  # fmt: skip
@pytest.mark.parametrize("double", [False, True])
def test_a_torn_backup(tmp_path, expected, tear, double):
    folder = tmp_path / "backup"
    interrupted(folder, double_checkpoint=double)
    tear(folder / "latest.lamina")
    torn = (folder / "latest.lamina").read_bytes()
    model = compiled()
    backup = BackupAndRestore(folder, double_checkpoint=double)
    if not double:
        before = state(model)
        with pytest.raises(LoadingError, match=r"latest.lamina' is (not a model file|no checkpoint)") as caught:
            fit(model, epochs=5, callbacks=[backup])
        assert "to begin anew" in str(caught.value)
        assert state(model) == before
        assert (folder / "latest.lamina").read_bytes() == torn
        return
    with pytest.warns(UserWarning, match="goes on from the backup before"):
        fit(model, epochs=5, callbacks=[backup])
    assert_same(result(model, tmp_path), expected)


def test_a_damaged_file_is_an_os_error(tmp_path):
    assert issubclass(DamagedFileError, OSError)
    path = tmp_path / "a.lamina"
    model = compiled()
    model.save(path)
    data = path.read_bytes()
    path.write_bytes(data[:-30] + bytes(30))
    with pytest.raises(DamagedFileError, match="not a model file, or a damaged one"):
        lamina.models.load_model(path)


def test_a_backup_of_another_training(tmp_path):
    interrupted(tmp_path)
    cases = ((compiled(width=9), "hidden.kernel"), (compiled(lamina.optimizers.SGD(0.1)), "Adam, but"))
    for other, difference in cases:
        before = state(other)
        with pytest.raises(LoadingError, match=difference):
            fit(other, epochs=5, callbacks=[BackupAndRestore(tmp_path)])
        assert state(other) == before
        assert os.listdir(tmp_path) == ["latest.lamina"]


def test_a_backup_goes_before_a_file_to_resume_from(tmp_path):
    """Started again, a script that resumes from a file goes on with its own backup."""
    first = tmp_path / "first.lamina"
    fit(compiled(), epochs=1, callbacks=[lamina.callbacks.ModelCheckpoint(first)])
    options = {"epochs": 5, "resume_from": first, "resume_learning_rate": 0.25}
    keep = lamina.callbacks.ModelCheckpoint(tmp_path / "other.lamina")
    with pytest.raises(Crash):
        fit(compiled(), callbacks=[BackupAndRestore(tmp_path / "backup"), crash_at(3), keep], **options)
    seen = []
    spy = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    model = compiled()
    fit(model, callbacks=[BackupAndRestore(tmp_path / "backup"), spy, keep], **options)
    assert (seen, model.optimizer.learning_rate) == ([3, 4], 0.25)


# -- a disk that is full


class FullAt(Callback):
    """The disk is full from an epoch on: there is room for nothing bigger than 1 KiB.

    Python has SIGXFSZ ignored, so a write fails with an error.
    """

    def __init__(self, epoch, wait=lambda: None):
        super().__init__()
        self.epoch, self.wait, self.limits = epoch, wait, resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.wait()
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, self.limits[1]))

    def lift(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


@pytest.mark.parametrize("double", [False, True])
def test_a_full_disk(tmp_path, expected, double):
    folder = tmp_path / "backup"
    seed_all(1)
    full = FullAt(2)
    try:
        with pytest.raises(CheckpointError, match="latest.lamina' could not be written"):
            fit(compiled(), epochs=5, callbacks=[BackupAndRestore(folder, double_checkpoint=double), full])
    finally:
        full.lift()
    assert sorted(os.listdir(folder)) == ["latest.lamina", "previous.lamina"][: 1 + double]
    model = compiled()
    fit(model, epochs=5, callbacks=[BackupAndRestore(folder)])
    assert_same(result(model, tmp_path), expected)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="could not be written"):
        fit(compiled(), callbacks=[BackupAndRestore(tmp_path / "file" / "backup")])


# -- OrbaxCheckpoint


@pytest.mark.parametrize("read", ["load_weights", "load_model", "resume_from"])
def test_their_folder_is_no_file_and_the_error_names_the_newest_in_it(tmp_path, read):
    model = compiled()
    fit(model, epochs=3, callbacks=[OrbaxCheckpoint(tmp_path / "kept", max_to_keep=2)])
    newest = str(tmp_path / "kept" / "2.lamina")
    calls = {
        "load_weights": model.load_weights,
        "load_model": lamina.saving.load_model,
        "resume_from": lambda path: fit(compiled(), epochs=4, resume_from=path),
    }
    with pytest.raises(LoadingError, match=r"is a folder(?s:.*)the newest of 2 in it") as told:
        calls[read](tmp_path / "kept")
    assert repr(newest) in told.value.hint


@pytest.mark.parametrize("background", [False, True])
def test_numbered_checkpoints(tmp_path, expected, background):
    keep = {"max_to_keep": 2, "save_on_background": background}
    fit(compiled(), epochs=4, callbacks=[OrbaxCheckpoint(tmp_path / "epochs", **keep)])
    assert sorted(os.listdir(tmp_path / "epochs")) == ["2.lamina", "3.lamina"]
    seed_all(1)
    fit(compiled(), epochs=4, callbacks=[OrbaxCheckpoint(tmp_path / "batches", save_freq=5, **keep)])
    assert sorted(os.listdir(tmp_path / "batches")) == ["10.lamina", "5.lamina"]
    for number in (5, 10):
        model = compiled()
        more = OrbaxCheckpoint(tmp_path / "more", save_freq=5, **keep)
        fit(model, epochs=5, resume_from=tmp_path / "batches" / f"{number}.lamina", callbacks=[more])
        assert sorted(os.listdir(tmp_path / "more")) == ["10.lamina", "15.lamina"]
        assert_same(result(model, tmp_path), expected)


def test_what_is_written_in_the_background_is_a_copy(tmp_path, monkeypatch):
    """The file holds the moment at which it was due, however late it is written, and by another thread."""
    from lamina.saving import checkpoint

    go, threads, real = threading.Event(), [], checkpoint.write_archive

    def late(*args):
        threads.append(threading.current_thread())
        assert go.wait(30)
        real(*args)

    monkeypatch.setattr(checkpoint, "write_archive", late)
    seen = []

    def end(epoch, logs):
        seen.append(state(model))
        if epoch == 1:
            go.set()

    model = compiled()
    orbax = OrbaxCheckpoint(tmp_path, max_to_keep=None, save_freq=4)
    fit(model, epochs=2, callbacks=[orbax, LambdaCallback(on_train_batch_end=lambda b, logs: end(b, logs))])
    assert threads != [threading.main_thread()]
    other = compiled()
    other.load_checkpoint(tmp_path / "4.lamina")
    assert state(other) == seen[3]


def test_an_error_in_the_background_comes_out(tmp_path):
    for epochs, background in ((4, True), (3, True), (3, False)):  # at the next one, at the end, at once
        orbax = OrbaxCheckpoint(tmp_path, save_on_background=background)
        full = FullAt(2, orbax.wait_until_finished)
        try:
            with pytest.raises(CheckpointError, match="2.lamina' could not be written"):
                fit(compiled(), epochs=epochs, callbacks=[orbax, full])
        finally:
            full.lift()
        assert os.listdir(tmp_path) == ["1.lamina"]
        compiled().load_checkpoint(tmp_path / "1.lamina")


@pytest.mark.filterwarnings("ignore:OrbaxCheckpoint has mode")
def test_weights_only_and_only_the_best(tmp_path):
    fit(compiled(), epochs=2, callbacks=[OrbaxCheckpoint(tmp_path / "w", save_weights_only=True)])
    with zipfile.ZipFile(tmp_path / "w" / "1.lamina") as archive:
        assert archive.namelist() == ["weights.safetensors"]
    compiled().load_weights(tmp_path / "w" / "1.lamina")
    orbax = OrbaxCheckpoint(tmp_path / "b", monitor="loss", mode="max", save_best_only=True, max_to_keep=None)
    history = fit(compiled(), epochs=4, callbacks=[orbax]).history["loss"]
    best = [str(e) for e in range(4) if e == 0 or history[e] > max(history[:e])]
    assert sorted(os.listdir(tmp_path / "b")) == [f"{e}.lamina" for e in best]


def test_threads_end_with_the_training(tmp_path):
    fit(compiled(), epochs=2, callbacks=[OrbaxCheckpoint(tmp_path)])
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina-checkpoint")]
    assert torch.get_num_threads() > 0
