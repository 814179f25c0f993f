"""`lamina.utils.Config`, beside Keras'."""

from __future__ import annotations

import copy
import pickle

import keras
import pytest

from lamina import utils
from lamina.graph import ArgumentError


def test_as_keras():
    ours, theirs = (module.utils.Config(b=1, a=[2]) for module in (keras, __import__("lamina")))
    for config in (ours, theirs):
        config.seed = 3
        config["name"] = "x"
        config.update({"z": 1}, y=2)
        del config["z"]
        assert config.pop("y") == 2
        assert config.pop("gone", 5) == 5
    for read in (
        lambda c: c.as_dict(), lambda c: c.to_json(), lambda c: list(c), lambda c: list(c.keys()), repr, len,
        lambda c: list(c.values()), lambda c: list(c.items()), lambda c: c.get("b"), lambda c: c.get("gone", 7),
        lambda c: "a" in c, lambda c: "gone" in c, lambda c: c.seed, lambda c: c["name"], dict,
        lambda c: c.frozen,
    ):  # fmt: skip
        assert read(ours) == read(theirs)


def test_frozen():
    config = utils.Config(rate=0.1)
    config.freeze()
    assert config.frozen
    for change in (
        lambda: setattr(config, "rate", 2), lambda: config.__setitem__("x", 1), lambda: config.pop("rate"),
        lambda: config.update(rate=3), lambda: config.__delitem__("rate"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match="frozen"):
            change()
    config.unfreeze()
    config.rate = 2
    assert config.as_dict() == {"rate": 2}


def test_names_that_are_none():
    config = utils.Config(learning_rate=0.1)
    with pytest.raises(AttributeError, match="Is it 'learning_rate'"):
        _ = config.learning_rat
    with pytest.raises(AttributeError, match="no 'zzz'"):
        _ = config.zzz
    with pytest.raises(ArgumentError, match="a method of that name"):
        config.items = 3
    with pytest.raises(ArgumentError, match="a method of that name"):
        utils.Config(freeze=True)


def test_copies():
    config = utils.Config(a=[1])
    config.freeze()
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other.as_dict() == {"a": [1]}
        assert other.frozen
        assert other.a is not config.a
    config.as_dict()["b"] = 1
    assert "b" not in config
