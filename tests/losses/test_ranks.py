"""Functions of a user's own as losses: targets (B,) beside outputs (B, 1), and kin, compared with Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras.src.losses.losses import LossFunctionWrapper

import lamina

X = np.random.default_rng(0).random((10, 3)).astype("float32")
Y = np.random.default_rng(1).random(10).astype("float32")
STEPS = np.random.default_rng(2).random((10, 4)).astype("float32")
WRAPPERS = {lamina: lamina.losses.LossFunctionWrapper, keras: LossFunctionWrapper}
LOSSES: dict[str, Any] = {
    "root": lambda library: lambda t, p: library.ops.sqrt(library.ops.mean(library.ops.square(t - p))),
    "rows": lambda library: lambda t, p: library.ops.mean(library.ops.abs(t - p), axis=-1),
    "wrapped": lambda library: WRAPPERS[library](
        lambda t, p, share: library.ops.maximum(share * (t - p), (share - 1) * (t - p)), share=0.3
    ),
}


@pytest.mark.parametrize("weights", [None, Y])
@pytest.mark.parametrize("targets", [Y, Y[:, None]])
@pytest.mark.parametrize("name", LOSSES)
def test_a_function_in_training(name: str, targets: Any, weights: Any) -> None:
    """Subtracted as they are they would make a (B, B) matrix of errors, from which nothing is learnt."""

    def run(library: Any) -> Any:
        model = library.Sequential([library.Input((3,)), library.layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", LOSSES[name](library))
        if name == "root":
            return model.fit(X, targets, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        kept = {"sample_weight": weights, "batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
        return model.fit(X, targets, **kept).history["loss"]

    np.testing.assert_allclose(run(lamina), run(keras), rtol=1e-5)


@pytest.mark.parametrize("shapes", [((10,), (10, 1)), ((10, 1), (10,)), ((10, 4), (10, 4, 1)), ((10, 4, 1), (10, 4))])
def test_a_function_called_by_hand(shapes: Any) -> None:
    seen: dict[Any, Any] = {}

    def value(library: Any) -> Any:
        def difference(t: Any, p: Any) -> Any:
            seen[library] = tuple(t.shape), tuple(p.shape)
            return library.ops.abs(t - p)

        given = [torch.arange(float(np.prod(shape))).reshape(shape) for shape in shapes]
        return float(WRAPPERS[library](difference)(given[0], given[1] * 0.3))

    assert value(lamina) == pytest.approx(value(keras))
    assert seen[lamina] == seen[keras]


def test_targets_that_are_classes_keep_their_rank() -> None:
    seen = []

    def chosen(t: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        seen.append((tuple(t.shape), tuple(p.shape)))
        return -p.gather(1, t[:, None].long())[:, 0]

    lamina.losses.LossFunctionWrapper(chosen)(torch.zeros(5), torch.ones(5, 3))
    assert seen == [((5,), (5, 3))]


def test_the_cosine_of_a_zero_vector_has_a_gradient() -> None:
    for y_true, y_pred in ((torch.ones(1, 3), torch.zeros(1, 3)), (torch.zeros(1, 3), torch.zeros(1, 3))):
        y_pred.requires_grad_()
        loss = lamina.losses.cosine_similarity(y_true, y_pred)
        loss.sum().backward()
        assert loss.item() == 0
        assert y_pred.grad is not None
        assert y_pred.grad.isfinite().all()
