"""Dropout, noise, penalties on the activity."""

from __future__ import annotations

from tests.layers.cases.form import FIRST, INFERENCE, case
from tests.layers.cases.wrong import bad_argument, bad_input

# What noise does in training is random: test_moments.py.
CASES = [
    case("Dropout", (4, 5), rate=0.3, **INFERENCE),
    case("Dropout", (4, 5), rate=0),
    case("Dropout", (4, 5), rate=1),
    case("Dropout", (4, 5, 3), rate=0.3, noise_shape=(None, 1, 3), seed=7, **INFERENCE),
    case("AlphaDropout", (4, 5), rate=0.3, noise_shape=(None, 1), seed=7, **INFERENCE),
    case("AlphaDropout", (4, 5), rate=0.3, **INFERENCE),
    case("AlphaDropout", (4, 5), rate=0),
    case("AlphaDropout", (4, 5, 3), rate=0.0, noise_shape=(4, 1, 3)),
    case("SpatialDropout1D", (4, 5, 3), rate=0.3, **INFERENCE),
    case("SpatialDropout1D", (4, 5, 3), rate=0.3, seed=7, **INFERENCE),
    case("SpatialDropout1D", (4, 5, 3), rate=0.0),
    case("SpatialDropout1D", (4, 5, 3), rate=1.0),
    case("SpatialDropout2D", (4, 5, 6, 3), rate=0.3, **INFERENCE),
    case("SpatialDropout2D", (4, 5, 6, 3), rate=0.3, seed=7, **FIRST, **INFERENCE),
    case("SpatialDropout2D", (4, 5, 6, 3), rate=0.0),
    case("SpatialDropout2D", (4, 5, 6, 3), rate=1.0, **FIRST),
    case("SpatialDropout3D", (4, 5, 6, 3, 2), rate=0.3, **FIRST, **INFERENCE),
    case("SpatialDropout3D", (4, 5, 6, 3, 2), rate=0.3, seed=7, **INFERENCE),
    case("SpatialDropout3D", (4, 5, 6, 3, 2), rate=0.0),
    case("SpatialDropout3D", (4, 2, 3, 3, 2), rate=1.0),
    case("GaussianNoise", (4, 5), stddev=0.3, **INFERENCE),
    case("GaussianNoise", (4, 5), stddev=0.3, seed=7, **INFERENCE),
    case("GaussianNoise", (4, 5), stddev=0.0),
    case("GaussianNoise", (4, 2, 5), stddev=1, **INFERENCE),
    case("GaussianDropout", (4, 5), rate=0.3, **INFERENCE),
    case("GaussianDropout", (4, 5), rate=0.3, seed=7, **INFERENCE),
    case("GaussianDropout", (4, 5), rate=0.0),
    case("GaussianDropout", (4, 2, 5), rate=0.9, **INFERENCE),
    case("ActivityRegularization", (4, 5)),
    case("ActivityRegularization", (4, 5), l1=0.1),
    case("ActivityRegularization", (4, 5, 3), l1=0.1, l2=0.2),
    case("ActivityRegularization", (4, 2, 3, 5), l2=0.2),
]


ERRORS = [
    bad_argument("Dropout", "Dropout: rate cannot be 1.5.*a number from 0 to 1", rate=1.5),
    bad_argument("Dropout", "Dropout: rate cannot be '0.5'", rate="0.5"),
    bad_argument("Dropout", "Dropout: noise_shape cannot be 'batch'", rate=0.5, noise_shape="batch"),
    bad_argument("Dropout", "Dropout: noise_shape cannot be 0", rate=0.5, noise_shape=(None, 0)),
    bad_argument("Dropout", "Dropout: seed cannot be 1.5", rate=0.5, seed=1.5),
    bad_argument("SpatialDropout2D", "SpatialDropout2D: rate cannot be -0.1", rate=-0.1),
    bad_argument("GaussianNoise", "GaussianNoise: stddev cannot be -1", stddev=-1),
    bad_argument("GaussianDropout", "GaussianDropout: rate cannot be 1", rate=1),
    bad_argument("ActivityRegularization", "ActivityRegularization: l1 cannot be -1.0", l1=-1.0),
    bad_input("rank", "Dropout", (None, 3, 4), "2 axes.*not 3", rate=0.5, noise_shape=(None, 1)),
]
