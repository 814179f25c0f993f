"""fit, evaluate, predict: against PyTorch's own loop and against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina as keras
from lamina import ArgumentError, LaminaError, StructureError
from lamina.callbacks import Callback, EarlyStopping, LambdaCallback
from lamina.layers import BatchNormalization, Dense, Dropout, Input
from lamina.models import Model, Sequential


def regression(units=1, **kwargs):
    x = Input((3,), name="x")
    return Model(x, Dense(units, name="y", **kwargs)(x))


def rows(n=20, width=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, width, generator=generator)
    return x, x.sum(1, keepdim=True)


def two_heads():
    x = Input((3,), name="x")
    return Model(x, [Dense(1, name="price")(x), Dense(4, activation="softmax", name="category")(x)])


def two_targets(n=20):
    x, price = rows(n)
    return x, price, torch.arange(n) % 4


def test_fit_is_the_hand_written_loop_bit_for_bit():
    x, y = rows()
    model = regression()
    kernel = model.weights[0].detach().clone().requires_grad_()
    bias = model.weights[1].detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([kernel, bias], lr=0.01)
    total = 0.0
    for _ in range(3):
        total = 0.0
        for i in range(0, 20, 8):
            optimizer.zero_grad()
            loss = (torch.nn.functional.linear(x[i : i + 8], kernel.t(), bias) - y[i : i + 8]).square().mean()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x[i : i + 8])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    torch.testing.assert_close(model.weights[0].detach(), kernel.detach(), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(model.weights[1].detach(), bias.detach(), rtol=1e-6, atol=1e-7)
    assert history.history["loss"][-1] == pytest.approx(total / 20, rel=1e-5)


def test_shuffling_shows_every_row_once_per_epoch_in_new_orders():
    seen = []

    class Watch(keras.Layer):
        def call(self, inputs, training=None):
            if training:
                seen.append(inputs[:, 0].tolist())
            return inputs

    x = Input((1,))
    model = Model(x, Dense(1)(Watch()(x)))
    model.compile("sgd", "mse")
    data = torch.arange(10.0)[:, None]
    model.fit(data, data, batch_size=4, epochs=2, verbose=0)
    first, second = ([row for batch in epoch for row in batch] for epoch in (seen[:3], seen[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert [len(batch) for batch in seen[:3]] == [4, 4, 2]


@pytest.mark.parametrize(
    "loss",
    [{"price": "mse", "category": "sparse_categorical_crossentropy"}, ["mse", "sparse_categorical_crossentropy"]],
)
@pytest.mark.parametrize("weights", [{"category": 0.2}, [1.0, 0.2]])
@pytest.mark.parametrize("as_dict", [False, True])
def test_losses_of_several_outputs_by_name_and_by_position(loss, weights, as_dict):
    x, price, category = two_targets()
    model = two_heads()
    model.compile("sgd", loss, loss_weights=weights)
    y = {"category": category, "price": price} if as_dict else [price, category]
    with torch.no_grad():
        p, c = model(x)
        mse = (p - price).square().mean()
        entropy = torch.nn.functional.nll_loss(c.log(), category)
    scores = model.evaluate(x, y, verbose=0, return_dict=True)
    assert list(scores) == ["loss", "price_loss", "category_loss"]
    assert scores["price_loss"] == pytest.approx(mse.item(), rel=1e-5)
    assert scores["category_loss"] == pytest.approx(entropy.item(), rel=1e-4)
    assert scores["loss"] == pytest.approx((mse + 0.2 * entropy).item(), rel=1e-4)


def test_history_has_a_name_for_everything():
    x, price, category = two_targets()
    model = two_heads()
    model.compile(
        "adam",
        {"price": "mse", "category": "sparse_categorical_crossentropy"},
        metrics={"price": ["mae"], "category": "accuracy"},
    )
    history = model.fit(x, [price, category], epochs=2, verbose=0, validation_data=(x, [price, category]))
    names = ["loss", "price_loss", "category_loss", "price_mae", "category_accuracy"]
    assert list(history.history) == [*names, *(f"val_{name}" for name in names)]
    assert history.epoch == [0, 1]
    scores = model.evaluate(x, [price, category], verbose=0)
    assert scores.names == names
    assert list(scores) == [history.history[f"val_{name}"][-1] for name in names]
    assert scores["category_accuracy"] == scores[-1]


def test_outputs_are_told_apart_by_name_whatever_the_order_of_the_dict():
    x, price, category = two_targets()
    model = two_heads()
    for order in (("price", "category"), ("category", "price")):
        losses = {"price": "mae", "category": "sparse_categorical_crossentropy"}
        model.compile("sgd", {name: losses[name] for name in order})
        targets = {"price": price, "category": category}
        scores = model.evaluate(x, {name: targets[name] for name in reversed(order)}, verbose=0, return_dict=True)
        assert scores["price_loss"] == pytest.approx((model(x)[0] - price).abs().mean().item(), rel=1e-5)


def test_output_dict_keys_and_layer_names_both_name_an_output():
    x = Input((3,))
    model = Model(x, {"a": Dense(1, name="first")(x), "b": Dense(1, name="second")(x)})
    data, y = rows()
    for names in (("a", "b"), ("first", "second"), ("first", "b")):
        model.compile("sgd", dict.fromkeys(names, "mse"))
        scores = model.evaluate(data, dict.fromkeys(names, y), verbose=0, return_dict=True)
        assert list(scores) == ["loss", "a_loss", "b_loss"]


def test_an_output_without_a_loss_needs_no_targets():
    x, price, _ = two_targets()
    model = two_heads()
    model.compile("sgd", {"price": "mse"})
    history = model.fit(x, {"price": price}, verbose=0)
    assert list(history.history) == ["loss"]  # Keras names the outputs' losses where there are several
    assert [p.shape for p in model.predict(x)] == [(20, 1), (20, 4)]
    history = model.fit(x, [price, None], verbose=0)
    assert list(history.history) == ["loss"]  # Keras names the outputs' losses where there are several


def test_validation_split_takes_the_last_rows_before_shuffling():
    x, y = rows()
    model = regression()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = model.fit(x, y, validation_split=0.25, verbose=0)
    assert history.history["val_loss"][0] == model.evaluate(x[15:], y[15:], verbose=0)
    assert history.history["loss"][0] == pytest.approx(model.evaluate(x[:15], y[:15], verbose=0))


def test_evaluate_equals_the_last_validation_exactly_with_dropout_and_batchnorm():
    x, y = rows(50)
    model = Sequential([Input((3,)), Dense(8), BatchNormalization(), Dropout(0.5), Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(x, y, epochs=3, batch_size=16, verbose=0, validation_data=(x, y), validation_batch_size=16)
    scores = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    assert scores == {name: history.history[f"val_{name}"][-1] for name in ("loss", "mae")}


def test_the_models_own_mode_is_what_it_was_before():
    x, y = rows()
    for mode in (False, True):
        model = regression().train(mode)
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)
        model.predict(x)
        assert model.training is mode


@pytest.mark.parametrize(
    "kind", ["loader", "dataset", "generator function", "list of batches", "dict batches", "arrays", "lists"]
)
def test_data_of_every_kind_trains_alike(kind):
    x, y = rows(16)
    batches = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 16, 4)]
    dataset = torch.utils.data.TensorDataset(x, y)
    source = {
        "loader": lambda: (torch.utils.data.DataLoader(dataset, batch_size=4),),
        "dataset": lambda: (dataset,),
        "generator function": lambda: (b for b in batches),
        "list of batches": lambda: (iter(batches),),
        "dict batches": lambda: ([({"x": a}, {"y": b}) for a, b in batches].__iter__(),),
        "arrays": lambda: (x.numpy(), y.numpy()),
        "lists": lambda: (x.tolist(), y.tolist()),
    }[kind]()
    source = (source,) if kind == "generator function" else source
    model = regression(kernel_initializer="zeros")
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(*source, batch_size=4, shuffle=False, verbose=0)
    expected = regression(kernel_initializer="zeros")
    expected.compile(keras.optimizers.SGD(0.1), "mse")
    for a, b in batches:
        expected.train_on_batch(a, b)
    torch.testing.assert_close(model.weights[0], expected.weights[0])


def test_steps_per_epoch_goes_on_where_it_stopped():
    seen = []

    def forever():
        i = 0
        while True:
            seen.append(i)
            yield torch.full((2, 3), float(i)), torch.zeros(2, 1)
            i += 1

    model = regression()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(forever(), steps_per_epoch=3, epochs=2, verbose=0)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_source_that_ends_early_says_so_and_ends_training():
    model = regression()
    model.compile("sgd", "mse")
    batches = iter([(torch.ones(2, 3), torch.ones(2, 1))] * 4)
    with pytest.warns(UserWarning, match="ended after 1 of 3 batches"):
        history = model.fit(batches, steps_per_epoch=3, epochs=5, verbose=0)
    assert len(history.epoch) == 2


def test_sample_weight_and_class_weight():
    x, y = rows(4)
    model = regression()
    model.compile("sgd", "mse")
    errors = (model(x) - y).square().squeeze(1)
    weights = torch.tensor([1.0, 0.0, 2.0, 1.0])
    assert model.evaluate(x, y, sample_weight=weights, verbose=0) == pytest.approx(
        (errors * weights).mean().item(), rel=1e-5
    )
    classifier = Model(i := Input((3,)), Dense(2, activation="softmax")(i))
    classifier.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    classes = torch.tensor([0, 1, 1, 0])
    each = -classifier(x).log()[torch.arange(4), classes]
    history = classifier.fit(x, classes, class_weight={1: 5.0}, verbose=0)
    expected = (each * torch.tensor([1.0, 5.0, 5.0, 1.0])).mean().item()
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_predict_joins_batches_and_keeps_the_structure():
    x = Input((3,))
    model = Model(x, {"b": x * 2, "a": [x + 1, x.sum(1)]})
    real = torch.randn(70, 3)
    result = model.predict(real, batch_size=32)
    assert list(result) == ["b", "a"]
    np.testing.assert_array_equal(result["b"], (real * 2).numpy())
    np.testing.assert_allclose(result["a"][1], real.sum(1).numpy(), rtol=1e-6)
    assert isinstance(result["a"][0], np.ndarray)


def test_train_on_batch_returns_the_numbers_of_the_batch():
    x, y = rows(8)
    model = regression()
    model.compile("sgd", "mse", metrics=["mae"])
    expected = (model(x) - y).square().mean().item()
    loss, mae = model.train_on_batch(x, y)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert model.test_on_batch(x, y, return_dict=True).keys() == {"loss", "mae"}
    assert mae > 0


def test_a_plain_torch_optimizer_is_accepted():
    x, y = rows()
    model = regression(kernel_initializer="zeros")
    model.compile(torch.optim.SGD(model.parameters(), lr=0.1), "mse")
    model.fit(x, y, batch_size=20, verbose=0)
    expected = regression(kernel_initializer="zeros")
    expected.compile(keras.optimizers.SGD(0.1), "mse")
    expected.fit(x, y, batch_size=20, verbose=0)
    torch.testing.assert_close(model.weights[0], expected.weights[0])


def test_callbacks_are_called_in_order_with_logs():
    events = []

    class Watch(Callback):
        def on_train_begin(self, logs=None):
            events.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            events.append(f"epoch {epoch}")

        def on_train_batch_end(self, batch, logs=None):
            events.append(f"batch {batch}")
            assert logs["loss"] >= 0

        def on_epoch_end(self, epoch, logs=None):
            assert {"loss", "val_loss"} <= set(logs)
            events.append("end of epoch")

        def on_train_end(self, logs=None):
            events.append("end")

    x, y = rows(8)
    model = regression()
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_data=(x, y), callbacks=[Watch()])
    epoch = ["batch 0", "batch 1", "end of epoch"]
    assert events == ["begin", "epoch 0", *epoch, "epoch 1", *epoch, "end"]


def test_early_stopping_gives_the_best_weights_back():
    x, y = rows()
    model = regression()
    model.compile(keras.optimizers.SGD(10.0), "mse")  # diverges: the first epoch is the best
    stop = EarlyStopping("loss", patience=2, restore_best_weights=True)
    saved = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: saved.append(model.get_weights()))
    history = model.fit(x, y, epochs=20, batch_size=20, verbose=0, callbacks=[keep, stop])
    assert len(history.epoch) == 3
    best = int(np.argmin(history.history["loss"]))
    assert all((a == b).all() for a, b in zip(saved[best], model.get_weights(), strict=True))


def test_one_plain_line_per_epoch_where_there_is_no_terminal(capsys):
    x, y = rows()
    model = regression()
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - 1 step - ")
    assert "loss: " in lines[1]
    assert all(line.isascii() for line in lines)
    model.fit(x, y, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(monkeypatch):
    import io
    import sys

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    x, y = rows()
    model = regression()
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2, batch_size=5)
    text = stream.getvalue()
    assert "4/4" in text
    assert "loss " in text


def test_weights_are_constrained_after_each_step():
    x, y = rows()
    model = regression(kernel_constraint=keras.constraints.NonNeg())
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(x, -y, epochs=3, verbose=0)
    assert (model.weights[0] >= 0).all()
    assert (model.weights[0] == 0).any()


WRONG = {
    "unknown output in loss": (lambda m, x, p, c: m.compile("sgd", {"prize": "mse"}) or m.fit(x, [p, c]), "'prize'"),
    "unknown output in y": (lambda m, x, p, c: m.fit(x, {"prize": p}), "'prize'.*\n.*\n.*price"),
    "too few targets": (lambda m, x, p, c: m.fit(x, [p]), "1 entries for 2 outputs"),
    "one target for two outputs": (lambda m, x, p, c: m.fit(x, p), "one tensor for 2 outputs"),
    "a loss without targets": (lambda m, x, p, c: m.fit(x, {"price": p}), "'category' has a loss but no targets"),
    "unequal rows": (lambda m, x, p, c: m.fit(x[:5], [p, c]), "different numbers of rows"),
    "no rows": (lambda m, x, p, c: m.fit(x[:0], [p[:0], c[:0]]), "no data"),
    "strings": (lambda m, x, p, c: m.fit(np.array([["a"] * 3] * 20), [p, c]), "x does not hold numbers"),
    "wrong width of y": (lambda m, x, p, c: m.fit(x, [torch.ones(20, 3), c]), r"'price'.*\n.*\(B, 3\)"),
    "wrong width of x": (lambda m, x, p, c: m.fit(torch.ones(20, 4), [p, c]), r"'x'.*\n.*\(20, 4\)"),
    "unknown loss": (lambda m, x, p, c: m.compile("sgd", "msee") or m.fit(x, [p, c]), "msee"),
    "unknown metric": (
        lambda m, x, p, c: m.compile("sgd", "mse", metrics=["accurcy", "mae"]) or m.fit(x, [p, p]), "accurcy"),
    "unknown optimizer": (lambda m, x, p, c: m.compile("adamm", "mse"), "adamm"),
    "metrics of another number": (
        lambda m, x, p, c: m.compile("sgd", "mse", metrics=["mae"]) or m.fit(x, [p, p]), "1 entries for 2"),
    "split of a loader": (
        lambda m, x, p, c: m.fit(iter([(x, [p, c])]), validation_split=0.5), "validation_split needs arrays"),
    "y beside a loader": (lambda m, x, p, c: m.fit(iter([(x, [p, c])]), p), "gives its targets"),
    "class_weight for two": (
        lambda m, x, p, c: m.fit(x, [p, c], class_weight={0: 1.0}), "class_weight is for one output"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_data_is_refused_before_any_weight_changes(case):
    run, words = WRONG[case]
    x, price, category = two_targets()
    model = two_heads()
    model.compile("sgd", {"price": "mse", "category": "sparse_categorical_crossentropy"})
    before = model.get_weights()
    with pytest.raises(LaminaError, match=words):
        run(model, x, price, category)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_an_empty_epoch_is_an_error_not_a_silence():
    model = regression()
    model.compile("sgd", "mse")
    with pytest.raises(StructureError, match="no batches|no data"):
        model.fit(iter([]), verbose=0)
    with pytest.raises(ArgumentError, match="not compiled"):
        regression().evaluate(*rows())


def test_a_model_that_first_meets_data_in_predict_can_be_trained():
    class Sub(Model):
        def __init__(self):
            super().__init__()
            self.parts = [Dense(4), BatchNormalization(), Dense(1)]

        def call(self, inputs):
            for part in self.parts:
                inputs = part(inputs)
            return inputs

    x, y = rows()
    for model in (Sequential([Dense(4), BatchNormalization(), Dense(1)]), Sub()):
        assert model.predict(x).shape == (20, 1)
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.fit(x, y, verbose=0)
        assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True) if a.size > 1)
        assert model.predict(x, batch_size=7).shape == (20, 1)
