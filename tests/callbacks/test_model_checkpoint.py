"""ModelCheckpoint: real files, the names they get, and what is left of them when the disk is full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError
from lamina.callbacks import CheckpointError, LambdaCallback, ModelCheckpoint
from lamina.layers import Dense, Input
from lamina.models import Model, load_model
from tests.callbacks.fakes import FakeModel

ROOT = Path(__file__).resolve().parents[2]


def network(units=1):
    x = Input((3,))
    model = Model(x, Dense(units)(x))
    model.compile(lamina.optimizers.Adam(0.1), "mse")
    return model


def train(model, *callbacks, epochs=3, **options):
    x = torch.arange(24.0).reshape(8, 3) / 24
    y = x.sum(1, keepdim=True)
    options = {"batch_size": 2, "verbose": 0, "shuffle": False, **options}
    return model.fit(x, y, epochs=epochs, callbacks=list(callbacks), **options)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_models_and_weights_by_the_names_of_their_epochs(tmp_path):
    model, weights = network(), []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    whole = ModelCheckpoint(tmp_path / "a" / "{epoch:02d}-{loss:.2f}.lamina")
    bare = ModelCheckpoint(tmp_path / "b{epoch}" / "w.weights.safetensors", save_weights_only=True)
    history = train(model, keep, whole, bare)
    due = [f"a/{epoch + 1:02d}-{loss:.2f}.lamina" for epoch, loss in enumerate(history.history["loss"])]
    assert names(tmp_path) == [*due, *(f"b{epoch}/w.weights.safetensors" for epoch in (1, 2, 3))]
    for epoch in range(3):
        loaded = load_model(tmp_path / due[epoch])
        other = network()
        other.load_weights(tmp_path / f"b{epoch + 1}" / "w.weights.safetensors")
        for own, whole_one, bare_one in zip(weights[epoch], loaded.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(own, whole_one)
            np.testing.assert_array_equal(own, bare_one)
        assert loaded.optimizer.iterations == 4 * (epoch + 1)


def test_every_three_batches_counted_on_from_epoch_to_epoch(tmp_path):
    train(network(), ModelCheckpoint(tmp_path / "{epoch}-{batch}.lamina", save_freq=3))
    assert names(tmp_path) == ["1-3.lamina", "2-2.lamina", "3-1.lamina", "3-4.lamina"]


def test_only_the_best(tmp_path):
    losses = iter([0.5, 0.75, 0.25])
    rename = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(val_loss=next(losses)))
    train(network(), rename, ModelCheckpoint(tmp_path / "{epoch}.lamina", save_best_only=True))
    assert names(tmp_path) == ["1.lamina", "3.lamina"]


def test_what_it_says(tmp_path, capsys):
    losses = iter([0.5, 0.75])
    rename = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(val_loss=next(losses)))
    path = str(tmp_path / "best.lamina")
    train(network(), rename, ModelCheckpoint(path, save_best_only=True, verbose=1), epochs=2)
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1: val_loss improved from None to 0.50000, saving model to {path}",
        "Epoch 2: val_loss did not improve from 0.50000",
    ]


@pytest.mark.parametrize(
    "path, arguments, text",
    [
        (
            "m.ckpt",
            {},
            r"got +'m.ckpt'\n +expected +\*.lamina, \*.keras, \*.h5, \*.hdf5\n +where .*\n +try +'m.lamina'",
        ),
        ("m", {}, "try +'m.lamina'"),
        ("m.weights.safetensors", {}, "try +'m.lamina'; .safetensors takes weights alone.*save_weights_only=True"),
        (
            "m.tf",
            {"save_weights_only": True},
            r"No weights .*\n.*\n.*\*.weights.h5.*\n +where .*\n +try +'m.weights.safetensors'",
        ),
        ("{epoch-{x}.lamina", {}, "no format string"),
        ("{batch}.lamina", {}, "the end of an epoch has no batch"),
        ("m.lamina", {"save_freq": "batch"}, r"save_freq=\) is unknown.\n +got +'batch'"),
        ("m.lamina", {"save_freq": 0}, "save_freq"),
        ("m.lamina", {"save_freq": True}, "save_freq"),
        ("m.lamina", {"mode": "least"}, "mode"),
    ],
)
def test_what_is_wrong_is_told_at_once(path, arguments, text):
    with pytest.raises(ArgumentError, match=text):
        ModelCheckpoint(path, **arguments)


def test_a_name_that_the_logs_cannot_fill_lists_what_they_have(tmp_path):
    checkpoint, model = ModelCheckpoint(tmp_path / "{val_loss:.2f}.lamina"), FakeModel()
    checkpoint.set_model(model)
    with pytest.raises(ArgumentError, match=r"(?s)cannot be filled in.*KeyError: 'val_loss'.*among loss, epoch"):
        checkpoint.on_epoch_end(0, {"loss": 1.0})


def test_only_steps_that_write_wait_for_their_numbers():
    per_epoch = ModelCheckpoint("m.lamina")
    assert not per_epoch.listens_to("on_train_batch_end")
    assert not per_epoch.listens_to("on_train_batch_begin")
    assert per_epoch.listens_to("on_epoch_end")
    checkpoint, model, answers = ModelCheckpoint("m.lamina", save_freq=3), FakeModel(), []
    checkpoint.set_model(model)
    checkpoint.on_epoch_begin(0)
    assert checkpoint.listens_to("on_train_batch_end"), "outside of a step: whether it ever does"
    for batch in range(7):
        checkpoint.on_train_batch_begin(batch)
        answers.append(checkpoint.listens_to("on_train_batch_end"))
        if answers[-1]:
            checkpoint.on_train_batch_end(batch, {})
    assert answers == [False, False, True, False, False, True, False]
    checkpoint.on_epoch_end(0, {})
    assert checkpoint.listens_to("on_train_batch_end")


# ---- when it cannot be written -------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_is_known_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    seen = []
    watch = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    path = tmp_path / "file" / "m.lamina"
    with pytest.raises(CheckpointError, match=r"(?s)m.lamina' could not be written.*File exists"):
        train(network(), watch, ModelCheckpoint(path))
    assert not seen


@pytest.mark.parametrize("weights", [False, True])
def test_an_error_while_writing_names_the_file_and_leaves_the_one_before(tmp_path, monkeypatch, weights):
    path = tmp_path / ("m.weights.safetensors" if weights else "m.lamina")
    model, kept = network(), []
    fill = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))

    def full(descriptor):
        if len(kept) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    checkpoint = ModelCheckpoint(path, save_weights_only=weights)
    with pytest.raises(CheckpointError, match=r"(?s)could not be written.*No space left on device") as caught:
        train(model, fill, checkpoint)
    assert repr(str(path)) in str(caught.value)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == [path.name]
    monkeypatch.undo()
    loaded = network()
    loaded.load_weights(path)
    for own, due in zip(loaded.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(own, due)


FULL_DISK = """
import resource, signal, sys
import torch
import lamina
from lamina.callbacks import CheckpointError, ModelCheckpoint
from lamina.layers import Dense, Input

path = sys.argv[1]
x = Input((3,))
model = lamina.Model(x, Dense(20_000)(x))
model.compile("sgd", "mse")
checkpoint = ModelCheckpoint(path)
checkpoint.set_model(model)
checkpoint.on_train_begin()
checkpoint.on_epoch_end(0, {"loss": 1.0})
before = [w.copy() for w in model.get_weights()]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
model.set_weights([w + 1 for w in before])
try:
    checkpoint.on_epoch_end(1, {"loss": 1.0})
except CheckpointError as error:
    print(str(error).splitlines()[0], "|", error.__cause__.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
loaded = lamina.models.load_model(path)
print(all((a == b).all() for a, b in zip(loaded.get_weights(), before)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX systems")
def test_a_disk_that_is_full_in_the_middle_of_a_file(tmp_path):
    path = tmp_path / "m.lamina"
    process = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0, process.stderr
    said = f"The checkpoint {str(path)!r} could not be written. | File too large"
    assert process.stdout.splitlines() == [said, "True"]
    assert names(tmp_path) == ["m.lamina"]


@pytest.mark.parametrize("together, written", [(2, [3, 7]), (3, [2, 5, 8]), (5, [4, 8]), (9, [8])])
def test_batches_are_counted_from_the_last_time_it_wrote(tmp_path, together, written):
    """Of several batches that are executed together, those beyond ``save_freq`` do not count for the next time."""
    model = network()
    model.compile("sgd", "mse", steps_per_execution=together)
    x = torch.arange(54.0).reshape(18, 3) / 54
    checkpoint = ModelCheckpoint(tmp_path / "{batch}.lamina", save_freq=3)
    model.fit(x, x.sum(1, keepdim=True), batch_size=2, verbose=0, callbacks=[checkpoint])
    assert names(tmp_path) == [f"{batch + 1}.lamina" for batch in written]


@pytest.mark.parametrize("start", [None, 4.0])
def test_what_could_not_be_written_is_not_the_best(tmp_path, monkeypatch, start):
    checkpoint = ModelCheckpoint(tmp_path / "m.lamina", save_best_only=True, initial_value_threshold=start)
    model = FakeModel()
    checkpoint.set_model(model)

    def full(path, overwrite=True):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(model, "save", full)
        with pytest.raises(CheckpointError):
            checkpoint.on_epoch_end(0, {"val_loss": 1.0})
    assert checkpoint.best == start
    assert checkpoint.state_dict()["best"] == start
    checkpoint.on_epoch_end(1, {"val_loss": 2.0})
    assert (model.saved, checkpoint.best) == ([("model", str(tmp_path / "m.lamina"))], 2.0)
    checkpoint.on_epoch_end(2, {"val_loss": 2.0})
    assert len(model.saved) == 1


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_that_no_such_file_holds_is_refused_before_the_first_step(tmp_path, ending):
    factor = 3
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Lambda(lambda x: x * factor), lamina.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    checkpoint = ModelCheckpoint(tmp_path / f"{{epoch}}.{ending}")
    with pytest.raises(lamina.saving.SavingError, match="Lambda"):
        model.fit(torch.ones(4, 4), torch.ones(4, 1), verbose=0, callbacks=[checkpoint])
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    only_weights = ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    model.fit(torch.ones(4, 4), torch.ones(4, 1), verbose=0, callbacks=[only_weights])
