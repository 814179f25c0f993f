"""Models whose own call is never used: their `train_step` calls the parts, as those of GANs and autoencoders do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, Sequential, layers, ops

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)


class Pair(Model):
    """Encodes and decodes, without a call."""

    def __init__(self, encoder: Any, decoder: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.others = [encoder, decoder]

    def train_step(self, data: Any) -> dict[str, Any]:
        x = data[0] if isinstance(data, (tuple, list)) else data
        loss = ops.mean((self.others[1](self.others[0](x)) - x) ** 2)
        self.zero_grad()
        loss.backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([weight.grad for weight in weights], weights)
        return {"loss": loss}


class Called(Pair):
    def call(self, x: torch.Tensor) -> torch.Tensor:  # takes no `training`
        return self.others[1](self.others[0](x))


def made(cls: type, trained: bool = True) -> Any:
    model = cls(
        Sequential([Input((4,)), layers.Dense(3, activation="relu")], name="encoder"),
        Sequential([Input((3,)), layers.Dense(4), layers.BatchNormalization()], name="decoder"),
    )
    model.compile(optimizer="adam")
    if trained:
        model.fit(X, verbose=0, shuffle=False)
    return model


def same(model: Any, other: Any) -> bool:
    pairs = list(zip(model.weights, other.weights, strict=True))
    return len(pairs) == 8 and all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("suffix", [".lamina", ".keras", ".h5", ".weights.h5", ".weights.safetensors"])
@pytest.mark.parametrize("cls", [Pair, Called])
def test_weights_are_saved(cls: type, suffix: str, trained: bool, tmp_path: Path) -> None:
    model = made(cls, trained)
    model.save_weights(tmp_path / f"w{suffix}")
    other = made(cls)
    other.load_weights(tmp_path / f"w{suffix}")
    assert same(model, other)


@pytest.mark.parametrize("suffix", [".lamina", ".keras"])
@pytest.mark.parametrize("cls", [Pair, Called])
@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("told", [False, True])
def test_models_are_saved(cls: type, suffix: str, called: bool, told: bool, tmp_path: Path) -> None:
    model = made(cls)
    model.built = model.built or told  # as public GANs say of themselves
    if called and cls is Called:
        model.predict(X, verbose=0)
    model.save(tmp_path / f"m{suffix}")
    again = lamina.models.load_model(tmp_path / f"m{suffix}", custom_objects={cls.__name__: cls})
    assert same(model, again)
    again.fit(X, verbose=0, shuffle=False)
    model.fit(X, verbose=0, shuffle=False)
    for a, b in zip(model.weights, again.weights, strict=True):
        torch.testing.assert_close(a, b)


def test_checkpoints_are_written_and_a_failed_save_is_rescued(tmp_path: Path) -> None:
    model = made(Pair)
    saves = lamina.callbacks.ModelCheckpoint(tmp_path / "c.weights.h5", save_weights_only=True)
    model.fit(X, verbose=0, callbacks=[saves, lamina.callbacks.BackupAndRestore(tmp_path / "backup")])
    model.save_checkpoint(tmp_path / "c.lamina")
    with pytest.raises(lamina.saving.SavingError, match="Nothing is lost"):
        model.save(tmp_path / "m.h5")
    for name in ("c.weights.h5", "c.lamina"):
        other = made(Pair)
        other.load_weights(tmp_path / name)
        assert same(model, other)
    other = made(Pair)
    other.load_checkpoint(tmp_path / "m.h5.partial")
    assert same(model, other)


def test_what_is_not_made_yet_is_refused(tmp_path: Path) -> None:
    for encoder in (layers.Dense(3), Sequential([layers.Dense(3)])):
        model = Pair(encoder, Sequential([Input((3,)), layers.Dense(4)]))
        with pytest.raises(lamina.saving.SavingError, match="no weights yet"):
            model.save_weights(tmp_path / "w.lamina")
