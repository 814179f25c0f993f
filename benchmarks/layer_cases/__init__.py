"""The layers that layers.py times, one file per family, each beside the plain PyTorch that computes the same."""

from . import (
    activation,
    attention,
    convolution,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
    rnn,
)
from .case import Case

FAMILIES: dict[str, list[Case]] = {
    "activation": activation.CASES,
    "core": core.CASES,
    "merging": merging.CASES,
    "normalization": normalization.CASES,
    "regularization": regularization.CASES,
    "reshaping": reshaping.CASES,
    "pooling": pooling.CASES,
    "convolution": convolution.CASES,
    "attention": attention.CASES,
    "rnn": rnn.CASES,
    "preprocessing": preprocessing.CASES,
}
# Layers of Lamina's without a row, and why.
PICTURES = (
    "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MixUp RandAugment "
    "RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
    "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue "
    "RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness "
    "RandomShear RandomTranslation RandomZoom Solarization "
)
UNTIMED = {
    **dict.fromkeys(PICTURES.split(), "beside torchvision's in benchmarks/augmentation.py"),
    "MaxNumBoundingBoxes": "cuts or fills a list of boxes",
    "MelSpectrogram": "PyTorch has no such operation; it is one STFT and one matrix product",
    "TextVectorization": "beside scikit-learn's in benchmarks/texts.py",
    "InputSpec": "no layer",
    "Layer": "the base of all",
    "InputLayer": "computes nothing; a program leaves it out",
    "Identity": "computes nothing, so there is no plain operation to compare with",
    "Wrapper": "the base of layers around one layer",
    "Hashing": "SipHash of each value on the host; PyTorch has no such operation",
    "HashedCrossing": "as Hashing",
    "StringLookup": "of texts, on the host; PyTorch has no such operation",
    "IntegerLookup": "as StringLookup, for any whole numbers",
    "AddedLoss": "what model.add_loss puts into a graph: computes nothing, keeps a number for the loss",
}
