"""Models whose weights lie on several processes equal the model alone: all checks of a number of processes at once."""

import pytest

from tests.distribution.spawn import run


@pytest.mark.slow
@pytest.mark.parametrize("size", (2, 4))
def test_a_model_whose_weights_are_laid_out_equals_the_model_alone(size):
    assert "passed" in run("sharded_models.py", size)
