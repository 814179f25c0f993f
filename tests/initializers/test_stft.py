"""STFT kernels and their windows, beside Keras' and SciPy's."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
import scipy.signal
import torch

from lamina import initializers
from lamina.graph import ArgumentError, ShapeError
from lamina.initializers import STFT
from lamina.initializers.windows import NAMES, window

WINDOWS = ("hann", "blackman", None, np.arange(1.0, 9.0))


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_windows_are_scipys(name: str, periodic: bool) -> None:
    for size in (1, 2, 3, 8, 9, 33):
        expected = scipy.signal.get_window(name, size, periodic)
        np.testing.assert_allclose(window(name, size, periodic), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("given", WINDOWS, ids=["hann", "blackman", "none", "numbers"])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
def test_kernels_are_keras(side: str, given: Any, scaling: str | None) -> None:
    for periodic in (False, True):
        arguments = {"side": side, "window": given, "scaling": scaling, "periodic": periodic}
        expected = keras.initializers.STFT(**arguments)((8, 1, 9))
        # Keras multiplies the angles in float32.
        torch.testing.assert_close(STFT(**arguments)((8, 1, 9)), expected, rtol=1e-4, atol=1e-4)


def test_a_convolution_with_both_kernels_is_the_transform() -> None:
    signal = np.random.default_rng(0).normal(size=16)
    kernels = [STFT(side, "hann", None)((16, 1, 9), "float64")[:, 0] for side in ("real", "imag")]
    real, imaginary = (torch.as_tensor(signal) @ kernel for kernel in kernels)
    expected = np.fft.rfft(signal * scipy.signal.get_window("hann", 16, False))
    np.testing.assert_allclose(real + 1j * imaginary, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("given", WINDOWS, ids=["hann", "blackman", "none", "numbers"])
def test_config(given: Any) -> None:
    made = STFT("imag", given, "spectrum", True)
    data = json.loads(json.dumps(initializers.serialize(made)))
    again = initializers.deserialize(data)
    assert again.get_config() == made.get_config()
    assert torch.equal(again((8, 1, 5)), made((8, 1, 5)))


def test_names() -> None:
    assert initializers.stft is initializers.STFTInitializer is STFT
    assert isinstance(initializers.get("stft"), STFT)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"side": "left"}, r"side cannot be 'left'(?s:.*)'real', 'imag'"),
        ({"scaling": "power"}, r"scaling cannot be 'power'(?s:.*)None, 'density'"),
        ({"window": "kaiser"}, r"window cannot be 'kaiser'(?s:.*)'hamming'"),
    ],
)
def test_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        STFT(**arguments)


def test_refused_shapes() -> None:
    with pytest.raises(ShapeError, match=r"three axes(?s:.*)\(4, 3\)"):
        STFT()((4, 3))
    with pytest.raises(ShapeError, match=r"does not fit the frame(?s:.*)\(3,\)(?s:.*)\(4,\)"):
        STFT(window=[1.0, 2.0, 1.0])((4, 1, 3))
