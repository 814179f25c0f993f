"""Calls, metrics and optimizers on values that are given: nothing changes but what comes back."""

import copy
import threading

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers

X, Y = torch.rand(8, 3, generator=torch.Generator().manual_seed(0)), torch.linspace(0, 1, 8).reshape(8, 1)


def network(library):
    make = library.layers
    model = library.Sequential([library.Input((3,)), make.Dense(4, kernel_regularizer="l2"), make.BatchNormalization()])
    model.add(make.Dense(1))
    return model


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in variables]


def test_a_stateless_call_as_in_keras():
    ours, theirs = network(lamina), network(keras)
    ours.set_weights(theirs.get_weights())
    trained, others = values(theirs.trainable_variables), values(theirs.non_trainable_variables)
    given = [v + 0.1 for v in trained], [v + 0.2 for v in others]
    before = ours.get_weights()
    found = ours.stateless_call(*given, X, training=True, return_losses=True)
    tensors = [[keras.ops.convert_to_tensor(v) for v in part] for part in given]
    wanted = theirs.stateless_call(*tensors, X, training=True, return_losses=True)
    for a, b in zip(lamina.tree.flatten(found), keras.tree.flatten(wanted), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    assert all(np.array_equal(a, b) for a, b in zip(before, ours.get_weights(), strict=True))
    assert np.array_equal(given[1][0], others[0] + np.float32(0.2))


def test_gradients_go_to_the_values_given():
    model = network(lamina)
    given = [v.detach().clone().requires_grad_() for v in model.trainable_variables]
    outputs, _ = model.stateless_call(given, model.non_trainable_variables, X)
    grads = torch.autograd.grad(outputs.sum(), given)
    assert len(grads) == 6
    assert all(v.grad is None for v in model.trainable_variables)


class Counting(layers.Layer):
    def build(self, shape):
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")

    def call(self, x):
        self.calls.assign_add(1.0)
        return x * self.calls


def test_what_a_call_assigns_comes_back():
    layer = Counting()
    layer.build((None, 3))
    outputs, after = layer.stateless_call([], [5.0], torch.ones(1, 3))
    assert after[0] == 6
    assert torch.equal(outputs, torch.full((1, 3), 6.0))
    assert layer.calls == 0


def test_too_few_values_and_no_build_are_refused():
    with pytest.raises(lamina.ArgumentError, match="not built"):
        layers.Dense(2).stateless_call([], [], X)
    with pytest.raises(lamina.ArgumentError, match="trainable_variables has a value for each"):
        network(lamina).stateless_call([], [], X)


@pytest.mark.parametrize("name", ["Mean", "MeanSquaredError", "Precision", "AUC"])
def test_metrics_without_state(name):
    ours, theirs = getattr(lamina.metrics, name)(), getattr(keras.metrics, name)()
    data = (Y.ravel(),) if name == "Mean" else ((Y > 0.4).float(), Y.flip(0))
    state = [v.value for v in ours.variables]
    reference = [v.value for v in theirs.variables]
    for _ in range(2):
        state = ours.stateless_update_state(state, *data)
        reference = theirs.stateless_update_state(reference, *data)
    found, wanted = ours.stateless_result(state), theirs.stateless_result(reference)
    torch.testing.assert_close(torch.as_tensor(found), torch.as_tensor(wanted).cpu(), rtol=1e-5, atol=1e-6)
    assert all(not v.any() for v in ours.variables)
    ours.update_state(*data)
    assert all(not v.any() for v in ours.stateless_reset_state())
    assert any(v.any() for v in ours.variables)


@pytest.mark.parametrize("make", [
    lambda o: o.SGD(0.1), lambda o: o.SGD(0.1, momentum=0.9), lambda o: o.Adam(0.1), lambda o: o.RMSprop(clipnorm=0.1)
])  # fmt: skip
def test_steps_without_state_are_those_with_it(make):
    first = [torch.tensor([1.0, -2.0]), torch.tensor([[3.0]])]
    own = [lamina.Variable(v.clone()) for v in first]
    stepping, kept = [lamina.Variable(v.clone()) for v in first], make(lamina.optimizers)
    optimizer = make(lamina.optimizers)
    optimizer.build(own)
    state, variables = [v.value for v in optimizer.variables], first
    for step in range(3):
        grads = [torch.full_like(v, 0.5 + step) for v in first]
        variables, state = optimizer.stateless_apply(state, grads, variables)
        kept.apply(grads, stepping)
    for a, b, before in zip(variables, stepping, own, strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=0, atol=0)
        assert torch.equal(before.detach(), first[[id(v) for v in own].index(id(before))])
    assert optimizer.iterations == 0
    assert [torch.equal(a, b) for a, b in zip(state, kept.variables, strict=True)] == [True] * len(state)


def test_a_loop_without_state_learns():
    model, loss = network(lamina), lamina.losses.MeanSquaredError()
    optimizer = lamina.optimizers.Adam(0.1)
    optimizer.build(model.trainable_variables)
    trained, others = model.trainable_variables, model.non_trainable_variables
    state, losses = optimizer.variables, []
    for _ in range(20):
        leaves = [v.detach().clone().requires_grad_() for v in trained]
        predicted, others = model.stateless_call(leaves, others, X, training=True)
        value = loss(Y, predicted)
        trained, state = optimizer.stateless_apply(state, torch.autograd.grad(value, leaves), leaves)
        losses.append(float(value.detach()))
    assert losses[-1] < losses[0] / 4
    for variable, value in zip(model.trainable_variables, trained, strict=True):
        variable.assign(value)
    assert float(loss(Y, model(X, training=True)).detach()) < losses[0] / 2


def test_a_scope():
    v = lamina.Variable([1.0, 2.0])
    w = lamina.Variable([5.0])
    with lamina.StatelessScope(state_mapping=[(w, torch.tensor([7.0]))]) as scope:
        assert scope.get_current_value(v) is None
        v.assign_add([1.0, 1.0])
        kept, total = v.value, v * w
        with lamina.StatelessScope() as inner:
            v.assign([0.0, 0.0])
        assert inner.get_current_value(v).tolist() == [0, 0]
        scope.add_loss(3.0)
    assert total.tolist() == [14, 21]
    assert (kept.tolist(), scope.get_current_value(v).tolist(), scope.losses) == ([2, 3], [2, 3], [3.0])
    assert (v.numpy().tolist(), w.numpy().tolist()) == ([1, 2], [5])
    with pytest.raises(lamina.ArgumentError, match="gives values to variables"):
        lamina.StatelessScope(state_mapping=[(3, 4)])


def test_a_scope_holds_for_its_thread():
    v, seen = lamina.Variable([1.0]), []
    with lamina.StatelessScope():
        v.assign([2.0])
        other = threading.Thread(target=lambda: seen.append(v.value.tolist()))
        other.start()
        other.join()
    assert seen == [[1.0]]


# -- remat


def blocks(scope):
    with scope:
        inner = [layers.Dense(8, activation="relu", name="wide"), layers.Dropout(0.5), layers.LayerNormalization()]
    return lamina.Sequential([lamina.Input((3,)), *inner, layers.Dense(1)])


@pytest.mark.parametrize("options", [
    {"mode": "full"}, {"mode": "activations"}, {"mode": "larger_than", "output_size_threshold": 7},
    {"mode": "list_of_layers", "layer_names": ["wide"]}, {"mode": None},
])  # fmt: skip
def test_layers_of_a_scope_give_the_same_gradients(options):
    plain = blocks(lamina.RematScope(mode=None))
    model = blocks(lamina.RematScope(**options))
    model.set_weights(plain.get_weights())
    grads = []
    for each in (plain, model, copy.deepcopy(model)):
        torch.manual_seed(3)
        grads.append(torch.autograd.grad(each(X, training=True).sum(), each.trainable_variables))
    for found in grads[1:]:
        for a, b in zip(grads[0], found, strict=True):
            torch.testing.assert_close(a, b)
    model.compile("adam", "mse")
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()


class Watched(layers.Layer):
    calls = 0

    def call(self, x):
        Watched.calls += 1
        return torch.sin(x) * 2


def test_it_computes_again_in_the_backward_pass():
    with lamina.RematScope():
        layer = Watched()
    for made, due in ((Watched(), 1), (layer, 2), (lamina.remat(Watched()), 2)):
        Watched.calls = 0
        x = X.clone().requires_grad_()
        made(x).sum().backward()
        assert Watched.calls == due
        torch.testing.assert_close(x.grad, 2 * torch.cos(X))


def test_remat_of_a_call_that_is_drawn():
    dense = layers.Dense(2)
    x = lamina.Input((3,))
    model = lamina.Model(x, lamina.remat(dense)(x))
    torch.testing.assert_close(model(X), dense(X))
    with pytest.raises(lamina.ArgumentError, match="no mode 'some'"):
        lamina.RematScope(mode="some")


# -- names and small doors


def test_name_scopes_stand_before_paths():
    with lamina.name_scope("outer"), lamina.name_scope("inner"):
        variable, layer = lamina.Variable([1.0], name="v"), layers.Dense(2, name="dense")
        layer.build((None, 3))
    assert (variable.path, layer.kernel.path) == ("outer/inner/v", "outer/inner/dense/kernel")
    assert lamina.Variable([1.0], name="v").path == "v"
    with pytest.raises(lamina.ArgumentError, match="without '/'"), lamina.name_scope("a/b"):
        pass


def test_symbolic_call():
    x = lamina.Input((3,))
    assert layers.Dense(2).symbolic_call(x).shape == (None, 2)
    with pytest.raises(lamina.ArgumentError, match="takes symbolic tensors"):
        layers.Dense(2).symbolic_call(X)
    assert lamina.version() == lamina.__version__
