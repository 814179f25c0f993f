"""The benchmark of single layers: each public layer is in it, and beside what computes the same."""

from __future__ import annotations

import layer_steps
import layers as layers_benchmark
import pytest
import report
import schedule
import torch
from layer_cases import FAMILIES, UNTIMED
from layer_cases.case import Case

import lamina

CASES = [case for family in FAMILIES.values() for case in family]
ROWS = 3


def test_every_public_layer_is_timed_or_has_a_reason_not_to_be() -> None:
    """A name that stands for another's class needs no row of its own."""
    classes = {name: getattr(lamina.layers, name) for name in lamina.layers.__all__}
    timed = {classes[case.layer] for case in CASES}
    missing = {n for n, c in classes.items() if isinstance(c, type) and c not in timed and n not in UNTIMED}
    assert not missing, f"add a case to benchmarks/layer_cases for {sorted(missing)}"
    assert all(classes[name] not in timed for name in UNTIMED)
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_schedule_knows_each_family() -> None:
    assert tuple(FAMILIES) == schedule.LAYER_FAMILIES


def shaken(weight: torch.Tensor) -> torch.Tensor:
    """Values off the first zeros and ones, so that a mixed-up pair of weights shows; positive, as a variance is."""
    if not weight.is_floating_point():
        return weight.detach().clone()
    return weight.detach() + 0.1 * torch.rand_like(weight)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_plain_operation_computes_the_same(case: Case) -> None:
    torch.manual_seed(0)
    given = [array[:ROWS] for array in layer_steps.arrays(case)]
    ours, theirs = layer_steps.leaves_of(given), layer_steps.leaves_of(given)
    args, kwargs = case.call(ours)
    layer = case.make(lamina.layers)
    layer(*args, **kwargs)
    weights = [shaken(w).requires_grad_(w.requires_grad) for w in layer.weights]
    for weight, value in zip(layer.weights, weights, strict=True):
        weight.data.copy_(value)

    layer.train()
    result = layer_steps.flat(layer(*args, **kwargs))
    plain = layer_steps.flat(case.plain(theirs, case.held(weights)))
    if case.losses:
        result += layer.losses
    assert [r.shape for r in result] == [p.shape for p in plain]
    if case.random:
        return
    torch.testing.assert_close(result, plain, rtol=1e-4, atol=1e-4)
    if not any(r.requires_grad for r in result):
        return
    directions = [torch.randn_like(r) for r in result]
    pairs = [(a, b) for a, b in zip([*ours, *layer.weights], [*theirs, *weights], strict=True) if b.requires_grad]
    gradients = [
        torch.autograd.grad(outputs, [pair[side] for pair in pairs], directions)
        for side, outputs in enumerate((result, plain))
    ]
    for own, other in zip(*gradients, strict=True):
        scale = other.abs().max().clamp(min=1)
        torch.testing.assert_close(own / scale, other / scale, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_way_of_lamina_runs(family: str) -> None:
    case = FAMILIES[family][-1]
    ways = layer_steps.ways_of(case, "lamina", lamina)
    assert list(ways) == ["plain", "layer", "program"]
    for step in ways.values():
        step()


def test_turns_are_paired_and_their_median_is_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers_benchmark, "seconds_of", lambda step, calls: step())
    row = layers_benchmark.measured({"plain": lambda: 2.0, "layer": lambda: 3.0}, 0.0)
    assert row == {"plain_us": 2e6, "layer": 1.5}


def test_the_table_has_the_medians_and_what_they_come_to() -> None:
    def record(peer: str, repeat: int, **rows: dict[str, float]) -> dict[str, object]:
        return {"what": "layers", "case": "f", "peer": peer, "repeat": repeat, "status": "ok", "rows": rows}

    slow = {"plain_us": 5.0, "layer": 2.0, "program": 1.0}
    records = [
        record("lamina", 0, A={"plain_us": 10.0, "layer": 0.5, "program": 1.0}, B=slow),
        record("lamina", 1, A={"plain_us": 12.0, "layer": 0.7, "program": 1.0}, B=slow),
        record("keras-jax", 0, A={"plain_us": 11.0, "layer": 3.0}),
    ]
    text = report.markdown(records, {"date": "2026-01-01", "processor": "X"}, "")
    assert "| layer | plain, us | lamina | lamina, in a model | keras-jax |" in text
    assert "| A | 11 | 0.60 (0.50–0.70) | 1.00 (1.00–1.00) | 3.00 |" in text
    assert "| B | 5 | 2.00 (2.00–2.00) | 1.00 (1.00–1.00) | – |" in text
    assert "| geometric mean |  | 1.095 | 1.000 | 3.000 |" in text
    assert "| geometric mean, what is faster counted as 1 |  | 1.414 | 1.000 | 3.000 |" in text
    assert "| worst |  | 2.000 | 1.000 | 3.000 |" in text
