"""LossScaleOptimizer beside Keras', where the sign to skip is read, and as on a device, where it is not."""

from __future__ import annotations

import copy
import json
import pickle

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import optimizers
from lamina.graph.errors import ArgumentError, ShapeError, StructureError
from lamina.layers.variable import Variable
from lamina.optimizers import LossScaleOptimizer, MultiOptimizer, OptimizerMap
from tests.ids import without_address
from tests.metrics.waiting import NoWaiting

SHAPES = [(5, 4), (4,), (3, 2, 3, 2)]
INNER = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("Adam", {"learning_rate": 0.05}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.2}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Lamb", {"learning_rate": 0.05, "clipnorm": 1.0}),
    ("Muon", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.05, "global_clipnorm": 0.5, "gradient_accumulation_steps": 2}),
    ("RMSprop", {"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 5}),
]
# Steps with a gradient that is not finite, and what is in it.
BAD = {0: float("inf"), 1: float("nan"), 7: float("-inf"), 20: float("nan"), 21: float("inf")}
STEPS = 30


class OnDevice(LossScaleOptimizer):
    """As on a GPU, where reading would wait."""

    def _may_read(self, finite):
        return False


def start():
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype("float32") for shape in SHAPES]


def weights():
    return [Variable(torch.from_numpy(v), name="kernel", path=f"layer_{i}/kernel") for i, v in enumerate(start())]


def gradient(weight, step, i, scale):
    noise = torch.from_numpy(np.random.default_rng([step, i]).normal(size=SHAPES[i])).float()
    grad = (weight**3 + weight + noise) * scale
    if step in BAD and i == step % len(SHAPES):
        grad.view(-1)[1] = BAD[step]
    return grad


def run(optimizer, parameters, steps=range(STEPS)):
    """Weights at the end, and scales on the way."""
    scales = []
    for step in steps:
        scale = optimizer.scale_loss(torch.tensor(1.0))
        grads = [gradient(p.detach(), step, i, scale) for i, p in enumerate(parameters)]
        optimizer.apply(grads, parameters)
        scales.append(float(optimizer.dynamic_scale))
    return [p.detach().clone() for p in parameters], scales


def run_keras(optimizer):
    variables = [keras.Variable(value, name=f"kernel_{i}") for i, value in enumerate(start())]
    scales = []
    for step in range(STEPS):
        scale = optimizer.scale_loss(torch.tensor(1.0)).detach()
        grads = [gradient(v.value.detach(), step, i, scale) for i, v in enumerate(variables)]
        optimizer.apply(grads, variables)
        scales.append(float(optimizer.dynamic_scale.value))
    return [v.value.detach() for v in variables], scales, optimizer


def make(name, arguments, cls=LossScaleOptimizer, **own):
    return cls(getattr(optimizers, name)(**arguments), **{"initial_scale": 64.0, "dynamic_growth_steps": 4, **own})


@pytest.mark.parametrize("name, arguments", INNER, ids=str)
def test_against_keras(name, arguments):
    inner = getattr(keras.optimizers, name)(**arguments)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=64.0, dynamic_growth_steps=4)
    expected, scales, theirs = run_keras(scaled)
    ours = make(name, arguments)
    actual, our_scales = run(ours, weights())
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
    assert our_scales == scales
    assert set(scales) == {16.0, 32.0, 64.0, 128.0}
    assert int(ours.step_counter) == int(theirs.step_counter.value)
    assert ours.iterations == int(theirs.iterations)


@pytest.mark.parametrize("name, arguments", INNER, ids=str)
def test_on_a_device_a_skipped_step_leaves_no_trace_and_nothing_waits(name, arguments):
    optimizer, parameters, held = make(name, arguments, OnDevice), weights(), {}
    with NoWaiting():
        for step in range(10):
            scale = optimizer.scale_loss(torch.tensor(1.0))
            grads = [gradient(p.detach(), step, i, scale) for i, p in enumerate(parameters)]
            optimizer.apply(grads, parameters)
            held[step] = [t.detach().clone() for t in optimizer._held()]
    for before, after in ((0, 1), (6, 7)):
        torch.testing.assert_close(held[after], held[before], rtol=0, atol=0)
    torch.testing.assert_close(
        [t for t in held[1] if t.any()][:3], [torch.from_numpy(v) for v in start()], rtol=0, atol=0
    )
    for before, after in ((1, 2), (5, 6), (7, 8)):
        assert any(not torch.equal(a, b) for a, b in zip(held[after], held[before], strict=True))
    assert optimizer.iterations == 10 // (arguments.get("gradient_accumulation_steps") or 1)
    assert int(optimizer.step_counter) == 2


@pytest.mark.parametrize("name, arguments", INNER, ids=str)
def test_on_a_device_the_steps_between_are_the_same(name, arguments, monkeypatch):
    monkeypatch.setattr("tests.optimizers.test_loss_scale.BAD", {})
    expected = run(make(name, arguments), weights())
    actual = run(make(name, arguments, OnDevice), weights())
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    "name, arguments, itself",
    [
        (*INNER[0], False),
        (*INNER[1], True),
        (*INNER[2], True),
        (*INNER[3], True),
        (*INNER[4], True),
        (*INNER[7], False),
    ],
    ids=str,
)
def test_fused_kernels_skip_by_themselves(name, arguments, itself):
    optimizer, parameters = make(name, arguments, OnDevice), weights()
    run(optimizer, parameters, [2, 3])
    assert optimizer.inner_optimizer._skips_itself() is itself


def several():
    return MultiOptimizer(OptimizerMap(optimizers.Adam(0.05), {"layer_1/.*": optimizers.SGD(0.05, momentum=0.9)}))


@pytest.mark.parametrize("cls", [LossScaleOptimizer, OnDevice])
def test_around_several_optimizers(cls):
    optimizer, parameters = cls(several(), initial_scale=64.0), weights()
    run(optimizer, parameters, [2, 3])
    before = [t.detach().clone() for t in optimizer._held()]
    assert len(before) == 3 + 2 * 2 + 1
    run(optimizer, parameters, [7])
    torch.testing.assert_close([t.detach() for t in optimizer._held()], before, rtol=0, atol=0)
    assert float(optimizer.dynamic_scale) == 32.0
    alone, others = several(), weights()
    for step in (2, 3):
        alone.apply([gradient(p.detach(), step, i, 1.0) for i, p in enumerate(others)], others)
    torch.testing.assert_close([p.detach() for p in parameters], [p.detach() for p in others], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cls", [LossScaleOptimizer, OnDevice])
def test_the_scale_stays_finite_and_above_zero(cls):
    """Keras' reaches inf, or 0, and stays there."""
    rising, weight = cls(optimizers.SGD(0.1), 2.0**120, dynamic_growth_steps=1), torch.nn.Parameter(torch.ones(1))
    for _ in range(10):
        rising.apply([torch.zeros(1)], [weight])
    assert float(rising.dynamic_scale) == 2.0**126
    falling = cls(optimizers.SGD(0.1), 2.0**-120)
    for _ in range(10):
        falling.apply([torch.full((1,), torch.nan)], [weight])
    assert float(falling.dynamic_scale) == 2.0**-125
    falling.apply([torch.full((1,), 2.0**-125)], [weight])
    torch.testing.assert_close(weight.detach(), torch.tensor([0.9]))


@pytest.mark.parametrize("cls", [LossScaleOptimizer, OnDevice])
def test_frozen_weights_and_sparse_and_empty_gradients(cls):
    optimizer, parameters = (
        cls(optimizers.Adam(0.1), initial_scale=8.0),
        [*weights(), torch.nn.Parameter(torch.ones(0, 3))],
    )
    before = parameters[1].detach().clone()
    optimizer.build(parameters)
    optimizer.apply([torch.ones(5, 4).to_sparse(), None, torch.ones(SHAPES[2]), torch.ones(0, 3)])
    assert torch.equal(parameters[1].detach(), before)
    torch.testing.assert_close(parameters[0].detach(), torch.from_numpy(start()[0]) - 0.1)
    optimizer.apply([torch.ones(4)], [parameters[1]])
    assert not torch.equal(parameters[1].detach(), before)
    with pytest.raises(ArgumentError, match="no gradient at all"):
        optimizer.apply([None] * 4)


def test_a_float16_loss_is_scaled_in_float32():
    scaled = LossScaleOptimizer(optimizers.SGD())
    for _ in range(2):
        loss = scaled.scale_loss(torch.tensor(8.0, dtype=torch.float16))
        assert float(loss) == 8.0 * 2**15
        scaled.build([torch.nn.Parameter(torch.ones(1))])


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("name, arguments", INNER, ids=str)
def test_interrupted_run_is_bit_equal(name, arguments, built):
    uninterrupted, scales = run(make(name, arguments), weights())
    first, parameters = make(name, arguments), weights()
    run(first, parameters, range(9))
    saved = {key: tensor.clone() for key, tensor in first.state_dict().items()}
    second = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(first))))
    if built:
        second.build(parameters)
    second.load_state_dict(saved)
    resumed, later = run(second, parameters, range(9, STEPS))
    torch.testing.assert_close(resumed, uninterrupted, rtol=0, atol=0)
    assert later == scales[9:]


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))], ids=["copy", "pickle"]
)
def test_a_copy_goes_on_by_itself(copied):
    optimizer, parameters = make(*INNER[2]), weights()
    run(optimizer, parameters, range(9))
    second, others = copied((optimizer, parameters))
    expected = run(second, others, range(9, 15))
    torch.testing.assert_close(run(optimizer, parameters, range(9, 15)), expected, rtol=0, atol=0)


def test_it_answers_for_the_inner_optimizer():
    inner = optimizers.AdamW(0.5, loss_scale_factor=3.0, use_ema=True)
    scaled = LossScaleOptimizer(inner)
    assert inner.loss_scale_factor is None
    assert scaled.learning_rate == 0.5
    scaled.learning_rate = 0.25
    scaled.learning_rate.assign(0.125)
    assert inner.learning_rate == 0.125
    weight = Variable(torch.ones(2), name="bias")
    scaled.exclude_from_weight_decay(var_names=["bias"])
    assert inner._is_decayed(weight) is scaled._is_decayed(weight) is False
    scaled.apply([torch.ones(2)], [weight])
    average = inner.state_dict()["0/average"].clone()
    with torch.no_grad():
        weight.fill_(7.0)
    scaled.finalize_variable_values([weight])
    assert torch.equal(weight.detach(), average)
    assert len(scaled.variables) == len(inner.variables) + 2


def test_fit_scales_the_loss_that_the_optimizer_scales_back():
    data, target = torch.linspace(-1, 1, 24).reshape(8, 3), torch.ones(8, 1)
    kernels = []
    for optimizer in (optimizers.SGD(0.1), LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=64.0)):
        model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(1, kernel_initializer="ones")])
        model.compile(optimizer, "mse")
        model.fit(data, target, epochs=2, batch_size=4, shuffle=False, verbose=0)
        kernels.append(model.layers[-1].kernel.detach())
    torch.testing.assert_close(kernels[1], kernels[0])
    assert not torch.allclose(kernels[0], torch.ones(3, 1), atol=0.05)


def test_config_as_keras_writes_it():
    data = keras.optimizers.serialize(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.5), initial_scale=4.0)
    )
    data["config"] |= {"weight_decay": None, "use_ema": False, "dynamic": True}
    scaled = optimizers.get(data)
    assert (type(scaled.inner_optimizer), scaled.initial_scale) == (optimizers.Adam, 4.0)
    assert LossScaleOptimizer.from_config(data["config"]).learning_rate == 0.5


WRONG = [
    ({"inner_optimizer": "adam"}, r"scales for another optimizer(.|\n)*'adam'"),
    ({"inner_optimizer": LossScaleOptimizer(optimizers.SGD())}, r"scales for another optimizer"),
    ({"dynamic": False}, r"changes its scale(.|\n)*loss_scale_factor"),
    ({"clipnorm": 1.0}, r"takes no clipnorm(.|\n)*of the inner optimizer"),
    ({"size": 1.0}, r"does not know these arguments(.|\n)*size"),
]


@pytest.mark.parametrize("arguments, message", WRONG, ids=without_address)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        LossScaleOptimizer(**{"inner_optimizer": optimizers.SGD(), **arguments})


def test_state_of_another_optimizer_is_refused():
    inner, parameters = optimizers.Adam(0.1), weights()
    inner.build(parameters)
    with pytest.raises(StructureError, match=r"does not belong(.|\n)*inner/"):
        LossScaleOptimizer(optimizers.Adam(0.1)).load_state_dict(inner.state_dict())
    scaled = LossScaleOptimizer(inner)
    scaled.build(parameters)
    with pytest.raises(ShapeError, match=r"dynamic_scale of optimizer 'lossscaleoptimizer' is one number(.|\n)*\(2,\)"):
        scaled.load_state_dict({**scaled.state_dict(), "dynamic_scale": torch.ones(2)})
