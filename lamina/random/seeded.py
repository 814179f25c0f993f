"""Draws that a seed decides, each one operator of PyTorch's: eager mode and compiled code get the same numbers.

A seed is a tensor of two integers on the host, as `SeedGenerator.next` gives it; None stands for PyTorch's global
generator. `torch.compile` cannot carry a `torch.Generator`; an operator that is pure but for its seed, it can.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lamina._torch import gamma as gammas

_LOW_64 = 2**64 - 1


def generator_of(seed: Tensor | None, device: torch.device) -> torch.Generator | None:
    """A generator at its beginning, for tensors on this device. Neighbouring seeds give unrelated numbers.

    >>> seed = torch.tensor([7, 0])
    >>> draws = [torch.rand(2, generator=generator_of(seed, torch.device("cpu"))) for _ in range(2)]
    >>> torch.equal(*draws)
    True
    """
    if seed is None or device.type == "meta":
        return None
    first, count = seed.tolist()
    return torch.Generator(device).manual_seed(_mixed(_mixed(first) + count))


def _mixed(number: int) -> int:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each bit of the input changes half of the output's."""
    number = (number + 0x9E3779B97F4A7C15) & _LOW_64
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _LOW_64
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _LOW_64
    return number ^ (number >> 31)


def _uniform(size: list[int], dtype: torch.dtype, device: torch.device, seed: Tensor | None) -> Tensor:
    return torch.rand(size, dtype=dtype, device=device, generator=generator_of(seed, device))


def _normal(size: list[int], dtype: torch.dtype, device: torch.device, seed: Tensor | None) -> Tensor:
    return torch.randn(size, dtype=dtype, device=device, generator=generator_of(seed, device))


def _integers(
    size: list[int], low: int, high: int, dtype: torch.dtype, device: torch.device, seed: Tensor | None
) -> Tensor:
    return torch.randint(low, high, size, dtype=dtype, device=device, generator=generator_of(seed, device))


def _categorical(probabilities: Tensor, count: int, seed: Tensor | None) -> Tensor:
    generator = generator_of(seed, probabilities.device)
    return torch.multinomial(probabilities, count, replacement=True, generator=generator)


def _binomial(counts: Tensor, probabilities: Tensor, seed: Tensor | None) -> Tensor:
    return torch.binomial(counts, probabilities, generator=generator_of(seed, counts.device))


def _gamma(alpha: Tensor, seed: Tensor | None) -> Tensor:
    return gammas.standard(alpha.contiguous(), generator=generator_of(seed, alpha.device))


def _beta(alpha: Tensor, beta: Tensor, seed: Tensor | None) -> Tensor:
    """G1 / (G1 + G2) by the logarithms of the two gammas: both would vanish where alpha and beta are small."""
    generator = generator_of(seed, alpha.device)
    logits = _log_gamma(alpha, generator) - _log_gamma(beta, generator)
    limits = torch.finfo(logits.dtype)
    return torch.sigmoid(logits).clamp(limits.tiny, 1 - limits.eps / 2)


def _log_gamma(alpha: Tensor, generator: torch.Generator | None) -> Tensor:
    """log G(alpha), where G(alpha) is distributed as G(alpha + 1) U^(1 / alpha)."""
    above = gammas.standard((alpha + 1).contiguous(), generator=generator)
    u = torch.rand(alpha.shape, dtype=alpha.dtype, device=alpha.device, generator=generator)
    return above.log() + torch.log1p(-u) / alpha  # 1 - u is never 0


def _shape_of_factory(size: list[int], *rest: Any) -> Tensor:
    dtype, device, _ = rest[-3:]
    return torch.empty(size, dtype=dtype, device=device)


def _shape_of_categorical(probabilities: Tensor, count: int, seed: Tensor | None) -> Tensor:
    return probabilities.new_empty((probabilities.shape[0], count), dtype=torch.int64)


def _shape_of_first(first: Tensor, *rest: Any) -> Tensor:
    return torch.empty_like(first, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:-1], output)


def _backward_of_gamma(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    """d sample / d alpha by implicit differentiation of the distribution function (Figurnov et al. 2018)."""
    alpha, sample = ctx.saved_tensors
    return grad * gammas.slope(alpha, sample), None


def _backward_of_beta(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
    """As for gamma; a Dirichlet of two is (x, 1 - x), and only x leaves."""
    alpha, beta, sample = ctx.saved_tensors
    pair = torch.stack((alpha, beta), -1)
    both = torch.stack((sample, 1 - sample), -1)
    slopes = gammas.slope_of_dirichlet(both, pair, pair.sum(-1, keepdim=True).expand_as(pair).contiguous())
    return grad * slopes[..., 0] * (1 - sample), -grad * slopes[..., 1] * sample, None


_OPERATORS: tuple[tuple[str, Callable[..., Tensor], Callable[..., Tensor]], ...] = (
    ("uniform(SymInt[] size, ScalarType dtype, Device device, Tensor? seed)", _uniform, _shape_of_factory),
    ("normal(SymInt[] size, ScalarType dtype, Device device, Tensor? seed)", _normal, _shape_of_factory),
    (
        "integers(SymInt[] size, SymInt low, SymInt high, ScalarType dtype, Device device, Tensor? seed)",
        _integers,
        _shape_of_factory,
    ),
    ("categorical(Tensor probabilities, SymInt count, Tensor? seed)", _categorical, _shape_of_categorical),
    ("binomial(Tensor counts, Tensor probabilities, Tensor? seed)", _binomial, _shape_of_first),
    ("gamma(Tensor alpha, Tensor? seed)", _gamma, _shape_of_first),
    ("beta(Tensor alpha, Tensor beta, Tensor? seed)", _beta, _shape_of_first),
)


def _operators() -> torch.library.Library:
    """Make the operators known to PyTorch; they live as long as what is returned.

    By hand, as in `lamina.layers.rnn.opaque`: the decorators of `torch.library` load the compiler's machinery.
    """
    library = torch.library.Library("lamina", "FRAGMENT")
    for schema, kernel, shape in _OPERATORS:
        name = "random_" + schema.partition("(")[0]
        # With no seed the result is another one each time: compilers must neither merge nor repeat such calls.
        library.define(f"random_{schema} -> Tensor", tags=(torch.Tag.nondeterministic_seeded,))
        library.impl(name, kernel, "CompositeExplicitAutograd")
        torch.library.register_fake(f"lamina::{name}", shape, lib=library)
    for name, backward in (("gamma", _backward_of_gamma), ("beta", _backward_of_beta)):
        torch.library.register_autograd(f"lamina::random_{name}", backward, setup_context=_keep, lib=library)
    return library


_LIBRARY = _operators()

# Without a seed they are PyTorch's own functions, which compilers fuse and exporters know.


def uniform(size: Any, dtype: torch.dtype, device: torch.device, seed: Tensor | None) -> Tensor:
    """Numbers in [0, 1)."""
    if seed is None:
        return torch.rand(size, dtype=dtype, device=device)
    result: Tensor = torch.ops.lamina.random_uniform(size, dtype, device, seed)
    return result


def normal(size: Any, dtype: torch.dtype, device: torch.device, seed: Tensor | None) -> Tensor:
    """Numbers of mean 0 and variance 1."""
    if seed is None:
        return torch.randn(size, dtype=dtype, device=device)
    result: Tensor = torch.ops.lamina.random_normal(size, dtype, device, seed)
    return result


def integers(size: Any, low: int, high: int, dtype: torch.dtype, device: torch.device, seed: Tensor | None) -> Tensor:
    """Whole numbers from `low` to `high - 1`."""
    if seed is None:
        return torch.randint(low, high, size, dtype=dtype, device=device)
    result: Tensor = torch.ops.lamina.random_integers(size, low, high, dtype, device, seed)
    return result


def gamma(alpha: Tensor, seed: Tensor | None) -> Tensor:
    """Gamma numbers of scale 1."""
    if seed is None and not alpha.is_meta:  # PyTorch 2.11 has no rule for its shape; the operator has one
        return gammas.standard(alpha)
    result: Tensor = torch.ops.lamina.random_gamma(alpha, seed)
    return result


def binomial(counts: Tensor, probabilities: Tensor, seed: Tensor | None) -> Tensor:
    """Numbers of successes."""
    if seed is None:
        return torch.binomial(counts, probabilities)
    result: Tensor = torch.ops.lamina.random_binomial(counts, probabilities, seed)
    return result


def categorical(probabilities: Tensor, count: int, seed: Tensor | None) -> Tensor:
    """(B, count) class numbers by the rows of (B, C)."""
    if seed is None:
        return torch.multinomial(probabilities, count, replacement=True)
    result: Tensor = torch.ops.lamina.random_categorical(probabilities, count, seed)
    return result


def beta(alpha: Tensor, beta: Tensor, seed: Tensor | None) -> Tensor:
    """Beta numbers; PyTorch has no function for them that gives gradients."""
    result: Tensor = torch.ops.lamina.random_beta(alpha, beta, seed)
    return result
