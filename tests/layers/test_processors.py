"""Convolutions under the limits of other processors: memory stays whole, and the numbers are those of float64.

oneDNN reads its limit when a process starts, so each limit has a process of its own. See docs/known-issues.md.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CAPABILITY = {"SSE41": "default", "AVX2": "avx2", "AVX512_CORE": "avx512"}

CHECK = """
import sys
import torch
from lamina import layers, ops

torch.manual_seed(0)

def gradients(layer, x):
    x = x.clone().requires_grad_()
    y = layer(x)
    weights = torch.linspace(0.5, 1.5, y.numel(), dtype=y.dtype).view(y.shape)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], weights)]

def check(name, spatial, channels, filters, **options):
    x = torch.randn(2, *spatial, channels)
    args = (1,) if name.startswith("Depthwise") else (filters, 1)
    made = [getattr(layers, name)(*args, dtype=dtype, **options) for dtype in ("float32", "float64")]
    for layer, data in zip(made, (x, x.double())):
        layer(data)
    made[1].set_weights([w.detach().double().numpy() for w in made[0].parameters()])
    for found, exact in zip(gradients(made[0], x), gradients(made[1], x.double())):
        torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-3)

def check_op(op, spatial, channels, filters):
    shape = (channels, filters) if op is ops.conv else (filters, channels)
    kernel = torch.randn(*(1,) * len(spatial), *shape)
    results = []
    for dtype in (torch.float32, torch.float64):
        x, k = torch.ones(2, *spatial, channels, dtype=dtype).requires_grad_(), kernel.to(dtype).requires_grad_()
        results.append(torch.autograd.grad(op(x, k, strides=2, padding="same").sum(), [x, k]))
    for found, exact in zip(*results):
        torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-3)

for channels, filters in ((3, 8), (4, 6), (9, 7), (16, 5)):
    check("Conv1D", (512,), channels, filters, strides=2)
    check("Conv2D", (64, 64), channels, filters, strides=2)
    check("Conv2D", (8, 64), channels, filters, strides=(1, 2), padding="same", use_bias=False)
    check("Conv2D", (63, 64), channels, filters, strides=(3, 2))
    check("Conv3D", (8, 8, 8), channels, filters, strides=2)
    check("SeparableConv2D", (64, 64), channels, filters, strides=2)
    check("DepthwiseConv2D", (64, 64), channels, filters, strides=2)
    for name, spatial in (("Conv1DTranspose", (256,)), ("Conv2DTranspose", (32, 32)), ("Conv3DTranspose", (4, 4, 4))):
        check(name, spatial, channels, filters, strides=2)
        check(name, spatial, channels, filters, strides=2, padding="same", output_padding=0, use_bias=False)
    for spatial in ((512,), (64, 64)):
        check_op(ops.conv, spatial, channels, filters)
        check_op(ops.conv_transpose, spatial, channels, filters)
print("whole")
"""


def under(limit: str, *command: str, seconds: int) -> subprocess.CompletedProcess[str]:
    """A process of Python that sees a processor of this kind."""
    limits = {"ONEDNN_MAX_CPU_ISA": limit, "ATEN_CPU_CAPABILITY": CAPABILITY[limit], "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], env={**os.environ, **limits}, capture_output=True, text=True, timeout=seconds
    )


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("limit", ["AVX2", "AVX512_CORE"])
def test_windows_of_one_position_with_strides(limit: str) -> None:
    done = under(limit, "-c", CHECK, seconds=120)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-2000:]


# Run in whole: the joined and folded steps, the fused recurrences, and each row of both tables beside Keras.
FILES = ("models/test_joining.py", "models/test_folding.py", "layers/test_rnn_fused.py", "layers/test_parity.py")


@pytest.mark.slow
@pytest.mark.parametrize("limit", CAPABILITY)
@pytest.mark.parametrize("file", [*FILES, "ops/test_against_keras.py"])
def test_the_suites_of_layers_and_ops(limit: str, file: str) -> None:
    done = under(limit, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{file}", seconds=3000)
    assert done.returncode == 0, done.stdout[-3000:]
