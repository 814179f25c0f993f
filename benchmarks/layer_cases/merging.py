"""Several inputs to one."""

import torch

from .case import Case, Floats, as_list

PAIR, SMALL = (Floats((1000, 1000)),) * 2, (Floats((32, 64)),) * 2
FEATURES, SEQUENCES = (Floats((256, 512)),) * 2, (Floats((32, 64, 128)),) * 2

CASES = [
    Case("Add", "2 of 1000x1000", lambda L: L.Add(), PAIR, lambda x, w: x[0] + x[1], as_list),
    Case("Add", "2 of 32x64", lambda L: L.Add(), SMALL, lambda x, w: x[0] + x[1], as_list),
    Case("Subtract", "2 of 1000x1000", lambda L: L.Subtract(), PAIR, lambda x, w: x[0] - x[1], as_list),
    Case("Multiply", "2 of 1000x1000", lambda L: L.Multiply(), PAIR, lambda x, w: x[0] * x[1], as_list),
    Case("Average", "2 of 1000x1000", lambda L: L.Average(), PAIR, lambda x, w: (x[0] + x[1]) / 2, as_list),
    Case("Maximum", "2 of 1000x1000", lambda L: L.Maximum(), PAIR, lambda x, w: torch.maximum(x[0], x[1]), as_list),
    Case("Minimum", "2 of 1000x1000", lambda L: L.Minimum(), PAIR, lambda x, w: torch.minimum(x[0], x[1]), as_list),
    Case("Concatenate", "2 of 1000x1000", lambda L: L.Concatenate(), PAIR, lambda x, w: torch.cat(x, -1), as_list),
    Case("Concatenate", "2 of 32x64", lambda L: L.Concatenate(), SMALL, lambda x, w: torch.cat(x, -1), as_list),
    Case("Dot", "2 of 256x512", lambda L: L.Dot(1), FEATURES, lambda x, w: (x[0] * x[1]).sum(1, keepdim=True), as_list),
    Case("Dot", "2 of 32x64x128", lambda L: L.Dot(2), SEQUENCES, lambda x, w: x[0] @ x[1].mT, as_list),
]
