"""Large pictures: equal blocks are drawn once, long pictures become columns, and neither says anything false."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET

import pytest
import torch

from lamina import layers
from lamina.layers import Add, Concatenate, Conv2D, Dense, Dropout, Embedding, Input, Lambda, LayerNormalization
from lamina.layers import MultiHeadAttention as Attention
from lamina.models import Model
from lamina.view import model_to_svg, plot_model
from lamina.view.cards import Options
from lamina.view.compose import compose
from lamina.view.facts import describe
from lamina.view.fold import fold
from lamina.view.parts import block_by_block, lines_across, readers, without_auxiliary
from lamina.view.scene import Arrow, Label

PAGE = (794, 1123)


def resnet50() -> Model:
    def block(x, filters, stride, fits):
        short = x
        if not fits:
            short = layers.BatchNormalization()(Conv2D(4 * filters, 1, strides=stride)(x))
        for k, kernel in ((filters, 1), (filters, 3)):
            x = Conv2D(k, kernel, strides=stride if kernel == 1 else 1, padding="same")(x)
            x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.BatchNormalization()(Conv2D(4 * filters, 1)(x))
        return layers.Activation("relu")(Add()([short, x]))

    inputs = Input((64, 64, 3), name="image")
    x = layers.MaxPooling2D(3, strides=2)(layers.ReLU()(Conv2D(64, 7, strides=2)(inputs)))
    for stage, times in enumerate((3, 4, 6, 3)):
        for k in range(times):
            x = block(x, 64 * 2**stage, 2 if stage and k == 0 else 1, fits=k > 0)
    return Model(inputs, Dense(10, name="classes")(layers.GlobalAveragePooling2D()(x)), name="resnet50")


def transformer_block(x, memory=None, rate=0.1):
    x = LayerNormalization()(Add()([x, Dropout(rate)(Attention(2, 8)(x, x))]))
    if memory is not None:
        x = LayerNormalization()(Add()([x, Attention(2, 8)(x, memory)]))
    return LayerNormalization()(Add()([x, Dense(16)(Dense(32, activation="gelu")(x))]))


def transformer(blocks=12) -> Model:
    tokens = Input((None,), dtype="int64", name="tokens")
    x = Embedding(99, 16, mask_zero=True)(tokens)
    for _ in range(blocks):
        x = transformer_block(x)
    return Model(tokens, Dense(2, name="answer")(layers.GlobalAveragePooling1D()(x)), name="transformer")


def translator(blocks=6) -> Model:
    source, target = Input((None,), dtype="int64", name="source"), Input((None,), dtype="int64", name="target")
    x, y = Embedding(99, 16)(source), Embedding(99, 16)(target)
    for _ in range(blocks):
        x = transformer_block(x)
    for _ in range(blocks):
        y = transformer_block(y, x)
    return Model([source, target], Dense(99, name="next")(y), name="translator")


def inner_model(units=4):
    x = Input((4,))
    return Model(x, Dense(4)(Dense(units, activation="relu")(x)))


def folded(model):
    return fold(block_by_block(without_auxiliary(describe(model))))


def folds(model):
    """(how often, how many rows) of each fold, those within others too."""
    found, stack = [], [folded(model)]
    while stack:
        for row in stack.pop().rows:
            if row.times > 1:
                found.append((row.times, len(row.block.rows) if row.block else 1))
            if row.block is not None:
                stack.append(row.block)
    return found


def chain(step, times=20, width=4):
    x = inputs = Input((width,), name="x")
    for k in range(times):
        x = step(x, k)
    return Model(inputs, x)


# -- what is folded


def test_a_transformer_is_one_block():
    assert folds(transformer()) == [(12, 8)]
    kinds = [row.kind for row in folded(transformer()).rows]
    assert kinds == ["InputLayer", "Embedding", "12 times the same", "GlobalAveragePooling1D", "Dense"]


def test_the_stages_of_a_resnet():
    assert folds(resnet50()) == [(2, 10), (3, 10), (5, 10), (2, 10)]


def test_encoder_and_decoder_each_with_the_memory_from_outside():
    assert folds(translator()) == [(6, 8), (6, 11)]
    decoder = folded(translator()).rows[-2]
    assert decoder.times == 6
    assert len(decoder.inputs) == 2


@pytest.mark.parametrize(
    "step, expected",
    [
        (lambda x, k: Dense(4)(x), [(20, 1)]),
        (lambda x, k: Dense(4, name=f"any_name_{k}")(x), [(20, 1)]),
        (lambda x, k: Dense(4, activation="relu" if k % 2 else "tanh")(x), [(10, 2)]),
        (lambda x, k: Dense(4, kernel_initializer="zeros")(Dropout(0.1)(x)), [(20, 2)]),
        (lambda x, k: Dropout(0.1 + k / 100)(x), []),
        (lambda x, k: Dense(4, use_bias=k % 3 == 0)(x), [(6, 3)]),
        (lambda x, k: torch.relu(x * 2 + 1), [(20, 3)]),
        (lambda x, k: x * (k + 2), []),
        (lambda x, k: Add()([x, Dense(4)(x)]), [(20, 2)]),
        (lambda x, k: Concatenate()([Dense(2)(x), Dense(2)(x)]), [(20, 3)]),
        (lambda x, k: inner_model()(x), [(20, 1)]),
        (lambda x, k: inner_model(3 + k)(x), []),
        (lambda x, k: layers.TorchModule(torch.nn.Linear(4, 4))(x), [(20, 1)]),
        (lambda x, k: Lambda(lambda t: t * 2)(x), [(20, 1)]),
        (lambda x, k: Lambda((lambda t: t * 2) if k % 2 else (lambda t: t * 3))(x), [(10, 2)]),
    ],
)
def test_equal_operations_with_equal_settings(step, expected):
    assert folds(chain(step)) == expected


class Scaled(layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


class Silent(Scaled):
    def get_config(self):
        raise NotImplementedError


@pytest.mark.parametrize("kind", [Scaled, Silent])
def test_layers_of_the_users_by_what_they_were_made_with(kind):
    assert folds(chain(lambda x, k: kind(3)(x))) == [(20, 1)]
    assert folds(chain(lambda x, k: kind(k)(x))) == []


def test_a_layer_that_is_shared_is_told_from_one_that_is_not():
    shared = Dense(4)
    assert folds(chain(lambda x, k: shared(x))) == [(20, 1)]
    assert folds(chain(lambda x, k: (shared if k % 2 else Dense(4))(x))) == [(10, 2)]


def test_frozen_blocks_are_told_from_those_that_train():
    model = chain(lambda x, k: Dense(4)(x))
    for layer in model.layers[1:11]:
        layer.trainable = False
    assert folds(model) == [(10, 1), (10, 1)]


def test_blocks_that_something_else_reads_stay_apart():
    x = inputs = Input((4,), name="x")
    outputs = []
    for _ in range(12):
        x = Add()([x, Dropout(0.1)(Dense(4)(x))])
        outputs.append(x)
    assert folds(Model(inputs, x)) == [(12, 3)]
    assert folds(Model(inputs, outputs[3::4])) == [(4, 3), (4, 3), (4, 3)]
    assert folds(Model(inputs, Concatenate()(outputs))) == []


def test_a_fold_within_a_fold():
    def step(x, k):
        for _ in range(5):
            x = Dense(4, activation="relu")(x)
        return LayerNormalization()(x)

    assert folds(chain(step)) == [(20, 2), (5, 1)]


def test_small_repetitions_are_not_worth_a_frame():
    assert folds(chain(lambda x, k: Dense(4)(x), times=3)) == []
    assert folds(chain(lambda x, k: LayerNormalization()(Dense(4)(x)), times=2)) == []


# -- what is drawn


def cards(scene):
    return [g for g in scene.groups if g.kind == "box"]


def words(scene):
    return ["".join(w.text for w in s.words) for g in scene.groups for s in g.shapes if isinstance(s, Label)]


def test_folding_starts_with_fifty_layers():
    few, many = chain(lambda x, k: Dense(4)(x), times=48), chain(lambda x, k: Dense(4)(x), times=60)
    assert len(cards(compose(describe(few), Options()))) == 50
    assert len(cards(compose(describe(few), Options(expand=False)))) == 3
    assert len(cards(compose(describe(many), Options()))) == 3
    assert len(cards(compose(describe(many), Options(expand=True)))) == 62


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("build", [resnet50, transformer, translator])
def test_large_models_fit_a_page_where_they_can_be_read(build, rankdir):
    scene = compose(describe(build()), Options(show_shapes=True, rankdir=rankdir))
    scale = max(min(x / scene.width, y / scene.height) for x, y in (PAGE, PAGE[::-1]))
    assert scale > 0.35
    whole = compose(describe(build()), Options(show_shapes=True, rankdir=rankdir, expand=True))
    assert max(min(x / whole.width, y / whole.height) for x, y in (PAGE, PAGE[::-1])) < 0.22
    assert {"×12"} <= set(words(scene)) or build is not transformer


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
@pytest.mark.parametrize("build", [resnet50, translator, lambda: chain(lambda x, k: Dense(k + 4)(x), 90)])
def test_columns_hold_every_row_once_and_overlap_nowhere(build, rankdir):
    model = build()
    scene = compose(describe(model), Options(show_shapes=True, rankdir=rankdir))
    names = [g.name for g in cards(scene)]
    rows, stack = [], [folded(model)]
    while stack:
        for row in stack.pop().rows:
            stack += [row.block] if row.block is not None else []
            rows += [row.name] if row.block is None else []
    assert sorted(names) == sorted([*rows, model.output_names[0]])
    panels = [g.shapes[0] for g in cards(scene)]
    for i, one in enumerate(panels):
        assert 0 <= one.x <= scene.width - one.width
        assert 0 <= one.y <= scene.height - one.height
        for other in panels[i + 1 :]:
            apart = (
                one.x + one.width <= other.x
                or other.x + other.width <= one.x
                or one.y + one.height <= other.y
                or other.y + other.height <= one.y
            )
            assert apart


def test_a_line_leads_from_each_column_to_the_next():
    model = chain(lambda x, k: Dense(k + 4)(x), 90)
    scene = compose(describe(model), Options())
    arrows = [s for g in scene.groups for s in g.shapes if isinstance(s, Arrow)]
    assert len(arrows) == 91  # one into each layer and one into the output
    strokes = [s for g in scene.groups if g.kind == "line" for s in g.shapes if not isinstance(s, Arrow)]
    ends = {(round(p[0], 1), round(p[1], 1)) for s in strokes for p in (s.start, s.steps[-1][-1])}
    turns = [s for s in strokes if len(s.steps) > 6]
    assert len(turns) > 2
    for turn in turns:
        assert (round(turn.start[0], 1), round(turn.start[1], 1)) in ends
        assert abs(turn.steps[-1][-1][0] - turn.start[0]) > 40


def test_columns_end_only_where_one_tensor_leads_on():
    facts = folded(resnet50())
    across = lines_across(facts, readers(facts))
    assert across[0] == 0
    assert 2 in across
    one, other = Input((4,), name="one"), Input((4,), name="other")
    x = one
    for k in range(70):
        x = Add()([Dense(4, name=f"d{k}")(x), other]) if k else Dense(4)(x)
    scene = compose(describe(Model([one, other], x)), Options(expand=False))
    frames = [g for g in scene.groups if g.kind == "frame"]
    assert len(frames) == 1  # `other` goes into the frame beside the chain
    assert "×69" in words(scene)


def test_nested_models_are_folded_and_drawn_once_within():
    model = chain(lambda x, k: inner_model()(x), times=60)
    svg = model_to_svg(model, expand_nested=True)
    root = ET.fromstring(svg)
    kinds = [g.get("class") for g in root.iter("{http://www.w3.org/2000/svg}g")]
    assert kinds.count("frame") == 1
    assert "×60" in "".join(root.itertext())
    whole = ET.fromstring(model_to_svg(model, expand_nested=True, expand=True))
    assert [g.get("class") for g in whole.iter("{http://www.w3.org/2000/svg}g")].count("frame") == 60


def test_a_model_without_a_graph_is_folded_too():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.stem, self.head = Dense(4), Dense(2)
            self.blocks = [Dense(4, activation="relu") for _ in range(60)]

        def call(self, inputs):
            x = self.stem(inputs)
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    net = Net()
    net(torch.ones(2, 3))
    scene = compose(describe(net), Options())
    assert sum("×60" in text for text in words(scene)) == 1
    assert len(cards(scene)) < 6


@pytest.mark.slow
def test_a_png_of_a_folded_picture_has_the_size_of_the_svg(tmp_path):
    picture = plot_model(resnet50(), tmp_path / "model.png", show_shapes=True, dpi=96)
    width, height = struct.unpack(">II", (tmp_path / "model.png").read_bytes()[16:24])
    root = ET.fromstring(picture.svg)
    assert abs(width - float(root.get("width"))) <= 2
    assert abs(height - float(root.get("height"))) <= 2


def test_pictures_of_deep_chains_take_no_squares_of_time():
    """A thousand equal rows, and a thousand all different ones: no stretch is looked at for every period."""
    equal = describe(chain(lambda x, k: x + 1, times=1000))
    different = describe(chain(lambda x, k: x + k, times=1000))
    assert len(compose(equal, Options()).groups) < 10
    assert len(cards(compose(different, Options()))) == 1002


def test_rows_stand_block_by_block_and_each_behind_what_it_reads():
    for build in (resnet50, translator, transformer):
        facts = block_by_block(describe(build()))
        for i, row in enumerate(facts.rows):
            assert all(wire.row < i for wire in row.inputs)
        assert len(facts.rows) == len(describe(build()).rows)
    places = [row.name for row in block_by_block(describe(translator())).rows]
    assert places.index("source") < places.index("target")
