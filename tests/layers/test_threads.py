"""Layers and models that several threads use at once: each call is what it would be alone."""

import threading

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers

THREADS = 8


def in_threads(work, threads=THREADS):
    """Run ``work(number)`` in each thread at the same time; raise what any of them raised."""
    barrier, errors = threading.Barrier(threads), []

    def run(number):
        try:
            barrier.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001  it is raised below, in the thread of the test
            errors.append(error)

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]


class Scaled(layers.Layer):
    """A layer of the user's without a rule of shapes: drawing it runs its call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(4)

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs):
        return self.inner(inputs * self.scale)


class Doubles(layers.Layer):
    """Twice the input in training: tells which mode a call ran in."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = Flagged()

    def call(self, inputs, training=False):
        return self.inner(inputs) * (2 if training else 1)


class Flagged(layers.Layer):
    """In PyTorch's style: its flag says the mode."""

    def forward(self, x):
        return x * (2 if self.training else 1)


class ModuleFlag(torch.nn.Module):
    def forward(self, x):
        return x * (2 if self.training else 1)


class Subclassed(Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.norm, self.drop = Doubles(), layers.BatchNormalization(), layers.Dropout(0.5)
        self.wrapped, self.bare = layers.TorchModule(ModuleFlag()), ModuleFlag()
        self.several = [ModuleFlag(), Flagged()]

    def call(self, inputs):
        x = self.bare(self.wrapped(self.first(inputs)))
        for part in self.several:
            x = part(x)
        self.norm(x), self.drop(x)
        return x


def functional(policy=None):
    x = Input((6,))
    h = Scaled(dtype=policy)(x)
    h = layers.Dense(5, activation="relu", dtype=policy)(h)
    h = layers.LayerNormalization(dtype=policy)(h)
    h = layers.LSTM(3, dtype=policy)(layers.Reshape((5, 1))(h))
    h = layers.TorchModule(torch.nn.Linear(3, 3), dtype=policy)(h)
    return Model(x, layers.Dense(2, dtype=policy)(layers.Dropout(0.5, dtype=policy)(h)))


@pytest.mark.parametrize("policy", [None, "mixed_bfloat16"])
@pytest.mark.parametrize("calls", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_serving_while_others_draw_and_train_and_predict(policy, calls):
    """Bit for bit what a call gives alone, whatever the other threads do with the same layers."""
    model = functional(policy)
    rows = np.random.default_rng(0).normal(size=(THREADS, 4, 6)).astype("float32")
    expected = [model(row, training=False) for row in rows]
    custom = next(layer for layer in model.layers if isinstance(layer, Scaled))

    def work(number):
        for _ in range(calls):
            if number % 4 == 0:
                custom(Input((6,)))
                Model(model.input, model.layers[-1].output)
            elif number % 4 == 1:
                assert np.array_equal(model.predict(rows[number], verbose=0), expected[number].float().detach().numpy())
                continue
            elif number % 4 == 2:
                model(rows[number], training=True)
            assert torch.equal(model(rows[number], training=False), expected[number])

    before = [weight.clone() for weight in model.trainable_weights]
    in_threads(work)
    assert all(map(torch.equal, before, model.trainable_weights))
    assert not any(weight.is_meta for weight in model.weights)


@pytest.mark.parametrize("calls", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_each_call_sees_its_own_mode(calls):
    model = Subclassed()
    data = torch.ones(2, 3)
    model(data)

    def work(number):
        training = number % 2 == 0
        for _ in range(calls):
            result = model(data, training=training)
            assert torch.equal(result, data * (64 if training else 1)), training
            assert torch.equal(model(data), data)

    in_threads(work)
    assert not any(part.training for part in model.modules())


def test_first_calls_on_other_sizes_build_once():
    for _ in range(20):
        model = Subclassed()
        model.first = layers.Dense(3)
        in_threads(lambda number, model=model: model(torch.ones(2, number + 1, 3)[:, 0]))
        layer = layers.Dense(4)
        in_threads(lambda number, layer=layer: layer(torch.ones(2, number + 1, 3)))
        assert len(layer.weights) == 2


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_a_first_call_of_many_threads_builds_once(rounds):
    for _ in range(rounds):
        layer, results = Scaled(), [None] * THREADS
        data = torch.ones(2, 6)

        def work(number, layer=layer, results=results, data=data):
            if number % 2:
                layer(Input((6,)))
            results[number] = layer(data)

        in_threads(work)
        assert len(layer.weights) == 3
        assert len({id(w) for w in layer.parameters()}) == 3
        assert all(torch.equal(result, results[0]) for result in results)


def test_spectral_normalization_in_training():
    layer = layers.SpectralNormalization(layers.Dense(5))
    layer(torch.ones(2, 3))
    kernel = layer.layer.kernel
    in_threads(lambda number: [layer(torch.ones(2, 3), training=number % 2 == 0) for _ in range(40)])
    assert layer.layer.kernel is kernel
    assert "kernel" not in vars(layer.layer)
    assert torch.linalg.matrix_norm(kernel, 2).item() == pytest.approx(1, abs=0.2)


def test_two_policies_of_one_class_in_two_threads():
    plain, mixed = layers.Dense(4), layers.Dense(4, dtype="mixed_bfloat16")
    data = torch.ones(3, 2)
    plain(data), mixed(data)
    shared = Model(x := Input((2,)), layers.Dense(4, dtype="mixed_bfloat16")(x))

    def work(number):
        for _ in range(50):
            assert plain(data).dtype == torch.float32
            assert mixed(data).dtype == torch.bfloat16
            assert shared.predict(data.numpy(), verbose=0).dtype == np.float32
            assert shared.layers[1].kernel.dtype == torch.float32

    in_threads(work)


def test_what_a_mixed_layer_sets_in_its_call_is_kept():
    class Counts(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.calls, self.last = 0, None

        def call(self, inputs):
            self.calls += 1
            self.last = inputs * 2
            return inputs

    layer = Counts(dtype="mixed_bfloat16")
    for _ in range(3):
        layer(torch.ones(2))
    assert layer.calls == 3
    assert layer.last.tolist() == [2.0, 2.0]


def test_a_mode_within_a_mode_ends_with_its_own_call():
    class Teaches(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.teacher, self.pupil = Doubles(), Doubles()

        def call(self, inputs):
            return self.teacher(inputs, training=False), self.pupil(inputs), self.teacher(inputs, training=True)

    results = Teaches()(torch.ones(1), training=True)
    assert [result.item() for result in results] == [1, 4, 4]


def test_a_mode_that_a_call_asks_for_ends_with_it_even_by_an_error():
    class Fails(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dropout(0.5)

        def call(self, inputs):
            raise ZeroDivisionError

    other = Flagged()
    with pytest.raises(ZeroDivisionError):
        Fails()(torch.ones(1), training=True)
    assert not other.training
    assert other(torch.ones(1)).item() == 1
    with lamina.layers.mode.asking(other, True):
        assert other.training
    assert not other.training


class Around(layers.Layer):
    """Runs a layer of Lamina's that PyTorch has compiled."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Dropout(0.5)
        self.inner.compile(backend="eager")

    def call(self, inputs):
        return self.inner(inputs)


@pytest.mark.parametrize(
    "make", [Around, lambda: layers.TorchModule(torch.compile(torch.nn.Dropout(0.5), backend="eager"))]
)
def test_a_mode_that_a_call_asks_for_reaches_compiled_parts(make):
    """Compiled code reads flags, so there the flags say it for as long as the call takes."""
    layer, x = make(), Input((200,))
    model = Model(x, layer(x))
    for training in (True, False, True):
        assert bool((model(torch.ones(1, 200), training=training) == 0).any()) is training
        assert not any(part.training for part in layer.modules())


def test_what_a_module_of_pytorchs_notes_in_another_mode_is_kept():
    class Notes(torch.nn.Module):
        calls, seen = 0, None

        def __init__(self):
            super().__init__()
            self.pending = [False, True]

        def forward(self, x):
            self.calls += 1
            self.seen = self.training
            if not x.is_meta and getattr(self, "pending", None) is not None:
                del self.pending
            return x

    inner = Notes()
    x = Input((2,))
    model = Model(x, layers.TorchModule(inner)(x))
    before = inner.calls
    model(torch.ones(1, 2), training=True)
    assert (inner.calls, inner.seen, inner.training) == (before + 1, True, False)
    assert not hasattr(inner, "pending")
    model(torch.ones(1, 2), training=False)
    assert (inner.calls, inner.seen, inner.training) == (before + 2, False, False)
