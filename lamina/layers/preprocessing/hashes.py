"""Hashes of texts that are the same on every machine and in every version: FarmHash's fingerprint, SipHash-2-4.

Whole numbers are hashed as their decimal digits. All arithmetic is modulo 2^64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995


def buckets(values: np.ndarray[Any, Any], count: int, salt: Sequence[int] | None = None) -> np.ndarray[Any, Any]:
    """For each text or whole number an integer in [0, count), spread as if by chance.

    Args:
        salt: two whole numbers, the key of SipHash; None for FarmHash's fingerprint.

    >>> buckets(np.array(["A", "B", "A"]), 3)
    array([1, 0, 1])
    """
    return (hashes(values, salt) % np.uint64(count)).astype(np.int64)


def hashes(values: np.ndarray[Any, Any], salt: Sequence[int] | None = None) -> np.ndarray[Any, Any]:
    """The hash of each text or whole number, uint64; equal ones are hashed once."""
    different, places = np.unique(values, return_inverse=True)
    found = (_fingerprint64(_bytes(value)) if salt is None else _siphash(_bytes(value), salt) for value in different)
    return np.fromiter(found, np.uint64, len(different))[places].reshape(values.shape)


def crossed(columns: Sequence[np.ndarray[Any, Any]], count: int) -> np.ndarray[Any, Any]:
    """For each place one integer in [0, count) of what stands there in all columns together.

    >>> crossed([np.array(["A", "B"]), np.array([101, 101])], 5)
    array([1, 4])
    """
    joined = np.full(columns[0].shape, 0xDECAFCAFFE, np.uint64)
    for column in columns:
        whole = column.dtype.kind in "iu"
        joined = _joined(joined, column.astype(np.int64).view(np.uint64) if whole else hashes(column))
    return (joined % np.uint64(count)).astype(np.int64)


def _joined(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """One hash of two (TensorFlow's FingerprintCat64), element by element."""
    k, shift = np.uint64(_CAT), np.uint64(47)
    with np.errstate(over="ignore"):  # products wrap around, of which NumPy warns for scalars
        second = second * k
        made = (first ^ k ^ ((second ^ (second >> shift)) * k)) * k
        made = (made ^ (made >> shift)) * k
        result: np.ndarray[Any, Any] = made ^ (made >> shift)
        return result


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


# -- SipHash-2-4 (Aumasson and Bernstein 2012)


def _siphash(data: bytes, key: Sequence[int]) -> int:
    k0, k1 = (int(part) & _MASK for part in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        _sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        for a, b, left, right in ((0, 1, 13, 32), (2, 3, 16, 0), (0, 3, 21, 0), (2, 1, 17, 32)):
            v[a] = (v[a] + v[b]) & _MASK
            v[b] = _left(v[b], left) ^ v[a]
            v[a] = _left(v[a], right)


def _left(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _MASK


# -- FarmHash's Fingerprint64 (Pike 2014)


def _fingerprint64(data: bytes) -> int:
    size = len(data)
    if size <= 16:
        return _of_16(data)
    if size <= 32:
        return _of_32(data)
    return _of_64(data) if size <= 64 else _of_more(data)


def _word(data: bytes, start: int, size: int = 8) -> int:
    return int.from_bytes(data[start : start + size], "little")


def _right(x: int, by: int) -> int:
    x &= _MASK
    return ((x >> by) | (x << (64 - by))) & _MASK


def _mixed(x: int) -> int:
    x &= _MASK
    return x ^ (x >> 47)


def _pair(u: int, v: int, factor: int) -> int:
    a = _mixed((u ^ v) * factor)
    return _mixed((v ^ a) * factor) * factor & _MASK


def _of_16(data: bytes) -> int:
    size = len(data)
    factor = _K2 + 2 * size
    if size >= 8:
        a, b = _word(data, 0) + _K2, _word(data, size - 8)
        return _pair((_right(b, 37) * factor + a) & _MASK, (_right(a, 25) + b) * factor & _MASK, factor)
    if size >= 4:
        return _pair(size + (_word(data, 0, 4) << 3), _word(data, size - 4, 4), factor)
    if size > 0:
        y, z = data[0] + (data[size >> 1] << 8), size + (data[-1] << 2)
        return _mixed(y * _K2 & _MASK ^ z * _K0 & _MASK) * _K2 & _MASK
    return _K2


def _ends(data: bytes, first: int) -> tuple[int, int, int, int, int]:
    """The first and the last two words, as `_of_32` and `_of_64` stir them, and the factor of this length."""
    size = len(data)
    factor = _K2 + 2 * size
    return _word(data, 0) * first, _word(data, 8), _word(data, size - 8) * factor, _word(data, size - 16) * _K2, factor


def _of_32(data: bytes) -> int:
    a, b, c, d, factor = _ends(data, _K1)
    return _pair((_right(a + b, 43) + _right(c, 30) + d) & _MASK, (a + _right(b + _K2, 18) + c) & _MASK, factor)


def _of_64(data: bytes) -> int:
    a, b, c, d, factor = _ends(data, _K2)
    y = (_right(a + b, 43) + _right(c, 30) + d) & _MASK
    z = _pair(y, (a + _right(b + _K2, 18) + c) & _MASK, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, len(data) - 32)) * factor, (z + _word(data, len(data) - 24)) * factor
    return _pair((_right(e + f, 43) + _right(g, 30) + h) & _MASK, (e + _right(f + a, 18) + g) & _MASK, factor)


def _half(data: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes stirred into two numbers."""
    w, x, y, z = (_word(data, start + 8 * i) for i in range(4))
    a = a + w
    b = _right(b + a + z, 21)
    c = a
    a = a + x + y
    return (a + z) & _MASK, (b + _right(a, 44) + c) & _MASK


def _of_more(data: bytes) -> int:
    size, seed = len(data), 81
    y, v, w = (seed * _K1 + 113) & _MASK, (0, 0), (0, 0)
    z = _mixed(y * _K2 + 113) * _K2 & _MASK
    x = (seed * _K2 + _word(data, 0)) & _MASK
    last = (size - 1) // 64 * 64

    def stir(start: int, factor: int, weight: int) -> None:
        nonlocal x, y, z, v, w
        x = _right(x + y + v[0] + _word(data, start + 8), 37) * factor & _MASK
        y = _right(y + v[1] + _word(data, start + 48), 42) * factor & _MASK
        x ^= w[1] * weight & _MASK
        y = (y + v[0] * weight + _word(data, start + 40)) & _MASK
        z = _right(z + w[0], 33) * factor & _MASK
        v = _half(data, start, v[1] * factor, x + w[0])
        w = _half(data, start + 32, z + w[1], y + _word(data, start + 16))
        z, x = x, z

    for start in range(0, last, 64):
        stir(start, _K1, 1)
    factor = _K1 + ((z & 0xFF) << 1)
    w = ((w[0] + ((size - 1) & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    stir(size - 64, factor, 9)
    left = _pair(v[0], w[0], factor) + _mixed(y) * _K0 + z
    return _pair(left & _MASK, (_pair(v[1], w[1], factor) + x) & _MASK, factor)
