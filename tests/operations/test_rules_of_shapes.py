"""Rules of shapes against PyTorch's own kernels without storage: shape, dtype, strides, and what is refused."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lamina.probing.quick import on_shapes_at_once
from lamina.probing.rules import RefusedError


def t(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, device="meta", dtype=dtype)


def ids(*shape: int) -> torch.Tensor:
    return t(*shape, dtype=torch.int64)


def over(functions: Any, *arguments: Any, **named: Any) -> list[Any]:
    """Every function on every choice of its arguments, each a list of them."""
    keys = list(named)
    return [
        (function, args, dict(zip(keys, values, strict=True)))
        for function in functions
        for args in itertools.product(*arguments)
        for values in itertools.product(*named.values())
    ]


MIXED = [t(2, 3, 4), ids(2, 3, 4), t(2, 3, 4).transpose(0, 1), t(2, 3, 4, dtype=torch.float16), t(2, 0, 4), t()]
AXES = [0, -1, (1, 2), [0, -1], (1, 1), 7, None, ()]
ORDERED = [
    t(2, 3, 4, 5), t(2, 5, 3, 4).permute(0, 2, 3, 1), t(5, 4, 3, 2).permute(3, 2, 1, 0), t(3, 4, 5), t(2, 1, 1, 5),
    t(4, 3, 5).transpose(0, 1), t(5), t(2, 3, 1, 1), t(), t(1, 3, 4, 5), t(1, 5, 3, 4).permute(0, 2, 3, 1),
]  # fmt: skip
PARTS = [t(4, 5), t(5, 4).T, t(4, 10)[:, :5], t(5), t(4, 1), t(8, 5)[::2], t(1, 5)]


def matrices() -> list[Any]:
    pairs = [
        ((2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4)), ((2, 6, 5, 3), (2, 6, 3, 4)), ((2, 3), (4, 3)),
        ((2, 3), (5, 3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 2, 3), (1, 3, 4)), ((1, 2, 3), (1, 3, 4)),
    ]  # fmt: skip
    cases = []
    for a, b in pairs:
        turned = t(*a[:-2], *reversed(a[-2:])).mT if len(a) > 1 else t(*a)
        products = [torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.mm, torch.bmm]
        cases += over(products, [t(*a), turned], [t(*b), t(*b, dtype=torch.float64)])
    cases += over([F.linear], [t(3), t(2, 3), t(2, 5, 3), t(2, 5, 4)], [t(4, 3)], [None, t(4), t(3)])
    equations = {
        "bij,bjk->bik": ((5, 2, 3), (5, 3, 4)), "bij,bjk->bki": ((5, 2, 3), (5, 3, 4)),
        "bqhd,bkhd->bhqk": ((2, 5, 4, 8), (2, 7, 4, 8)), "bhqk,bkhd->bqhd": ((2, 4, 5, 7), (2, 7, 4, 8)),
        "ij,jk": ((2, 3), (3, 4)), "ij,kj->ik": ((2, 3), (4, 3)), "i,j->ij": ((2,), (3,)), "ij,ij->i": ((2, 3), (2, 3)),
        "bsd,dnh->bnsh": ((2, 5, 8), (8, 3, 4)), "abc,cde->abde": ((2, 3, 4), (4, 5, 6)), "ij,jk->ki": ((2, 3), (3, 4)),
        "aecd,abcd->acbe": ((2, 3, 4, 5), (2, 6, 4, 5)), "ij,bjk->bik": ((5, 3), (2, 3, 4)),
    }  # fmt: skip
    for equation, shapes in equations.items():
        turned = [t(*reversed(s)).permute(*reversed(range(len(s)))) for s in shapes]
        cases += [(torch.einsum, (equation, *operands), {}) for operands in ([t(*s) for s in shapes], turned)]
    return cases


def reductions() -> list[Any]:
    several = [torch.sum, torch.mean, torch.Tensor.sum, torch.amax, torch.Tensor.amin, torch.logsumexp, torch.var]
    several += [torch.Tensor.std, torch.argmax, torch.Tensor.argmin]
    cases = over(several, MIXED, AXES, [False, True]) + over(several, MIXED, dim=AXES) + over(several, MIXED)
    cases += over([torch.sum, torch.mean], MIXED, dim=[0, (1,)], dtype=[torch.float32, torch.float64])
    cases += over([torch.var, torch.std], MIXED, dim=[0, -1], keepdim=[True], correction=[0, 1])
    cases += over([torch.cumsum, torch.softmax, torch.Tensor.softmax, F.log_softmax], MIXED, [0, -1, 5])
    orders = [2, 1, "fro", float("inf"), 0, None, "nuc"]
    norms = [torch.Tensor.norm, torch.norm, torch.linalg.norm, torch.linalg.vector_norm]
    cases += over(norms, MIXED[:3], orders, [1, (1,), (0, 1), None], keepdim=[False, True])
    return cases + over([F.normalize], MIXED[:3], dim=[0, -1, 4])


def windows() -> list[Any]:
    cases = []
    for n in (1, 2, 3):
        convolve = [getattr(F, f"conv{n}d"), getattr(torch, f"conv{n}d")]
        inputs = [t(2, 4, *[9] * n), t(2, *[9] * n, 4).movedim(-1, 1), t(4, *[9] * n), t(2, 4, *[2] * n)]
        kernels = [t(8, 4, *[3] * n), t(*[3] * n, 4, 8).permute(n + 1, n, *range(n)), t(8, 2, *[3] * n)]
        options = [
            {}, {"stride": 2}, {"padding": 1}, {"padding": "same"}, {"padding": "valid", "stride": 2}, {"dilation": 2},
            {"padding": "same", "stride": 2}, {"groups": 2}, {"stride": (2,) * n, "padding": [1] * n}, {"stride": 0},
        ]  # fmt: skip
        for option in options:
            cases += [(f, args, option) for f, args, _ in over(convolve, inputs, kernels, [None, t(8)])]
        pools = [getattr(F, f"max_pool{n}d"), getattr(F, f"avg_pool{n}d")]
        for args in ((2,), (3, 2), (3, 1, 1), (3, None, 2), ((3,) * n, (2,) * n), (0,)):
            cases += [(f, (x, *args), {}) for f in pools for x in [*inputs, ids(2, 4, *[9] * n)]]
        cases += over(pools, inputs, [2], ceil_mode=[True])
    return cases


def others() -> list[Any]:
    sets = [[t(2, 3), t(2, 3)], [t(2, 3), t(4, 3)], [t(2, 3), ids(2, 3)], [t(3, 2).T, t(2, 3)], [], [t(), t()]]
    cases = over([torch.cat, torch.concat, torch.stack], sets, [0, 1, -1, 2, -3])
    cases += over([F.embedding], [ids(2, 3), ids(), t(2)], [t(9, 4)], padding_idx=[None, 0, -1, 99])
    cases += over([F.dropout], [t(2, 3), t(3, 2).T], [0.0, 0.5, 2], [True, False])
    cases += over([torch.flip], MIXED[:3], [(0,), [0, -1], (5,)]) + over([torch.Tensor.flip], MIXED[:3], [0, -1, 7])
    cases += over([torch.topk, torch.Tensor.topk], MIXED[:3], [0, 1, 2, 9], dim=[0, -1])
    cases += over([torch.randn_like, torch.zeros_like], [*PARTS, *ORDERED], dtype=[None, torch.float64])
    cases += over([torch.tril, torch.Tensor.triu], [t(3, 4), t(3), t(2, 3, 3), t(4, 3).T], [0, 1, -1])
    cases += over([torch.Tensor.repeat], [t(3, 4), t(3), t(1, 1, 4), t(4, 3).T], [(2, 1), (2, 1, 3), 2, [2, 3, 1, 1]])
    cases += over([torch.tile], [t(3, 4), t(3), t(1, 1, 4), t(4, 3).T], [(2, 1), (2, 1, 3), (2,), [2, 3, 1, 1], ()])
    cases += over([torch.Tensor.tile], [t(3, 4), ids(1, 5, 5)], [(2,), (3, 1, 1), [2, 1]])
    channels = [t(4, 6), t(4, 6, 5), t(4, 6, 5, 5), t(1, 6), t(4, 5, 5, 6).permute(0, 3, 1, 2), ids(4, 6)]
    averages = [(t(6), t(6)), (None, None), (t(5), t(6))]
    for x in channels:
        for mean, var in averages:
            cases += [(F.batch_norm, (x, mean, var, t(6), t(6), training), {}) for training in (True, False)]
            cases.append((torch.batch_norm, (x, t(6), t(6), mean, var, False, 0.1, 1e-5, True), {}))
        cases += [(F.group_norm, (x, groups, t(6), t(6)), {}) for groups in (1, 2, 3, 4)]
    for q, k, v in (((2, 4, 5, 8),) * 3, ((2, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 6)), ((4, 5, 8),) * 3):
        cases += over([F.scaled_dot_product_attention], [t(*q)], [t(*k)], [t(*v)], is_causal=[False, True])
        behind = [(q[-2], k[-2]), (2, 1, q[-2], k[-2]), (2, 4, 1, k[-2]), (1, k[-2]), (k[-2],), (3, q[-2], k[-2])]
        masks = [t(*shape, dtype=dtype) for shape in behind for dtype in (torch.bool, torch.float32, torch.float64)]
        cases += over([F.scaled_dot_product_attention], [t(*q)], [t(*k)], [t(*v)], attn_mask=masks)
    return cases


def pointwise() -> list[Any]:
    cases = []
    for operands in (PARTS, ORDERED):
        cases += over([torch.add, torch.mul, torch.maximum], operands, operands)
        cases += over([torch.relu, torch.exp, F.gelu, torch.neg], operands) + over([torch.mul], operands, [2.0])
        kept = [torch.empty_like(x, dtype=torch.bool) for x in operands]
        cases += over([torch.where], kept, operands, operands)
    return cases


def facts(tensor: Any) -> Any:
    """What is to be equal; strides of axes of one element mean nothing."""
    if isinstance(tensor, tuple):
        return [facts(part) for part in tensor]
    steps = [s for s, n in zip(tensor.stride(), tensor.shape, strict=True) if n > 1] if tensor.numel() else []
    return tuple(tensor.shape), tensor.dtype, steps


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(
    "cases, least", [(matrices, 50), (reductions, 400), (windows, 150), (others, 150), (pointwise, 500)]
)
def test_a_rule_says_what_pytorch_makes_or_nothing(cases: Any, least: int) -> None:
    wrong, told = [], 0
    for function, args, kwargs in cases():
        try:
            found = on_shapes_at_once(function, args, kwargs)
        except RefusedError as error:
            found = str(error)
        if found is None:
            continue
        told += 1
        try:
            with torch.no_grad():
                due = facts(function(*args, **kwargs))
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            due = str(error)
        found = found if isinstance(found, str) else facts(found)
        refused = isinstance(found, str) and isinstance(due, str)
        if due != found and not (refused and function is F.scaled_dot_product_attention):  # in better words
            wrong.append((function, args, kwargs, found, due))
    assert not wrong, wrong[:3]
    assert told >= least


LAYERS = """
import sys, torch, lamina
import torch.nn.functional as F
from lamina import Input, layers as L, ops

class Matrix(L.Layer):
    def build(self, s): self.w, self.b = self.add_weight((s[-1], 4)), self.add_weight((4,))
    def call(self, x): return torch.relu(x @ self.w + self.b)

class Attention(L.Layer):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.norm = L.Dense(8), L.Dense(8), L.Dense(8), L.LayerNormalization()
    def call(self, x, training=None):
        b, n, _ = x.shape
        q, k, v = (part(x).reshape(b, n, 2, 4).transpose(1, 2) for part in (self.q, self.k, self.v))
        weights = F.dropout(torch.softmax(q @ k.transpose(-1, -2) / 2, -1), 0.1, self.training)
        return self.norm((weights @ v).transpose(1, 2).reshape(b, n, 8) + x)

class Einsum(L.Layer):
    def build(self, s): self.w = self.add_weight((s[-1], 2, 4))
    def call(self, x):
        q = torch.einsum("btc,chd->bthd", x, self.w)
        return torch.einsum("bhqk,bkhd->bqhd", torch.einsum("bqhd,bkhd->bhqk", q, q).softmax(-1), q).flatten(2)

class Picture(L.Layer):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = L.Conv2D(4, 3, padding="same"), L.BatchNormalization()
    def call(self, x, training=None): return torch.relu(x + self.norm(self.conv(x), training=training))

class Tokens(L.Layer):
    def __init__(self): super().__init__(); self.words, self.places = L.Embedding(99, 8), L.Embedding(20, 8)
    def call(self, x): return self.words(x) + self.places(ops.arange(ops.shape(x)[-1]))

class Sampled(L.Layer):
    def call(self, x):
        mean, spread = x[:, :2], x[:, 2:]
        return mean + torch.exp(0.5 * spread) * torch.randn_like(mean)

class Standard(L.Layer):
    def call(self, x):
        x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + 1)
        return F.normalize(x, dim=-1)

class Keras(L.Layer):
    def build(self, s): self.w = self.add_weight((s[-1], 4))
    def call(self, x):
        y = ops.softmax(ops.matmul(x, self.w), axis=-1)
        return ops.sum(y, axis=1, keepdims=True) + ops.mean(y, axis=1, keepdims=True)

class Block(L.Layer):
    def __init__(self):
        super().__init__()
        self.att, self.norm, self.drop = L.MultiHeadAttention(2, 4), L.LayerNormalization(), L.Dropout(0.1)
        self.feed = lamina.Sequential([L.Dense(16, activation="gelu"), L.Dense(8)])
    def call(self, x, training=None):
        x = self.norm(x + self.drop(self.att(x, x), training=training))
        return x + self.feed(x)

class Decoder(L.Layer):
    def __init__(self):
        super().__init__()
        self.words, self.places, self.att = L.Embedding(99, 8), L.Embedding(20, 8), L.MultiHeadAttention(2, 4)
    def call(self, x):
        rows, steps = ops.shape(x)[0], ops.shape(x)[1]
        i = ops.arange(steps)
        mask = ops.reshape(ops.cast(i[:, None] >= i, "int32"), (1, steps, steps))
        times = ops.concatenate([ops.expand_dims(rows, -1), ops.convert_to_tensor([1, 1])], 0)
        x = self.words(x) + self.places(ops.arange(0, steps, 1))
        return self.att(x, x, attention_mask=ops.tile(mask, times))

for layer, shape, dtype in [
    (Decoder, (None,), "int64"),
    (Matrix, (8,), None), (Attention, (5, 8), None), (Einsum, (5, 8), None), (Picture, (8, 8, 4), None),
    (Tokens, (6,), "int64"), (Sampled, (4,), None), (Standard, (5, 8), None), (Keras, (5, 8), None),
    (Block, (5, 8), None),
]:
    layer()(Input(shape, dtype=dtype))
    assert not {"sympy", "torch._dynamo", "torch.fx.experimental.symbolic_shapes"} & set(sys.modules), layer
x = Input((5, 8))
torch.softmax(x @ x.transpose(1, 2), -1).sum(-1)
assert "sympy" not in sys.modules
"""


def test_drawing_layers_of_the_users_loads_no_compiler() -> None:
    """PyTorch's own way of finding these shapes imports it: 0.5 to 1.2 s before the first layer stands."""
    done = subprocess.run([sys.executable, "-c", LAYERS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "shapes, dim", [([(2, 3), (2, 4)], 0), ([(2, 3), (2, 3, 1)], 1), ([(2, 3, 4), (2, 3, 4), (2, 5, 4)], -1)]
)
def test_what_cannot_be_joined_is_refused_in_pytorchs_words(shapes, dim):
    tensors = [torch.empty(shape, device="meta") for shape in shapes]
    with pytest.raises(RuntimeError, match="must match") as due:
        torch.cat(tensors, dim)
    with pytest.raises(RefusedError) as told:
        on_shapes_at_once(torch.cat, (tensors, dim), {})
    assert str(told.value) == str(due.value)


def test_an_empty_tensor_of_one_axis_is_joined_to_anything():
    tensors = [torch.empty(0, device="meta"), torch.empty(2, 3, device="meta")]
    assert on_shapes_at_once(torch.cat, (tensors, 0), {}) is None
