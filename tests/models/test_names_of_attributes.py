"""A layer may be called like an attribute of the model: the attribute stays what it is, and the layer is found."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import pytest
import torch

from lamina import Input, Model, layers, models, saving

NAMES = (
    "training built loss weights forward call layers name dtype run graph inputs fit train trainable 0 _modules path"
)


@pytest.mark.parametrize("name", NAMES.split())
def test_a_layer_of_this_name(name: str, tmp_path: Path) -> None:
    x = Input((4,))
    h = layers.Dropout(0.5)(layers.Dense(3, name=name)(x))
    model, rows = Model(x, layers.Dense(2)(h)), torch.ones(2, 4)
    assert model.train().training is True
    assert (model(torch.ones(50, 4)) != model(torch.ones(50, 4))).any()
    assert model.eval().training is False
    model.load_state_dict({key: value + 1 for key, value in model.state_dict().items()})
    expected = model(rows)
    assert f"{name}.kernel" in model.state_dict()
    model.save(tmp_path / "model.lamina")
    torch.save(model, stream := io.BytesIO())
    stream.seek(0)
    loaded = torch.load(stream, weights_only=False)
    for other in (saving.load_model(tmp_path / "model.lamina"), copy.deepcopy(model), loaded):
        torch.testing.assert_close(other(rows), expected)
    model.compile("sgd", "mse")
    model.fit(rows, torch.zeros(2, 2), verbose=0)
    assert model.get_layer(name).built
    assert models.clone_model(model).double()(rows).dtype == torch.float64
