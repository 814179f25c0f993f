"""Whose memory is whose: no layer writes into what it was given, and no result is a part of a layer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from tests.layers.build import arrays_of, gradients, layer_of, mapped, results, some_of_each, tensors_of
from tests.layers.cases import CASES
from tests.layers.cases.form import Case

# How a tensor may lie in the memory of another: alone, between others' values, its axes in another order.
LAID: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "alone": lambda t: t.clone(),
    "part of a larger one": lambda t: torch.stack([t, t], -1)[..., 0],
    "axes in another order": lambda t: t.mT.contiguous().mT if t.ndim > 1 else t.clone(),
}
# Whether derivatives are asked for decides which layers compute in place.
DERIVED = {"of the inputs": nullcontext, "of weights only": nullcontext, "none": torch.no_grad}


def given(case: Case, laid: str = "alone", derived: str = "of weights only") -> tuple[Any, Any]:
    """The call's arguments."""

    def lay(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        tensor = LAID[laid](value.detach())
        return tensor.requires_grad_() if derived == "of the inputs" and tensor.is_floating_point() else tensor

    return mapped(lay, tensors_of(arrays_of(case))), mapped(lay, tensors_of(dict(case.call)))


def memory(tensors: list[torch.Tensor]) -> list[bytes]:
    """All that the tensors' storages hold, bit for bit, also beside the tensors."""
    return [
        torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage()).numpy().tobytes()  # type: ignore[call-overload]
        for tensor in tensors
    ]


def storages(tensors: list[torch.Tensor]) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.numel()}


FEW = {id(case) for case in some_of_each(3)}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] * (id(c) not in FEW)) for c in CASES], ids=str
)
def test_a_layer_changes_nothing_that_it_was_given(case: Case, training: bool) -> None:
    layer = layer_of(case)
    for laid in LAID:
        for derived, context in DERIVED.items():
            args, call = given(case, laid, derived)
            tensors = results([args, call])
            before, versions = memory(tensors), [tensor._version for tensor in tensors]
            with context():
                outputs = results(layer(args, training=training, **call))
            gradients(outputs, [*tensors, *layer.parameters()])
            assert memory(tensors) == before, (laid, derived)
            assert [tensor._version for tensor in tensors] == versions, (laid, derived)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", some_of_each(3), ids=str)
def test_results_of_two_calls_share_no_memory_and_none_is_a_weight(case: Case, training: bool) -> None:
    layer = layer_of(case)
    for derived, context in DERIVED.items():
        calls = [given(case, derived=derived) for _ in range(2)]
        with context():
            one, two = (results(layer(args, training=training, **call)) for args, call in calls)
        assert not storages(one) & storages(two)
        assert not storages([*one, *two]) & storages([weight.detach() for weight in layer.weights])


@pytest.mark.parametrize("case", some_of_each(3), ids=str)
def test_a_call_changes_no_weight_but_the_state_that_training_goes_on_from(case: Case) -> None:
    layer = layer_of(case)
    args, call = given(case, derived="of the inputs")
    layer(args, **call)
    keeps_state = getattr(layer, "stateful", False)  # from batch to batch, in any mode
    every, trained = layer.weights, layer.trainable_weights
    before = memory(every)
    outputs = results(layer(args, training=False, **call))
    gradients(outputs, [*results([args, call]), *layer.parameters()])
    assert memory(every) == before or keeps_state
    before = memory(trained)
    gradients(results(layer(args, training=True, **call)), list(layer.parameters()))
    # Keras' SpectralNormalization writes the normalized kernel over the kernel.
    assert memory(trained) == before or case.layer == "SpectralNormalization"
