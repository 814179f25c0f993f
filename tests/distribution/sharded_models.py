"""Run by test_sharded.py on several processes: a model whose weights are laid out equals the same model alone."""

import json
import os
import sys
import tempfile
import traceback
from dataclasses import astuple

import numpy as np
import torch
from torch.distributed.tensor import DTensor

import lamina
from lamina import Input, Model, distribution, layers, optimizers
from lamina.distribution.plan.layouts import COPIES, SHARDED, TENSOR, layout
from lamina.distribution.plan.step import count_step

ROWS = 8


def build(seed=4, dtype="float64"):
    """Two equal attention blocks on embedded words: every kind of layer that Megatron cuts."""
    lamina.utils.set_random_seed(seed)
    x = Input((6,), dtype="int32")
    h = layers.Embedding(16, 8, name="words", dtype=dtype)(x)
    for k in range(2):
        a = layers.MultiHeadAttention(4, 2, name=f"attention_{k}", dtype=dtype)(h, h)
        h = layers.LayerNormalization(name=f"norm_a_{k}", dtype=dtype)(h + a)
        f = layers.Dense(16, activation="gelu", name=f"up_{k}", dtype=dtype)(h)
        f = layers.Dense(8, name=f"down_{k}", dtype=dtype)(f)
        h = layers.LayerNormalization(name=f"norm_b_{k}", dtype=dtype)(h + f)
    y = layers.Dense(3, name="head", dtype=dtype)(layers.GlobalAveragePooling1D(dtype=dtype)(h))
    return Model(x, y)


def data():
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 16, (ROWS, 6), generator=generator), torch.randn(
        ROWS, 3, generator=generator, dtype=torch.float64
    )


def full(tensor):
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def train(model, optimizer, x, y, steps=3):
    """Some steps; returns losses, the first gradients and the weights behind."""
    losses, first = [], None
    for _ in range(steps):
        model.zero_grad()
        loss = (model(x, training=True) - y).square().mean()
        loss.backward()
        weights = model.trainable_weights
        if first is None:
            first = {w.path: full(w.grad).clone() for w in weights}
        optimizer.apply([w.grad for w in weights], weights)
        losses.append(loss.item())
    return losses, first, {w.path: full(w).detach().clone() for w in model.weights}


def parted(tensor, number, count):
    return tensor[number * ROWS // count : (number + 1) * ROWS // count]


def same(model, reference, optimizer, number, count, what):
    x, y = data()
    _, due_grads, due = train(reference, optimizer(), x, y)
    own = optimizer()
    _, grads, got = train(model, own, parted(x, number, count), parted(y, number, count))
    assert due.keys() == got.keys(), (what, due.keys() ^ got.keys())
    for path in due_grads:
        np.testing.assert_allclose(grads[path], due_grads[path], rtol=1e-5, atol=1e-9, err_msg=f"{what}: {path}.grad")
    for path in due:
        np.testing.assert_allclose(got[path], due[path], rtol=1e-5, atol=1e-7, err_msg=f"{what}: {path}")
    return own


def local_bytes(tensors):
    return sum(t.to_local().numel() * t.element_size() if isinstance(t, DTensor) else t.nbytes for t in tensors)


def megatron(mesh):
    layouts = distribution.LayoutMap(mesh)
    layouts["words/embeddings"] = (None, "model")
    layouts[r"attention_\d/(query|key|value)/kernel"] = (None, "model", None)
    layouts[r"attention_\d/(query|key|value)/bias"] = ("model", None)
    layouts[r"attention_\d/attention_output/kernel"] = ("model", None, None)
    layouts[r"up_\d/kernel"] = (None, "model")
    layouts[r"up_\d/bias"] = ("model",)
    layouts[r"down_\d/kernel"] = ("model", None)
    layouts[r"norm_a_\d/gamma"] = ("model",)
    return layouts


ADAM = {"adam": lambda: optimizers.Adam(0.01), "clipped": lambda: optimizers.SGD(0.1, 0.9, global_clipnorm=0.1)}


def check_model_parallel(world, rank):
    shapes = [(1, world)] if world == 2 else [(1, 4), (2, 2)]
    for shape in shapes:
        for name, optimizer in ADAM.items():
            mesh = distribution.DeviceMesh(shape, ("batch", "model"))
            to = distribution.ModelParallel(layout_map=megatron(mesh))
            model = distribution.shard_model(build(seed=4 + rank), to)
            same(model, build(), optimizer, to.data_shard_id, to.num_model_replicas, f"{shape} {name}")
            kernel = model.get_layer("up_0").kernel
            assert kernel.to_local().shape == (8, 16 // shape[1]), kernel


def check_sharded_weights(world, rank):
    for name, optimizer in {**ADAM, "average": lambda: optimizers.Adam(0.01, use_ema=True, clipnorm=0.5)}.items():
        to = distribution.DataParallel(shard_weights=True)
        model = distribution.shard_model(build(seed=4 + rank), to)
        own = same(model, build(), optimizer, rank, world, f"shard_weights {name}")
        assert type(model) is Model
        assert type(model.get_layer("head")) is layers.Dense
        whole = sum(w.numel() * w.element_size() for w in model.trainable_weights)
        grads = [w.grad for w in model.trainable_weights]
        slots = [t for key, t in own.state_dict().items() if "/" in key]
        spare = 8 * 8 * len(grads)  # weights that do not divide by the world
        assert local_bytes(model.trainable_weights) <= whole / world + spare
        assert local_bytes(grads) <= whole / world + spare
        assert local_bytes(slots) <= len(slots) / len(grads) * (whole / world + spare)


def check_both(world, rank):
    """Weights that the batch's axis cuts, too."""
    if world < 4:
        return
    mesh = distribution.DeviceMesh((2, world // 2), ("batch", "model"))
    layouts = distribution.LayoutMap(mesh)
    layouts[r"up_\d/kernel"] = ("batch", "model")
    layouts[r"down_\d/kernel"] = ("model", "batch")
    to = distribution.ModelParallel(layout_map=layouts)
    model = distribution.shard_model(build(seed=4 + rank), to)
    same(model, build(), ADAM["adam"], to.data_shard_id, 2, "both")


def check_copies(world, rank):
    model = distribution.shard_model(build(seed=4 + rank), distribution.DataParallel())
    same(model, build(), ADAM["adam"], rank, world, "copies")


def distribution_free(weights):
    model = build()
    model.set_weights(weights)
    return model


def check_surroundings(world, rank):
    """What a script does with a model besides training it."""
    model = distribution.shard_model(build(seed=4 + rank), distribution.DataParallel(shard_weights=True))
    due = build()
    assert model.count_params() == due.count_params()
    for got, want in zip(model.get_weights(), due.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    new = [w + 1 for w in due.get_weights()]
    model.set_weights(new)
    for got, want in zip(model.get_weights(), new, strict=True):
        np.testing.assert_array_equal(got, want)
    x, y = data()
    np.testing.assert_allclose(model.predict(x, verbose=0), distribution_free(new).predict(x, verbose=0), atol=1e-9)
    (model(x) - y).square().mean().backward()  # what `predict` has gathered can be trained
    for ending in (".lamina", ".weights.h5", ".safetensors"):
        path = os.path.join(tempfile.gettempdir(), f"lamina_{os.environ['MASTER_PORT']}_{rank}{ending}")
        save = model.save if ending == ".lamina" else model.save_weights
        save(path)
        if ending == ".lamina":
            alone = lamina.models.load_model(path)
        else:
            alone = build(seed=9)
            alone.load_weights(path)
            model.load_weights(path)
        os.remove(path)
        for got, other, want in zip(alone.get_weights(), model.get_weights(), new, strict=True):
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(other, want)
    text = []
    model.summary(print_fn=text.append)
    assert "FSDP" not in "".join(map(str, text))
    assert {n: tuple(t.shape) for n, t in model.state_dict().items()} == {
        n: tuple(t.shape) for n, t in due.state_dict().items()
    }


def count(world):
    """What a step sends and holds, by layout."""
    found = {}
    for name in (COPIES, SHARDED, TENSOR):
        to, _ = layout(name, build(), world)
        counts = count_step(build(), optimizers.Adam(), to, 3, 6)
        found[name] = [counts.weights, counts.gradients, counts.state, [list(astuple(call)) for call in counts.calls]]
    return found


def check_counts(world, rank):
    """What really goes over the loopback device; test_plan.py compares it with PyTorch's fake process group."""
    print("counts", json.dumps(count(world)))


def end(kind, error, trace):
    """What has failed on one process ends it at once; the others would wait for it."""
    traceback.print_exception(kind, error, trace)
    os._exit(1)


def main():
    sys.excepthook = end
    distribution.initialize()
    world, rank = distribution.get_device_count("cpu"), torch.distributed.get_rank()
    checks = {name: check for name, check in globals().items() if name.startswith("check_")}
    for name in sys.argv[1:] or checks:
        checks[name](world, rank)
    torch.distributed.destroy_process_group()
    print("passed")


if __name__ == "__main__":
    main()
