"""Random numbers by Keras' names: now on real tensors, and as nodes of a graph on symbolic ones.

A draw whose shape or input is symbolic is part of the model: it is drawn, saved, cloned, and happens anew whenever the
model runs, in training and in inference. One of a plain shape happens at once, and is a constant wherever it is used.
"""

from .changing import dropout, shuffle
from .continuous import beta, gamma, normal, truncated_normal, uniform
from .discrete import binomial, categorical, randint
from .seed_generator import SeedGenerator

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
