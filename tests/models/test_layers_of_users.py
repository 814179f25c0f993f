"""Custom layers in every manner that Keras and PyTorch users write them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import lamina as keras
from lamina import ArgumentError
from lamina.layers import LSTM, Dense, Dropout, Embedding, Input, Layer, Masking
from lamina.models import Model, Sequential


class Linear(Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, inputs):
        return torch.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_attributes_name_the_weights_and_kinds_are_kept():
    layer = Linear(4)
    layer(torch.ones(2, 3))
    assert list(layer.state_dict()) == ["w", "b", "calls"]
    assert [name for name, _ in layer.named_parameters()] == ["w", "b"]
    assert [name for name, _ in layer.named_buffers()] == ["calls"]
    assert len(layer.trainable_weights) == 2
    assert len(layer.weights) == 3


def test_config_round_trip():
    layer = Linear(4, name="mine")
    again = Linear.from_config(layer.get_config())
    assert (again.units, again.name) == (4, "mine")


def test_weights_may_be_made_in_init():
    class Early(Layer):
        def __init__(self, width):
            super().__init__()
            self.scale = self.add_weight((width,), initializer="ones", name="scale")

        def call(self, x):
            return x * self.scale

    layer = Early(3)
    assert list(layer.state_dict()) == ["scale"]
    assert torch.equal(layer(torch.ones(1, 3)), torch.ones(1, 3))


def test_pytorch_manner_forward():
    class Block(Layer):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 4)
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return self.drop(torch.relu(self.linear(x)))

    x = Input((3,))
    model = Model(x, Block()(x))
    assert model.output_shape == (None, 4)
    assert list(model.state_dict()) == ["block.linear.weight", "block.linear.bias"]
    real = torch.randn(50, 3)
    assert torch.equal(model(real), model(real))
    assert not torch.equal(model(real, training=True), model(real, training=True))


@pytest.mark.parametrize("kind", ["list", "appended", "dict", "nested", "tuple"])
def test_layers_in_plain_containers_are_found(kind):
    class Holder(Layer):
        def __init__(self):
            super().__init__()
            if kind == "list":
                self.parts = [Dense(3), Dense(3)]
            elif kind == "appended":
                self.parts = []
                for _ in range(2):
                    self.parts.append(Dense(3))
            elif kind == "dict":
                self.parts = {"a": Dense(3), "b": Dense(3)}
            elif kind == "nested":
                self.parts = [[Dense(3)], {"k": Dense(3)}]
            else:
                self.parts = (Dense(3), Dense(3))

        def call(self, x):
            first, second = self.parts.values() if kind == "dict" else self.parts
            first = first[0] if isinstance(first, list) else first
            second = second["k"] if isinstance(second, dict) else second
            return second(first(x))

    x = Input((3,))
    model = Model(x, Holder()(x))
    assert len(model.trainable_weights) == 4
    assert len(list(model.parameters())) == 4
    assert len(model.state_dict()) == 4
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(torch.randn(8, 3), torch.randn(8, 3), verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    model.get_layer("holder").trainable = False
    assert model.trainable_weights == []


def test_layers_inside_call_are_built_while_drawing_without_touching_real_state():
    class Two(Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = Dense(5), Dense(2)

        def call(self, x):
            return self.second(torch.relu(self.first(x)))

    x = Input((3,))
    layer = Two()
    y = layer(x)
    assert y.shape == (None, 2)
    assert all(w.device.type == "cpu" for w in layer.weights)
    assert [w.path for w in Model(x, y).weights] == [
        "two/first/kernel", "two/first/bias", "two/second/kernel", "two/second/bias",
    ]  # fmt: skip
    assert layer(torch.ones(2, 3)).shape == (2, 2)


def test_the_training_argument_arrives_as_a_bool():
    seen = []

    class Watch(Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs * 2 if training else inputs

    layer = Watch()
    x = Input((2,))
    model = Model(x, layer(x))
    seen.clear()
    one = torch.ones(1, 2)
    model(one), model(one, training=True), model.train()(one), layer(one, training=False), layer(one, False)
    assert seen == [False, True, True, False, False]


def test_masks_flow_to_layers_that_ask_for_them():
    class MaskedMean(Layer):
        def call(self, inputs, mask=None):
            weight = mask.to(inputs.dtype).unsqueeze(-1)
            return (inputs * weight).sum(1) / weight.sum(1)

    tokens = Input((4,), dtype="int64")
    embedding = Embedding(10, 3, mask_zero=True)
    model = Model(tokens, MaskedMean()(embedding(tokens)))
    ids = torch.tensor([[1, 2, 0, 0], [3, 4, 5, 6]])
    table = embedding.weights[0]
    expected = torch.stack([table[[1, 2]].mean(0), table[[3, 4, 5, 6]].mean(0)])
    torch.testing.assert_close(model(ids), expected)

    class Sub(Model):
        def __init__(self):
            super().__init__()
            self.embedding, self.mean = embedding, MaskedMean()

        def call(self, ids):
            return self.mean(self.embedding(ids))

    torch.testing.assert_close(Sub()(ids), expected)
    assert "ne" in model.program().source


def test_masks_pass_through_operators_and_nested_models():
    x = Input((5, 2))
    masked = Masking()(x)
    inner = Model(y := Input((5, 2)), torch.tanh(Dense(2)(Masking()(y))))
    assert (masked * 2 + 1).mask is not None
    assert torch.tanh(masked).mask is not None
    assert inner(x).mask is not None
    with pytest.warns(UserWarning, match=r"torch\.flip .*drops the mask"):
        torch.flip(masked, [1])
    real = torch.randn(2, 5, 2)
    real[:, 3:] = 0
    mask = Model(x, inner(x).mask)(real)
    assert mask.tolist() == [[True, True, True, False, False]] * 2


def test_a_layer_that_drops_a_mask_says_so_by_name():
    class Mixer(Layer):
        def call(self, inputs):
            return inputs.flip(1)

    with pytest.warns(UserWarning, match='Mixer "mixer".*drops the mask'):
        Mixer()(Masking()(Input((5, 2))))


def test_add_loss_on_tensors_trains_and_is_not_kept():
    class Penalty(Layer):
        def call(self, inputs):
            self.add_loss(inputs.square().mean() * 3)
            return inputs

    x = Input((2,))
    model = Model(x, Penalty()(Dense(2, use_bias=False, kernel_initializer="ones")(x)))
    model.compile("sgd", "mse")
    rows = torch.ones(4, 2)
    history = model.fit(rows, torch.full((4, 2), 2.0), epochs=3, verbose=0, batch_size=2)
    assert history.history["loss"][0] > 3
    assert model.evaluate(rows, torch.full((4, 2), 2.0), verbose=0) < 12 + 1


def test_regularizers_are_part_of_the_loss():
    x = Input((2,))
    layer = Dense(1, kernel_regularizer=keras.regularizers.L2(0.1), kernel_initializer="ones", use_bias=False)
    model = Model(x, layer(x))
    model.compile("sgd", "mse")
    assert model.evaluate(torch.zeros(4, 2), torch.zeros(4, 1), verbose=0) == pytest.approx(0.2)
    assert [term.item() for term in model.losses] == pytest.approx([0.2])


def test_freezing_takes_effect_at_the_next_step_at_any_depth():
    inner = Sequential([Input((3,)), Dense(3, name="a"), Dense(3, name="b")])
    x = Input((3,))
    model = Model(x, Dense(1, name="head")(inner(x)))
    model.compile("sgd", "mse")
    data = (torch.randn(8, 3), torch.randn(8, 1))
    inner.get_layer("a").trainable = False
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.fit(*data, verbose=0)
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if ".a." not in name}
    inner.trainable = False
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.fit(*data, verbose=0)
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"head.kernel", "head.bias"}


def test_subclassed_functional_and_sequential_mix_both_ways():
    class Inner(Layer):
        def __init__(self):
            super().__init__()
            self.chain = Sequential([Dense(4), Dropout(0.1)])
            self.functional = Model(i := Input((4,)), torch.tanh(i))

        def call(self, x, training=None):
            return self.functional(self.chain(x, training=training))

    x = Input((3,))
    model = Model(x, Sequential([Inner(), Dense(2)])(x))
    assert model(torch.ones(5, 3)).shape == (5, 2)
    assert len(model.weights) == 4


def test_lstm_of_a_subclassed_model_sees_the_mask():
    class Reader(Model):
        def __init__(self):
            super().__init__()
            self.embedding, self.lstm = Embedding(10, 3, mask_zero=True), LSTM(4)

        def call(self, ids):
            return self.lstm(self.embedding(ids))

    reader = Reader()
    short, padded = torch.tensor([[1, 2]]), torch.tensor([[1, 2, 0, 0]])
    torch.testing.assert_close(reader(short), reader(padded))


def test_unknown_keyword_arguments_are_refused():
    with pytest.raises(ArgumentError, match="Linear has no argument 'unit'"):
        Linear(unit=3)


@pytest.mark.parametrize("layer", [Dense(2), keras.layers.Conv1D(2, 2), keras.layers.BatchNormalization()])
def test_whole_numbers_become_the_dtype_of_the_weights(layer):
    x = Input((5, 3), dtype="int32")
    model = Model(x, layer(x))
    real = torch.arange(30, dtype=torch.int32).reshape(2, 5, 3)
    assert model(real).dtype == torch.float32
    torch.testing.assert_close(model(real), layer(real.float()))
    torch.testing.assert_close(layer(real), layer(real.float()))


def test_a_loss_for_each_row_counts_by_its_mean():
    class Rows(Layer):
        def call(self, inputs):
            self.add_loss(inputs.square().sum(-1))
            return inputs

    x = Input((2,))
    model = Model(x, Rows()(x))
    model.compile("sgd", "mse")
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
    assert model.evaluate(rows, rows, verbose=0) == pytest.approx(30 / 3)
