"""Model itself: how it is made, the ways to call it, what its attributes give, what it refuses and how it says so."""

from __future__ import annotations

import re
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch

from lamina.graph import ArgumentError, DtypeError, Graph, GraphError, ShapeError, StructureError, Symbolic, tree
from lamina.layers import Add, Dense, Dropout, Embedding, Input, Layer
from lamina.models import Model, Sequential

A, B = torch.arange(12.0).reshape(4, 3), torch.arange(8.0).reshape(4, 2)
Pair = namedtuple("Pair", "first second")


def two() -> Model:
    """Two inputs, two outputs in a dict."""
    a, b = Input((3,), name="a"), Input((2,), name="b")
    return Model([a, b], {"sum": Dense(1, name="sum")(torch.cat([a, b], -1)), "twice": a * 2}, name="two")


def one() -> Model:
    x = Input((3,), name="x")
    return Model(x, Dense(2, name="out")(x), name="one")


class Called(Model):
    """A model that is defined by its call."""

    def __init__(self):
        super().__init__(name="called")
        self.dense = Dense(2, name="dense")

    def call(self, inputs, training=None):
        return self.dense(inputs) + (1.0 if training else 0.0)


def same(ours, theirs):
    assert tree.describe(ours) == tree.describe(theirs)
    assert all(torch.equal(x, y) for x, y in zip(tree.leaves(ours), tree.leaves(theirs), strict=True))


# ---- made


@pytest.mark.parametrize("made", [lambda x: Model(x), lambda x: Model(outputs=x), lambda x: Model(None, x)])
def test_inputs_and_outputs_or_neither(made):
    with pytest.raises(ArgumentError, match=r"needs inputs and outputs, or neither"):
        made(Input((3,)))


def test_what_cannot_be_a_graph_is_refused():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    for inputs, outputs, error, text in (
        (a, [], StructureError, "at least one output"),
        (a, {}, StructureError, "at least one output"),
        ([], a, GraphError, "depend on the input 'a'"),
        (a, a + b, GraphError, "depend on the input 'b'"),
        ([a, a], a * 1, GraphError, "'a' stands twice"),
        (a, Dense(2), StructureError, r"call it: Dense\(\.\.\.\)\(x\)"),
        (a, [a * 1, None], StructureError, r"outputs\[1\]"),
        (torch.ones(2, 3), a * 1, StructureError, "inputs of a model must be symbolic"),
        ({"x": [a, 3]}, a * 1, StructureError, r"inputs\['x'\]\[1\]"),
    ):
        with pytest.raises(error, match=text):
            Model(inputs, outputs)


def test_names():
    x = Input((3,))
    assert Model(x, x * 1).name == "functional"
    assert Model(x, x * 1, "given").name == Model(x, x * 1, name="given").name == "given"
    assert Model().name == "model"
    assert Called().name == "called"
    assert Model(x, x * 1, name="given").label == 'Model "given"'
    for name, text in ((3, "must be a string"), ("a/b", "cannot be called"), ("a.b", "cannot be called")):
        with pytest.raises(ArgumentError, match=text):
            Model(x, x * 1, name=name)


def test_unknown_arguments_are_refused():
    with pytest.raises(ArgumentError, match=r"Model has no argument 'layers'"):
        Model(x := Input((3,)), x * 1, layers=3)


def test_trainable():
    frozen = Model(x := Input((3,)), Dense(2)(x), trainable=False)
    assert not frozen.trainable
    assert (len(frozen.trainable_weights), len(frozen.non_trainable_weights)) == (0, 2)
    assert not any(p.requires_grad for p in frozen.parameters())


def test_it_is_built_in_inference_mode_with_its_layers_as_children():
    model = two()
    assert model.built
    assert not model.training
    assert list(model.named_children()) == [("sum", model.get_layer("sum"))]
    assert [name for name, _ in model.named_parameters()] == ["sum.kernel", "sum.bias"]


# ---- structures


STRUCTURES = {
    "tensor": lambda a, b: a,
    "list of one": lambda a, b: [a],
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "dict": lambda a, b: {"z": a, "y": b},
    "ordered dict": lambda a, b: OrderedDict(z=a, y=b),
    "named tuple": lambda a, b: Pair(a, b),
    "nested": lambda a, b: {"z": [a, (b,)], "y": {"x": a}},
    "tuple of one": lambda a, b: (a,),
    "tuple within": lambda a, b: [(a,), b],
    "repeated": lambda a, b: [a, a, b],
}


@pytest.mark.parametrize("kind", STRUCTURES)
def test_outputs_come_in_the_structure_declared(kind):
    structure = STRUCTURES[kind]
    a, b = Input((3,)), Input((2,))
    inputs = [a, b] if any(leaf is b for leaf in tree.leaves(structure(a, b))) else [a]
    declared = structure(a + 1, b + 1) if len(inputs) == 2 else structure(a + 1, None)
    model = Model(inputs, declared)
    assert kind == "tensor" or type(model.output) is type(declared)
    real = [A, B][: len(inputs)]
    for result in (model(real), model(*real), model.predict_on_batch([r.numpy() for r in real])):
        came = tree.alone(model.output)  # a list of one is that one, as in Keras: see test_lone_outputs
        assert tree.describe(result) == tree.describe(came)
        assert kind.endswith(("tensor", "of one")) or type(result) is type(came)
        expected = tree.leaves(structure(A + 1, B + 1))
        assert all(np.array_equal(np.asarray(x), y) for x, y in zip(tree.leaves(result), expected, strict=True))


@pytest.mark.parametrize(
    "kind", [kind for kind in STRUCTURES if kind not in ("tensor", "list of one", "tuple of one", "repeated")]
)
def test_inputs_are_taken_in_the_structure_declared_and_flat(kind):
    structure = STRUCTURES[kind]
    a, b = Input((3,), name="a"), Input((2,), name="b")
    if kind == "nested":
        declared, given = {"z": [a, (b,)]}, {"z": [A, (B,)]}
    else:
        declared, given = structure(a, b), structure(A, B)
    model = Model(declared, [a * 2, b * 3])
    for inputs in (given, [A, B], (A, B)):
        same(model(inputs), [A * 2, B * 3])
    same(model(A, B), [A * 2, B * 3])
    for key, tensor in zip(model.input_names, model.inputs, strict=True):
        assert tuple(tensor.shape) in ((None, 3), (None, 2))
        assert isinstance(key, str)
    same(model(dict(zip(model.input_names, (A, B), strict=True))), [A * 2, B * 3])
    same(model(dict(zip(reversed(model.input_names), (B, A), strict=True))), [A * 2, B * 3])


def test_what_is_done_to_a_list_afterwards_is_not_done_to_the_model():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    inputs, outputs, named = [a, b], [a * 2, b * 3], {"a": a * 2}
    model, other = Model(inputs, outputs), Model(a, named)
    inputs.append(Input((3,)))
    outputs[0] = b
    outputs.append(a)
    named["more"] = a
    for model_ in (model, other):
        for got in (model_.inputs, model_.outputs, model_.input_names, model_.output_names, model_.layers):
            got.pop()
    model.output.append(a)
    model.input.clear()
    other.output.clear()
    same(model(A, B), [A * 2, B * 3])
    same(model(A, B, training=True), [A * 2, B * 3])
    same(other(A), {"a": A * 2})
    assert (len(model.inputs), len(model.outputs), len(model.input), len(model.output)) == (2, 2, 2, 2)
    assert (model.input_names, model.output_names) == (["a", "b"], ["mul", "mul_1"])
    assert model.output_shape == [(None, 3), (None, 2)]
    assert len(model.layers) == len(Model([a, b], [a * 2, b * 3]).layers)


def test_an_input_may_be_an_output_and_nothing_else():
    x, y = Input((3,), name="x"), Input((2,), name="y")
    model = Model([x, y], [x, y * 2])
    same(model(A, B), [A, B * 2])
    same(Model(x, x)(A), A)


def test_an_input_named_like_a_word_of_python():
    x = Input((3,), name="class")
    model = Model(x, Dense(2, name="return")(x) * float("inf"))
    assert model.program().source.startswith("def forward(v_class):")
    assert model({"class": torch.zeros(1, 3)}).isnan().all()


def test_a_dict_whose_keys_are_not_those_declared():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Model({"in": [a, b]}, [a * 2, b * 3])
    for wrong in ({"in": [A]}, {"on": [A, B]}, {"in": A}):
        with pytest.raises(StructureError, match=r'Model "functional"'):
            model(wrong)
    same(model({"in": [A, B]}), [A * 2, B * 3])


# ---- called


WAYS = {
    "positions": lambda m, a, b, **k: m(a, b, **k),
    "list": lambda m, a, b, **k: m([a, b], **k),
    "tuple": lambda m, a, b, **k: m((a, b), **k),
    "dict": lambda m, a, b, **k: m({"a": a, "b": b}, **k),
    "dict in another order": lambda m, a, b, **k: m({"b": b, "a": a}, **k),
    "dict with more": lambda m, a, b, **k: m({"c": b, "a": a, "b": b}, **k),
    "inputs=": lambda m, a, b, **k: m(inputs=[a, b], **k),
    "inputs= dict": lambda m, a, b, **k: m(inputs={"b": b, "a": a}, **k),
    "forward": lambda m, a, b, **k: m.forward(a, b, **k),
    "forward of a list": lambda m, a, b, **k: m.forward([a, b], **k),
    "call": lambda m, a, b, **k: m.call([a, b], **k),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_call_it(way):
    model = two()
    expected = model([A, B])
    for training in ({}, {"training": None}, {"training": False}, {"training": True}):
        same(WAYS[way](model, A, B, **training), expected)
        same(WAYS[way](model, A.numpy(), B.numpy(), **training), expected)
    if "forward" not in way and way != "call":
        drawn = WAYS[way](model, Input((3,)), Input((2,)))
        assert {key: value.shape for key, value in drawn.items()} == {"sum": (None, 1), "twice": (None, 3)}
        with pytest.raises(ShapeError, match=r"input 'a' of Model \"two\".*\n +got +\(None, 4\)"):
            WAYS[way](model, Input((4,)), Input((2,)))


def test_the_mode_by_position_by_name_or_by_flag():
    x = Input((50,))
    model = Model(x, Dropout(0.5)(x))
    ones = torch.ones(2, 50)
    for rests in (
        model(ones),
        model(ones, False),
        model(ones, None),
        model(ones, training=False),
        model([ones], False),
    ):
        assert torch.equal(rests, ones)
    for trains in (
        model(ones, True),
        model(ones, training=True),
        model([ones], True),
        model(inputs=ones, training=True),
    ):
        assert 0 < int(trains.eq(0).sum()) < 100
    model.train()
    assert int(model(ones).eq(0).sum()) > 0
    assert torch.equal(model(ones, training=False), ones)
    for word in ("yes", 2):
        with pytest.raises(ArgumentError, match=r"has no mode.*\n +expected +training=True, False or None"):
            model(ones, training=word)


def test_masks_of_several_inputs_reach_the_outputs_however_they_are_given():
    ids, x = Input((4,), dtype="int32"), Input((4, 2))
    model = Model([ids, x], Embedding(5, 2, mask_zero=True)(ids) + x)
    numbers, ones = torch.tensor([[1, 2, 0, 0]]), torch.ones(1, 4, 2)
    for result in (model(numbers, ones), model([numbers, ones]), model(inputs=[numbers, ones])):
        assert result._keras_mask.tolist() == [[True, True, False, False]]


DATA = {
    "tensor": A,
    "list": [A],
    "tuple": (A,),
    "dict": {"x": A},
    "array": A.numpy(),
    "rows of numbers": A.tolist(),
    "tuples of numbers": tuple(map(tuple, A.tolist())),
    "whole numbers": A.long(),
    "doubles": A.double(),
    "halves": A.half(),
    "doubles in an array": A.numpy().astype("float64"),
    "other byte order": A.numpy().astype(">f4"),
    "other byte order, whole": A.numpy().astype(">i8"),
    "backwards": A.flip(0).numpy()[::-1],
    "columns first": np.asfortranarray(A.numpy()),
    "not to be written": np.frombuffer(A.numpy().tobytes(), "float32").reshape(4, 3),
}


@pytest.mark.parametrize("kind", DATA)
def test_data_of_any_kind(kind):
    model = one()
    same(model(DATA[kind]), model(A))


def test_bools_and_rows():
    model = one()
    same(model(A > 4), model((A > 4).float()))
    assert model(A[:0]).shape == (0, 2)
    column = Model(x := Input((1,)), x * 2)
    same(column(torch.arange(3.0)), torch.arange(3.0)[:, None] * 2)
    scalar = Model(x := Input(()), x * 2)
    same(scalar(torch.arange(3.0)[:, None]), torch.arange(3.0) * 2)


WRONG = {
    "a row": (A[0], ShapeError, [r"\(3,\)", r"\(None, 3\)", r"x\[None\]"]),
    "one axis more": (A[None], ShapeError, [r"\(1, 4, 3\)", r"\(None, 3\)"]),
    "another width": (A[:, :2], ShapeError, [r"\(4, 2\)", r"\(None, 3\)"]),
    "a number": (3.0, ShapeError, [r"\(\)"]),
    "nothing": ([], ShapeError, [r"\(0,\)"]),
    "None": (None, StructureError, ["needs the input 'x'", "optional=True"]),
    "two tensors": ([A, A], StructureError, ["takes 1 input", r"\[\., \.\]"]),
    "another name": ({"z": A}, StructureError, ["misses the input 'x'", r"\['z'\]"]),
    "words": (["a", "b"], StructureError, ["takes 1 input"]),
    "an array of words": (np.array(["a"]), DtypeError, ["float32", "<U1"]),
    "objects": (np.array([[None, 1, 2]]), DtypeError, ["object"]),
    "a set": ({1, 2}, DtypeError, ["set"]),
    "ragged rows": ([[1, 2], [3]], ShapeError, ["ragged"]),
    "complex numbers": (A + 1j, DtypeError, ["real numbers", "complex64", r"x\.real"]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_data_is_refused_by_the_name_of_the_input(kind):
    data, error, words = WRONG[kind]
    with pytest.raises(error) as caught:
        one()(data)
    for word in (*words, "'x'", 'Model "one"'):
        assert re.search(word, str(caught.value)), (word, str(caught.value))


def test_fractions_are_no_ids():
    x = Input((2,), dtype="int32", name="ids")
    model = Model(x, Embedding(5, 2)(x))
    assert model(torch.tensor([[1, 2]], dtype=torch.int64)).shape == (1, 2, 2)
    with pytest.raises(DtypeError, match=r"(?s)input 'ids'.*holds whole numbers.*float32.*int32"):
        model(torch.ones(1, 2))


@pytest.mark.parametrize(
    "inputs, text",
    [
        ([A], r"takes 2 inputs, in another structure.\n +got +\[\.\]"),
        (A, "got +one array of shape"),
        ([A, B, A], r"got +\[\., \., \.\]"),
        ([[A, B, A]], r"got +\[\., \., \.\]"),
        ({"a": A}, r"misses the input 'b'.\n +got +keys \['a'\]\n +expected +keys \['a', 'b'\]"),
        ({}, r"misses the inputs 'a', 'b'"),
        ([A, None], "needs the input 'b'"),
    ],
)
def test_another_number_of_inputs_is_refused_with_what_is_due(inputs, text):
    model = two()
    for ask in (model, model.predict_on_batch) if inputs != {} else (model,):
        with pytest.raises(StructureError, match=text):
            ask(inputs)


def test_no_inputs_and_unknown_arguments():
    with pytest.raises(ArgumentError, match=r"(?s)wrong arguments.*a, b; and training"):
        two()()
    with pytest.raises((TypeError, StructureError, ArgumentError), match="foo"):
        two()([A, B], foo=1)


def test_swapped_inputs_name_the_first_that_does_not_fit():
    with pytest.raises(ShapeError, match=r"(?s)input 'a' of Model \"two\".*\(4, 2\).*\(None, 3\)"):
        two()(B, A)


def test_an_error_within_names_node_line_and_shapes():
    with pytest.raises(ShapeError, match="Sizes of tensors must match") as caught:
        two()(A, B[:2])
    assert [note for note in caught.value.__notes__ if "torch.cat" in note and "test_model.py:" in note]
    assert "(4, 3), (2, 2)" in caught.value.__notes__[0]


# ---- looked into


def test_attributes_of_a_graph():
    model = two()
    a, b = model.inputs
    assert [tensor.name for tensor in (a, b)] == model.input_names == ["a", "b"]
    assert model.output_names == ["sum", "twice"]
    assert all(isinstance(tensor, Symbolic) for tensor in (*model.inputs, *model.outputs))
    assert model.input == [a, b]
    assert list(model.output) == ["sum", "twice"]
    assert list(model.output.values()) == model.outputs
    assert model.input_shape == [(None, 3), (None, 2)]
    assert model.output_shape == {"sum": (None, 1), "twice": (None, 3)}
    assert isinstance(model.graph, Graph)
    assert [layer.name for layer in model.layers] == ["a", "b", "sum"]
    assert [weight.path for weight in model.weights] == ["sum/kernel", "sum/bias"]
    assert model.count_params() == 6


def test_attributes_of_a_model_without_a_graph_say_that_it_has_none():
    model = Called()
    assert model.graph is None
    assert [layer.name for layer in model.layers] == ["dense"]
    for name in ("inputs", "outputs", "input", "output", "input_names", "output_names", "input_shape", "output_shape"):
        with pytest.raises(ArgumentError, match=r'Called "called" has no .*put.*: it is defined by its call\(\)'):
            getattr(model, name)
    with pytest.raises(ArgumentError, match=r"has no graph"):
        model.program()
    with pytest.raises(ArgumentError, match=r"has no node\(\)"):
        model.node("dense")
    assert model.get_layer("dense") is model.dense is model.get_layer(index=0)
    with pytest.raises(NotImplementedError, match=r"must define call\(self, inputs\)"):
        Model()(A)


def test_get_layer():
    model = two()
    assert model.get_layer("sum") is model.get_layer(index=2) is model.get_layer(index=-1) is model.layers[-1]
    assert model.get_layer(index=0).name == model.get_layer(index=-3).name == "a"
    assert model.get_layer(name="a") is model.layers[0]
    for arguments in ({}, {"name": "sum", "index": 2}):
        with pytest.raises(ArgumentError, match="a name or an index, one of them"):
            model.get_layer(**arguments)
    for index in (3, -4):
        with pytest.raises(ArgumentError, match=rf"has 3 layers.\n +got +index {index}"):
            model.get_layer(index=index)
    with pytest.raises(ArgumentError, match=r"no layer 'none'.\n +expected +a, b, sum"):
        model.get_layer("none")


def test_node():
    x = Input((3,), name="x")
    shared = Dense(3, name="shared")
    model = Model(x, torch.tanh(shared(shared(x))))
    first, second = model.node("shared"), model.node("shared:1")
    assert first is not second
    assert first.op is second.op is shared
    assert second.inputs[0].node is first
    assert model.node("x").op is model.get_layer("x")
    assert Model(x, second.output)(A).shape == (4, 3)
    with pytest.raises(GraphError, match=r"No node is called 'shared:2'.\n +expected +x, shared, shared:1, tanh"):
        model.node("shared:2")


def test_layers_are_listed_once_and_found_at_once():
    """`layers` in a loop over its length took quadratic time."""
    x = y = Input((2,))
    for _ in range(300):
        y = Dense(2)(y)
    model = Model(x, y)
    assert model.graph.layers is model.graph.layers
    assert model.layers is not model.layers
    assert [model.layers[i] for i in range(301)] == model.layers == [model.get_layer(index=i) for i in range(301)]


def test_program_text():
    model = two()
    assert model.program().source == (
        "def forward(a, b):\n"
        "    cat = torch.cat([a, b], -1)\n"
        "    del b\n"
        "    sum = sum_layer.run(cat)\n"
        "    del cat\n"
        "    mul = a * 2\n"
        "    del a\n"
        "    return {'sum': sum, 'twice': mul}\n"
    )
    x = Input((3,))
    dropping = Model(x, Dropout(0.5, name="drop")(x))
    assert "training" not in dropping.program().source
    assert "drop_layer.run(input_layer, training=True)" in dropping.program(True).source
    assert "drop_layer.run(input_layer, training=False)" in dropping.program(False).source
    assert dropping.program(True) is dropping.program(True)
    with pytest.raises(ArgumentError, match="has no mode 'train'"):
        dropping.program("train")


def test_compute_output_shape():
    model = two()
    for given in ([(None, 3), (None, 2)], ((None, 3), (None, 2)), {"b": (None, 2), "a": (None, 3)}):
        assert model.compute_output_shape(given) == {"sum": (None, 1), "twice": (None, 3)}
    assert model.compute_output_shape([(7, 3), (7, 2)]) == {"sum": (7, 1), "twice": (7, 3)}
    for wrong in ([(None, 4), (None, 2)], [(None, 3, 1), (None, 2)]):
        with pytest.raises(ShapeError, match=r"input 'a' of Model \"two\" cannot take this shape"):
            model.compute_output_shape(wrong)
    with pytest.raises(StructureError, match="takes 2 inputs"):
        model.compute_output_shape([(None, 3)])
    free = Model(x := Input((None, 4)), Dense(2)(x))
    assert free.compute_output_shape((None, 9, 4)) == (None, 9, 2)
    assert free.compute_output_shape((None, None, 4)) == (None, None, 2)


def test_check_inputs():
    model = two()
    model.check_inputs([A, B])
    with pytest.raises(ShapeError, match="input 'b'"):
        model.check_inputs([A, A])
    Called().check_inputs(["anything"])


def test_match_inputs_gives_them_as_they_came():
    model = two()
    array = A.numpy()
    assert model.match_inputs({"b": B, "a": array})[0] is array
    with pytest.raises(ArgumentError, match="has no inputs"):
        Called().match_inputs(A)


# ---- within another


def test_a_model_is_a_layer_of_another_and_shares_its_weights():
    inner = one()
    x = Input((3,), name="y")
    outer = Model(x, Add()([inner(x), inner(x * 2)]))
    same(outer(A), inner(A) + inner(A * 2))
    assert outer.weights[0] is inner.weights[0]
    assert len(outer.weights) == 2
    assert isinstance(outer.get_layer("one"), Model)
    assert [outer.graph.name_of(node) for node in outer.graph.nodes] == ["y", "one", "mul", "one:1", "add"]


def test_a_subclass_may_have_a_graph_and_methods_of_its_own():
    class Scaled(Model):
        def scaled(self, x):
            return self(x) * 10

    x = Input((3,))
    model = Scaled(x, x + 1)
    same(model.scaled(A), (A + 1) * 10)
    assert model.name == "scaled"
    assert model.graph is not None


def test_a_subclass_with_graph_and_call_runs_its_call():
    class Doubled(Model):
        def call(self, inputs, training=None):
            return super().call(inputs, training) * 2

    x = Input((3,))
    model = Doubled(x, x + 1)
    same(model(A), (A + 1) * 2)
    same(Model(x, model(x))(A), (A + 1) * 2)


def test_a_sequential_is_a_model():
    model = Sequential([Input((3,)), Dense(2, name="d")])
    assert isinstance(model, Model)
    assert isinstance(model, Layer)
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    same(model(A), model.get_layer("d")(A))


def test_a_model_of_known_sizes_takes_a_symbolic_input_whose_sizes_are_not_known():
    inner = Model(x := Input((5, 4)), x.sum(1))
    outer = Model(y := Input((None, 4)), inner(y))
    data = torch.ones(2, 5, 4)
    assert torch.equal(outer(data), data.sum(1))
    with pytest.raises(ShapeError, match=r"\(2, 6, 4\)"):
        outer(torch.ones(2, 6, 4))
