"""A model is an ``nn.Module``: what PyTorch users do with one works as they expect."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lamina.layers import BatchNormalization, Concatenate, Conv2D, Dense, Dropout, Flatten, Input, TorchModule
from lamina.models import Model, Sequential


def small() -> Model:
    image, facts = Input((6, 6, 3), name="image"), Input((4,), name="facts")
    x = Flatten()(BatchNormalization(name="norm")(Conv2D(5, 3, activation="relu", name="conv")(image)))
    x = Concatenate()([x, torch.tanh(Dense(4, name="facts_dense")(facts))])
    x = TorchModule(nn.Linear(84, 8), name="linear")(x)
    return Model([image, facts], {"value": Dense(1, name="value")(x), "kind": Dense(3, name="kind")(x)})


def data(rows=3):
    return [torch.randn(rows, 6, 6, 3), torch.randn(rows, 4)]


def test_state_dict_has_layer_names_and_round_trips():
    one, two = small(), small()
    assert list(one.state_dict()) == [
        "conv.kernel", "conv.bias", "norm.gamma", "norm.beta", "norm.moving_mean", "norm.moving_variance",
        "facts_dense.kernel", "facts_dense.bias", "linear.module.weight", "linear.module.bias",
        "value.kernel", "value.bias", "kind.kernel", "kind.bias",
    ]  # fmt: skip
    x = data()
    assert not torch.equal(one(x)["value"], two(x)["value"])
    two.load_state_dict(one.state_dict())
    assert torch.equal(one(x)["value"], two(x)["value"])
    assert isinstance(dict(one.named_parameters())["conv.kernel"], nn.Parameter)
    assert {name for name, _ in one.named_buffers()} == {"norm.moving_mean", "norm.moving_variance"}


def test_to_moves_and_casts_and_the_program_follows():
    model = small().to(torch.float64)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    norm = model.get_layer("norm")
    assert norm.moving_mean.dtype == torch.float64
    assert norm.moving_mean.path == "norm/moving_mean"
    constant = Model(x := Input((2,)), x + torch.ones(2))
    moved = constant.to("meta")
    assert next(iter(moved.buffers())).device.type == "meta"


def test_hooks_run():
    model, seen = small(), []
    model.get_layer("conv").register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape)))
    model.register_forward_pre_hook(lambda module, args: seen.append("model"))
    model(data())
    assert seen == ["model", (3, 4, 4, 5)]


def test_a_hook_may_replace_the_output():
    x = Input((2,))
    model = Model(x, Dense(2, name="d")(x) + 1)
    model.get_layer("d").register_forward_hook(lambda module, args, output: torch.zeros_like(output))
    assert torch.equal(model(torch.randn(3, 2)), torch.ones(3, 2))


def test_torch_optim_trains_it():
    torch.manual_seed(0)
    model = small().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    x, target = data(16), torch.randn(16, 1)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (model(x)["value"] - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert model.get_layer("norm").moving_mean.abs().sum() > 0


@pytest.mark.parametrize("mode", [False, True])
def test_torch_compile_takes_it_whole(mode):
    model, x = small().train(mode), data(4)
    reference = copy.deepcopy(model)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for got, expected in zip(compiled(x).values(), reference(x).values(), strict=True):
        torch.testing.assert_close(got, expected)
    compiled(x)["value"].sum().backward()
    assert model.get_layer("conv").kernel.grad is not None


def test_torch_compile_serves_other_batch_sizes_without_a_break():
    model = small()
    compiled = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    for rows in (2, 3, 5):
        x = data(rows)
        torch.testing.assert_close(compiled(x)["kind"], model(x)["kind"])


def test_train_and_eval_reach_every_layer():
    x = Input((50,))
    inner = Model(x, Dropout(0.5)(x))
    model = Model(y := Input((50,)), inner(y))
    real = torch.ones(2, 50)
    assert not model.training
    assert torch.equal(model(real), real)
    model.train()
    assert (model(real) == 0).any()
    model.eval()
    assert torch.equal(model(real), real)


def test_the_training_argument_wins_for_that_call_and_everything_under_it():
    class Sub(Model):
        def __init__(self):
            super().__init__()
            self.inner = Sequential([Dropout(0.5), Dropout(0.1)])
            self.plain = TorchModule(nn.Dropout(0.5))

        def call(self, inputs):  # does not hand `training` on: it reaches the layers all the same
            return self.plain(self.inner(inputs))

    x = Input((50,))
    functional = Model(x, TorchModule(nn.Dropout(0.5))(Dropout(0.5)(x)))
    real = torch.ones(4, 50)
    for model in (Sub(), functional, Model(y := Input((50,)), Sub()(y))):
        assert torch.equal(model(real), real)
        assert (model(real, training=True) == 0).any()
        assert torch.equal(model(real), real)
        model.train()
        assert torch.equal(model(real, training=False), real)
        assert all(part.training for part in model.modules())


def test_training_false_while_drawing_is_kept_in_training():
    base = Sequential([Input((3,)), BatchNormalization()])
    x = Input((3,))
    model = Model(x, base(x, training=False)).train()
    before = base.weights[2].numpy().copy()
    model(torch.randn(8, 3) + 5)
    assert (base.weights[2].numpy() == before).all()


def test_weights_answer_to_both_worlds():
    layer = Dense(2, name="d")
    model = Model(x := Input((3,)), layer(x))
    kernel = layer.kernel
    assert isinstance(kernel, nn.Parameter)
    assert kernel.path == "d/kernel"
    assert kernel.numpy().shape == (3, 2)
    kernel.assign([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    layer.bias.assign_add([1.0, 1.0])
    assert model(torch.ones(1, 3)).tolist() == [[10.0, 13.0]]
    assert [w.shape for w in model.get_weights()] == [(3, 2), (2,)]


def test_one_row_tensors_arrays_lists_and_dicts_are_the_same_input():
    model = Model(x := Input((3,), name="x"), Dense(2)(x))
    real = torch.randn(4, 3)
    expected = model(real)
    for given in ([real], (real,), {"x": real}, real.numpy(), [real.numpy()], real.double(), real.tolist()):
        assert torch.equal(model(given), expected)


def test_several_inputs_by_list_dict_and_position():
    a, b = Input((2,), name="b_side"), Input((2,), name="a_side")
    model = Model([a, b], a - b)
    one, two = torch.randn(3, 2), torch.randn(3, 2)
    for given in ([one, two], (one, two), {"b_side": one, "a_side": two}, {"a_side": two, "b_side": one, "extra": 1}):
        assert torch.equal(model(given), one - two)
    assert torch.equal(model(one, two), one - two)


def test_an_optional_input_may_be_none():
    class Either(nn.Module):
        def forward(self, x, y=None):
            return x if y is None else x + y

    a, b = Input((2,), name="a"), Input((2,), name="b", optional=True)
    model = Model([a, b], TorchModule(Either())(a, b))
    one = torch.ones(3, 2)
    assert torch.equal(model([one, one]), one + one)
    assert torch.equal(model([one, None]), one)
    assert torch.equal(model({"a": one}), one)


def test_a_parameter_of_the_users_own_belongs_to_the_model():
    scale = nn.Parameter(torch.full((2,), 3.0))
    x = Input((2,))
    model = Model(x, x * scale + torch.tensor(1.0))
    assert [id(p) for p in model.parameters()] == [id(scale)]
    assert list(model.state_dict()) == ["mul_constant.value", "add_constant.value"]
    assert torch.equal(model(torch.ones(1, 2)), torch.full((1, 2), 4.0))
    assert copy.deepcopy(model).state_dict().keys() == model.state_dict().keys()


def test_the_program_is_readable_and_debuggable():
    import linecache

    model = small()
    source = model.program().source
    assert "conv = conv_layer.run(image)" in source
    assert "tanh = torch.tanh(facts_dense)" in source
    assert linecache.getline(model.program().file, 1).startswith("def forward(image, facts):")


def test_intermediates_are_freed_after_their_last_use():
    import weakref

    x = Input((1000,))
    first = torch.tanh(x)
    seen = []

    class Look(nn.Module):
        def forward(self, value):
            seen.append([ref() is None for ref in kept])
            return value + 1

    kept = []

    class Keep(nn.Module):
        def forward(self, value):
            result = value * 2
            kept.append(weakref.ref(result))
            return result

    model = Model(x, TorchModule(Look())(torch.relu(TorchModule(Keep())(first))))
    kept.clear(), seen.clear()
    with torch.no_grad():
        model(torch.randn(2, 1000))
    assert seen == [[True]]
