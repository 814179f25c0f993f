"""Whole texts on their way into a model: PyTorch has no tensors of them, so they go as their bytes.

Texts of shape S are a tensor (\\*S, L) of uint8: the UTF-8 of each, filled up with zeros to the longest of the batch.
The fingerprints of `text_inputs`, by which lookups go, do not tell what stands in a text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError


def as_bytes(value: Any, encoding: str = "utf-8") -> np.ndarray[Any, Any] | None:
    """Texts, in lists, arrays or columns, as an array of Python's bytes in UTF-8; None for what holds none.

    Args:
        encoding: of what comes as bytes.

    Raises:
        ArgumentError: something among them that is no text.

    >>> as_bytes(["a", "é"]).tolist(), as_bytes([1, 2])
    ([b'a', b'\\xc3\\xa9'], None)
    """
    array = value if isinstance(value, np.ndarray) else _array(value)
    if array is None or array.dtype.kind not in "OUST" or array.size == 0:
        return None
    flat = array.ravel().tolist()
    if not all(isinstance(text, (str, bytes)) for text in flat):
        if any(isinstance(text, (str, bytes)) for text in flat):
            raise _mixed(flat)
        return None
    plain = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    found = np.empty(len(flat), dtype=object)
    found[:] = [_encoded(text, encoding, plain) for text in flat]
    return found.reshape(array.shape)


def _encoded(text: str | bytes, encoding: str, plain: bool) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    return text if plain else text.decode(encoding).encode()


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    if isinstance(value, torch.Tensor):
        return None
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if isinstance(value, (str, bytes)):
        return np.array(value, dtype=object)
    if not isinstance(value, (list, tuple)) or not value:
        return None
    texts = sum(isinstance(text, (str, bytes)) for text in value)
    if 0 < texts < len(value) and not any(hasattr(part, "shape") or isinstance(part, _NESTED) for part in value):
        raise _mixed(value)
    if texts == len(value):
        made = np.empty(len(value), dtype=object)  # as an array of str each would take the place of the longest
        made[:] = value
        return made
    rows = [_array(row) for row in value]
    shapes = {None if row is None else row.shape for row in rows}
    if None in shapes or len(shapes) > 1:
        return None
    return np.stack([np.asarray(row, dtype=object) for row in rows])


_NESTED = (list, tuple, dict)


def _mixed(values: Any) -> ArgumentError:
    place, other = next((i, value) for i, value in enumerate(values) if not isinstance(value, (str, bytes)))
    return ArgumentError(
        "There is something among the texts that is no text.",
        got=f"{type(other).__name__} {other!r} in row {place}"[:100],
        expected="texts alone",
        hint="str(value), or the row left out",
    )


def packed(texts: np.ndarray[Any, Any]) -> torch.Tensor:
    """An array of bytes as a tensor of uint8 with one axis more.

    >>> packed(as_bytes(["ab", "c"])).tolist()
    [[97, 98], [99, 0]]
    """
    flat = texts.ravel().tolist()
    longest = max(1, max(map(len, flat), default=1))
    wide = np.array(flat, dtype=f"S{longest}").view(np.uint8)
    return torch.from_numpy(wide.reshape(*texts.shape, longest))


def unpacked(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The way back: an array of bytes.

    >>> unpacked(packed(as_bytes([["ab"], [""]]))).tolist()
    [[b'ab'], [b'']]
    """
    wide = np.ascontiguousarray(tensor.detach().cpu().numpy())
    found: np.ndarray[Any, Any] = wide.view(f"S{wide.shape[-1]}")[..., 0]
    return found


def is_packed(value: Any) -> bool:
    """Whether this is a tensor of whole texts."""
    return isinstance(value, torch.Tensor) and value.dtype is torch.uint8
