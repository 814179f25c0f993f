"""Windows over a frame of a signal, by SciPy's names: N weights that fade to the ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from lamina.graph.errors import ArgumentError

Weights = np.ndarray[tuple[int], np.dtype[np.float64]]

# a[0] - a[1] cos(2 pi t) + a[2] cos(4 pi t) - ... for t from 0 to 1.
_COSINES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "hann": (0.5, 0.5),
        "hamming": (0.54, 0.46),
        "blackman": (0.42, 0.5, 0.08),
        "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
        "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
        "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
    }
)


def _cosines(name: str) -> Callable[[Weights], Weights]:
    def window(t: Weights) -> Weights:
        result: Weights = sum(a * (-1) ** k * np.cos(2 * np.pi * k * t) for k, a in enumerate(_COSINES[name]))
        return result

    return window


def _bohman(t: Weights) -> Weights:
    x = np.abs(2 * t - 1)
    made = (1 - x) * np.cos(np.pi * x) + np.sin(np.pi * x) / np.pi
    return np.where((t <= 0) | (t >= 1), 0.0, made)


def _tukey(t: Weights) -> Weights:
    edge = np.minimum(t, 1 - t)
    return np.where(edge < 0.25, 0.5 - 0.5 * np.cos(4 * np.pi * edge), 1.0)


# Functions of t, which goes from 0 at the first weight to 1 at the last.
_OF_PLACE: Mapping[str, Callable[[Weights], Weights]] = MappingProxyType(
    {
        **{name: _cosines(name) for name in _COSINES},
        "boxcar": lambda t: np.ones_like(t),
        "bartlett": lambda t: 1 - np.abs(2 * t - 1),
        "barthann": lambda t: 0.62 - 0.48 * np.abs(t - 0.5) + 0.38 * np.cos(2 * np.pi * (t - 0.5)),
        "bohman": _bohman,
        "lanczos": lambda t: np.sinc(2 * t - 1),
        "tukey": _tukey,
    }
)


def _cosine(n: int) -> Weights:
    return np.sin(np.pi * (np.arange(n) + 0.5) / n)


def _triang(n: int) -> Weights:
    return 1 - np.abs(2 * np.arange(n) - (n - 1)) / (n + n % 2)


def _parzen(n: int) -> Weights:
    x = np.abs(2 * np.arange(n) - (n - 1)) / n
    return np.where(x <= 0.5, 1 - 6 * x**2 * (1 - x), 2 * (1 - x) ** 3)


def _exponential(n: int) -> Weights:
    result: Weights = np.exp(-np.abs(np.arange(n) - (n - 1) / 2))
    return result


def _taylor(n: int, lobes: int = 4, decibels: float = 30.0) -> Weights:
    """Side lobes below -30 dB, the nearest of them alike (Carrara, Goodman and Majewski 1995)."""
    a = math.acosh(10 ** (decibels / 20)) / math.pi
    spread = lobes**2 / (a**2 + (lobes - 0.5) ** 2)
    shares = []
    for m in range(1, lobes):
        above = math.prod(1 - m**2 / (spread * (a**2 + (i - 0.5) ** 2)) for i in range(1, lobes))
        below = math.prod(1 - (m / i) ** 2 for i in range(1, lobes) if i != m)
        shares.append((-1) ** (m + 1) * above / below)
    place = (np.arange(n) + 0.5) / n - 0.5
    waves = sum(share * np.cos(2 * np.pi * m * place) for m, share in enumerate(shares, start=1))
    result: Weights = (1 + waves) / (1 + sum(shares))
    return result


# Functions of the number of weights.
_OF_SIZE: Mapping[str, Callable[[int], Weights]] = MappingProxyType(
    {"cosine": _cosine, "triang": _triang, "parzen": _parzen, "exponential": _exponential, "taylor": _taylor}
)
NAMES = tuple(sorted((*_OF_PLACE, *_OF_SIZE)))


def window(name: str, size: int, periodic: bool = False) -> Weights:
    """The window of this name.

    Args:
        name: "hann", "hamming", "blackman", ...; all of SciPy's that need no further number.
        size: N.
        periodic: one period of a repeated window, which is a symmetric one of N + 1 without the last.

    Raises:
        ArgumentError: an unknown name.

    >>> window("hann", 5)
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    if name not in NAMES:
        raise ArgumentError(f"There is no window {name!r}.", got=repr(name), expected="one of " + ", ".join(NAMES))
    if size == 1:
        return np.ones(1)
    count = size + 1 if periodic else size
    made = _OF_PLACE[name](np.linspace(0, 1, count)) if name in _OF_PLACE else _OF_SIZE[name](count)
    return made[:size]
