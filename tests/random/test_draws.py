"""What `lamina.random` draws: signatures as Keras', distributions by SciPy, gradients by the distribution functions."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import torch
from scipy import stats

import lamina
from lamina import random
from lamina.graph import ArgumentError, DtypeError, ShapeError

N = 40_000

CONTINUOUS = [
    ("normal", {}, stats.norm()),
    ("normal", {"mean": 3.0, "stddev": 0.5}, stats.norm(3.0, 0.5)),
    ("truncated_normal", {}, stats.truncnorm(-2, 2)),
    ("truncated_normal", {"mean": -1.0, "stddev": 2.0}, stats.truncnorm(-2, 2, loc=-1.0, scale=2.0)),
    ("uniform", {}, stats.uniform()),
    ("uniform", {"minval": -3.0, "maxval": 5.0}, stats.uniform(-3.0, 8.0)),
    ("gamma", {"alpha": 0.3}, stats.gamma(0.3)),
    ("gamma", {"alpha": 7.5}, stats.gamma(7.5)),
    ("beta", {"alpha": 0.5, "beta": 0.5}, stats.beta(0.5, 0.5)),
    ("beta", {"alpha": 2.0, "beta": 5.0}, stats.beta(2.0, 5.0)),
]
DISCRETE = [
    ("randint", {"minval": -2, "maxval": 5}, stats.randint(-2, 5)),
    ("randint", {"minval": 0, "maxval": 2, "dtype": "int64"}, stats.randint(0, 2)),
    ("binomial", {"counts": 10, "probabilities": 0.3}, stats.binom(10, 0.3)),
    ("binomial", {"counts": 200.0, "probabilities": 0.9}, stats.binom(200, 0.9)),
]
SEEDS = [11, "generator", None]


def seed_for(kind, start=11):
    if kind is None:
        lamina.utils.set_random_seed(start)
    return random.SeedGenerator(start) if kind == "generator" else kind


def test_names_and_signatures_are_those_of_keras():
    for name in random.__all__:
        ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (random, keras.random))
        declared = [(p.name, p.default) for p in theirs.values() if p.kind is not p.VAR_KEYWORD]
        assert [(p.name, p.default) for p in ours.values()] == declared, name
    assert set(random.__all__) == {name for name in dir(keras.random) if not name.startswith("_")}


# ---- distributions


@pytest.mark.parametrize("kind", SEEDS, ids=str)
@pytest.mark.parametrize("name, arguments, law", CONTINUOUS)
def test_continuous(name, arguments, law, kind):
    drawn = getattr(random, name)((N // 4, 4), **arguments, dtype="float64", seed=seed_for(kind)).numpy()
    assert drawn.shape == (N // 4, 4)
    assert stats.kstest(drawn.ravel(), law.cdf).pvalue > 1e-4
    mean, variance = law.stats("mv")
    assert abs(drawn.mean() - mean) < 5 * np.sqrt(variance / N)
    # Rows, and neighbours in a row, are independent.
    for axis in (0, 1):
        pairs = np.stack([drawn.take(np.arange(0, drawn.shape[axis], 2) + k, axis).ravel() for k in (0, 1)])
        assert abs(np.corrcoef(pairs)[0, 1]) < 5 / np.sqrt(pairs.shape[1])


@pytest.mark.parametrize("kind", SEEDS, ids=str)
@pytest.mark.parametrize("name, arguments, law", DISCRETE)
def test_discrete(name, arguments, law, kind):
    drawn = getattr(random, name)((N,), **arguments, seed=seed_for(kind)).numpy()
    values, counts = np.unique(drawn, return_counts=True)
    expected = law.pmf(values) * N
    assert expected.sum() > 0.999 * N  # nothing lies outside
    chi2 = ((counts - expected) ** 2 / expected)[expected > 5].sum()
    assert stats.chi2((expected > 5).sum()).sf(chi2) > 1e-4


@pytest.mark.parametrize("kind", SEEDS, ids=str)
def test_categorical(kind):
    logits = torch.tensor([[0.0, 1.0, -1.0, -1e9], [2.0, 2.0, 2.0, 2.0]])
    drawn = random.categorical(logits, N, seed=seed_for(kind))
    assert drawn.shape == (2, N)
    assert drawn.dtype == torch.int32
    for row, probabilities in zip(drawn, torch.softmax(logits.double(), -1), strict=True):
        shares = torch.bincount(row, minlength=4) / N
        error = (probabilities * (1 - probabilities) / N).sqrt()
        assert ((shares - probabilities).abs() <= 5 * error).all()


@pytest.mark.parametrize("kind", SEEDS, ids=str)
def test_dropout(kind):
    x = torch.full((N // 8, 8), 3.0)
    dropped = random.dropout(x, 0.3, seed=seed_for(kind))
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 3 / 0.7]))
    assert abs((dropped == 0).float().mean() - 0.3) < 5 * np.sqrt(0.21 / N)
    along = random.dropout(x, 0.5, (None, 1), seed_for(kind))
    assert (along == along[:, :1]).all()
    assert abs((along[:, 0] == 0).float().mean() - 0.5) < 5 * np.sqrt(0.25 / len(along))
    assert torch.equal(random.dropout(x, 0), x)
    assert torch.equal(random.dropout(x, 1.0, seed=seed_for(kind)), torch.zeros_like(x))


@pytest.mark.parametrize("kind", SEEDS, ids=str)
def test_shuffle_gives_each_order_alike(kind):
    x = torch.arange(3).repeat(6000, 1)
    shuffled = random.shuffle(x, 1, seed_for(kind))
    assert torch.equal(shuffled.sort(1).values, x)
    _, counts = (shuffled @ torch.tensor([9, 3, 1])).unique(return_counts=True)
    assert len(counts) == 6
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4


def test_shuffle_moves_rows_as_a_whole():
    x = torch.arange(60).reshape(5, 4, 3)
    first = random.shuffle(x, seed=4)
    assert not torch.equal(first, x)
    assert {tuple(row.flatten().tolist()) for row in first} == {tuple(row.flatten().tolist()) for row in x}
    last = random.shuffle(x, -1, seed=4)
    assert torch.equal(last.sort(-1).values, x)
    # As Keras on torch: each place before the axis has an order of its own.
    assert len({tuple(row) for row in (last % 3).reshape(-1, 3).tolist()}) > 1
    assert random.shuffle([3]).tolist() == [3]


# ---- seeds


CALLS = [
    *((name, lambda seed, name=name, kw=arguments: getattr(random, name)((50,), **kw, seed=seed))
      for name, arguments, _ in CONTINUOUS[::2] + DISCRETE),
    ("categorical", lambda seed: random.categorical(torch.zeros(2, 9), 30, seed=seed)),
    ("dropout", lambda seed: random.dropout(torch.ones(50), 0.5, seed=seed)),
    ("shuffle", lambda seed: random.shuffle(torch.arange(50), seed=seed)),
]  # fmt: skip


@pytest.mark.parametrize("name, call", CALLS)
def test_what_a_seed_means(name, call):
    assert torch.equal(call(3), call(3))
    assert not torch.equal(call(3), call(4))
    generator = random.SeedGenerator(3)
    first, second = call(generator), call(generator)
    assert not torch.equal(first, second)
    again = random.SeedGenerator(3)
    assert torch.equal(first, call(again))
    assert torch.equal(second, call(again))
    lamina.utils.set_random_seed(8)
    first = call(None)
    lamina.utils.set_random_seed(8)
    assert torch.equal(first, call(None))
    before = torch.get_rng_state()
    call(3)
    assert torch.equal(before, torch.get_rng_state())  # a seeded draw leaves the global generator alone


def test_neighbouring_seeds_are_unrelated():
    draws = torch.stack([random.normal((500,), seed=seed) for seed in range(20)])
    off_diagonal = torch.corrcoef(draws)[~torch.eye(20, dtype=torch.bool)]
    assert off_diagonal.abs().max() < 5 / np.sqrt(500)
    generators = [random.SeedGenerator(seed) for seed in (0, 1)]
    draws = [random.uniform((3,), seed=g).tolist() for g in generators for _ in range(3)]
    assert len({tuple(draw) for draw in draws}) == 6  # seed 0's second draw is not seed 1's first


def test_the_state_of_a_generator():
    ours, theirs = random.SeedGenerator(42, name="g"), keras.random.SeedGenerator(42, name="g")
    for ordered in (True, True, False, False, True):
        assert ours.next(ordered).tolist() == theirs.next(ordered).tolist()
        assert ours.state.tolist() == theirs.state.value.tolist()
    assert ours.get_config() == theirs.get_config() == {"seed": 42, "name": "g"}
    assert random.SeedGenerator.from_config(ours.get_config()).state.tolist() == [42, 0]
    lamina.utils.set_random_seed(1)
    first = random.SeedGenerator().state.tolist()
    lamina.utils.set_random_seed(1)
    assert random.SeedGenerator().state.tolist() == first
    assert random.SeedGenerator().get_config()["seed"] is None
    assert ours.to(torch.float16).state.dtype == torch.int64


def test_a_generator_made_in_inference_mode_serves_outside_of_it():
    with torch.inference_mode():
        generator = random.SeedGenerator(3)
        first = random.normal((2,), seed=generator)
    assert not torch.equal(random.normal((2,), seed=generator), first)
    assert generator.state.tolist() == [3, 2]


# ---- dtypes, devices, sizes


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtypes(dtype):
    kind = getattr(torch, dtype)
    for name, arguments, _ in CONTINUOUS + DISCRETE[2:]:
        drawn = getattr(random, name)((300,), **arguments, dtype=dtype, seed=1)
        assert drawn.dtype == kind, name
        assert drawn.isfinite().all()
    assert random.uniform((10_000,), dtype=dtype, seed=1).max() < 1
    assert random.uniform((10_000,), 1000, 1001, dtype=dtype, seed=1).min() >= 1000
    assert random.uniform((200_000,), 1000, 1001, dtype=dtype, seed=1).double().max() < 1001
    assert random.truncated_normal((10_000,), dtype=dtype, seed=1).abs().max() <= 2
    assert random.dropout(torch.ones(9, dtype=kind), 0.5, seed=1).dtype == kind


def test_the_default_dtype_is_floatx():
    lamina.config.set_floatx("float64")
    try:
        assert random.normal((2,)).dtype == torch.float64
    finally:
        lamina.config.set_floatx("float32")
    assert random.normal((2,)).dtype == torch.float32
    assert random.randint((2,), 0, 3).dtype == torch.int32


def test_numbers_follow_their_inputs_to_a_device():
    """Tensors without storage stand for another device: no generator is made, nothing is drawn."""
    generator = random.SeedGenerator(3)
    there = torch.ones(4, device="meta")
    for seed in (None, 3, generator):
        assert random.normal((2, 4), mean=there, seed=seed).is_meta
        assert random.gamma((2, 4), there, seed=seed).is_meta
        assert random.dropout(there, 0.5, seed=seed).is_meta
        assert random.shuffle(there, seed=seed).is_meta
        assert random.categorical(there.reshape(2, 2), 3, seed=seed).is_meta
    with torch.device("meta"):
        assert random.uniform((2,), seed=generator).is_meta
    assert not random.normal((2,), seed=generator).is_meta


def test_sizes():
    for shape in ((), (0,), (2, 0), [3], torch.Size([2]), np.array([2, 3]), torch.tensor([2, 3])):
        assert list(random.uniform(shape).shape) == [int(size) for size in shape]
        assert list(random.gamma(shape, 2.0, seed=1).shape) == [int(size) for size in shape]


# ---- gradients


def test_mean_and_stddev_get_gradients():
    mean, stddev = (torch.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    drawn = random.normal((500, 2), mean, stddev, seed=2)
    drawn.sum().backward()
    assert mean.grad.tolist() == [500.0, 500.0]
    z = (drawn - mean) / stddev
    torch.testing.assert_close(stddev.grad, z.detach().sum(0), rtol=1e-3, atol=1e-3)
    low, high = torch.tensor(1.0, requires_grad=True), torch.tensor([2.0, 5.0], requires_grad=True)
    drawn = random.uniform((500, 2), low, high, seed=2)
    drawn.sum().backward()
    torch.testing.assert_close(high.grad, random.uniform((500, 2), seed=2).sum(0))
    torch.testing.assert_close(low.grad, 1000 - random.uniform((500, 2), seed=2).sum())


def implicit(law, sample, parameters, which, step=1e-5):
    """d sample / d parameter = -(dF/d parameter) / density, by SciPy and central differences."""
    up, down = (
        [p + sign * step * (i == which) for i, p in enumerate(parameters)] for sign in (1, -1)
    )  # fmt: skip
    slope = (law.cdf(sample, *up) - law.cdf(sample, *down)) / (2 * step)
    return -slope / law.pdf(sample, *parameters)


@pytest.mark.parametrize("seed", [5, None])
def test_gamma_and_beta_get_gradients(seed):
    alpha = torch.tensor([0.5, 1.5, 4.0, 20.0], dtype=torch.float64, requires_grad=True)
    drawn = random.gamma((4,), alpha, dtype="float64", seed=seed)
    drawn.sum().backward()
    expected = implicit(stats.gamma, drawn.detach().numpy(), [alpha.detach().numpy()], 0)
    np.testing.assert_allclose(alpha.grad.numpy(), expected, rtol=2e-3)

    alpha.grad = None
    other = torch.tensor([0.7, 3.0, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    drawn = random.beta((4,), alpha, other, dtype="float64", seed=seed)
    (drawn * torch.tensor([1.0, 2.0, -1.0, 3.0])).sum().backward()
    for i, parameter in enumerate((alpha, other)):
        both = [alpha.detach().numpy(), other.detach().numpy()]
        expected = implicit(stats.beta, drawn.detach().numpy(), both, i) * np.array([1.0, 2.0, -1.0, 3.0])
        np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=5e-3)


def test_dropout_passes_the_gradient_of_what_stays():
    x = torch.ones(100, requires_grad=True)
    dropped = random.dropout(x, 0.25, seed=1)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


def test_beta_of_tiny_parameters_keeps_its_two_ends():
    """Two gammas divided by their sum would give 1/2 where both vanish."""
    drawn = random.beta((N,), 1e-3, 1e-3, seed=3)
    assert ((drawn > 0.1) & (drawn < 0.9)).float().mean() < 0.01
    assert abs(drawn.mean() - 0.5) < 5 * 0.5 / np.sqrt(N)


# ---- torch.compile


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_draws_are_those_of_eager_mode(backend):
    torch._dynamo.reset()
    generators = [random.SeedGenerator(3) for _ in range(2)]

    def step(x, seeds):
        x = random.dropout(x, 0.5, seed=seeds) + random.normal(x.shape, seed=seeds) + random.uniform((4,), seed=9)
        x = random.shuffle(x, 1, seeds) + random.randint((4,), 0, 9, seed=seeds) + random.beta((4,), 2.0, 3.0, seed=1)
        classes = random.categorical(x, 4, seed=seeds)
        return x + classes + random.gamma(x.shape, x.abs() + 1, seed=seeds) + random.truncated_normal((4,), seed=seeds)

    compiled = torch.compile(step, fullgraph=True, backend=backend)
    for _ in range(3):
        x = [torch.ones(3, 4, requires_grad=True) for _ in range(2)]
        ours, theirs = compiled(x[0], generators[0]), step(x[1], generators[1])
        torch.testing.assert_close(ours, theirs)
        ours.sum().backward()
        theirs.sum().backward()
        torch.testing.assert_close(x[0].grad, x[1].grad)
    assert generators[0].state.tolist() == generators[1].state.tolist() == [3, 21]
    free = torch.compile(lambda x: random.normal(x.shape) + random.gamma((4,), 2.0), fullgraph=True, backend=backend)
    assert not torch.equal(free(x[0]), free(x[0]))


# ---- errors


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: random.normal(3), ShapeError, "cannot draw numbers of this shape"),
        (lambda: random.normal((None, 3)), ShapeError, "ops.shape"),
        (lambda: random.normal((-1,)), ShapeError, "-1"),
        (lambda: random.normal((2,), dtype="int32"), DtypeError, "real numbers"),
        (lambda: random.binomial((2,), 1, 0.5, dtype="int32"), DtypeError, "real numbers"),
        (lambda: random.normal((2,), mean=torch.ones(3)), ArgumentError, "does not broadcast"),
        (lambda: random.normal((2,), mean=torch.ones(2, 2)), ArgumentError, "does not broadcast"),
        (lambda: random.normal((2,), seed="x"), ArgumentError, "no seed"),
        (lambda: random.normal((2,), seed=True), ArgumentError, "no seed"),
        (lambda: random.normal((2,), seed=-1), ArgumentError, "no seed"),
        (lambda: random.SeedGenerator(1.5), ArgumentError, "no seed"),
        (lambda: random.randint((2,), 3, 3), ArgumentError, "no number is in the range"),
        (lambda: random.randint((2,), 0.5, 3), ArgumentError, "bounds no whole numbers"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), DtypeError, "whole numbers"),
        (lambda: random.categorical(torch.zeros(3), 2), ShapeError, "takes a matrix"),
        (lambda: random.categorical(torch.zeros(2, 3), 0), ArgumentError, "num_samples"),
        (lambda: random.dropout(torch.ones(2), 1.5), ArgumentError, "rate"),
        (lambda: random.dropout(torch.ones(2, dtype=torch.int32), 0.5), DtypeError, "real numbers"),
        (lambda: random.dropout(torch.ones(2, 3), 0.5, (2,)), ShapeError, "a size for each axis"),
        (lambda: random.dropout(torch.ones(2, 3), 0.5, (2, 2)), ShapeError, "does not broadcast"),
        (lambda: random.shuffle(torch.ones(2), 1), ArgumentError, "no axis 1"),
    ],
)  # fmt: skip
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()
