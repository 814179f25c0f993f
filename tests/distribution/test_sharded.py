"""Models whose weights lie on several processes equal the model alone: all checks of a number of processes at once."""

import json

import pytest

from lamina.distribution.plan.step import imagined
from tests.distribution import sharded_models
from tests.distribution.spawn import run


@pytest.mark.slow
@pytest.mark.parametrize("size", (2, 4))
def test_a_model_whose_weights_are_laid_out_equals_the_model_alone_and_sends_what_a_plan_says(size):
    said = run("sharded_models.py", size)
    assert "passed" in said
    with imagined(size):
        planned = json.loads(json.dumps(sharded_models.count(size)))
    real = json.loads(next(line for line in said.splitlines() if line.startswith("counts")).removeprefix("counts"))
    assert planned == real
    assert all(calls for *_, calls in real.values())
