"""The key-value store by which the processes of a group have met: PyTorch has no public way to it."""

from __future__ import annotations

from typing import Any

from torch import distributed


def store_of_group() -> Any:
    """It answers as long as the process lives that keeps it, also when processes no longer reach each other."""
    return distributed.distributed_c10d._get_default_store()
