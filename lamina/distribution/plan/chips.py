"""What the devices and their links can do, from their maker's data sheets. Nothing here is measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lamina.graph.errors import ArgumentError
from lamina.nearest import nearest, suggested

PER_NODE = 8
"""Devices of one machine (HGX and DGX systems), joined by NVLink."""


@dataclass(frozen=True)
class Chip:
    """A kind of device, in a machine of eight.

    Attributes:
        name: as people write it.
        memory: bytes.
        half: operations per second in bfloat16 and float16, without sparsity.
        single: the same in float32.
        tf32: the same where PyTorch may round float32 (`torch.set_float32_matmul_precision`).
        inside: bytes per second and direction, to the other devices of the machine.
        outside: the same to other machines: the network card that belongs to each device.
        source: where these figures stand.
    """

    name: str
    memory: float
    half: float
    single: float
    tf32: float
    inside: float
    outside: float
    source: str

    def rate(self, dtype: torch.dtype) -> float:
        """Operations per second of products of this dtype, at best."""
        if dtype in (torch.bfloat16, torch.float16):
            return self.half
        return self.single if torch.get_float32_matmul_precision() == "highest" else self.tf32


CHIPS = {
    "a100": Chip(
        "A100 SXM 80GB", 80e9, 312e12, 19.5e12, 156e12, 300e9, 25e9,
        "NVIDIA A100 Tensor Core GPU data sheet; DGX A100 user guide (200 Gb/s for each GPU)",
    ),
    "h100": Chip(
        "H100 SXM", 80e9, 989e12, 67e12, 494e12, 450e9, 50e9,
        "NVIDIA H100 Tensor Core GPU data sheet; DGX H100/H200 user guide (400 Gb/s for each GPU)",
    ),
    "h200": Chip(
        "H200 SXM", 141e9, 989e12, 67e12, 494e12, 450e9, 50e9,
        "NVIDIA H200 Tensor Core GPU data sheet; DGX H100/H200 user guide (400 Gb/s for each GPU)",
    ),
}  # fmt: skip
"""The data sheets give rates with sparsity, which are twice these, and links in both directions together."""


def chip(name: str) -> Chip:
    """The kind of device of that name.

    Raises:
        ArgumentError: another name.

    >>> chip("h200").memory
    141000000000.0
    """
    found = CHIPS.get(name.lower())
    if found is None:
        hint = suggested(nearest(name.lower(), CHIPS))
        raise ArgumentError("There are no figures of this device.", got=name, expected=", ".join(CHIPS), hint=hint)
    return found
