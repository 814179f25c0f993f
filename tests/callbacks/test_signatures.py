"""Names, arguments, their order and their defaults are Keras'."""

from __future__ import annotations

import inspect

import keras
import pytest

from lamina import callbacks
from lamina.callbacks.base import HOOKS

NAMES = [name for name in dir(keras.callbacks) if name[0].isupper()]


def arguments(function):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


@pytest.mark.parametrize("name", NAMES)
def test_constructors(name):
    ours, theirs = getattr(callbacks, name), getattr(keras.callbacks, name)
    assert list(arguments(ours).items()) == list(arguments(theirs).items())


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks(hook):
    assert arguments(getattr(callbacks.Callback, hook)) == arguments(getattr(keras.callbacks.Callback, hook))
    of_list = arguments(getattr(callbacks.CallbackList, hook))
    assert of_list == arguments(getattr(keras.callbacks.CallbackList, hook))


def test_no_hook_is_missing():
    assert set(HOOKS) == {name for name in dir(keras.callbacks.Callback) if name.startswith("on_")}
