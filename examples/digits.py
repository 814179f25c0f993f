"""Two images in, three answers out: a Siamese multi-task model on real handwritten digits.

One residual convolutional encoder reads both images. What it sees answers three questions at once: which digit is on
the first image, which is on the second, and is it the same digit?

    python examples/digits.py --out demo_output

The 1,797 images (8 x 8 pixels) come with scikit-learn. 360 of them are held out: no training pair ever shows them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import lamina as keras
from lamina import layers

SEED = 7
HELD_OUT_IMAGES = 360
TRAINING_PAIRS, HELD_OUT_PAIRS = 16_000, 3_600
EPOCHS, BATCH_SIZE, LEARNING_RATE = 6, 64, 2e-3
OUTPUTS = ("digit_a", "digit_b", "same")


# ------------------------------------------------------------------------------------------------------------- the data


def images_and_labels():
    """All digits as (1797, 8, 8, 1) floats from 0 to 1, split by image into a training and a held-out part."""
    digits = load_digits()
    images = (digits.images[..., np.newaxis] / 16).astype("float32")
    return train_test_split(images, digits.target, test_size=HELD_OUT_IMAGES, stratify=digits.target, random_state=SEED)


def make_pairs(images, labels, count, rng):
    """Pairs of images, half of them of the same digit, with the three answers to each pair."""
    first = rng.permutation(np.resize(np.arange(len(images)), count))
    same = np.arange(count) % 2 == 0
    other_digit = (labels[first] + rng.integers(1, 10, size=count)) % 10
    wanted = np.where(same, labels[first], other_digit)
    images_of = [np.flatnonzero(labels == digit) for digit in range(10)]
    second = np.array([rng.choice(images_of[digit]) for digit in wanted])
    inputs = {"image_a": images[first], "image_b": images[second]}
    answers = {"digit_a": labels[first], "digit_b": labels[second], "same": same[:, np.newaxis].astype("float32")}
    return inputs, answers


def jitter(images, rng, turn=0.2, zoom=0.15, shift=0.25):
    """Each image a little turned (radians), zoomed and shifted (units: half an image), as another hand would write."""
    angle, scale, dx, dy = (
        torch.from_numpy(rng.uniform(-limit, limit, len(images)).astype("float32"))
        for limit in (turn, zoom, shift, shift)
    )
    cos, sin = (1 + scale) * angle.cos(), (1 + scale) * angle.sin()
    where_from = torch.stack([cos, -sin, dx, sin, cos, dy], dim=1).reshape(-1, 2, 3)
    nchw = torch.from_numpy(images).permute(0, 3, 1, 2)
    grid = F.affine_grid(where_from, list(nchw.shape), align_corners=False)
    return F.grid_sample(nchw, grid, align_corners=False).permute(0, 2, 3, 1).numpy()


# ------------------------------------------------------------------------------------------------------------ the model


def residual_block(x, filters):
    """Two convolutions, and a way around them."""
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    return layers.Activation("relu")(layers.Add()([x, y]))


def build_encoder():
    """From an image to 64 numbers that describe it."""
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = residual_block(x, 16)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = residual_block(x, 32)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    features = layers.Dense(64, activation="relu", name="features")(x)
    return keras.Model(image, features, name="encoder")


def build_model():
    """The encoder is called twice and trained once: a model is a layer, and both calls share its weights."""
    image_a = layers.Input((8, 8, 1), name="image_a")
    image_b = layers.Input((8, 8, 1), name="image_b")
    encoder = build_encoder()
    a, b = encoder(image_a), encoder(image_b)

    logits = layers.Dense(10, name="logits")
    digit_a = layers.Softmax(name="digit_a")(logits(a))
    digit_b = layers.Softmax(name="digit_b")(logits(b))

    # Any PyTorch function draws into the graph. Both comparisons are symmetric: the order of the images cannot matter.
    comparison = layers.Concatenate()([torch.abs(a - b), a * b])
    comparison = layers.Dense(32, activation="relu", name="comparison")(comparison)
    same = layers.Dense(1, activation="sigmoid", name="same")(comparison)

    return keras.Model([image_a, image_b], [digit_a, digit_b, same], name="siamese_digits")


# -------------------------------------------------------------------------------------------------- training, answering


def train(model, inputs, answers, validation_data):
    """Three losses, found by the names of the outputs; the learning rate falls to zero along a cosine."""
    steps = EPOCHS * -(-TRAINING_PAIRS // BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        loss={
            "digit_a": "sparse_categorical_crossentropy",
            "digit_b": "sparse_categorical_crossentropy",
            "same": "binary_crossentropy",
        },
        metrics=dict.fromkeys(OUTPUTS, "accuracy"),
    )
    return model.fit(inputs, answers, batch_size=BATCH_SIZE, epochs=EPOCHS, validation_data=validation_data)


def report(model, inputs, answers):
    """Accuracy of each output on pairs of images that training never saw."""
    result = model.evaluate(inputs, answers, batch_size=512, verbose=0, return_dict=True)
    print(f"\nOn {HELD_OUT_PAIRS:,} pairs of the {HELD_OUT_IMAGES} held-out images:")
    for name in OUTPUTS:
        print(f"  {name:<8} {result[f'{name}_accuracy']:7.2%} correct")


def answer(model_file, pairs_file, answers_file):
    """What the fresh process does: load the model, answer the pairs in one file, write the answers to another."""
    model = keras.models.load_model(model_file)
    pairs = arrays_in(pairs_file)
    np.savez(answers_file, **dict(zip(OUTPUTS, predictions(model, pairs), strict=True)))
    print(f"  process {os.getpid()} loaded {Path(model_file).name} and answered {len(pairs['image_a']):,} pairs")


def predictions(model, pairs):
    """The three outputs as NumPy arrays."""
    return model.predict(pairs, batch_size=512, verbose=0)


def prove_saved(model, model_file, inputs):
    """Save the model, let a new Python process load it and predict, and compare its answers bit for bit."""
    model.save(model_file)
    print(f"\nSaved {model_file} ({model_file.stat().st_size / 1024:.0f} KiB), read back by a fresh process:")
    theirs = answers_of_fresh_process(model_file, inputs)
    print(f"  process {os.getpid()} compares them with its own answers:")
    for name, ours in zip(OUTPUTS, predictions(model, inputs), strict=True):
        print(f"  {name:<8} here {fingerprint(ours)}  there {fingerprint(theirs[name])}")
        if ours.tobytes() != theirs[name].tobytes():
            raise SystemExit(f"The loaded model answers {name!r} differently.")
    print("  identical to the last bit")


def answers_of_fresh_process(model_file, inputs):
    """Run this script anew with ``--answer``; pairs and answers travel as files."""
    with tempfile.TemporaryDirectory() as folder:
        pairs_file, answers_file = Path(folder, "pairs.npz"), Path(folder, "answers.npz")
        np.savez(pairs_file, **inputs)
        subprocess.run([sys.executable, __file__, "--answer", model_file, pairs_file, answers_file], check=True)
        return arrays_in(answers_file)


def arrays_in(file):
    """What np.savez wrote: a dict of arrays."""
    with np.load(file) as arrays:
        return dict(arrays)


def fingerprint(array):
    """A short hash of the array's bytes."""
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


# ----------------------------------------------------------------------------------------------------------------- main


def main(out):
    """Data, model, training, report, proof, pictures."""
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)

    train_images, held_out_images, train_labels, held_out_labels = images_and_labels()
    inputs, answers = make_pairs(train_images, train_labels, TRAINING_PAIRS, rng)
    inputs = {name: jitter(images, rng) for name, images in inputs.items()}
    held_out = make_pairs(held_out_images, held_out_labels, HELD_OUT_PAIRS, rng)

    model = build_model()
    model.summary(expand_nested=True)
    history = train(model, inputs, answers, validation_data=held_out)
    report(model, *held_out)
    prove_saved(model, out / "model.lamina", held_out[0])

    keras.utils.plot_model(model, out / "model.svg", show_shapes=True, show_layer_names=True)
    keras.utils.plot_model(model.get_layer("encoder"), out / "encoder.svg", show_shapes=True)
    keras.view.plot_history(history, out / "training.png", columns=4)
    print(f"\nDrew model.svg, encoder.svg and training.png in {out}. All in {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo_output"), help="where the model and the pictures go")
    parser.add_argument("--answer", nargs=3, metavar=("MODEL", "PAIRS", "ANSWERS"), help="load MODEL and answer PAIRS")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # images this small gain next to nothing from a second core
    if arguments.answer:
        answer(*arguments.answer)
    else:
        main(arguments.out)
