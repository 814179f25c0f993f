"""A model's ``forward`` shows the names of its inputs, and a call may use them."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import weakref

import numpy as np
import pytest
import torch

import lamina
from lamina import Model, layers
from lamina.layers import Dense, Input

A, B = torch.randn(3, 4), torch.randn(3, 2)


def two_inputs() -> Model:
    img, txt = Input((4,), name="img"), Input((2,), name="txt")
    return Model([img, txt], Dense(2, name="dense")(img) - txt)


def names_of(model: Model) -> list[str]:
    return list(inspect.signature(model.forward).parameters)


def test_the_signature_has_the_names_of_the_inputs():
    assert str(inspect.signature(two_inputs().forward)) == "(img, txt=None, *, training=None, mask=None)"


def test_every_form_of_a_call_is_the_same_call():
    model = two_inputs()
    expected = model([A, B])
    forms = [
        model(A, B), model((A, B)), model({"img": A, "txt": B}), model(img=A, txt=B), model(A, txt=B),
        model(inputs=[A, B]), model([A, B], False), model(A, B, False), model(A, B, training=False),
        model(img=A, txt=B, training=False, mask=None), model(txt=B, img=A), model(img=A.numpy(), txt=B.numpy()),
    ]  # fmt: skip
    for got in forms:
        assert torch.equal(got, expected)


def test_names_reach_a_drawn_call():
    model, img, txt = two_inputs(), Input((4,)), Input((2,))
    outer = Model([img, txt], model(img=img, txt=txt))
    assert torch.equal(outer(A, B), model(A, B))
    assert outer.layers[-1] is model


def test_the_mode_reaches_a_call_by_names():
    img, txt = Input((50,), name="img"), Input((50,), name="txt")
    model = Model([img, txt], layers.Dropout(0.5)(img) + txt * 0)
    one = torch.ones(2, 50)
    assert torch.equal(model(img=one, txt=one), one)
    assert (model(img=one, txt=one, training=True) == 0).any()


def test_names_that_python_cannot_write_get_near_ones():
    names = ["my image", "a.b", "class", "training", "2nd"]
    inputs = {name: Input((2,)) for name in names}
    model = Model(inputs, sum(inputs.values()))
    assert names_of(model) == ["my_image", "a_b", "class_", "training_", "input_2nd", "training", "mask"]
    given = {name: torch.full((1, 2), float(10**k)) for k, name in enumerate(names)}
    expected = model(given)
    assert torch.equal(model(**dict(zip(names_of(model), given.values(), strict=False))), expected)
    by_own_names = {name: given[name] for name in names if name != "training"}
    assert torch.equal(model(**by_own_names, training_=given["training"]), expected)


def test_names_that_would_be_one_get_numbers():
    inputs = {name: Input((2,)) for name in ("a b", "a.b", "a-b", "a_b_1")}
    model = Model(inputs, sum(k * tensor for k, tensor in enumerate(inputs.values(), 1)))
    assert names_of(model)[:4] == ["a_b", "a_b_1", "a_b_2", "a_b_1_1"]
    ones = torch.ones(1, 2)
    assert model(a_b=0 * ones, a_b_1=0 * ones, a_b_2=ones, a_b_1_1=0 * ones)[0, 0] == 3


def test_the_option_goes_before_an_input_of_that_name():
    inputs = {"x": Input((4,)), "training": Input((4,))}
    model = Model(inputs, layers.Dropout(0.5)(inputs["x"]) + inputs["training"])
    expected = model({"x": A, "training": A})
    assert torch.equal(model(x=A, training_=A, training=False), expected)
    assert not torch.equal(model(x=A, training_=A, training=True), expected)


def test_a_nested_dict_is_called_by_its_keys():
    a, b, c = Input((2,)), Input((2,)), Input((2,))
    model = Model({"pair": [a, b], "single": c}, a - b * c)
    one, two, three = (torch.randn(3, 2) for _ in range(3))
    assert names_of(model)[:2] == ["pair", "single"]
    expected = model({"pair": [one, two], "single": three})
    assert torch.equal(model(pair=[one, two], single=three), expected)
    assert torch.equal(model([one, two, three]), expected)
    assert torch.equal(model(one, two, three), expected)


def test_an_optional_input_may_be_left_out_of_a_call_by_names():
    class Either(torch.nn.Module):
        def forward(self, x, y=None):
            return x if y is None else x + y

    a, b = Input((2,), name="a"), Input((2,), name="b", optional=True)
    model = Model([a, b], layers.TorchModule(Either())(a, b))
    one = torch.ones(3, 2)
    for got in (model(a=one), model(one, None), model(a=one, b=None)):
        assert torch.equal(got, one)
    assert torch.equal(model(one, b=one), one + one)


def test_masks_of_the_outputs_are_found_however_the_model_is_called():
    ids, more = Input((None,), dtype="int64", name="ids"), Input((2,), name="more")
    model = Model([ids, more], layers.Embedding(5, 2, mask_zero=True)(ids) + more[:, None])
    tokens = torch.tensor([[1, 2, 0], [3, 0, 0]])
    for got in (model([tokens, B[:2]]), model(tokens, B[:2]), model(ids=tokens, more=B[:2])):
        assert torch.equal(got._keras_mask, tokens != 0)


@pytest.mark.parametrize(
    "args, kwargs, what",
    [
        ((A, B), {"other": B}, "other"),
        ((A,), {"img": B}, "img"),
        ((), {}, "0 positional"),
        ((), {"txt": B}, "img"),
        ((A, B, B), {"txt": B}, "3 positional"),
        ((A, B, B), {}, "2"),
    ],
    ids=["unknown name", "given twice", "nothing", "one is missing", "too many and a name", "too many"],
)
def test_a_wrong_call_is_refused_by_name(args, kwargs, what):
    with pytest.raises((lamina.ArgumentError, lamina.StructureError), match=what):
        two_inputs()(*args, **kwargs)


def test_a_subclass_shows_its_own_call():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(2)

        def call(self, image, text, training=None):
            return self.dense(image) - text

    class Torch(Model):
        def forward(self, left, right):
            return left - right

    class Wrapped(Model):
        def forward(self, *args, **kwargs):
            return super().forward(*args, **kwargs) * 2

    assert names_of(Own()) == ["image", "text", "training"]
    assert names_of(Torch()) == ["left", "right"]
    x = Input((2,), name="x")
    assert torch.equal(Wrapped(x, x + 1)(torch.ones(1, 2)), torch.full((1, 2), 4.0))
    assert torch.equal(Torch()(A, B.repeat(1, 2)), A - B.repeat(1, 2))


def test_a_forward_that_somebody_sets_goes_first():
    model = two_inputs()
    model.forward = lambda *args: "theirs"
    assert model(A, B) == "theirs"
    del model.forward
    assert torch.equal(model(A, B), model([A, B]))


def test_copies_show_their_names_and_nothing_is_a_cycle():
    model = two_inputs()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert names_of(twin)[:2] == ["img", "txt"]
        assert torch.equal(twin(img=A, txt=B), model(A, B))
    gc.disable()
    try:
        seen = weakref.ref(twin)
        del twin
        assert seen() is None
    finally:
        gc.enable()


def test_hooks_see_what_was_given():
    model, seen = two_inputs(), []
    model.register_forward_pre_hook(lambda m, args, kwargs: seen.append((len(args), list(kwargs))), with_kwargs=True)
    model(A, B), model(img=A, txt=B), model([A, B])
    assert seen == [(2, []), (0, ["img", "txt"]), (1, [])]


def test_compiled_calls_take_every_form():
    model = two_inputs()
    compiled, expected = torch.compile(model, fullgraph=True, backend="eager"), model(A, B)
    for args, kwargs in (((A, B), {}), (([A, B],), {}), ((), {"img": A, "txt": B}), (({"img": A, "txt": B},), {})):
        assert torch.equal(compiled(*args, **kwargs), expected)


def test_numpy_arrays_by_position_reach_a_model_of_many_inputs():
    inputs = [Input((1,)) for _ in range(5)]
    model = Model(inputs, sum(inputs))
    assert float(model(*[np.ones((1, 1), "float32")] * 5)) == 5.0
