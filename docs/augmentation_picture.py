"""Draws docs/images/augmentation.png: what each layer of augmentation makes of one photograph.

    python docs/augmentation_picture.py [path.png]

It needs matplotlib, and scikit-learn for the photograph (china.jpg, which comes with it). Boxes go through the layers
that move them, together with the picture.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from lamina import layers, visualization

BOX = {"bounding_box_format": "xyxy"}
SHOWN: list[Any] = [
    layers.RandomFlip("horizontal", seed=3, **BOX),
    layers.RandomRotation((0.06, 0.06), **BOX),
    layers.RandomZoom((0.4, 0.4), fill_mode="constant", **BOX),
    layers.RandomTranslation((0.2, 0.2), (0.2, 0.2), fill_mode="constant", **BOX),
    layers.RandomShear((0.3, 0.3), (0.0, 0.0), **BOX),
    layers.RandomPerspective((1.0, 1.0), 0.6, seed=4, **BOX),
    layers.RandomCrop(120, 180, seed=5, **BOX),
    layers.RandomElasticTransform((1.0, 1.0), 0.9, seed=1),
    layers.RandomBrightness((0.3, 0.3)),
    layers.RandomContrast((0.0, 1.0), seed=2),
    layers.RandomSaturation((0.75, 0.75)),
    layers.RandomHue((0.5, 0.5), seed=1),
    layers.RandomColorJitter(brightness_factor=0.2, contrast_factor=0.4, hue_factor=0.4, seed=6),
    layers.RandomColorDegeneration((0.8, 0.8)),
    layers.RandomGrayscale(1.0),
    layers.RandomInvert((1.0, 1.0)),
    layers.RandomPosterization((2, 2)),
    layers.Solarization(threshold_factor=(0.5, 0.5)),
    layers.AutoContrast(),
    layers.Equalization(),
    layers.ContrastLimitedAdaptiveHistogramEqualization(),
    layers.RandomSharpness((1.0, 1.0)),
    layers.RandomGaussianBlur((1.0, 1.0), 9, (1.0, 1.0)),
    layers.RandomErasing((1.0, 1.0), (0.1, 0.2), seed=2),
    layers.RandAugment(factor=0.6, seed=8),
    layers.AugMix(factor=0.6, seed=9),
]
SIZE = (160, 240)


def changed(layer: Any, picture: torch.Tensor) -> torch.Tensor:
    """The picture after a layer, with its box where the layer moves boxes."""
    if layer.bounding_box_format is None:
        return shown(layer(picture, training=True))
    boxes = {"boxes": torch.tensor([[14.0, 8.0, 118.0, 140.0]]), "labels": torch.tensor([0])}
    found = layer({"images": picture, "bounding_boxes": boxes}, training=True)
    return shown(with_box(found["images"], found["bounding_boxes"]))


def with_box(picture: torch.Tensor, boxes: dict[str, torch.Tensor]) -> torch.Tensor:
    batch = {name: value.unsqueeze(0) for name, value in boxes.items()}
    drawn = visualization.draw_bounding_boxes(
        picture.unsqueeze(0), batch, "xyxy", color=(255, 40, 40), line_thickness=3
    )
    return torch.as_tensor(drawn[0]).float()


def shown(picture: torch.Tensor) -> torch.Tensor:
    """One size for all, with a border where it is smaller."""
    return layers.Resizing(*SIZE, pad_to_aspect_ratio=True, fill_value=255)(picture)


def main(path: str = "docs/images/augmentation.png") -> None:
    photograph = torch.tensor(load_sample_image("china.jpg"))
    picture = layers.Resizing(*SIZE, antialias=True)(photograph.float()).clamp(0, 255)
    mixed = layers.CutMix((1.0, 1.0), seed=1)(
        {
            "images": torch.stack(
                (picture, layers.Resizing(*SIZE)(torch.tensor(load_sample_image("flower.jpg"))).float())
            ),
            "labels": torch.eye(2),
        },
        training=True,
    )["images"][0]
    names = ["(the picture)", *(type(layer).__name__ for layer in SHOWN), "CutMix"]
    rows = torch.stack([picture, *(changed(layer, picture) for layer in SHOWN), mixed]).clamp(0, 255)
    short = [
        name.replace("ContrastLimitedAdaptiveHistogramEqualization", "ContrastLimited...").removeprefix("Random")
        for name in names
    ]
    visualization.plot_image_gallery(
        rows,
        y_true=range(len(names)),
        label_map=dict(enumerate(short)),
        cols=6,
        rows=5,
        scale=1.7,
        path=path,
        dpi=80,
        transparent=False,
    )
    # A palette is a third of the size, and enough for pictures of this one.
    drawn = Image.open(path).convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    Image.alpha_composite(paper, drawn).convert("RGB").quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main(*sys.argv[1:])
