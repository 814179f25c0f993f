"""Numbers and flags that are given as texts are refused by every class that a user makes, with the number to write."""

from __future__ import annotations

import inspect
import json
import re

import numpy as np
import pytest
import torch

import lamina
from lamina import callbacks, constraints, initializers, layers, losses, metrics, optimizers, regularizers

FIRST = {  # what a class needs, where it needs more than nothing
    **dict.fromkeys("Dense Dropout GRU LSTM SimpleRNN GRUCell LSTMCell SimpleRNNCell".split(), (1,)),
    **dict.fromkeys("Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D ConvLSTM1D Embedding".split(), (2, 3)),
    "MultiHeadAttention": (2, 3),
    "DepthwiseConv2D": (3,),
    "MeanIoU": (3,),
    "PrecisionAtRecall": (0.5,),
    "ExponentialDecay": (0.1, 10, 0.5),
    "CosineDecay": (0.1, 10),
    "ModelCheckpoint": ("model.keras",),
    "CSVLogger": ("log.csv",),
    "LearningRateScheduler": (lambda epoch: 0.1,),
}
MODULES = (
    layers,
    callbacks,
    metrics,
    losses,
    optimizers,
    optimizers.schedules,
    initializers,
    regularizers,
    constraints,
)


def cases():
    for module in MODULES:
        for name in module.__all__:
            kind = getattr(module, name)
            if not isinstance(kind, type) or kind.__name__ in ("InputSpec", "CallbackList"):
                continue
            try:
                kind(*FIRST.get(name, ()))
            except Exception:  # noqa: BLE001  those that need more are like these
                continue
            for parameter in inspect.signature(kind).parameters.values():
                words = {*re.findall(r"\w+", str(parameter.annotation))}
                if words and words <= {"int", "float", "None"}:
                    yield pytest.param(kind, name, parameter.name, "5", id=f"{name}-{parameter.name}")
                elif words == {"bool"}:
                    yield pytest.param(kind, name, parameter.name, "False", id=f"{name}-{parameter.name}")


ASK_FOR_ANOTHER = (
    *("IntegerLookup-pad_to_max_tokens", "StringLookup-pad_to_max_tokens", "TextVectorization-pad_to_max_tokens"),
    "AUC-num_labels",
)
"""Arguments that are refused without another one, whatever they are."""
CASES = [case for case in cases() if case.id not in ASK_FOR_ANOTHER]


def test_many_arguments_are_tried():
    assert len(CASES) > 450


@pytest.mark.parametrize("kind, name, argument, text", CASES)
def test_a_text_is_neither_a_number_nor_a_flag(kind, name, argument, text):
    given = FIRST.get(name, ())
    places = [p.name for p in inspect.signature(kind).parameters.values()]
    given = tuple(text if place == argument else value for place, value in zip(places, given, strict=False))
    more = {} if argument in places[: len(given)] else {argument: text}
    with pytest.raises(lamina.LaminaError, match=rf"{text!r}(.|\n)*test_argument_kinds.py"):
        kind(*given, **more)


@pytest.mark.parametrize(
    "make, expected, hint",
    [
        (lambda: callbacks.EarlyStopping(patience="5"), "a number", "patience=5"),
        (lambda: callbacks.EarlyStopping(patience=[5]), "a number", None),
        (lambda: callbacks.EarlyStopping(restore_best_weights="no"), "True or False", "restore_best_weights=False"),
        (lambda: layers.LSTM(2, return_sequences="yes"), "True or False", "return_sequences=True"),
        (lambda: optimizers.SGD(momentum="0.9"), "a number", "momentum=0.9"),
        (lambda: optimizers.Adam(clipnorm="1"), "a number", "clipnorm=1"),
        (lambda: losses.BinaryCrossentropy(from_logits="True"), "True or False", "from_logits=True"),
        (lambda: metrics.AUC(thresholds="0.5"), "a list of numbers", r"thresholds=\[0.5\]"),
        (lambda: constraints.MaxNorm(axis="0"), "a number, or several", "axis=0"),
        (lambda: initializers.RandomNormal(stddev="small"), "a number", None),
    ],
)
def test_it_says_what_to_write(make, expected, hint):
    with pytest.raises(TypeError, match=rf"expected  {expected}" + (rf"(.|\n)*try +{hint}" if hint else "")):
        make()


@pytest.mark.parametrize("number", [np.float32(0.5), np.array(0.5), torch.tensor(0.5), True, 1, None])
def test_whatever_counts_as_a_number_is_taken(number):
    plain = number.item() if hasattr(number, "item") else number
    for kept in (callbacks.EarlyStopping(baseline=number).baseline, optimizers.SGD(weight_decay=number).weight_decay):
        assert kept == plain
        assert type(kept) is type(plain)


KINDS_OF_NUMPY = {bool: (np.bool_,), int: (np.int32, np.int64, np.array, torch.tensor), float: (np.float32, np.array)}


def numbers_given():
    for module in MODULES:
        for name in module.__all__:
            kind = getattr(module, name)
            if isinstance(kind, type) and kind.__name__ not in ("InputSpec", "CallbackList"):
                try:
                    kind(*FIRST.get(name, ()))
                except Exception:  # noqa: BLE001  those that need more are like these
                    continue
                yield pytest.param(kind, FIRST.get(name, ()), id=name)


@pytest.mark.parametrize("kind, first", list(numbers_given()))
def test_numpys_numbers_are_numbers(kind, first):
    """Each is taken as Python's is, and its config is plain JSON."""
    parameters = inspect.signature(kind).parameters
    given = inspect.signature(kind).bind(*first)
    given.apply_defaults()
    named = {name: value for name, value in given.arguments.items() if name not in ("args", "kwargs", "others")}
    for name, value in named.items():
        if not re.fullmatch(r"(int|float|bool|\| |None|Sequence\[int\])+", str(parameters[name].annotation)):
            continue
        for of_numpy in KINDS_OF_NUMPY.get(type(value), ()):
            made = kind(**{**named, name: of_numpy(value)})
            kept = getattr(made, name, value)
            if isinstance(kept, (bool, int, float)):
                assert kept == pytest.approx(value), name
            if hasattr(made, "get_config"):
                json.dumps(made.get_config(), default=repr)
                assert not re.search(r"np\.|array|tensor", repr(made.get_config())), name


@pytest.mark.parametrize("verbose", [np.int64(0), np.bool_(False)])
def test_how_much_is_shown_may_be_a_number_of_numpys(verbose, capsys):
    model = lamina.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 2)), np.zeros(4), verbose=verbose)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("flag", [True, 0, 1, np.bool_(True), None])
def test_whatever_counts_as_a_flag_is_taken(flag):
    losses.BinaryCrossentropy(from_logits=flag)


def test_classes_of_the_users_take_what_they_like():
    class Own(callbacks.Callback):
        def __init__(self, patience: int = 0) -> None:
            super().__init__()
            self.patience = int(patience)

    class Named(layers.Dense):
        def __init__(self, units: int) -> None:
            super().__init__(int(units))

    assert Own("5").patience == 5
    assert Named("5").units == 5
