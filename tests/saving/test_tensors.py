"""The file of tensors: what the safetensors library reads of it, what is mapped, and what lies about its sizes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import safetensors.torch
import torch

from lamina.saving import LoadingError, SavingError
from lamina.saving.tensors import TensorFile, read_tensors

DTYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 float8_e4m3fn float8_e5m2"
).split()


def some_tensors() -> dict[str, torch.Tensor]:
    found = {name: (torch.arange(30).reshape(5, 6) % 2).to(getattr(torch, name)) for name in DTYPES}
    return found | {"scalar": torch.tensor(3.5), "empty": torch.zeros(0, 3), "strided": torch.arange(20.0)[::2]}


def read(data: bytes) -> dict[str, torch.Tensor]:
    return read_tensors(bytearray(data), "here")


def test_the_safetensors_library_reads_what_is_written() -> None:
    tensors = some_tensors()
    theirs = safetensors.torch.load(bytes(TensorFile(tensors)))
    assert theirs.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert theirs[name].dtype == tensor.dtype
        assert torch.equal(theirs[name].to(torch.complex64), tensor.to(torch.complex64))


def test_what_the_safetensors_library_writes_is_read() -> None:
    tensors = {name: tensor.contiguous() for name, tensor in some_tensors().items()}
    ours = read(safetensors.torch.save(tensors))
    assert ours.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert ours[name].dtype == tensor.dtype
        assert torch.equal(ours[name].to(torch.complex64), tensor.to(torch.complex64))


@pytest.mark.parametrize("order", ((1, 0), (0, 1)))
def test_memory_keeps_its_order(order: tuple[int, int]) -> None:
    kernel = torch.randn(5, 8).permute(order)
    found = read(bytes(TensorFile({"kernel": kernel})))["kernel"]
    assert torch.equal(found, kernel)
    assert found.stride() == kernel.stride()


def test_axes_of_size_one_do_not_change_the_bytes() -> None:
    kernel = torch.randn(64, 16, 1, 1).permute(2, 3, 1, 0)
    first = bytes(TensorFile({"kernel": kernel}))
    found = read(first)["kernel"]
    assert torch.equal(found, kernel)
    assert found.squeeze().stride() == kernel.squeeze().stride()
    assert bytes(TensorFile({"kernel": found})) == first


def test_other_programs_are_given_rows_before_columns() -> None:
    kernel = torch.randn(5, 8).T
    file = bytes(TensorFile({"kernel": kernel}, as_in_memory=False))
    assert torch.equal(safetensors.torch.load(file)["kernel"], kernel)


def test_tensors_are_views_of_the_file_where_kernels_want_them() -> None:
    tensors = {"odd": torch.ones(7), "large": torch.ones(1024), "odd too": torch.ones(3, dtype=torch.float64)}
    buffer = bytearray(bytes(TensorFile(tensors)) + bytes(64))
    start = torch.frombuffer(buffer, dtype=torch.uint8).data_ptr()
    shift = -start % 64
    moved = memoryview(bytearray(len(buffer)))
    moved[shift : len(buffer) - 64 + shift] = buffer[: len(buffer) - 64]
    for tensor in read_tensors(moved[shift : len(buffer) - 64 + shift], "here").values():
        assert tensor.data_ptr() % 64 == 0 or tensor.numel() < 16
    found = read(bytes(TensorFile(tensors)))
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor)


def test_a_byte_that_is_no_bool_is_true() -> None:
    data = bytearray(bytes(TensorFile({"flag": torch.tensor([False, True])})))
    data[-2:] = b"\x02\x00"
    aligned = torch.frombuffer(data, dtype=torch.uint8).clone()  # from where nothing is copied for its place
    found = read_tensors(memoryview(aligned.numpy()), "here")["flag"]
    assert found.tolist() == [True, False]
    assert found.view(torch.uint8).tolist() == [1, 0]  # kernels count and compare the bytes


def test_what_cannot_be_stored_is_refused() -> None:
    for tensor in (torch.ones(2).to_sparse(), torch.empty(2, device="meta"), torch.ones(2, dtype=torch.complex128)):
        with pytest.raises(SavingError, match="The weight 'w' cannot be stored"):
            TensorFile({"w": tensor})


def packed(header: Any, values: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + values


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


@pytest.mark.parametrize(
    "data",
    (
        b"",
        b"1234567",
        (2**63).to_bytes(8, "little") + b"{}",
        packed([]),
        packed(b"{"),
        packed({}),  # bytes that nobody declares
        packed({"w": entry(shape=[10**12])}),
        packed({"w": entry(shape=[10**12], offsets=[0, 4 * 10**12])}),
        packed({"w": entry(shape=[2**32, 2**32])}),  # a product that overflows to 0
        packed({"w": entry(shape=[2**62, 4], offsets=[0, 0])}, b""),
        packed({"w": entry(shape=[-2])}),
        packed({"w": entry(shape=[-2, -1])}),
        packed({"w": entry(shape=[1] * 65 + [2])}),
        packed({"w": entry(shape=[2.0])}),
        packed({"w": entry(shape=[True, 2])}),
        packed({"w": entry(dtype="F31")}),
        packed({"w": entry(dtype=["F32"])}),
        packed({"w": entry(offsets=[8, 0])}),
        packed({"w": entry(offsets=[0, 8, 8])}),
        packed({"w": entry(offsets=[8, 16])}),
        packed({"w": entry(path="/etc/passwd")}),
        packed({"w": 3}),
        packed({"a": entry(), "b": entry()}),  # they overlap
        packed({"a": entry(offsets=[0, 8]), "b": entry(offsets=[12, 20])}, bytes(20)),  # a hole
        packed({"n" * 5000: entry()}),
        packed({"w": entry(), "__metadata__": {"lamina.order": '{"w": [1]}'}}),
        packed({"w": entry(), "__metadata__": {"lamina.order": '{"w": "0"}'}}),
        packed({"w": entry(), "__metadata__": {"lamina.order": "[]"}}),
        packed({"w": entry(), "__metadata__": {"lamina.order": 3}}),
        packed({"w": entry(), "__metadata__": []}),
        packed(b'{"w": {}, "w": {}}'),
    ),
)
def test_a_header_that_lies_is_refused(data: bytes) -> None:
    with pytest.raises(LoadingError):
        read(data)
