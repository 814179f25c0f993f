"""`load_weights` of a part: what fits is loaded, and a report tells the rest."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from lamina import Model
from lamina.layers import Dense, Input
from lamina.saving import LoadingError, LoadReport


def model(units: int = 3, head: str = "head") -> Model:
    x = Input((4,))
    return Model(x, Dense(units, name=head)(Dense(5, name="trunk")(x)))


def values(model: Model) -> dict[str, torch.Tensor]:
    return {path: tensor.clone() for path, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", ("w.safetensors", "w.lamina", "w.pt"))
def test_what_fits_is_loaded_and_the_rest_is_told(tmp_path: Path, name: str) -> None:
    source = model()
    if name == "w.pt":
        torch.save(source.state_dict(), tmp_path / name)
    else:
        source.save_weights(tmp_path / name)
    for target, told in (
        (model(), ([], [], [])),
        (model(units=7), ([], [], ["head.bias", "head.kernel"])),
        (model(head="other"), (["other.bias", "other.kernel"], ["head.bias", "head.kernel"], [])),
    ):
        before = values(target)
        report = target.load_weights(tmp_path / name, partial=True)
        assert isinstance(report, LoadReport)
        assert (sorted(report.missing), sorted(report.unexpected), sorted(report.mismatched)) == told
        assert set(report.loaded) == set(before) - set(report.missing) - set(report.mismatched)
        for path, tensor in values(target).items():
            assert torch.equal(tensor, source.state_dict()[path] if path in report.loaded else before[path])


def test_the_report_can_be_read() -> None:
    report = LoadReport(
        {"trunk.kernel": "trunk.kernel", "trunk.bias": "trunk.bias"},
        {"other.bias": "(3,) float32"},
        {"head.bias": "(3,) float32"},
        {"x": "(1,) float32, but the model's is (2,) float32"},
    )
    assert str(report).splitlines() == [
        "2 weights loaded, 1 missing, 1 unexpected, 1 mismatched.",
        "missing     other.bias (3,) float32",
        "unexpected  head.bias (3,) float32",
        "different   x (1,) float32, but the model's is (2,) float32",
    ]
    assert repr(report) == str(report)


def test_a_file_that_has_nothing_for_the_model_is_no_part_of_it(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.ones(2)}, tmp_path / "w.pt")
    with pytest.raises(LoadingError, match=r"missing     trunk.kernel(.|\n)*unexpected  fc.weight"):
        model().load_weights(tmp_path / "w.pt", partial=True)


def test_skip_mismatch_loads_what_keras_loads_and_warns(tmp_path: Path) -> None:
    kernels = []
    for library in (keras, None):
        make = keras_model if library else model
        source, target = make(), make(units=7)
        path = str(tmp_path / ("w.weights.h5" if library else "w.safetensors"))
        source.set_weights([np.full(np.shape(w), 2.0) for w in source.get_weights()])
        source.save_weights(path)
        before = target.get_weights()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            target.load_weights(path, skip_mismatch=True)
        assert any("head" in str(warning.message) for warning in said)
        kernels.append([np.array_equal(a, b) for a, b in zip(target.get_weights(), before, strict=True)])
    assert kernels[0] == kernels[1] == [False, False, True, True]


def keras_model(units: int = 3) -> keras.Model:
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(units, name="head")(keras.layers.Dense(5, name="trunk")(x)))


def test_skip_mismatch_is_silent_where_all_fits(tmp_path: Path) -> None:
    source = model()
    source.save_weights(tmp_path / "w.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not model().load_weights(tmp_path / "w.safetensors", skip_mismatch=True).faults


def test_by_name_passes_over_other_layers_but_not_other_shapes(tmp_path: Path) -> None:
    model().save_weights(tmp_path / "w.safetensors")
    report = model(head="other").load_weights(tmp_path / "w.safetensors", by_name=True)
    assert sorted(report.loaded) == ["trunk.bias", "trunk.kernel"]
    target = model(units=7)
    before = values(target)
    with pytest.raises(LoadingError, match=r"different   head.kernel \(5, 3\)"):
        target.load_weights(tmp_path / "w.safetensors", by_name=True)
    assert all(torch.equal(tensor, before[path]) for path, tensor in values(target).items())
