"""Models whose weights lie on several processes equal the model alone: all checks of a number of processes at once."""

import json
from pathlib import Path

import numpy as np
import pytest

from lamina.distribution.plan.step import imagined
from tests.distribution import processes, sharded_fits, sharded_models


@pytest.mark.slow
@pytest.mark.parametrize("size", (2, 4))
def test_a_model_whose_weights_are_laid_out_equals_the_model_alone_and_sends_what_a_plan_says(size):
    ended = processes.run(Path(sharded_models.__file__), size, timeout=240)
    assert [one.code for one in ended] == [0] * size, ended[0].out + ended[-1].out
    said = ended[0].out
    assert "passed" in said
    with imagined(size):
        planned = json.loads(json.dumps(sharded_models.count(size)))
    real = json.loads(next(line for line in said.splitlines() if line.startswith("counts")).removeprefix("counts"))
    assert planned == real
    assert all(calls for *_, calls in real.values())


def check_fits(size: int, layouts: list[str], names: list[str]) -> None:
    due = sharded_fits.fits(None, 1, names)
    ended = processes.run(Path(sharded_fits.__file__), size, ",".join(layouts), *names)
    assert [one.code for one in ended] == [0] * size, ended[0].out + ended[-1].out
    for layout in layouts:
        for one in ended:
            compare(f"{layout}", due, one.result[layout])


@pytest.mark.slow
def test_a_model_that_is_laid_out_is_saved_whole_and_goes_on_after_an_interruption(tmp_path):
    due = sharded_fits.saved(None, 1, tmp_path)
    ended = processes.run(Path(sharded_fits.__file__), 2, "sharded,cut", FOLDER=str(tmp_path))
    assert [one.code for one in ended] == [0, 0], ended[0].out + ended[-1].out
    for one in ended:
        for layout in ("sharded", "cut"):
            compare(layout, due, one.result[layout])


def compare(what: str, due, got) -> None:
    if isinstance(due, dict):
        assert due.keys() == got.keys(), what
        for key in due:
            compare(f"{what}/{key}", due[key], got[key])
    elif isinstance(due, list) and due and isinstance(due[0], np.ndarray):
        for number, (one, other) in enumerate(zip(due, got, strict=True)):
            compare(f"{what}/{number}", one, other)
    else:
        np.testing.assert_allclose(got, due, rtol=1e-5, atol=1e-6, err_msg=what)


def test_fit_with_sharded_weights_equals_fit_alone():
    check_fits(2, ["sharded"], ["few rows"])


@pytest.mark.slow
@pytest.mark.parametrize("size, layouts", ((2, ["sharded", "cut", "copies"]), (4, ["sharded", "cut"])))
def test_every_fit_of_a_model_that_is_laid_out_equals_fit_alone(size, layouts):
    check_fits(size, layouts, list(sharded_fits.CASES))
