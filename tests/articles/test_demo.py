"""The demo, ``examples/digits.py``: honest data, the model that it says, and, as a slow test, all of its promises."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.articles.by_hand import ON_KERAS, assert_close, dense, normal, softmax, tensors

pytestmark = pytest.mark.skipif(ON_KERAS, reason="the demo draws with PyTorch's functions")
SCRIPT = Path(__file__).parents[2] / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits():
    spec = importlib.util.spec_from_file_location("digits", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_held_out_image_is_trained_on(digits):
    train_images, held_out_images, train_labels, held_out_labels = digits.images_and_labels()
    assert len(train_images) + len(held_out_images) == 1797
    assert np.bincount(held_out_labels).min() >= 30
    known = {image.tobytes() for image in train_images}
    assert not known & {image.tobytes() for image in held_out_images}
    inputs, _ = digits.make_pairs(train_images, train_labels, 500, np.random.default_rng(0))
    assert all(image.tobytes() in known for images in inputs.values() for image in images)


def test_pairs_are_balanced_and_rightly_labelled(digits):
    labels = np.arange(200) % 10
    images = np.arange(200, dtype="float32").reshape(-1, 1, 1, 1) * np.ones((1, 8, 8, 1), "float32")
    inputs, answers = digits.make_pairs(images, labels, 1000, np.random.default_rng(0))
    for side in "ab":
        assert np.array_equal(inputs[f"image_{side}"][:, 0, 0, 0] % 10, answers[f"digit_{side}"])
    same = answers["same"][:, 0]
    assert same.mean() == 0.5
    assert np.array_equal(same, answers["digit_a"] == answers["digit_b"])
    assert np.bincount(answers["digit_b"]).min() > 50
    assert len(np.unique(inputs["image_a"][:, 0, 0, 0])) == 200


def test_jitter_moves_images_but_a_little(digits):
    images, rng = normal(50, 8, 8, 1).abs().numpy(), np.random.default_rng(0)
    assert_close(digits.jitter(images, rng, turn=0, zoom=0, shift=0), images)
    moved = digits.jitter(images, rng)
    assert moved.shape == images.shape
    assert moved.dtype == np.float32
    assert not np.allclose(moved, images)


def test_the_model_is_siamese(digits):
    model = digits.build_model()
    encoder = model.get_layer("encoder")
    assert list(model.output_names) == ["digit_a", "digit_b", "same"]
    assert len(model.weights) == len(encoder.weights) + 2 + 2 + 2
    a, b = normal(4, 8, 8, 1), normal(4, 8, 8, 1, seed=1)
    features_a, features_b = encoder(a), encoder(b)
    digit_a, digit_b, same = model([a, b])
    logits = tensors(model.get_layer("logits"))
    assert_close(digit_a, dense(features_a, *logits, softmax))
    assert_close(digit_b, dense(features_b, *logits, softmax))
    compared = torch.cat([(features_a - features_b).abs(), features_a * features_b], -1)
    compared = dense(compared, *tensors(model.get_layer("comparison")), torch.relu)
    assert_close(same, dense(compared, *tensors(model.get_layer("same")), torch.sigmoid))
    assert_close(model([b, a])[2], same)


@pytest.mark.slow
def test_the_demo_keeps_its_promises(tmp_path):
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert time.perf_counter() - started < 60
    accuracies = dict(re.findall(r"^  (\w+) +([\d.]+)% correct$", run.stdout, re.MULTILINE))
    assert set(accuracies) == {"digit_a", "digit_b", "same"}
    assert min(map(float, accuracies.values())) >= 98.0
    assert "identical to the last bit" in run.stdout
    assert (tmp_path / "model.svg").read_text(encoding="utf-8").count("encoder") >= 1
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "model.lamina").stat().st_size > 65_000 * 4
