"""`KerasFileEditor`: edits beside Keras' editor on the same files, which both libraries load; and what is refused."""

from __future__ import annotations

import contextlib
import io

import h5py
import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.saving import KerasFileEditor
from lamina.saving.weight_tree import leaves


def drawn(library, wide=False, flat=False):
    """A graph with a layer that has layers, one without weights, and two of a class.

    `flat`: without layers in layers, which Keras' editor loses.
    """
    layers = library.layers
    x = library.Input((5, 2), name="x")
    y = layers.Flatten()(x) if flat else layers.Bidirectional(layers.LSTM(2, name="inner"), name="both")(x)
    y = layers.Dropout(0.1, name="drop")(y)
    y = layers.Dense(3, name="mydense")(y)
    y = layers.Dense(3, name="myotherdense")(y) if wide else y
    return library.Model(x, layers.Dense(3, name="output_layer")(y))


def paths(editor):
    return {"/".join(names): np.asarray(value) for names, value in leaves(editor.weights_dict)}


def edit(editor, kernel, bias):
    """What either editor is told."""
    editor.add_object("layers/dense_3", weights={"0": kernel})
    editor.rename_object("dense_3", "dense_4")
    editor.rename_object("layers/dense_4", "dense_2")
    editor.add_weights("dense_2", weights={"1": np.zeros(7)})
    editor.delete_weight("dense_2", "1")
    editor.add_weights("layers/dense_2", {"1": bias})
    editor.add_object("layers/gone", {"0": kernel})
    editor.delete_object("gone")


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("ending", ["weights.h5", "keras"])
@pytest.mark.parametrize("source", [lamina, keras], ids=["lamina", "keras"])
def test_both_editors_make_files_that_both_libraries_load(tmp_path, source, ending, flat):
    rng = np.random.default_rng(0)
    kernel, bias = rng.random((3, 3), "float32"), rng.random(3, "float32")
    model = drawn(source, flat=flat)
    old = str(tmp_path / f"old.{ending}")
    (model.save_weights if ending == "weights.h5" else model.save)(old)
    loaded = []
    for editing in (KerasFileEditor, keras.saving.KerasFileEditor) if flat else (KerasFileEditor,):
        editor = editing(old)
        edit(editor, kernel, bias)
        new = str(tmp_path / f"{editing.__module__}.weights.h5")
        editor.save(new)
        for library in (lamina, keras):
            wide = drawn(library, wide=True, flat=flat)
            wide.load_weights(new)
            loaded.append([np.asarray(value) for value in wide.get_weights()])
    for weights in loaded:
        for one, other in zip(weights, loaded[0], strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded[0][-2], kernel)  # the third Dense of the file
    np.testing.assert_array_equal(loaded[0][-1], bias)
    x = rng.random((4, 5, 2), "float32")
    outputs = []
    for library in (lamina, keras):
        wide = drawn(library, wide=True, flat=flat)
        wide.load_weights(str(tmp_path / f"{KerasFileEditor.__module__}.weights.h5"))
        outputs.append(wide.predict(x, verbose=0))
    np.testing.assert_allclose(*outputs, atol=1e-6)


@pytest.mark.parametrize("source", [lamina, keras], ids=["lamina", "keras"])
def test_nothing_is_lost_by_writing_anew(tmp_path, source):
    """Weights of the model itself, of layers within layers, of the optimizer, and the names of layers."""
    model = drawn(source)
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 5, 2), "float32"), np.zeros((2, 3), "float32"), verbose=0)
    old, new = str(tmp_path / "old.keras"), str(tmp_path / "new.weights.h5")
    model.save(old)
    editor = KerasFileEditor(old)
    assert editor.config["class_name"] == "Functional"
    assert editor.metadata["keras_version"].startswith("3.")
    assert editor.object_metadata["layers/dense_1"] == {"name": "output_layer"}
    editor.resave_weights(new)
    again = KerasFileEditor(new)
    assert paths(again).keys() == paths(editor).keys()
    assert "layers/bidirectional/forward_layer/cell/0" in paths(editor)
    assert any(path.startswith("optimizer/") for path in paths(editor))
    for path, value in paths(editor).items():
        np.testing.assert_array_equal(paths(again)[path], value)
    assert again.object_metadata["layers/dense_1"] == {"name": "output_layer"}
    assert again.compare(drawn(source if source is lamina else lamina))["status"] == "success"


def test_weights_of_a_model_itself_and_bfloat16(tmp_path):
    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(2,), name="scale", dtype="bfloat16")
            self.built = True

        def call(self, x):
            return x * self.scale

    model = Own()
    model(np.ones((1, 2), "float32"))
    model.save_weights(tmp_path / "a.weights.h5")
    editor = KerasFileEditor(tmp_path / "a.weights.h5")
    assert editor.weights_dict["0"].dtype is torch.bfloat16
    editor.save(tmp_path / "b.weights.h5")
    other = Own()
    other(np.ones((1, 2), "float32"))
    torch.nn.init.zeros_(other.scale)
    other.load_weights(tmp_path / "b.weights.h5")
    assert torch.equal(other.scale, model.scale)


@pytest.fixture
def weights_file(tmp_path):
    drawn(lamina).save_weights(tmp_path / "w.weights.h5")
    return tmp_path / "w.weights.h5"


def test_what_differs_is_counted_as_keras_tests_count_it(weights_file, capsys):
    editor = KerasFileEditor(weights_file)
    assert editor.compare(drawn(lamina)) == {"status": "success", "error_count": 0, "match_count": 10}
    editor.add_object("layers/dense_3", {"0": np.zeros((3, 3))})
    assert editor.compare(drawn(lamina, wide=True))["error_count"] == 2
    editor.rename_object("dense_3", "dense_2")
    assert editor.compare(drawn(lamina, wide=True))["error_count"] == 1
    editor.add_weights("dense_2", {"1": np.zeros(7)})
    assert editor.compare(drawn(lamina, wide=True)) == {"status": "error", "error_count": 1, "match_count": 11}
    told = capsys.readouterr().out
    assert "Object /layers/dense_2 with 0, 1 is missing in the file." in told
    assert "Object /layers/dense_3 with 0 is missing in the reference." in told
    assert "Weight /layers/dense_2/1 is missing in the file." in told
    assert "/layers/dense_2/1 differs: shape=(7,) in the file, shape=(3,) in the reference." in told
    assert "Found 1 error:" in told
    other = KerasFileEditor(weights_file)
    assert editor.compare(other)["error_count"] == 1
    assert other.compare(KerasFileEditor(weights_file))["match_count"] == 10


def test_names_of_layers_follow_their_objects(weights_file, tmp_path, capsys):
    editor = KerasFileEditor(weights_file)
    editor.rename_object("bidirectional", "wrapped")
    editor.delete_object("layers/dense")
    editor.summary()
    told = capsys.readouterr().out
    assert "wrapped ('both')" in told
    assert "mydense" not in told
    assert "0: shape=(2, 8), dtype=float32" in told
    editor.save(tmp_path / "n.weights.h5")
    with h5py.File(tmp_path / "n.weights.h5") as file:
        assert list(file["layers"]) == ["dense_1", "wrapped"]
        assert file["layers/dense_1/vars"].attrs["name"] == "output_layer"


@pytest.mark.parametrize("ending", [".safetensors", ".lamina"])
@pytest.mark.parametrize("source", [".safetensors", ".lamina", ".pt"])
def test_files_with_names_of_their_own(tmp_path, source, ending, capsys):
    x = lamina.Input((4,), name="x")
    model = lamina.Model(x, lamina.layers.Dense(2, name="out")(lamina.layers.Dense(3, name="hidden")(x)))
    if source == ".pt":
        torch.save(model.state_dict(), tmp_path / "m.pt")
    else:
        model.save_weights(tmp_path / f"m{source}")
    editor = KerasFileEditor(tmp_path / f"m{source}")
    assert editor.compare(model) == {"status": "success", "error_count": 0, "match_count": 4}
    editor.rename_object("hidden", "first")
    editor.add_weights("out", {"bias": torch.ones(2)})
    editor.save(tmp_path / f"n{ending}")
    y = lamina.layers.Dense(3, name="first")(x)
    other = lamina.Model(x, lamina.layers.Dense(2, name="out")(y))
    other.load_weights(tmp_path / f"n{ending}")
    assert torch.equal(other.get_layer("first").kernel, model.get_layer("hidden").kernel)
    assert other.get_layer("out").bias.tolist() == [1, 1]
    with pytest.raises(lamina.ArgumentError, match=r"a file of Lamina's or PyTorch's was opened(.|\n)*\.safetensors"):
        editor.save(tmp_path / "n.weights.h5")


def test_the_file_that_is_open_may_be_replaced(tmp_path):
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(3, name="d")])
    for name in ("w.weights.h5", "w.safetensors"):
        model.save_weights(tmp_path / name)
        editor = KerasFileEditor(tmp_path / name)
        before = paths(editor)
        editor.save(tmp_path / name)
        editor.save(tmp_path / name)
        for path, value in paths(KerasFileEditor(tmp_path / name)).items():
            np.testing.assert_array_equal(value, before[path])


WRONG = {
    "no object": (lambda e: e.delete_object("dense_9"), "no object 'dense_9'(.|\n)*summary"),
    "no path": (lambda e: e.delete_object("layers/dense/0/0"), "no object 'layers/dense/0/0'"),
    "two": (lambda e: e.delete_object("cell"), "2 objects called 'cell'(.|\n)*backward_layer/cell(.|\n)*a whole path"),
    "new path": (lambda e: e.rename_object("dense", "layers/a"), "new_name is a name, not a path"),
    "taken": (lambda e: e.rename_object("dense", "dense_1"), "'dense_1' already(.|\n)*delete_object"),
    "there": (lambda e: e.add_object("layers/dense", {"0": [1.0]}), "'layers/dense' already(.|\n)*add_weights"),
    "no parent": (lambda e: e.add_object("layer/dense", {"0": [1.0]}), "no object 'layer'"),
    "in a weight": (lambda e: e.add_object("layers/dense/0/a", {"0": [1.0]}), "no object 'layers/dense/0'"),
    "no dict": (lambda e: e.add_object("layers/new", [np.zeros(2)]), "a dict of names and arrays"),
    "no numbers": (lambda e: e.add_weights("dense", {"2": "text"}), "'2' is no array of numbers"),
    "ragged": (lambda e: e.add_weights("dense", {"2": [[1], [1, 2]]}), "'2' is no array of numbers"),
    "path as a name": (lambda e: e.add_weights("dense", {"a/b": [1.0]}), "not a path"),
    "number as a name": (lambda e: e.add_weights("dense", {0: [1.0]}), "cannot be 0"),
    "no weight": (lambda e: e.delete_weight("dense", "2"), "Weight '2' is not in object 'dense'(.|\n)*'0', '1'"),
    "of a weight": (lambda e: e.add_weights("layers/dense/0", {"2": [1.0]}), "is a weight and has none"),
    "no name": (lambda e: e.delete_object(""), "cannot be ''"),
    "ending": (lambda e: e.save("a.keras"), r"a file of Keras' was opened(.|\n)*\.weights\.h5"),
    "no model": (lambda e: e.compare({}), "compared with a model"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused_changes_nothing(weights_file, case):
    editor = KerasFileEditor(weights_file)
    before, names = paths(editor), dict(editor.object_metadata)
    change, text = WRONG[case]
    with pytest.raises(lamina.ArgumentError, match=text):
        change(editor)
    assert paths(editor).keys() == before.keys()
    assert editor.object_metadata == names


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        KerasFileEditor(tmp_path / "none.weights.h5")
    (tmp_path / "text.weights.h5").write_text("weights")
    with pytest.raises(lamina.saving.LoadingError, match="no file of a model or of weights"):
        KerasFileEditor(tmp_path / "text.weights.h5")
    drawn(lamina).save(tmp_path / "old.h5")
    with pytest.raises(lamina.saving.LoadingError, match=r"Keras 1 or 2(.|\n)*save_weights\(\"model\.weights\.h5\"\)"):
        KerasFileEditor(tmp_path / "old.h5")


def test_zeros_that_unpack_to_much_more_than_the_file(tmp_path):
    with h5py.File(tmp_path / "z.weights.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.zeros(17 << 20, "float32"), compression="gzip")
    with pytest.raises(lamina.saving.LoadingError, match="larger than they can be"):
        KerasFileEditor(tmp_path / "z.weights.h5")


def test_deep_trees_and_names_for_a_terminal(tmp_path):
    """Nothing recurses, and what a file calls its weights is shown, not obeyed."""
    state = {".".join(["a"] * 3000): torch.zeros(1), "\x1b[31m\nred[bold]": torch.zeros(1)}
    torch.save(state, tmp_path / "deep.pt")
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        editor = KerasFileEditor(tmp_path / "deep.pt")
        editor.summary()
        assert editor.compare(editor)["match_count"] == 2
    assert told.getvalue().replace("\n", "").isprintable()
    assert "\\x1b[31m\\nred[bold]" in told.getvalue()
    editor.save(tmp_path / "deep.safetensors")


def test_a_weight_that_is_an_object_as_well(tmp_path):
    torch.save({"a": torch.zeros(1), "a.b": torch.zeros(1)}, tmp_path / "odd.pt")
    with pytest.raises(lamina.saving.LoadingError, match="a weight has weights of its own"):
        KerasFileEditor(tmp_path / "odd.pt")


def test_arguments_are_kerass():
    import inspect

    theirs, ours = keras.saving.KerasFileEditor, KerasFileEditor
    for name in ["__init__", *(name for name in vars(theirs) if not name.startswith("_"))]:
        assert [*inspect.signature(getattr(ours, name)).parameters] == [
            *inspect.signature(getattr(theirs, name)).parameters
        ]
