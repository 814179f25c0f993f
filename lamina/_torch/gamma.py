"""Gamma numbers of scale 1 from a generator of one's own, and what their gradients are made from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .symbols import Symbol, found

SYMBOLS = (
    Symbol("torch._standard_gamma", "`torch.distributions.Gamma`, the global generator set aside: the same numbers"),
    Symbol("torch._standard_gamma_grad", "differences of `torch.special.gammainc` in float64, right to 1e-6"),
    Symbol("torch._dirichlet_grad", "no gradient of `random.beta`: NotImplementedError when it is asked for"),
)


def _drawn(alpha: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """By PyTorch's public distribution, which knows the global generator only."""
    one = torch.ones((), dtype=alpha.dtype, device=alpha.device)
    gamma = torch.distributions.Gamma(alpha, one, validate_args=False)
    if generator is None or alpha.device.type == "meta":
        return gamma.rsample()
    on_cpu = alpha.device.type == "cpu"
    module: Any = torch.random if on_cpu else torch.get_device_module(alpha.device)
    place = () if on_cpu else (alpha.device,)
    before = module.get_rng_state(*place)
    try:
        module.set_rng_state(generator.get_state(), *place)
        sample = gamma.rsample()
        generator.set_state(module.get_rng_state(*place))
    finally:
        module.set_rng_state(before, *place)
    return sample


def _slope_of_gamma(alpha: Tensor, sample: Tensor) -> Tensor:
    """d sample / d alpha = -(dF / d alpha) / (dF / d sample), F the distribution function, as a central difference."""
    a, x = alpha.double(), sample.double()
    step = 1e-4 * a.clamp(max=1.0)
    above, below = a + step, a - step
    # Of F and 1 - F the smaller, which has the digits.
    lower = torch.special.gammainc(above, x) - torch.special.gammainc(below, x)
    upper = torch.special.gammaincc(below, x) - torch.special.gammaincc(above, x)
    change = torch.where(x < a, lower, upper) / (2 * step)
    density = torch.exp(torch.xlogy(a - 1, x) - x - torch.lgamma(a))
    return (-change / density).to(sample.dtype)


def _no_slope_of_dirichlet(sample: Tensor, concentration: Tensor, total: Tensor) -> Tensor:
    raise NotImplementedError(
        f"PyTorch {torch.__version__} has no gradient of Dirichlet numbers, so random.beta has none either. "
        "Detach what alpha and beta are made from, or use a PyTorch that docs/versions.md names."
    )


# (alpha, generator=None) -> numbers; (alpha, numbers) -> d numbers / d alpha; (numbers, alphas, their sums) -> slopes
standard = found("torch._standard_gamma") or _drawn
slope = found("torch._standard_gamma_grad") or _slope_of_gamma
slope_of_dirichlet = found("torch._dirichlet_grad") or _no_slope_of_dirichlet
