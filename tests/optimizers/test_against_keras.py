"""Optimizers and schedules beside Keras 3.15 on torch: the same gradients, 50 steps, the same weights."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import torch

from lamina import optimizers
from lamina.layers.variable import Variable
from lamina.optimizers import schedules

# One weight of each kind that optimizers tell apart: by the number of axes, by which side of a matrix is longer (Muon,
# Adafactor), and by name (Muon trains embeddings, and layers that it is told, by Adam).
WEIGHTS = {
    "dense/kernel": (5, 4),
    "dense/bias": (4,),
    "conv/kernel": (3, 3, 2, 4),
    "embedding/embeddings": (7, 3),
    "output/kernel": (3, 6),
}
SHAPES = list(WEIGHTS.values())
STEPS = 50


@pytest.fixture(params=["float64"])
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
    return (weight**3 + weight + noise) * (0.5 + i % 3)


def run_keras(optimizer, precision):
    variables = []
    for path, value in zip(WEIGHTS, start(precision), strict=True):
        layer, name = path.split("/")
        with keras.name_scope(layer):
            variables.append(keras.Variable(value, dtype=precision, name=name))
    assert [v.path for v in variables] == list(WEIGHTS)
    for step in range(STEPS):
        optimizer.apply([gradient(v.value.detach(), step, i) for i, v in enumerate(variables)], variables)
    return [v.value.detach() for v in variables]


def our_weights(precision):
    values = zip(WEIGHTS, start(precision), strict=True)
    return [Variable(torch.from_numpy(value), name=path.split("/")[1], path=path) for path, value in values]


def run_ours(optimizer, precision):
    parameters = our_weights(precision)
    for step in range(STEPS):
        optimizer.apply([gradient(p.detach(), step, i) for i, p in enumerate(parameters)], parameters)
    return [p.detach() for p in parameters]


# Keras computes norms and scalars such as the loss scale in float32 here and there, for float64 variables too.
TOLERANCE = {"float64": {"rtol": 1e-7, "atol": 1e-8}, "float32": {"rtol": 1e-5, "atol": 1e-5}}
SCALARS_IN_FLOAT32 = {"float64": {"rtol": 1e-5, "atol": 1e-6}, "float32": {"rtol": 1e-5, "atol": 1e-5}}
FORMULA_ONLY = {"float64": {"rtol": 1e-10, "atol": 1e-12}, "float32": {"rtol": 1e-5, "atol": 1e-5}}


class ScheduleFreeAdamW(keras.optimizers.ScheduleFreeAdamW):
    """Keras' formula needs z before and after its step, but on torch the step overwrites the tensor that it has kept as
    the former (other backends make a new one). Here the step makes a new one on torch, too."""

    def assign_sub(self, variable, value):
        variable._value = variable.value - value


def in_keras(name):
    return ScheduleFreeAdamW if name == "ScheduleFreeAdamW" else getattr(keras.optimizers, name)


def assert_same(name, arguments, precision, tolerance=TOLERANCE):
    expected = run_keras(in_keras(name)(**arguments), precision)
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
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.3, "beta_2_decay": -0.5, "epsilon_1": 1e-3, "epsilon_2": 0.5}),
    ("Adafactor", {"learning_rate": 0.3, "clip_threshold": 0.3, "relative_step": False}),
    ("Ftrl", {}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.8, "initial_accumulator_value": 0.5, "beta": 0.3}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 2.0, "l2_regularization_strength": 0.1}),
    ("Ftrl", {"learning_rate": 0.01, "l2_shrinkage_regularization_strength": 0.05, "learning_rate_power": 0.0}),
    ("Lamb", {}),
    ("Lamb", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-2}),
    ("Lion", {}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.6, "beta_2": 0.8}),
    ("Muon", {}),
    ("Muon", {"learning_rate": 0.01, "exclude_layers": ["outp.t", "nothing"], "exclude_embeddings": False}),
    ("Muon", {"learning_rate": 0.01, "momentum": 0.8, "nesterov": False, "ns_steps": 2, "rms_rate": None}),
    ("Muon", {"learning_rate": 0.01, "weight_decay": None, "adam_weight_decay": 0.3, "adam_lr_ratio": 0.5}),
    ("Muon", {"learning_rate": 0.01, "adam_beta_1": 0.8, "adam_beta_2": 0.95, "epsilon": 1e-2, "weight_decay": 0.5}),
    ("Muon", {"learning_rate": 0.01, "muon_a": 2.0, "muon_b": -1.5, "muon_c": 0.5, "adam_weight_decay": None}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "beta_1": 0.6, "beta_2": 0.9, "epsilon": 1e-2}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "warmup_steps": 20}),
]


@pytest.mark.parametrize("name, arguments", OWN_ARGUMENTS, ids=str)
def test_own_arguments(name, arguments, precision):
    scalars_in_float32 = name in ("Adafactor", "Muon") or "warmup_steps" in arguments
    assert_same(name, arguments, precision, SCALARS_IN_FLOAT32 if scalars_in_float32 else FORMULA_ONLY)


@pytest.mark.parametrize("name, arguments", dict(OWN_ARGUMENTS).items(), ids=str)
@pytest.mark.parametrize("precision", ["float32"], indirect=True)
def test_in_float32(name, arguments, precision):
    """The last case of each."""
    assert_same(name, arguments, precision, FORMULA_ONLY)


@pytest.mark.parametrize("name, arguments", OWN_ARGUMENTS, ids=str)
def test_config_as_keras_writes_it(name, arguments):
    rate = keras.optimizers.schedules.CosineDecay(0.5, 100, warmup_target=0.75, warmup_steps=3)
    for learning_rate in (0.5, rate):
        theirs = getattr(keras.optimizers, name)(**{**arguments, "learning_rate": learning_rate, "clipnorm": 0.25})
        data = json.loads(json.dumps(keras.optimizers.serialize(theirs)))
        ours = optimizers.get(data)
        assert type(ours) is getattr(optimizers, name)
        expected, actual = theirs.get_config(), ours.get_config()
        their_rate, our_rate = expected.pop("learning_rate"), actual.pop("learning_rate")
        assert actual == expected
        assert our_rate == 0.5 if learning_rate == 0.5 else our_rate["config"] == their_rate["config"]
        assert type(ours).from_config(data["config"]).get_config() == ours.get_config()


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


OTHERS = ["RMSprop", "Adagrad", "Adamax", "Nadam", "Adadelta"]
OTHERS += ["Adafactor", "Ftrl", "Lamb", "Lion", "Muon", "ScheduleFreeAdamW"]


@pytest.mark.parametrize("name", OTHERS)
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


def test_excluded_from_weight_decay(precision):
    theirs, ours = (library.AdamW(0.05, weight_decay=0.5) for library in (keras.optimizers, optimizers))
    theirs.exclude_from_weight_decay(var_names=["bias", "embed", "^kern$"])
    parameters = our_weights(precision)
    ours.exclude_from_weight_decay(var_list=[parameters[3]], var_names=["ias"])
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
    steps = [*range(120), 121, 300, 555, 1000, 4321, 10_000]
    np.testing.assert_allclose([ours(s) for s in steps], [float(theirs(s)) for s in steps], rtol=1e-5, atol=1e-7)
    assert {**theirs.get_config(), **config} == ours.get_config()
    data = json.loads(json.dumps(keras.optimizers.schedules.serialize(theirs)))
    for again in (schedules.deserialize(data), schedules.deserialize(schedules.serialize(ours))):
        assert type(again) is type(ours)
        assert again.get_config() == ours.get_config()
    for step in (torch.tensor(7), np.int64(7), 7.0):
        assert ours(step) == ours(7)
