"""Programs, copies and names on random graphs."""

from __future__ import annotations

import copy
import pickle

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.graph import tree
from tests.graph.random_graphs import WIDTH, evaluate_naively, models


def values_for(model, rows=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, WIDTH, generator=generator) for _ in model.inputs]


def given_to(model, values):
    return tree.pack_like(model.input, iter(values))


def assert_same(first, second):
    """`second` as the graph nests it: a model with a list of one output gives the tensor, as in Keras."""
    second = second[0] if type(second) is list and len(second) == 1 else second
    assert tree.describe(first) == tree.describe(second)
    for a, b in zip(tree.leaves(first), tree.leaves(second), strict=True):
        assert torch.equal(a, b)


@settings(max_examples=120)
@given(models(), st.integers(1, 5))
def test_the_program_gives_what_a_naive_walk_gives_bit_for_bit(model, rows):
    values = values_for(model, rows)
    assert_same(model(given_to(model, values)), evaluate_naively(model.graph, values))


@settings(max_examples=60)
@given(models())
def test_training_mode_agrees_too(model):
    values = values_for(model, 4)
    model.train()
    torch.manual_seed(1)
    once = model(given_to(model, values))
    reference = copy.deepcopy(model)
    torch.manual_seed(1)
    naive = evaluate_naively(model.graph, values)
    # BatchNormalization's averages move, but in training mode they do not enter the outputs.
    assert_same(once, naive)
    assert reference.training


@settings(max_examples=60)
@given(models())
def test_state_dict_keys_are_unique_and_survive_copies(model):
    keys = list(model.state_dict())
    named = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    assert len(set(keys)) == len(keys)
    assert set(named) <= set(keys)
    values = values_for(model)
    expected = model(given_to(model, values))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert list(other.state_dict()) == keys
        assert other.graph.same_as(model.graph)
        assert_same(other(given_to(other, values)), expected)
        shared = {id(p) for p in model.parameters()} & {id(p) for p in other.parameters()}
        assert not shared


@settings(max_examples=40)
@given(models())
def test_inferred_shapes_and_dtypes_are_those_of_the_run(model):
    for rows in (2, 5):
        outputs = list(tree.leaves(model(given_to(model, values_for(model, rows)))))
        for symbolic, real in zip(model.outputs, outputs, strict=True):
            assert symbolic.dtype == real.dtype
            assert tuple(rows if n is None else n for n in symbolic.shape) == tuple(real.shape)


@settings(max_examples=40)
@given(models())
def test_a_rebuilt_graph_shares_its_layers_and_gives_the_same(model):
    rebuilt = model.graph.rebuild()
    assert rebuilt.same_as(model.graph)
    assert list(rebuilt.modules) == list(model.graph.modules)
    assert all(rebuilt.modules[name] is module for name, module in model.graph.modules.items())


@settings(max_examples=8)
@given(models())
def test_torch_compile_takes_the_whole_graph(model):
    torch._dynamo.reset()
    values = values_for(model)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert_same(compiled(given_to(model, values)), model(given_to(model, values)))
