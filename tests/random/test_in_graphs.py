"""Random draws on symbolic tensors: part of a model that is drawn, run, trained, saved, copied and compiled."""

from __future__ import annotations

import contextlib
import copy
import pickle
import warnings

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers, ops, random
from lamina.graph import ArgumentError, DtypeError, ShapeError
from tests.saving.elsewhere import elsewhere
from tests.saving.look import same


def noisy(seed):
    """A model with every draw in it."""
    x = layers.Input((4,), name="x")
    h = random.dropout(x, 0.5, seed=seed) + random.normal(ops.shape(x), stddev=0.5, seed=seed)
    h = random.dropout(h, 0.5, (None, 1), seed=seed)
    h = h * random.uniform((ops.shape(x)[0], 1), 0.5, 1.5, seed=seed)
    h = random.shuffle(h, axis=1, seed=seed) + random.truncated_normal(ops.shape(h), seed=seed)
    h = h + random.gamma(ops.shape(h), torch.abs(h) + 1, seed=seed)
    h = h + random.beta(ops.shape(h), torch.abs(h) + 1, 2.0, seed=seed)
    h = h + random.binomial(ops.shape(h), 3, 0.5, seed=seed)
    h = h + random.randint((ops.shape(h)[0], 4), 0, 3, seed=seed)
    h = h + random.categorical(h, 4, seed=seed)
    return lamina.Model(x, layers.Dense(2, name="out")(h))


X = torch.linspace(-1, 1, 12).reshape(3, 4)


@pytest.mark.parametrize("rows", [3, 7])
def test_a_bound_that_only_run_time_tells(rows):
    x = layers.Input((4,))
    for seed in (None, 3):
        model = lamina.Model(x, random.randint((50,), 0, ops.shape(x)[0], seed=seed))
        drawn = model(torch.ones(rows, 4))
        assert sorted(set(drawn.tolist())) == list(range(rows))
        assert drawn.dtype == torch.int32


@pytest.mark.parametrize("rows", [3, 7])
def test_shapes_and_two_sizes(rows):
    model = noisy(None)
    assert model.output_shape == (None, 2)
    assert model(torch.ones(rows, 4)).shape == (rows, 2)
    node = model.node("gamma").output
    assert (node.shape, node.dtype) == ((None, 4), torch.float32)


def test_each_run_draws_anew_in_training_and_in_inference():
    model = noisy(random.SeedGenerator(3))
    for training in (None, False, True):
        assert not torch.equal(model(X, training=training), model(X, training=training))
    fixed = noisy(3)
    assert torch.equal(fixed(X), fixed(X))
    free = noisy(None)
    lamina.utils.set_random_seed(1)
    first = free(X)
    assert not torch.equal(free(X), first)
    lamina.utils.set_random_seed(1)
    assert torch.equal(free(X), first)


def test_a_draw_of_a_plain_shape_is_a_constant():
    x = layers.Input((4,))
    model = lamina.Model(x, x + random.normal((4,)))
    assert torch.equal(model(X), model(X))


def test_the_generator_is_state_of_the_model_but_no_weight():
    generator = random.SeedGenerator(3)
    model = noisy(generator)
    assert [tuple(w.shape) for w in model.weights] == [(4, 2), (2,)]
    assert model.count_params() == 10
    states = [key for key, value in model.state_dict().items() if value.dtype == torch.int64]
    assert len(states) == 1  # one generator, however many draws
    model(X)
    assert generator.state.tolist() == [3, 11]


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: _with_state(lamina.models.clone_model(model), model),
        lambda model: _with_state(lamina.Model.from_config(model.get_config()), model),
        lambda model: _with_state(lamina.models.model_from_json(model.to_json()), model),
    ],
    ids=["deepcopy", "pickle", "clone", "config", "json"],
)
def test_copies_draw_the_same_numbers_and_then_go_their_own_way(copied):
    model = noisy(random.SeedGenerator(3))
    model(X)
    other = copied(model)
    for _ in range(2):
        assert torch.equal(model(X), other(X))
    model(X)
    assert not torch.equal(model(X), other(X))


def _with_state(other, model):
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.parametrize("seed", [3, "generator"])
def test_saved_and_loaded(seed, tmp_path):
    model = noisy(random.SeedGenerator(3) if seed == "generator" else seed)
    model(X)
    model.save(tmp_path / "m.lamina")
    again = lamina.saving.load_model(tmp_path / "m.lamina")
    for _ in range(2):
        assert torch.equal(model(X), again(X))
    generators = [part for part in again.modules() if isinstance(part, random.SeedGenerator)]
    assert len(generators) == (seed == "generator")
    if generators:
        assert generators[0].get_config() == {"seed": 3, "name": "seed_generator"}


def test_training_goes_on_where_it_stopped(tmp_path):
    """One more step after loading gives the same bits: the state of the generator is in the file."""
    x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    model = noisy(random.SeedGenerator(3))
    model.compile("adam", "mse")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "m.lamina")
    again = lamina.saving.load_model(tmp_path / "m.lamina")
    losses = [m.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False).history["loss"] for m in (model, again)]
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[0][1]
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        assert torch.equal(ours, theirs)


def test_a_fresh_process_draws_the_same_numbers(tmp_path):
    seeds = {"own": random.SeedGenerator(3), "fixed": 3}
    here, there = elsewhere(tmp_path, {name: (noisy(seed), X) for name, seed in seeds.items()})
    for name in seeds:
        assert same(here[name]["outputs"], there[name]["outputs"])
        assert same(here[name]["step"]["weights"], there[name]["step"]["weights"])
        assert here[name]["nodes"] == there[name]["nodes"]


class Stop(lamina.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


def test_an_interrupted_training_goes_on_with_the_same_bits(tmp_path):
    x, y = np.ones((20, 4), "float32"), np.ones((20, 2), "float32")

    def train(*callbacks):
        lamina.utils.set_random_seed(4)
        model = noisy(random.SeedGenerator(3))
        model.compile("adam", "mse")
        with contextlib.suppress(KeyboardInterrupt):
            model.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False, callbacks=list(callbacks))
        return model

    def backup():
        return lamina.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)

    whole = train()
    train(backup(), Stop())
    resumed = train(backup())
    for ours, theirs in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_fit_with_one_seed_is_equal_twice():
    x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    weights = []
    for _ in range(2):
        lamina.utils.set_random_seed(5)
        model = noisy(None)
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(*weights)


def test_reparameterised_draws_are_trained_through():
    """A variational code: the gradient reaches mean and deviation through the draw."""
    x = layers.Input((4,))
    mean, spread = layers.Dense(2, name="mean")(x), layers.Dense(2, name="spread")(x)
    code = random.normal(ops.shape(mean), mean, ops.exp(spread), seed=random.SeedGenerator(1))
    model = lamina.Model(x, layers.Dense(4)(code))
    model(X).square().sum().backward()
    for name in ("mean", "spread"):
        assert model.get_layer(name).kernel.grad.abs().sum() > 0
    model.compile("adam", "mse")
    history = model.fit(X.numpy(), X.numpy(), epochs=60, verbose=0).history["loss"]
    assert np.mean(history[-5:]) < np.mean(history[:5])


@lamina.saving.register_keras_serializable("tests_random")
class Sampling(layers.Layer):
    """As in Keras' example of a variational autoencoder."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = random.SeedGenerator(1337)

    def call(self, inputs):
        mean, spread = inputs
        return mean + ops.exp(0.5 * spread) * random.normal(ops.shape(mean), seed=self.seed_generator)


def test_a_generator_in_a_layer_of_ones_own(tmp_path):
    x = layers.Input((4,))
    model = lamina.Model(x, Sampling(name="sampling")([layers.Dense(3)(x), layers.Dense(3)(x)]))
    assert model.get_layer("sampling").weights == []
    assert model.get_layer("sampling").seed_generator.state.tolist() == [1337, 0]  # trying shapes draws nothing
    assert "sampling.seed_generator.value" in model.state_dict()
    assert not torch.equal(model(X), model(X))
    model.save(tmp_path / "m.lamina")
    again = lamina.saving.load_model(tmp_path / "m.lamina")
    assert torch.equal(model(X), again(X))
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(compiled(X), again(X))


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors"])
def test_weights_alone(ending, tmp_path):
    """In Keras' file there are states of generators in the graph, none of those that layers have."""
    x = layers.Input((4,))

    def build(seed):
        h = random.dropout(Sampling()([layers.Dense(3)(x), layers.Dense(3)(x)]), 0.5, seed=random.SeedGenerator(seed))
        return lamina.Model(x, h)

    first, second = build(1), build(2)
    first(X)
    first.save_weights(tmp_path / f"w.{ending}")
    second.load_weights(tmp_path / f"w.{ending}")
    for ours, theirs in zip(first.weights, second.weights, strict=True):
        assert torch.equal(ours, theirs)
    states = [part.state.tolist() for part in second.modules() if isinstance(part, random.SeedGenerator)]
    assert sorted(states) == ([[1, 1], [1337, 0]] if ending == "weights.h5" else [[1, 1], [1337, 1]])


def test_a_parameter_in_a_graph_goes_into_a_file_of_keras(tmp_path):
    def build(value):
        x = layers.Input((4,))
        return lamina.Model(x, layers.Dense(2)(x * torch.nn.Parameter(torch.full((4,), value)) + torch.arange(4.0)))

    one, two = build(1.0), build(2.0)
    one.save_weights(tmp_path / "w.weights.h5")
    two.load_weights(tmp_path / "w.weights.h5")
    assert torch.equal(one(X), two(X))


def test_a_vae_of_keras_gives_its_weights(tmp_path):
    """Keras keeps the state of a layer's generator beside its weights; here the layer has its own."""

    @keras.saving.register_keras_serializable("tests_random")
    class TheirSampling(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            mean, spread = inputs
            noise = keras.random.normal(keras.ops.shape(mean), seed=self.seed_generator)
            return mean + keras.ops.exp(0.5 * spread) * noise

    def build(words, sampling):
        x = words.Input((4,))
        mean, spread = words.layers.Dense(3, name="mean")(x), words.layers.Dense(3, name="spread")(x)
        return words.Model(x, words.layers.Dense(4, name="out")(sampling(name="sampling")([mean, spread])))

    theirs, ours = build(keras, TheirSampling), build(lamina, Sampling)
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours.load_weights(tmp_path / "w.weights.h5")
    assert len(ours.weights) == len(theirs.weights) == 6
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled(backend):
    torch._dynamo.reset()
    model = noisy(random.SeedGenerator(3))
    other = copy.deepcopy(model)
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    for rows in (3, 3, 5):
        torch.testing.assert_close(compiled(torch.ones(rows, 4)), other(torch.ones(rows, 4)))


def test_dropout_keeps_the_mask_and_does_not_warn():
    x = layers.Input((5,), dtype="int32")
    h = layers.Embedding(9, 4, mask_zero=True)(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in (None, 3, random.SeedGenerator(3)):
            assert random.dropout(h, 0.5, seed=seed).mask is h.mask
        random.normal(ops.shape(h))
    with pytest.warns(UserWarning, match="shuffle.*drops the mask"):
        random.shuffle(h, 1)


def test_float64_and_autocast():
    x = layers.Input((4,), dtype="float64")
    model = lamina.Model(x, random.dropout(x, 0.5, seed=3) + random.normal(ops.shape(x), dtype="float64"))
    assert model(X.double()).dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert noisy(3)(X).shape == (3, 2)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: random.normal(x.shape), ShapeError, "ops.shape"),
        (lambda x: random.normal(ops.shape(x), mean=torch.ones(3)), ArgumentError, "broadcast"),
        (lambda x: random.normal(ops.shape(x), seed="s"), ArgumentError, "no seed"),
        (lambda x: random.dropout(x, 2.0), ArgumentError, "rate"),
        (lambda x: random.dropout(ops.cast(x, "int32"), 0.5), DtypeError, "real numbers"),
        (lambda x: random.dropout(x, 0.5, (None, 3)), ShapeError, "does not broadcast"),
        (lambda x: random.categorical(x[0], 1), ShapeError, "takes a matrix"),
        (lambda x: random.shuffle(x, 2), ArgumentError, "no axis"),
    ],
)  # fmt: skip
def test_refused_while_drawing(call, error, text):
    x = layers.Input((4,))
    with pytest.raises(error, match=text):
        call(x)
