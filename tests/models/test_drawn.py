"""A drawn graph with what runs it, by itself, and as a model takes and leaves it."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from lamina import Input, Model, Sequential, layers
from lamina.graph import ArgumentError, Graph
from lamina.models.drawn import Drawn

X = torch.arange(8.0).reshape(2, 4)


def drawn(runs=True, masked=False):
    x = Input((4,), name="x")
    h = layers.Masking()(Input((3, 4), name="x")) if masked else x
    return Drawn(Graph(h.node.inputs[0] if masked else x, layers.Dropout(0.5)(h) * 2), 'Model "m"', runs)


def test_a_program_for_each_mode_is_written_once_when_it_is_asked_for():
    one = drawn()
    one.write()
    assert one.programs == {}
    assert one.program(True) is one.programs[True]
    assert set(one.programs) == {True}
    one.write_programs()
    assert set(one.programs) == {None, False, True}
    assert one.program(True) is one.programs[True]
    assert [one.mode_of(one.program(mode)) for mode in (None, False, True)] == [None, False, True]
    assert torch.equal(one.run(one.program(False), X), X * 2)
    with pytest.raises(ArgumentError, match="no mode 'yes'"):
        one.program("yes")


def test_what_is_outdated_has_no_program():
    one = drawn()
    one.write_programs()
    one.outdate()
    assert one.is_outdated
    assert one.programs == {}
    assert pickle.loads(pickle.dumps(one)).is_outdated


def test_what_takes_the_short_way():
    assert drawn().takes_at_once((X,), {})
    assert drawn().takes_at_once(([X],), {"training": None})
    assert not drawn().takes_at_once(([X, "x"],), {})
    assert not drawn(runs=False).takes_at_once((X,), {})
    assert not drawn(masked=True).takes_at_once((X,), {})


def test_an_error_says_which_node_ran():
    one = Drawn(Graph(x := Input((None,), name="x"), torch.reshape(x, (-1, 3))), 'Model "m"', runs=True)
    with pytest.raises(RuntimeError, match="invalid for input of size 8") as caught:
        one.run(one.program(None), X)
    assert 'Model "m" ran torch.reshape' in caught.value.__notes__[0]
    assert "test_drawn.py:" in caught.value.__notes__[0]


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_has_one_of_its_own(twin_of):
    model = Sequential([Input((4,)), layers.Dense(3)])
    twin = twin_of(model)
    assert twin._drawn is not model._drawn
    assert twin._drawn.graph.modules["dense"] is twin.layers[0]
    assert torch.equal(twin(X), model(X))
    assert twin._drawn.program(None) is not model._drawn.program(None)


@pytest.mark.parametrize("masked", [False, True])
def test_a_model_that_never_ran_is_compiled_whole(masked):
    x = Input((3, 4))
    model = Model(x, layers.Dropout(0.5)(layers.Masking()(x) if masked else x) * 2)
    data, traced = torch.ones(2, 3, 4), []

    def backend(module, _):
        traced.append(module)
        return module.forward

    run = torch.compile(lambda x: model(x), fullgraph=True, backend=backend)
    assert model._drawn.programs == {}
    assert torch.equal(run(data), data * 2)
    model.program(True)  # the other modes are written already, so that this is no reason to compile anew
    assert torch.equal(run(data), data * 2)
    assert len(traced) == 1


def test_threads_that_come_first_run_one_program():
    model = Sequential([Input((4,)), layers.Dense(3)])
    barrier = threading.Barrier(8)

    def first(_):
        barrier.wait()
        return model.program(False)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first, range(8)))) == 1


def test_a_model_that_changes_takes_another_and_nothing_of_the_old_one():
    model = Sequential([Input((4,)), layers.Dense(3, name="d")])
    old, program = model._drawn, model.program(False)
    model.d = layers.Dense(5)
    assert model._drawn is not old
    assert model.program(False) is not program
    assert model(X).shape == (2, 5)


def test_nothing_drawn_holds_the_model():
    gc.collect()
    gc.disable()
    try:
        model = Model(x := Input((4,)), layers.Dense(3)(x))
        model(X), model.predict(X.numpy(), verbose=0)
        kept, ref = model._drawn, weakref.ref(model)
        del model
        assert ref() is None
        assert kept.run(kept.program(None), X).shape == (2, 3)
    finally:
        gc.enable()


class OwnCall(Model):
    def call(self, inputs):
        return super().call(torch.relu(inputs))


def test_a_graph_beside_a_call_of_the_class_itself():
    model = OwnCall(x := Input((4,)), x * 2)
    assert not model._drawn.runs
    assert torch.equal(model((X - 3).numpy()), torch.relu(X - 3) * 2)
