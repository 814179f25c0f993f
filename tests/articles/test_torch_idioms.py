"""What public PyTorch code does with sizes and devices, written on symbolic tensors as it is written in a `forward`.

Each idiom is one function, run on real tensors and drawn, saved and loaded as a model. The patterns are those of public
vision transformers, GPTs, rotary and ALiBi positions, Perceivers, Swin windows, coordinate channels and padding masks;
the code is our own. Two things differ from a `forward`: sizes come from `x.size()`, since `x.shape` has None, and sizes
for a real tensor of which the first is unknown stand in one tuple.
"""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

import lamina
from lamina import Model
from lamina.layers import Input

einops = pytest.importorskip("einops")

TOKEN = torch.nn.Parameter(torch.randn(1, 1, 8))
TABLE = torch.nn.Parameter(torch.randn(64, 8))
LATENTS = torch.nn.Parameter(torch.randn(5, 8))
FREQUENCIES = 1.0 / 100.0 ** (torch.arange(0, 8, 2) / 8)
SLOPES = torch.tensor([0.5, 0.25])


def class_token(x):
    return torch.cat([TOKEN.expand((x.size(0), -1, -1)), x], dim=1)


def class_token_repeated(x):
    return torch.cat([TOKEN.repeat(x.size(0), 1, 1), x], dim=1)


def class_token_einops(x):
    return torch.cat([einops.repeat(TOKEN, "() n d -> b n d", b=x.size(0)), x], dim=1)


def learned_positions(x):
    return x + F.embedding(torch.arange(x.size(1), device=x.device), TABLE)


def positions_of_a_batch(x):
    b, t, _ = x.size()
    places = torch.arange(0, t, dtype=torch.long, device=x.device).unsqueeze(0).repeat(b, 1)
    return x + TABLE[places]


def waves(x):
    t = x.size(1)
    angles = torch.arange(t, dtype=torch.float32, device=x.device).unsqueeze(1) * FREQUENCIES
    return x + torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(t, 8)


def rotary(x):
    places = torch.arange(x.size(1), device=x.device).type_as(FREQUENCIES)
    angles = torch.einsum("i,j->ij", places, FREQUENCIES)
    angles = torch.cat([angles, angles], dim=-1).to(x.device)
    first, second = x.chunk(2, dim=-1)
    return x * angles.cos()[None] + torch.cat([-second, first], dim=-1) * angles.sin()[None]


def causal_of_full(x):
    t = x.size(1)
    mask = torch.triu(torch.full((t, t), float("-inf"), device=x.device), diagonal=1)
    return torch.softmax(x @ x.transpose(-2, -1) / math.sqrt(8) + mask, dim=-1) @ x


def causal_of_ones(x):
    b, t, c = x.size()
    mask = torch.tril(torch.ones((t, t), device=x.device)).view(1, 1, t, t)
    q = x.view(b, t, 2, c // 2).transpose(1, 2)
    scores = (q @ q.transpose(-2, -1)).masked_fill(mask == 0, float("-inf"))
    return (F.softmax(scores, dim=-1) @ q).transpose(1, 2).contiguous().view(b, t, c)


def causal_of_booleans(x):
    t = x.size(1)
    mask = torch.ones((t, t), dtype=torch.bool).tril()
    return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


def cross_causal(x):
    q, k = torch.meshgrid(torch.arange(x.size(1)), torch.arange(x.size(1)), indexing="ij")
    return (x @ x.mT).masked_fill((k > q).unsqueeze(0), 0.0)


def alibi(x):
    places = torch.arange(x.size(1), device=x.device)
    distance = (places[None, :] - places[:, None]).abs()
    return (x @ x.mT)[:, None] - SLOPES.view(1, 2, 1, 1) * distance


def padding(x):
    lengths = (x[:, 0, 0].abs() * 3).long()
    mask = torch.arange(x.size(1), device=x.device)[None, :] < lengths[:, None]
    return x.masked_fill(~mask.unsqueeze(-1), 0)


def perceiver(x):
    latents = einops.repeat(LATENTS, "n d -> b n d", b=x.size(0))
    weights = torch.softmax(einops.einsum(latents, x, "b n d, b t d -> b n t"), -1)
    return einops.einsum(weights, x, "b n t, b t d -> b n d")


def heads(x):
    q, k, v = (einops.rearrange(t, "b t (h d) -> b h t d", h=2) for t in (x, x * 2, x + 1))
    return einops.rearrange(torch.softmax(q @ k.mT, -1) @ v, "b h t d -> b t (h d)")


def mean_over_what_is_there(x):
    return x.sum(1) / x.size(1) + torch.zeros((x.size(0), 8))


def halves(x):
    whole, rest = divmod(x.size(1), 2)
    return x[:, : whole + rest].mean(1) + x[:, math.ceil(x.size(1) / 2) - 1 :].mean(1)


SEQUENCES = [
    class_token, class_token_repeated, class_token_einops, learned_positions, positions_of_a_batch, waves, rotary,
    causal_of_full, causal_of_ones, causal_of_booleans, cross_causal, alibi, padding, perceiver, heads,
    mean_over_what_is_there, halves,
]  # fmt: skip


def patches(x):
    return einops.rearrange(x, "b (h p) (w q) c -> b (h w) (p q c)", p=2, q=2)


def coordinates(x):
    b, h, w, _ = x.size()
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    return torch.cat([x, torch.stack([rows, columns], dim=-1).unsqueeze(0).expand((b, -1, -1, -1))], dim=-1)


def windows(x):
    b, h, w, c = x.size()
    parts = x.view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
    parts = parts @ parts.mT @ parts
    return parts.view(b, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)


def pooled_and_back(x):
    _, h, w, _ = x.size()
    small = einops.reduce(x, "b (h p) (w q) c -> b h w c", "mean", p=2, q=2)
    return x - einops.repeat(small, "b h w c -> b (h p) (w q) c", p=2, q=2) + torch.eye(h, w)[..., None]


PICTURES = [patches, coordinates, windows, pooled_and_back]


@pytest.mark.parametrize("idiom", [*SEQUENCES, *PICTURES], ids=lambda f: f.__name__)
def test_an_idiom_draws_runs_saves_and_learns(idiom, tmp_path):
    x = Input((None, 8)) if idiom in SEQUENCES else Input((None, None, 3))
    model = Model(x, idiom(x))
    model.save(tmp_path / "model.lamina")
    loaded = lamina.models.load_model(tmp_path / "model.lamina")
    for sizes in ((2, 4, 8), (3, 7, 8)) if idiom in SEQUENCES else ((2, 4, 4, 3), (3, 6, 2, 3)):
        real = torch.randn(*sizes)
        expected = idiom(real)
        torch.testing.assert_close(model(real), expected)
        torch.testing.assert_close(loaded(real), expected)
        assert all(n in (None, m) for n, m in zip(model.outputs[0].shape, expected.shape, strict=True))
    for parameter in model.parameters():
        parameter.grad = None
    model(real).sum().backward() if list(model.parameters()) else None
    assert all(parameter.grad is not None for parameter in model.parameters())
