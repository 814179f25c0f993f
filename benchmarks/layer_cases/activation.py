"""Activations: a million numbers, where the kernel counts, and two thousand, where all that is around it does."""

import torch.nn.functional as F

from .case import Case, Floats

LARGE, SMALL = (Floats((1000, 1000)),), (Floats((32, 64)),)

CASES = [
    Case("ReLU", "1000x1000", lambda L: L.ReLU(), LARGE, lambda x, w: F.relu(x[0])),
    Case("ReLU", "32x64", lambda L: L.ReLU(), SMALL, lambda x, w: F.relu(x[0])),
    Case("LeakyReLU", "1000x1000", lambda L: L.LeakyReLU(0.1), LARGE, lambda x, w: F.leaky_relu(x[0], 0.1)),
    Case("LeakyReLU", "32x64", lambda L: L.LeakyReLU(0.1), SMALL, lambda x, w: F.leaky_relu(x[0], 0.1)),
    Case("ELU", "1000x1000", lambda L: L.ELU(), LARGE, lambda x, w: F.elu(x[0])),
    Case("PReLU", "1000x1000", lambda L: L.PReLU(), LARGE, lambda x, w: F.prelu(x[0], w[0])),
    Case("Softmax", "256x1000", lambda L: L.Softmax(), (Floats((256, 1000)),), lambda x, w: F.softmax(x[0], -1)),
    Case("Softmax", "32x10", lambda L: L.Softmax(), (Floats((32, 10)),), lambda x, w: F.softmax(x[0], -1)),
    Case("Activation", "gelu 1000x1000", lambda L: L.Activation("gelu"), LARGE, lambda x, w: F.gelu(x[0])),
    Case("Activation", "tanh 32x64", lambda L: L.Activation("tanh"), SMALL, lambda x, w: x[0].tanh()),
]
