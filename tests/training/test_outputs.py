"""Several outputs: losses, metrics, weights and targets find their output by name or position, never by sorting."""

from __future__ import annotations

import itertools

import keras as reference
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lamina
from lamina import ArgumentError, LaminaError, StructureError
from lamina.layers import Dense, Input, Lambda
from lamina.models import Model

NAMES = ("zebra", "apple", "mango")
LOSSES = {"zebra": "mse", "apple": "mae", "mango": "log_cosh"}


def rows(n=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 3)).astype("float32"), {
        name: rng.standard_normal((n, i + 1)).astype("float32") for i, name in enumerate(NAMES)
    }


def three_heads(as_dict=False):
    x = Input((3,), name="x")
    outputs = {name: Dense(i + 1, name=None if as_dict else name)(x) for i, name in enumerate(NAMES)}
    return Model(x, outputs if as_dict else list(outputs.values()))


def by_hand(model, x, y, weights=None):
    predicted = model.predict(x, verbose=0)
    predicted = predicted if isinstance(predicted, dict) else dict(zip(NAMES, predicted, strict=True))
    difference = {name: torch.as_tensor(y[name] - predicted[name]).double() for name in NAMES}
    each = {
        "zebra": difference["zebra"].square().mean(),
        "apple": difference["apple"].abs().mean(),
        "mango": difference["mango"].cosh().log().mean(),
    }
    total = sum(value * (weights or {}).get(name, 1.0) for name, value in each.items())
    return {"loss": float(total), **{f"{name}_loss": float(value) for name, value in each.items()}}


ORDERS = st.permutations(NAMES)


@given(ORDERS, ORDERS, ORDERS, ORDERS, st.booleans())
def test_every_order_of_every_dict_means_the_same(losses, weights, metrics, targets, as_dict):
    x, y = rows()
    model = three_heads(as_dict)
    factors = {"zebra": 0.5, "apple": 2.0, "mango": 3.0}
    model.compile(
        "sgd",
        {name: LOSSES[name] for name in losses},
        loss_weights={name: factors[name] for name in weights},
        metrics={name: ["mse"] for name in metrics},
    )
    scores = model.evaluate(x, {name: y[name] for name in targets}, verbose=0, return_dict=True)
    expected = by_hand(model, x, y, factors)
    assert list(scores) == ["loss", *(f"{n}_loss" for n in NAMES), *(f"{n}_mse" for n in NAMES)]
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, rel=1e-4), name
    assert scores["zebra_mse"] == pytest.approx(expected["zebra_loss"], rel=1e-4)


@pytest.mark.parametrize("as_dict", [False, True])
def test_positions_mean_the_declared_order(as_dict):
    x, y = rows()
    model = three_heads(as_dict)
    model.compile("sgd", [LOSSES[name] for name in NAMES], loss_weights=[1.0, 1.0, 1.0])
    scores = model.evaluate(x, [y[name] for name in NAMES], verbose=0, return_dict=True)
    for name, value in by_hand(model, x, y).items():
        assert scores[name] == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("kept", [("zebra",), ("mango", "zebra"), ("apple",)])
def test_outputs_without_a_loss_need_no_targets_and_are_predicted(kept):
    x, y = rows()
    model = three_heads()
    model.compile("sgd", {name: LOSSES[name] for name in kept})
    expected = by_hand(model, x, y)
    history = model.fit(x, {name: y[name] for name in kept}, batch_size=12, verbose=0).history
    # As in Keras, a loss that is the only one goes by "loss".
    called = {name: f"{name}_loss" if len(kept) > 1 else "loss" for name in kept}
    assert set(history) == {"loss", *called.values()}
    for name in kept:
        assert history[called[name]][0] == pytest.approx(expected[f"{name}_loss"], rel=1e-4)
    assert len(model.predict(x)) == 3


def test_a_metric_alone_works_at_an_output_without_a_loss():
    x, y = rows()
    model = three_heads()
    model.compile("sgd", {"zebra": "mse"}, metrics={"mango": ["mae"]})
    scores = model.evaluate(x, {"zebra": y["zebra"], "mango": y["mango"]}, verbose=0, return_dict=True)
    assert list(scores) == ["loss", "mango_mae"]
    assert scores["mango_mae"] == pytest.approx(np.abs(model.predict(x)[2] - y["mango"]).mean(), rel=1e-5)
    assert list(model.evaluate(x, {"zebra": y["zebra"]}, verbose=0, return_dict=True)) == ["loss"]


def test_a_key_of_the_outputs_goes_before_the_name_of_a_layer():
    x = Input((3,), name="x")
    model = Model(x, {"zebra": Dense(1, name="apple")(x), "apple": Dense(2, name="zebra")(x)})
    data, y = rows()
    model.compile("sgd", {"apple": "mse", "zebra": "mae"})
    scores = model.evaluate(data, {"zebra": y["zebra"], "apple": y["apple"]}, verbose=0, return_dict=True)
    predicted = model.predict(data)
    assert scores["zebra_loss"] == pytest.approx(np.abs(predicted["zebra"] - y["zebra"]).mean(), rel=1e-5)
    assert scores["apple_loss"] == pytest.approx(np.square(predicted["apple"] - y["apple"]).mean(), rel=1e-5)


def test_class_weight_reaches_its_output_only():
    x = Input((3,), name="x")
    model = Model(x, {"a": Dense(2, activation="softmax")(x), "b": Dense(3, activation="softmax")(x)})
    loss = "sparse_categorical_crossentropy"
    model.compile(lamina.optimizers.SGD(0.0), {"a": loss, "b": loss}, weighted_metrics={"a": ["accuracy"]})
    data = rows()[0]
    y = {"a": np.arange(12) % 2, "b": np.arange(12) % 3}
    plain = model.evaluate(data, y, verbose=0, return_dict=True)
    weighted = model.fit(data, y, class_weight={"a": {0: 1.0, 1: 5.0}}, verbose=0, batch_size=12).history
    each = -np.log(model.predict(data)["a"][np.arange(12), y["a"]])
    assert weighted["a_loss"][0] == pytest.approx((each * np.where(y["a"] == 1, 5.0, 1.0)).mean(), rel=1e-4)
    assert weighted["b_loss"][0] == pytest.approx(plain["b_loss"], rel=1e-5)
    right = model.predict(data)["a"].argmax(-1) == y["a"]
    assert weighted["a_accuracy"][0] == pytest.approx(
        np.average(right, weights=np.where(y["a"] == 1, 5.0, 1.0)), rel=1e-5
    )


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weight_against_keras(one_hot):
    data = rows()[0]
    classes = np.arange(12) % 3
    losses = []
    weights = None
    for k in (reference, lamina):
        x = k.Input((3,))
        model = k.Model(x, k.layers.Dense(3, activation="softmax")(x))
        model.set_weights(weights) if weights else None
        weights = weights or model.get_weights()
        model.compile(k.optimizers.SGD(0.1), f"{'' if one_hot else 'sparse_'}categorical_crossentropy")
        y = np.eye(3, dtype="float32")[classes] if one_hot else classes
        history = model.fit(
            data, y, class_weight={0: 1.0, 1: 3.0, 2: 0.5}, batch_size=4, epochs=3, shuffle=False, verbose=0
        )
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize("form", ["array", "list", "dict", "one of them"])
def test_sample_weight_in_every_form(form):
    x, y = rows()
    model = three_heads()
    model.compile("sgd", LOSSES)
    weight = np.linspace(0, 2, 12).astype("float32")
    given = {
        "array": weight,
        "list": [weight, weight, weight],
        "dict": dict.fromkeys(reversed(NAMES), weight),
        "one of them": {"apple": weight},
    }[form]
    scores = model.evaluate(x, y, sample_weight=given, verbose=0, return_dict=True)
    plain = by_hand(model, x, y)
    difference = np.abs(y["apple"] - model.predict(x)[1]).mean(-1)
    assert scores["apple_loss"] == pytest.approx((difference * weight).mean(), rel=1e-4)
    if form == "one of them":
        assert scores["zebra_loss"] == pytest.approx(plain["zebra_loss"], rel=1e-4)


def test_a_list_of_one_is_taken_for_a_single_output():
    x, y = rows()
    i = Input((3,))
    model = Model(i, Dense(1, name="only")(i))
    for loss, weights, target in itertools.product(("mse", ["mse"], {"only": "mse"}), ([2.0], {"only": 2.0}), (0, 1)):
        model.compile("sgd", loss, loss_weights=weights)
        given = [y["zebra"]] if target else {"only": y["zebra"]}
        expected = 2 * np.square(model.predict(x) - y["zebra"]).mean()
        assert model.evaluate(x, given, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_inputs_go_by_name():
    a, b = Input((1,), name="a"), Input((1,), name="b")
    model = Model({"x1": a, "x2": b}, a - b)
    first, second = np.full((4, 1), 5.0, "float32"), np.full((4, 1), 3.0, "float32")
    for inputs in ({"x1": first, "x2": second}, {"x2": second, "x1": first}, [first, second]):
        np.testing.assert_array_equal(model.predict(inputs), np.full((4, 1), 2.0))
    with pytest.raises(StructureError, match="'x2'"):
        model.predict({"x1": first, "x3": second})


WRONG = {
    "unknown output in loss": (lambda m, x, y: m.compile("sgd", {"pear": "mse"}) or m.fit(x, y), "loss names 'pear'"),
    "unknown output in loss_weights": (
        lambda m, x, y: m.compile("sgd", LOSSES, loss_weights={"pear": 1}) or m.fit(x, y), "loss_weights names 'pear'"),
    "unknown output in metrics": (
        lambda m, x, y: m.compile("sgd", LOSSES, metrics={"pear": "mae"}) or m.fit(x, y), "metrics names 'pear'"),
    "unknown output in y": (lambda m, x, y: m.fit(x, y | {"pear": y["apple"]}), "y names 'pear'"),
    "unknown output in sample_weight": (
        lambda m, x, y: m.fit(x, y, sample_weight={"pear": np.ones(12)}), "sample_weight names 'pear'"),
    "unknown output in class_weight": (
        lambda m, x, y: m.fit(x, y, class_weight={"pear": {0: 1.0}}), "class_weight names 'pear'"),
    "two losses for three": (lambda m, x, y: m.compile("sgd", ["mse", "mse"]) or m.fit(x, y), "2 entries for 3 out"),
    "targets of a loss missing": (
        lambda m, x, y: m.fit(x, {"zebra": y["zebra"]}), "'apple' has a loss but no targets"),
    "class_weight of no class": (
        lambda m, x, y: m.fit(x, y, class_weight={"zebra": {"high": 1.0}}), "class_weight of the output 'zebra'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_fits_no_output_is_refused_before_any_step(case):
    run, words = WRONG[case]
    x, y = rows()
    model = three_heads()
    model.compile("sgd", LOSSES)
    before = model.get_weights()
    with pytest.raises(LaminaError, match=words):
        run(model, x, y)
    assert all(map(np.array_equal, before, model.get_weights()))


# -- losses on tensors of the graph


def autoencoder(k, name=None):
    x = k.Input((3,), name="x")
    code = k.layers.Dense(2, name="code")(x)
    model = k.Model(x, k.layers.Dense(3, name="out")(code))
    if k is lamina:
        model.add_loss(0.1 * code.abs().mean(), **({"name": name} if name else {}))
    return model


def test_a_symbolic_loss_trains_is_logged_saved_cloned_and_nested(tmp_path):
    x, _ = rows()
    model = autoencoder(lamina, "sparsity")
    code = Model(model.input, model.get_layer("code").output)
    assert model.output_names == ["out"]
    model.compile(lamina.optimizers.SGD(0.1), "mse")
    expected = 0.1 * np.abs(code.predict(x)).mean()
    error = np.square(model.predict(x) - x).mean()
    scores = model.evaluate(x, x, verbose=0, return_dict=True)
    assert scores == {"loss": pytest.approx(error + expected, rel=1e-5), "sparsity": pytest.approx(expected, rel=1e-5)}
    model.save(tmp_path / "m.lamina")
    copies = [lamina.saving.load_model, lamina.models.load_model]
    loaded = copies[1](tmp_path / "m.lamina")
    cloned = lamina.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    cloned.compile(lamina.optimizers.SGD(0.1), "mse")
    histories = [m.fit(x, x, epochs=2, shuffle=False, verbose=0).history for m in (model, loaded, cloned)]
    assert histories[0] == histories[1] == histories[2]
    assert list(histories[0]) == ["loss", "sparsity"]

    outer = Input((3,))
    nested = Model(outer, Dense(3)(model(outer)))
    nested.compile("sgd", "mse")
    total = nested.evaluate(x, x, verbose=0)
    inner = 0.1 * np.abs(code.predict(x)).mean()
    total = total["loss"] if not isinstance(total, float) else total
    assert total == pytest.approx(np.square(nested.predict(x) - x).mean() + inner, rel=1e-5)


def test_a_symbolic_loss_moves_the_weights_as_by_hand():
    x, _ = rows()
    model = autoencoder(lamina)
    weights = [w.detach().clone().requires_grad_() for w in model.weights]
    data = torch.as_tensor(x)
    code = data @ weights[0] + weights[1]
    loss = (code @ weights[2] + weights[3] - data).square().mean() + 0.1 * code.abs().mean()
    loss.backward()
    model.compile(lamina.optimizers.SGD(0.1), "mse")
    history = model.fit(x, x, batch_size=12, verbose=0).history
    assert history == {"loss": [pytest.approx(loss.item(), rel=1e-5)]}
    for ours, weight in zip(model.weights, weights, strict=True):
        torch.testing.assert_close(ours.detach(), (weight - 0.1 * weight.grad).detach())


def test_a_symbolic_loss_of_another_graph_is_refused():
    other = Input((3,), name="other")
    model = autoencoder(lamina)
    with pytest.raises(LaminaError, match="other"):
        model.add_loss(Dense(1)(other).mean())
    assert model.output_names == ["out"]


# -- masks


def masked(k):
    x = k.Input((5,), dtype="int32", name="x")
    h = k.layers.Embedding(7, 4, mask_zero=True)(x)
    h = k.layers.LSTM(6, return_sequences=True)(h)
    return k.Model(x, k.layers.Dense(3, activation="softmax", name="tags")(h))


@pytest.mark.parametrize("weighted", [False, True])
def test_masks_reach_losses_and_metrics_as_in_keras(weighted):
    rng = np.random.default_rng(1)
    x = rng.integers(1, 7, (16, 5))
    for row, length in enumerate(rng.integers(1, 6, 16)):
        x[row, length:] = 0
    y = rng.integers(0, 3, (16, 5))
    options = {"sample_weight": rng.random((16, 5)).astype("float32")} if weighted else {}
    results, weights = [], None
    for k in (reference, lamina):
        model = masked(k)
        model.set_weights(weights) if weights else None
        weights = weights or model.get_weights()
        model.compile(
            k.optimizers.SGD(0.1), "sparse_categorical_crossentropy", weighted_metrics=["sparse_categorical_accuracy"]
        )
        # Weighted, in one batch: Keras on torch scales the weights in place by each batch's share of valid steps when
        # it computes the loss, so its weighted metrics over several batches weigh these unevenly.
        size = 16 if weighted else 8
        history = model.fit(
            x.astype("int32"), y, batch_size=size, epochs=2, shuffle=False, verbose=0, **options
        ).history
        results.append((history, model.get_weights()))
    (kept, theirs), (ours, mine) = results
    for name in kept:
        np.testing.assert_allclose(ours[name], kept[name], rtol=1e-4, err_msg=name)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_padded_steps_do_not_count_whatever_stands_there():
    model = masked(lamina)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 0, 0]], "int32")
    y = np.array([[0, 1, 2, 2, 2], [2, 1, 0, 1, 1]])
    other = np.where(x == 0, 0, y)
    assert model.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(x, other, verbose=0, return_dict=True)


# -- models without a graph


def test_a_subclassed_model_names_its_outputs_by_the_keys_it_returns():
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = Dense(1), Dense(2)

        def call(self, inputs):
            return {"a": self.first(inputs), "b": self.second(inputs)}

    x, y = rows()
    model = Two()
    model.compile("sgd", {"b": "mse", "a": "mae"}, metrics={"a": ["mse"]})
    history = model.fit(x, {"a": y["zebra"], "b": y["apple"]}, epochs=2, verbose=0).history
    assert list(history) == ["loss", "a_loss", "b_loss", "a_mse"]
    with pytest.raises(StructureError, match="'c'"):
        model.fit(x, {"a": y["zebra"], "c": y["apple"]}, verbose=0)


def test_layers_that_are_not_compiled_with_anything_are_refused():
    x, _ = rows()
    i = Input((3,))
    model = Model(i, Lambda(lambda t: t * 2)(Dense(1)(i)))
    model.compile("sgd")
    with pytest.raises(ArgumentError, match="nothing to minimise"):
        model.fit(x, verbose=0)
