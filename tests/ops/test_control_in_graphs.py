"""Choices and loops within a model: drawn, run, trained, copied, saved, compiled; against the same code on tensors."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lamina import Input, Model, ops
from lamina.graph import GraphError, LaminaError, tree
from lamina.layers import BatchNormalization, Dense, Dropout, Lambda, Layer
from lamina.models import clone_model, load_model
from lamina.view.facts import describe

OUTSIDE = torch.linspace(-1, 1, 4)


def pair_sum(a: Any, b: Any) -> Any:
    return {"n": a["n"] * b["n"], "s": a["s"] * b["n"] + b["s"]}


# name -> what is computed from one tensor (B, 4), symbolic or not, and two dense layers of 4 units.
CASES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "cond": lambda x, f, g: ops.cond(x.sum() > 0, lambda: f(x), lambda: g(x) * OUTSIDE),
    "cond of one element": lambda x, f, g: ops.cond(x.sum().reshape(1, 1) > 0, lambda: f(x), lambda: x),
    "cond that gives what it is given": lambda x, f, g: ops.cond(x.sum() > 0, lambda: x, lambda: f(x)),
    "cond of structures": lambda x, f, g: ops.cond(
        x.sum() > 0, lambda: {"a": f(x), "b": [1, None, 2**60 + 1]}, lambda: {"a": x, "b": [2, None, 3 - 2**62]}
    ),
    "cond in cond": lambda x, f, g: ops.cond(
        x[0, 0] > 0, lambda: ops.cond(x[0, 1] > 0, lambda: f(x), lambda: g(x)), lambda: x * ops.shape(x)[0]
    ),
    "switch": lambda x, f, g: ops.switch(
        ops.cast(ops.sum(x), "int32"), [lambda a, b: f(a) + b, lambda a, b: a, lambda a, b: g(b)], x, f(x)
    ),
    "switch of a known index": lambda x, f, g: ops.switch(1, [lambda a: f(a), lambda a: g(a)], x),
    "while": lambda x, f, g: ops.while_loop(
        lambda i, v: ops.logical_and(i < 4, ops.max(ops.abs(v)) < 50), lambda i, v: (i + 1, f(v) + x), (0, x)
    ),
    "while with one variable": lambda x, f, g: ops.while_loop(lambda v: v.sum() > 1, lambda v: v * 0.5, x),
    "while with a limit": lambda x, f, g: ops.while_loop(
        lambda v: v.sum() < 1e30, lambda v: f(v) + v, x, maximum_iterations=3
    ),
    "while that something outside decides": lambda x, f, g: ops.while_loop(
        lambda i: i < ops.max(ops.abs(x)) * 3, lambda i: i + 0.25, 0.5
    ),
    "fori": lambda x, f, g: ops.fori_loop(1, 4, lambda i, v: f(v) * ops.cast(i, "float32") + x, x),
    "fori over a structure": lambda x, f, g: ops.fori_loop(
        0, 2, lambda i, v: {"a": v["b"], "b": f(v["a"])}, {"a": x, "b": g(x)}
    ),
    "fori over rows": lambda x, f, g: ops.fori_loop(0, ops.shape(x)[0], lambda i, v: v + x[i], ops.zeros((4,)) * x[0]),
    "scan": lambda x, f, g: ops.scan(lambda c, row: (ops.tanh(c + row), c * row), ops.zeros((4,)), x),
    "scan backwards": lambda x, f, g: ops.scan(lambda c, row: (c * 0.5 + row, c), x[0], x, reverse=True),
    "scan without outputs": lambda x, f, g: ops.scan(lambda c, row: (c + row, None), ops.zeros((4,)), x)[0],
    "scan without slices": lambda x, f, g: ops.scan(lambda c, _: (f(c), {"y": c}), x, length=3),
    "scan with layers": lambda x, f, g: ops.scan(
        lambda c, row: (g(c) + f(row[None]), ops.squeeze(c, 0)), ops.zeros((1, 4)), x
    ),
    "scan over a structure": lambda x, f, g: ops.scan(
        lambda c, xs: (c + xs["a"], [c.sum(), xs["b"][0]]), ops.zeros((4,)), {"a": x, "b": (f(x),)}
    ),
    "map": lambda x, f, g: ops.map(lambda row: f(row[None])[0] * x.mean(), x),
    "map of a structure": lambda x, f, g: ops.map(lambda rows: {"d": rows[0] - rows[1], "m": rows[0].max()}, (x, f(x))),
    "vectorized_map": lambda x, f, g: ops.vectorized_map(lambda row: row * row.sum() + x.mean(), x),
    "associative_scan": lambda x, f, g: ops.associative_scan(lambda a, b: a * b, f(x)),
    "associative_scan backwards, along the last axis": lambda x, f, g: ops.associative_scan(
        lambda a, b: ops.maximum(a, b), x, reverse=True, axis=-1
    ),
    "associative_scan over a structure": lambda x, f, g: ops.associative_scan(pair_sum, {"n": f(x), "s": x}, axis=0),
    "all in all": lambda x, f, g: ops.scan(
        lambda c, row: (
            ops.cond(row.sum() > 0, lambda: f(c), lambda: ops.fori_loop(0, 2, lambda i, v: g(v) + row, c)),
            ops.while_loop(lambda v: ops.sum(v * v) > 1, lambda v: v * 0.5, row),
        ),
        x[:1],
        x,
    ),
}
ROWS = {"few": 3, "more": 6}


def layers() -> tuple[Dense, Dense]:
    torch.manual_seed(1)
    return Dense(4, activation="tanh", bias_initializer="ones"), Dense(4, bias_initializer="normal")


def drawn(name: str) -> tuple[Model, Dense, Dense]:
    f, g = layers()
    for layer in (f, g):
        layer.build((None, 4))
    x = Input((4,), name="x")
    return Model(x, as_tensors(CASES[name](x, f, g))), f, g


def as_tensors(result: Any) -> Any:
    """What a model may give: no None."""
    return [leaf for leaf in tree.leaves(result) if leaf is not None]


def numbers(rows: int, sign: int = 1) -> torch.Tensor:
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(rows)) * 0.7 + 0.2 * sign


def assert_same(ours: Any, theirs: Any, **tolerance: float) -> None:
    for mine, other in zip(tree.leaves(ours), tree.leaves(theirs), strict=True):
        torch.testing.assert_close(mine, torch.as_tensor(other), **tolerance)


def gradients_of(results: Any, weights: list[Any]) -> list[torch.Tensor | None]:
    terms = [(t * (k + 1)).sum() for k, t in enumerate(tree.leaves(results)) if getattr(t, "requires_grad", False)]
    return list(torch.autograd.grad(sum(terms), weights, allow_unused=True)) if terms else [None] * len(weights)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_model_does_what_the_code_does_on_tensors(name: str, rows: int, sign: int) -> None:
    model, f, g = drawn(name)
    x = numbers(rows, sign).requires_grad_()
    ours, theirs = model(x), as_tensors(CASES[name](x, f, g))
    assert_same(ours, theirs, rtol=1e-6, atol=1e-6)
    gradients = []
    weights = [x, *f.parameters(), *g.parameters()]
    for results in (ours, theirs):
        gradients.append(gradients_of(results, weights))
    assert [g is None for g in gradients[0]] == [g is None for g in gradients[1]]
    for mine, other in zip(*gradients, strict=True):
        if mine is not None:
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_shapes_are_known_while_drawing(name: str) -> None:
    model, _, _ = drawn(name)
    few, more = (model(numbers(rows)) for rows in ROWS.values())
    for symbolic, one, other in zip(model.outputs, tree.leaves(few), tree.leaves(more), strict=True):
        real = tuple(a if a == b else None for a, b in zip(one.shape, other.shape, strict=True))
        assert (symbolic.shape, symbolic.dtype) == (real, one.dtype)


COPIES: dict[str, Callable[[Model], Model]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "config": lambda model: with_weights(Model.from_config(model.get_config()), model),
    "clone": lambda model: with_weights(clone_model(model), model),
    "nested": lambda model: nested(model),
    "drawn again": lambda model: Model(model.input, model.graph.rebuild().output_structure),
}


def with_weights(copied: Model, model: Model) -> Model:
    copied.load_state_dict(model.state_dict())
    return copied


def nested(model: Model) -> Model:
    x = Input((4,))
    return Model(x, model(x))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("way", COPIES)
def test_copies_do_the_same(name: str, way: str) -> None:
    model, _, _ = drawn(name)
    copied = COPIES[way](model)
    for rows in ROWS.values():
        assert_same(copied(numbers(rows)), model(numbers(rows)), rtol=0, atol=0)
    if way in ("deepcopy", "pickle", "config", "clone"):
        assert list(copied.state_dict()) == list(model.state_dict())
        for weight in copied.parameters():
            weight.data.zero_()
        assert all(weight.any() for weight in model.parameters())


@pytest.mark.parametrize("name", CASES)
def test_a_file_holds_them(name: str, tmp_path: Any) -> None:
    model, _, _ = drawn(name)
    model.save(tmp_path / "model.lamina")
    loaded = load_model(tmp_path / "model.lamina")
    for rows in ROWS.values():
        assert_same(loaded(numbers(rows)), model(numbers(rows)), rtol=0, atol=0)
    loaded.save(tmp_path / "again.lamina")
    assert loaded.to_json() == model.to_json()


COMPILED_AT_ONCE = ("cond that gives what it is given", "switch", "while with a limit", "scan without outputs", "map")


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in COMPILED_AT_ONCE else pytest.mark.slow) for n in CASES]
)
def test_the_compiler_takes_them_whole(name: str) -> None:
    torch._dynamo.reset()
    model, f, g = drawn(name)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    if name == "all in all":  # a loop of unknown length within another has no gradient in PyTorch's operators
        with torch.no_grad():
            assert_same(compiled(numbers(5)), model(numbers(5)), rtol=1e-5, atol=1e-5)
        return
    for sign in (1, -1):
        x = numbers(5, sign).requires_grad_()
        ours, theirs = compiled(x), model(x)
        assert_same(ours, theirs, rtol=1e-5, atol=1e-5)
        weights = [x, *f.parameters(), *g.parameters()]
        gradients = []
        for results in (ours, theirs):
            gradients.append(gradients_of(results, weights))
        for mine, other in zip(*gradients, strict=True):
            if mine is None or other is None:  # the compiler gives zeros to the branch that did not run
                present = other if mine is None else mine
                assert present is None or not present.any()
                continue
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


# -- what a model with branches is to its user


def routed() -> Model:
    """A model that sends a batch through one of two experts."""
    x = Input((4,), name="x")
    route = Dense(1, name="router")(ops.mean(x, axis=0, keepdims=True))
    y = ops.cond(
        route > 0,
        lambda: BatchNormalization(name="norm")(Dense(8, activity_regularizer="l2", name="wide")(x)),
        lambda: Dropout(0.5, seed=1)(Dense(8, name="deep")(Dense(8, name="first")(x))),
    )
    return Model(x, Dense(1, name="head")(y))


def test_only_the_branch_that_is_chosen_runs() -> None:
    model = routed()
    ran: list[str] = []
    for name, part in model.named_modules():
        if name.endswith(("wide", "deep")):
            part.register_forward_hook(lambda *_, name=name: ran.append(name))
    model.get_layer("router").kernel.data.fill_(1.0)
    model(torch.ones(2, 4))
    model(-torch.ones(2, 4))
    assert ran == ["cond_true_fn.wide", "cond_false_fn.deep"]


def test_layers_in_branches_are_the_models_own() -> None:
    model = routed()
    names = [
        "router.kernel", "router.bias", "head.kernel", "head.bias",
        *(f"cond_true_fn.wide.{name}" for name in ("kernel", "bias")),
        *(f"cond_true_fn.norm.{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")),
        *(f"cond_false_fn.{layer}.{name}" for layer in ("first", "deep") for name in ("kernel", "bias")),
    ]  # fmt: skip
    assert sorted(model.state_dict()) == sorted(names)
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (12, 2)
    model.trainable = False
    assert model.trainable_weights == []


def test_a_branch_trains_in_training_mode_and_rests_in_inference() -> None:
    model = routed()
    model.get_layer("router").kernel.data.fill_(1.0)
    norm = dict(model.named_modules())["cond_true_fn.norm"]
    before = norm.moving_mean.clone()
    model(torch.ones(3, 4), training=False)
    assert torch.equal(norm.moving_mean, before)
    model(torch.ones(3, 4), training=True)
    assert not torch.equal(norm.moving_mean, before)
    assert len(model.losses) == 1
    x = -torch.ones(64, 4)
    assert not torch.equal(model(x, training=True), model(x, training=True))
    assert torch.equal(model(x, training=False), model(x, training=False))


@pytest.mark.filterwarnings("ignore:No gradient comes to router")  # which only decides
def test_fit_trains_the_layers_of_branches() -> None:
    model = routed()
    model.get_layer("router").kernel.data.fill_(1.0)
    model.compile("sgd", "mse")
    x = np.random.default_rng(1).random((8, 4), "float32")
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.fit(x, np.zeros((8, 1), "float32"), batch_size=4, epochs=2, verbose=0)
    moved = {name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    assert {"cond_true_fn.wide.kernel", "cond_true_fn.norm.gamma", "cond_true_fn.norm.moving_mean"} <= moved
    assert not any(name.startswith("cond_false_fn") for name in moved)
    losses = model.fit(x, np.zeros((8, 1), "float32"), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert model.predict(x, verbose=0).shape == (8, 1)


class Counter(Layer):
    """A layer of the user's, in a branch."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale + 1


def test_layers_of_the_users_in_a_branch_are_traced(tmp_path: Any) -> None:
    x = Input((4,))
    model = Model(x, ops.cond(x.sum() > 0, lambda: Counter()(x), lambda: x))
    model.save(tmp_path / "model.lamina")
    loaded = load_model(tmp_path / "model.lamina")
    assert_same(loaded(numbers(3)), model(numbers(3)), rtol=0, atol=0)


def test_a_layer_within_and_outside_is_one_layer(tmp_path: Any) -> None:
    x = Input((4,))
    shared = Dense(4, name="shared")
    h = shared(x)
    model = Model(x, ops.cond(h.sum() > 0, lambda: shared(h), lambda: h))
    assert len(model.weights) == 2
    model.save(tmp_path / "model.lamina")
    for copied in (copy.deepcopy(model), clone_model(model), load_model(tmp_path / "model.lamina")):
        assert len(copied.weights) == 2
        inner = dict(copied.named_modules())["cond_true_fn"]._modules["shared"]
        assert inner is copied.get_layer("shared")


def test_a_picture_shows_the_branches() -> None:
    facts = describe(routed())
    rows = {row.name: row for row in facts.rows}
    assert [facts.rows[wire.row].name for wire in rows["cond"].inputs] == ["gt", "cond_true_fn", "cond_false_fn"]
    assert [facts.rows[wire.row].name for wire in rows["cond_true_fn"].inputs] == ["x"]
    inner = [row.name for row in describe(rows["cond_true_fn"].inner).rows]
    assert inner == ["x", "wide", "norm"]
    assert sum(row.params for row in facts.rows) == sum(w.numel() for w in routed().weights)


def test_parameters_are_called_as_the_user_calls_them() -> None:
    model, _, _ = drawn("scan over a structure")
    row = next(row for row in describe(model).rows if row.name == "scan_f")
    assert [tap.name for tap in describe(row.inner).inputs] == ["c", "xs", "xs_1"]


def test_a_graph_with_branches_is_freed_by_reference_counts() -> None:
    import gc
    import weakref

    gc.collect()
    gc.disable()
    try:
        model = routed()
        body = weakref.ref(dict(model.named_modules())["cond_true_fn"])
        model(torch.ones(1, 4))
        del model
        assert body() is None
    finally:
        gc.enable()


# -- mistakes


MISTAKES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a condition of several values": (
        lambda x: ops.cond(x > 0, lambda: x, lambda: -x),
        "decides in a choice is one value.*ops.where",
    ),
    "a condition for each row": (
        lambda x: ops.cond(x.sum(-1) > 0, lambda: x, lambda: -x),
        "decides in a choice is one value.*ops.where",
    ),
    "branches of two shapes": (
        lambda x: ops.cond(x.sum() > 0, lambda: x, lambda: x[:, :2]),
        r"different tensors.*true_fn: \(None, 4\) float32.*false_fn: \(None, 2\) float32",
    ),
    "branches of two dtypes": (
        lambda x: ops.cond(x.sum() > 0, lambda: x, lambda: ops.cast(x, "float16")),
        "different tensors.*float32.*float16.*ops.cast",
    ),
    "branches of two structures": (
        lambda x: ops.cond(x.sum() > 0, lambda: x, lambda: (x, x)),
        r"different structures.*true_fn: \..*false_fn: \(\., \.\)",
    ),
    "an index of several values": (
        lambda x: ops.switch(ops.cast(x, "int32"), [lambda: 1, lambda: 2]),
        "decides in a choice is one value",
    ),
    "a loop that changes a shape": (
        lambda x: ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v + x), (0, x[0])),
        r"while_loop changes its variable\[1\].*got .*None, 4.*expected .*\(4,\) float32",
    ),
    "a loop that changes a dtype": (
        lambda x: ops.fori_loop(0, 3, lambda i, v: ops.cast(v, "float64"), x),
        "fori_loop changes its variable.*float64.*float32",
    ),
    "a loop that changes the structure": (
        lambda x: ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v, v), (0, x)),
        "another structure than it was given",
    ),
    "a loop whose condition is no single value": (
        lambda x: ops.while_loop(lambda v: v > 0, lambda v: v - 1, x),
        "decides in a loop is one value",
    ),
    "a scan that changes its state": (
        lambda x: ops.scan(lambda c, row: (row, c), ops.zeros(()), x),
        "scan changes its variable",
    ),
    "a scan over a number": (lambda x: ops.scan(lambda c, row: (c, row), x, x.sum()), "no slices"),
    "a scan over axes of two sizes": (
        lambda x: ops.scan(lambda c, rows: (c, c), x, (ops.transpose(x), ops.zeros((7, 4)))),
        "one size",
    ),
    "a scan whose function returns one thing": (
        lambda x: ops.scan(lambda c, row: c, x, x),
        "a state and an output",
    ),
    "a tensor for a function": (lambda x: ops.cond(x.sum() > 0, x, lambda: x), "true_fn must be a function"),
    "an associative function that is none": (
        lambda x: ops.associative_scan(lambda a, b: a[:, :2], x),
        "associative_scan changes its variable",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_told_while_drawing(what: str) -> None:
    build, expected = MISTAKES[what]
    x = Input((4,))
    with pytest.raises(LaminaError, match=f"(?s){expected}") as caught:
        build(x)
    assert "where     tests/ops/test_control_in_graphs.py" in str(caught.value)


def test_an_input_that_only_a_branch_reads_must_be_declared() -> None:
    x, other = Input((4,), name="x"), Input((4,), name="other")
    y = ops.cond(x.sum() > 0, lambda: x, lambda: x + other)
    with pytest.raises(GraphError, match="depend on the input 'other'"):
        Model(x, y)


def test_an_error_in_a_branch_names_the_line() -> None:
    x = Input((4,))
    fails = Lambda(lambda v: v.reshape(3, 7), output_shape=(4,))
    model = Model(x, ops.cond(x.sum() > 0, lambda: fails(x), lambda: x))
    with pytest.raises(RuntimeError, match="shape") as caught:
        model(torch.ones(2, 4))
    notes = "\n".join(caught.value.__notes__)
    assert 'Lambda "lambda"' in notes
    assert "test_control_in_graphs.py" in notes


def test_the_index_of_a_loop_has_the_dtype_that_it_was_drawn_with() -> None:
    x = Input((4,))
    last, total = ops.fori_loop(0, 3, lambda i, v: (i, v[1] + x), (0, x))
    found = Model(x, [last, total])(torch.ones(2, 4))
    assert (found[0].dtype, last.dtype) == (torch.int32, torch.int32)
    assert int(found[0]) == 2
    assert torch.equal(found[1], torch.full((2, 4), 4.0))
