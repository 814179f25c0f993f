"""Every public name of keras.optimizers is here, with the same arguments in the same order with the same defaults."""

from __future__ import annotations

import inspect

import keras
import pytest

from lamina import optimizers
from lamina.optimizers import schedules

# The names as a list, so that a release of Keras with fewer of them does not shorten the test.
OPTIMIZERS = """
Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam Optimizer
OptimizerMap RMSprop SGD ScheduleFreeAdamW deserialize get serialize
""".split()
SCHEDULES = """
CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule PiecewiseConstantDecay
PolynomialDecay deserialize serialize
""".split()


@pytest.mark.parametrize(
    "package, names, more",
    [(optimizers, OPTIMIZERS, {"legacy", "schedules"}), (schedules, SCHEDULES, {"get"})],
    ids=["optimizers", "schedules"],
)
def test_names(package, names, more):
    assert set(package.__all__) == set(names) | more
    assert all(hasattr(package, name) for name in package.__all__)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name[0].isupper()])
def test_arguments(name):
    assert arguments_of(getattr(optimizers, name)) == arguments_of(getattr(keras.optimizers, name))


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name[0].isupper()])
def test_arguments_of_schedules(name):
    assert arguments_of(getattr(schedules, name)) == arguments_of(getattr(keras.optimizers.schedules, name))


def arguments_of(cls):
    return [(p.name, p.default) for p in inspect.signature(cls.__init__).parameters.values()]
