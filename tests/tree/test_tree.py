"""`lamina.tree`, against Keras' reference implementation on optree.

The one it uses on torch strays from its documentation: dicts within dicts are not sorted, and fields of named tuples
are numbered by their sorted names over the whole structure.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict, defaultdict, deque, namedtuple

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from keras.src.tree import optree_impl

import lamina
from lamina import tree
from lamina.graph import ArgumentError, StructureError

Point = namedtuple("Point", "x y")
Turned = namedtuple("Turned", "y x")


class Own(list):
    pass


STRUCTURES = [
    7, None, "text", [], (), {}, [None], [1], [[1, 2, 3], [4, [5], [[6]]]], {100: "world!", 6: "Hello"},
    {"key3": {"c": ("alpha", "beta"), "a": "gamma"}, "key1": {"e": "val1", "d": "val2"}},
    OrderedDict([("b", 1), ("a", [2])]), defaultdict(list, {"b": 1, "a": (2, None)}), deque([1, [2]], maxlen=5),
    Point(1, (2, Point(3, [4]))), {"p": Point(1, 2), "e": []}, slice(1, 2), {1, 2}, range(3),
    Own([1, 2]), [Own([1]), "ab", 3.5],
]  # fmt: skip
LEAVES = st.none() | st.integers() | st.text(max_size=2)
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.dictionaries(st.text(max_size=2), inner, max_size=3).map(OrderedDict),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
    ),
    max_leaves=12,
)


def shown(value):
    return repr(value), type(value)


def test_names_and_signatures_are_those_of_keras():
    assert set(tree.__all__) == {name for name in dir(keras.tree) if not name.startswith("_")}
    for name in tree.__all__:
        ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (tree, keras.tree))
        assert [(p.name, p.kind, p.default) for p in ours.values()] == [
            (p.name, p.kind, p.default) for p in theirs.values()
        ], name


def agrees(structure):
    assert tree.is_nested(structure) == optree_impl.is_nested(structure)
    assert tree.flatten(structure) == optree_impl.flatten(structure)
    assert tree.flatten_with_path(structure) == optree_impl.flatten_with_path(structure)
    for function in (lambda v: (v, 1), lambda v: None):
        ours, theirs = (module.map_structure(function, structure) for module in (tree, optree_impl))
        assert shown(ours) == shown(theirs)
    count = len(tree.flatten(structure))
    assert tree.pack_sequence_as(structure, range(count)) == optree_impl.pack_sequence_as(structure, list(range(count)))
    assert tree.lists_to_tuples(structure) == optree_impl.lists_to_tuples(structure)
    shaped = [module.map_shape_structure(lambda s: f"<{s}>", structure) for module in (tree, optree_impl)]
    assert shaped[0] == shaped[1]
    tree.assert_same_structure(structure, tree.map_structure(lambda v: 0, structure))
    tree.assert_same_paths(structure, structure)


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_as_keras(structure):
    agrees(structure)


@given(NESTED)
def test_as_keras_on_any_structure(structure):
    agrees(structure)


@pytest.mark.parametrize("top_down", [True, False])
@given(structure=NESTED)
def test_traverse_as_keras(structure, top_down):
    def function(module, seen):
        def look(part):
            seen.append(part)
            if part is None:
                return "nothing"
            if isinstance(part, int):
                return keras.tree.MAP_TO_NONE if module is optree_impl else tree.MAP_TO_NONE
            return [1, 2] if isinstance(part, tuple) and len(part) == 2 else None

        return look

    seen = [], []
    ours, theirs = (
        m.traverse(function(m, s), structure, top_down) for m, s in zip((tree, optree_impl), seen, strict=True)
    )
    assert ours == theirs
    assert seen[0] == seen[1]


def test_containers_keep_their_class_and_their_order():
    doubled = tree.map_structure(lambda v: 2 * v, {"b": 1, "a": Point(2, deque([3], maxlen=4))})
    assert repr(doubled) == "{'b': 2, 'a': Point(x=4, y=deque([6], maxlen=4))}"
    kept = tree.map_structure(lambda v: v, defaultdict(int, {"b": 1}))
    assert kept["missing"] == 0
    found = tree.map_structure(lambda v: v + 1, torch.max(torch.zeros(2, 2), 0))
    assert found.values.tolist() == [1.0, 1.0]
    assert found.indices.tolist() == [1, 1]


def test_the_path_of_a_named_tuple_is_its_index():
    assert tree.flatten_with_path(Turned(1, 2)) == [((0,), 1), ((1,), 2)]
    tree.assert_same_paths(Turned(1, 2), [3, 4])


def test_several_structures():
    assert tree.map_structure(lambda *v: v, [1, {"a": 2, "b": 3}], [4, OrderedDict(b=5, a=6)]) == [
        (1, 4),
        {"a": (2, 6), "b": (3, 5)},
    ]
    assert tree.map_structure(lambda v: v + 1, [None, 1, {"a": None}], none_is_leaf=False) == [None, 2, {"a": None}]
    assert tree.map_structure(max, [None, 1], [None, 2], none_is_leaf=False) == [None, 2]
    assert tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]]) == ["[1, 1]", ["2", "2"]]
    assert tree.map_structure_up_to(0, lambda a, b: (a, b), [1], {2: 3}) == ([1], {2: 3})


def test_a_size_of_pytorch_is_a_tuple():
    assert tree.flatten(torch.Size([1, 2])) == keras.tree.flatten(torch.Size([1, 2])) == [1, 2]
    assert tree.map_structure(str, torch.Size([1, 2])) == ("1", "2")


def test_nothing_is_changed_in_place():
    structure = {"a": [1, [2]], "b": deque([3])}
    before = repr(structure)
    tree.lists_to_tuples(structure)
    tree.map_structure(lambda v: 0, structure)
    tree.pack_sequence_as(structure, "xyz")
    assert repr(structure) == before


SAME = [
    ([1, (2,)], ["x", (None,)]), ({"a": 1, "b": 2}, OrderedDict(b=1, a=2)), ({"a": 1}, defaultdict(int, a=2)),
    (Point(1, 2), Point(3, 4)), (None, 3), ([], []), (torch.Size([1]), (2,)),
]  # fmt: skip
DIFFERENT = [
    ([1], (1,)), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ({"a": 1}, [1]), (Point(1, 2), (1, 2)),
    (Point(1, 2), Turned(1, 2)), (1, [1]), ([1], deque([1])), ([[1], 2], [[1], [2]]), ([], {}), ([], None),
]  # fmt: skip


@pytest.mark.parametrize("a, b", SAME, ids=repr)
def test_same_structures(a, b):
    tree.assert_same_structure(a, b)
    tree.assert_same_structure(b, a)
    assert tree.map_structure(lambda x, y: (x, y), a, b) is not None or a == []


@pytest.mark.parametrize("a, b", DIFFERENT, ids=repr)
def test_different_structures(a, b):
    for one, other in ((a, b), (b, a)):
        with pytest.raises(StructureError, match="in different ways"):
            tree.assert_same_structure(one, other)
        with pytest.raises(StructureError, match="in different ways"):
            tree.map_structure(lambda x, y: x, one, other)
        with pytest.raises(ValueError, match=r"(?i)expected|structure|mismatch"):
            optree_impl.assert_same_structure(one, other)


def test_the_place_of_a_difference_is_named():
    with pytest.raises(StructureError, match=r"at \['a'\]\[1\] 2 and \[3\]"):
        tree.assert_same_structure({"a": (1, 2)}, {"a": (1, [3])})
    with pytest.raises(StructureError, match=r"only in `a`: \['a'\]\[1\]\n.*only in `b`: \['b'\]"):
        tree.assert_same_paths({"a": [1, 2]}, {"a": [1], "b": 0})
    with pytest.warns(DeprecationWarning, match="check_types"):
        tree.assert_same_structure([1], [2], check_types=True)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: tree.flatten({1: 0, "a": 0}), StructureError, "cannot be sorted"),
        (lambda: tree.pack_sequence_as([0, 0], [1]), StructureError, "1 elements"),
        (lambda: tree.pack_sequence_as([0, 0], [1, 2, 3]), StructureError, "3 elements"),
        (lambda: tree.pack_sequence_as(0, []), StructureError, "0 elements"),
        (lambda: tree.pack_sequence_as([0], 5), TypeError, "not iterable"),
        (lambda: tree.map_structure(len), ArgumentError, "no structure"),
        (lambda: tree.map_structure_up_to([1], len), ArgumentError, "no structure"),
        (lambda: tree.map_structure_up_to([1, [2]], str, [1, 2]), StructureError, "in different ways"),
        (lambda: tree.map_structure(max, [None], [1], none_is_leaf=False), StructureError, "None in one structure"),
        (lambda: tree.map_structure(max, [1], [None], none_is_leaf=False), StructureError, "None in one structure"),
        (lambda: tree.map_structure(3, [1]), TypeError, "not callable"),
    ],
)  # fmt: skip
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_keys_that_cannot_be_sorted_can_be_mapped():
    assert tree.map_structure(lambda v: v + 1, {1: 0, "a": 1}) == {1: 1, "a": 2}


def test_ten_thousand_nestings():
    deep = 1
    for i in range(10_000):
        deep = [deep] if i % 2 else {"k": deep} if i % 1000 else {"k": deep, "j": 0}
    assert len(tree.flatten(deep)) == 11
    assert max(len(path) for path, _ in tree.flatten_with_path(deep)) == 10_000
    mapped = tree.lists_to_tuples(tree.map_structure(lambda v: v + 1, deep))
    packed = tree.pack_sequence_as(mapped, tree.flatten(mapped))
    tree.assert_same_structure(mapped, packed)
    with pytest.raises(StructureError, match="in different ways"):
        tree.assert_same_structure(deep, mapped)
    with pytest.raises(StructureError, match="in different ways"):
        tree.map_structure(max, deep, mapped)
    for i in reversed(range(10_000)):
        assert type(packed) is (tuple if i % 2 else dict)
        packed = packed[0] if i % 2 else packed["k"]
    assert packed == 2


def test_symbolic_tensors_and_arrays_are_leaves():
    x = lamina.Input((3,))
    assert tree.flatten([x, {"a": np.ones(2)}])[0] is x
    assert tree.map_structure(lambda t: t * 2, {"x": x})["x"].shape == (None, 3)


def test_compiled():
    torch._dynamo.reset()

    @torch.compile(fullgraph=True, backend="eager")
    def step(inputs):
        doubled = tree.map_structure(lambda v: v * 2, inputs)
        tree.assert_same_structure(doubled, inputs)
        return tree.pack_sequence_as(inputs, [v + 1 for v in tree.flatten(doubled)])

    out = step({"b": torch.ones(2), "a": [torch.zeros(1), (torch.ones(1),)]})
    assert out["b"].tolist() == [3.0, 3.0]
    assert out["a"][1][0].tolist() == [3.0]
