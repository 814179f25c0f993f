"""``torch.export`` and what else PyTorch's users point at a module."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.export import Dim, export

from lamina import Model, layers, ops
from lamina.graph import tree
from lamina.layers import Dense, Input
from tests.layers.build import arrays_of, layer_of, mapped, some_of_each
from tests.layers.cases.form import Case

pytestmark = [
    # PyTorch's copies of its own graphs, by an old name of its own.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated"),
    # PyTorch's writer, of weights that do not lie in memory as they are shown.
    pytest.mark.filterwarnings("ignore:No complete tensor found"),
    # Of layers that add losses: these are no part of an exported program.
    pytest.mark.filterwarnings("ignore:.*was assigned during export"),
    pytest.mark.filterwarnings("ignore:.*certain side effects"),
]

STRICT = pytest.mark.parametrize("strict", [False, True], ids=["traced", "strict"])
ANY = Dim.DYNAMIC


def two_inputs() -> Model:
    img, txt = Input((4,), name="img"), Input((3,), name="txt")
    return Model([img, txt], layers.BatchNormalization()(Dense(3)(img)) + txt)


def same(got: Any, expected: Any) -> None:
    for left, right in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def user_inputs(program: Any) -> list[str]:
    return list(program.graph_signature.user_inputs)


@STRICT
def test_inputs_keep_their_names_and_the_batch_stays_open(strict):
    model, batch = two_inputs(), Dim("batch")
    a, b = torch.randn(5, 4), torch.randn(5, 3)
    shapes = {"img": {0: batch}, "txt": {0: batch}}
    for args, kwargs in (((a, b), {}), ((), {"img": a, "txt": b}), ((a,), {"txt": b})):
        program = export(model, args, kwargs, dynamic_shapes=shapes, strict=strict)
        assert user_inputs(program) == ["img", "txt"]
        more = [torch.randn(9, 4), torch.randn(9, 3)]
        again = dict(zip(("img", "txt"), more, strict=True))
        given = more[: len(args)], {name: again[name] for name in kwargs}
        same(program.module()(*given[0], **given[1]), model(*more))
        assert set(program.graph_signature.buffers) == set(dict(model.named_buffers()))
        assert set(program.graph_signature.parameters) == set(dict(model.named_parameters()))


@STRICT
def test_a_nesting_of_inputs_stays_a_nesting(strict):
    model = two_inputs()
    a, b = torch.randn(5, 4), torch.randn(5, 3)
    for nested, shapes in (([a, b], [{0: ANY}, {0: ANY}]), ({"img": a, "txt": b}, {"img": {0: ANY}, "txt": {0: ANY}})):
        program = export(model, (nested,), dynamic_shapes=(shapes,), strict=strict)
        same(program.module()(nested), model(nested))


def recurrent(make: Any) -> tuple[Model, list[torch.Tensor], list[torch.Tensor]]:
    tokens = Input((6,), dtype="int64", name="tokens")
    model = Model(tokens, make(layers.Embedding(9, 4, mask_zero=True)(tokens)))
    return model, [torch.randint(0, 9, (3, 6))], [torch.randint(0, 9, (7, 6))]


def attention() -> tuple[Model, list[torch.Tensor], list[torch.Tensor]]:
    tokens = Input((None,), dtype="int64", name="tokens")
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(x, x) + x)
    return (
        Model(tokens, layers.GlobalAveragePooling1D()(x)),
        [torch.randint(1, 9, (3, 6))],
        [torch.randint(1, 9, (5, 8))],
    )


def convolutions() -> tuple[Model, list[torch.Tensor], list[torch.Tensor]]:
    image = Input((None, None, 3), name="image")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", strides=2)(image)))
    model = Model(image, layers.Concatenate()([layers.UpSampling2D()(x), image]))
    return model, [torch.randn(2, 8, 8, 3)], [torch.randn(3, 12, 16, 3)]


def chosen() -> tuple[Model, list[torch.Tensor], list[torch.Tensor]]:
    x = Input((4,), name="x")
    one, two = Dense(3), Dense(3)
    return (
        Model(x, ops.cond(x.mean() > 0, lambda: one(x), lambda: two(x) * 2)),
        [torch.randn(3, 4)],
        [torch.randn(6, 4)],
    )


def scanned() -> tuple[Model, list[torch.Tensor], list[torch.Tensor]]:
    x = Input((5, 4), name="x")
    result = ops.scan(lambda carry, now: (carry + now, carry * now), x[:, 0] * 0, x.permute(1, 0, 2))
    return Model(x, list(result)), [torch.randn(3, 5, 4)], [torch.randn(6, 5, 4)]


def nested() -> tuple[Model, list[torch.Tensor], list[torch.Tensor]]:
    x, y = Input((4,)), Input((4,), name="y")
    inner = Model(x, {"code": Dense(3)(x), "norm": layers.BatchNormalization()(x)})
    return Model(y, inner(inner(y)["norm"])["code"] + inner(y)["code"]), [torch.randn(3, 4)], [torch.randn(6, 4)]


MODELS = {
    "LSTM": lambda: recurrent(layers.LSTM(3)),
    "GRU": lambda: recurrent(layers.GRU(3, return_sequences=True)),
    "SimpleRNN": lambda: recurrent(layers.SimpleRNN(3)),
    "Bidirectional": lambda: recurrent(layers.Bidirectional(layers.LSTM(3, return_sequences=True))),
    "attention": attention,
    "convolutions": convolutions,
    "choice": chosen,
    "scan": scanned,
    "nested": nested,
}


def open_axes(model: Model) -> tuple[dict[int, Any], ...]:
    return tuple({axis: ANY for axis, size in enumerate(t.shape) if size is None} for t in model.inputs)


QUICK = ("LSTM", "choice")


@pytest.mark.quick_cases(1)
@STRICT
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in MODELS])
def test_whole_models_run_for_other_sizes_after_a_file(name, strict):
    torch.manual_seed(1)
    model, given, others = MODELS[name]()
    with torch.no_grad():
        program = export(model, tuple(given), dynamic_shapes=open_axes(model), strict=strict)
        file = io.BytesIO()
        torch.export.save(program, file)
        file.seek(0)
        same(torch.export.load(file).module()(*others), model(*others))


@STRICT
def test_a_model_of_ones_own_class_is_exported_by_the_names_of_its_call(strict):
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.dense, self.norm = Dense(3), layers.BatchNormalization()

        def call(self, image, training=None):
            return self.norm(self.dense(image), training=training)

    model = Net()
    model(torch.randn(2, 4))
    program = export(model, (torch.randn(5, 4),), dynamic_shapes={"image": {0: ANY}}, strict=strict)
    assert user_inputs(program) == ["image"]
    x = torch.randn(8, 4)
    same(program.module()(x), model(x))


@pytest.mark.quick_cases(1)
@STRICT
def test_what_a_call_changes_is_exported(strict):
    """Moving averages in training mode, and states; an exporter cannot write a region that has no result."""
    x = Input(batch_shape=(3, 5, 4), name="x")
    mask = Input(batch_shape=(3, 5), dtype="bool", name="kept")
    normal = layers.BatchNormalization(name="norm")(x, mask=mask)
    model = Model([x, mask], layers.LSTM(4, stateful=True, name="lstm")(normal))
    given = torch.randn(3, 5, 4), torch.rand(3, 5) > 0.3
    model(*given)
    program = export(model.train(), given, strict=strict)
    signature = program.run_decompositions().graph_signature
    changed = {*signature.buffers_to_mutate.values(), *signature.parameters_to_mutate.values()}
    assert changed == {"norm.moving_mean", "norm.moving_variance", "lstm.state_0", "lstm.state_1"}
    torch.export.save(program, io.BytesIO())


def test_a_trace_is_the_model():
    model, given, _ = convolutions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(model, given[0], check_trace=False)
    same(traced(given[0]), model(given[0]))


def test_gradients_of_each_sample_and_weights_as_arguments():
    model = Model(x := Input((4,)), Dense(1)(Dense(3, activation="tanh")(x)))
    weights, rows = dict(model.named_parameters()), torch.randn(5, 4)
    doubled = {name: value * 2 for name, value in weights.items()}
    twice = Model(y := Input((4,)), Dense(1)(Dense(3, activation="tanh")(y)))
    twice.set_weights([2 * w for w in model.get_weights()])
    same(torch.func.functional_call(model, doubled, (rows,)), twice(rows))

    def loss(weights: Any, row: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, weights, (row[None],)).square().sum()

    plain = {name: value.detach() for name, value in weights.items()}
    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(plain, rows)
    for place, row in enumerate(rows):
        model.zero_grad()
        model(row[None]).square().sum().backward()
        for name, weight in weights.items():
            torch.testing.assert_close(each[name][place], weight.grad)
    assert torch.func.jacrev(lambda r: model(r[None])[0])(rows[0]).shape == (1, 4)


def test_finite_differences_and_counters_see_the_layers():
    model = Model(x := Input((4,), dtype="float64"), Dense(2, dtype="float64", activation="tanh")(x))
    assert torch.autograd.gradcheck(model, torch.randn(3, 4, dtype=torch.float64, requires_grad=True))
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(torch.randn(3, 4, dtype=torch.float64))
    assert counter.get_total_flops() == 2 * 3 * 4 * 2
    # Without acc_events, torch 2.11 warns of events that it does not lose.
    with torch.profiler.profile(acc_events=True) as profile:
        model(torch.randn(3, 4, dtype=torch.float64))
    assert any("addmm" in event.key for event in profile.key_averages())


# -- every layer


def model_of(case: Case) -> tuple[Model, list[torch.Tensor]]:
    """A model of the layer alone, whose inputs are all tensors of its call, and examples."""

    def tensor(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        return torch.tensor(leaf).float() if leaf.dtype.kind == "f" else torch.tensor(leaf)

    given = mapped(tensor, (arrays_of(case), dict(case.call)))

    def declared(leaf: Any) -> Any:
        return Input(leaf.shape[1:], dtype=leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf

    first, options = mapped(declared, given)
    outputs = layer_of(case)(first, **options)
    inputs = [leaf for leaf in tree.leaves((first, options)) if hasattr(leaf, "node")]
    flat = [leaf for leaf in tree.leaves(given) if isinstance(leaf, torch.Tensor)]
    return Model(inputs, outputs), [torch.cat([t, t]) if len(t) < 2 else t for t in flat]


def check_layer(case: Case, strict: bool) -> None:
    model, given = model_of(case)
    larger = [torch.cat([t, t, t])[:-1] for t in given]
    with torch.no_grad():
        expected = model(larger)
        program = export(model, tuple(given), dynamic_shapes=({0: ANY},) * len(given), strict=strict)
        same(program.module()(*larger), expected)


SAMPLE = [c for c in some_of_each(1) if c.layer in ("BatchNormalization", "Masking", "Conv2D", "RNN", "Softmax")]


@STRICT
@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_some_layers_are_exported_for_any_batch(case, strict):
    check_layer(case, strict)


@pytest.mark.slow
@STRICT
@pytest.mark.parametrize("case", some_of_each(2), ids=str)
def test_every_layer_is_exported_for_any_batch(case, strict):
    check_layer(case, strict)


@pytest.mark.slow
@pytest.mark.quick_cases(1)
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
@pytest.mark.parametrize(
    "kind, masked", [("LSTM", True), ("GRU", False), pytest.param("SimpleRNN", True, marks=pytest.mark.slow)]
)
def test_the_time_axis_of_recurrent_layers_stays_open(kind: str, masked: bool, tmp_path: Path) -> None:
    layer = getattr(layers, kind)
    x = Input((None,), dtype="int64") if masked else Input((None, 4))
    h = layers.Embedding(9, 4, mask_zero=True)(x) if masked else x
    h = layers.Bidirectional(layer(3, return_sequences=True))(h)
    model = Model(x, layers.Dense(2)(layer(3)(h)))
    few, many = (torch.randint(0, 9, size) if masked else torch.randn(*size, 4) for size in ((2, 5), (3, 11)))
    model(few)
    sizes = {0: Dim("batch"), 1: Dim("time", min=2)}
    program = export(model, (few,), dynamic_shapes=(sizes,))
    torch.export.save(program, tmp_path / "model.pt2")
    for found in (program, program.run_decompositions(), torch.export.load(tmp_path / "model.pt2")):
        for rows in (few, many):
            torch.testing.assert_close(found.module()(rows), model(rows))


@pytest.mark.parametrize("strict", [True, False])
def test_a_layer_by_itself_shows_what_its_call_takes(strict):
    batch = torch.export.Dim("batch")
    dense, attention, x = layers.Dense(3), layers.MultiHeadAttention(2, 3), torch.randn(3, 5, 4)
    dense(x), attention(x, x)
    program = torch.export.export(dense, (x,), dynamic_shapes={"inputs": {0: batch}}, strict=strict)
    torch.testing.assert_close(program.module()(x[:2]), dense(x[:2]))
    program = torch.export.export(attention, (x, x), dynamic_shapes=({0: batch}, {0: batch}), strict=strict)
    assert program.graph_signature.user_inputs == ("query", "value")
    torch.testing.assert_close(program.module()(x[:2], x[:2]), attention(x[:2], x[:2]))


@pytest.mark.parametrize("strict", [True, False])
def test_a_layer_by_itself_keeps_its_mode(strict):
    class Noisy(layers.Layer):
        def call(self, inputs, training=False):
            return inputs + 1 if training else inputs

    layer, x = Noisy(), torch.zeros(2, 3)
    assert layer(x).sum() == 0
    assert torch.export.export(layer.train(), (x,), strict=strict).module()(x).sum() == 6
