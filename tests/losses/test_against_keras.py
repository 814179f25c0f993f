"""Losses beside Keras 3.15 on torch: value and gradient of every class, with each argument, reduction and weighting."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from keras.src import backend

from lamina import losses

B, T, C = 6, 5, 4


def numbers(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def uniform(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).uniform(0.02, 0.98, size=shape).astype("float32"))


def bits(*shape):
    return (numbers(3, *shape) > 0).float()


def classes(*shape):
    return torch.from_numpy(np.random.default_rng(4).integers(0, C, size=shape))


def one_hot(*shape):
    return torch.nn.functional.one_hot(classes(*shape), C).float()


def shares(*shape):
    return uniform(5, *shape).softmax(-1)


REGRESSION = (numbers(1, B, T), numbers(2, B, T))
STEPS = (numbers(1, B, T, 3), numbers(2, B, T, 3))
POSITIVE = (uniform(1, B, T) * 4, uniform(2, B, T) * 4)
BINARY = (bits(B, T), uniform(2, B, T))
BINARY_LOGITS = (bits(B, T), 3 * numbers(2, B, T))
ONE_HOT = (one_hot(B), uniform(2, B, C))
ONE_HOT_STEPS = (one_hot(B, T), uniform(2, B, T, C))
ONE_HOT_LOGITS = (one_hot(B, T), 3 * numbers(2, B, T, C))
CLASSES = (classes(B), uniform(2, B, C))
CLASSES_STEPS = (classes(B, T), uniform(2, B, T, C))
CLASSES_LOGITS = (classes(B, T), 3 * numbers(2, B, T, C))
CHANNELS_FIRST = (classes(B, T), 3 * numbers(2, B, C, T))
IMAGES = (bits(B, 3, 2, 1), uniform(2, B, 3, 2, 1))
EMBEDDINGS = (classes(B), torch.nn.functional.normalize(numbers(2, B, T)))
SEQUENCES = (torch.tensor([[1, 2], [3, 0], [0, 0], [2, 2], [1, 3], [2, 0]]), 3 * numbers(2, B, T, C))

CASES = [
    ("MeanSquaredError", {}, REGRESSION),
    ("MeanSquaredError", {}, STEPS),
    ("MeanAbsoluteError", {}, REGRESSION),
    ("MeanAbsolutePercentageError", {}, REGRESSION),
    ("MeanSquaredLogarithmicError", {}, POSITIVE),
    ("MeanSquaredLogarithmicError", {}, REGRESSION),
    ("Huber", {}, REGRESSION),
    ("Huber", {"delta": 0.3}, STEPS),
    ("LogCosh", {}, REGRESSION),
    ("LogCosh", {}, (REGRESSION[0] * 60, REGRESSION[1] * 60)),
    ("CosineSimilarity", {}, STEPS),
    ("CosineSimilarity", {"axis": 1}, STEPS),
    ("KLDivergence", {}, (shares(B, C), ONE_HOT[1])),
    ("Poisson", {}, POSITIVE),
    ("Hinge", {}, BINARY_LOGITS),
    ("Hinge", {}, (2 * bits(B, T) - 1, numbers(2, B, T))),
    ("SquaredHinge", {}, BINARY_LOGITS),
    ("SquaredHinge", {}, (2 * bits(B, T) - 1, numbers(2, B, T))),
    ("CategoricalHinge", {}, ONE_HOT),
    ("BinaryCrossentropy", {}, BINARY),
    ("BinaryCrossentropy", {"label_smoothing": 0.2, "axis": 0}, BINARY),
    ("BinaryCrossentropy", {}, (bits(B, T), bits(B, T))),
    ("BinaryCrossentropy", {"from_logits": True}, BINARY_LOGITS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BINARY_LOGITS),
    ("BinaryFocalCrossentropy", {}, BINARY),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5}, BINARY),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BINARY_LOGITS),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT_STEPS),
    ("CategoricalCrossentropy", {}, (one_hot(B), one_hot(B))),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT_LOGITS),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT_LOGITS),
    ("CategoricalCrossentropy", {"from_logits": True, "axis": 1}, (shares(B, C, C), 3 * numbers(2, B, C, C))),
    ("CategoricalCrossentropy", {"axis": 1, "label_smoothing": 0.1}, (shares(B, C, C), uniform(2, B, C, C))),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4], "gamma": 1.0}, ONE_HOT_STEPS),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT_LOGITS),
    ("SparseCategoricalCrossentropy", {}, CLASSES),
    ("SparseCategoricalCrossentropy", {}, CLASSES_STEPS),
    ("SparseCategoricalCrossentropy", {}, (classes(B, 1), CLASSES[1])),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, CLASSES_STEPS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, CLASSES_LOGITS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, (classes(B).int(), 3 * numbers(2, B, C))),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, CLASSES_LOGITS),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "axis": 1}, CHANNELS_FIRST),
    ("SparseCategoricalCrossentropy", {"axis": 1}, (CHANNELS_FIRST[0], uniform(2, B, C, T))),
    ("CategoricalGeneralizedCrossEntropy", {}, CLASSES),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, CLASSES_STEPS),
    ("Dice", {}, BINARY),
    ("Dice", {"axis": (1, 2, 3)}, IMAGES),
    ("Dice", {"axis": 1}, ONE_HOT_STEPS),
    ("Tversky", {"alpha": 0.2, "beta": 0.7}, BINARY),
    ("Tversky", {"alpha": 0.7, "axis": (1, 2, 3)}, IMAGES),
    ("Tversky", {"beta": 1.5, "axis": -1}, ONE_HOT_STEPS),
    ("Circle", {}, EMBEDDINGS),
    ("Circle", {"gamma": 3.0, "margin": 0.2, "remove_diagonal": False}, EMBEDDINGS),
    ("Circle", {"gamma": 5.0}, (torch.tensor([[0], [0], [1], [2], [2], [3]]), EMBEDDINGS[1])),
    ("CTC", {}, SEQUENCES),
]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight", None]


def weightings(values):
    """Weights and masks for losses of shape `values`: of samples, of steps, and both.

    A single number is left to test_loss.py: Keras counts it as one sample in "mean_with_sample_weight".
    """
    everything = uniform(7, *values.shape)
    mask = numbers(8, *values.shape) > -0.3
    yield {}
    if not values.ndim:
        return
    yield {"sample_weight": everything}
    yield {"mask": mask}
    yield {"mask": mask, "sample_weight": everything}
    yield {"mask": torch.zeros_like(mask)}
    if values.ndim == 1:
        yield {"sample_weight": (uniform(6, len(values)) + torch.arange(len(values))).unsqueeze(-1)}


def value_and_gradient(loss, y_true, y_pred, sample_weight=None, mask=None, set_mask=None):
    y_pred = y_pred.clone().requires_grad_()
    if set_mask and mask is not None:
        set_mask(y_pred, mask)
    value = loss(y_true, y_pred, sample_weight) if set_mask else loss(y_true, y_pred, sample_weight, mask)
    upstream = numbers(9, *value.shape) if value.ndim else torch.tensor(1.0)
    (gradient,) = torch.autograd.grad(value, y_pred, upstream)
    return value.detach(), gradient


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, arguments, data", CASES, ids=lambda x: str(x) if isinstance(x, (str, dict)) else "")
def test_value_and_gradient(name, arguments, data, reduction):
    ours = getattr(losses, name)(**arguments, reduction=reduction)
    theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
    values = getattr(losses, name)(**arguments, reduction=None)(*data)
    for weighting in weightings(values):
        actual = value_and_gradient(ours, *data, **weighting)
        expected = value_and_gradient(theirs, *data, **weighting, set_mask=backend.set_keras_mask)
        # Keras lets a column of weights turn unreduced losses (B,) into (B, 1).
        expected = expected[0].reshape(actual[0].shape), expected[1]
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6, msg=lambda m, w=weighting: f"{w}: {m}")


FUNCTIONS = [
    ("mean_squared_error", {}, STEPS),
    ("mean_absolute_error", {}, STEPS),
    ("mean_absolute_percentage_error", {}, STEPS),
    ("mean_squared_logarithmic_error", {}, STEPS),
    ("huber", {"delta": 0.5}, STEPS),
    ("log_cosh", {}, STEPS),
    ("cosine_similarity", {"axis": 1}, STEPS),
    ("kl_divergence", {}, ONE_HOT_STEPS),
    ("poisson", {}, POSITIVE),
    ("hinge", {}, BINARY_LOGITS),
    ("squared_hinge", {}, BINARY_LOGITS),
    ("categorical_hinge", {}, ONE_HOT_STEPS),
    ("binary_crossentropy", {"label_smoothing": 0.1}, BINARY),
    ("binary_focal_crossentropy", {"gamma": 1.0}, BINARY),
    ("categorical_crossentropy", {"from_logits": True}, ONE_HOT_LOGITS),
    ("categorical_focal_crossentropy", {"alpha": 0.5}, ONE_HOT_STEPS),
    ("sparse_categorical_crossentropy", {"from_logits": True, "ignore_class": 1}, CLASSES_LOGITS),
    ("categorical_generalized_cross_entropy", {"q": 0.3}, CLASSES),
    ("dice", {"axis": (1, 2, 3)}, IMAGES),
    ("tversky", {"alpha": 0.3, "beta": 0.6}, IMAGES),
    ("circle", {"gamma": 5}, EMBEDDINGS),
    ("circle", {"ref_labels": classes(9), "ref_embeddings": shares(9, T), "gamma": 5}, EMBEDDINGS),
    ("circle", {"ref_labels": classes(9), "ref_embeddings": shares(9, T), "remove_diagonal": False}, EMBEDDINGS),
    ("ctc", {}, SEQUENCES),
]


@pytest.mark.parametrize("name, arguments, data", FUNCTIONS, ids=lambda x: x if isinstance(x, str) else "")
def test_functions(name, arguments, data, assert_same_with_gradient):
    y_true, y_pred = data
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    assert_same_with_gradient(lambda p: ours(y_true, p, **arguments), lambda p: theirs(y_true, p, **arguments), y_pred)
    assert losses.get(name) is ours


def test_every_config_is_taken_by_keras_and_every_argument_has_its_default():
    for name, arguments, _ in CASES:
        theirs = getattr(keras.losses, name)(**arguments).get_config()
        ours = getattr(losses, name)(**arguments).get_config()
        assert theirs.items() <= ours.items()


@pytest.mark.parametrize(
    "alias", ["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"]
)
def test_aliases(alias):
    assert losses.get(alias).__name__ == keras.losses.get(alias).__name__
