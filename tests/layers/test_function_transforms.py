"""`torch.func`'s transforms go through every layer, under mixed precision too."""

from __future__ import annotations

import pytest
import torch

from lamina import Input, Model, layers
from lamina.graph import ArgumentError, ShapeError

IMAGES = torch.randn(2, 5, 5, 4, generator=torch.Generator().manual_seed(0))
MAKERS = {
    "batch": layers.BatchNormalization,
    "batch, axis 1": lambda **dtype: layers.BatchNormalization(axis=1, **dtype),
    "group": lambda **dtype: layers.GroupNormalization(2, **dtype),
    "instance": lambda **dtype: layers.GroupNormalization(-1, **dtype),
    "group without a shift": lambda **dtype: layers.GroupNormalization(2, center=False, **dtype),
    "layer": layers.LayerNormalization,
}
TRANSFORMS = {
    "vmap": lambda f, x: torch.vmap(f)(torch.stack([x, x]))[1],
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x,))[1],
    "jacrev": lambda f, x: (torch.func.jacrev(f)(x) * x).sum((-4, -3, -2, -1)),
}


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", MAKERS)
def test_normalizations(name, dtype):
    layer = MAKERS[name](dtype=dtype)

    def run(x):
        return layer(x).float()

    expected = run(IMAGES)
    eps, tolerance = (1e-3, 1e-2) if dtype == "float32" else (0.5, 0.1)
    slope = (run(IMAGES * (1 + eps)) - run(IMAGES * (1 - eps))) / (2 * eps)
    for transform, apply in TRANSFORMS.items():
        due = expected if transform == "vmap" else slope
        torch.testing.assert_close(apply(run, IMAGES), due, rtol=tolerance, atol=tolerance)


def test_category_encoding():
    layer, ids = layers.CategoryEncoding(5, output_mode="count"), torch.randint(0, 5, (3, 2, 4))
    torch.testing.assert_close(torch.vmap(layer)(ids), torch.stack([layer(rows) for rows in ids]))


def test_what_a_call_of_a_symbolic_tensor_needs():
    x = Input((4, 3))
    assert x.ndimension() == 3
    assert x.type(torch.float16).dtype == torch.float16
    with pytest.raises(ShapeError, match=r"x\.dtype is known"):
        x.type()


@pytest.mark.parametrize("given", [{"backend": "inductor"}, {"fullgraph": True}, {"mode": "default", "dynamic": True}])
def test_compile_as_pytorch_spells_it(given):
    x = Input((4,))
    model = Model(x, layers.Dense(2)(x))
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Module\.compile\(model, ") as caught:
        model.compile(**given)
    assert all(f"{name}={value!r}" in str(caught.value) for name, value in given.items())
    with pytest.raises(TypeError, match="optimiser"):
        model.compile(optimiser="adam")
    assert not model.compiled
