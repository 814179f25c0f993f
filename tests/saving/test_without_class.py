"""What a file says that is loaded without the class of a model, and that holds weights alone."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lamina import LaminaError, Model
from lamina.layers import Dense
from lamina.models import load_model

X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")


class Plain(Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = Dense(2)

    def call(self, x):
        return self.dense(x)


class OwnStep(Plain):
    def train_step(self, data):
        return super().train_step(data)


class OwnLoss(Plain):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return torch.mean((y - y_pred) ** 4)


def trained(cls: type[Plain]) -> Plain:
    model = cls()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    return model


@pytest.mark.parametrize("cls, method", [(OwnStep, "train_step"), (OwnLoss, "compute_loss")])
def test_training_of_its_own_is_told_where_the_class_is_missing(cls: type[Plain], method: str, tmp_path: Path) -> None:
    model = trained(cls)
    model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match=rf"its own {method}\(\) is not in the file.*\"{cls.__name__}\""):
        loaded = load_model(tmp_path / "m.lamina")
    assert torch.equal(loaded(torch.tensor(X)), model(torch.tensor(X)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert type(load_model(tmp_path / "m.lamina", custom_objects={cls.__name__: cls})) is cls


def test_a_call_alone_is_whole_without_the_class(tmp_path: Path) -> None:
    model = trained(Plain)
    model.save(tmp_path / "m.lamina")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(tmp_path / "m.lamina")
    assert torch.equal(loaded(torch.tensor(X)), model(torch.tensor(X)))


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    trained(Plain).save_weights(tmp_path / "w.safetensors")
    with pytest.raises(LaminaError, match="load_weights"):
        load_model(tmp_path / "w.safetensors")
