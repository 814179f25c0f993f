"""Augmentation: each layer of Lamina's beside `torchvision.transforms.v2`, applied picture by picture.

    python benchmarks/augmentation.py [--size 224] [--batch 64] [--repeats 7] [--only Flip] [--dtype uint8]

Every picture draws its own parameters on both sides, so v2 is called once for each picture and its results are stacked,
as a `DataLoader` does. Both get the same tensors (B, C, H, W), floats from 0 to 1 unless `--dtype uint8`; with `--last`
Lamina gets its copy as (B, H, W, C). Calls alternate, in one thread; what counts is the least
time of each that the processor was at work. The
ratio is Lamina's time by v2's, and the aim is at most 1.1 for one picture and below 1 for a batch.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torchvision.transforms import v2

import lamina
from lamina import layers

SMOOTH = {"interpolation": v2.InterpolationMode.BILINEAR}


def pairs(size: int, high: float, layout: str) -> list[tuple[Any, Any]]:
    """(layer, transform) that do the same, up to how far."""
    places = {"data_format": layout}
    ranged = {"value_range": (0, high)}
    black = {"fill_mode": "constant"}
    part = size * 7 // 8
    return [
        (layers.RandomFlip("horizontal", **places), v2.RandomHorizontalFlip()),
        (layers.RandomRotation(0.1, **black, **places), v2.RandomRotation(36, **SMOOTH)),
        (layers.RandomZoom(0.2, **black, **places), v2.RandomAffine(0, scale=(0.8, 1.2), **SMOOTH)),
        (layers.RandomTranslation(0.2, 0.2, **black, **places), v2.RandomAffine(0, translate=(0.2, 0.2), **SMOOTH)),
        (layers.RandomShear(0.2, 0.2, **black, **places), v2.RandomAffine(0, shear=(-11, 11, -11, 11), **SMOOTH)),
        (layers.RandomPerspective((0.5, 0.5), 0.5, **places), v2.RandomPerspective(0.5, p=0.5)),
        (layers.RandomElasticTransform((1.0, 1.0), 0.4, **places), v2.ElasticTransform(20.0, 4.0)),
        (layers.RandomCrop(part, part, **places), v2.RandomCrop(part)),
        (layers.CenterCrop(part, part, **places), v2.CenterCrop(part)),
        (layers.Resizing(part, part, **places), v2.Resize((part, part), antialias=False)),
        (layers.RandomBrightness(0.2, **ranged, **places), v2.ColorJitter(brightness=0.2)),
        (layers.RandomContrast(0.2, **ranged, **places), v2.ColorJitter(contrast=0.2)),
        (layers.RandomSaturation((0.4, 0.6), **ranged, **places), v2.ColorJitter(saturation=0.2)),
        (layers.RandomHue(0.2, **ranged, **places), v2.ColorJitter(hue=0.1)),
        (
            layers.RandomColorJitter(**ranged, brightness_factor=0.2, contrast_factor=0.2, hue_factor=0.2, **places),
            v2.ColorJitter(brightness=0.2, contrast=0.2, hue=0.1),
        ),
        (layers.RandomGrayscale(0.5, **places), v2.RandomGrayscale(0.5)),
        (layers.RandomColorDegeneration((0.0, 0.5), **ranged, **places), v2.ColorJitter(saturation=(0.5, 1.0))),
        (layers.RandomInvert((0.5, 0.5), **ranged, **places), v2.RandomInvert(0.5)),
        (layers.RandomPosterization((4, 4), **ranged, **places), v2.RandomPosterize(4, p=1.0)),
        (layers.Solarization(threshold_factor=0.5, **ranged, **places), v2.RandomSolarize(high / 2, p=1.0)),
        (layers.AutoContrast(**ranged, **places), v2.RandomAutocontrast(p=1.0)),
        (layers.Equalization(**ranged, **places), v2.RandomEqualize(p=1.0)),
        (layers.RandomSharpness(1.0, **ranged, **places), v2.RandomAdjustSharpness(2.0, p=1.0)),
        (layers.RandomGaussianBlur((1.0, 1.0), 5, **ranged, **places), v2.GaussianBlur(5, (0.1, 1.0))),
        (layers.RandomErasing((1.0, 1.0), fill_value=0.0, **ranged, **places), v2.RandomErasing(p=1.0)),
        (layers.RandomErasing((1.0, 1.0), **ranged, **places), v2.RandomErasing(p=1.0, value="random")),
        (layers.RandAugment(**ranged, **places), v2.RandAugment(**SMOOTH)),
        (layers.AugMix(**ranged, **places), v2.AugMix(chain_depth=3, **SMOOTH)),
    ]


def best(calls: list[Callable[[], Any]], repeats: int) -> list[float]:
    """The least seconds of each of some calls, which take turns."""
    found = [float("inf")] * len(calls)
    for _ in range(repeats + 1):  # the first round warms up
        for index, call in enumerate(calls):
            count = 0
            begin = now = time.thread_time()
            while now - begin < 0.02 or not count:
                call()
                count, now = count + 1, time.thread_time()
            found[index] = min(found[index], (now - begin) / count)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="")
    parser.add_argument("--dtype", choices=("float32", "uint8"), default="float32")
    parser.add_argument("--last", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    pictures = torch.rand(given.batch, 3, given.size, given.size)
    if given.dtype == "uint8":
        pictures = (pictures * 255).to(torch.uint8)
    print(f"torch {torch.__version__}, lamina {lamina.__version__}, {given.dtype}, {given.size} pixels, one thread")
    print(f"| layer | v2, one, ms | ratio | v2, {given.batch}, ms | ratio |\n|---|---:|---:|---:|---:|")
    layout = "channels_last" if given.last else "channels_first"
    for layer, transform in pairs(given.size, 1.0 if given.dtype == "float32" else 255.0, layout):
        name = type(layer).__name__ + (" (noise)" if getattr(layer, "fill_value", 0) is None else "")
        if given.only not in name:
            continue
        mine = pictures.permute(0, 2, 3, 1).contiguous() if given.last else pictures
        times = []
        for count in (1, given.batch):
            ours, theirs = (mine[0] if count == 1 else mine), list(pictures[:count])
            stacked = (
                (lambda t=transform, x=theirs[0]: t(x))
                if count == 1
                else (lambda t=transform, xs=theirs: torch.stack([t(x) for x in xs]))
            )
            times.append(best([lambda f=layer, x=ours: f(x), stacked], given.repeats))
        cells = "".join(f" {1000 * v:.3f} | {ours / v:.2f} |" for ours, v in times)
        print(f"| {name} |{cells}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
