"""Sizes, counts and places that are given as tensors or arrays: as numbers alone they do the same."""

import numpy as np
import pytest
import torch

import lamina
from lamina import layers, ops, random


def x(*shape):
    return torch.arange(float(np.prod(shape))).reshape(shape)


# name -> (a call with numbers, the numbers)
CALLS = {
    "tile": (lambda r: ops.tile(x(2, 3), r), (2, 1)),
    "tile once": (lambda r: ops.tile(x(2, 3), r), 2),
    "repeat": (lambda r: ops.repeat(x(2, 3), r, axis=0), 2),
    "repeat each": (lambda r: ops.repeat(x(2, 3), r, axis=0), (2, 1)),
    "reshape": (lambda s: ops.reshape(x(2, 3), s), (3, -1)),
    "reshape to one": (lambda s: ops.reshape(x(2, 3), s), -1),
    "broadcast_to": (lambda s: ops.broadcast_to(x(1, 3), s), (4, 3)),
    "zeros": (ops.zeros, (4, 3)),
    "ones": (ops.ones, 4),
    "full": (lambda s: ops.full(s, 2.0), (4, 3)),
    "empty": (ops.empty, (4, 3)),
    "eye": (lambda n: ops.eye(n, k=1), 4),
    "identity": (ops.identity, 4),
    "tri": (lambda n: ops.tri(n[0], n[1], n[2]), (4, 3, 1)),
    "arange": (lambda n: ops.arange(n[0], n[1], n[2]), (1, 6, 2)),
    "linspace": (lambda n: ops.linspace(0.0, 1.0, n), 5),
    "slice": (lambda n: ops.slice(x(4, 3), n[0], n[1]), ((1, 0), (2, 2))),
    "slice_update": (lambda n: ops.slice_update(x(4, 3), n, torch.zeros(2, 2)), (1, 0)),
    "scatter": (lambda s: ops.scatter([[1], [2]], [3.0, 4.0], s), (4,)),
    "unravel_index": (lambda s: ops.unravel_index([4], s), (2, 3)),
    "one_hot": (lambda n: ops.one_hot([1, 0], n), 3),
    "multi_hot": (lambda n: ops.multi_hot([1, 0], n), 3),
    "pad": (lambda w: ops.pad(x(2, 3), w), ((0, 1), (1, 1))),
    "pad around": (lambda w: ops.pad(x(2, 3), w), 1),
    "split": (lambda n: ops.split(x(4, 3), n), 2),
    "split at": (lambda n: ops.split(x(4, 3), n), (1, 3)),
    "array_split": (lambda n: ops.array_split(x(5, 3), n), 2),
    "roll": (lambda n: ops.roll(x(4, 3), n, axis=(0, 1)), (1, 2)),
    "top_k": (lambda k: ops.top_k(x(4, 3), k), 2),
    "in_top_k": (lambda k: ops.in_top_k([1, 0, 1, 0], x(4, 3), k), 2),
    "segment_sum": (lambda n: ops.segment_sum(x(4, 3), [0, 0, 1, 1], n), 3),
    "histogram": (lambda n: ops.histogram(x(4), n), 3),
    "stft": (lambda n: ops.stft(x(64), n[0], n[1], n[0]), (16, 8)),
    "resize": (lambda s: ops.image.resize(x(1, 4, 4, 3), s), (8, 6)),
    "crop": (lambda n: ops.image.crop_images(x(4, 4, 3), n[0], n[0], target_height=n[1], target_width=n[1]), (1, 2)),
    "pad images": (lambda n: ops.image.pad_images(x(4, 4, 3), n[0], n[0], target_height=8, target_width=n[1]), (1, 8)),
    "patches": (lambda s: ops.image.extract_patches(x(1, 4, 4, 3), s), (2, 2)),
    "normal": (lambda s: random.normal(s, seed=1), (4, 3)),
    "randint": (lambda n: random.randint((n[0],), n[1], n[2], seed=1), (4, 0, 9)),
    "categorical": (lambda n: random.categorical(x(4, 3), n, seed=1), 2),
    "dropout": (lambda s: random.dropout(x(4, 3), 0.5, noise_shape=s, seed=1), (4, 1)),
    "Reshape": (lambda s: layers.Reshape(s)(x(2, 6)), (3, 2)),
    "Permute": (lambda s: layers.Permute(s)(x(1, 2, 3)), (2, 1)),
    "Cropping2D": (lambda s: layers.Cropping2D(s)(x(1, 4, 4, 1)), ((1, 0), (0, 1))),
}  # fmt: skip


def in_each(form, value):
    return tuple(in_each(form, item) for item in value) if isinstance(value, tuple) else form(value)


FORMS = {
    "tensor": lambda value: torch.tensor(value, dtype=torch.int32),
    "array": np.array,
    "numbers of NumPy's": lambda value: in_each(np.int64, value),
    "tensors": lambda value: in_each(torch.tensor, value),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CALLS)
def test_numbers_in_another_form(name, form):
    call, given = CALLS[name]
    wanted, found = (list(lamina.tree.flatten(call(value))) for value in (given, FORMS[form](given)))
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def drawn(function, *shape, steps=5):
    """What a graph gives, and what the function gives for the same data."""
    inputs = lamina.Input(shape)
    model = lamina.Model(inputs, function(inputs))
    data = torch.rand(2, *(steps if size is None else size for size in shape))
    return model, model(data), function(data)


def mask_of_the_guides(x):
    batch, steps = ops.shape(x)[0], ops.shape(x)[1]
    i, j = ops.arange(steps)[:, None], ops.arange(steps)
    mask = ops.reshape(ops.cast(i >= j, "int32"), (1, steps, steps))
    times = ops.concatenate([ops.expand_dims(batch, -1), ops.convert_to_tensor([1, 1])], axis=0)
    return ops.tile(mask, times)


def sized(make):
    return lambda x: ops.zeros(make(ops.convert_to_tensor(ops.shape(x)), *ops.shape(x)))


GRAPHS = {
    "guides' causal mask": mask_of_the_guides,
    "stacked": lambda x: ops.tile(ops.ones((1, 3, 3)), ops.stack([ops.shape(x)[0], 1, 1])),
    "with an array": lambda x: ops.tile(
        ops.ones((1, 3)), ops.concatenate([ops.expand_dims(ops.shape(x)[0], -1), np.array([1])], 0)
    ),
    "whole": sized(lambda whole, b, t, c: whole),
    "part": sized(lambda whole, b, t, c: whole[:2]),
    "sum of tensors": sized(lambda whole, b, t, c: whole[:2] + 1),
    "product": sized(lambda whole, b, t, c: ops.prod(whole)),
    "sum": sized(lambda whole, b, t, c: ops.sum(whole)),
    "largest": sized(lambda whole, b, t, c: ops.max(whole)),
    "two axes": sized(lambda whole, b, t, c: ops.prod(ops.reshape(ops.stack([b, t, c, 2]), (2, 2)), axis=1)),
    "half, cut": sized(lambda whole, b, t, c: ops.cast(ops.convert_to_tensor(t) / 2, "int32")),
    "half, up": sized(lambda whole, b, t, c: ops.cast(ops.ceil(ops.cast(t, "float32") / 2), "int32")),
    "half, down": sized(lambda whole, b, t, c: ops.floor_divide(t, 2)),
    "at least": sized(lambda whole, b, t, c: ops.maximum(t, 7)),
    "at most": sized(lambda whole, b, t, c: ops.minimum(ops.convert_to_tensor(t), 3)),
    "reversed": sized(lambda whole, b, t, c: ops.flip(whole)),
    "reshape": lambda x: ops.reshape(x, ops.concatenate([ops.convert_to_tensor(ops.shape(x)[:1]), [-1]], 0)),
    "broadcast_to": lambda x: ops.broadcast_to(ops.ones((1, 4)), ops.stack([ops.shape(x)[0], 4])),
    "repeat": lambda x: ops.repeat(ops.ones((1, 4)), ops.convert_to_tensor(ops.shape(x)[0]), axis=0),
    "slice": lambda x: ops.slice(x, [0, 0, 0], ops.stack([ops.shape(x)[0], ops.shape(x)[1] - 1, 2])),
    "slice_update": lambda x: ops.slice_update(
        x, ops.stack([0, ops.shape(x)[1] - 1, 0]), ops.zeros((ops.shape(x)[0], 1, 3))
    ),
    "pad": lambda x: ops.pad(x, ops.stack([ops.stack([0, 0]), ops.stack([0, 8 - ops.shape(x)[1]]), ops.stack([0, 0])])),
    "roll": lambda x: ops.roll(x, ops.convert_to_tensor(ops.shape(x)[1] // 2), axis=1),
    "one_hot": lambda x: ops.one_hot(ops.cast(x[:, :, 0], "int32"), ops.convert_to_tensor(ops.shape(x)[1])),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_reads_numbers_back_from_tensors_of_sizes(name):
    model, found, wanted = drawn(GRAPHS[name], None, 3)
    torch.testing.assert_close(found, wanted)
    assert model(torch.rand(4, 7, 3)).shape == GRAPHS[name](torch.rand(4, 7, 3)).shape


def test_what_takes_the_numbers_holds_no_tensor_of_them():
    model, _, _ = drawn(mask_of_the_guides, None, 3)
    assert not any("cat" in line or "as_tensor" in line for line in model.program().source.splitlines())


def test_a_draw_of_a_shape_given_as_a_tensor():
    model, found, _ = drawn(lambda x: random.normal(ops.stack([ops.shape(x)[0], 2])), None, 3)
    assert found.shape == (2, 2)
    assert model.output_shape == (None, 2)


def test_sizes_that_hang_on_values_are_refused():
    inputs = lamina.Input((3,))
    with pytest.raises(lamina.ValueNeededError, match=r"made of sizes and numbers alone[\s\S]*test_numbers_as_tensors"):
        ops.zeros(ops.cast(inputs[0], "int32"))


class Causal(layers.Layer):
    def call(self, x):
        return mask_of_the_guides(x)


def test_a_layer_with_the_guides_mask_is_saved_and_exported(tmp_path):
    inputs = lamina.Input((None, 3))
    model = lamina.Model(inputs, Causal()(inputs))
    model.save(tmp_path / "m.lamina")
    data = torch.rand(3, 4, 3)
    loaded = lamina.models.load_model(tmp_path / "m.lamina", custom_objects={})
    torch.testing.assert_close(loaded(data), model(data))
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("steps")}
    exported = torch.export.export(model.eval(), (torch.rand(2, 5, 3),), dynamic_shapes=(axes,))
    torch.testing.assert_close(exported.module()(data), model(data))
