"""Every name that Keras lists for losses: there, with its arguments, and compared in test_against_keras.py."""

from __future__ import annotations

import inspect

import keras
import pytest

from lamina import losses
from tests.losses.test_against_keras import CASES, FUNCTIONS

LISTED = """
    BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence LogCosh
    Loss
    MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
    SparseCategoricalCrossentropy SquaredHinge Tversky
    binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
    categorical_generalized_cross_entropy categorical_hinge circle cosine_similarity ctc deserialize dice get hinge
    huber
    kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error poisson serialize sparse_categorical_crossentropy squared_hinge tversky
""".split()
OURS = {"LossFunctionWrapper", "TorchLoss", "check_targets", "resolve_loss"}
NOT_OF_NUMBERS = {"Loss", "deserialize", "get", "serialize"}


def arguments(function):
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


def test_the_list_is_that_of_keras_and_ours():
    assert set(LISTED) == {name for name in dir(keras.losses) if not name.startswith("_")}
    assert set(losses.__all__) == set(LISTED) | OURS


@pytest.mark.parametrize("name", sorted(set(LISTED) - {"serialize"}))
def test_arguments_their_order_and_defaults(name):
    if name == "get":
        assert arguments(losses.get)[0] == arguments(keras.losses.get)[0]
    else:
        assert arguments(getattr(losses, name)) == arguments(getattr(keras.losses, name))


def test_every_listed_name_has_a_case():
    compared = {name for name, *_ in (*CASES, *FUNCTIONS)}
    assert set(LISTED) - NOT_OF_NUMBERS - compared == set()


def test_every_listed_name_is_found_by_name():
    for name in set(LISTED) - NOT_OF_NUMBERS:
        found = losses.get(name)
        assert (type(found) if inspect.isclass(getattr(losses, name)) else found) is getattr(losses, name)
