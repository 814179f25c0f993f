"""Recurrent layers as people put them together, beside Keras: states in and out, own cells, stateful training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers
from lamina.graph import StructureError, tree
from tests.layers.cases.form import Case, Sub, case, numbers
from tests.layers.parity import check_case

X = (3, 5, 4)
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0]]).astype(bool)
# With an initial state Keras leaves a mask that rides on the input out; so here a mask is always given.
UNMASKED = {"mask": np.ones((3, 5), dtype=bool)}
H = [numbers(3, 2) * scale for scale in (1, 2, 3, 4)]
ALL = {"return_sequences": True, "return_state": True}

CASES = [
    *(
        case(
            "Bidirectional",
            X,
            {"initial_state": H if kind == "LSTM" else H[:2], **masked},
            layer=Sub(kind, units=2, **options),
            merge_mode=mode,
        )
        for kind in ("LSTM", "GRU")
        for mode in ("concat", "sum", "mul", "ave", None)
        for options in ({}, ALL)
        for masked in (UNMASKED, {"mask": MASK})
    ),
    case("Bidirectional", X, {"initial_state": H[:2], **UNMASKED}, layer=Sub("SimpleRNN", units=2, **ALL)),
    case(
        "Bidirectional",
        X,
        layer=Sub("LSTM", units=2, go_backwards=True, **ALL),
        backward_layer=Sub("LSTM", units=2, **ALL),
        merge_mode="sum",
    ),
    case("Bidirectional", X, layer=Sub("RNN", cell=Sub("GRUCell", units=2, reset_after=False), **ALL)),
    case(
        "RNN",
        X,
        {"initial_state": [[H[0], H[1]], [H[2]]], "mask": MASK},
        cell=[Sub("LSTMCell", units=2), Sub("GRUCell", units=2)],
        **ALL,
    ),
    case("RNN", X, {"mask": MASK}, cell=[Sub("LSTMCell", units=2), Sub("SimpleRNNCell", units=3)], go_backwards=True),
    case("RNN", X, {"initial_state": [H[0], H[1]], **UNMASKED}, cell=Sub("LSTMCell", units=2), **ALL),
    case("TimeDistributed", (2, 3, 5, 4), layer=Sub("Bidirectional", layer=Sub("GRU", units=2))),
    # In training Keras normalizes each step by itself.
    case("TimeDistributed", X, layer=Sub("BatchNormalization"), test_training=(False,)),
    case("TimeDistributed", (2, 3, 4, 5), layer=Sub("TimeDistributed", layer=Sub("Dense", units=3))),
    case("TimeDistributed", (2, 3, 4), {"mask": MASK[:2, :3]}, layer=Sub("Dense", units=3, activation="relu")),
]


@pytest.mark.quick_cases(12)
@pytest.mark.parametrize("row", CASES, ids=str)
def test_beside_keras(row: Case) -> None:
    check_case(row)


# -- cells of one's own, the same text for both libraries


def minimal_cell(base: Any) -> Any:
    """One state; the output is the state."""

    class Minimal(base):
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.state_size = units

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], self.state_size), name="kernel")
            self.recurrent = self.add_weight(shape=(self.state_size, self.state_size), name="recurrent")

        def call(self, inputs: Any, states: Any) -> Any:
            h = torch.tanh(inputs @ self.kernel + states[0] @ self.recurrent)
            return h, [h]

    return Minimal


def pair_cell(base: Any) -> Any:
    """Two states of unlike widths, an output of a third one, first states that are not zeros, and a training flag."""

    class Pair(base):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.state_size = [3, 2]
            self.output_size = 5

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1] + 5, 5), name="kernel")

        def get_initial_state(self, batch_size: Any = None) -> Any:
            return [torch.ones(batch_size, 3), torch.full((batch_size, 2), 0.5)]

        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            joined = torch.tanh(torch.cat([inputs, *states], -1) @ self.kernel)
            output = joined * 2 if training else joined
            return output, [joined[:, :3], states[1] + joined[:, 3:]]

    return Pair


def both(make: Any, **options: Any) -> tuple[Any, Any]:
    """An RNN of this cell in Keras and here, with the same weights."""
    theirs, ours = (k.layers.RNN(make(k.layers.Layer)(), **options) for k in (keras, lamina))
    x = torch.zeros(3, 5, 4)
    theirs(x), ours(x)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


@pytest.mark.quick_cases(5)
@pytest.mark.parametrize("make", [minimal_cell, pair_cell])
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, ALL, {"go_backwards": True, **ALL}])
@pytest.mark.parametrize("mask", [None, torch.tensor(MASK)], ids=["all", "masked"])
def test_cells_of_ones_own(make: Any, options: dict[str, Any], mask: Any) -> None:
    theirs, ours = both(make, **options)
    torch.manual_seed(3)
    x = torch.randn(3, 5, 4)
    found = []
    for layer, weights in ((theirs, [w.value for w in theirs.weights]), (ours, ours.weights)):
        outputs = layer(x, mask=mask)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        found.append([*outputs, *torch.autograd.grad(sum((o**2).sum() for o in outputs), weights)])
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-6)
    drawn = ours(layers.Input((None, 4)))
    shapes = [tuple(tensor.shape) for tensor in (drawn if isinstance(drawn, tuple) else (drawn,))]
    assert [shape[-1] for shape in shapes] == [output.shape[-1] for output in found[1][: len(shapes)]]


def test_a_cell_is_told_that_it_trains() -> None:
    """Keras tells its cells too, but asks a private flag that a cell of one's own has by its signature."""
    theirs, ours = both(pair_cell, return_sequences=True)
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours(x, training=True), theirs(x, training=True), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(ours(x, training=True), ours(x, training=False))


class Nested(layers.Layer):
    """States at two depths: [4, [3, 2]]."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = [4, [3, 2]]

    def call(self, inputs: torch.Tensor, states: Any) -> Any:
        a, (b, c) = states
        return a, [a + inputs.sum(-1, keepdim=True), [b + 1, c + a[:, :2]]]


def test_nested_states() -> None:
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    layer = layers.RNN(Nested(), return_state=True, return_sequences=True)
    outputs, a, (b, c) = layer(x)
    totals = x.sum(-1).cumsum(1)
    torch.testing.assert_close(outputs, torch.cat([torch.zeros(3, 1), totals[:, :-1]], 1).unsqueeze(-1).expand(3, 5, 4))
    torch.testing.assert_close(a, totals[:, -1:].expand(3, 4))
    torch.testing.assert_close(b, torch.full((3, 3), 5.0))
    torch.testing.assert_close(c, outputs.sum(1)[:, :2])
    again = layer(x, initial_state=[a, [b, c]])
    torch.testing.assert_close(again[1], 2 * a)
    torch.testing.assert_close(again[2][0], torch.full((3, 3), 10.0))
    masked = layer(x, mask=torch.tensor(MASK))
    torch.testing.assert_close(masked[2][0], torch.tensor(MASK).sum(1, keepdim=True).expand(3, 3).float())
    y, _, (drawn, _) = layer(layers.Input((None, 4)))
    assert (y.shape, drawn.shape) == ((None, None, 4), (None, 3))
    with pytest.raises(StructureError, match="(?s)2: .*3, of sizes"):
        layer(x, initial_state=[a, b])


# -- state from batch to batch


def stateful_model(k: Any) -> Any:
    x = k.layers.Input(batch_shape=(2, 3, 4))
    y = k.layers.GRU(3, stateful=True, return_sequences=True, reset_after=False)(x)
    y = k.layers.RNN(k.layers.LSTMCell(2), stateful=True)(y)
    return k.Model(x, k.layers.Dense(1)(y))


def test_stateful_layers_train_as_in_keras() -> None:
    """Batches of one long sequence: each goes on where the one before ended, and reset_states begins anew."""
    theirs, ours = stateful_model(keras), stateful_model(lamina)
    ours.set_weights(theirs.get_weights())
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3, 4)).astype("float32"), rng.normal(size=(8, 1)).astype("float32")
    losses = []
    for model, k in ((theirs, keras), (ours, lamina)):
        model.compile(k.optimizers.SGD(0.1), "mse")
        found = []
        for _ in range(3):
            history = model.fit(x, y, batch_size=2, epochs=1, shuffle=False, verbose=0)
            found.append(history.history["loss"][0])
            for layer in model.layers:
                if hasattr(layer, "reset_states"):
                    layer.reset_states()
        losses.append(found)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        ours.predict(x, batch_size=2, verbose=0), theirs.predict(x, batch_size=2, verbose=0), rtol=1e-4, atol=1e-5
    )


def test_state_matters() -> None:
    """Without the state from the batch before, the same batch gives something else."""
    model = stateful_model(lamina)
    x = torch.randn(2, 3, 4)
    first, second = model(x), model(x)
    assert not torch.allclose(first, second)
    for layer in model.layers:
        if isinstance(layer, layers.RNN):
            layer.reset_state()
    torch.testing.assert_close(model(x), first)


def test_stateful_both_ways() -> None:
    x = torch.randn(2, 3, 4)
    layer = layers.Bidirectional(layers.LSTM(2, stateful=True))
    first = layer(x)
    assert len(layer.states) == 4
    assert not torch.allclose(layer(x), first)
    layer.reset_states()
    torch.testing.assert_close(layer(x), first)


# -- states from one layer into another


def test_a_decoder_goes_on_from_the_encoder() -> None:
    """Trained together in Keras and here: teacher forcing through the states."""

    def build(k: Any) -> Any:
        source, target = k.layers.Input((None,), dtype="int32"), k.layers.Input((None,), dtype="int32")
        embed = k.layers.Embedding(6, 4, mask_zero=True)
        _, h, c = k.layers.LSTM(5, return_state=True)(embed(source))
        y = k.layers.LSTM(5, return_sequences=True)(
            embed(target), initial_state=[h, c], mask=embed.compute_mask(target)
        )
        return k.Model([source, target], k.layers.TimeDistributed(k.layers.Dense(6, activation="softmax"))(y))

    theirs, ours = build(keras), build(lamina)
    ours.set_weights(theirs.get_weights())
    rng = np.random.default_rng(0)
    data = [rng.integers(0, 6, size=(8, steps)).astype("int32") for steps in (7, 9)]
    labels = rng.integers(0, 6, size=(8, 9)).astype("int32")
    losses = []
    for model, k in ((theirs, keras), (ours, lamina)):
        model.compile(k.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        losses.append(model.fit(data, labels, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_a_mask_that_is_given_goes_on_to_the_next_layer() -> None:
    """Drawn and called, as one that rides on the input does."""

    def build(k: Any) -> tuple[Any, list[Any]]:
        first, second = k.layers.LSTM(4, return_sequences=True), k.layers.GRU(3)
        x, mask = k.layers.Input((5, 4)), k.layers.Input((5,), dtype="bool")
        return k.Model([x, mask], second(first(x, mask=mask))), [first, second]

    (theirs, _), (ours, (first, second)) = build(keras), build(lamina)
    ours.set_weights(theirs.get_weights())
    x, mask = torch.randn(3, 5, 4), torch.tensor(MASK)
    expected = theirs([x, mask])
    torch.testing.assert_close(ours([x, mask]), expected)
    torch.testing.assert_close(second(first(x, mask=mask)), expected)


def reader(k: Any) -> Any:
    """(B, sentences, words) of word numbers: a model for each sentence, then one layer over them."""
    words, sentences = k.layers.Input((5,), dtype="int32"), k.layers.Input((None, 5), dtype="int32")
    read = k.Model(words, k.layers.LSTM(4)(k.layers.Embedding(7, 3, mask_zero=True)(words)))
    return k.Model(sentences, k.layers.GRU(3)(k.layers.TimeDistributed(read)(sentences)))


def of_images(k: Any) -> Any:
    x = k.layers.Input((4, 6, 6, 2))
    look = k.Sequential([k.layers.Conv2D(3, 3, activation="relu"), k.layers.Flatten(), k.layers.Dense(4)])
    return k.Model(x, k.layers.LSTM(3)(k.layers.TimeDistributed(look)(x)))


@pytest.mark.parametrize(
    "build, data", [(reader, torch.randint(0, 7, (3, 4, 5))), (of_images, torch.randn(2, 4, 6, 6, 2))]
)
def test_models_within_time_distributed(build: Any, data: torch.Tensor) -> None:
    torch._dynamo.reset()
    theirs, ours = build(keras), build(lamina)
    ours.set_weights(theirs.get_weights())
    found = []
    for outputs, weights in ((theirs(data), [w.value for w in theirs.weights]), (ours(data), list(ours.parameters()))):
        found.append([outputs, *torch.autograd.grad((outputs**2).sum(), weights)])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-6)
    unknown = (None, *data.shape[1:])
    assert ours.compute_output_shape(unknown) == theirs.compute_output_shape(unknown) == (None, 3)
    compiled = torch.compile(ours, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(data), found[1][0])


def test_the_shape_rule_of_a_model_with_inputs_of_several_kinds() -> None:
    def build(k: Any) -> Any:
        ids, z = k.layers.Input((None,), dtype="int32", name="ids"), k.layers.Input((3,), name="z")
        y = k.layers.LSTM(4)(k.layers.Embedding(7, 3)(ids))
        return k.Model({"z": z, "ids": ids}, [k.layers.Concatenate()([y, z]), y])

    shapes = {"ids": (None, 5), "z": (None, 3)}
    assert build(lamina).compute_output_shape(shapes) == build(keras).compute_output_shape(shapes)


# -- under torch.compile


def compiled_layers() -> dict[str, Any]:
    return {
        "minimal cell": layers.RNN(minimal_cell(layers.Layer)(), **ALL),
        "cell with a training flag": layers.RNN(pair_cell(layers.Layer)(), return_sequences=True),
        "nested states": layers.RNN(Nested(), return_sequences=True),
        "recurrent dropout": layers.GRU(3, recurrent_dropout=0.3),
        "no kernel": layers.LSTM(3, activation="softsign", return_sequences=True),
        "mixed stack": layers.RNN([layers.LSTMCell(3), minimal_cell(layers.Layer)()], **ALL),
        "both ways, one of them no kernel": layers.Bidirectional(
            layers.LSTM(3), backward_layer=layers.LSTM(3, activation="relu", go_backwards=True)
        ),
        "distributed": layers.TimeDistributed(layers.Dense(3)),
        "stateful": layers.RNN(minimal_cell(layers.Layer)(), stateful=True),
    }


@pytest.mark.parametrize(
    "name, mask", [*((name, None) for name in compiled_layers()), ("nested states", MASK), ("mixed stack", MASK)]
)
def test_compiles_as_one_graph(name: str, mask: Any) -> None:
    torch._dynamo.reset()
    layer = compiled_layers()[name]
    mask = None if mask is None else torch.tensor(mask)
    x = torch.randn(3, 5, 4)
    layer(x)
    found = []
    for run in (layer, torch.compile(layer, fullgraph=True, backend="eager")):
        if layer.__dict__.get("stateful"):
            layer.reset_state()
        leaf = x.clone().requires_grad_()
        outputs = list(tree.leaves(run(leaf, mask=mask)))
        found.append([*outputs, torch.autograd.grad(sum((o**2).sum() for o in outputs), leaf)[0]])
    torch.testing.assert_close(found[1], found[0])
