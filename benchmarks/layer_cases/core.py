"""Dense, Embedding and their kin."""

import torch
import torch.nn.functional as F

from .case import Case, Floats, Integers, Tensors

SEQUENCES = (Floats((32, 128, 256)),)


def linear(weights: Tensors) -> Tensors:
    """The kernel as F.linear wants it, (out, in): a view."""
    return [weights[0].t(), *weights[1:]]


def _masking(x: Tensors, w: Tensors) -> torch.Tensor:
    return x[0] * (x[0] != 0).any(-1, keepdim=True)


def _embedding(x: Tensors, w: Tensors) -> torch.Tensor:
    return F.embedding(x[0], w[0])


def _linear(x: Tensors, w: Tensors) -> torch.Tensor:
    return F.linear(x[0], w[0], w[1])


CASES = [
    Case("Dense", "32x64, 128 units", lambda L: L.Dense(128), (Floats((32, 64)),), _linear, held=linear),
    Case("Dense", "256x1024, 1024 units, relu", lambda L: L.Dense(1024, activation="relu"),
         (Floats((256, 1024)),), lambda x, w: F.relu(_linear(x, w)), held=linear),
    Case("Dense", "32x128x256, 256 units", lambda L: L.Dense(256), SEQUENCES, _linear, held=linear),
    Case("EinsumDense", "32x128x256, abc,cd->abd", lambda L: L.EinsumDense("abc,cd->abd", (None, 256), bias_axes="d"),
         SEQUENCES, lambda x, w: torch.einsum("abc,cd->abd", x[0], w[0]) + w[1]),
    Case("EinsumDense", "32x64, ab,bc->ac", lambda L: L.EinsumDense("ab,bc->ac", 128), (Floats((32, 64)),),
         lambda x, w: torch.einsum("ab,bc->ac", x[0], w[0])),
    Case("Embedding", "32x128 of 10000, 128 wide", lambda L: L.Embedding(10000, 128),
         (Integers((32, 128), 10000),), _embedding),
    Case("Embedding", "32x10 of 1000, 32 wide", lambda L: L.Embedding(1000, 32),
         (Integers((32, 10), 1000),), _embedding),
    Case("ReversibleEmbedding", "32x128 of 10000, 128 wide", lambda L: L.ReversibleEmbedding(10000, 128),
         (Integers((32, 128), 10000),), _embedding),
    Case("Pipeline", "of Dense and ReLU, 256x512", lambda L: L.Pipeline([L.Dense(512), L.ReLU()]),
         (Floats((256, 512)),), lambda x, w: F.relu(_linear(x, w)), held=linear),
    Case("Lambda", "1000x1000", lambda L: L.Lambda(lambda x: x * 2), (Floats((1000, 1000)),), lambda x, w: x[0] * 2),
    Case("Masking", "32x128x256", lambda L: L.Masking(), SEQUENCES, _masking),
    Case("TorchModuleWrapper", "Linear, 256x512", lambda L: L.TorchModuleWrapper(torch.nn.Linear(512, 512)),
         (Floats((256, 512)),), _linear, keras="torch"),
]  # fmt: skip
