"""What is drawn for functions that make a tensor from numbers alone, such as ``torch.arange(x.size(1))``.

Drawn without ``device=``, they make it where the tensor is whose size they were given, whatever device that is when the
model runs.
"""

from __future__ import annotations

import torch

from lamina.operations import described


@described("size")
def device_of(x: torch.Tensor) -> torch.device:
    """The device of a tensor: the node that ``x.device`` records."""
    return x.device
