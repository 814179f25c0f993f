"""Summaries: the text of known models to the letter, totals by hand, and any kind of stream."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from lamina.graph import ArgumentError
from lamina.layers import LSTM, BatchNormalization, Concatenate, Conv2D, Dense, Embedding, GlobalAveragePooling2D, Input
from lamina.models import Model, Sequential
from lamina.view import summary
from lamina.view.facts import describe
from lamina.view.table import table_of
from tests.view import models


class Stream(io.TextIOWrapper):
    """A standard output of some encoding that refuses, as a real one does, what it cannot encode."""

    def __init__(self, encoding: str, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def printed(model, **options) -> str:
    lines: list[str] = []
    summary(model, print_fn=lines.append, **options)
    return "\n".join(lines)


def test_a_chain():
    assert (
        printed(models.chain())
        == """\
Model: "chain"
_____________________________________
Layer (type)    Output Shape  Param #
=====================================
x (InputLayer)  (None, 8)           0
wide (Dense)    (None, 16)        144
narrow (Dense)  (None, 4)          68
=====================================
Total params: 212 (848.00 B)
 Trainable params: 212 (848.00 B)
 Non-trainable params: 0 (0.00 B)"""
    )


def test_shared_layers_count_once():
    assert (
        printed(models.siamese())
        == """\
Model: "siamese"
________________________________________________________________
Layer (type)        Output Shape     Param #  Connected to
================================================================
left (InputLayer)   (None, 8, 8, 1)        0  -
right (InputLayer)  (None, 8, 8, 1)        0  -
encoder (Model)     (None, 4)            152  left
head (Dense)        (None, 10)            50  encoder
encoder:1 (Model)   (None, 4)         shared  right
head:1 (Dense)      (None, 10)        shared  encoder:1
sub (a - b)         (None, 4)              0  encoder, encoder:1
abs (torch.abs)     (None, 4)              0  sub
same (Dense)        (None, 1)              5  abs
================================================================
Total params: 207 (828.00 B)
 Trainable params: 207 (828.00 B)
 Non-trainable params: 0 (0.00 B)"""
    )


def test_nested_models_unfold_below_their_first_call():
    text = printed(models.siamese(), expand_nested=True)
    assert (
        text.splitlines()[6:13]
        == """\
encoder (Model)                  (None, 4)            152  left
  image (InputLayer)             (None, 8, 8, 1)        0  -
  first (Conv2D)                 (None, 8, 8, 4)        8  image
  second (Conv2D)                (None, 8, 8, 4)      144  first
  sum (Add)                      (None, 8, 8, 4)        0  second, first
  pool (GlobalAveragePooling2D)  (None, 4)              0  sum
head (Dense)                     (None, 10)            50  encoder""".splitlines()
    )
    assert text.count("second (Conv2D)") == 1


def test_results_of_one_node_are_told_apart():
    lines = printed(models.split()).splitlines()
    assert "chunk (torch.chunk)      [(None, 3), (None, 3)]        0  x" in lines
    assert "sigmoid (torch.sigmoid)  (None, 3)                     0  chunk[1]" in lines


def test_what_only_computes_masks_is_hidden():
    text = printed(models.masked())
    assert "torch.ne" not in text
    assert [line.split()[0] for line in text.splitlines()[4:7]] == ["tokens", "words", "mean"]


def test_a_mask_of_the_users_own_is_named_as_such():
    tokens = Input((5,), dtype="int64", name="tokens")
    x = Embedding(9, 3, name="words")(tokens)
    kept = tokens > 2
    y = LSTM(4, return_sequences=True, name="first")(x, mask=kept)
    text = printed(Model(tokens, LSTM(4, name="second")(y)))
    assert text.count("gt (x > 2)") == 1
    assert text.count("words, gt as mask") == 1
    assert text.count("first, gt as mask") == 1


def test_frozen_weights_do_not_train():
    model = models.chain()
    model.get_layer("wide").trainable = False
    lines = printed(model, show_trainable=True).splitlines()
    assert lines[2] == "Layer (type)    Output Shape  Param #  Trainable"
    assert [line[-1] for line in lines[4:7]] == ["-", "N", "Y"]
    assert lines[-3:] == [
        "Total params: 212 (848.00 B)",
        " Trainable params: 68 (272.00 B)",
        " Non-trainable params: 144 (576.00 B)",
    ]


def test_memory_follows_the_dtype_of_each_weight():
    class Mixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.half = torch.nn.Linear(10, 10, bias=False).half()
            self.double = torch.nn.Linear(10, 10, bias=False).double()

    assert printed(Mixed()).splitlines()[-3] == "Total params: 200 (1000.00 B)"


def test_a_model_without_a_graph_has_a_row_for_each_child():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.encode, self.score = models.encoder(), Dense(3, name="score")

        def call(self, inputs):
            return self.score(self.encode(inputs))

    assert (
        printed(Net())
        == """\
Model: "net"
__________________________________________
Layer (type)     Output Shape      Param #
==========================================
encoder (Model)  (None, 4)             152
score (Dense)    ?             0 (unbuilt)
==========================================
Total params: 152 (608.00 B)
 Trainable params: 152 (608.00 B)
 Non-trainable params: 0 (0.00 B)"""
    )


def test_a_sequential_gets_its_graph_when_it_is_built():
    model = Sequential([Dense(3, name="a"), Dense(1, name="b")], name="s")
    assert printed(model).count("(unbuilt)") == 2
    model.build((None, 4))
    assert "a (Dense)       " in printed(model)
    assert printed(model).splitlines()[-3] == "Total params: 19 (76.00 B)"


# -- what is shown


@pytest.mark.parametrize(
    "bounds, shown",
    [
        (("first", "sum"), ["first", "second", "sum"]),
        (("sum", "first"), ["first", "second", "sum"]),
        (("s.*", "p"), ["second", "sum", "pool"]),
        (("pool", "pool"), ["pool"]),
    ],
)
def test_a_range_of_layers(bounds, shown):
    table = table_of(describe(models.encoder()), False, False, bounds, plain=True)
    assert [row[0].split()[0] for row in table.rows] == shown


@pytest.mark.parametrize(
    "options, said",
    [
        ({"layer_range": ["nowhere", "sum"]}, "no layer is called 'nowhere'"),
        ({"layer_range": ["sum"]}, "two names"),
        ({"layer_range": ["(", "sum"]}, "is no pattern"),
        ({"positions": [0.5, 1.0]}, "4 columns"),
        ({"positions": [0.5, 0.4, 0.7, 1.0]}, "growing numbers"),
    ],
)
def test_wrong_arguments_are_refused(options, said):
    with pytest.raises(ArgumentError, match=said):
        printed(models.encoder(), **options)


def test_positions_say_where_columns_end():
    lines = printed(models.encoder(), line_length=80, positions=[0.4, 0.6, 0.75, 1.0]).splitlines()
    assert lines[2] == "Layer (type)                      Output Shape       Param #  Connected to"
    assert lines[2].index("Output") == 34
    absolute = printed(models.encoder(), positions=[32, 48, 60, 80]).splitlines()
    assert absolute == lines


def test_a_narrow_line_wraps_cells_and_loses_nothing():
    lines = printed(models.siamese(), line_length=56, expand_nested=True).splitlines()
    assert max(map(len, lines)) <= 56
    first_column = lines[2].index("Output")
    names = "".join(line[:first_column].replace(" ", "") for line in lines[4:])
    for row in describe(models.encoder()).rows:
        assert f"{row.name}({row.kind})" in names


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=10))
def test_the_column_of_parameters_adds_up(calls):
    """Layers picked at random, called again and again, some frozen: each weight stands in one row."""
    layers = [Dense(4, use_bias=k % 2 == 0, name=f"layer_{k}") for k in range(4)]
    x = inputs = Input((4,), name="x")
    for k, _ in calls:
        x = layers[k](x)
    for k, frozen in calls:
        layers[k].trainable = not frozen
    model = Model(inputs, x)
    table = table_of(describe(model), False, False, None, plain=False)
    column = [0 if row[2] == "shared" else int(row[2].replace(",", "")) for row in table.rows]
    by_hand = sum(16 + (4 if k % 2 == 0 else 0) for k in {k for k, _ in calls})
    assert sum(column) == by_hand
    amounts = [int(amount.split()[0].replace(",", "")) for _, amount in table.totals]
    assert amounts[0] == by_hand == amounts[1] + amounts[2]
    last = dict(calls)
    assert amounts[1] == sum(16 + (4 if k % 2 == 0 else 0) for k, frozen in last.items() if not frozen)


# -- where it is printed


def unusual() -> Model:
    x = Input((4,), name="größe→")
    return Model(x, Dense(2, name="日本")(x), name="naïve")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_stream_makes_it_raise(monkeypatch, encoding, terminal):
    stream = Stream(encoding, terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    summary(unusual(), expand_nested=True)
    summary(models.siamese(), expand_nested=True, line_length=120)
    text = stream.text()
    assert "GlobalAveragePooling2D" in text
    assert ("日本" in text) == (encoding == "utf-8")
    assert ("größe" in text) == (encoding != "ascii")
    assert ("┃" in text) == (encoding == "utf-8" and terminal)
    assert ("\x1b[" in text) == terminal


def test_a_terminal_shows_the_same_cells(monkeypatch):
    stream = Stream("utf-8", terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "dumb")  # no colours
    summary(models.siamese(), line_length=110)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in stream.text().splitlines() if "│" in line]
    assert rows == table_of(describe(models.siamese()), False, False, None, plain=False).rows


def test_plain_text_is_ascii(capsys):
    summary(models.siamese(), expand_nested=True)
    out = capsys.readouterr().out
    assert out.isascii()
    assert out == printed(models.siamese(), expand_nested=True) + "\n"


def towers() -> Model:
    """Names longer than most, of several scripts, in a nested model."""
    image = Input((8, 8, 3), name="photograph_of_the_product")
    x = Conv2D(4, 3, name="encoder_stage_one_convolution")(image)
    x = BatchNormalization(name="batch_normalization")(GlobalAveragePooling2D(name="global_average_pooling2d")(x))
    encode = Model(image, x, name="encoder_of_photographs")
    left, right = Input((8, 8, 3), name="日本語の入力"), Input((8, 8, 3), name="right")
    both = Concatenate(name="both_sides")([encode(left), encode(right)])
    return Model([left, right], Dense(2, name="出力")(both), name="two_towers")


@pytest.mark.parametrize("terminal", [False, True])
def test_eighty_columns_break_no_names(monkeypatch, terminal):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Stream("utf-8", terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    summary(towers(), expand_nested=True, line_length=80)
    lines = stream.text().splitlines()
    assert max(map(cell_len, lines)) <= 80
    first = [line.strip("│┃ ").split("  ")[0].split(" │")[0] for line in lines]
    words = {word.strip("()") for cell in first for word in cell.split()}
    encoder = towers().get_layer("encoder_of_photographs")
    for row in [*describe(towers()).rows, *describe(encoder).rows]:
        assert row.name in words
        assert row.kind in words


def test_columns_of_wide_signs_stand_below_each_other():
    lines = printed(towers()).splitlines()
    head = lines[2].index("Output Shape")
    rows = [line for line in lines[4:] if "(None" in line]
    assert len(rows) == 6
    assert {cell_len(line[: line.index("(None")]) for line in rows} == {head}


@pytest.mark.parametrize("room", [70, 60, 50, 40, 30])
def test_no_room_is_too_small_for_all_of_it(room):
    """Every sign of every cell is printed, within the line, whatever must be broken for it."""
    table = table_of(describe(towers()), True, True, None, plain=True)
    lines = printed(towers(), line_length=room, expand_nested=True, show_trainable=True).splitlines()
    assert max(map(cell_len, lines)) <= room or room < 40
    signs = "".join(sorted("".join(lines[2:-4]).replace(" ", "").replace("=", "").replace("_", "")))
    due = "".join("".join(row) for row in [table.columns, *table.rows]).replace(" ", "").replace("_", "")
    assert signs == "".join(sorted(due))


# -- models that are defined by their call


class Net(Model):
    """A part in a list, one that is called twice, one that is never called, and a nested model."""

    def __init__(self):
        super().__init__(name="net")
        self.first, self.second, self.idle = Dense(3), Dense(2), Dense(9)
        self.blocks = [Dense(7), Dense(7)]
        self.nested = Sequential([Dense(5), Dense(4)])
        self.recurrent = LSTM(6, return_sequences=True)

    def call(self, inputs, training=None):
        x = self.second(self.first(self.recurrent(inputs)))
        for block in self.blocks:
            x = block(x)
        return {"whole": self.nested(x), "mean": self.blocks[1](x).mean(1)}


def shapes_of(model) -> dict[str, str]:
    table = table_of(describe(model), False, False, None, plain=False)
    return {row[0].split(" (")[0]: row[1] for row in table.rows}


def test_parts_of_a_subclassed_model_have_names_of_their_own():
    names = list(shapes_of(Net()))
    assert sorted(names) == ["dense", "dense_1", "dense_2", "dense_3", "dense_4", "lstm", "sequential"]


def test_the_shapes_are_those_of_the_last_call():
    net = Net()
    assert set(shapes_of(net).values()) == {"?"}
    net(torch.ones(2, 5, 3))
    found = shapes_of(net)
    assert found["lstm"] == "(None, 5, 6)"
    assert found["dense"] == "(None, 5, 3)"
    assert found["sequential"] == "(None, 5, 4)"
    assert list(found.values()).count("?") == 1  # the part that is never called
    net(np.ones((7, 6, 3), "float32"))
    assert shapes_of(net)["dense"] == "(None, 6, 3)"
    net.predict(np.ones((3, 8, 3), "float32"), verbose=0)
    assert shapes_of(net)["lstm"] == "(None, 8, 6)"
    assert not any(part._forward_hooks for part in net.modules())


def test_a_model_that_was_only_built_leaves_the_batch_open():
    net = Net()
    net.build((None, None, 3))
    assert shapes_of(net)["lstm"] == "(None, None, 6)"
    net = Net()
    net.build((None, 5, 3))
    assert shapes_of(net)["lstm"] == "(None, 5, 6)"


def test_shapes_after_fit_on_a_dict():
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.words, self.sum, self.out = Embedding(9, 4, mask_zero=True), LSTM(3), Dense(1)

        def call(self, inputs):
            return self.out(torch.cat([self.sum(self.words(inputs["text"])), inputs["size"]], -1))

    model = Two()
    model.compile("sgd", "mse")
    data = {"text": np.ones((64, 5), "int64"), "size": np.ones((64, 2), "float32")}
    model.fit(data, np.ones((64, 1)), batch_size=16, verbose=0)
    assert shapes_of(model) == {"embedding": "(None, 5, 4)", "lstm": "(None, 3)", "dense": "(None, 1)"}


def test_a_call_that_needs_values_tells_what_its_layers_were_built_for():
    class Choosing(Model):
        def __init__(self):
            super().__init__()
            self.out = Dense(3)

        def call(self, inputs):
            return self.out(inputs) if float(inputs.sum()) > 0 else inputs

    model = Choosing()
    model(torch.ones(2, 5))
    assert shapes_of(model) == {"dense": "(None, 3)"}


def nested() -> Model:
    """Models in a model, and a connection to say."""
    image = Input((28, 28, 1), name="image")
    inner = Sequential([Input((26, 26, 8)), Conv2D(4, 3, name="first"), Conv2D(5, 2, name="last")], name="inner")
    layers = [Conv2D(8, 3, name="convolution_one"), inner, GlobalAveragePooling2D(), Dense(8, name="encoded")]
    y = Sequential([Input((28, 28, 1)), *layers], name="encoder")(image)
    return Model(image, [Dense(10, name="classes")(y), Dense(1, name="size")(y)], name="nested")


def shown(monkeypatch, model, terminal: bool, columns: int, **options) -> list[str]:
    """The lines of a summary where the environment says how wide a line may be."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Stream("utf-8", terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    summary(model, **options)
    return stream.text().splitlines()


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("columns", [100, 80, 60])
def test_columns_of_the_environment_are_kept_and_break_no_word(monkeypatch, terminal, columns):
    lines = shown(monkeypatch, nested(), terminal, columns, expand_nested=True, show_trainable=True)
    assert max(map(cell_len, lines)) <= columns
    words = {word.strip("()[],│┃") for line in lines for word in line.split()}
    assert {"Trainable", "Conv2D", "encoded", "first", "last"} <= words
    assert any("Param #" in line for line in lines)


def test_nested_rows_hang_on_branches(monkeypatch):
    lines = shown(monkeypatch, nested(), True, 120, expand_nested=True)
    names = [line[1:].split("(")[0].rstrip(" │") for line in lines if line.startswith("│") and "(None" in line]
    assert names == [
        " image",
        " encoder",
        " ├ input_layer",
        " ├ convolution_one",
        " ├ inner",
        " │ ├ input_layer",
        " │ ├ first",
        " │ └ last",
        " ├ global_average_pooling2d",
        " └ encoded",
        " classes",
        " size",
    ]
