"""CSVLogger: Keras' bytes, and each epoch once in a run that goes on."""

from __future__ import annotations

import csv

import keras
import numpy as np
import pytest
import torch

from lamina.callbacks import CSVLogger
from tests.callbacks.test_state import through_a_file

RUNS = {
    "plain": [{"loss": 0.5, "acc": 0.25}, {"loss": 1e-9, "acc": 1.0}],
    "validation": [{"loss": 0.5, "val_loss": 0.75}, {"loss": 0.25, "val_loss": 0.5}],
    "validation later": [{"loss": 0.5}, {"loss": 0.25, "val_loss": 0.5}, {"loss": 0.125}],
    "a name that comes late": [{"loss": 0.5}, {"loss": 0.25, "late": 1.0}],
    "a name that goes": [{"loss": 0.5, "auc": 0.5}, {"loss": 0.25}],
    "kinds": [{"text": "a,b", "list": [1, 2.5], "array": np.array([1, 2]), "number": np.array(3.0), "none": None}],
    "not a number": [{"loss": float("nan")}, {"loss": float("inf")}],
    "nothing": [],
}


def write(logger, epochs, first=0, end=True):
    logger.on_train_begin({})
    for epoch, logs in enumerate(epochs, first):
        logger.on_epoch_end(epoch, dict(logs))
    if end:
        logger.on_train_end({})


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("run", RUNS)
def test_the_file_is_keras_to_the_byte(tmp_path, run, separator, append):
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    for path, library in ((ours, CSVLogger), (theirs, keras.callbacks.CSVLogger)):
        write(library(path, separator, append), RUNS[run])
        write(library(path, separator, append), RUNS[run], first=len(RUNS[run]))
    assert ours.read_bytes() == theirs.read_bytes()


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("saved_after, died_after", [(0, 0), (0, 2), (1, 1), (2, 4), (3, 3)])
def test_each_epoch_stands_once_in_a_run_that_goes_on(tmp_path, saved_after, died_after, append):
    path = tmp_path / "log.csv"
    if append:
        path.write_text("epoch,loss,val_loss\r\n7,9.0,NA\r\n")
    epochs = [{"loss": 1.0 / (i + 1)} for i in range(5)]
    first = CSVLogger(path, append=append)
    first.on_train_begin()
    state = through_a_file(first.state_dict())
    for epoch in range(died_after):
        first.on_epoch_end(epoch, epochs[epoch])
        if epoch + 1 == saved_after:
            state = through_a_file(first.state_dict())
    second = CSVLogger(path, append=append)
    second.on_train_begin()
    second.load_state_dict(state)
    for epoch in range(saved_after, 5):
        second.on_epoch_end(epoch, epochs[epoch])
    second.on_train_end()
    first.on_train_end()
    before = ["7"] if append else []
    assert [row["epoch"] for row in rows(path)] == [*before, "0", "1", "2", "3", "4"]
    assert path.read_text().count("epoch") == 1


def test_a_file_that_was_lost_is_begun_again_with_a_warning(tmp_path):
    path = tmp_path / "log.csv"
    first = CSVLogger(path)
    write(first, [{"loss": 1.0}])
    path.unlink()
    second = CSVLogger(path)
    second.on_train_begin()
    with pytest.warns(UserWarning, match=r"shorter than the interrupted run left it \(0 of 31 bytes\)"):
        second.load_state_dict(first.state_dict())
    second.on_epoch_end(1, {"loss": 0.5})
    second.on_train_end()
    assert rows(path) == [{"epoch": "1", "loss": "0.5", "val_loss": "NA"}]


def test_a_line_is_in_the_file_at_the_end_of_its_epoch(tmp_path):
    logger = CSVLogger(tmp_path / "runs" / "log.csv")
    write(logger, [{"loss": torch.tensor(0.5)}], end=False)
    assert rows(logger.filename) == [{"epoch": "0", "loss": "0.5", "val_loss": "NA"}]
    logger.on_train_end()


def test_a_file_that_cannot_be_written_is_known_before_the_first_epoch(tmp_path):
    with pytest.raises(OSError, match="Is a directory"):
        CSVLogger(tmp_path).on_train_begin()
