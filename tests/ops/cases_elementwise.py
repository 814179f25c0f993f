"""Calls of the functions that treat every position alike: angles, bits, complex numbers, floats, special functions."""

from __future__ import annotations

import numpy as np

from tests.ops.case import B, Case, W, case, each, exactly, stepwise

INF, NAN = np.inf, np.nan
WHOLE = B(3, 4, dtype="int32")
SPECIAL = exactly([[NAN, INF, -INF], [0.0, -0.0, -2.5]])
COMPLEX = exactly([[1 + 2j, -3.0, 2j], [0.0, 1 - 1j, -2 - 0.5j]], "complex64")

ANGLES: list[Case] = [
    *each("arcsinh deg2rad rad2deg", B(3, 4)),
    *each("arcsinh deg2rad rad2deg", WHOLE),
    case("arccosh", B(3, 4, low=1.1, high=5.0)),
    case("arccosh", B(3, 4, dtype="int32", low=1, high=9)),
    case("arctanh", B(3, 4, low=-0.9, high=0.9)),
    *each("deg2rad rad2deg", B(3, dtype="int64")),
]

INTEGERS: list[Case] = [
    *each("bitwise_and bitwise_or bitwise_xor gcd lcm", WHOLE, B(3, 4, dtype="int32", low=-9, high=9)),
    *each("bitwise_and bitwise_or bitwise_xor gcd lcm", B(3, 4, dtype="int8"), W(4, dtype="int32", low=-9, high=9)),
    *each("bitwise_and bitwise_or bitwise_xor gcd lcm", WHOLE, 6),
    *each("bitwise_and bitwise_or bitwise_xor", B(3, 4, dtype="bool"), W(4, dtype="bool")),
    *each("bitwise_and bitwise_or bitwise_xor", B(3, 4, dtype="bool"), WHOLE),
    *each("bitwise_not bitwise_invert", WHOLE),
    *each("bitwise_not bitwise_invert", B(3, 4, dtype="uint8", low=0, high=255)),
    *each("bitwise_not bitwise_invert", B(3, 4, dtype="bool")),
    *each("bitwise_left_shift bitwise_right_shift left_shift right_shift", WHOLE, W(4, dtype="int32", low=0, high=9)),
    *each("bitwise_left_shift bitwise_right_shift left_shift right_shift", B(3, 4, dtype="uint8", low=0), 2),
    *each("bitwise_left_shift bitwise_right_shift left_shift right_shift", 5, B(3, dtype="int32", low=0)),
]

COMPLEX_NUMBERS: list[Case] = [
    *each("real imag conj conjugate angle isreal view_as_real abs", COMPLEX),
    *each("real conj conjugate angle isreal", B(3, 4)),
    *each("angle isreal", WHOLE),
    case("isreal", SPECIAL),
    case("polar", B(3, 4, low=0.1), B(3, 4)),
    case("polar", B(3, 4, low=0.1), W(4)),
    case("polar", B(3, 4, dtype="int32", low=1, high=9), B(3, 4)),
    case("view_as_complex", B(3, 4, 2)),
    case("view_as_complex", W(2)),
]

FLOATS: list[Case] = [
    *each("signbit isneginf isposinf", SPECIAL),
    *each("signbit isneginf isposinf", WHOLE),
    *each("fmax fmin", SPECIAL, exactly([[1.0, 2.0, NAN]] * 2)),
    *each("fmax fmin", B(3, 4), W(4)),
    *each("fmax fmin", B(3, 4), 1.5),
    *each("fmax fmin", WHOLE, 2),
    *each("fmax fmin", WHOLE, 1.5),
    case("ldexp", B(3, 4), B(3, 4, dtype="int32", low=0, high=9)),
    stepwise("ldexp", B(3, 4), B(3, 4, dtype="int32", low=-9, high=9)),
    case("ldexp", B(3, 4), 3),
    case("ldexp", WHOLE, W(4, dtype="int64", low=-2, high=4)),
    case("nextafter", B(3, 4), B(3, 4, low=-1)),
    case("nextafter", B(3, 4), W(4)),
    case("nextafter", WHOLE, 2.0),
    *each("saturate_cast", exactly([-1.0, 7.5, 300.0, -300.0, INF, -INF]), "uint8"),
    *each("saturate_cast", exactly([2e9, -3e9, 1.5]), "int32"),
    *each("saturate_cast", exactly([1e9, -1e9, 1.5]), "float16"),
    *each("saturate_cast", exactly([300, -300, 7], "int32"), dtype="int8"),
    *each("saturate_cast", B(3, 4, dtype="bool"), "float32"),
]

FUNCTIONS: list[Case] = [
    *each("erfc sinc i0 cbrt fabs", B(3, 4)),
    *each("erfc sinc i0 cbrt fabs", WHOLE),
    *each("i0 cbrt fabs", B(3, 4, dtype="bool")),
    *each("i0 cbrt", B(3, dtype="int64")),
    *each("sinc erfc", exactly([0.0, 1.0, 0.5])),
    case("erfinv", B(3, 4, low=-0.9, high=0.9)),
    case("erfinv", exactly([-1, 0, 1], "int32")),
]

PAIRS: list[Case] = [
    *each("fmod hypot logaddexp2", B(3, 4), B(3, 4, low=1.0)),
    *each("fmod hypot logaddexp2", B(3, 4), W(4, low=1.0)),
    *each("fmod hypot logaddexp2", B(3, 4), 1.5),
    *each("fmod hypot logaddexp2", WHOLE, 2),
    *each("hypot logaddexp2", WHOLE, B(3, 4, dtype="int8")),
    case("fmod", B(3, 4, dtype="bool"), exactly([[True] * 4] * 3, "bool")),
    stepwise("heaviside", exactly([[-1.5, 0.0, 2.0], [0.0, -0.0, NAN]]), W(3)),
    stepwise("heaviside", WHOLE, 0.5),
    case("allclose", exactly([1.0, 2.0]), exactly([1.000001, 2.0])),
    case("allclose", B(3, 4), B(3, 4, low=-1), 1e-3),
    case("allclose", exactly([1.0, NAN]), exactly([1.05, NAN]), 0.1, 0.0, True),
    case("allclose", exactly([1.0]), exactly([1.05]), atol=0.1, rtol=0.0, equal_nan=False),
]

ELEMENTWISE_CASES: list[Case] = [*ANGLES, *INTEGERS, *COMPLEX_NUMBERS, *FLOATS, *FUNCTIONS, *PAIRS]
