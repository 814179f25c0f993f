"""Drawing a layer tries it on shapes: whatever its call reads, it can be drawn, and nothing is changed by that."""

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers, ops

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(5, 4)).astype("float32")


class TableAsTensor(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = ops.convert_to_tensor(TABLE)

    def call(self, inputs):
        return inputs + self.table


class ArrayInCall(layers.Layer):
    def call(self, inputs):
        return inputs + torch.from_numpy(TABLE)


class MadeInBuild(layers.Layer):
    def build(self, input_shape):
        self.table = torch.arange(4.0)
        self.inner = layers.Dense(4)
        self.inner.build(input_shape)

    def call(self, inputs):
        return self.inner(inputs) + self.table


class ByKeyword(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(4)

    def call(self, inputs):
        return self.inner(inputs=inputs)


class MadeInCall(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = None

    def call(self, inputs):
        if self.inner is None:
            self.inner = layers.Dense(4)
        return self.inner(inputs)


class Holder:
    """No layer and no module: nothing finds what it holds."""

    def __init__(self, inner):
        self.inner = inner


class ThroughHolder(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.holder = Holder(layers.Dense(4))

    def call(self, inputs):
        return self.holder.inner(inputs)


class BranchesOnValues(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.sizes = torch.tensor([4, 2])
        self.step = self.add_weight((), "ones", dtype="int64", trainable=False, name="step")

    def call(self, inputs):
        width = int(self.sizes[0]) if self.step > 0 else 1
        return inputs[..., :width] * float(self.sizes.max())


class MakesValues(layers.Layer):
    def call(self, inputs):
        sizes = torch.tensor([2, 4])
        return inputs[..., : int(sizes.max())] * float(torch.as_tensor([1.0, 3.0]).sum())


class MovesDevices(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = torch.from_numpy(TABLE)

    def call(self, inputs):
        table = self.table.to(inputs.device)
        noise = torch.zeros(4, device=self.table.device)
        return inputs.to(self.table.device) + table + noise + torch.ones(4, device=inputs.device)


class PlainTensorModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.from_numpy(TABLE)
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, x):
        return self.linear(x) + self.table.to(x.device)


_BUILT = layers.Dense(4)
_BUILT(torch.ones(1, 5, 4))
_X = Input((5, 4))
_MODEL = Model(_X, layers.Dense(4)(_X))
_LINEAR = torch.nn.Linear(4, 4)
_TENSOR = torch.from_numpy(TABLE)
_GLOBAL = []

CASES = {
    "a tensor that is no buffer": TableAsTensor,
    "an array in call": ArrayInCall,
    "parts made in build": MadeInBuild,
    "tensors by keyword": ByKeyword,
    "a layer made in call": MadeInCall,
    "a layer in a plain object": ThroughHolder,
    "a branch on values": BranchesOnValues,
    "a branch on values made in call": MakesValues,
    "devices": MovesDevices,
    "a module with a plain tensor": lambda: layers.TorchModule(PlainTensorModule()),
    "a function that holds a tensor": lambda: layers.Lambda(lambda x: x + _TENSOR),
    "a function that holds a built layer": lambda: layers.Lambda(lambda x: _BUILT(x)),
    "a function that holds a model": lambda: layers.Lambda(lambda x: _MODEL(x)),
    "a function that holds a module": lambda: layers.Lambda(lambda x: _LINEAR(x)),
    "a function that calls functional code": lambda: layers.Lambda(
        lambda x: torch.nn.functional.linear(x, _LINEAR.weight, _LINEAR.bias)
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_whatever_call_reads_a_layer_can_be_drawn(case):
    layer, x = CASES[case](), Input((5, 4))
    model = Model(x, layer(x))
    data = torch.from_numpy(RNG.normal(size=(3, 5, 4)).astype("float32"))
    assert model.output_shape == (None, 5, 4)
    torch.testing.assert_close(model(data), layer(data))
    assert not any(weight.is_meta for weight in (*model.parameters(), *model.buffers()))


@pytest.mark.parametrize("case", ["a function", "a global", "a plain object"])
def test_a_new_layer_that_nobody_owns_is_built_for_real_when_it_is_first_met(case):
    new = layers.Dense(4)
    holder = Holder(new)
    function = {
        "a function": lambda x: new(x),
        "a global": lambda x: _GLOBAL[0](x),
        "a plain object": lambda x: holder.inner(x),
    }[case]
    _GLOBAL[:] = [new]
    x = Input((5, 4))
    model = Model(x, layers.Lambda(function)(x))
    data = torch.ones(2, 5, 4)
    torch.testing.assert_close(model(data), data @ new.kernel + new.bias)
    assert new.built
    assert not new.kernel.is_meta
    assert not new.bias.is_meta


class Rebinds(layers.Layer):
    """Sets all that a call can set: buffers anew and in place, attributes, lists, a random draw."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("flags", torch.zeros(4, dtype=torch.bool))
        self.seen, self.met, self.last, self.calls = [], set(), None, 0

    def call(self, inputs):
        self.count = self.count + 1
        self.flags |= self.flags.logical_not()
        self.met.add(inputs.dtype)
        self.mean.add_(inputs.mean((0, 1)))
        with torch.no_grad():
            self.mean.mul_(0.5)
        self.mean.data = self.mean.data + 1
        self.last = inputs * 2
        self.seen.append(self.last)
        noise = torch.rand_like(_TENSOR[0]) + torch.nn.functional.dropout(self.mean, 0.5)
        return inputs + torch.rand(4) + torch.bernoulli(torch.full((4,), 0.5)) + self.last + noise


class RebindingModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.norm = torch.nn.BatchNorm1d(5)

    def forward(self, x):
        self.count = self.count + 1
        self.last = x
        return self.norm(x)


def test_drawing_changes_nothing():
    torch.manual_seed(0)
    layer, module = Rebinds(), layers.TorchModule(RebindingModule())
    module.module.norm.train()
    x = Input((5, 4))
    before = torch.random.get_rng_state()
    layer(x), module(x)
    layer.compute_output_shape((None, 5, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert float(layer.count) == 0
    assert layer.mean.tolist() == [0] * 4
    assert layer.seen == []
    assert layer.met == set()
    assert not layer.flags.any()
    assert layer.last is None
    assert float(module.module.count) == 0
    assert int(module.module.norm.num_batches_tracked) == 0
    assert not hasattr(module.module, "last")
    assert module.module.norm.running_mean.abs().sum() == 0
    layer(torch.ones(2, 5, 4))
    assert float(layer.count) == 1
    assert len(layer.seen) == 1


def test_a_flag_that_says_that_weights_are_set_is_not_set_by_drawing():
    class ActNorm(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.initialized, self.calls = False, 0
            self.shift = self.add_weight((4,), "zeros", trainable=False, name="shift")

        def call(self, inputs):
            self.calls += 1
            if not self.initialized:
                self.shift.assign(inputs.mean((0, 1)))
                self.initialized, self.length = True, inputs.shape[1]
            return inputs - self.shift

    layer, x = ActNorm(), Input((5, 4))
    model = Model(x, layer(x))
    assert (layer.initialized, layer.calls, hasattr(layer, "length")) == (False, 0, False)
    data = torch.randn(3, 5, 4)
    torch.testing.assert_close(model(data), data - data.mean((0, 1)))


def test_a_flag_beside_a_layer_that_the_call_has_made_stays_with_it():
    class Lazy(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.ready = False

        def call(self, inputs):
            if not self.ready:
                self.inner, self.ready = layers.Dense(4), True
            return self.inner(inputs)

    layer, x = Lazy(), Input((5, 4))
    model = Model(x, layer(x))
    inner = layer.inner
    model(torch.ones(1, 5, 4))
    assert layer.inner is inner


def test_a_cache_that_grows_in_call():
    class Rotary(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.length, self.cos = 0, None

        def call(self, inputs):
            steps = inputs.shape[1]
            if steps > self.length:
                self.length, self.cos = steps, torch.cos(torch.arange(steps)[:, None] * torch.ones(4))
            return inputs * self.cos[:steps]

    layer, x = Rotary(), Input((None, 4))
    model = Model(x, layer(x))
    for steps in (5, 3, 9):
        assert model(torch.ones(2, steps, 4)).shape == (2, steps, 4)


@pytest.mark.parametrize("kind", ["in a layer", "in a function", "alone"])
def test_an_unbuilt_sequential_fixes_no_axis_that_its_layers_do_not_need(kind):
    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = lamina.Sequential([layers.Dense(8), layers.Dense(4)])

        def call(self, inputs):
            return self.inner(inputs) + inputs

    chain = lamina.Sequential([layers.Dense(8), layers.Dense(4)])
    layer = {"in a layer": Block(), "in a function": layers.Lambda(lambda x: chain(x)), "alone": chain}[kind]
    x = Input((None, 4))
    model = Model(x, layer(x))
    assert model.output_shape == (None, None, 4)
    for steps in (5, 3, 7):
        assert model(torch.ones(2, steps, 4)).shape == (2, steps, 4)


def test_a_sequential_that_needs_all_sizes_keeps_them():
    chain = lamina.Sequential([layers.Flatten(), layers.Dense(2)])
    assert chain(torch.ones(2, 3, 4)).shape == (2, 2)
    with pytest.raises(lamina.ShapeError):
        chain(torch.ones(2, 5, 4))
    pictures = lamina.Sequential([layers.Conv2D(2, 3, data_format="channels_first")])
    assert pictures(torch.ones(1, 3, 8, 8)).shape == (1, 2, 6, 6)
    assert pictures(torch.ones(1, 3, 9, 8)).shape == (1, 2, 7, 6)


def test_losses_of_a_trial_are_none():
    class Loses(layers.Layer):
        def call(self, inputs):
            self.add_loss(inputs.mean())
            return inputs

    layer = Loses()
    layer(torch.full((2, 4), 3.0))
    layer(Input((4,)))
    assert [float(loss) for loss in layer.losses] == [3.0]


def test_a_layer_that_a_function_holds_loses_nothing_in_a_trial():
    inner = layers.Dense(4, activity_regularizer="l2")
    inner(torch.ones(2, 4))
    before = [loss.item() for loss in inner.losses]
    layers.Lambda(lambda x: inner(x))(Input((4,)))
    assert [loss.item() for loss in inner.losses] == before
    assert not any(loss.is_meta for loss in inner.losses)


def test_an_output_shape_asks_call_once_for_each_example():
    seen = []

    class Noting(layers.Layer):
        def call(self, inputs):
            seen.append(tuple(inputs.shape))
            return inputs

    assert Noting().compute_output_shape((None, 4)) == (None, 4)
    assert len(seen) == len(set(seen))
    assert len(seen) <= 3


def test_a_model_of_a_module_with_plain_tensors():
    module = PlainTensorModule()
    model = Model.from_module(module, inputs=(5, 4))
    data = torch.ones(2, 5, 4)
    torch.testing.assert_close(model(data), module(data))


def test_hooks_of_a_module_within_stay_as_they_were():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    seen = []
    module[0].register_forward_hook(lambda *_: seen.append(1))
    layer = layers.TorchModule(module)
    layer(Input((4,)))
    assert layer.inner_shapes["0"] == [(None, 3)]
    assert len(module[0]._forward_hooks) == 1
    assert len(module[1]._forward_hooks) == 0
    before = len(seen)
    layer(torch.ones(2, 4))
    assert len(seen) == before + 1


def test_seeds_move_on_only_when_a_model_runs():
    lamina.utils.set_random_seed(3)
    dropout = layers.Dropout(0.5)
    x = Input((100,))
    first = Model(x, dropout(x))(torch.ones(1, 100), training=True)
    lamina.utils.set_random_seed(3)
    other = layers.Dropout(0.5)
    torch.testing.assert_close(other(torch.ones(1, 100), training=True), first)
