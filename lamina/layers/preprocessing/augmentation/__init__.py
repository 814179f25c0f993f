"""Layers that change pictures at random, so that a model meets more of them than there are."""

from .aug_mix import AugMix
from .blur import RandomGaussianBlur
from .brightness import RandomBrightness
from .contrast import RandomContrast
from .crop import RandomCrop
from .elastic import RandomElasticTransform
from .erasing import RandomErasing
from .flip import RandomFlip
from .greys import RandomColorDegeneration, RandomGrayscale
from .histograms import AutoContrast, Equalization
from .hues import RandomHue, RandomSaturation
from .jitter import RandomColorJitter
from .levels import RandomInvert, RandomPosterization, Solarization
from .mixing import CutMix, MixUp
from .perspective import RandomPerspective
from .rand_augment import RandAugment
from .rotation import RandomRotation
from .sharpness import RandomSharpness
from .shear import RandomShear
from .tiles import ContrastLimitedAdaptiveHistogramEqualization
from .translation import RandomTranslation
from .zoom import RandomZoom

__all__ = [
    "AugMix",
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
]
