"""Random models, the same from the same seed, in Keras' namespace or Lamina's: they share their words."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

# A step takes a tensor of this kind and gives one: "flat" (B, F), "steps" (B, T, F), "image" (B, H, W, C),
# "volume" (B, D, H, W, C). Sizes stay tiny.
Step = Callable[[Any, random.Random, Any], Any]
ACTIVATIONS = "relu tanh sigmoid gelu selu elu softplus swish softsign linear hard_sigmoid leaky_relu mish".split()


class Space:
    """One library: its layers, ops and Model."""

    def __init__(self, library: Any) -> None:
        self.layers, self.ops = library.layers, library.ops
        self.Model, self.Input, self.Sequential = library.Model, library.layers.Input, library.Sequential


def sized(rng: random.Random) -> int:
    return rng.choice([2, 3, 4, 6])


def act(rng: random.Random) -> str:
    return rng.choice(ACTIVATIONS)


FLAT: list[Step] = [
    lambda k, r, x: k.layers.Dense(sized(r), activation=act(r), use_bias=r.random() < 0.7)(x),
    lambda k, r, x: k.layers.BatchNormalization(scale=r.random() < 0.7, center=r.random() < 0.7)(x),
    lambda k, r, x: k.layers.LayerNormalization(epsilon=1e-3)(x),
    lambda k, r, x: k.layers.UnitNormalization()(x),
    lambda k, r, x: k.layers.RMSNormalization()(x),
    lambda k, r, x: k.layers.Dropout(0.3)(x),
    lambda k, r, x: k.layers.GaussianNoise(0.3)(x),
    lambda k, r, x: k.layers.Activation(act(r))(x),
    lambda k, r, x: k.layers.LeakyReLU(negative_slope=0.1)(x),
    lambda k, r, x: k.layers.PReLU()(x),
    lambda k, r, x: k.layers.ELU(alpha=0.7)(x),
    lambda k, r, x: k.layers.ReLU(max_value=3.0, negative_slope=0.1)(x),
    lambda k, r, x: k.layers.Softmax()(x),
    lambda k, r, x: k.layers.Concatenate()([x, k.layers.Dense(2)(x)]),
    lambda k, r, x: getattr(k.layers, r.choice("Add Multiply Average Maximum Minimum Subtract".split()))()([x, -x]),
    lambda k, r, x: k.layers.EinsumDense("ab,bc->ac", output_shape=3, bias_axes="c")(x),
    lambda k, r, x: x + r.choice([1, 0.5, -2.0]),
    lambda k, r, x: 1 - x * 2,
    lambda k, r, x: x / 3.0 - x**2,
    lambda k, r, x: getattr(k.ops, r.choice("tanh sin cos abs square sigmoid relu silu softplus sign".split()))(x),
    lambda k, r, x: k.ops.concatenate([x, k.ops.exp(-k.ops.abs(x))], axis=-1),
    lambda k, r, x: k.ops.maximum(x, 0.1) + k.ops.minimum(x, -0.1),
    lambda k, r, x: x - k.ops.mean(x, axis=-1, keepdims=True),
    lambda k, r, x: x * k.ops.softmax(x, axis=-1) + k.ops.sum(x, axis=1, keepdims=True),
    lambda k, r, x: k.ops.where(x > 0, x, x * 0.1),
    lambda k, r, x: k.ops.clip(x, -1.0, 1.0),
    lambda k, r, x: x[:, :2],
    lambda k, r, x: k.ops.stack([x, x + 1], axis=1)[:, 0],
    lambda k, r, x: k.ops.gelu(x, approximate=r.random() < 0.5),
    lambda k, r, x: k.ops.split(k.layers.Dense(4)(x), 2, axis=1)[r.randrange(2)],
    lambda k, r, x: k.ops.sqrt(k.ops.var(x, axis=1, keepdims=True) + 1e-2) + x,
]
STEPS: list[Step] = [
    lambda k, r, x: k.layers.Dense(sized(r), activation=act(r))(x),
    lambda k, r, x: k.layers.Conv1D(sized(r), 2, padding=r.choice(["same", "valid", "causal"]))(x),
    lambda k, r, x: k.layers.SeparableConv1D(sized(r), 2, padding="same", depth_multiplier=2)(x),
    lambda k, r, x: k.layers.DepthwiseConv1D(2, padding="same", depth_multiplier=r.choice([1, 2]))(x),
    lambda k, r, x: k.layers.Conv1DTranspose(sized(r), 2, strides=r.choice([1, 2]))(x),
    lambda k, r, x: k.layers.LSTM(sized(r), return_sequences=True, activation=r.choice(["tanh", "relu"]))(x),
    lambda k, r, x: k.layers.GRU(sized(r), return_sequences=True, reset_after=r.random() < 0.5)(x),
    lambda k, r, x: k.layers.SimpleRNN(sized(r), return_sequences=True, go_backwards=r.random() < 0.5)(x),
    lambda k, r, x: k.layers.Bidirectional(
        k.layers.LSTM(2, return_sequences=True), merge_mode=r.choice(["concat", "sum", "ave"])
    )(x),
    lambda k, r, x: k.layers.RNN(
        k.layers.StackedRNNCells([k.layers.LSTMCell(2), k.layers.GRUCell(3)]), return_sequences=True
    )(x),
    lambda k, r, x: k.layers.TimeDistributed(k.layers.Dense(sized(r), activation=act(r)))(x),
    lambda k, r, x: k.layers.MultiHeadAttention(2, 2, value_dim=r.choice([None, 3]))(x, x),
    lambda k, r, x: k.layers.Attention(use_scale=r.random() < 0.5)([x, x]),
    lambda k, r, x: k.layers.AdditiveAttention()([x, x]),
    lambda k, r, x: k.layers.LayerNormalization(axis=r.choice([-1, [1, 2]]))(x) if x.shape[1] else x,
    lambda k, r, x: k.layers.GroupNormalization(groups=-1)(x),
    lambda k, r, x: k.layers.SpatialDropout1D(0.2)(x),
    lambda k, r, x: k.layers.MaxPooling1D(2, strides=1, padding="same")(x),
    lambda k, r, x: k.layers.AveragePooling1D(2, strides=1)(x) if x.shape[1] > 2 else x,
    lambda k, r, x: k.layers.ZeroPadding1D(1)(x),
    lambda k, r, x: k.layers.Cropping1D((1, 0))(x) if x.shape[1] > 2 else x,
    lambda k, r, x: k.layers.UpSampling1D(2)(x) if x.shape[1] < 5 else x,
    lambda k, r, x: k.layers.Permute((2, 1))(x),
    lambda k, r, x: k.ops.transpose(x, (0, 2, 1)),
    lambda k, r, x: k.ops.flip(x, axis=1) + k.ops.roll(x, 1, axis=1),
    lambda k, r, x: x + k.ops.max(x, axis=1, keepdims=True),
    lambda k, r, x: k.ops.pad(x, ((0, 0), (1, 0), (0, 0))),
    lambda k, r, x: k.ops.swapaxes(k.ops.matmul(x, k.ops.transpose(x, (0, 2, 1))), 1, 2),
    lambda k, r, x: k.ops.cumsum(x, axis=1),
    lambda k, r, x: k.ops.repeat(x, 2, axis=1) if x.shape[1] < 5 else x,
    lambda k, r, x: k.layers.Conv1D(2, 2, dilation_rate=2, padding="same", kernel_regularizer="l2", activation=act(r))(
        x
    ),
]
IMAGE: list[Step] = [
    lambda k, r, x: (
        k.layers.Conv2D(sized(r), (2, 3), padding=r.choice(["same", "valid"]), activation=act(r))(x)
        if min(x.shape[1:3]) > 3
        else x
    ),
    lambda k, r, x: k.layers.Conv2D(4, 2, padding="same", kernel_initializer="he_normal", bias_constraint="max_norm")(
        x
    ),
    lambda k, r, x: k.layers.Conv2D(x.shape[-1], 2, padding="same", groups=x.shape[-1], use_bias=False)(x),
    lambda k, r, x: k.layers.DepthwiseConv2D(2, padding="same")(x),
    lambda k, r, x: k.layers.SeparableConv2D(sized(r), 2, padding="same")(x),
    lambda k, r, x: k.layers.Conv2DTranspose(sized(r), 2, strides=1, padding=r.choice(["same", "valid"]))(x),
    lambda k, r, x: k.layers.BatchNormalization(axis=r.choice([-1, 1, 3]))(x),
    lambda k, r, x: k.layers.MaxPooling2D(2, padding="same")(x),
    lambda k, r, x: k.layers.AveragePooling2D(2, strides=1)(x) if min(x.shape[1:3]) > 2 else x,
    lambda k, r, x: k.layers.UpSampling2D((1, 2), interpolation="nearest")(x) if x.shape[2] < 5 else x,
    lambda k, r, x: k.layers.ZeroPadding2D(((1, 0), (0, 1)))(x),
    lambda k, r, x: k.layers.Cropping2D(((0, 1), (0, 0)))(x) if x.shape[1] > 2 else x,
    lambda k, r, x: k.layers.SpatialDropout2D(0.2)(x),
    lambda k, r, x: k.layers.GroupNormalization(1)(x),
    lambda k, r, x: k.layers.Permute((2, 1, 3))(x),
    lambda k, r, x: x * k.ops.sigmoid(k.ops.mean(x, axis=(1, 2), keepdims=True)),
    lambda k, r, x: k.ops.relu6(x) - k.ops.leaky_relu(x, 0.3),
]
VOLUME: list[Step] = [
    lambda k, r, x: k.layers.Conv3D(2, 2, padding="same", activation=act(r))(x),
    lambda k, r, x: k.layers.Conv3DTranspose(2, 2, padding="same")(x),
    lambda k, r, x: k.layers.MaxPooling3D(2, padding="same")(x),
    lambda k, r, x: k.layers.BatchNormalization()(x),
    lambda k, r, x: k.layers.ZeroPadding3D(1)(x) if x.shape[1] < 4 else x,
    lambda k, r, x: k.layers.SpatialDropout3D(0.2)(x),
]
TO_FLAT: dict[str, list[Step]] = {
    "flat": [lambda k, r, x: x],
    "steps": [
        lambda k, r, x: k.layers.GlobalAveragePooling1D()(x),
        lambda k, r, x: k.layers.GlobalMaxPooling1D()(x),
        lambda k, r, x: k.layers.LSTM(2)(x),
        lambda k, r, x: k.layers.Flatten()(x),
        lambda k, r, x: x[:, -1],
        lambda k, r, x: k.ops.mean(x, axis=1),
    ],
    "image": [
        lambda k, r, x: k.layers.GlobalAveragePooling2D()(x),
        lambda k, r, x: k.layers.Flatten()(x),
        lambda k, r, x: k.ops.max(x, axis=[1, 2]),
    ],
    "volume": [lambda k, r, x: k.layers.GlobalMaxPooling3D()(x), lambda k, r, x: k.layers.Flatten()(x)],
}
SHAPES = {"flat": (4,), "steps": (4, 3), "image": (4, 5, 2), "volume": (2, 3, 2, 2)}
CHAINS = {"flat": FLAT, "steps": STEPS, "image": IMAGE, "volume": VOLUME}


def branch(k: Space, rng: random.Random, name: str) -> tuple[Any, Any]:
    """(input, tensor (B, F)): from an Input of some kind through some steps."""
    kind = rng.choice(["flat", "flat", "steps", "steps", "image", "image", "volume", "ids"])
    if kind == "ids":
        x = k.Input((4,), dtype="int32", name=name)
        y = k.layers.Embedding(5, 3, mask_zero=rng.random() < 0.5)(x)
        y = k.layers.LSTM(3, return_sequences=True)(y)
        return x, k.layers.GlobalAveragePooling1D()(y)
    x = y = k.Input(SHAPES[kind], name=name)
    for _ in range(rng.randint(1, 4)):
        y = rng.choice(CHAINS[kind])(k, rng, y)
    return x, rng.choice(TO_FLAT[kind])(k, rng, y)


def nested(k: Space, rng: random.Random) -> Any:
    """A model of (B, 3) -> (B, 3)."""
    if rng.random() < 0.4:
        return k.Sequential([k.Input((3,)), k.layers.Dense(4, activation=act(rng)), k.layers.Dense(3)])
    x = k.Input((3,))
    return k.Model(x, k.layers.Dense(3, activation=act(rng))(rng.choice(FLAT)(k, rng, x)) + x)


def model(k: Space, seed: int) -> Any:
    """The random model of this seed."""
    rng = random.Random(seed)
    pairs = [branch(k, rng, f"in{i}") for i in range(rng.choice([1, 1, 2, 3]))]
    inputs = [x for x, _ in pairs]
    parts = [k.layers.Dense(3)(y) for _, y in pairs]
    if rng.random() < 0.4:
        shared = k.layers.Dense(3, activation="tanh", name="shared")
        parts = [shared(y) for y in parts] + [shared(parts[0])]
    if rng.random() < 0.4:
        inner = nested(k, rng)
        parts = [inner(inner(parts[0])), *parts[1:], inner(parts[-1])]
    merged = k.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    for _ in range(rng.randint(0, 2)):
        merged = rng.choice(FLAT)(k, rng, merged)
    outputs: Any = k.layers.Dense(2, name="head")(merged)
    choice = rng.random()
    if choice < 0.2:
        outputs = [outputs, parts[0]]
    elif choice < 0.4:
        outputs = {"head": outputs, "a": parts[-1]}
    if len(inputs) == 1:
        return k.Model(inputs[0], outputs)
    return k.Model({x.name: x for x in inputs} if rng.random() < 0.4 else inputs, outputs)


# ---- names, orders and equal shapes that can be confused

# Names that Keras gives by itself, out of their order; words of its files; what sorts otherwise than it was made.
NAMES = (
    "dense_1 dense dense_10 dense_2 Dense dense_01 layers vars kernel bias model functional sequential input input_1 "
    "layer 0 10 1 9 _dense dense_ batch_normalization_1 batch_normalization lstm x y z a b Z ä weights optimizer self "
    "metrics name config cell layer_1 dense__1 top_level_model_weights model_weights"
).split()
# All of (B, 3) -> (B, 3), most of them with weights of one shape.
ALIKE: list[Callable[[Any, Any, Any], Any]] = [
    lambda k, r, n: k.layers.Dense(3, name=n),
    lambda k, r, n: k.layers.Dense(3, name=n),
    lambda k, r, n: k.layers.Dense(3, use_bias=False, activation=act(r), name=n),
    lambda k, r, n: k.layers.BatchNormalization(name=n),
    lambda k, r, n: k.layers.LayerNormalization(name=n),
    lambda k, r, n: k.layers.EinsumDense("ab,bc->ac", output_shape=3, bias_axes="c", name=n),
    lambda k, r, n: k.layers.PReLU(name=n),
    lambda k, r, n: alike_within(k, r, n),
    lambda k, r, n: alike_in_a_row(k, r, n),
]
ALIKE_STEPS: list[Callable[[Any, Any, Any], Any]] = [
    lambda k, r, n: k.layers.LSTM(3, return_sequences=True, name=n),
    lambda k, r, n: k.layers.GRU(3, return_sequences=True, name=n),
    lambda k, r, n: k.layers.Conv1D(3, 1, name=n),
    lambda k, r, n: k.layers.Dense(3, name=n),
    lambda k, r, n: k.layers.TimeDistributed(k.layers.Dense(3, name="dense"), name=n),
    lambda k, r, n: k.layers.TimeDistributed(alike_within(k, r, "inner"), name=n),
    lambda k, r, n: k.layers.Bidirectional(
        k.layers.LSTM(3, return_sequences=True), backward_layer=k.layers.LSTM(3, return_sequences=True,
                                                                              go_backwards=True),
        merge_mode="sum", name=n),
    lambda k, r, n: k.layers.RNN(
        k.layers.StackedRNNCells([k.layers.GRUCell(3), k.layers.GRUCell(3)]), return_sequences=True, name=n),
]  # fmt: skip


def taken(r: random.Random, names: list[str]) -> str:
    """A name that no other layer of the model has, which Keras would refuse."""
    free = [name for name in NAMES if name not in names]
    names.append(r.choice(free))
    return names[-1]


def alike_within(k: Space, r: random.Random, name: str) -> Any:
    """A model of (B, 3) -> (B, 3) whose layers have names that layers around it have, too."""
    own: list[str] = []
    x = k.Input((3,), name=taken(r, own))
    one, two = (k.layers.Dense(3, name=taken(r, own)) for _ in range(2))
    return k.Model(x, one(two(x)) + two(x) if r.random() < 0.5 else two(one(x)) + x, name=name)


def alike_in_a_row(k: Space, r: random.Random, name: str) -> Any:
    own: list[str] = []
    return k.Sequential([k.Input((3,)), *(k.layers.Dense(3, name=taken(r, own)) for _ in range(2))], name=name)


def confusable(k: Space, seed: int) -> Any:
    """A model of layers alike, made in one order, called in another, and named in a third."""
    r = random.Random(seed)
    names: list[str] = []
    steps = r.random() < 0.3
    shape, kinds = ((2, 3), ALIKE_STEPS) if steps else ((3,), ALIKE)
    inputs = [k.Input(shape, name=taken(r, names) or f"in{i}") for i in range(r.randint(1, 3))]
    made = [r.choice(kinds)(k, r, taken(r, names)) for _ in range(r.randint(3, 7))]
    r.shuffle(made)
    known = list(inputs)
    for layer in [*made, *r.sample(made, r.randint(0, 2))]:  # some of them twice
        x = r.choice(known[-4:])
        if r.random() < 0.25:
            x = x + r.choice(known)
        known.append(layer(x))
    r.shuffle(known)
    total = known[0]
    for other in known[1:]:
        total = total + other * r.choice([0.5, 1.0, 2.0])
    head = k.layers.Dense(3, name=taken(r, names))(total)
    keys = r.sample(NAMES, 2)
    outputs = r.choice([head, [head, total], {keys[0]: head, keys[1]: total}])
    if len(inputs) == 1:
        return k.Model(inputs[0], outputs)
    r.shuffle(inputs)
    return k.Model({x.name: x for x in inputs} if r.random() < 0.4 else inputs, outputs)
