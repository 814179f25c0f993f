"""`model.export`: programs that run without the model's code and give its numbers, for other sizes too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers


def two_inputs() -> tuple[Any, list[torch.Tensor]]:
    a, b = Input((None, 3), name="a"), Input((4,), name="b")
    h = layers.Dropout(0.5)(layers.LSTM(4)(a))
    return Model([a, b], [layers.Dense(2)(h + b), layers.BatchNormalization()(h)]), [
        torch.randn(5, 7, 3),
        torch.randn(5, 4),
    ]


def ids() -> tuple[Any, list[torch.Tensor]]:
    words = Input((6,), dtype="int32", name="words")
    end = layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(words))
    return Model(words, layers.Dense(2)(end)), [torch.randint(0, 9, (5, 6), dtype=torch.int32)]


class OfCode(lamina.Model):
    def __init__(self) -> None:
        super().__init__()
        self.drop, self.dense = layers.Dropout(0.5), layers.Dense(3)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.dense(self.drop(x, training=training))


def called() -> tuple[Any, list[torch.Tensor]]:
    model = OfCode()
    model(torch.randn(3, 4))
    return model, [torch.randn(5, 4)]


@pytest.mark.parametrize("made", [two_inputs, ids, called])
def test_a_program_of_pytorch(made: Any, tmp_path: Path, capsys: Any) -> None:
    model, data = made()
    model.train()
    model.export(tmp_path / "m.pt2")
    assert "m.pt2" in capsys.readouterr().out
    assert model.training  # as it was
    found = torch.export.load(tmp_path / "m.pt2").module()(*data)
    model.eval()
    torch.testing.assert_close(found, model(*data))


@pytest.mark.parametrize(
    "made", [ids, pytest.param(two_inputs, marks=pytest.mark.slow), pytest.param(called, marks=pytest.mark.slow)]
)
def test_onnx(made: Any, tmp_path: Path, capsys: Any) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="runs what is exported")
    pytest.importorskip("onnxscript", reason="PyTorch's exporter writes with it")
    model, data = made()
    model.export(tmp_path / "model", format="onnx", verbose=False)
    assert not capsys.readouterr().out
    session = onnxruntime.InferenceSession(str(tmp_path / "model"), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    found = session.run(None, {name: x.numpy() for name, x in zip(names, data, strict=True)})
    expected = model(*data)
    for one, other in zip(found, expected if isinstance(expected, list) else [expected], strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), atol=1e-4)


def test_a_model_that_was_never_called_wants_a_signature(tmp_path: Path) -> None:
    with pytest.raises(lamina.ArgumentError, match="nobody knows what it is called on"):
        OfCode().export(tmp_path / "m.pt2")
    for signature in ([layers.InputSpec(shape=(None, 4))], [Input((4,))], np.zeros((3, 4), "f4"), [torch.zeros(3, 4)]):
        model = OfCode()
        model.export(tmp_path / "m.pt2", input_signature=signature, verbose=False)
        x = torch.randn(7, 4)
        torch.testing.assert_close(torch.export.load(tmp_path / "m.pt2").module()(x), model(x))


def test_options_go_to_the_exporter(tmp_path: Path) -> None:
    model, data = ids()
    model.export(tmp_path / "m.pt2", verbose=False, dynamic_shapes=None)
    program = torch.export.load(tmp_path / "m.pt2").module()
    assert program(data[0][:2]).shape == (2, 2)
    with pytest.raises(AssertionError, match="Guard failed"):  # the size is that of the example
        program(data[0])


@pytest.mark.parametrize("format", ["tf_saved_model", "litert", "openvino", "bad_format", None])
def test_other_formats_say_what_to_do(format: Any, tmp_path: Path) -> None:
    with pytest.raises(lamina.ArgumentError, match=r"expected  \"torch\", a \.pt2, or \"onnx\""):
        ids()[0].export(tmp_path / "exported", format=format)
    assert list(tmp_path.iterdir()) == []


def test_the_ending_of_a_program(tmp_path: Path) -> None:
    with pytest.raises(lamina.ArgumentError, match=r"\*\.pt2"):
        ids()[0].export(tmp_path / "m.pt", format="torch")


def test_what_cannot_be_exported_leaves_no_file_and_no_warning(tmp_path: Path) -> None:
    class Branches(layers.Layer):
        def call(self, x: Any) -> Any:
            return x if float(x.sum()) > 0 else -x

    class Branching(lamina.Model):
        def __init__(self) -> None:
            super().__init__()
            self.part = Branches()

        def call(self, x: Any) -> Any:
            return self.part(x)

    model = Branching()
    model(torch.ones(2, 3))
    with pytest.raises(lamina.saving.SavingError, match="cannot be exported"):  # a warning would be an error, too
        model.export(tmp_path / "m.pt2")
    assert list(tmp_path.iterdir()) == []
