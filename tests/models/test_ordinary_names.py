"""Attributes of the user's by ordinary names: they are theirs, or an error says that the name is taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina import Input, Model, layers

FREE = "inner joined folded parts running first_call remember own_weights weight size fold source".split()
TAKEN = "run launch label is_input output_example called_in takes_training".split()


def with_name(base: Any, name: str, value: Any) -> Any:
    class Own(base):
        def __init__(self) -> None:
            super().__init__()
            setattr(self, name, value)

        def call(self, x: torch.Tensor) -> Any:
            return getattr(self, name)(x)

    return Own()


@pytest.mark.parametrize("name", FREE)
def test_a_layer_under_an_ordinary_name_is_called_trained_and_shown(name: str) -> None:
    x = torch.rand(4, 3)
    model = with_name(Model, name, layers.Dense(2))
    model.compile("sgd", "mse")
    before = model(x).detach().clone()
    model.fit(x, torch.rand(4, 2), verbose=0)
    assert len(model.trainable_variables) == 2
    assert not torch.equal(model(x), before)
    assert repr(model)
    layer = with_name(layers.Layer, name, layers.Dense(2))
    drawn = Input((3,))
    assert Model(drawn, layer(drawn))(x).shape == (4, 2)


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("base", (layers.Layer, Model))
def test_a_name_that_the_library_asks_for_is_refused(base: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=f"has '{name}' already"):
        with_name(base, name, layers.Dense(2))


def test_plain_settings_by_such_names_stay_the_users() -> None:
    assert with_name(layers.Layer, "optional", True).optional is True
