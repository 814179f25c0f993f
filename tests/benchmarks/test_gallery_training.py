"""The gallery beside Keras: the call of `fit` that is timed is the example's own, and a ratio compares one repeat."""

from __future__ import annotations

from typing import Any

import gallery_training

import lamina


def record(case: str, peer: str, repeat: int, milliseconds: float, status: str = "ok") -> dict[str, Any]:
    return {"case": case, "peer": peer, "repeat": repeat, "cpu_ms": milliseconds, "status": status}


def test_a_ratio_is_the_median_over_the_repeats_in_which_both_ended():
    records = [
        record("mlp", "lamina", 0, 2.0),
        record("mlp", "keras-torch", 0, 4.0),
        record("mlp", "lamina", 1, 3.0),
        record("mlp", "keras-torch", 1, 4.0),
        record("mlp", "lamina", 2, 1.0, "failed: exit code 1"),
        record("mlp", "keras-torch", 2, 4.0),
    ]
    assert gallery_training.ratios(records) == {"mlp": {"keras-torch": 0.625}}
    assert "| mlp | 0.62 |  |  |" in gallery_training.table(gallery_training.ratios(records))


def test_the_first_fit_of_an_example_is_taken_and_one_epoch_of_it_runs():
    fit = lamina.Model.fit
    epoch = gallery_training.first_fit("mlp", lamina)
    assert lamina.Model.fit is fit
    history: Any = epoch()
    assert list(history.history) == ["loss", "accuracy"], "one epoch, without validation"
    assert len(history.history["loss"]) == 1
