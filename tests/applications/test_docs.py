"""What is told of the applications: the table of the guide, and the examples in the docstrings of made functions."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import pytest
import torch

import lamina
from lamina import applications

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "applications.md").read_text()
ROWS = {
    name: (module, int(count.replace(",", "")), size, int(least))
    for name, module, count, size, least in re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| ([\d,]+) \| ([^|]+) \| (\d+) \|", GUIDE, re.MULTILINE
    )
}
NAMES = [name for name in applications.__all__ if not inspect.ismodule(getattr(applications, name))]


def test_the_table_has_all_forty():
    assert [*ROWS]
    assert {*ROWS} == {*NAMES}
    assert len(NAMES) == 40


def told(name):
    """Module, parameters and default size of an application, of whose weights nothing is stored."""
    with torch.device("meta"):
        model = getattr(applications, name)(weights=None)
    module = getattr(applications, name).__module__.rpartition(".")[2]
    return module, model.count_params(), str(model.input_shape[1] or 224)


FIRST = """
    VGG16 ResNet50 ResNet50V2 MobileNet MobileNetV2 MobileNetV3Small EfficientNetB0 EfficientNetV2B0 DenseNet121
    Xception InceptionV3 NASNetMobile ConvNeXtTiny
""".split()


@pytest.mark.quick_cases(4)
@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_the_table_is_true(name):
    module, count, size, least = ROWS[name]
    assert told(name) == (module, count, size.partition(",")[0])
    with pytest.raises(ValueError, match=rf"too small(.|\n)*below {least} × {least}"):
        getattr(applications, name)(weights=None, input_shape=(least - 1, least, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_function_runs(name):
    function = getattr(applications, name)
    seen = {"lamina": lamina, **vars(inspect.getmodule(function))}
    examples = doctest.DocTestFinder(recurse=False).find(inspect.unwrap(function), name, globs=seen, module=False)
    assert examples
    assert examples[0].examples
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    with torch.device("meta"):
        failed = [runner.run(example) for example in examples]
    assert not any(result.failed for result in failed)
