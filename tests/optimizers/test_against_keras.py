"""Optimizers and schedules beside Keras 3.15 on torch: the same gradients, 50 steps, the same weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

from lamina import optimizers
from lamina.optimizers import schedules

SHAPES = [(5, 4), (4,), (3, 2, 4)]
STEPS = 50


@pytest.fixture(params=["float64", "float32"])
def precision(request):
    """Keras in this precision: float64 shows that the formulas are the same, float32 what users see."""
    before = keras.config.floatx()
    keras.config.set_floatx(request.param)
    yield request.param
    keras.config.set_floatx(before)


def start(precision):
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype(precision) for shape in SHAPES]


def gradient(weight, step, i):
    """A gradient that depends on the weight and on the step, large enough that clipping clips."""
    generator = np.random.default_rng([step, i])
    noise = torch.from_numpy(generator.normal(size=SHAPES[i])).to(weight.dtype)
    return (weight**3 + weight + noise) * (0.5 + i)


def run_keras(optimizer, precision):
    variables = [keras.Variable(value, dtype=precision, name=f"weight_{i}") for i, value in enumerate(start(precision))]
    for step in range(STEPS):
        optimizer.apply([gradient(v.value.detach(), step, i) for i, v in enumerate(variables)], variables)
    return [v.value.detach() for v in variables]


def run_ours(optimizer, precision):
    parameters = [torch.nn.Parameter(torch.from_numpy(value)) for value in start(precision)]
    for step in range(STEPS):
        optimizer.apply([gradient(p.detach(), step, i) for i, p in enumerate(parameters)], parameters)
    return [p.detach() for p in parameters]


# Keras computes norms and scalars such as the loss scale in float32 here and there, for float64 variables too.
TOLERANCE = {"float64": {"rtol": 1e-7, "atol": 1e-8}, "float32": {"rtol": 1e-5, "atol": 1e-5}}
SCALARS_IN_FLOAT32 = {"float64": {"rtol": 1e-5, "atol": 1e-6}, "float32": {"rtol": 1e-5, "atol": 1e-5}}
FORMULA_ONLY = {"float64": {"rtol": 1e-10, "atol": 1e-12}, "float32": {"rtol": 1e-5, "atol": 1e-5}}


def assert_same(name, arguments, precision, tolerance=TOLERANCE):
    expected = run_keras(getattr(keras.optimizers, name)(**arguments), precision)
    actual = run_ours(getattr(optimizers, name)(**arguments), precision)
    moved = [not torch.equal(a, torch.from_numpy(s)) for a, s in zip(actual, start(precision), strict=True)]
    assert all(moved)
    torch.testing.assert_close(actual, expected, **tolerance[precision])


OWN_ARGUMENTS = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-2}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.05}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.7, "epsilon": 1e-2}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.6}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.3}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.5, "epsilon": 1e-2}),
    ("Adamax", {}),
    ("Adamax", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Nadam", {}),
    ("Nadam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-2}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
]


@pytest.mark.parametrize("name, arguments", OWN_ARGUMENTS, ids=lambda x: str(x))
def test_own_arguments(name, arguments, precision):
    assert_same(name, arguments, precision, FORMULA_ONLY)


SHARED_ARGUMENTS = [
    {"weight_decay": 0.2},
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 7},
    {"loss_scale_factor": 8.0},
    {"gradient_accumulation_steps": 4},
    {"gradient_accumulation_steps": 3, "clipnorm": 1.0, "weight_decay": 0.1},
    {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
]


@pytest.mark.parametrize("arguments", SHARED_ARGUMENTS, ids=str)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_shared_arguments(name, arguments, precision):
    assert_same(name, {"learning_rate": 0.02, **arguments}, precision)


@pytest.mark.parametrize("name", ["RMSprop", "Adagrad", "Adamax", "Nadam", "Adadelta"])
def test_several_shared_arguments_at_once(name, precision):
    shared = {"weight_decay": 0.1, "global_clipnorm": 2.0, "loss_scale_factor": 4.0, "gradient_accumulation_steps": 2}
    assert_same(name, {"learning_rate": 0.02, **shared}, precision)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_under_a_schedule(name, precision):
    momentum = {"momentum": 0.9} if name == "SGD" else {}
    config = {"initial_learning_rate": 0.05, "decay_steps": 20, "decay_rate": 0.3}
    results = []
    for library, run in ((keras.optimizers, run_keras), (optimizers, run_ours)):
        rate = library.schedules.ExponentialDecay(**config)
        results.append(run(getattr(library, name)(learning_rate=rate, **momentum), precision))
    torch.testing.assert_close(results[1], results[0], **SCALARS_IN_FLOAT32[precision])


def test_moving_average_at_the_end(precision):
    arguments = {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.9}
    theirs, ours = keras.optimizers.Adam(**arguments), optimizers.Adam(**arguments)
    run_keras(theirs, precision)
    run_ours(ours, precision)
    ours.finalize_variable_values()
    averages = [v.value.detach() for v in theirs._model_variables_moving_average]
    torch.testing.assert_close([p.detach() for p in ours._parameters], averages, **TOLERANCE[precision])


def named(name, value):
    """A parameter with a name, as the layers make them."""
    parameter = torch.nn.Parameter(value)
    parameter.__class__ = type("Named", (torch.nn.Parameter,), {"name": name})
    return parameter


def test_excluded_from_weight_decay(precision):
    theirs, ours = (library.AdamW(0.05, weight_decay=0.5) for library in (keras.optimizers, optimizers))
    theirs.exclude_from_weight_decay(var_names=["weight_1", "weight_2"])
    parameters = [named(f"weight_{i}", torch.from_numpy(value)) for i, value in enumerate(start(precision))]
    ours.exclude_from_weight_decay(var_list=[parameters[2]], var_names=["eight_1"])
    for step in range(STEPS):
        ours.apply([gradient(p.detach(), step, i) for i, p in enumerate(parameters)], parameters)
    expected = run_keras(theirs, precision)
    torch.testing.assert_close([p.detach() for p in parameters], expected, **TOLERANCE[precision])


SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.8, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "end_learning_rate": 0.02, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "power": 0.5, "cycle": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 20, 60], "values": [0.1, 0.05, 0.2, 0.01]}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 40}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 40, "alpha": 0.2}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 40, "alpha": 0.1, "warmup_target": 0.2, "warmup_steps": 9},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8, "t_mul": 1.0, "m_mul": 0.7}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8, "t_mul": 4.0, "alpha": 0.1}),
]


@pytest.mark.parametrize("name, config", SCHEDULES, ids=str)
def test_schedules(name, config):
    ours, theirs = getattr(schedules, name)(**config), getattr(keras.optimizers.schedules, name)(**config)
    steps = range(120)
    np.testing.assert_allclose([ours(s) for s in steps], [float(theirs(s)) for s in steps], rtol=1e-5, atol=1e-8)
    assert {**theirs.get_config(), **config} == ours.get_config()
