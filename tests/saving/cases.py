"""Models that are saved in one process and loaded in another. Each case makes the same (model, inputs) each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from lamina import Model, Sequential, constraints, initializers, layers, ops, regularizers
from lamina.dtype_policies import DTypePolicy, DTypePolicyMap
from lamina.layers import Dense, Input

Case = tuple[Any, Any]
CASES: dict[str, Callable[[], Case]] = {}


def case(build: Callable[[], Case]) -> Callable[[], Case]:
    def made() -> Case:
        torch.manual_seed(len(CASES))
        return build()

    CASES[build.__name__] = made
    return made


def rows(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


# -- wiring


@case
def chain() -> Case:
    x = Input((6,), name="x")
    y = Dense(5, activation="relu", kernel_regularizer="l2", name="first")(x)
    y = Dense(4, kernel_initializer=initializers.VarianceScaling(2.0, mode="fan_out", seed=3), use_bias=False)(y)
    return Model(x, Dense(2, activation="softmax")(y), name="chain"), rows(7, 6)


@case
def deep_chain() -> Case:
    x = y = Input((2,))
    layer = Dense(2)
    for _ in range(2500):  # 5,001 nodes
        y = torch.tanh(layer(y))
    return Model(x, y), rows(2, 2)


@case
def several_inputs_and_outputs() -> Case:
    a, b = Input((4,), name="a"), Input((3,), name="b")
    joint = layers.Concatenate()([Dense(5)(a), Dense(6)(b)])
    outputs = {"z_last": Dense(1)(joint), "a_first": [Dense(2)(joint), (Dense(3)(b),)]}
    return Model({"right": b, "left": a}, outputs), {"left": rows(5, 4), "right": rows(5, 3)}


@case
def optional_input_and_fixed_batch() -> Case:
    x = Input(batch_shape=(3, None, 4), dtype="float64", name="x")
    extra = Input((4,), name="extra", dtype="int32", optional=True)
    summed = layers.Dense(2, dtype="float64")(x)
    return Model([x, extra], [summed, extra + 1]), [rows(3, 2, 4).double(), torch.ones(3, 4, dtype=torch.int32)]


@case
def shared_layers() -> Case:
    a, b = Input((4,)), Input((4,))
    encoder = Dense(3, activation="tanh")
    return Model([a, b], encoder(a) - encoder(b)), [rows(5, 4), rows(5, 4) + 1]


@case
def nested_models() -> Case:
    x = Input((4,))
    inner = Model(x, {"code": Dense(3)(x), "norm": layers.BatchNormalization()(x)}, name="inner")
    y = Input((4,))
    middle = Model(y, inner(y)["code"] + inner(inner(y)["norm"])["code"])
    z = Input((4,))
    return Model(z, [middle(z), inner(z)]), rows(5, 4)


@case
def layers_shared_across_models() -> Case:
    """`trunk` lies in two nested models, beside them, and, as a model, twice in the graph."""
    x = Input((4,))
    trunk = Dense(4, name="trunk")
    small = Model(x, trunk(x), name="small")
    one = Model(x, Dense(2)(trunk(x)), name="one")
    two = Model(x, Dense(2)(small(trunk(x))), name="two")
    y = Input((4,))
    return Model(y, (one(y) + two(y)) / 2 + trunk(y)[:, :2]), rows(5, 4)


@case
def model_that_starts_in_the_middle() -> Case:
    x = Input((4,))
    hidden = Dense(3, activation="relu")(x)
    left, right = torch.chunk(Dense(6)(hidden), 2, -1)
    y = Dense(2)(left * right + hidden)
    return Model([left, right, hidden], y), [rows(5, 3), rows(5, 3) * 2, rows(5, 3) + 1]


@case
def outputs_that_are_inputs() -> Case:
    x = Input((4,), name="x")
    y = Dense(4)(x)
    return Model(x, [x, y, y]), rows(2, 4)


# -- functions


@case
def functions_of_torch() -> Case:
    x = Input((4, 6))
    first, second, third = torch.chunk(torch.relu(x), 3, dim=-1)
    top = x.max(dim=1)
    y = torch.einsum("bij,bkj->bik", first, second).softmax(-1) @ third
    y = F.gelu(F.layer_norm(y, (2,)), approximate="tanh") + torch.linalg.norm(x, dim=-1, keepdim=True)
    y = torch.where(y > 0.1, y, -torch.inf).clamp(min=-3.0) + F.hardswish(y) + torch.special.expit(y)
    spectrum = torch.fft.rfft(x, dim=1).abs()
    parts = x.split([1, 5], dim=-1)
    return Model(x, {"y": y, "top": (top.values, top.indices), "spectrum": spectrum, "parts": parts}), rows(3, 4, 6)


@case
def whole_results() -> Case:
    """What `max(dim)` returns is a tuple with names; it is an output, and an argument, as a whole."""
    x = Input((4,))
    return Model(x, [x.max(dim=1), torch.stack(x.unbind(1), -1)]), rows(3, 4)


@case
def operators() -> Case:
    x = Input((4,))
    t = torch.tensor([1.0, 2.0, 3.0, 4.0])
    y = (x + 1) * 2 - x / 3 + (x // 0.5) % 2 + x**2 + 2**x - (1 - x) + t / x + t**2 - t
    y = y + t // (x.abs() + 1) + (t ** x.sigmoid()) + (-x) @ torch.eye(4) + (3 % (x.abs() + 2))
    odd = (x > 0) & (x < 1) | ~(x >= 0.5) ^ (x <= -1)
    return Model(x, [y, odd, (x == x) & (x != t), (torch.ones(4) > 0) & odd]), rows(3, 4)


@case
def indexing() -> Case:
    x = Input((6, 5))
    picked = [x[:, -1], x[..., ::2], x[:, None, 1:3, 0], x[:, [0, 2]], x[:, torch.tensor([4, 1])]]
    return Model(x, picked), rows(3, 6, 5)


@case
def symbolic_sizes() -> Case:
    x = Input((None, None, 3))
    b, h, w, c = ops.shape(x)
    flat = x.reshape(b, h * w, c)
    grid = x.new_zeros((b, h, w, 1)) + ops.cast(ops.arange(w), "float32")[:, None]
    return Model(x, [flat, x.view(b, -1), x.expand(b, h, w, c), flat.mean(1) / w, grid]), rows(2, 3, 4, 3)


@case
def functions_of_ours() -> Case:
    x = Input((8, 8, 3))
    pooled = ops.max_pool(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 2)
    small = ops.image.resize(x, (4, 4))
    taken = ops.take(x, [0, 2], axis=1)
    return Model(x, [ops.mean(pooled, axis=(1, 2)), small, taken, ops.softmax(x)]), rows(2, 8, 8, 3)


@case
def special_values() -> Case:
    x = Input((4,))
    y = torch.nan_to_num(x / 0, nan=0.5, posinf=float("inf"), neginf=float("-inf"))
    z = x.to(torch.float64, memory_format=torch.contiguous_format).to(torch.device("cpu"))
    none, spiral = torch.zeros_like(x, dtype=torch.int16), x.to(torch.complex64) * (1 + 2j)
    return Model(x, [y, z, none, spiral, x * 1e-300]), rows(3, 4)


# -- tensors of the user's


@case
def constants() -> Case:
    x = Input((3,))
    y = x * torch.tensor([0.5, 2.0, -1.0]) + torch.arange(3) - torch.tensor(0.1, dtype=torch.float64)
    y = torch.where(torch.tensor([True, False, True]), y, torch.ones(3, dtype=torch.bfloat16) / 3)
    spiral = x * torch.tensor([1 + 2j, 0, 1j])
    return Model(x, [y, spiral, torch.cat([x, torch.zeros(0, 3)]), y[:, torch.tensor([2, 0])]]), rows(4, 3)


@case
def parameters() -> Case:
    x = Input((3,))
    scale = torch.nn.Parameter(torch.tensor([0.5, 2.0, -1.0]))
    fixed = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]), requires_grad=False)
    dense = Dense(3)
    y = dense(x) * scale + fixed
    return Model(x, F.linear(y, dense.kernel) + scale), rows(4, 3)


@case
def constants_given_to_layers() -> Case:
    x = Input((5, 4))
    rest = torch.nn.Parameter(rows(1, 5, 4))
    return Model(x, layers.Lambda(torch.cat)([x, rest, torch.ones(1, 5, 4)])), rows(2, 5, 4)


# -- masks


@case
def masks() -> Case:
    tokens = Input((None,), dtype="int64", name="tokens")
    vectors = layers.Dropout(0.5)(layers.Embedding(20, 6, mask_zero=True)(tokens))
    states = layers.LSTM(5, return_sequences=True)(vectors)
    last = layers.GRU(4)(states * 2)
    return Model(tokens, [last, states]), torch.tensor([[3, 4, 5, 0, 0], [7, 0, 0, 0, 0], [1, 2, 3, 4, 5]])


@case
def masking_layer() -> Case:
    x = Input((None, 3))
    marked = layers.Masking(-1.0)(x)
    data = rows(2, 4, 3)
    data[0, 2:] = -1.0
    return Model(x, layers.SimpleRNN(4)(torch.tanh(marked))), data


# -- kinds of layers


@case
def image_layers() -> Case:
    x = Input((16, 16, 3))
    y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.BatchNormalization()(y)
    y = layers.SeparableConv2D(8, 3, padding="same")(y) + y
    y = layers.MaxPooling2D()(layers.DepthwiseConv2D(3, padding="same")(y))
    y = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(y)
    y = layers.UpSampling2D()(layers.AveragePooling2D(2)(layers.ZeroPadding2D(1)(y)))
    return Model(x, Dense(3)(layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True)(y)))), rows(2, 16, 16, 3)


@case
def sequence_layers() -> Case:
    x = Input((7, 8))
    y = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x))
    y = layers.Permute((2, 1))(layers.Reshape((14, 4))(y))
    y = layers.Lambda(torch.tanh)(layers.Activation("gelu")(y))
    return Model(x, layers.GRU(3)(layers.LSTM(6, return_sequences=True)(y))), rows(2, 7, 8)


@case
def layers_that_hold_layers() -> Case:
    x = Input((5, 4))
    y = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    inner = Input((6,))
    y = layers.TimeDistributed(Model(inner, Dense(2)(inner)))(y)
    y = layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)])(layers.TimeDistributed(Dense(4))(y))
    return Model(x, y), rows(2, 5, 4)


# -- Sequential


@case
def sequential() -> Case:
    model = Sequential([Input((4,)), Dense(3, activation="relu"), layers.Dropout(0.2), Dense(2)], name="stack")
    return model, rows(5, 4)


@case
def sequential_built_by_data() -> Case:
    model = Sequential([Dense(3), Sequential([Dense(3), Dense(4, name="inner")]), Dense(2)])
    model(rows(5, 4))
    return model, rows(5, 4)


@case
def mixed_models() -> Case:
    x = Input((4,))
    head = Sequential([Dense(3), layers.ReLU()])
    body = Model(x, head(x) * 2)
    return Sequential([Input((4,)), body, Dense(1)]), rows(5, 4)


# -- flags


@case
def frozen() -> Case:
    x = Input((4,))
    base = Model(x, Dense(3, name="thawed")(Dense(4)(x)) * torch.nn.Parameter(torch.ones(3)), name="base")
    base.trainable = False
    base.get_layer("thawed").trainable = True
    y = Dense(2, trainable=False)(base(x)) * torch.nn.Parameter(torch.ones(2), requires_grad=False)
    model = Model(x, Dense(2, name="head")(y))
    model.get_layer("head").bias.requires_grad_(False)
    return model, rows(3, 4)


@case
def names() -> Case:
    """Names by hand among names made up, and two layers that other models have called alike."""
    x = Input((4,))
    one, two = Dense(4), Dense(4)
    Model(x, one(x))
    Model(x, two(x))
    y = two(one(Dense(4, name="dense_1")(x)))
    y = torch.multiply(layers.Multiply()([y, x]), layers.Multiply()([y, y]))
    return Model(x, Dense(4, name="mul")(y * y)), rows(2, 4)


# -- more facts of layers


@case
def policies() -> Case:
    x = Input((4,))
    y = Dense(6, dtype="mixed_bfloat16", activation="gelu")(x)
    y = layers.LayerNormalization(dtype="float32")(y)
    attended = layers.Dense(6, dtype=DTypePolicy("float64"))(y)
    return Model(x, [attended, Dense(2, dtype="bfloat16")(y)]), rows(5, 4)


@case
def policies_of_parts() -> Case:
    inner = Input((4,))
    policy = DTypePolicyMap("float32", {".*small": "mixed_bfloat16"})
    model = Model(inner, Dense(3)(Dense(5, dtype="mixed_bfloat16", name="small")(inner)), dtype=policy)
    x = Input((4,))
    return Model(x, model(x) * 2), rows(5, 4)


@case
def penalties_and_constraints() -> Case:
    x = Input((8, 8, 2))
    y = layers.Conv2D(4, 3, kernel_regularizer=regularizers.L1L2(1e-3, 1e-2), kernel_constraint="max_norm")(x)
    y = layers.ActivityRegularization(l2=0.01)(layers.GroupNormalization(2, gamma_constraint="non_neg")(y))
    y = Dense(3, kernel_constraint=constraints.UnitNorm(axis=0), bias_constraint=constraints.MinMaxNorm(0.1, 0.9))(y)
    return Model(x, layers.GlobalAveragePooling2D()(y)), rows(3, 8, 8, 2)


@case
def losses_of_the_graph() -> Case:
    x = Input((4,))
    code = Dense(3)(x)
    model = Model(x, Dense(4)(code))
    model.add_loss(0.01 * (code**2).mean())
    return model, rows(6, 4)


@case
def random_layers() -> Case:
    x = Input((6, 4))
    y = layers.GaussianNoise(0.1)(layers.SpatialDropout1D(0.2)(layers.Dropout(0.3)(x)))
    y = layers.LSTM(5, return_sequences=True, dropout=0.2, recurrent_dropout=0.1)(layers.GaussianDropout(0.1)(y))
    y = layers.MultiHeadAttention(2, 3, dropout=0.2)(y, y)
    return Model(x, layers.AlphaDropout(0.1)(Dense(2)(y))), rows(3, 6, 4)


@case
def frozen_at_every_depth() -> Case:
    x = Input((4,))
    deep = Sequential([Input((4,)), Dense(4, name="low", trainable=False), Dense(4, name="high")], name="deep")
    middle = Model(x, layers.BatchNormalization(trainable=False)(deep(x)), name="middle")
    return Model(x, Dense(1)(middle(x)) + deep(x)[:, :1]), rows(5, 4)


@case
def states_in_and_out() -> Case:
    sequence = Input((5, 3), name="sequence")
    outputs, h, c = layers.LSTM(4, return_sequences=True, return_state=True, name="encoder")(sequence)
    decoded = layers.LSTM(4, return_sequences=True, name="decoder")(outputs, initial_state=[h, c])
    return Model({"sequence": sequence}, {"decoded": decoded, "state": {"h": h, "c": c}}), {"sequence": rows(2, 5, 3)}


@case
def everything() -> Case:
    """What a file of this format can hold, in one small model: see `make_fixtures`."""
    tokens, picture = Input((None,), dtype="int64", name="tokens"), Input((8, 8, 3), name="picture")
    words = layers.Embedding(20, 6, mask_zero=True, name="words")(tokens)
    read = layers.Bidirectional(layers.GRU(4), name="reader")(layers.Dropout(0.1)(words))
    part = Input((8,), name="part")
    shared = Dense(8, activation="tanh", kernel_regularizer="l2", name="shared")
    inner = Model(part, {"code": shared(part), "norm": layers.BatchNormalization()(part)}, name="inner")
    seen = layers.Conv2D(8, 3, padding="same", activation="relu", kernel_constraint="max_norm")(picture)
    seen = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(seen))
    joint = torch.cat([inner(read)["code"], shared(seen), inner(seen)["norm"][:, ::2]], dim=-1)
    scale = torch.nn.Parameter(torch.linspace(0.5, 1.5, 20))
    joint = F.gelu(joint * scale + torch.arange(20) / 10)
    frozen_head = Dense(3, trainable=False, dtype="mixed_bfloat16", name="frozen_head")(joint)
    top = joint.max(dim=1)
    outputs = {"price": Dense(1, name="price")(joint), "more": [frozen_head, (top.values, top.indices)]}
    data = {"tokens": torch.tensor([[3, 4, 5, 0], [7, 0, 0, 0], [1, 2, 3, 4]]), "picture": rows(3, 8, 8, 3)}
    return Model({"tokens": tokens, "picture": picture}, outputs, name="everything"), data
