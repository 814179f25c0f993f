"""Muon: momentum with its directions made equally strong, for matrices; Adam for the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lamina._torch import foreach

from .adam import adam_step
from .base import Optimizer
from .group import Group, filled_like
from .schedules import LearningRateSchedule


class Muon(Optimizer):
    """For matrices m = momentum * m + g; w -= lr * rms_rate * sqrt(max(n, k)) * orthogonal(g + momentum * m).

    orthogonal(U S Vᵀ) is about U Vᵀ: the singular values are brought near 1 by `ns_steps` iterations of
    X = muon_a * X + (muon_b * XXᵀ + muon_c * (XXᵀ)²) X (Jordan et al., 2024). The factor sqrt(max(n, k)), for a matrix
    (n, k), is that of Liu et al. (2025). Without `nesterov` it is orthogonal(m).

    Weights that are not matrices, and those left out by name, are trained by Adam, with epsilon placed as in `Adam`.
    Names are looked for in a weight's path, such as "dense/kernel". A parameter of a plain PyTorch module has no path:
    there, give embeddings and the output layer to another optimizer (`MultiOptimizer`).

    Args:
        learning_rate: a number, schedule or function.
        adam_beta_1, adam_beta_2, epsilon: of Adam.
        adam_weight_decay: weight decay of weights trained by Adam; None for none.
        weight_decay: weight decay of matrices; None for none.
        exclude_layers: regular expressions; a weight with a match in its path is trained by Adam.
        exclude_embeddings: train by Adam what has "embedding" in its path.
        muon_a, muon_b, muon_c: of the iteration.
        adam_lr_ratio: Adam's learning rate as a multiple of `learning_rate`.
        momentum: share of the old m that is kept.
        ns_steps: number of iterations.
        nesterov: look ahead along m.
        rms_rate: root mean square of a step of learning rate 1; None for orthogonal steps as they are.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.zeros(2, 2))
    >>> muon = Muon(learning_rate=1.0, rms_rate=None, weight_decay=None)
    >>> muon.apply([torch.tensor([[3.0, 0.0], [0.0, 1.0]])], [weight])
    >>> weight.data.abs().round()
    tensor([[1., 0.], [0., 1.]])
    """

    kernel = "adam"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or []), exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c, self.ns_steps = muon_a, muon_b, muon_c, ns_steps
        self.momentum, self.nesterov, self.rms_rate = momentum, nesterov, rms_rate
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )

    def first_state(self, parameter: Tensor) -> dict[str, Tensor]:
        names = ("momentum", "velocity") if self._is_for_adam(parameter) else ("momentum",)
        return {name: filled_like(parameter, 0.0) for name in names}

    def _is_for_adam(self, parameter: Tensor) -> bool:
        path = getattr(parameter, "path", "")
        if parameter.ndim != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(pattern, path) for pattern in self.exclude_layers)

    def decay_of(self, group: Group) -> float | None:
        return self.adam_weight_decay if "velocity" in group.slots else self.weight_decay

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        if "velocity" in group.slots:
            rate = learning_rate * self.adam_lr_ratio
            adam_step(group, grads, rate, self._updates + 1, self.adam_beta_1, self.adam_beta_2, self.epsilon)
            return
        foreach.mul_(group["momentum"], self.momentum)
        foreach.add_(group["momentum"], grads)
        ahead = group["momentum"]
        if self.nesterov:
            ahead = foreach.add(grads, group["momentum"], alpha=self.momentum)
        # Matrices of one shape go together: 30 of 8 by 8 take 0.3 ms in the place of 1.9.
        by_shape: dict[torch.Size, list[int]] = {}
        for i, weight in enumerate(group.parameters):
            by_shape.setdefault(weight.shape, []).append(i)
        for shape, members in by_shape.items():
            scale = 1.0 if self.rms_rate is None else math.sqrt(max(shape)) * self.rms_rate
            change = self._orthogonal(torch.stack([ahead[i] for i in members]))
            weights = [group.parameters[i] for i in members]
            foreach.add_(weights, list(change.unbind()), alpha=-learning_rate * scale)

    def _orthogonal(self, matrices: Tensor) -> Tensor:
        """Matrices (B, n, k) with their singular values brought to about 1."""
        tall = matrices.shape[1] > matrices.shape[2]
        x = matrices.mT if tall else matrices
        x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
        for _ in range(self.ns_steps):
            gram = x @ x.mT
            mixed = torch.baddbmm(gram, gram, gram, beta=self.muon_b, alpha=self.muon_c)
            x = torch.baddbmm(x, mixed, x, beta=self.muon_a)
        return x.mT if tall else x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in _OWN}}


_OWN = (
    "adam_beta_1",
    "adam_beta_2",
    "adam_weight_decay",
    "epsilon",
    "exclude_layers",
    "exclude_embeddings",
    "muon_a",
    "muon_b",
    "muon_c",
    "adam_lr_ratio",
    "momentum",
    "ns_steps",
    "nesterov",
    "rms_rate",
)
