"""Windows over a series, by hand, and the text of a model's graph."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import lamina
from lamina import layers, utils
from lamina.graph import ArgumentError

SERIES = np.arange(99)


def windows(data, targets, length, **arguments):
    found = list(utils.timeseries_dataset_from_array(data, targets, length, **arguments))
    if targets is None:
        return torch.cat(found)
    return torch.cat([x for x, _ in found]), torch.cat([y for _, y in found])


def test_the_example_of_keras():
    """Indices 0 to 98, ten steps at a distance of 2, a window each third step."""
    made = windows(SERIES, None, 10, sampling_rate=2, sequence_stride=3)
    assert made[0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert made[1].tolist() == [3, 5, 7, 9, 11, 13, 15, 17, 19, 21]
    assert made[-1].tolist() == [78, 80, 82, 84, 86, 88, 90, 92, 94, 96]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sequence_stride": 4},
        {"sampling_rate": 5, "batch_size": 3},
        {"start_index": 10, "end_index": 40, "sampling_rate": 2},
        {"start_index": 90},
        {"end_index": 99},
    ],
)
@pytest.mark.parametrize("targets", [99, 95, 94])
def test_by_hand(arguments, targets):
    x, y = windows(SERIES, 1000 + SERIES[:targets], 4, **arguments)
    begin, end = arguments.get("start_index", 0), arguments.get("end_index", 99)
    rate, stride = arguments.get("sampling_rate", 1), arguments.get("sequence_stride", 1)
    starts = [i for i in range(begin, end, stride) if i + 3 * rate < end and i < targets]
    assert x.tolist() == [[i + k * rate for k in range(4)] for i in starts]
    assert y.tolist() == [1000 + i for i in starts]


def test_kinds_of_data():
    wide = torch.arange(60.0).reshape(20, 3)
    x, _y = windows(wide, torch.arange(20), 5)
    assert x.shape == (16, 5, 3)
    assert torch.equal(x[2], wide[2:7])
    assert windows([[1, 2], [3, 4], [5, 6]], None, 2).tolist() == [[[1, 2], [3, 4]], [[3, 4], [5, 6]]]


def test_shuffled():
    arguments = {"shuffle": True, "seed": 3, "batch_size": 50}
    first = utils.timeseries_dataset_from_array(SERIES, SERIES, 4, **arguments)
    second = utils.timeseries_dataset_from_array(SERIES, SERIES, 4, **arguments)
    orders = [torch.cat([y for _, y in data]).tolist() for data in (first, first, second)]
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == list(range(96))
    for x, y in first:
        assert torch.equal(x[:, 0], y)


def test_single_windows():
    plain = utils.timeseries_dataset_from_array(SERIES, None, 4, batch_size=None)
    assert len(plain) == 96
    assert plain[-1].tolist() == [95, 96, 97, 98]
    with pytest.raises(IndexError, match="96"):
        plain[96]
    shuffled = utils.timeseries_dataset_from_array(SERIES, SERIES, 4, batch_size=None, shuffle=True, seed=1)
    drawn = [int(y) for _, y in shuffled]
    assert sorted(drawn) == list(range(96)) != drawn


def test_fit_takes_them():
    series = np.sin(np.arange(300) / 5).astype("float32")
    data = utils.timeseries_dataset_from_array(series[:-1, None], series[8:], 8, batch_size=32, shuffle=True, seed=1)
    model = lamina.Sequential([layers.Input((8, 1)), layers.Flatten(), layers.Dense(1)])
    model.compile(lamina.optimizers.Adam(0.02), "mse")
    history = model.fit(data, epochs=15, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"sequence_length": 0}, "sequence_length"),
        ({"sequence_length": 2.5}, "sequence_length"),
        ({"sequence_length": 200}, "No window"),
        ({"sequence_stride": 0}, "sequence_stride"),
        ({"sampling_rate": 99}, "sampling_rate"),
        ({"start_index": -1}, "start_index"),
        ({"start_index": 99}, "start_index"),
        ({"end_index": 0}, "end_index"),
        ({"end_index": 100}, "end_index"),
        ({"start_index": 50, "end_index": 50}, "comes after"),
        ({"format": "grain"}, "format"),
        ({"targets": np.arange(0)}, "0 targets"),
    ],
)
def test_refused(arguments, text):
    with pytest.raises(ArgumentError, match=text):
        utils.timeseries_dataset_from_array(**{"data": SERIES, "targets": None, "sequence_length": 4, **arguments})


# ---- graphs


def two_models():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    inner = lamina.Model([a, b], [layers.Dense(2, activation="relu", name="d")(a), b * 2], name="inner")
    x = layers.Input((4,), name='x "quoted"')
    first, second = inner([x, x + 1])
    return lamina.Model(x, [layers.Dense(3, name="end")(first), second], name="outer")


def boxes_and_lines(text):
    boxes = dict(re.findall(r"(n\w+) \[label=\"((?:[^\"\\]|\\.)*)\"", text))
    return boxes, re.findall(r"(n\w+) -> (n\w+)", text)


def test_model_to_dot():
    text = utils.model_to_dot(two_models()).to_string()
    boxes, lines = boxes_and_lines(text)
    assert boxes == {
        "n0": 'x \\"quoted\\"\\nInputLayer', "n1": "add\\nx + 1", "n2": "inner\\nModel", "n3": "end\\nDense",
    }  # fmt: skip
    assert lines == [("n0", "n1"), ("n0", "n2"), ("n1", "n2"), ("n2", "n3")]
    assert text.startswith('digraph "outer" {')


def test_nested_models_in_frames():
    boxes, lines = boxes_and_lines(utils.model_to_dot(two_models(), expand_nested=True).to_string())
    assert [label.partition("\\n")[0] for name, label in boxes.items() if name.startswith("n2_")] == [
        "a",
        "b",
        "d",
        "mul",
    ]
    a, b, d, _ = (name for name in boxes if name.startswith("n2_"))
    assert {("n0", a), ("n1", b), (a, d), (d, "n3")} <= set(lines)


def test_what_stands_in_the_boxes(tmp_path):
    options = {"show_shapes": True, "show_dtype": True, "show_layer_activations": True, "show_trainable": True}
    dot = utils.model_to_dot(two_models(), expand_nested=True, show_layer_names=False, rankdir="LR", dpi=90, **options)
    boxes, _ = boxes_and_lines(dot.to_string())
    assert "Dense\\nactivation relu\\ntrainable\\n(None, 2) float32" in boxes.values()
    assert "rankdir=LR, dpi=90, splines=ortho" in str(dot)
    dot.write(tmp_path / "m.dot")
    assert (tmp_path / "m.dot").read_text() == dot.to_string()
    cluster = utils.model_to_dot(two_models(), subgraph=True).to_string()
    assert cluster.startswith('subgraph "cluster_outer" {\n  graph [label="outer"];')
    with pytest.raises(ArgumentError, match="rankdir"):
        utils.model_to_dot(two_models(), rankdir="up")


def test_balanced_braces_and_all_kinds_of_models():
    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.d = layers.Dense(2)

        def call(self, inputs):
            return self.d(inputs)

    x = layers.Input((5,), dtype="int32")
    masked = lamina.Model(x, layers.LSTM(3)(layers.Embedding(9, 4, mask_zero=True)(x)))
    for model in (two_models(), masked, lamina.Sequential([layers.Input((3,)), layers.Dense(2)]), Own()):
        text = utils.model_to_dot(model, expand_nested=True).to_string()
        assert text.count("{") == text.count("}") > 0
        boxes, lines = boxes_and_lines(text)
        assert {end for line in lines for end in line} <= set(boxes)
    assert "style=dashed" in utils.model_to_dot(masked).to_string()


def test_get_source_inputs():
    model = two_models()
    found = utils.get_source_inputs(model.outputs[0])
    assert len(found) == 1
    assert found[0] is model.inputs[0]
    a, b, c = (layers.Input((2,)) for _ in range(3))
    assert [any(t is s for s in (a, b)) for t in utils.get_source_inputs(a + b)] == [True, True]
    assert utils.get_source_inputs(c)[0] is c
    with pytest.raises(ArgumentError, match="symbolic tensor"):
        utils.get_source_inputs(torch.ones(2))
