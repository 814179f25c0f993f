"""Drawn models that are called with masks: what is in them gets these, as in Keras, and so does what follows them."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers
from lamina.graph import ArgumentError, ShapeError
from lamina.models import clone_model, load_model
from lamina.saving import SavingError

# Keras says so of every model that is called with a mask, which does see it, as do those behind it.
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*was passed an input with a mask attached to it")

IDS = np.array([[1, 2, 0, 0, 0], [3, 1, 2, 4, 0], [2, 0, 0, 0, 0], [1, 1, 2, 3, 4]], dtype="int32")
STEPS = (5, 4)


def embedded(k: Any, ids: Any, zero: bool = True) -> Any:
    return k.layers.Embedding(5, 4, mask_zero=zero)(ids)


def chain(k: Any, *parts: Any) -> Any:
    return k.Sequential([k.Input(STEPS), *parts])


def between(k: Any, draw: Callable[..., Any], count: int = 1) -> Any:
    inputs = [k.Input(STEPS) for _ in range(count)]
    return k.Model(inputs if count > 1 else inputs[0], draw(*inputs))


def by_keys(k: Any, ids: Any) -> Any:
    a, b = k.Input(STEPS, name="a"), k.Input(STEPS, name="b")
    inner = k.Model({"b": b, "a": a}, {"y": k.layers.LSTM(3)(a), "z": k.layers.LSTM(2)(b)})
    found = inner({"b": embedded(k, ids), "a": embedded(k, ids, zero=False)})
    return k.layers.Concatenate()([found["y"], found["z"]])


def with_its_own(k: Any, ids: Any) -> Any:
    a, own = k.Input(STEPS), k.Input((5,), dtype="int32")
    inner = k.Model([a, own], k.layers.Attention()([a, embedded(k, own)]))
    return inner([embedded(k, ids), ids])


def shared(k: Any, ids: Any) -> Any:
    inner = chain(k, k.layers.LSTM(3))
    return k.layers.Concatenate()([inner(embedded(k, ids)), inner(embedded(k, ids, zero=False))])


def states(k: Any, ids: Any) -> Any:
    inner = between(k, lambda x: k.layers.LSTM(3, return_sequences=True, return_state=True)(x))
    steps, *rest = inner(embedded(k, ids))
    return k.layers.Concatenate()([k.layers.GRU(2)(steps), *rest])


def encoder_and_decoder(k: Any, ids: Any) -> Any:
    encoder = between(k, lambda x: k.layers.LSTM(4, return_sequences=True)(x))
    decoder = between(k, lambda q, v: k.layers.Dense(2)(k.layers.MultiHeadAttention(2, 3)(q, v)), 2)
    return k.layers.GlobalAveragePooling1D()(decoder([embedded(k, ids), encoder(embedded(k, ids))]))


# a name -> a library and word numbers -> an output
NESTED: dict[str, Callable[[Any, Any], Any]] = {
    "chain": lambda k, i: k.Sequential([k.layers.LSTM(3)])(embedded(k, i)),
    "drawn chain": lambda k, i: k.Sequential([k.Input((None, 4)), k.layers.GRU(3)])(embedded(k, i)),
    "pooling": lambda k, i: chain(k, k.layers.Dense(3), k.layers.GlobalAveragePooling1D())(embedded(k, i)),
    "both ways": lambda k, i: chain(k, k.layers.Bidirectional(k.layers.LSTM(3)))(embedded(k, i)),
    "batch normalization": lambda k, i: chain(k, k.layers.BatchNormalization(), k.layers.LSTM(2))(embedded(k, i)),
    "flows out": lambda k, i: k.layers.LSTM(2)(chain(k, k.layers.Dense(3))(embedded(k, i))),
    "passed on": lambda k, i: k.layers.LSTM(2)(between(k, lambda x: x)(embedded(k, i))),
    "deep": lambda k, i: k.Sequential([k.Sequential([k.layers.Dense(4), k.Sequential([k.layers.LSTM(3)])])])(
        embedded(k, i)
    ),
    "several": lambda k, i: between(k, lambda a, b: k.layers.LSTM(3)(k.layers.Add()([a, b])), 2)(
        [embedded(k, i), k.layers.Dense(4)(embedded(k, i))]
    ),
    "one of two": lambda k, i: between(
        k, lambda a, b: k.layers.Concatenate()([k.layers.LSTM(3)(a), k.layers.LSTM(2)(b)]), 2
    )([embedded(k, i), embedded(k, i, zero=False)]),
    "merged": lambda k, i: between(k, lambda a, b: k.layers.LSTM(3)(k.layers.Multiply()([a, b])), 2)(
        [embedded(k, i), embedded(k, i, zero=False)]
    ),
    "by keys": by_keys,
    "with its own": with_its_own,
    "shared with a call without": shared,
    "states": states,
    "encoder and decoder": encoder_and_decoder,
    "a mask inside": lambda k, i: between(k, lambda x: k.layers.LSTM(3)(k.layers.Masking()(x)))(embedded(k, i)),
    "by hand": lambda k, i: chain(k, k.layers.LSTM(3))(embedded(k, i, zero=False), mask=k.ops.not_equal(i, 2)),
    "by hand, another": lambda k, i: chain(k, k.layers.LSTM(3))(embedded(k, i), mask=k.ops.not_equal(i, 2)),
    "by hand, flows out": lambda k, i: k.layers.LSTM(2)(
        chain(k, k.layers.Dense(3))(embedded(k, i, zero=False), mask=k.ops.not_equal(i, 2))
    ),
    "by hand, one of two": lambda k, i: between(
        k, lambda a, b: k.layers.Concatenate()([k.layers.LSTM(3)(a), k.layers.LSTM(2)(b)]), 2
    )([embedded(k, i, zero=False), embedded(k, i)], mask=[k.ops.not_equal(i, 2), None]),
}


def drawn(k: Any, name: str) -> Any:
    k.utils.set_random_seed(3)
    ids = k.Input((5,), dtype="int32")
    return k.Model(ids, NESTED[name](k, ids))


def predicted(model: Any) -> np.ndarray:
    found: np.ndarray = np.asarray(model.predict(IDS, verbose=0))
    return found


@pytest.mark.quick_cases(8)
@pytest.mark.parametrize("name", NESTED)
def test_a_nested_model_gets_its_masks_as_in_keras(name: str, tmp_path: Path) -> None:
    theirs, mine = drawn(keras, name), drawn(lamina, name)
    mine.set_weights(theirs.get_weights())
    expected = predicted(theirs)
    clone = clone_model(mine)
    clone.set_weights(mine.get_weights())
    mine.save(tmp_path / "mine.lamina")
    mine.save(tmp_path / "mine.keras")
    theirs.save(tmp_path / "theirs.keras")
    read = load_model(tmp_path / "theirs.keras")
    read.save(tmp_path / "again.lamina")
    read.save(tmp_path / "again.keras")
    for model in (
        *(mine, copy.deepcopy(mine), pickle.loads(pickle.dumps(mine)), clone, load_model(tmp_path / "mine.lamina")),
        *(load_model(tmp_path / "mine.keras"), keras.models.load_model(tmp_path / "mine.keras")),
        *(read, load_model(tmp_path / "again.lamina"), keras.models.load_model(tmp_path / "again.keras")),
    ):
        np.testing.assert_allclose(predicted(model), expected, atol=1e-5)


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize(
    "name",
    ["deep", *(pytest.param(n, marks=pytest.mark.slow) for n in ("by keys", "flows out", "encoder and decoder"))],
)
def test_it_compiles_whole_and_is_exported(name: str) -> None:
    model, ids = drawn(lamina, name), torch.tensor(IDS)
    expected = model(ids)
    copied = copy.deepcopy(model)  # which has run nothing yet
    torch.testing.assert_close(torch.compile(copied, backend="eager", fullgraph=True)(ids), expected)
    for strict in (False, True):
        torch.testing.assert_close(torch.export.export(model, (ids,), strict=strict).module()(ids), expected)


def of_steps(k: Any, ids: Any, part: Any) -> Any:
    return k.layers.TimeDistributed(part)(k.layers.Embedding(5, 4, mask_zero=True)(ids))


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_model_on_each_step_gets_the_masks_of_the_places_within(kind: str, tmp_path: Path) -> None:
    texts = np.where(np.arange(5) < np.arange(1, 13).reshape(4, 3, 1) % 6, 2, 0)

    def model(k: Any) -> Any:
        ids = k.Input((3, 5), dtype="int32")
        return k.Model(ids, of_steps(k, ids, chain(k, getattr(k.layers, kind)(3))))

    theirs, mine = model(keras), model(lamina)
    mine.set_weights(theirs.get_weights())
    expected = theirs.predict(texts, verbose=0)
    theirs.save(tmp_path / "theirs.keras")
    for found in (mine, load_model(tmp_path / "theirs.keras")):
        np.testing.assert_allclose(found.predict(texts, verbose=0), expected, atol=1e-5)


def subclassed(k: Any, how: str) -> Any:
    class Net(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = k.layers.Embedding(5, 4, mask_zero=how != "by hand")
            self.inner = k.Sequential([k.layers.Dense(4)] if how == "flows out" else [k.layers.LSTM(3)])
            self.last = k.layers.LSTM(3) if how == "flows out" else k.layers.Dense(3)

        def call(self, ids: Any) -> Any:
            x = self.embedding(ids)
            return self.last(self.inner(x, mask=k.ops.not_equal(ids, 0)) if how == "by hand" else self.inner(x))

    return Net()


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("how", ["flows in", "flows out", "by hand"])
def test_in_a_subclassed_model_masks_ride_on_the_tensors_into_drawn_ones(how: str) -> None:
    theirs, mine, ids = subclassed(keras, how), subclassed(lamina, how), torch.tensor(IDS)
    expected = theirs(IDS).detach()
    mine(ids)
    mine.set_weights(theirs.get_weights())
    inputs = lamina.Input((5,), dtype="int32")
    in_a_graph = lamina.Model(inputs, mine(inputs))
    compiled = torch.compile(mine, backend="eager", fullgraph=True)
    for found in (mine(ids), in_a_graph(ids), compiled(ids), torch.export.export(mine, (ids,)).module()(ids)):
        torch.testing.assert_close(found.detach(), expected, atol=1e-5, rtol=1e-5)


def masked(rows: Any = IDS) -> torch.Tensor:
    lamina.utils.set_random_seed(1)
    found: torch.Tensor = layers.Embedding(5, 4, mask_zero=True)(torch.tensor(rows))
    return found


def test_a_mask_on_a_tensor_or_by_name_is_used_and_left_on_the_result() -> None:
    x = masked()
    mask = x._keras_mask  # type: ignore[attr-defined]
    model = chain(lamina, layers.Dense(3))
    assert model(x)._keras_mask is mask
    assert model(x + 0, mask=mask)._keras_mask is mask
    assert not hasattr(model(x + 0), "_keras_mask")
    last = layers.LSTM(2)
    inner = chain(lamina, last)
    expected = last(x)
    bare = (x + 0).detach()
    for found in (inner(x), inner(bare, mask=mask), inner(bare, mask=mask.float()), inner(bare.numpy(), mask=mask)):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(inner(masked(IDS[:1])), last(masked(IDS[:1])))  # one row is no axis of size 1
    assert inner.compute_mask(x, mask) is None
    assert model.compute_mask(x, mask)[0] is mask
    assert not torch.equal(inner(bare), expected)


def test_masks_of_inputs_that_are_optional_or_named() -> None:
    a, b = lamina.Input(STEPS, name="a"), lamina.Input(STEPS, name="b", optional=True)
    first, second = layers.LSTM(2), layers.LSTM(2)
    model = lamina.Model([a, b], [first(a), second(b)])
    x, other = masked(), masked(IDS[::-1].copy())
    for found in (model([x, other]), model(a=x, b=other), model({"b": other, "a": x})):
        torch.testing.assert_close(found, [first(x), second(other)])
    mask = other._keras_mask  # type: ignore[attr-defined]
    for given in ({"a": mask}, [mask], [mask, None], mask):
        torch.testing.assert_close(model([x, other], mask=given), [first(x + 0, mask=mask), second(other)])


def test_masks_that_do_not_fit_are_refused() -> None:
    x = masked()
    mask = x._keras_mask  # type: ignore[attr-defined]
    model = chain(lamina, layers.LSTM(2, name="last"))
    with pytest.raises(ArgumentError, match="masks that it has no inputs for"):
        model(x + 0, mask=[mask, None])
    with pytest.raises(ArgumentError, match="masks that it has no inputs for"):
        model(x + 0, mask={"elsewhere": mask})
    with pytest.raises(ShapeError, match=r'(?s)"last" cannot use this mask.*\(4, 3\)'):
        model(x + 0, mask=mask[:, :3])


def test_a_mask_of_one_size_counts_for_all_positions() -> None:
    x = masked() + 0
    one = torch.tensor([True, True, False, True, True])[None]
    last = layers.LSTM(2)
    torch.testing.assert_close(chain(lamina, last)(x, mask=one), last(x, mask=one.expand(4, 5)))


def test_layers_are_not_told_of_the_calls_with_masks() -> None:
    inner = chain(lamina, layers.LSTM(3, name="last"))
    ids = lamina.Input((5,), dtype="int32")
    model = lamina.Model(ids, inner(embedded(lamina, ids)))
    assert len(inner.get_layer("last")._calls()) == 1
    assert inner.get_layer("last").output is inner.output
    for found in (copy.deepcopy(inner), pickle.loads(pickle.dumps(inner))):
        assert len(found.get_layer("last")._calls()) == 1
    assert len(model.weights) == len(model.state_dict()) == 4


def test_another_layer_in_the_inner_or_the_outer_model() -> None:
    inner = chain(lamina, layers.LSTM(3, name="last"))
    ids = lamina.Input((5,), dtype="int32")
    model = lamina.Model(ids, inner(layers.Embedding(5, 4, mask_zero=True, name="first")(ids)))
    before, rows = model(torch.tensor(IDS)), torch.tensor(IDS)
    inner.last = layers.GRU(3)
    compiled = torch.compile(copy.deepcopy(model), backend="eager", fullgraph=True)(rows)
    expected = inner.get_layer("last")(model.get_layer("first")(rows))
    torch.testing.assert_close(compiled, expected)
    torch.testing.assert_close(model(rows), expected)
    assert not torch.equal(before, expected)
    model.first = layers.Embedding(5, 4)
    torch.testing.assert_close(model(rows), inner.get_layer("last")(model.get_layer("first")(rows)))
    model.first = layers.Embedding(5, 4, mask_zero=True)
    torch.testing.assert_close(model(rows), inner.get_layer("last")(model.get_layer("first")(rows)))
    model.double()
    assert model(rows).dtype is torch.float64


def test_modes_reach_what_is_called_with_masks() -> None:
    inner = chain(lamina, layers.Dropout(0.5), layers.GlobalAveragePooling1D())
    x = masked()
    torch.testing.assert_close(inner(x, training=False), inner(x))
    assert not torch.equal(inner(x, training=True), inner(x))
    inner.train()
    assert not torch.equal(inner(x), inner(x))


def test_the_loss_leaves_padding_out_behind_a_nested_model() -> None:
    ids = lamina.Input((5,), dtype="int32")
    model = lamina.Model(ids, chain(lamina, layers.Dense(1))(embedded(lamina, ids)))
    model.compile("sgd", "mse")
    y = np.random.default_rng(0).normal(size=(4, 5, 1)).astype("float32")
    errors = (predicted(model) - y)[..., 0] ** 2
    assert model.evaluate(IDS, y, verbose=0) == pytest.approx(errors[IDS != 0].mean(), rel=1e-5)
    model.fit(IDS, y, verbose=0)


def test_threads_draw_it_together_and_it_is_freed_by_counts() -> None:
    x, inner = masked(), chain(lamina, layers.LSTM(3))
    found: list[torch.Tensor] = []
    threads = [threading.Thread(target=lambda model: found.append(model(x)), args=(inner,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del threads, thread
    assert all(torch.equal(each, found[0]) for each in found)
    gc.disable()
    try:
        gone = weakref.ref(inner)
        del inner
        assert gone() is None
    finally:
        gc.enable()


def with_function(k: Any) -> Any:
    ids = k.Input((5,), dtype="int32")
    inner = between(k, lambda x: k.layers.LSTM(3)(k.ops.relu(x)))
    return k.Model(ids, k.Sequential([k.layers.Dense(4), inner])(embedded(k, ids)))


def test_operations_within_drop_masks_in_a_file_of_keras(tmp_path: Path) -> None:
    theirs = with_function(keras)
    expected = predicted(theirs)
    theirs.save(tmp_path / "theirs.keras")
    read = load_model(tmp_path / "theirs.keras")
    clone = clone_model(read)
    clone.set_weights(read.get_weights())
    read.save(tmp_path / "again.lamina")
    read.save(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.lamina"), keras.models.load_model(tmp_path / "again.keras")
    for model in (read, copy.deepcopy(read), clone, *again):
        np.testing.assert_allclose(predicted(model), expected, atol=1e-6)


def test_functions_within_keep_masks_so_keras_cannot_have_them(tmp_path: Path) -> None:
    mine = with_function(lamina)
    ids = torch.tensor(IDS)
    x = mine.layers[1](ids)
    dense, inner = mine.layers[2].layers
    relu = torch.relu(dense(x))
    torch.testing.assert_close(mine(ids), inner.layers[-1](relu, mask=x._keras_mask))
    with pytest.raises(SavingError, match="(?s)within it, 'lstm' would find no mask.*layers in place of functions"):
        mine.save(tmp_path / "mine.keras")
    one = lamina.Sequential([lamina.Input((5,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True), inner])
    with pytest.raises(SavingError, match="would find no mask"):
        one.save(tmp_path / "one.keras")


def test_what_drops_a_mask_within_says_so_once() -> None:
    inner = between(lamina, lambda x: layers.Flatten()(x))
    with pytest.warns(UserWarning, match="Flatten.*drops the mask"):
        inner(masked())
    for found in (copy.deepcopy(inner), inner):  # an error, were it said again
        found(masked())


def test_a_summary_and_a_picture_show_it_as_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = drawn(lamina, "chain")
    model.summary(expand_nested=True)
    said = capsys.readouterr().out
    assert "lstm (LSTM)" in said
    assert "mask" not in said
    lamina.utils.plot_model(model, tmp_path / "model.svg", expand_nested=True)
    assert "LSTM" in (tmp_path / "model.svg").read_text()


def test_a_model_of_code_in_a_graph_says_that_it_gets_no_mask() -> None:
    class Net(lamina.Model):
        def __init__(self) -> None:
            super().__init__()
            self.last = layers.LSTM(3)

        def call(self, x: Any) -> Any:
            return self.last(x)

    class Told(Net):
        def call(self, x: Any, mask: Any = None) -> Any:
            return self.last(x, mask=mask)

    ids = lamina.Input((5,), dtype="int32")
    x = embedded(lamina, ids)
    with pytest.warns(UserWarning, match="Net.*drops the mask"):
        Net()(x)
    told = Told()
    model = lamina.Model(ids, told(x))
    torch.testing.assert_close(model(torch.tensor(IDS)), told.last(model.layers[1](torch.tensor(IDS))))


def test_a_masked_output_of_a_function_keeps_its_mask_in_a_file(tmp_path: Path) -> None:
    ids = lamina.Input((5,), dtype="int32")
    model = lamina.Model(ids, embedded(lamina, ids) * 2)
    model.save(tmp_path / "model.lamina")
    rows = torch.tensor(IDS)
    assert torch.equal(load_model(tmp_path / "model.lamina")(rows)._keras_mask, rows != 0)
