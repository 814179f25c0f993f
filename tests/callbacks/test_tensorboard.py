"""TensorBoard: what its own reader finds in the event files."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError
from lamina.callbacks import LambdaCallback, TensorBoard
from lamina.callbacks.tensorboard.weights import as_image
from lamina.layers import BatchNormalization, Dense, Embedding, Flatten, Input
from lamina.models import Model
from tests.callbacks.test_state import through_a_file

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

X, Y = torch.arange(16.0).reshape(8, 2) / 16, torch.ones(8, 1)


def network():
    x = Input((2,), name="x")
    model = Model(x, Dense(1, name="y")(BatchNormalization(name="norm")(Dense(3, name="hidden")(x))))
    model.compile(lamina.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def fit(model, board, *callbacks, epochs=2, **options):
    options = {"batch_size": 2, "verbose": 0, "shuffle": False, "validation_data": (X[:4], Y[:4]), **options}
    return model.fit(X, Y, epochs=epochs, callbacks=[*callbacks, board], **options)


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
    events.Reload()
    return events


def scalars(folder):
    """Tag -> (step, value) pairs."""
    events = read(folder)
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def as_written(values, first=0):
    """Steps and values as event files hold them: in float32."""
    return [(i, float(np.float32(v))) for i, v in enumerate(values, first)]


def test_curves_of_epochs_share_tags_in_two_folders(tmp_path):
    history = fit(network(), TensorBoard(tmp_path)).history
    train, held = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert train == {
        "epoch_loss": as_written(history["loss"]),
        "epoch_mae": as_written(history["mae"]),
        "epoch_learning_rate": as_written([0.1, 0.1]),
    }
    assert held == {
        "epoch_loss": as_written(history["val_loss"]),
        "epoch_mae": as_written(history["val_mae"]),
        "evaluation_loss_vs_iterations": [(4 * (i + 1), v) for i, v in as_written(history["val_loss"])],
        "evaluation_mae_vs_iterations": [(4 * (i + 1), v) for i, v in as_written(history["val_mae"])],
    }


@pytest.mark.parametrize("update_freq, due", [("batch", range(1, 9)), (1, range(1, 9)), (3, (3, 6))])
def test_curves_of_batches(tmp_path, update_freq, due):
    seen = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    fit(network(), TensorBoard(tmp_path, update_freq=update_freq), watch)
    train = scalars(tmp_path / "train")
    assert train["batch_loss"] == [(step, float(np.float32(seen[step - 1]))) for step in due]
    assert [step for step, _ in train["batch_mae"]] == list(due)
    assert "batch_steps_per_second" not in train


def test_only_steps_whose_numbers_are_written_wait_for_them(tmp_path):
    model = network()
    answers = []

    class Ask(lamina.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            answers.append(board.listens_to("on_train_batch_end"))

    board = TensorBoard(tmp_path, update_freq=3)
    # Asked after the board has heard of the step, which it does first.
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[board, Ask()])
    assert answers == [False, False, True, False, False, True, False, False]
    assert not TensorBoard(tmp_path).listens_to("on_train_batch_begin")


def test_steps_per_second(tmp_path):
    fit(network(), TensorBoard(tmp_path, update_freq=2, write_steps_per_second=True))
    train = scalars(tmp_path / "train")
    assert [step for step, _ in train["batch_steps_per_second"]] == [2, 4, 6, 8]
    assert [step for step, _ in train["epoch_steps_per_second"]] == [0, 1]
    assert all(0 < rate < 1e5 for _, rate in train["epoch_steps_per_second"] + train["batch_steps_per_second"])


def test_histograms_and_images_of_weights(tmp_path):
    model = network()
    fit(model, TensorBoard(tmp_path, histogram_freq=2, write_images=True), epochs=3)
    events = read(tmp_path / "train")
    weights = {f"{n.replace('.', '/')}": t for n, t in [*model.named_parameters(), *model.named_buffers()]}
    assert {"hidden/kernel", "norm/moving_mean"} <= set(weights)
    assert set(events.Tags()["histograms"]) == {f"{name}/histogram" for name in weights}
    assert set(events.Tags()["images"]) == {f"{name}/image" for name in weights}
    for name, weight in weights.items():
        histograms = events.Histograms(f"{name}/histogram")
        assert [event.step for event in histograms] == [0, 2]
        last, values = histograms[-1].histogram_value, weight.detach().double()
        assert last.num == values.numel() == sum(last.bucket)
        assert (last.min, last.max) == (values.min().item(), values.max().item())
        assert last.sum == pytest.approx(values.sum().item())
    picture = events.Images("hidden/kernel/image")[0]
    assert (picture.height, picture.width) == (2, 3)


@pytest.mark.parametrize(
    "shape, due",
    [((4,), (1, 4)), ((), (1, 1)), ((2, 5), (2, 5)), ((5, 2), (2, 5)), ((2, 3, 4), (2, 12)), ((2, 3, 4, 5), (8, 15))],
)
def test_a_weight_as_a_picture(shape, due):
    image = as_image(np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape))
    assert image.shape == due
    assert image.min() == 0
    assert image.max() == (1 if image.size > 1 else 0)


def test_filters_stand_in_a_grid():
    kernel = np.random.default_rng(0).random((3, 3, 2, 4))
    image = as_image(kernel) * (kernel.max() - kernel.min()) + kernel.min()
    np.testing.assert_allclose(image[3:6, 6:9], kernel[:, :, 1, 2])


def test_weights_that_cannot_be_drawn():
    assert as_image(np.zeros((2, 2, 2, 2, 2))) is None
    assert as_image(np.array([np.nan, np.inf, 1.0, 3.0])).tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert as_image(np.zeros((3000, 1500))).shape == (1024, 1024)


def test_weights_that_are_no_numbers_leave_their_histogram_out(tmp_path):
    model = network()
    with torch.no_grad():
        model.get_layer("hidden").kernel.fill_(float("nan"))
    board = TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    board.set_model(model)
    board.on_train_begin()
    board.on_epoch_end(0, {"loss": float("nan")})
    board.on_train_end()
    tags = read(tmp_path / "train").Tags()
    assert "hidden/kernel/histogram" not in tags["histograms"]
    assert "hidden/bias/histogram" in tags["histograms"]
    assert np.isnan(scalars(tmp_path / "train")["epoch_loss"][0][1])


def test_a_value_of_several_numbers(tmp_path):
    board, model = TensorBoard(tmp_path, write_graph=False), network()
    board.set_model(model)
    board.on_train_begin()
    board.on_epoch_end(0, {"f1": [0.5, 0.25], "val_auc": torch.tensor(0.75)})
    board.on_train_end()
    assert scalars(tmp_path / "train")["epoch_f1/1"] == [(0, 0.25)]
    assert scalars(tmp_path / "validation") == {"epoch_auc": [(0, 0.75)]}


# ---- the graph -----------------------------------------------------------------------------------------------------


def drawn(folder):
    """Name -> (operation, names of what it reads, shapes)."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    graph = read(folder).Graph()
    assert isinstance(graph, GraphDef)
    return {
        node.name: (
            node.op,
            list(node.input),
            [[d.size for d in shape.dim] for shape in node.attr["_output_shapes"].list.shape],
        )
        for node in graph.node
    }


def test_the_graph_with_a_nested_model_called_twice_and_by_name(tmp_path):
    a, b = Input((2,), name="a"), Input((2,), name="b")
    inner = Model({"a": a, "b": b}, Dense(3, name="mix")(torch.cat([a, b], -1)), name="inner")
    x, z = Input((2,), name="x"), Input((2,), name="z")
    first = inner({"b": z, "a": x})
    second = inner({"a": torch.tanh(z), "b": x})
    model = Model([x, z], first + second)
    model.compile("sgd", "mse")
    model.fit([X, X], torch.ones(8, 3), verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert drawn(tmp_path / "train") == {
        "x": ("InputLayer", [], [[-1, 2]]),
        "z": ("InputLayer", [], [[-1, 2]]),
        "inner/a": ("InputLayer", ["x"], [[-1, 2]]),
        "inner/b": ("InputLayer", ["z"], [[-1, 2]]),
        "inner/cat": ("torch.cat", ["inner/a", "inner/b"], [[-1, 4]]),
        "inner/mix": ("Dense", ["inner/cat"], [[-1, 3]]),
        "tanh": ("torch.tanh", ["z"], [[-1, 2]]),
        "inner.1/a": ("InputLayer", ["tanh"], [[-1, 2]]),
        "inner.1/b": ("InputLayer", ["x"], [[-1, 2]]),
        "inner.1/cat": ("torch.cat", ["inner.1/a", "inner.1/b"], [[-1, 4]]),
        "inner.1/mix": ("Dense", ["inner.1/cat"], [[-1, 3]]),
        "add": ("operator.add", ["inner/mix", "inner.1/mix"], [[-1, 3]]),
    }


def test_the_graph_is_written_once_and_not_where_it_is_not_asked_for(tmp_path):
    fit(network(), TensorBoard(tmp_path / "a"), epochs=3)
    assert list(drawn(tmp_path / "a" / "train")) == ["x", "hidden", "norm", "y"]
    fit(network(), TensorBoard(tmp_path / "b", write_graph=False))
    assert not read(tmp_path / "b" / "train").Tags()["graph"]


def test_a_model_without_a_graph_has_its_summary_as_text(tmp_path):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

    model = Own()
    model.compile("sgd", "mse")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[TensorBoard(tmp_path)])
    events = read(tmp_path / "train").Tensors("model/text_summary")
    assert len(events) == 1
    assert "dense (Dense)" in events[0].tensor_proto.string_val[0].decode()


# ---- embeddings, profile -------------------------------------------------------------------------------------------


def words():
    x = Input((3,), dtype="int64")
    model = Model(x, Dense(1)(Flatten()(Embedding(4, 2, name="words")(x))))
    model.compile("sgd", "mse")
    return model


def test_embeddings_with_labels(tmp_path):
    (tmp_path / "labels.tsv").write_text("a\nb\nc\nd\n")
    model = words()
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "labels.tsv"})
    model.fit(torch.zeros(8, 3, dtype=torch.int64), Y, verbose=0, callbacks=[board])
    config = (tmp_path / "train" / "projector_config.pbtxt").read_text()
    assert 'tensor_name: "words:00000"' in config
    (folder,) = (tmp_path / "train" / "00000").iterdir()
    rows = np.loadtxt(folder / "tensors.tsv")
    np.testing.assert_allclose(rows, model.get_layer("words").embeddings.numpy(), rtol=1e-6)
    assert (folder / "metadata.tsv").read_text() == "a\nb\nc\nd\n"


def test_labels_in_columns(tmp_path):
    (tmp_path / "labels.tsv").write_text("word\tkind\na\tx\nb\tx\nc\ty\nd\ty\n")
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata=str(tmp_path / "labels.tsv"))
    words().fit(torch.zeros(8, 3, dtype=torch.int64), Y, verbose=0, callbacks=[board])
    (folder,) = (tmp_path / "train" / "00000").iterdir()
    assert (folder / "metadata.tsv").read_text() == "word\tkind\na\tx\nb\tx\nc\ty\nd\ty\n"


@pytest.mark.parametrize(
    "metadata, text",
    [
        ({"letters": "labels.tsv"}, r"(?s)no embeddings.*got +letters.*expected +words"),
        ({"words": "nowhere.tsv"}, "no file with the labels of 'words'"),
        ({"words": "labels.tsv"}, r"(?s)do not fit its rows.*got +2.*expected +4"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, metadata, text):
    (tmp_path / "labels.tsv").write_text("a\nb\n")
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata=metadata)
    with pytest.raises(ArgumentError, match=text):
        words().fit(torch.zeros(8, 3, dtype=torch.int64), Y, verbose=0, callbacks=[board])


@pytest.mark.parametrize("batches", [2, (2, 3), "2,3", (7, 99)])
def test_a_profile_of_some_steps(tmp_path, batches):
    fit(network(), TensorBoard(tmp_path, profile_batch=batches))
    (trace,) = (tmp_path / "train").glob("*.pt.trace.json")
    operations = {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]}
    assert "aten::addmm" in operations


@pytest.mark.parametrize("batches", [-1, (3, 2), (0, 2), (1, 2, 3), "a", None, 1.5j])
def test_a_profile_of_impossible_steps(batches):
    with pytest.raises(ArgumentError, match="profile_batch"):
        TensorBoard(profile_batch=batches)


@pytest.mark.parametrize("update_freq", ["step", 0, -1, None])
def test_an_unknown_frequency(update_freq):
    with pytest.raises(ArgumentError, match="update_freq"):
        TensorBoard(update_freq=update_freq)


# ---- evaluation, going on, what it costs ---------------------------------------------------------------------------


def test_evaluation_by_itself(tmp_path):
    model = network()
    fit(model, TensorBoard(tmp_path / "fit"))
    scores = model.evaluate(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    held = scalars(tmp_path / "validation")
    assert held["evaluation_loss_vs_iterations"] == [(8, float(np.float32(scores["loss"])))]


@pytest.mark.parametrize("saved_after, died_after", [(0, 1), (1, 1), (1, 2), (2, 3)])
def test_each_point_stands_once_in_a_run_that_goes_on(tmp_path, saved_after, died_after):
    model, states = network(), []

    def board():
        new = TensorBoard(tmp_path, update_freq="batch")
        new.set_model(model)
        new.on_train_begin()
        return new

    def train(one, epoch):
        one.on_epoch_begin(epoch)
        for batch in range(2):
            one.on_train_batch_begin(batch)
            one.on_train_batch_end(batch, {"loss": epoch + batch})
        one.on_test_end({"loss": epoch})
        one.on_epoch_end(epoch, {"loss": epoch, "val_loss": epoch})

    # Validation is written to from the start: files that a run opens after it was saved are not known to its state.
    first = board()
    first.on_test_end({"warm": 1.0})
    states.append(through_a_file(first.state_dict()))
    for epoch in range(died_after):
        train(first, epoch)
        states.append(through_a_file(first.state_dict()))
    second = board()
    second.load_state_dict(states[saved_after])
    for epoch in range(saved_after, 4):
        train(second, epoch)
    second.on_train_end()
    train_curves, held = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert sorted(step for step, _ in train_curves["epoch_loss"]) == [0, 1, 2, 3]  # files of one second have no order
    assert sorted(step for step, _ in train_curves["batch_loss"]) == list(range(1, 9))
    assert sorted(held["epoch_loss"]) == [(i, float(i)) for i in range(4)]


def test_files_that_were_lost_are_warned_of(tmp_path):
    board = TensorBoard(tmp_path)
    with pytest.warns(UserWarning, match="events' of the interrupted run is gone"):
        board.load_state_dict({"step": 0, "drawn": True, "files": {"train/events": 10}})


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match=r"(?s)tensorboard, which is not installed.*lamina\[tensorboard\]"):
        TensorBoard()
