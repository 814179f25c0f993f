"""`predict` of a few rows takes a shorter way than a call of the model; all that may hang on a call is seen anyway."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers as L

ROWS = np.ones((2, 4), "float32")


class _OwnForward(lamina.Model):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return super().forward(*args, **kwargs) + 1


class _OwnCall(lamina.Model):
    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs, training) + 1


class _OwnDunder(lamina.Model):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs) + 1


def _model(kind: type[lamina.Model] = lamina.Model) -> lamina.Model:
    x = L.Input((4,))
    return kind(x, L.Dense(3, activation="relu")(x))


def _after(model: lamina.Model) -> None:
    model.register_forward_hook(lambda module, args, output: output + 1)


def _before(model: lamina.Model) -> None:
    model.register_forward_pre_hook(lambda module, args: (args[0] + 1,))


def _on_layer(model: lamina.Model) -> None:
    model.layers[1].register_forward_hook(lambda module, args, output: output + 1)


def _forward(model: lamina.Model) -> None:
    plain = model.forward
    model.forward = lambda *args, **kwargs: plain(*args, **kwargs) + 1


def _call(model: lamina.Model) -> None:
    plain = model.call
    model.call = lambda *args, **kwargs: plain(*args, **kwargs) + 1


def _compiled(model: lamina.Model) -> None:
    model._compiled_call_impl = lambda *args, **kwargs: model._call_impl(*args, **kwargs) + 1


def _exchanged(model: lamina.Model) -> None:
    setattr(model, model.layers[1].name, L.Dense(3))


@pytest.mark.parametrize("change", [_after, _before, _on_layer, _forward, _call, _compiled, _exchanged])
def test_what_hangs_on_a_call_is_seen(change: Any) -> None:
    model = _model()
    plain = model.predict(ROWS, verbose=0)
    change(model)
    with torch.inference_mode():
        expected = model(torch.from_numpy(ROWS), training=False).numpy()
    assert not np.array_equal(expected, plain)
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), expected)


@pytest.mark.parametrize("kind", [_OwnForward, _OwnCall, _OwnDunder])
def test_what_a_class_does_in_its_call_is_seen(kind: type[lamina.Model]) -> None:
    model = _model(kind)
    plain = lamina.Model(model.input, model.output)
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), plain.predict(ROWS, verbose=0) + 1)


def test_hooks_of_all_modules_see_the_model() -> None:
    model = _model()
    seen: list[Any] = []
    handle = torch.nn.modules.module.register_module_forward_hook(lambda module, args, output: seen.append(module))
    try:
        model.predict(ROWS, verbose=0)
    finally:
        handle.remove()
    assert model in seen


def test_losses_of_the_last_call_are_forgotten() -> None:
    x = L.Input((4,))
    model = lamina.Model(x, L.Dense(3, activity_regularizer="l2")(x))
    for _ in range(3):
        model.predict(ROWS, verbose=0)
    assert len(model.losses) == 1


@pytest.mark.parametrize("rows", [ROWS, ROWS[:, ::-1], np.asfortranarray(ROWS), np.ones((2, 4), ">f4")])
def test_rows_go_where_the_weights_lie(rows: Any) -> None:
    model = _model()
    taken: list[str] = []
    model.layers[1].register_forward_hook(lambda module, args, output: taken.append(args[0].device.type))
    model.to("meta")
    with pytest.raises(NotImplementedError, match="meta"):  # no values come back from there; a GPU's do
        model.predict(rows, verbose=0)
    assert taken == ["meta"]
