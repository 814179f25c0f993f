"""What models of Keras have, or had, and models of Lamina have not: what to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lamina.layers.absent import OF_LAYERS

_STEPS = "train_step, test_step, predict_step, which fit, evaluate and predict call"
_SEQUENTIAL = "a Sequential, which has {}(); of a model with a graph Model(model.inputs, layer(model.output))"
_RATE = "predict(x), which gives the probabilities of a softmax or sigmoid"
OF_MODELS = {
    **{name: hint for name, hint in OF_LAYERS.items() if not name.startswith("metrics")},
    "add": _SEQUENTIAL.format("add"),
    "evaluate_generator": "evaluate(generator, steps=...)",
    "fit_generator": "fit(generator, steps_per_epoch=...): it takes generators, Sequences and loaders",
    "fit_transform": "fit(x, y), then predict(x)",
    "make_predict_function": _STEPS,
    "make_test_function": _STEPS,
    "make_train_function": _STEPS,
    "partial_fit": "train_on_batch(x, y)",
    "pop": _SEQUENTIAL.format("pop"),
    "predict_classes": "predict(x).argmax(axis=-1), or (predict(x) > 0.5).astype('int32') for one sigmoid",
    "predict_function": _STEPS,
    "predict_generator": "predict(generator, steps=...)",
    "predict_log_proba": f"numpy.log of {_RATE}",
    "predict_proba": _RATE,
    "score": "evaluate(x, y, return_dict=True)",
    "stateless_compute_loss": "compute_loss(x, y, y_pred)",
    "test_function": _STEPS,
    "to_yaml": "to_json()",
    "train_function": _STEPS,
}
"""Name of a method or attribute -> what to write."""


class OlderMethods:
    """Base of models, which says what to write for methods that Keras' models have or had."""

    names_elsewhere: ClassVar[Mapping[str, str]] = OF_MODELS
