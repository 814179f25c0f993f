"""Tracebacks end at the user's line; the library's frames are there for whoever asks. In a notebook it is the cell."""

from __future__ import annotations

import linecache
import sys
import traceback
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, Sequential, config, layers, ops
from lamina.defaults import Defaults, defaults

X = np.ones((8, 4), "float32")


class Inner(layers.Layer):
    def __init__(self, width=7):
        super().__init__()
        self.dense, self.width = layers.Dense(3), width

    def call(self, x):
        return self.dense(x).reshape(self.width, self.width)


class Fails(layers.Layer):
    def call(self, x):
        if x.shape[0] == 8:
            raise KeyError("mine")
        return x


def model():
    made = Sequential([Input((4,)), layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def failing_loss(y_true, y_pred):
    raise KeyError("mine")


def fit_with(loss):
    made = model()
    made.compile("sgd", loss)
    made.fit(X, X[:, :1], verbose=0)


class FailingCallback(lamina.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyError("mine")


def failing_data():
    yield X, X[:, :1]
    raise KeyError("mine")


def narrow():
    return Input((4,))


def assigned():
    narrow()[0] = 1


def of_own_call():
    class Own(Model):
        def call(self, x):
            return x

    return Own()


SYMBOLIC = {
    "x + y": lambda: narrow() + Input((5,)),
    "3 @ x": lambda: torch.ones(2, 3, 7) @ Input((4, 5)),
    "x @ w": lambda: narrow() @ torch.ones(5, 4),
    "x > y": lambda: narrow() > Input((5,)),
    "x == y and more": lambda: (narrow() == Input((5,))) & True,
    "x[:, 7]": lambda: narrow()[:, 7],
    "x[0] = 1": assigned,
    "x.view": lambda: narrow().view(3, 7),
    "x.add_": lambda: narrow().add_(1),
    "x.nothing": lambda: narrow().nothing,
    "x.numpy": lambda: narrow().numpy(),
    "if x": lambda: 1 if narrow() > 0 else 2,
    "not x": lambda: not narrow(),
    "float": lambda: float(narrow()),
    "int of a size": lambda: int(narrow().size(0)),
    "a size compared": lambda: narrow().size(0) > 3,
    "len": lambda: len(narrow()),
    "range": lambda: range(narrow().size(0)),
    "for": lambda: list(narrow()),
    "numpy": lambda: np.sin(narrow()),
    "torch.cat": lambda: torch.cat([narrow(), Input((4, 3))]),
    "torch.matmul": lambda: torch.matmul(narrow(), torch.ones(5, 4)),
}
OTHERS = {
    "set_weights": lambda: model().set_weights([1]),
    "load_state_dict": lambda: model().load_state_dict({"a": 1}),
    "from_config of a layer": lambda: layers.Dense.from_config({"foo": 1}),
    "from_config of a wrapper": lambda: layers.Bidirectional.from_config({"foo": 1}),
    "from_config of a model": lambda: Sequential.from_config({"foo": 1}),
    "from_config of a loss": lambda: lamina.losses.Huber.from_config({"foo": 1}),
    "from_config of an optimizer": lambda: lamina.optimizers.Adam.from_config({"foo": 1}),
    "model.input": lambda: of_own_call().input,
    "model.outputs": lambda: of_own_call().outputs,
    "layer.output": lambda: layers.Dense(3).output,
    "layer.input": lambda: layers.Dense(3).input,
    "device": lambda: lamina.device("gpu:77").__enter__(),
    "to_categorical": lambda: lamina.utils.to_categorical(["a"]),
    "pad_sequences": lambda: lamina.utils.pad_sequences([1, 2]),
    "applications": lambda: lamina.applications.ResNet50(weights="nothing"),
    "datasets": lambda: lamina.datasets.mnist.load_data(Path("nothing.npz")),
    "to": lambda: model().to("gpu"),
    "a loss is called": lambda: lamina.losses.MeanSquaredError()(torch.ones(3, 2), torch.ones(3, 4)),
    "a function of losses": lambda: lamina.losses.mean_squared_error(torch.ones(3, 2), torch.ones(3, 4)),
    "a function of metrics": lambda: lamina.metrics.binary_accuracy(torch.ones(3, 2), torch.ones(3, 4)),
    "an activation": lambda: lamina.activations.softmax(torch.ones(3), axis=4),
    "a name that nothing has": lambda: lamina.initializers.get("nothing"),
    "one of ops that are one node": lambda: ops.vander(torch.ones(2, 3)),
    "one of these in a graph": lambda: ops.take(narrow(), [1], axis=5),
    "a layer of data": lambda: layers.Discretization([0.0, 1.0])(["a"]),
    "a metric is told": lambda: lamina.metrics.MeanSquaredError().update_state(torch.ones(3, 2), torch.ones(3, 4)),
    "a metric is called": lambda: lamina.metrics.AUC()(torch.ones(3), torch.ones(4)),
    "a step of an optimizer": lambda: lamina.optimizers.SGD().apply([torch.ones(2)], [torch.ones(2), torch.ones(2)]),
    "gradients of pairs": lambda: lamina.optimizers.SGD().apply_gradients([(torch.ones(3), torch.ones(2))]),
    "weights of an optimizer": lambda: lamina.optimizers.SGD().set_weights([1]),
    "floatx": lambda: config.set_floatx("float31"),
    "trainable": lambda: setattr(layers.Dense(3), "trainable", "no"),
}
CASES = {
    **{name: (run, 1) for name, run in {**SYMBOLIC, **OTHERS}.items()},
    "a layer is made": (lambda: layers.Dense("64"), 1),
    "an optimizer is made": (lambda: lamina.optimizers.Adam("64"), 1),
    "a loss is made": (lambda: lamina.losses.MeanSquaredError(reduction="all"), 1),
    "an initializer is made": (lambda: lamina.initializers.RandomUniform(2.0, 1.0, seed="x"), 1),
    "a callback is made": (lambda: lamina.callbacks.ReduceLROnPlateau(factor=2.0), 1),
    "a model is made": (lambda: Model(Input((3,))), 1),
    "a layer is called": (lambda: layers.LSTM(3)(Input((4,))), 1),
    "a model is called": (lambda: model()(X[:, :3]), 1),
    "a layer is built": (lambda: layers.Dense(3).build((None, None)), 1),
    "add": (lambda: Sequential().add(3), 1),
    "compile": (lambda: model().compile("sgd", "nothing"), 1),
    "fit": (lambda: model().fit(X[:, :3], X, verbose=0), 1),
    "evaluate": (lambda: model().evaluate(X[:, :3], X, verbose=0), 1),
    "predict": (lambda: model().predict(X[:, :3]), 1),
    "train_on_batch": (lambda: model().train_on_batch(X[:, :3], X), 1),
    "load": (lambda: lamina.models.load_model("nothing.lamina"), 1),
    "save": (lambda: model().save("nothing.txt"), 1),
    "a call of the user's in a call": (lambda: Inner()(torch.ones(2, 4)), 2),
    "a loss of the user's": (lambda: fit_with(failing_loss), 3),
    "a layer of the user's in a model": (lambda: Sequential([Input((4,)), Fails()]).predict(X), 2),
    "a callback of the user's": (lambda: model().fit(X, X[:, :1], verbose=0, callbacks=[FailingCallback()]), 2),
    "data of the user's": (lambda: model().fit(failing_data(), verbose=0), 2),
}


def frames_of(run):
    with pytest.raises(Exception) as caught:  # noqa: PT011  what is raised is each case's own
        run()
    return caught.value, list(traceback.extract_tb(caught.value.__traceback__)[1:])


@pytest.mark.parametrize("case", CASES)
def test_a_traceback_shows_the_users_frames_alone(case):
    run, count = CASES[case]
    error, frames = frames_of(run)
    assert {frame.filename for frame in frames} == {__file__}, traceback.format_exception(error)
    assert len(frames) == count


@pytest.mark.parametrize("case", ["a layer is made", "fit", "a loss of the user's"])
def test_the_whole_is_shown_where_it_is_asked_for(case):
    assert config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    try:
        assert not config.is_traceback_filtering_enabled()
        _, frames = frames_of(CASES[case][0])
    finally:
        config.enable_traceback_filtering()
    assert any("lamina" in frame.filename and frame.filename != __file__ for frame in frames)
    _, frames = frames_of(CASES[case][0])
    assert {frame.filename for frame in frames} == {__file__}


def test_an_error_of_the_users_keeps_its_type_and_text():
    error, _ = frames_of(CASES["a loss of the user's"][0])
    assert type(error) is KeyError
    assert error.args == ("mine",)


@pytest.mark.parametrize("name", SYMBOLIC)
def test_an_operation_on_symbolic_tensors_shows_one_short_error(name):
    error, _ = frames_of(SYMBOLIC[name])
    assert len("".join(traceback.format_exception(error)).splitlines()) < 20


OPS = {
    "add": lambda: ops.add(narrow(), Input((5,))),
    "matmul": lambda: ops.matmul(narrow(), np.ones((5, 4), "float32")),
    "reshape": lambda: ops.reshape(narrow(), (3, 7)),
}


@pytest.mark.parametrize("name", OPS)
def test_of_an_operation_by_name_its_own_frame_is_left(name):
    _, frames = frames_of(OPS[name])
    assert {frame.filename.rpartition("lamina/")[2].partition("/")[0] for frame in frames[1:]} == {"ops"}
    assert len(frames) <= 3


def test_what_pytorch_says_in_its_own_words_is_not_shown_above():
    dense = layers.Dense(3)
    dense(torch.ones(2, 4))
    error, _ = frames_of(lambda: dense(torch.ones(2, 5)))
    shown = "".join(traceback.format_exception(error))
    assert "mat1" not in shown
    assert "mat1" in str(error.__context__)


def test_a_cause_is_shown_where_it_has_a_line_of_the_users():
    class Wide(layers.Layer):
        def call(self, x):
            return x @ torch.ones(7, 2)

    error, _ = frames_of(lambda: Wide()(Input((None, 5))))
    shown = "".join(traceback.format_exception(error))
    assert "return x @ torch.ones(7, 2)" in shown
    assert "[None, 5] X [7, 2]" in shown
    assert "direct cause" in shown
    error, _ = frames_of(lambda: layers.TorchModule(torch.nn.Linear(4, 3))(Input((3,))))
    assert "direct cause" not in "".join(traceback.format_exception(error))


def test_an_exception_in_between_that_the_user_catches_is_whole_within_the_library():
    """What reads tracebacks on the way sees the user's frames and the library's: a note names the layer."""
    error, _ = frames_of(lambda: Inner()(torch.ones(2, 4)))
    assert any("in layer inner (Inner)" in note for note in error.__notes__)


@pytest.mark.parametrize("value, folds", [("1", False), ("yes", False), ("0", True), ("", True), (None, True)])
def test_the_environment_may_ask_for_the_whole(monkeypatch, value, folds):
    if value is None:
        monkeypatch.delenv("LAMINA_FULL_TRACEBACK", raising=False)
    else:
        monkeypatch.setenv("LAMINA_FULL_TRACEBACK", value)
    assert Defaults().folds_tracebacks is folds


@pytest.fixture
def notebook(monkeypatch):
    """A stand-in of IPython's shell, and a function that runs code as its cell 5."""
    file = "/tmp/ipykernel_77/898591531.py"
    compiler = types.SimpleNamespace(format_code_name=lambda name: ("Cell", "In[5]") if name == file else None)
    shell = types.SimpleNamespace(compile=compiler)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))

    def run(code):
        exec(compile(code, file, "exec"), {"__name__": "__main__"})  # noqa: S102  as IPython does

    return run


def test_in_a_notebook_the_place_is_the_cell(notebook):
    with pytest.raises(lamina.ArgumentError, match=r"where     In\[5\], line 3"):
        notebook("import lamina\n\nlamina.layers.Dense('64')")
    drawn = "from lamina import *\nx = Input((3,))\n\ny = layers.Reshape((3, 1))(x)\nlayers.LSTM(4)(x)"
    with pytest.raises(
        lamina.ShapeError, match=r"from InputLayer \"input_layer\", In\[5\], line 2(.|\n)*In\[5\], line 5"
    ):
        notebook(drawn)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        notebook("import lamina\nlamina.optimizers.SGD(-1.0)")
    assert [(warning.filename, warning.lineno) for warning in seen] == [("In[5]", 2)]


@pytest.mark.parametrize("file", ["<ipython-input-5-0123abcd>", "/tmp/ipython-input-5-99.py"])
def test_older_notebooks_say_the_number_in_the_name(file):
    code = compile("import lamina\nlamina.layers.Dense('64')", file, "exec")
    with pytest.raises(lamina.ArgumentError, match=r"where     In\[5\], line 2"):
        exec(code, {})  # noqa: S102  as IPython does


def test_the_usual_call_pays_nothing():
    """`Layer.__call__` and the doors do their work in `except` alone: no frame is looked at, no setting read."""
    read = []

    class Watched:
        def __getattr__(self, name):
            read.append(name)
            return getattr(defaults, name)

    import lamina.users_traceback as folding

    before, folding.defaults = folding.defaults, Watched()
    try:
        model().fit(X, X[:, :1], verbose=0)
        assert read == []
        with pytest.raises(lamina.ShapeError):
            model()(X[:, :3])
        assert "folds_tracebacks" in read
    finally:
        folding.defaults = before
    assert linecache.getline(__file__, 1)
