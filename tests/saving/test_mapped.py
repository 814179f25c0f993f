"""A loaded model's weights are the file itself, mapped: no copy, no initializer, and the file never changes by it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from lamina import Model, initializers, layers
from lamina.layers import Dense, Input
from lamina.models import load_model, model_from_json
from lamina.saving import LoadingError
from lamina.saving.archive import read_archive, write_archive


def model(units: int = 64) -> Model:
    x = Input((32,))
    model = Model(x, Dense(8)(layers.BatchNormalization()(Dense(units, activation="relu")(x))))
    model.compile("adam", "mse")
    model.fit(np.ones((4, 32), "float32"), np.ones((4, 8), "float32"), verbose=0)
    return model


def mapped_files() -> str:
    return Path("/proc/self/maps").read_text()


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="only Linux tells what is mapped")
def test_weights_and_state_lie_in_the_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    model().save(path)
    loaded = load_model(path)
    lines = [line for line in mapped_files().splitlines() if line.endswith(str(path))]
    ranges = [tuple(int(n, 16) for n in line.split()[0].split("-")) for line in lines]
    kernel, moment = loaded.layers[1].kernel, loaded.optimizer.state_dict()["0/momentum"]
    for tensor in (kernel, moment):
        assert any(low <= tensor.data_ptr() < high for low, high in ranges)
        assert tensor.is_contiguous()


def test_training_a_loaded_model_leaves_its_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    model().save(path)
    before = path.read_bytes()
    loaded = load_model(path)
    loaded.fit(np.eye(4, 32, dtype="float32"), np.zeros((4, 8), "float32"), verbose=0)
    assert path.read_bytes() == before
    assert not torch.equal(loaded.layers[1].kernel, load_model(path).layers[1].kernel)


def test_a_model_is_saved_over_the_file_that_it_was_loaded_from(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    model().save(path)
    loaded, other = load_model(path), load_model(path)
    kept = other.layers[1].kernel.detach().clone()
    loaded.fit(np.eye(4, 32, dtype="float32"), np.zeros((4, 8), "float32"), verbose=0)
    loaded.save(path)
    assert torch.equal(other.layers[1].kernel, kept)
    assert torch.equal(load_model(path).layers[1].kernel, loaded.layers[1].kernel)


def test_no_initializer_runs_when_a_file_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model().save(tmp_path / "m.lamina")
    monkeypatch.setattr(initializers.GlorotUniform, "__call__", None)
    before = torch.get_rng_state()
    load_model(tmp_path / "m.lamina")
    assert torch.equal(torch.get_rng_state(), before)


def test_every_weight_of_a_loaded_model_has_storage(tmp_path: Path) -> None:
    x = Input((4, 3))
    y = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    y = layers.MultiHeadAttention(2, 2)(y, y) * torch.nn.Parameter(torch.ones(4)) + torch.ones(4)
    original = Model(x, layers.GRU(2)(y))
    original.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    assert not any(t.is_meta for t in (*loaded.parameters(), *loaded.buffers()))
    assert [type(w) for w in loaded.parameters()] == [type(w) for w in original.parameters()]
    assert torch.equal(loaded(torch.ones(1, 4, 3)), original(torch.ones(1, 4, 3)))


def test_sizes_of_a_config_take_no_memory_before_the_weights_are_compared(tmp_path: Path) -> None:
    """The config asks for 4 TB; the file holds 16 bytes of weights."""
    text = model(units=3).to_json().replace('"units":3', '"units":1000000000000')
    with pytest.raises(LoadingError, match="takes more memory than there is"):
        model_from_json(text)
    model(units=3).save(tmp_path / "m.lamina")
    members = read_archive(tmp_path / "m.lamina")
    lying = bytes(members["model.json"]).replace(b'"units":3', b'"units":1000000000000')
    write_archive(tmp_path / "m.lamina", {**members, "model.json": lying}, overwrite=True)
    with pytest.raises(LoadingError, match=r"different   dense.kernel \(32, 3\) float32"):
        load_model(tmp_path / "m.lamina")
