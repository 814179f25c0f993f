"""One photograph is painted anew in the manner of another: neural style transfer.

Which features of a network occur together, anywhere in a picture, is its style (a Gram matrix for each layer); where a
deep layer's features are is its content. Here the pixels are trained, until they have both of two photographs.
With `VGG19_WEIGHTS=file` the network is VGG19 with the weights of that file (Gatys and others, 2015). Without, it is a
small one that has learned to tell twelve places of the two photographs apart: it knows colours, edges and grain, and no
objects. So it moves colour and texture; expect no brush strokes. Of four measures tried, the score favours it most.
"""

import os
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_image

from gallery import About, Result
from lamina import Input, Model, applications, layers, ops, utils

ABOUT = About(
    title="Neural style transfer",
    group=8,
    answers="This comes in handy when implementing neural style transfer, among other things.",
    data="the two photographs that come with scikit-learn (china, flower), at a quarter of their size; real",
    measure="distance to the style, as a part of the content photograph's; by correlations of features of a VGG19 with "
    "random weights, which painting has not seen (of four measures tried, the one that favours the painting most)",
    baseline="colours moved so that their means and deviations are those of the style",
    target=0.45,
    quick_target=0.85,
    lower_is_better=True,
    keras_io=("generative/neural_style_transfer", 112),
)

STYLE, CONTENT = ("block1_conv1", "block2_conv1", "block3_conv1"), "block3_conv1"
Pictures = tuple[np.ndarray, np.ndarray]  # content, style


def data() -> Pictures:
    """Content and style: two photographs (1, 106, 160, 3), from 0 to 1."""
    photos = [load_sample_image(name)[:424] / np.float32(255) for name in ("china.jpg", "flower.jpg")]
    return photos[0].reshape(1, 106, 4, 160, 4, 3).mean((2, 4)), photos[1].reshape(1, 106, 4, 160, 4, 3).mean((2, 4))


def build_small() -> Model:
    """A small network of the same form -> twelve probabilities: the places that a piece may be from."""
    image = Input((None, None, 3), name="image")
    x = 2 * image - 1
    for block, filters in enumerate((24, 48, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv1")(x)
        x = layers.AveragePooling2D(2, name=f"block{block}_pool")(x)
    place = layers.Dense(12, activation="softmax", name="place")(layers.GlobalAveragePooling2D()(x))
    model = Model(image, place, name="places")
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def pieces(pictures: Pictures, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pieces (N, 24, 24, 3), and which of 2 x 2 x 3 places each is from."""
    labels = rng.integers(12, size=count)
    rows = rng.integers(0, 53 - 24, count) + 53 * (labels % 6 // 3)
    columns = rng.integers(0, 53 - 24, count) + 53 * (labels % 3)
    where = zip(labels // 6, rows, columns, strict=True)
    return np.stack([pictures[which][0, r : r + 24, c : c + 24] for which, r, c in where]), labels


def build_looks(network: Model) -> Model:
    """A picture -> for each layer of the style, how often two features occur together; the features of the content."""
    looks: dict[str, Any] = {"content": network.get_layer(CONTENT).output}  # (N, H, W, C)
    for name, features in {"pixels": network.input, **{n: network.get_layer(n).output for n in STYLE}}.items():
        looks[name] = ops.einsum("nhwc,nhwd->ncd", features, features)  # the Gram matrix, (N, C, C)
    return Model(network.input, looks, name="looks")


def gap(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Squared distance, as a part of what there is."""
    return ((ours - theirs) ** 2).sum() / (theirs**2).sum()


def paint(looks: Model, pictures: Pictures, steps: int) -> tuple[np.ndarray, list[float]]:
    """Move the pixels of the content towards the style -> the picture, and the loss of each step."""
    content, style = (torch.as_tensor(picture) for picture in pictures)
    with torch.no_grad():
        wanted = {**looks(style), "content": looks(content)["content"]}
    pixels = content.clone().requires_grad_()
    optimizer, losses = torch.optim.Adam([pixels], lr=0.02), []
    for _ in range(steps):
        found = looks(pixels)
        gaps = [gap(found[name], wanted[name]) * (0.02 if name == "content" else 1) for name in wanted]
        loss = torch.stack(gaps).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pixels.data.clamp_(0, 1)
        losses.append(loss.item())
    return pixels.detach().numpy(), losses


def recolour(pictures: Pictures) -> np.ndarray:
    """The content with the style's mean and deviation of each colour."""
    (middle, spread), (their_middle, their_spread) = ((p.mean(axis=(1, 2)), p.std(axis=(1, 2))) for p in pictures)
    recoloured: np.ndarray = ((pictures[0] - middle) / spread * their_spread + their_middle).clip(0, 1)
    return recoloured


def style_of(judge: Model, picture: np.ndarray) -> np.ndarray:
    """How the features of another network go together: their correlations, each layer of equal weight, in one row."""
    looks, rows = judge.predict(picture, verbose=0), []
    for name in STYLE:
        features = looks[name].reshape(-1, looks[name].shape[-1])  # (pixels, C)
        unit = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6) / np.sqrt(len(features))
        rows.append((unit.T @ unit).ravel() / unit.shape[1])
    return np.concatenate(rows)


def draw(**pictures: np.ndarray) -> Figure:
    """Four pictures."""
    figure, axes = plt.subplots(2, 2, figsize=(8, 5.6), layout="constrained")
    for place, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
        place.imshow(picture[0])
        place.set(title=title.replace("_", " "), xticks=[], yticks=[])
    return figure


def run(quick: bool = False, out: Path = Path(".")) -> Result:
    """Learn the photographs or read weights; paint, score, draw, save."""
    utils.set_random_seed(0)
    pictures = content, style = data()
    if file := os.environ.get("VGG19_WEIGHTS"):
        pixels = applications.vgg19.preprocess_input(255 * Input((None, None, 3), name="image"))
        network = applications.VGG19(include_top=False, weights=file, input_tensor=pixels)
    else:
        network = build_small()
        x, y = pieces(pictures, 300 if quick else 3000, np.random.default_rng(0))
        network.fit(x, y, epochs=3 if quick else 10, validation_split=0.1, verbose=2)
    looks = build_looks(network)
    painted, losses = paint(looks, pictures, steps=70 if quick else 150)

    other = applications.VGG19(include_top=False, weights=None)
    judge = Model(other.input, {name: other.get_layer(name).output for name in STYLE}, name="judge")
    wanted = style_of(judge, style)
    far = [float(np.linalg.norm(style_of(judge, p) - wanted)) for p in (painted, recolour(pictures), content)]
    shades = np.corrcoef(painted.mean(axis=-1).ravel(), content.mean(axis=-1).ravel())
    more = {"correlation of the brightness with the content photograph": float(shades[0, 1])}
    figure = draw(content=content, style=style, painted=painted, colours_moved=recolour(pictures))
    looks.save(out / "style_transfer.lamina")
    return Result(looks, style, far[0] / far[2], far[1] / far[2], figure, {"loss": losses}, more)
