"""Every case of every layer beside Keras, and nothing public without cases."""

from __future__ import annotations

import pytest

from tests.layers.cases import CASES
from tests.layers.cases.form import Case
from tests.layers.parity import check_case


@pytest.mark.parametrize("case", CASES, ids=str)
def test_does_what_keras_does(case: Case) -> None:
    check_case(case)
