"""A model of a bare module is that module to PyTorch's tools, and takes NumPy's numbers as any model does."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from lamina import Input, Model, Sequential, layers
from lamina.models import load_model

X, Y = np.linspace(-1, 1, 24).reshape(6, 4), np.zeros((6, 3))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.fc, self.loss = nn.Linear(4, 8), nn.Linear(8, 3), nn.MSELoss()

    def forward(self, x):
        return self.fc(torch.relu(self.body(x)))


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 3), layers.Dense(3)

    def call(self, x):
        return self.last(self.first(x))


def test_torch_fx_sees_the_module():
    model = Model.from_module(Net())
    rows = torch.randn(2, 4)
    expected = model(rows)
    traced = torch.fx.symbolic_trace(model)
    torch.testing.assert_close(traced(rows), expected)
    assert {"module.body", "module.fc"} <= {node.target for node in traced.graph.nodes}


@pytest.mark.parametrize("strict", [True, False])
def test_it_is_exported_before_it_was_called(strict):
    model, rows = Model.from_module(Net()), torch.randn(3, 4)
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (rows,), strict=strict, dynamic_shapes=({0: batch},))
    torch.testing.assert_close(program.module()(rows[:2]), model(rows[:2]))


def test_it_is_compiled_in_one_piece_before_it_was_called():
    model, rows = Model.from_module(Net()), torch.randn(3, 4)
    torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(rows), model(rows))


def test_what_the_module_holds_is_set_and_read_through_the_model():
    net = Net()
    model = Model.from_module(net)
    model.compile("sgd", nn.L1Loss())  # `loss` is the model's own attribute
    assert isinstance(net.loss, nn.MSELoss)
    assert isinstance(model.loss, nn.L1Loss)
    assert model.fc is net.fc
    model.fc = head = nn.Linear(8, 3)
    assert net.fc is head
    assert [key for key in model.state_dict() if "fc.weight" in key] == ["module.fc.weight"]
    before = head.weight.detach().clone()
    model.fit(X, Y, verbose=0)
    assert not torch.equal(before, head.weight)
    assert copy.deepcopy(model).fc is not head


@pytest.mark.parametrize("make", [lambda: Model.from_module(Net()), Subclassed], ids=["module", "subclassed"])
def test_numbers_of_numpy_meet_weights_of_pytorch(make):
    model = make()
    expected = model.predict(X.astype("float32"), verbose=0)
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=1, batch_size=3, verbose=0)
    assert model.evaluate(X, Y, verbose=0) >= 0
    assert expected.dtype == model.predict(X, verbose=0).dtype == np.float32
    for given in (X, torch.from_numpy(X)):
        torch.testing.assert_close(model(given), model(torch.from_numpy(X).float()))


def test_doubles_stay_where_the_weights_are_or_where_no_module_of_pytorch_is():
    model = Model.from_module(Net().double())
    assert model(X).dtype == torch.float64
    seen = []

    class Looks(Model):
        def call(self, x):
            seen.append(x.dtype)
            return x

    Looks()(torch.from_numpy(X))
    assert seen == [torch.float64]
    x = Input((4,), dtype="float64")
    assert Model(x, x + 1)(X).dtype == torch.float64


def chain():
    model = Sequential([layers.Dense(3)])
    model.build((None, 4))
    return model


@pytest.mark.parametrize("nest", [lambda loss: loss, lambda loss: [loss], lambda loss: {"out": loss}])
@pytest.mark.parametrize("make", [lambda: Model.from_module(Net(), (4,)), Subclassed, chain])
def test_a_loss_that_is_a_module_is_no_part_of_the_model(make, nest, tmp_path):
    model = make()
    model(X)
    before, loss = list(model.state_dict()), nn.CrossEntropyLoss(weight=torch.ones(3))
    nested = nest(loss) if model.graph is None or not isinstance(nest(loss), dict) else {model.output_names[0]: loss}
    model.compile("sgd", nested, metrics=[nn.L1Loss()] if nested is loss else None)
    if model.graph is not None or nested is loss:
        model.fit(X, np.zeros(6, "int64") if nested is not loss else np.zeros((6, 3)), verbose=0)
    assert model.loss is nested
    assert list(model.state_dict()) == before
    assert loss not in list(model.modules())
    model.save_weights(tmp_path / "w.lamina")
    model.compile("sgd", "mse")
    assert model.loss == "mse"


def test_a_model_with_a_loss_of_pytorch_that_has_weights_is_saved(tmp_path):
    x = Input((4,))
    model = Model(x, layers.Dense(3)(x))
    model.compile("sgd", nn.CrossEntropyLoss(weight=torch.ones(3)))
    with pytest.warns(UserWarning, match="This loss cannot be saved"):
        model.save(tmp_path / "m.lamina")
    torch.testing.assert_close(load_model(tmp_path / "m.lamina")(X), model(X))
