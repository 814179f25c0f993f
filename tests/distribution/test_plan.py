"""`lamina plan`: bytes that can be told by hand, the command, and which layers belong together."""

import json

import pytest

import lamina
from lamina import Input, LaminaError, Model, layers
from lamina.cli import main
from lamina.distribution.plan import plan
from lamina.distribution.units import units_of


def mlp(width=64, count=1):
    x = h = Input((width,))
    for k in range(count):
        h = layers.Dense(width, name=f"dense_{k}")(h)
    model = Model(x, h, name="mlp")
    model.compile(lamina.optimizers.SGD(0.1, momentum=0.9), "mse")
    return model


def test_bytes_are_those_of_the_ring():
    found = plan(mlp(), batch=64, devices=[4])
    whole = 4 * (64 * 64 + 64)
    rows = {row.layout: row for row in found.rows}
    copies, sharded, tensor = (rows[n] for n in ("data parallel", "sharded weights", "tensor parallel"))
    assert (copies.weights, copies.gradients, copies.state) == (whole, whole, whole)
    assert copies.sent == 2 * whole * 3 // 4
    # Gathered for each pass, scattered once.
    assert (sharded.weights, sharded.state, sharded.sent) == (whole // 4, whole // 4, 3 * whole * 3 // 4)
    assert sharded.gathered == 2 * whole
    assert (tensor.weights, tensor.parts, tensor.rows) == (whole // 4, 4, 64)
    assert found.operations == 64 * 2 * 2 * 64 * 64  # forward, and the kernel's gradient: no input has one
    assert all(row.fits and row.memory >= row.weights + row.gradients + row.state for row in found.rows)
    steps = [row.step for row in found.rows]
    assert steps == sorted(steps)


def test_what_does_not_fit_comes_last_and_what_cannot_be_is_told(tmp_path, capsys):
    model = mlp()
    model.save(tmp_path / "m.lamina")
    assert main(["plan", str(tmp_path / "m.lamina"), "--batch", "3", "--devices", "2,4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["devices"] for row in told["rows"]} == {2, 4}
    assert sum("none for some of 4 copies" in reason for reason in told["left_out"]) == 2
    assert main(["plan", str(tmp_path / "m.lamina"), "--batch", "64", "--devices", "1", "--device", "h100"]) == 0
    text = capsys.readouterr().out
    assert "H100 SXM" in text
    assert "data parallel" in text
    assert main(["plan", str(tmp_path / "m.lamina"), "--batch", "64", "--device", "h20"]) == 1
    assert "h200" in capsys.readouterr().err


def test_a_plan_leaves_the_model_alone_and_refuses_wrong_numbers():
    model = mlp()
    before = model.get_weights()
    plan(model, batch=8, devices=[2])
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    assert not model.optimizer.built
    with pytest.raises(LaminaError, match="from 1 on"):
        plan(model, batch=0)
    with pytest.raises(LaminaError, match="from 1 on"):
        plan(model, batch=8, devices=[])


def names(model):
    return [[layer.name for layer in unit] for unit in units_of(model)]


def residual(h, k, units=8):
    f = layers.Dense(units, name=f"up_{k}")(layers.LayerNormalization(name=f"norm_{k}")(h))
    return h + layers.Dense(8, name=f"down_{k}")(f)


def test_blocks_are_found_by_how_they_are_joined():
    x = Input((8,))
    h = layers.Dense(8, name="in")(x)
    for k in range(3):
        h = residual(h, k)
    h = residual(h, 3, units=32)
    small = layers.Dense(1, name="out")(h)
    found = names(Model(x, small))
    assert found[:3] == [[f"norm_{k}", f"up_{k}", f"down_{k}"] for k in range(3)]
    assert ["up_3"] in found  # in no block, and large
    assert not any("out" in unit for unit in found)


def test_a_nested_model_is_a_unit_and_its_blocks_come_before_it():
    x = h = Input((8,))
    for k in range(2):
        h = residual(h, k)
    inner = Model(x, h, name="inner")
    y = Input((8,))
    assert names(Model(y, layers.Dense(1)(inner(y)))) == [
        ["norm_0", "up_0", "down_0"],
        ["norm_1", "up_1", "down_1"],
        ["inner"],
    ]
    # One that is called twice is whole whenever either call runs.
    assert ["inner"] not in names(Model(y, inner(inner(y))))


def test_a_layer_that_is_called_twice_is_in_no_unit():
    x = Input((8,))
    shared = layers.Dense(8, name="shared")
    other = [layers.Dense(8, name=f"own_{k}") for k in range(2)]
    h = x
    for layer in other:
        h = layer(shared(h))
    assert not any("shared" in unit for unit in names(Model(x, h)))


def test_blocks_of_layers_in_a_list_are_units_too():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(4)

        def call(self, x):
            return self.inner(x)

    class Net(Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block() for _ in range(3)]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    net = Net()
    net.build((None, 4))
    assert [len(unit) for unit in units_of(net)] == [1, 1, 1]
