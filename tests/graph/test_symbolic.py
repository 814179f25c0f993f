"""What can be written on symbolic tensors, each against PyTorch on real ones."""

from __future__ import annotations

import linecache

import pytest
import torch
import torch.nn.functional as F

from lamina import layers
from lamina.graph import Graph, ShapeError, SymbolicInt, tree
from lamina.layers import Input
from lamina.program import Program

EXPRESSIONS = {
    "function": torch.tanh,
    "functional": F.gelu,
    "method": lambda x: x.relu(),
    "operators": lambda x: (2 - x) / 3 + x**2 - -x,
    "reflected": lambda x: 1 / (1 + 2**x),
    "powers of a negative number": lambda x: (-2.0) ** (x * 0 + 2) + (-3) ** (x * 0 + 2),
    "floor and mod": lambda x: x // 2 + x % 2,
    "comparison": lambda x: (x > 0) & ~(x > 1) | (x == 0),
    "where": lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
    "matmul": lambda x: x @ x.mT,
    "transposed": lambda x: (x.mT.permute(2, 1, 0).contiguous(), x[:, 0].T, x.mH),
    "einsum": lambda x: torch.einsum("bij,bkj->bik", x, x),
    "index": lambda x: x[:, -1],
    "slices": lambda x: x[:, 1:, ::2],
    "ellipsis": lambda x: x[..., None, 0],
    "list index": lambda x: x[:, [2, 0]],
    "tensor index": lambda x: x[:, torch.tensor([2, 0])],
    "chunk": lambda x: torch.chunk(x, 2, dim=2)[1],
    "split": lambda x: x.split([1, 3], dim=2)[0],
    "max": lambda x: x.max(dim=1).values,
    "max and where": lambda x: (x.max(dim=1)[0], x.max(1).indices),
    "topk": lambda x: x.topk(2, dim=-1).values,
    "cat of nested": lambda x: torch.cat([x, torch.stack([x[:, 0], x[:, 1]], dim=1)], dim=1),
    "keywords": lambda x: torch.sum(x, dim=(1, 2), keepdim=True),
    "unfold loops": lambda x: sum(x[:, i] * i for i in range(3)),
    "unbind": lambda x: x.unbind(1)[2],
    "layer norm": lambda x: F.layer_norm(x, (4,)),
    "softmax": lambda x: torch.softmax(x, -1),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "abs": abs,
    "cast": lambda x: x.to(torch.float64).float(),
    "constant": lambda x: x + torch.arange(4.0),
    "layer with a constant": lambda x: layers.Add()([x, torch.ones(1, 3, 4)]),
    "size arithmetic": lambda x: x.reshape(x.size(0) * x.size(1), -1),
    "new zeros": lambda x: torch.cat([x, x.new_zeros(x.size(0), 1, 4)], 1),
    "expand": lambda x: x[:, :1].expand(x.size(0), 3, 4),
    "mean of batch": lambda x: x.mean(0),
    "numel": lambda x: x / x.numel(),
    "dict result": lambda x: {"a": x, "b": [x + 1, (x + 2,)]},
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_is_recorded_as_torch_computes_it(name):
    expression = EXPRESSIONS[name]
    x = Input((3, 4))
    graph = Graph(x, expression(x))
    run = Program(graph).run
    for rows in (2, 5):
        real = torch.randn(rows, 3, 4)
        got, expected = run(real), expression(real)
        assert tree.describe(got) == tree.describe(expected)
        for symbolic, a, b in zip(graph.outputs, tree.leaves(got), tree.leaves(expected), strict=True):
            assert torch.equal(a, b)
            assert a.dtype == symbolic.dtype
            assert all(n is None or n == m for n, m in zip(symbolic.shape, a.shape, strict=True))


@pytest.mark.parametrize("height, width", [(4, 6), (5, 3)])
def test_several_unknown_axes_at_once(height, width):
    image = Input((None, None, 3))
    b, h, w, c = image.size()
    assert isinstance(h, SymbolicInt)
    assert c == 3
    tokens = image.reshape(b, h * w, c)
    mixed = torch.softmax(tokens @ tokens.mT / c**0.5, -1) @ tokens
    back = mixed.reshape((b, h, w, c)) + image
    assert tokens.shape == (None, None, 3)
    assert back.shape == (None, None, None, 3)
    real = torch.randn(2, height, width, 3)
    flat = real.reshape(2, height * width, 3)
    expected = (torch.softmax(flat @ flat.mT / 3**0.5, -1) @ flat).reshape(2, height, width, 3) + real
    torch.testing.assert_close(Program(Graph(image, back)).run(real), expected, rtol=0, atol=0)


def test_sizes_that_do_not_fit_are_refused_with_unknown_axes_too():
    x = Input((None, 8))
    with pytest.raises(ShapeError, match="cannot take this input"):
        x.reshape(x.size(0), x.size(1) * 3)


def test_halving_and_doubling_an_unknown_axis_meets_the_original():
    image = Input((None, None, 3))
    small = F.avg_pool2d(image.permute(0, 3, 1, 2), 2)
    large = F.interpolate(small, scale_factor=2.0)
    assert torch.cat([large, image.permute(0, 3, 1, 2)], 1).shape == (None, 6, None, None)


def test_a_known_axis_has_a_plain_size():
    x = Input((3, 4), batch_size=2)
    assert x.size() == (2, 3, 4)
    assert len(x) == 2
    assert x.ndim == x.dim() == 3


def test_the_source_line_is_remembered():
    x = Input((3,))
    y = torch.tanh(x)
    assert y.node.source.file == __file__
    assert "torch.tanh(x)" in linecache.getline(__file__, y.node.source.line)


def test_the_same_handle_comes_back_while_it_is_held():
    x = Input((3,))
    y = torch.tanh(x)
    assert y.node.outputs[0] is y
    assert x.node.outputs[0] is x
