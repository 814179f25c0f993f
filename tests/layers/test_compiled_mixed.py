"""Layers under a mixed policy as one compiled graph: their calls run on copies, which PyTorch's compiler makes, too."""

from __future__ import annotations

import pytest
import torch

from lamina import layers


class Notes(layers.Layer):
    """Notes what it saw, and changes what it noted when it was made."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.factor = 2

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1],), initializer="ones")

    def call(self, inputs):
        self.seen, self.factor = self.kernel.dtype, self.factor + 1
        return inputs * self.kernel * self.factor


class Around(layers.Layer):
    """Reads the weights of a layer within."""

    casts_parts = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.held, self.inner = (
            [layers.Dense(3, name="held", dtype=self.dtype_policy)],
            layers.Dense(3, dtype=self.dtype_policy),
        )

    def build(self, shape):
        self.held[0].build(shape)
        self.inner.build(shape)

    def call(self, inputs):
        return self.inner(inputs) + self.held[0](inputs) @ self.inner.kernel


MADE = [
    lambda: layers.Dense(3, dtype="mixed_bfloat16"),
    lambda: layers.SpectralNormalization(layers.Dense(3, dtype="mixed_bfloat16"), dtype="mixed_bfloat16"),
    lambda: layers.MultiHeadAttention(2, 3, dtype="mixed_bfloat16"),
    lambda: Around(dtype="mixed_bfloat16"),
]
INPUTS = [(2, 3), (2, 3), (2, 4, 3), (2, 3)]


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("make, shape", list(zip(MADE, INPUTS, strict=True)))
@pytest.mark.parametrize("training", [False, True])
def test_a_mixed_layer_compiles_whole_and_trains(make, shape, training):
    layer = make()
    x = torch.randn(shape)
    args = (x, x) if isinstance(layer, layers.MultiHeadAttention) else (x,)
    layer(*args)
    takes = {"training": training} if layer.takes_training else {}
    kept = {name: value.clone() for name, value in layer.state_dict().items()}
    results = []
    for run in (layer, torch.compile(layer, fullgraph=True, backend="eager")):
        layer.load_state_dict(kept)
        layer.zero_grad()
        output = run(*args, **takes)
        output.float().sum().backward()
        results.append((output, [weight.grad for weight in layer.parameters() if weight.requires_grad]))
    assert results[0][0].dtype == torch.bfloat16
    torch.testing.assert_close(results[0], results[1])


def test_what_a_compiled_call_notes_is_the_layer_s():
    layer = Notes(dtype="mixed_bfloat16")
    layer.build((2,))
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    with torch.no_grad():
        for factor in (3, 4):
            assert compiled(torch.ones(1, 2)).tolist() == [[factor] * 2]
            assert (layer.factor, layer.seen) == (factor, torch.bfloat16)
        layer.factor, layer.added = 9, 1
        assert compiled(torch.ones(1, 2)).tolist() == [[10, 10]]
