"""PyTorch's ONNX exporter takes the layers, and onnxruntime gives the model's numbers."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
import torch

from lamina import Model, layers
from lamina.graph import tree
from lamina.layers import Dense, Input
from tests.layers.build import some_of_each
from tests.layers.cases.form import Case
from tests.models.test_export import model_of, recurrent, same

onnxruntime = pytest.importorskip("onnxruntime", reason="runs what is exported: pip install -e '.[test]' brings it")
pytest.importorskip("onnxscript", reason="PyTorch's exporter writes with it: pip install -e '.[test]' brings it")
# torch 2.13 has no ONNX function for what these do.
WITHOUT_ONNX = ("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "AdaptiveAveragePooling3D")


def session_of(model: Model, given: list[torch.Tensor], shapes: Any) -> Any:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, on its and PyTorch's old names
        torch.onnx.export(model, tuple(given), dynamo=True, dynamic_shapes=shapes, verbose=False).save(file)
    return onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])


def check(model: Model, given: list[torch.Tensor], others: list[torch.Tensor]) -> list[str]:
    """The converted model does the same for a batch of another size; returns the names of its inputs."""
    session = session_of(model, given, ({0: "batch"},) * len(given))
    names = [declared.name for declared in session.get_inputs()]
    with torch.no_grad():
        expected = list(tree.leaves(model(others)))
    found = session.run(None, {name: t.numpy() for name, t in zip(names, others, strict=True)})
    same([torch.as_tensor(value) for value in found], expected)
    return names


def test_inputs_keep_their_names():
    image, text = Input((4,), name="image"), Input((3,), name="text")
    model = Model([image, text], layers.BatchNormalization()(Dense(3)(image)) + text)
    batch = [torch.randn(5, 4), torch.randn(5, 3)]
    assert check(model, batch, [torch.randn(8, 4), torch.randn(8, 3)]) == ["image", "text"]


@pytest.mark.slow
@pytest.mark.parametrize("make", [layers.LSTM, pytest.param(layers.GRU, marks=pytest.mark.slow)], ids=["LSTM", "GRU"])
def test_masked_recurrent_layers_convert(make):
    assert check(*recurrent(make(3))) == ["tokens"]


def test_a_strided_convolution_with_padding_takes_pictures_of_any_size():
    image = Input((None, None, 3), name="image")
    model = Model(image, layers.Conv2D(4, 3, strides=2, padding="same")(image))
    session = session_of(model, [torch.randn(2, 8, 8, 3)], ({0: "batch", 1: "height", 2: "width"},))
    for picture in (torch.randn(3, 9, 12, 3), torch.randn(2, 7, 7, 3)):
        (found,) = session.run(None, {"image": picture.numpy()})
        same(torch.as_tensor(found), model(picture))


@pytest.mark.slow
@pytest.mark.parametrize("case", some_of_each(1), ids=str)
def test_every_layer_converts(case: Case):
    model, given = model_of(case)
    if case.layer in WITHOUT_ONNX:
        with pytest.raises(torch.onnx.OnnxExporterError):
            session_of(model, given, ({0: "batch"},) * len(given))
        return
    check(model, given, [torch.cat([t, t, t])[:-1] for t in given])
