"""`lamina.distribution` answers as `keras.distribution` does, on one process."""

import re

import keras
import numpy as np
import pytest
import torch
from keras.src.distribution import distribution_lib as of_keras

import lamina
from lamina import Input, LaminaError, Model, distribution, layers

DEVICES = [f"cpu:{i}" for i in range(8)]


def mesh(shape=(2, 4), names=("batch", "model")):
    return distribution.DeviceMesh(shape, names, DEVICES)


def test_the_names_are_those_of_keras():
    theirs = {name for name in dir(keras.distribution) if not name.startswith("_")}
    assert theirs <= set(dir(distribution))
    assert lamina.distribution is distribution


@pytest.mark.parametrize(
    "shape, names, text",
    [
        ((), ("batch",), "cannot be empty"),
        ((8,), (), "cannot be empty"),
        ((2, 4), ("batch",), "should have same size"),
        ((2, 4), ("a", "a"), "a name of its own"),
        ((4, 4), ("a", "b"), "Shape does not match the number of devices"),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(shape, names, text):
    with pytest.raises(LaminaError, match=text):
        mesh(shape, names)


def test_a_mesh_without_its_processes_says_how_to_start_them():
    with pytest.raises(LaminaError, match=r"8 devices needs as many processes(.|\n)*torchrun --nproc-per-node 8"):
        _ = mesh().backend_mesh


@pytest.mark.parametrize("path", ["dense/kernel", "dense_2/kernel", "my/dense/bias", "conv/bias", "other"])
def test_a_layout_map_finds_what_keras_finds(path):
    own = distribution.LayoutMap(mesh())
    theirs = of_keras.LayoutMap(of_keras.DeviceMesh((2, 4), ("batch", "model"), DEVICES))
    for layouts in (own, theirs):
        layouts["dense/kernel"] = ("model", None)
        layouts[".*dense.*kernel"] = (None, "model")
        layouts[".*dense.*bias"] = ("model",)
        layouts[".*bias"] = ("batch",)
    try:
        due = theirs[path]
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error).partition(":")[0].partition(" specification")[0])):
            own[path]
        return
    assert (own[path] and own[path].axes) == (due and due.axes)
    assert list(own) == list(theirs)


def test_a_layout_map_refuses_a_key_twice_and_what_is_no_layout():
    layouts = distribution.LayoutMap(mesh())
    layouts["kernel"] = (None, "model")
    assert layouts["kernel"].device_mesh is layouts.device_mesh
    for key, value, text in (
        ("kernel", ("model",), "already exist"),
        ("bias", ["a"], "should be a TensorLayout"),
        ("bias", ("rows",), "Invalid axis names"),
        ("bias", ("model", "model"), "one axis of a tensor"),
        ("(", ("model",), "regular expression"),
    ):
        with pytest.raises(LaminaError, match=text):
            layouts[key] = value
    assert layouts.pop("kernel").axes == (None, "model")
    with pytest.raises(KeyError):
        layouts.pop(".*")
    assert len(layouts) == 0


def test_a_layout_gets_its_mesh_once():
    layout = distribution.TensorLayout(("batch", None))
    with pytest.raises(LaminaError, match="without a mesh"):
        _ = layout.backend_layout
    layout.device_mesh = mesh()
    assert [str(p) for p in layout.backend_layout] == ["S(0)", "R"]
    with pytest.raises(LaminaError, match="Cannot override"):
        layout.device_mesh = mesh()


def test_the_distribution_of_a_scope_holds_within_it():
    first, second = distribution.DataParallel(devices=DEVICES), distribution.DataParallel(mesh((8,), ("rows",)))
    assert distribution.distribution() is None
    with first.scope():
        with second.scope():
            assert distribution.distribution() is second
        assert distribution.distribution() is first
    assert distribution.distribution() is None
    assert (first.batch_dim_name, second.batch_dim_name, first.num_model_replicas) == ("batch", "rows", 8)
    with pytest.raises(LaminaError, match="takes a Distribution"):
        distribution.set_distribution("data")
    with pytest.warns(UserWarning, match="A mesh of one axis"):
        distribution.DataParallel(mesh())


@pytest.mark.parametrize("names, copies", [(("batch", "model"), 2), (("model", "batch"), 4)])
def test_processes_that_hold_one_copy_take_the_same_rows(names, copies):
    to = distribution.ModelParallel(layout_map=distribution.LayoutMap(mesh(names=names)), batch_dim_name="batch")
    to._num_processes = 8
    found = []
    for number in range(8):
        to._process_id = number
        found.append(to.data_shard_id)
    assert found == ([0, 0, 0, 0, 1, 1, 1, 1] if copies == 2 else [0, 1, 2, 3, 0, 1, 2, 3])
    assert to.num_model_replicas == copies


def test_layouts_of_weights_are_found_by_their_paths():
    x = Input((4,))
    model = Model(x, layers.Dense(8, name="out")(x))
    layouts = distribution.LayoutMap(mesh())
    layouts["out/kernel"] = (None, "model")
    to = distribution.ModelParallel(layout_map=layouts)
    kernel, bias = model.weights
    assert to.get_variable_layout(kernel).axes == (None, "model")
    assert to.get_variable_layout(bias).axes == (None,)
    bias._layout = distribution.TensorLayout(("batch",), layouts.device_mesh)
    assert to.get_variable_layout(bias).axes == ("batch",)
    assert to.get_data_layout((8, 4)).axes == ("batch", None)
    assert to.get_tensor_layout("out/output") is None
    with pytest.raises(LaminaError, match="You must specify a layout_map"):
        distribution.ModelParallel()


def test_a_symbolic_tensor_stays_and_a_wrong_layout_is_refused():
    x = Input((4,))
    layout = distribution.TensorLayout(("model",), mesh())
    assert distribution.distribute_tensor(x, layout) is x
    with pytest.raises(lamina.ShapeError, match=r"another number of axes(.|\n)*\('model',\) for shape \(2, 3\)"):
        distribution.distribute_tensor(torch.ones(2, 3), layout)


def test_devices_are_counted(monkeypatch):
    assert distribution.list_devices("cpu") == ["cpu:0"]
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert distribution.list_devices("CPU") == ["cpu:0", "cpu:1", "cpu:2"]
    assert np.size(distribution.DataParallel().device_mesh.devices) == 3
    with pytest.raises(LaminaError, match="no such kind"):
        distribution.get_device_count("tpu2")


def test_who_takes_part_must_be_known(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(LaminaError, match=r"not known which processes(.|\n)*torchrun"):
        distribution.initialize()
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "two")
    with pytest.raises(LaminaError, match="num_processes is a whole number"):
        distribution.initialize("localhost:1", process_id=0)


def test_shard_model_asks_for_a_built_model_and_a_distribution():
    model = lamina.Sequential([layers.Dense(3)])
    with pytest.raises(LaminaError, match="not said how"):
        distribution.shard_model(model)
    with pytest.raises(LaminaError, match="no weights yet"):
        distribution.shard_model(model, distribution.DataParallel())
