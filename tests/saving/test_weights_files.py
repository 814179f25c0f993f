"""Weights alone: by their paths, all or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from lamina import Model, layers
from lamina.layers import Dense, Input
from lamina.models import load_model
from lamina.saving import LoadingError


def model(seed: int, units: int = 3) -> Model:
    torch.manual_seed(seed)
    x = Input((8, 8, 2))
    y = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    return Model(x, Dense(units, name="last")(layers.GlobalAveragePooling2D()(y)))


def values(model: Model) -> dict[str, torch.Tensor]:
    return {path: tensor.clone() for path, tensor in model.state_dict().items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[path], b[path]) for path in a)


@pytest.mark.parametrize("name", ("m.weights.safetensors", "m.lamina"))
def test_weights_go_from_one_model_to_another(tmp_path: Path, name: str) -> None:
    source, target = model(0), model(1)
    assert not equal(values(source), values(target))
    source.save_weights(tmp_path / name)
    target.load_weights(tmp_path / name)
    assert equal(values(source), values(target))
    assert target.layers[1].kernel.stride() == source.layers[1].kernel.stride()


def test_weights_of_a_whole_model_file(tmp_path: Path) -> None:
    source, target = model(0), model(1)
    source.save(tmp_path / "m.lamina")
    target.load_weights(tmp_path / "m.lamina")
    assert equal(values(source), values(target))


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    source, target = model(0), model(1)
    source.save_weights(tmp_path / "m.safetensors")
    (tmp_path / "m.safetensors").rename(tmp_path / "m.lamina")
    target.load_weights(tmp_path / "m.lamina")
    assert equal(values(source), values(target))


def test_other_programs_read_and_write_the_file(tmp_path: Path) -> None:
    source = model(0)
    source.save_weights(tmp_path / "m.safetensors")
    tensors = safetensors.torch.load_file(tmp_path / "m.safetensors")
    assert equal(dict(sorted(tensors.items())), dict(sorted(values(source).items())))
    safetensors.torch.save_file({path: t + 1 for path, t in tensors.items()}, tmp_path / "n.safetensors")
    source.load_weights(tmp_path / "n.safetensors")
    assert all(torch.equal(tensors[path] + 1, tensor) for path, tensor in values(source).items())


def test_what_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    source, target = model(0), model(1, units=5)
    source.save_weights(tmp_path / "m.safetensors")
    before = values(target)
    with pytest.raises(LoadingError, match=r"different   last\.kernel \(4, 3\) float32, but the model's is \(4, 5\)"):
        target.load_weights(tmp_path / "m.safetensors")
    assert equal(values(target), before)


def test_halves_are_widened(tmp_path: Path) -> None:
    source, target = model(0), model(1)
    halves = {path: tensor.half().contiguous() for path, tensor in values(source).items()}
    safetensors.torch.save_file(halves, tmp_path / "m.safetensors")
    target.load_weights(tmp_path / "m.safetensors")
    assert all(torch.equal(halves[path].float(), tensor) for path, tensor in values(target).items())


def tied() -> Model:
    x = Input((3,))
    first, second = Dense(3), Dense(3)
    model = Model(x, second(first(x)))
    second._parameters["kernel"] = first.kernel
    return model


def test_weights_tied_by_hand_are_stored_once_and_needed_once(tmp_path: Path) -> None:
    source, target = tied(), tied()
    source.save_weights(tmp_path / "m.safetensors")
    stored = safetensors.torch.load_file(tmp_path / "m.safetensors")
    assert sorted(stored) == ["dense.bias", "dense.kernel", "dense_1.bias"]
    target.load_weights(tmp_path / "m.safetensors")
    assert equal(values(source), values(target))
    everything: dict[str, Any] = {path: tensor.contiguous() for path, tensor in values(source).items()}
    safetensors.torch.save_file(everything, tmp_path / "all.safetensors")
    target.load_weights(tmp_path / "all.safetensors")


def test_weights_tied_by_hand_are_tied_again(tmp_path: Path) -> None:
    tied().save(tmp_path / "m.lamina")
    model = load_model(tmp_path / "m.lamina")
    assert model.layers[1].kernel is model.layers[2].kernel
    assert len(list(model.parameters())) == 3


def test_buffers_that_are_views_of_one_another_are_stored_one_by_one(tmp_path: Path) -> None:
    class Views(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            table = torch.arange(6.0).reshape(2, 3)
            self.register_buffer("table", table)
            self.register_buffer("row", table[1])
            self.register_buffer("turned", table.T)

        def call(self, inputs: Any) -> Any:
            return inputs + self.row

    x = Input((3,))
    source, target = Model(x, Views()(x)), Model(x, Views()(x))
    source.layers[1].table.add_(1)
    source.save_weights(tmp_path / "m.safetensors")
    target.load_weights(tmp_path / "m.safetensors")
    assert equal(values(source), values(target))


def test_what_is_no_file_of_weights(tmp_path: Path) -> None:
    for data in (b"", b"\x80\x04K\x01.", b"PK\x03\x04 and more"):
        (tmp_path / "w.safetensors").write_bytes(data)
        with pytest.raises(LoadingError):
            model(0).load_weights(tmp_path / "w.safetensors")
    with pytest.raises(FileNotFoundError):
        model(0).load_weights(tmp_path / "nowhere.safetensors")
