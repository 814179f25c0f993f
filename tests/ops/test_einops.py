"""einops on symbolic tensors: each of its functions gives, in a model, what it gives on real tensors."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

import lamina
from lamina import Model
from lamina.graph import GraphError, ShapeError, SymbolicInt, ValueNeededError
from lamina.layers import Dense, Input, TorchModule
from lamina.ops import einops_backend

einops = pytest.importorskip("einops")
from einops import asnumpy, einsum, pack, parse_shape, rearrange, reduce, repeat, unpack  # noqa: E402
from einops.layers.torch import EinMix, Rearrange, Reduce  # noqa: E402

TOKEN = torch.nn.Parameter(torch.randn(1, 1, 6))
LATENTS = torch.nn.Parameter(torch.randn(5, 6))


def packed(x):
    whole, shapes = pack([x, x.mean(1, keepdim=True)], "b * c")
    first, second = unpack(whole, shapes, "b * c")
    return first + second


def parsed(x):
    flat = rearrange(x, "b h w c -> (b h w) c")
    return rearrange(flat, "(b h w) c -> b h w c", **parse_shape(x, "b h w _"))


# Each is a function of a tensor (B, H, W, 6); H and W are even.
CASES = {
    "rearrange": lambda x: rearrange(x, "b h w c -> b c h w"),
    "joined": lambda x: rearrange(x, "b h w c -> b (h w) c"),
    "split": lambda x: rearrange(x, "b h w (k c) -> k b c h w", k=2),
    "patches": lambda x: rearrange(x, "b (h p) (w q) c -> b (h w) (p q c)", p=2, q=2),
    "ellipsis": lambda x: rearrange(x, "b ... c -> b c ..."),
    "ones": lambda x: rearrange(x, "b h w c -> b 1 h w c 1"),
    "a list": lambda x: rearrange([x, x + 1], "k b h w c -> b h w (k c)"),
    "mean": lambda x: reduce(x, "b h w c -> b c", "mean"),
    "max of windows": lambda x: reduce(x, "b (h p) (w q) c -> b h w c", "max", p=2, q=2),
    "min": lambda x: x - reduce(x, "b h w c -> b 1 1 c", "min"),
    "sum and prod": lambda x: reduce(x, "b h w c -> b h", "sum") + reduce(x, "b h w c -> b h", "prod"),
    "any": lambda x: reduce(x > 0, "b h w c -> b c", "any"),
    "all": lambda x: reduce(x > -2, "b h w c -> b c", "all"),
    "a function": lambda x: reduce(x, "b h w c -> b c", lambda t, axes: torch.logsumexp(t, dim=tuple(axes))),
    "repeat": lambda x: repeat(x, "b h w c -> b (h r) w c", r=2),
    "a new axis": lambda x: repeat(x, "b h w c -> b h k w c", k=3),
    "repeated by a size": lambda x: repeat(x[:, 0, 0], "b c -> b n c", n=x.size(1)),
    "einsum": lambda x: einsum(x, x, "b h w c, b h v c -> b h w v"),
    "einsum with a parameter": lambda x: einsum(x, LATENTS, "b h w c, n c -> b n h w"),
    "pack and unpack": packed,
    "pack vectors": lambda x: pack([x, x[:, 0]], "b *")[0],
    "parse_shape": parsed,
    "class token": lambda x: repeat(TOKEN, "1 n c -> b n c", b=x.size(0)) + reduce(x, "b h w c -> b 1 c", "sum"),
    "latents": lambda x: repeat(LATENTS, "n c -> b n c", b=x.size(0)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_function_gives_in_a_model_what_it_gives_on_tensors(name, tmp_path):
    function = CASES[name]
    x = Input((None, None, 6))
    model = Model(x, function(x))
    model.save(tmp_path / "model.lamina")
    loaded = lamina.models.load_model(tmp_path / "model.lamina")
    for sizes in ((2, 4, 6), (3, 2, 2)):
        real = torch.randn(*sizes, 6)
        expected = function(real)
        assert torch.equal(model(real), expected)
        assert torch.equal(loaded(real), expected)
        assert all(n in (None, m) for n, m in zip(model.outputs[0].shape, expected.shape, strict=True))


def test_sizes_are_symbolic_where_they_are_unknown():
    x = Input((None, 8, 6))
    sizes = parse_shape(x, "b h w c")
    assert sizes["w"] == 8
    assert isinstance(sizes["h"], SymbolicInt)
    assert pack([x], "b * c")[1][0][1] == 8


def test_a_parameter_that_is_repeated_is_trained():
    x = Input((6,))
    model = Model(x, repeat(TOKEN, "1 n c -> b n c", b=x.size(0)) + x[:, None])
    assert any(p is TOKEN for p in model.parameters())


def test_what_einops_refuses_is_refused_while_drawing():
    x = Input((None, 7, 6))
    with pytest.raises(einops.EinopsError, match="can't divide axis of length 7"):
        rearrange(x, "b h (w p) c -> b h w (p c)", p=2)
    with pytest.raises(einops.EinopsError, match="Shape mismatch"):
        rearrange(x, "b h (w p) c -> b h w (p c)", w=2, p=3)


def test_values_are_refused_with_the_users_line():
    with pytest.raises(ValueNeededError, match="asnumpy") as caught:
        asnumpy(Input((3,)))
    assert "test_einops.py:" in str(caught.value)


def test_errors_name_the_users_line_and_not_einops():
    x = Input((4, 6))
    assert rearrange(x, "b h c -> b c h").node.source.file == __file__
    with pytest.raises(ShapeError) as caught:
        einsum(x, LATENTS, "b h c, c n -> b h n")
    assert "test_einops.py:" in str(caught.value)


def test_layers_of_einops(tmp_path):
    x = Input((8, 8, 3))
    patches = TorchModule(Rearrange("b (h p) (w q) c -> b (h w) (p q c)", p=4, q=4))(x)
    mixed = TorchModule(EinMix("b n c -> b n d", weight_shape="c d", bias_shape="d", c=48, d=6))(patches)
    model = Model(x, Dense(2)(TorchModule(Reduce("b n c -> b c", "mean"))(mixed)))
    assert patches.shape == (None, 4, 48)
    assert len(list(model.parameters())) == 4
    real = torch.randn(2, 8, 8, 3)
    model.save(tmp_path / "model.lamina")
    assert torch.equal(lamina.models.load_model(tmp_path / "model.lamina")(real), model(real))


def test_a_layer_that_divides_an_unknown_axis_runs_and_is_saved(tmp_path):
    x = Input((None, 6))
    model = Model(x, TorchModule(Rearrange("b (t p) c -> b t (p c)", p=2))(x))
    assert model(torch.ones(2, 8, 6)).shape == (2, 4, 12)
    model.save(tmp_path / "model.lamina")
    loaded = lamina.models.load_model(tmp_path / "model.lamina")
    for steps in (2, 8, 30):
        real = torch.randn(3, steps, 6)
        assert torch.equal(loaded(real), model(real))


@pytest.mark.parametrize(
    "layer", [Rearrange("b t c -> b c t"), Rearrange("b (t p) c -> b t (p c)", p=2), Reduce("b t c -> b c", "max")]
)
def test_a_layer_called_bare_is_refused_like_any_module(layer):
    with pytest.raises(GraphError, match=r"TorchModule\((rearrange|reduce)\)"):
        layer(Input((None, 6)))


PROGRAM = """
import sys
{first}
{second}
from lamina.layers import Input
x = Input((4, 6))
assert ("einops" in sys.modules) == {known}
import einops
print(einops.rearrange(x, "b t c -> b (t c)").shape)
"""


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize(
    "first, second",
    [
        ("import einops", "import lamina"),
        pytest.param("import lamina", "import einops", marks=pytest.mark.slow),
        ("import lamina", ""),
    ],
)
def test_the_order_of_imports_does_not_matter(first, second):
    program = PROGRAM.format(first=first, second=second, known=bool(second) or "einops" in first)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[0] == "(None, 24)", done.stderr


@pytest.mark.slow
def test_another_way_of_einops_to_keep_backends_is_said(tmp_path):
    package = tmp_path / "einops"
    package.mkdir()
    (package / "__init__.py").write_text("from . import packing\n")
    (package / "packing.py").write_text("")
    program = "import warnings; warnings.simplefilter('error'); import lamina, einops"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "keeps its backends in another way" in done.stderr
    with pytest.warns(UserWarning, match="keeps its backends in another way"):
        einops_backend.register(None)
