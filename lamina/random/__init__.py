"""Random numbers by Keras' names: now on real tensors, and as nodes of a graph on symbolic ones.

A draw whose shape or input is symbolic is part of the model: it is drawn, saved, cloned, and happens anew whenever the
model runs, in training and in inference. One of a plain shape happens at once, and is a constant wherever it is used.
"""

from typing import TYPE_CHECKING

from lamina.public_names import names_of

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

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
