"""Every warning of the library points at a line of the user's: there is one way to warn, and here some are given."""

from __future__ import annotations

import ast
import pathlib
import warnings

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, callbacks, layers, ops, optimizers

ROOT = pathlib.Path(lamina.__file__).parent
X, Y = np.ones((5, 4), "float32"), np.ones((5, 1), "float32")
PLACES = ("caller()", "source", "made.file", "where", "line")  # where a thing was made, or what is running


def net(*more):
    model = Sequential([Input((4,)), *more, layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def calls(name):
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if f"{name}(" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_there_is_one_way_to_warn():
    ours = [place for place, call in calls("warn") if ast.unparse(call.func) != "warn"]
    assert ours == []
    assert len([*calls("warn")]) > 30


@pytest.mark.parametrize("place, call", [pytest.param(*found, id=found[0]) for found in calls("warn_explicit")])
def test_what_is_warned_of_explicitly_is_at_a_line_of_the_users(place, call):
    where = " ".join(map(ast.unparse, call.args[2:]))
    assert any(word in where for word in PLACES), place


def ends_early():
    batches = iter([(X, Y)] * 3)
    net().fit((batch for batch in batches), steps_per_epoch=2, epochs=4, verbose=0)


def ends_with_validation():
    net().fit(X, Y, validation_data=(batch for batch in [(X, Y)]), epochs=3, verbose=0)


def misses_a_callback():
    here = callbacks.CallbackList(callbacks.EarlyStopping())
    state = callbacks.CallbackList([callbacks.EarlyStopping(), callbacks.EarlyStopping()]).state_dict()
    here.load_state_dict(state)


def saves_the_best_of_nothing(tmp):
    saves = callbacks.ModelCheckpoint(tmp / "best.lamina", save_best_only=True)
    net().fit(X, Y, callbacks=[saves], verbose=0)


def loses_a_mask():
    x = Input((3,), dtype="int32")
    Model(x, layers.Flatten()(ops.sort(layers.Embedding(5, 2, mask_zero=True)(x), axis=1)))


def makes_layers_in_each_call():
    class Fresh(Model):
        def call(self, x):
            return layers.Dense(1)(x)

    model = Fresh()
    model(X)
    model(X)


GIVEN = {
    "the data end": ends_early,
    "the validation data end": ends_with_validation,
    "a last batch of one row": lambda: net(layers.BatchNormalization()).fit(X, Y, batch_size=4, verbose=0),
    "nothing to watch": lambda: net().fit(X, Y, callbacks=[callbacks.EarlyStopping()], verbose=0),
    "a callback is missing": misses_a_callback,
    "the best of nothing": saves_the_best_of_nothing,
    "a mask is lost": loses_a_mask,
    "a layer in each call": makes_layers_in_each_call,
    "an older argument": lambda: layers.Embedding(5, 2, input_length=3),
    "a rate below nothing": lambda: optimizers.SGD(-0.1),
    "a callback twice": lambda: callbacks.CallbackList([callbacks.TerminateOnNaN()] * 2),
    "an argument without effect": lambda: lamina.tree.assert_same_structure([1], [2], check_types=False),
    "a window of odd length": lambda: layers.STFTSpectrogram(fft_length=300),
}


@pytest.mark.parametrize("name", GIVEN)
def test_it_points_at_the_users_line(name, tmp_path):
    give = GIVEN[name]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        give(tmp_path) if give.__code__.co_argcount else give()
    assert seen
    assert {warning.filename for warning in seen} == {__file__}
    first = give.__code__.co_firstlineno
    assert all(first <= warning.lineno <= first + 12 for warning in seen if name != "a last batch of one row")
