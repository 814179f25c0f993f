"""ConvLSTM beyond the table: its formula, unknown sizes, dropout by its moments, states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lamina import Model, layers
from lamina.graph import ShapeError

SHAPES = {"ConvLSTM1D": (7,), "ConvLSTM2D": (6, 7), "ConvLSTM3D": (4, 5, 3)}
LAYERS = pytest.mark.parametrize("name", SHAPES)


def images(name: str, batch: int = 2, steps: int = 3, more: int = 0, channels: int = 2) -> torch.Tensor:
    return torch.randn(batch, steps, *(size + more for size in SHAPES[name]), channels)


def test_is_the_formula() -> None:
    """Step by step in float64, with PyTorch's convolutions."""
    layer = layers.ConvLSTM2D(3, (2, 3), strides=(2, 1), padding="same", return_sequences=True, dtype="float64")
    x = images("ConvLSTM2D").double()
    outputs = layer(x)
    kernel, recurrent = (w.permute(3, 2, 0, 1) for w in (layer.cell.kernel, layer.cell.recurrent_kernel))
    h = c = torch.zeros(2, 3, 3, 7, dtype=torch.float64)
    for t in range(x.shape[1]):
        # 6 rows give 3 windows of 2, without padding; 7 columns 7 windows of 3.
        a = F.conv2d(F.pad(x[:, t].permute(0, 3, 1, 2), (1, 1)), kernel, layer.cell.bias, (2, 1))
        i, f, g, o = (a + F.conv2d(F.pad(h, (1, 1, 0, 1)), recurrent)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        torch.testing.assert_close(outputs[:, t], h.permute(0, 2, 3, 1))


@LAYERS
@pytest.mark.parametrize("options", [{}, {"return_sequences": True, "return_state": True, "padding": "same"}])
def test_unknown_batch_steps_and_space(name: str, options: dict[str, Any]) -> None:
    """One model for all sizes."""
    rank = len(SHAPES[name])
    x = layers.Input((None, *(None,) * rank, 2))
    layer = getattr(layers, name)(3, 2, **options)
    model = Model(x, layer(x))
    drawn = model.outputs[0].shape
    assert drawn == (None,) * (len(drawn) - 1) + (3,)
    for batch, steps, more in [(2, 3, 0), (1, 5, 2)]:
        data = images(name, batch, steps, more)
        outputs = model(data)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        shapes = layer.compute_output_shape(tuple(data.shape))
        assert [tuple(output.shape) for output in outputs] == (list(shapes) if options else [shapes])
        torch.testing.assert_close(outputs[0], layer(data)[0] if options else layer(data))


@pytest.mark.quick_cases(1)
@LAYERS
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_compiles_as_one_graph_and_takes_bfloat16(name: str, data_format: str) -> None:
    torch._dynamo.reset()
    layer = getattr(layers, name)(3, 2, padding="same", data_format=data_format, return_sequences=True)
    x = images(name) if data_format == "channels_last" else images(name).movedim(-1, 2)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    found = []
    layer(x)
    for run in (layer, torch.compile(layer, fullgraph=True, backend="eager")):
        outputs = run(x, mask=mask)
        found.append([outputs, *torch.autograd.grad((outputs**2).sum(), list(layer.parameters()))])
    torch.testing.assert_close(found[1], found[0])
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(x, mask=mask).float(), found[0][0], rtol=0.02, atol=0.02)
    mixed = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    mixed(x)
    mixed.set_weights(layer.get_weights())
    outputs = mixed(x, mask=mask)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.float(), found[0][0], rtol=0.02, atol=0.02)


@LAYERS
def test_goes_on_where_it_ended(name: str) -> None:
    x = images(name, steps=6)
    whole = getattr(layers, name)(3, 2, return_sequences=True)
    halves = getattr(layers, name)(3, 2, return_sequences=True, stateful=True)
    expected, _ = whole(x), halves(x[:, :3])
    halves.set_weights(whole.get_weights())
    halves.reset_state()
    torch.testing.assert_close(torch.cat([halves(x[:, :3]), halves(x[:, 3:])], 1), expected)


def test_states_from_one_layer_into_another() -> None:
    x, y = images("ConvLSTM2D"), images("ConvLSTM2D", channels=5)
    encoder = layers.ConvLSTM2D(3, 3, padding="same", return_state=True)
    decoder = layers.ConvLSTM2D(3, 3, padding="same")
    _, *states = encoder(x)
    outputs = decoder(y, initial_state=states)
    assert not torch.allclose(outputs, decoder(y))
    a, b = layers.Input(x.shape[1:]), layers.Input(y.shape[1:])
    model = Model([a, b], decoder(b, initial_state=list(encoder(a)[1:])))
    torch.testing.assert_close(model([x, y]), outputs)


def test_a_masked_step_changes_nothing() -> None:
    x = images("ConvLSTM1D", steps=4)
    layer = layers.ConvLSTM1D(3, 2, return_state=True)
    layer(x)
    mask = torch.tensor([[True, False, True, False]] * 2)
    torch.testing.assert_close(layer(x, mask=mask), layer(x[:, ::2]))
    nothing = layer(x, mask=torch.zeros(2, 4, dtype=torch.bool))
    assert not any(result.any() for result in nothing)


@pytest.mark.parametrize("seed", [None, 3])
def test_dropout_is_drawn_for_each_gate_and_not_for_each_step(seed: int | None) -> None:
    """With one tap of weight 1 and no state, what goes into the gates is the dropped input itself."""
    layer = layers.ConvLSTM1D(1, 1, dropout=0.25, kernel_initializer="ones", use_bias=False, seed=seed)
    x = torch.ones(50, 3, 40, 1)
    layer(x)
    drops, recurrent = layer.cell.draw_dropout((50, 40, 1), torch.zeros(50, 40, 1), True)
    assert recurrent is None
    assert drops.shape == (4, 50, 40, 1)
    projected = layer.cell.project(x, drops)
    torch.testing.assert_close(projected, projected[:, :1].expand(-1, 3, -1, -1))
    torch.testing.assert_close(projected[:, 0], drops.squeeze(-1).permute(1, 2, 0))
    assert drops.unique().tolist() == pytest.approx([0, 4 / 3])
    assert abs(float((drops > 0).float().mean()) - 0.75) < 0.03
    assert all(not torch.equal(drops[0], other) for other in drops[1:])
    torch.testing.assert_close(layer(x, training=False), layer(x))
    assert not torch.allclose(layer(x, training=True), layer(x))


def test_dropout_of_states() -> None:
    """With all of the state dropped only the memory goes from step to step."""
    layer = layers.ConvLSTM1D(4, 3, padding="same", recurrent_dropout=1.0, return_sequences=True)
    x = images("ConvLSTM1D")
    layer(x)
    h = c = torch.zeros(2, 7, 4)
    outputs = layer(x, training=True)
    for t in range(x.shape[1]):
        output, (_, c) = layer.cell(x[:, t], [h, c])
        torch.testing.assert_close(outputs[:, t], output)


def test_first_states_need_a_size() -> None:
    layer = layers.ConvLSTM2D(3, 3)
    layer(layers.Input((None, None, 8, 2)))
    with pytest.raises(ShapeError, match="known spatial axes"):
        layer.get_initial_state(2)
    layer = layers.ConvLSTM2D(3, 3)
    layer(layers.Input((None, 8, 8, 2)))
    assert [state.shape for state in layer.get_initial_state(2)] == [(2, 6, 6, 3)] * 2


def test_starts_with_open_forget_gates() -> None:
    layer = layers.ConvLSTM1D(2, 3)
    layer(layers.Input((None, 8, 2)))
    assert layer.cell.bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    recurrent = layer.cell.recurrent_kernel.detach().reshape(6, 8)
    torch.testing.assert_close(recurrent @ recurrent.T, torch.eye(6), atol=1e-5, rtol=0)
