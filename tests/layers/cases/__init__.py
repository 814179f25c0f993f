"""What is known of every layer, as data: the cases it is compared with Keras in, and its wrong uses with their errors.

One file a family, each with a list `CASES` and a list `ERRORS`.
"""

from __future__ import annotations

from tests.layers.cases import (
    activation,
    adaptive_pooling,
    attention,
    augmentation,
    cells,
    conv_lstm,
    convolution,
    core,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    regularization,
    reshaping,
    resizing,
)
from tests.layers.cases.form import Case
from tests.layers.cases.wrong import Wrong

FAMILIES = (
    core,
    convolution,
    pooling,
    adaptive_pooling,
    normalization,
    regularization,
    reshaping,
    activation,
    merging,
    recurrent,
    cells,
    conv_lstm,
    attention,
    preprocessing,
    resizing,
    augmentation,
)

CASES: list[Case] = [row for family in FAMILIES for row in family.CASES]
ERRORS: list[Wrong] = [row for family in FAMILIES for row in family.ERRORS]
