"""What a mixed policy does inside a layer: which weights are seen in which dtype, when, and what stays as it was."""

from __future__ import annotations

import copy
import pickle

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import config, layers
from lamina.program import Program

BF16, F32 = torch.bfloat16, torch.float32


class Spy(lamina.Layer):
    """Notes the dtypes in which its call sees things."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")
        self.exact = self.add_weight((3,), autocast=False, name="exact")
        self.total = self.add_weight((3,), "zeros", trainable=False, name="total")
        self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")
        self.many = [self.add_weight((3,), name="a"), {"b": self.add_weight((3,), name="b")}]

    def call(self, inputs):
        self.seen = {
            "inputs": inputs.dtype,
            "kernel": self.kernel.dtype,
            "exact": self.exact.dtype,
            "total": self.total.dtype,
            "many": (self.many[0].dtype, self.many[1]["b"].dtype),
        }
        self.count.assign_add(1)
        self.total.assign_add(inputs.detach().sum() * torch.ones(3))
        return inputs @ self.kernel + self.many[0] * self.many[1]["b"]


def test_a_call_sees_its_weights_in_the_compute_dtype():
    layer = Spy(dtype="mixed_bfloat16")
    out = layer(torch.ones(2, 4))
    assert layer.seen == {"inputs": BF16, "kernel": BF16, "exact": F32, "total": F32, "many": (BF16, BF16)}
    assert out.dtype == BF16
    assert {weight.dtype for weight in layer.weights} == {F32, torch.int32}
    # Afterwards all is as it was, and what the call changed stays changed.
    assert isinstance(layer.kernel, lamina.Variable)
    assert layer.many[1]["b"] is layer.trainable_weights[3]
    assert layer.total.numpy().tolist() == [8.0] * 3
    assert int(layer.count) == 1
    out.sum().backward()
    assert layer.kernel.grad.dtype == F32
    assert layer.kernel.grad.numpy().tolist() == [[2.0] * 3] * 4
    assert not set(layer.__dict__) & {"kernel", "exact", "a", "b"}


def test_a_layer_that_does_not_autocast_sees_all_as_it_is():
    layer = Spy(dtype="mixed_bfloat16", autocast=False)
    assert layer(torch.ones(2, 4)).dtype == F32
    assert layer.seen == {"inputs": F32, "kernel": F32, "exact": F32, "total": F32, "many": (F32, F32)}


def test_integers_and_masks_are_not_cast():
    class Takes(lamina.Layer):
        def call(self, inputs, ids, mask=None):
            return inputs, ids, mask

    ids, mask = torch.tensor([1]), torch.tensor([True])
    out = Takes(dtype="mixed_float16")(torch.ones(1), ids, mask)
    assert [tensor.dtype for tensor in out] == [torch.float16, torch.int64, torch.bool]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_layer_that_assigns_can_be_drawn(policy):
    layer = Spy(dtype=policy)
    x = lamina.Input((4,))
    model = lamina.Model(x, layer(x))
    assert model.output.dtype == (BF16 if policy == "mixed_bfloat16" else F32)
    assert (int(layer.count), layer.total.numpy().tolist()) == (0, [0.0] * 3)  # drawing changes nothing
    assert layer.many[0] is layer.trainable_weights[2]
    assert model(torch.ones(2, 4)).dtype == model.output.dtype
    assert (int(layer.count), layer.total.numpy().tolist()) == (1, [8.0] * 3)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_weights_are_back_after_a_call_that_fails(error):
    class Fails(layers.Dense):
        fails = True

        def call(self, inputs):
            if self.fails:
                raise error("in the middle")
            return super().call(inputs)

    layer = Fails(2, dtype="mixed_bfloat16")
    layer.build((None, 3))
    layer.built = True
    with pytest.raises(error, match="in the middle"):
        layer(torch.ones(1, 3))
    assert layer.kernel.dtype == F32
    assert layer.kernel is layer.weights[0]
    layer.fails = False
    assert layer(torch.ones(1, 3)).dtype == BF16


def test_layers_within_go_by_their_own_policies():
    class Block(lamina.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = layers.Dense(4, dtype=self.dtype_policy)
            self.second = layers.Dense(4, dtype="float32")
            self.third = layers.Dense(4, dtype="mixed_float16")

        def call(self, inputs):
            self.found = [self.first(inputs), self.second(inputs), self.third(inputs)]
            return self.found[0]

    block = Block(dtype="mixed_bfloat16")
    block(torch.ones(2, 3))
    assert [tensor.dtype for tensor in block.found] == [BF16, F32, torch.float16]


def test_a_layer_with_pytorchs_forward_is_run_by_the_policy_too():
    class Linear(lamina.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.weight = torch.nn.Parameter(torch.ones(2, 3))

        def forward(self, x):
            return torch.nn.functional.linear(x, self.weight)

    layer = Linear(dtype="mixed_bfloat16")
    x = lamina.Input((3,))
    model = lamina.Model(x, layer(x))
    assert model(torch.ones(1, 3)).dtype == layer(torch.ones(1, 3)).dtype == model.output.dtype == BF16
    assert layer.weight.dtype == F32


@pytest.mark.parametrize("own", [False, True])
def test_pytorchs_modules_run_under_pytorchs_autocast(own):
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.LSTM(8, 3))

    class Around(lamina.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = module

        def call(self, inputs):
            return self.inner(inputs)[0]

    if own:
        layer = Around(dtype="mixed_bfloat16")
    else:
        layer = layers.TorchModule(torch.nn.Sequential(*list(module)[:2]), dtype="mixed_bfloat16")
    x = lamina.Input((5, 4))
    model = lamina.Model(x, layer(x))
    data = torch.randn(2, 5, 4)
    out = model(data)
    assert out.dtype == model.output.dtype == BF16
    expected = module(data)[0] if own else module[1](module[0](data))
    torch.testing.assert_close(out.float(), expected, atol=0.05, rtol=0.05)
    out.float().sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {F32}


def test_weights_of_a_subclassed_model_follow_its_policy():
    class Net(lamina.Model):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.scale = self.add_weight((3, 3), name="scale")
            self.dense = layers.Dense(3, dtype="mixed_bfloat16")

        def call(self, inputs):
            return self.dense(inputs) @ self.scale

    net = Net()
    out = net(np.ones((2, 4), "float32"))
    assert out.dtype == BF16
    out.sum().backward()
    assert [w.grad.dtype for w in net.weights] == [F32] * 3


def test_parts_that_a_layer_runs_itself_are_cast_with_it():
    config.set_dtype_policy("mixed_bfloat16")
    x, mask = torch.randn(2, 6, 4), torch.tensor([[True] * 4 + [False] * 2, [True] * 6])
    for layer in (
        layers.LSTM(3, return_sequences=True),
        layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)]),
        layers.Bidirectional(layers.GRU(3)),
        layers.TimeDistributed(layers.LayerNormalization()),
        layers.TimeDistributed(layers.Dense(2)),
    ):
        out = layer(x, mask=mask)
        out.float().sum().backward()
        assert out.dtype == BF16
        assert {w.dtype for w in layer.weights} == {w.grad.dtype for w in layer.weights} == {F32}
    attention = layers.MultiHeadAttention(2, 3, use_gate=True)
    out, scores = attention(x, x, return_attention_scores=True)
    assert (out.dtype, scores.dtype) == (BF16, BF16)
    assert layers.LSTM(3, dtype="float32")(x).dtype == F32


def test_a_cell_of_another_dtype_gets_what_it_wants():
    x = torch.randn(2, 6, 4)
    cells = [layers.LSTMCell(3, dtype=dtype) for dtype in ("float32", "mixed_bfloat16", "float64")]
    for cell in cells:
        for policy in ("float32", "mixed_bfloat16", "float64"):
            layer = layers.RNN(cell, return_state=True, dtype=policy)
            assert {tensor.dtype for tensor in layer(x)} == {layer._torch_dtype}


def test_a_cell_of_the_users_is_cast_once_for_all_steps():
    class Cell(lamina.Layer):
        state_size = 3

        def build(self, input_shape):
            self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")
            self.seen = []

        def call(self, inputs, states):
            self.seen.append(self.kernel)
            new = torch.tanh(inputs @ self.kernel + states[0])
            return new, [new]

    cell = Cell(dtype="mixed_bfloat16")
    out = layers.RNN(cell, dtype="mixed_bfloat16")(torch.randn(2, 5, 4))
    assert out.dtype == BF16
    assert len(cell.seen) == 5
    assert len({id(kernel) for kernel in cell.seen}) == 1
    assert cell.seen[0].dtype == BF16


def test_embedding_picks_rows_before_it_casts():
    layer = layers.Embedding(1000, 4, dtype="mixed_bfloat16")
    cpu = [torch.profiler.ProfilerActivity.CPU]
    # Without acc_events, torch 2.11 warns of events that it does not lose.
    with torch.profiler.profile(activities=cpu, record_shapes=True, acc_events=True) as profile:
        out = layer(torch.tensor([[1, 2]]))
    assert out.dtype == BF16
    casts = [event.input_shapes[0] for event in profile.events() if event.name == "aten::_to_copy"]
    assert [1, 2, 4] in casts
    assert [1000, 4] not in casts


def test_normalizations_compute_in_float32():
    """Values beyond float16's range of 65504 when squared."""
    x = torch.linspace(-400, 400, 32).view(1, 2, 16)
    for layer in (layers.LayerNormalization(), layers.GroupNormalization(2), layers.RMSNormalization(),
                  layers.UnitNormalization(), layers.BatchNormalization()):  # fmt: skip
        half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_float16"})
        out = half(x, training=True)
        assert out.dtype == torch.float16
        torch.testing.assert_close(out.float(), layer(x, training=True), atol=2e-3, rtol=2e-3)


def test_what_a_normalization_is_given_is_not_rounded_first():
    """bfloat16 has no number between 1000 and 1004."""
    x = torch.tensor([[1000.0, 1001.0, 1002.0, 1003.0]])
    given = lamina.Input((4,))
    for layer in (layers.LayerNormalization(), layers.GroupNormalization(1)):
        half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
        for out in (half(x), lamina.Model(given, half(given))(x)):
            torch.testing.assert_close(out.float(), layer(x), atol=0.01, rtol=0.01)


def test_moving_averages_stay_in_float32_with_a_mask_too():
    x, mask = torch.randn(8, 5, 3), torch.rand(8, 5) > 0.4
    plain = layers.BatchNormalization()
    mixed = layers.BatchNormalization(dtype="mixed_bfloat16")
    for layer in (plain, mixed):
        layer(x, training=True, mask=mask)
        layer(x, training=True)
    assert mixed(x, training=True, mask=mask).dtype == BF16
    assert mixed.moving_mean.dtype == F32
    plain(x, training=True, mask=mask)
    torch.testing.assert_close(mixed.moving_variance.data, plain.moving_variance.data, atol=1e-3, rtol=1e-3)


# ---- in graphs


def small(policy, head="float32"):
    x = lamina.Input((6, 5))
    h = layers.Dense(8, activation="relu", dtype=policy)(x)
    h = layers.LayerNormalization(dtype=policy)(h)
    h = layers.LSTM(4, dtype=policy)(torch.tanh(h) * 2)
    return lamina.Model(x, layers.Dense(3, activation="softmax", dtype=head)(h))


def test_a_graph_knows_the_dtypes_of_its_tensors():
    model = small("mixed_bfloat16")
    inner = lamina.Model(model.input, [layer.output for layer in model.layers[1:]])
    found = [tensor.dtype for tensor in inner(torch.ones(2, 6, 5))]
    assert found == [tensor.dtype for tensor in inner.output] == [BF16, BF16, BF16, F32]


def test_a_plain_model_runs_the_program_that_it_would_without_policies():
    assert "launch" not in small("float32").program().source
    assert ".to(" not in small("float32").program(True).source
    source = small("mixed_bfloat16").program().source
    assert source.count(".launch(") == 3
    assert source.count(".to(torch.bfloat16)") == 1
    assert source.count(".to(torch.float32)") == 1


def test_a_plain_layer_runs_no_line_of_the_precision_file(monkeypatch):
    import lamina.layers.precision as precision

    model, sequence = small("float32"), torch.ones(2, 6, 5)
    model(sequence)
    for name in ("launch", "run_mixed"):
        monkeypatch.setattr(precision.Precision, name, None)
    model(sequence)
    assert layers.Dense(2, dtype="float32")._plain_dtype == F32
    dense = model.layers[1]
    dense(torch.ones(2, 6, 5))


def test_the_same_as_keras_for_a_whole_model():
    ours = small("mixed_bfloat16")
    x = keras.Input((6, 5))
    h = keras.layers.Dense(8, activation="relu", dtype="mixed_bfloat16")(x)
    h = keras.layers.LayerNormalization(dtype="mixed_bfloat16")(h)
    h = keras.layers.LSTM(4, dtype="mixed_bfloat16")(keras.ops.tanh(h) * 2)
    theirs = keras.Model(x, keras.layers.Dense(3, activation="softmax", dtype="float32")(h))
    theirs.set_weights(ours.get_weights())
    data = torch.randn(16, 6, 5)
    outs = [model(data) for model in (ours, theirs)]
    torch.testing.assert_close(*outs, atol=0.01, rtol=0.01)
    for out in outs:
        out[:, 0].log().sum().backward()
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        assert mine.grad.dtype == other.value.grad.dtype == F32
        torch.testing.assert_close(mine.grad, other.value.grad, atol=0.05 * float(mine.grad.abs().max()), rtol=0.05)


def test_a_shared_layer_and_a_layer_around_a_model():
    x = lamina.Input((4,))
    shared = layers.Dense(4, dtype="mixed_bfloat16")
    inner = lamina.Model(x, shared(shared(x)))
    y = lamina.Input((3, 4))
    outer = lamina.Model(y, layers.TimeDistributed(inner, dtype="mixed_bfloat16")(y))
    assert inner(torch.ones(2, 4)).dtype == BF16
    assert outer(torch.ones(2, 3, 4)).dtype == BF16
    assert outer(torch.ones(2, 3, 4), training=True).dtype == BF16


def test_copies_and_pickles_keep_the_policy():
    model = small("mixed_bfloat16")
    data = torch.randn(2, 6, 5)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), lamina.models.clone_model(model)):
        twin.set_weights(model.get_weights())
        torch.testing.assert_close(twin(data), model(data))
        assert twin.layers[1].dtype_policy.name == "mixed_bfloat16"
    layer = Spy(dtype="mixed_bfloat16")
    layer(torch.ones(1, 4))
    twin = copy.deepcopy(layer)
    twin(torch.ones(1, 4))
    assert twin.seen["exact"] == F32


def test_files_keep_the_policy(tmp_path):
    model = small("mixed_float16")
    model.save(tmp_path / "m.lamina")
    config.set_dtype_policy("float64")
    twin = lamina.models.load_model(tmp_path / "m.lamina")
    data = torch.randn(2, 6, 5)
    torch.testing.assert_close(twin(data), model(data))
    assert [layer.dtype_policy.name for layer in twin.layers[1:]] == ["mixed_float16"] * 3 + ["float32"]
    assert twin.program().source == model.program().source
    assert model.get_config()["layers"][1]["config"]["dtype"] == "mixed_float16"


def test_inference_mode_and_no_grad():
    model = small("mixed_bfloat16")
    data = torch.randn(2, 6, 5)
    expected = model(data).detach()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            torch.testing.assert_close(model(data), expected)


def test_a_program_is_written_for_any_module():
    x = lamina.Input((3,))
    model = lamina.Sequential([x, torch.nn.Linear(3, 2)])
    assert "linear_layer.launch(" in Program(model.graph).source
    assert model(torch.ones(1, 3)).dtype == F32


def test_what_a_foreign_module_gives_has_the_compute_dtype():
    """Autocast leaves some results in float32, such as products."""

    class Product(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3, 4)

        def forward(self, x):
            return self.linear(x).prod(-1, keepdim=True)

    layer, x = layers.TorchModule(Product(), dtype="mixed_bfloat16"), lamina.Input((3,))
    with torch.autocast("cpu", BF16):
        assert Product()(torch.ones(1, 3)).dtype == F32
    assert layer(x).dtype == BF16
    assert layer(torch.ones(1, 3)).dtype == BF16


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
def test_a_mixed_model_compiles_whole(training):
    config.set_dtype_policy("mixed_bfloat16")
    ids = lamina.Input((7,), dtype="int32")
    h = layers.Embedding(20, 8)(ids)
    h = layers.MultiHeadAttention(2, 4)(h, h) + h
    h = Spy()(layers.BatchNormalization()(layers.GRU(8, return_sequences=True)(h)))
    h = layers.TorchModule(torch.nn.Linear(3, 4))(h)
    out = layers.Dense(2, dtype="float32")(layers.GlobalAveragePooling1D()(h))
    model = lamina.Model(ids, out)
    model.train(training)
    data = torch.randint(0, 20, (4, 7), dtype=torch.int32)
    expected = model(data)
    expected.sum().backward()
    grads = [w.grad.clone() for w in model.trainable_weights if w.grad is not None]
    model.zero_grad()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(data), expected, atol=0.02, rtol=0.02)
    compiled(data).sum().backward()
    found = [w.grad for w in model.trainable_weights if w.grad is not None]
    assert [grad.dtype for grad in found] == [F32] * len(grads)
    for mine, other in zip(found, grads, strict=True):
        torch.testing.assert_close(mine, other, atol=0.05 * float(other.abs().max()) + 1e-6, rtol=0.05)
    for layer in model.layers:
        assert not set(layer._parameters) & set(layer.__dict__)
