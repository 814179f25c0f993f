"""Tensors by name as a safetensors file: written in pieces without a copy, read as views of a file that is mapped.

The format is that of `safetensors <https://github.com/huggingface/safetensors>`_: the header's length, a JSON header,
the values without holes. Its own library reads and writes whole files only; here the file lies within a zip, and a
tensor lies in it in the order that it has in memory (`lamina.order` in the header's metadata), so that it is written
and mapped without a copy. Kernels of layers lie as they show; PyTorch modules may be in channels_last.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from lamina._torch.sharding import whole
from lamina.graph.dtypes import name_of

from .errors import LoadingError, SavingError
from .strict_json import parse

_WORDS = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
    "C64": torch.complex64, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
_DTYPES = {dtype: word for word, dtype in _WORDS.items()}

# PyTorch allocates at multiples of this; so lies every tensor whose size is one, when the file lies at one.
_ALIGNMENT = 64
_MAX_AXES = 64
_MAX_NAME = 4096


class TensorFile:
    """The bytes of a safetensors file, made while they are written.

    Args:
        tensors: name -> dense tensor; not copied, so they must not change before it is written.
        as_in_memory: keep the order that axes have in memory; False: rows before columns, as other programs expect.

    Raises:
        SavingError: a tensor is sparse, quantized, without storage, or of a dtype that the format has no word for.

    >>> file = TensorFile({"kernel": torch.ones(2, 3)})
    >>> read_tensors(bytearray(bytes(file)), "here")["kernel"].shape
    torch.Size([2, 3])
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor], as_in_memory: bool = True) -> None:
        tensors = {name: whole(tensor.detach()) for name, tensor in tensors.items()}
        axes = {name: _axes_in_memory(_checked(name, tensor)) for name, tensor in tensors.items()}
        moved = {name: order for name, order in axes.items() if as_in_memory and order != sorted(order)}
        stored = {
            name: tensor.detach().as_subclass(torch.Tensor).permute(moved.get(name, list(range(tensor.dim()))))
            for name, tensor in tensors.items()
        }
        self._parts = sorted(stored.items(), key=lambda item: (_size(item[1]) % _ALIGNMENT != 0, -item[1].itemsize))
        header: dict[str, Any] = {}
        if moved:
            header["__metadata__"] = {"lamina.order": json.dumps(moved, separators=(",", ":"))}
        end = 0
        for name, tensor in self._parts:
            start, end = end, end + _size(tensor)
            facts = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
            header[name] = facts
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % _ALIGNMENT)
        self._header = len(text).to_bytes(8, "little") + text
        self.size = len(self._header) + end

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Any]:
        """The bytes, piece by piece."""
        yield self._header
        for _, tensor in self._parts:
            if tensor.numel():
                array: Any = tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                yield memoryview(array)

    def __bytes__(self) -> bytes:
        return b"".join(self)

    def write(self, file: Any) -> None:
        """Into an open file."""
        for part in self:
            file.write(part)


def _checked(name: str, tensor: torch.Tensor) -> torch.Tensor:
    dense = tensor.layout is torch.strided and not tensor.is_meta and not tensor.is_quantized
    if not dense or tensor.dtype not in _DTYPES:
        kind = "without storage (meta)" if tensor.is_meta else f"{tensor.layout}, {tensor.dtype}"
        known = ", ".join(map(name_of, _DTYPES))
        raise SavingError(f"The weight {name!r} cannot be stored.", got=kind, expected=f"a dense tensor of {known}")
    return tensor


def _size(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.itemsize


def _axes_in_memory(tensor: torch.Tensor) -> list[int]:
    """The axes, outermost in memory first; as they are where the tensor is not one dense block."""
    plain = list(range(tensor.dim()))
    if tensor.is_contiguous():
        return plain
    strides = tensor.stride()
    order = sorted(plain, key=lambda axis: (tensor.shape[axis] != 1, -strides[axis]))
    return order if tensor.permute(order).is_contiguous() else plain


def read_tensors(data: Any, where: str) -> dict[str, torch.Tensor]:
    """Name -> tensor, a view of ``data``: nothing is copied but a tensor that lies askew (one whose size is no multiple
    of 64 bytes, after another such one), and nothing is allocated for what is not there.

    Args:
        data: a buffer that may be written to: a mapped file, or a bytearray.

    Raises:
        LoadingError: not a safetensors file, a damaged one, or one whose header says other sizes than are stored.
    """
    values, orders, places = _places(data, where)
    return {
        name: _view(data, values + start, dtype, shape, orders.get(name), f"{where}, {name!r},")
        for name, (dtype, shape, start, _) in places.items()
    }


def tensor_facts(data: Any, where: str) -> dict[str, tuple[torch.dtype, list[int]]]:
    """Name -> dtype and shape of what `read_tensors` reads, found in the header alone.

    Raises:
        LoadingError: as `read_tensors`.
    """
    _, orders, places = _places(data, where)
    return {
        name: (dtype, _in_order(shape, orders.get(name), f"{where}, {name!r},"))
        for name, (dtype, shape, _, _) in places.items()
    }


Place = tuple[torch.dtype, list[int], int, int]


def _places(data: Any, where: str) -> tuple[int, dict[str, Any], dict[str, Place]]:
    """(where the values begin, orders of axes, name -> dtype, shape, first byte, byte after the last)."""
    values, header = _header(data, where)
    orders = _orders(header.pop("__metadata__", {}), where)
    places = {name: _place(name, facts, where) for name, facts in header.items()}
    end = 0
    for start, stop in sorted((start, stop) for _, _, start, stop in places.values()):
        if start != end:
            raise _no_tensors(where, f"tensors that overlap, or a hole between them, at byte {start}")
        end = stop
    if end != len(data) - values:
        raise _no_tensors(where, f"{end} bytes of tensors declared, {len(data) - values} stored")
    return values, orders, places


def _header(data: Any, where: str) -> tuple[int, dict[str, Any]]:
    """(where the values begin, the header)."""
    size = int.from_bytes(bytes(data[:8]), "little") if len(data) >= 8 else -1
    if not 2 <= size <= len(data) - 8:
        raise _no_tensors(where, f"{len(data)} bytes, with a header of {size}")
    header = parse(bytes(data[8 : 8 + size]), f"The header of {where}")
    if type(header) is not dict:
        raise _no_tensors(where, f"a header that is a {type(header).__name__}")
    return 8 + size, header


def _no_tensors(where: str, got: str) -> LoadingError:
    return LoadingError(f"{where} holds no tensors that can be read.", got=got, expected="a safetensors file")


def _orders(metadata: Any, where: str) -> dict[str, Any]:
    text = metadata.get("lamina.order", "{}") if type(metadata) is dict else None
    orders = parse(text, f"The order of axes in {where}") if type(text) is str else None
    if type(orders) is not dict:
        raise _no_tensors(where, f"metadata {metadata!r:.80}")
    return orders


def _place(name: str, facts: Any, where: str) -> Place:
    """(dtype, shape, first byte, byte after the last), which agree."""
    try:
        word, shape, (start, stop) = facts["dtype"], facts["shape"], facts["data_offsets"]
        numbers = [*shape, start, stop]
        sound = (
            len(facts) == 3
            and type(shape) is list
            and len(shape) <= _MAX_AXES
            and len(name) <= _MAX_NAME
            and all(type(n) is int and 0 <= n < 2**63 for n in numbers)
            and stop - start == math.prod(shape) * _WORDS[word].itemsize
        )
        if sound:
            return _WORDS[word], shape, start, stop
    except (TypeError, KeyError, ValueError):
        pass
    raise _no_tensors(where, f"{name!r:.60}: {facts!r:.120}")


def _in_order(shape: list[int], order: Any, where: str) -> list[int]:
    """The shape of a tensor whose axes lie in this order."""
    if order is None:
        return shape
    if type(order) is not list or sorted(map(repr, order)) != sorted(map(str, range(len(shape)))):
        raise _no_tensors(where, f"axes in the order {order!r:.80}")
    return [shape[order.index(axis)] for axis in range(len(shape))]


def _view(data: Any, start: int, dtype: torch.dtype, shape: list[int], order: Any, where: str) -> torch.Tensor:
    _in_order(shape, order, where)
    count = math.prod(shape)
    if count:
        # Another byte than 0 and 1 is no bool for PyTorch's kernels.
        read = torch.uint8 if dtype is torch.bool else dtype
        tensor = torch.frombuffer(data, dtype=read, count=count, offset=start).reshape(shape)
        tensor = tensor.ne(0) if dtype is torch.bool else tensor
        if tensor.data_ptr() % _ALIGNMENT:  # kernels add up in another order there: the last bit would differ
            tensor = tensor.clone()
    else:
        tensor = torch.empty(shape, dtype=dtype)
    return tensor if order is None else tensor.permute([order.index(axis) for axis in range(len(shape))])
