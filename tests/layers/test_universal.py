"""What holds for every layer: it compiles as one graph, in bfloat16 it computes nearly the same, it takes any size."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.layers.build import arrays_of, gradients, layer_of, results, some_of_each, tensors_of
from tests.layers.cases.form import Case

TWO = some_of_each(2)
FIRST = {id(case) for case in some_of_each(1)}
# What counts as near in bfloat16, as a part of the mean size; the logarithm of a spectrum has its weakest lines too.
NEAR = {"STFTSpectrogram": 0.3}


def run(layer: Any, case: Case, dtype: torch.dtype = torch.float32, seed: int = 11) -> tuple[list[Any], list[Any]]:
    """Outputs, and gradients of inputs and weights."""
    if getattr(layer, "stateful", False):
        layer.reset_state()
    args, call = tensors_of(arrays_of(case, seed), dtype), tensors_of(dict(case.call), dtype)
    outputs = results(layer(args, **call))
    sources = [*results([args, list(call.values())]), *layer.parameters()]
    return outputs, gradients(outputs, sources)


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] * (id(c) not in FIRST)) for c in TWO], ids=str
)
def test_compiles_as_one_graph(case: Case) -> None:
    compiled_alike(case, "eager")


@pytest.mark.slow
@pytest.mark.parametrize("case", some_of_each(1), ids=str)
def test_compiles_to_kernels_as_one_graph(case: Case) -> None:
    compiled_alike(case, "inductor")


def compiled_alike(case: Case, backend: str) -> None:
    layer = layer_of(case)
    expected = run(layer, case)
    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    if hasattr(layer, "reset_state"):
        compiled.stateful, compiled.reset_state = layer.stateful, layer.reset_state
    torch.testing.assert_close(run(compiled, case), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", TWO, ids=str)
def test_autocast_to_bfloat16_computes_nearly_the_same(case: Case) -> None:
    """Forward and backward pass under autocast, against float32: 8 bits of mantissa, a few operations deep."""
    layer = layer_of(case)
    exact, exact_gradients = run(layer, case)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, grads = run(layer, case)
    for theirs, ours in [*zip(exact, outputs, strict=True), *zip(exact_gradients, grads, strict=True)]:
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert torch.isfinite(ours).all() or not torch.isfinite(theirs).all()
            near(ours, theirs, NEAR.get(case.layer, 0.06))


def near(ours: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> None:
    """The mean distance is a small part of the mean size."""
    ours, theirs = ours.detach().double(), theirs.detach().double()
    assert ours.shape == theirs.shape
    distance, size = (ours - theirs).abs().mean(), theirs.abs().mean()
    assert not distance > tolerance * size + 0.01, f"{float(distance):.3g} off where values are {float(size):.3g}"
