"""However its weights are put in other places, `Dense` computes with what ``layer.kernel`` and ``layer.bias`` are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrize, prune

from lamina import layers as L


class _Halved(L.Dense):
    """A layer of a user's that computes with half of its kernel."""

    @property
    def kernel(self) -> Any:
        return self._parameters["kernel"] / 2


class _Shifted(L.Dense):
    @property
    def bias(self) -> Any:
        return self._parameters["bias"] + 1


class _Twice(torch.nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * 2


def _pruned(layer: Any) -> None:
    prune.l1_unstructured(layer, "kernel", amount=0.5)


def _pruned_bias(layer: Any) -> None:
    prune.random_unstructured(layer, "bias", amount=1)


def _parametrized(layer: Any) -> None:
    parametrize.register_parametrization(layer, "kernel", _Twice())


def _parametrized_bias(layer: Any) -> None:
    parametrize.register_parametrization(layer, "bias", _Twice())


def _new_parameter(layer: Any) -> None:
    layer.kernel = torch.nn.Parameter(torch.ones(4, 3))


def _in_the_dict(layer: Any) -> None:
    layer._parameters["kernel"] = torch.nn.Parameter(torch.ones(4, 3))


def _lent(layer: Any) -> None:
    layer.__dict__["kernel"] = torch.ones(4, 3)


def _lent_bias(layer: Any) -> None:
    layer.__dict__["bias"] = torch.ones(3) * 5


def _no_bias(layer: Any) -> None:
    layer.bias = None


def _frozen(layer: Any) -> None:
    layer.trainable = False


CHANGES = [
    _pruned, _pruned_bias, _parametrized, _parametrized_bias, _new_parameter, _in_the_dict, _lent, _lent_bias, _no_bias,
    _frozen,
]  # fmt: skip


def _computed(layer: Any, x: torch.Tensor) -> torch.Tensor:
    product = x @ layer.kernel
    return product if layer.bias is None else product + layer.bias


def _built(kind: Callable[..., Any] = L.Dense, **options: Any) -> Any:
    layer = kind(3, bias_initializer="random_normal", **options)
    layer.build((None, 4))
    return layer


@pytest.mark.parametrize("change", CHANGES)
def test_weights_are_where_they_were_put(change: Callable[[Any], None]) -> None:
    layer, x = _built(), torch.randn(2, 4)
    change(layer)
    torch.testing.assert_close(layer(x), _computed(layer, x))


@pytest.mark.parametrize("kind", [_Halved, _Shifted])
def test_a_subclass_says_what_its_weights_are(kind: type[L.Dense]) -> None:
    layer, x = _built(kind), torch.randn(2, 4)
    torch.testing.assert_close(layer(x), _computed(layer, x))
    assert not torch.allclose(layer(x), x @ layer._parameters["kernel"] + layer._parameters["bias"])


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"trainable": False}])
def test_functional_call(options: dict[str, Any]) -> None:
    layer, x = _built(**options), torch.randn(2, 4)
    doubled = {name: weight * 2 for name, weight in layer.named_parameters()}
    before = layer(x)
    torch.testing.assert_close(torch.func.functional_call(layer, doubled, (x,)), before * 2)
    torch.testing.assert_close(layer(x), before, rtol=0, atol=0)
