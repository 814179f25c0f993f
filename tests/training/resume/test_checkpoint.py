"""save_checkpoint, load_checkpoint, fit(resume_from=): what goes into a file, what is refused, what may be changed."""

from __future__ import annotations

import json
import random
import zipfile

import numpy as np
import pytest
import torch

import lamina
from lamina import Model
from lamina.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint
from lamina.layers import BatchNormalization, Dense, Input
from lamina.models import load_model
from lamina.optimizers import SGD, Adam
from lamina.saving import LoadingError, SavingError

from .setups import arrays, assert_same, network, result, seed_all


def compiled(optimizer=None, width=8, inputs=5):
    x = Input((inputs,), name="x")
    model = Model(x, Dense(1, name="y")(BatchNormalization(name="norm")(Dense(width, name="hidden")(x))))
    model.compile(optimizer or Adam(0.01), "mse")
    return model


def fit(model, **options):
    x, y = arrays(24)
    return model.fit(x, y, batch_size=8, verbose=0, **options)


def state(model):
    own = {k: v.clone() for k, v in {**model.state_dict(), **model.optimizer.state_dict()}.items()}
    return {k: v.tolist() for k, v in own.items()}


class Saver(Callback):
    """Saves at one call of a hook: with `save`, or as a checkpoint."""

    def __init__(self, path, hook, n, save="save_checkpoint"):
        super().__init__()
        self.path, self.left, self.save = path, n, save
        setattr(self, hook, self.tick)

    def tick(self, *args):
        self.left -= 1
        if self.left == 0:
            getattr(self.model, self.save)(self.path)


# -- outside of fit


def test_weights_and_optimizer_come_back(tmp_path):
    model = compiled()
    fit(model, epochs=2)
    model.save_checkpoint(tmp_path / "a.lamina")
    other = compiled()
    other.load_checkpoint(tmp_path / "a.lamina")
    assert state(other) == state(model)
    assert other.optimizer.iterations == 6
    with zipfile.ZipFile(tmp_path / "a.lamina") as archive:
        assert archive.namelist() == ["weights.safetensors", "optimizer.safetensors", "run.json", "run.safetensors"]
        assert json.loads(archive.read("run.json"))["run"] is None


def test_the_learning_rate_can_be_another_one(tmp_path):
    model = compiled()
    fit(model, epochs=2)
    model.save_checkpoint(tmp_path / "a.lamina")
    model.load_checkpoint(tmp_path / "a.lamina", learning_rate=0.5)
    assert (model.optimizer.learning_rate, model.optimizer.iterations) == (0.5, 6)


@pytest.mark.parametrize("change, message", [
    (lambda: compiled(width=9), r"weight      different   hidden.kernel \(5, 8\) float32, but the model's is \(5, 9\)"),
    (lambda: compiled(SGD(0.01)), "optimizer   Adam, but here SGD"),
    (lambda: compiled(Adam(0.01, amsgrad=True)), "This state does not belong to optimizer 'adam'"),
    (lambda: Model(*[Input((5,))] * 2), "unexpected  hidden.kernel"),
])  # fmt: skip
def test_what_differs_is_listed_and_nothing_is_changed(tmp_path, change, message):
    model = compiled()
    fit(model)
    model.save_checkpoint(tmp_path / "a.lamina")
    other = change()
    before = {k: v.clone() for k, v in other.state_dict().items()}
    with pytest.raises(LoadingError, match=message):
        other.load_checkpoint(tmp_path / "a.lamina")
    assert all(torch.equal(v, before[k]) for k, v in other.state_dict().items())
    assert other.optimizer is None or other.optimizer.iterations == 0


def test_a_model_that_is_not_compiled(tmp_path):
    model = compiled()
    model.save_checkpoint(tmp_path / "a.lamina")
    x = Input((5,), name="x")
    bare = Model(x, Dense(1, name="y")(BatchNormalization(name="norm")(Dense(8, name="hidden")(x))))
    with pytest.raises(LoadingError, match="Adam, but here a model that is not compiled"):
        bare.load_checkpoint(tmp_path / "a.lamina")


def test_files_that_are_no_checkpoints(tmp_path):
    model = compiled()
    model.save(tmp_path / "model.lamina")
    model.save_weights(tmp_path / "w.weights.safetensors")
    (tmp_path / "text.lamina").write_text("hello")
    for name in ("model.lamina", "w.weights.safetensors", "text.lamina"):
        with pytest.raises(LoadingError, match=f"{name}' is no checkpoint"):
            model.load_checkpoint(tmp_path / name)
    with pytest.raises(SavingError, match="A checkpoint is called"):
        model.save_checkpoint(tmp_path / "a.ckpt")
    with pytest.raises(FileNotFoundError, match="absent"):
        model.load_checkpoint(tmp_path / "absent.lamina")


@pytest.mark.parametrize("change", [
    lambda d: d.update(version=2), lambda d: d.update(format="x"), lambda d: d.update(more=1),
    lambda d: d.update(run=[]), lambda d: d["run"].pop("feed"), lambda d: d["run"].update(epoch="1"),
    lambda d: d["run"].update(generators={"$tensor": "99999"}), lambda d: d["run"].update(feed={"$object": "os"}),
    lambda d: d["optimizer"].update(parameters=[1]),
])  # fmt: skip
def test_a_run_that_says_something_else_is_refused(tmp_path, change):
    path = tmp_path / "a.lamina"
    fit(compiled(), callbacks=[Saver(path, "on_train_batch_end", 2)])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(members["run.json"])
    change(document)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (members | {"run.json": json.dumps(document)}).items():
            archive.writestr(name, data)
    model = compiled()
    before = state(model)
    with pytest.raises(LoadingError, match="."):
        fit(model, resume_from=path)
    assert state(model) == before


# -- during fit


@pytest.mark.parametrize("save", ["save", "save_checkpoint"])
@pytest.mark.parametrize("hook, n", [
    ("on_train_begin", 1), ("on_epoch_begin", 2), ("on_train_batch_begin", 5), ("on_train_batch_end", 4),
    ("on_train_batch_end", 9), ("on_test_begin", 1), ("on_test_batch_end", 3), ("on_test_end", 2), ("on_epoch_end", 3),
])  # fmt: skip
def test_a_file_of_any_moment_goes_on_from_there(tmp_path, hook, n, save):
    x, y = arrays(40)
    arguments = {"x": x, "y": y, "batch_size": 8, "epochs": 3, "validation_split": 0.25, "verbose": 0}
    path = tmp_path / "a.lamina"

    def life(seed, **options):
        seed_all(seed)
        model = network()
        model.compile(Adam(0.01), "mse", metrics=["mae"])
        stop = EarlyStopping("val_loss", patience=5, restore_best_weights=True)
        model.fit(**arguments, callbacks=[stop, *options.pop("callbacks", [])], **options)
        return model

    class Last(Saver):  # after History and EarlyStopping
        turn = 1

    expected = result(life(1), tmp_path)
    assert_same(result(life(1, callbacks=[Last(path, hook, n, save)]), tmp_path), expected)
    assert_same(result(life(99, resume_from=path), tmp_path), expected)
    if save == "save":
        load_model(path)


def test_model_checkpoint_files_go_on(tmp_path):
    expected = network_of_three(tmp_path / "{epoch}.lamina")
    for epoch in (1, 2, 3):
        seed_all(50 + epoch)
        model = compiled()
        keep = ModelCheckpoint(tmp_path / "more.lamina")
        fit(model, epochs=3, resume_from=tmp_path / f"{epoch}.lamina", callbacks=[keep])
        assert_same(result(model, tmp_path), expected)


def network_of_three(path):
    seed_all(1)
    model = compiled()
    fit(model, epochs=3, callbacks=[ModelCheckpoint(path)])
    return result(model, path.parent)


def test_more_epochs_than_before(tmp_path):
    path = tmp_path / "a.lamina"
    seed_all(1)
    model = compiled()
    fit(model, epochs=5)
    seed_all(1)
    fit(compiled(), epochs=2, callbacks=[ModelCheckpoint(path)])
    again = compiled()
    assert fit(again, epochs=5, resume_from=path, callbacks=[ModelCheckpoint(path)]).epoch == [0, 1, 2, 3, 4]
    assert_same(result(again, tmp_path), result(model, tmp_path))


def test_another_learning_rate_keeps_epoch_and_steps(tmp_path):
    path = tmp_path / "a.lamina"
    fit(compiled(), epochs=3, callbacks=[Saver(path, "on_train_batch_end", 5)])
    model, rates = compiled(), []
    spy = LambdaCallback(on_train_batch_end=lambda b, logs: rates.append((b, float(model.optimizer.learning_rate))))
    history = fit(model, epochs=3, resume_from=path, resume_learning_rate=1e-4, callbacks=[spy])
    assert rates == [(b, 1e-4) for b in (2, 0, 1, 2)]
    assert history.epoch == [0, 1, 2]
    assert model.optimizer.iterations == 9
    with pytest.raises(lamina.ArgumentError, match=r"needs fit\(resume_from="):
        fit(model, resume_learning_rate=1e-4)


def test_a_file_without_a_training_does_not_go_on(tmp_path):
    model = compiled()
    model.save_checkpoint(tmp_path / "a.lamina")
    with pytest.raises(LoadingError, match="holds no training in progress"):
        fit(model, resume_from=tmp_path / "a.lamina")


def test_other_data_in_the_middle_of_a_pass(tmp_path):
    fit(compiled(), callbacks=[Saver(tmp_path / "a.lamina", "on_train_batch_end", 2)])
    model = compiled()
    before = state(model)
    x, y = arrays(40)
    with pytest.raises(LoadingError, match="data        5 batches instead of 3, in the middle of a pass"):
        model.fit(x, y, batch_size=8, verbose=0, resume_from=tmp_path / "a.lamina")
    assert state(model) == before


def test_a_one_shot_source_that_is_shorter(tmp_path):
    def batches(n):
        x, y = arrays(8)
        yield from ((x, y) for _ in range(n))

    saver = Saver(tmp_path / "a.lamina", "on_train_batch_end", 5)
    compiled().fit(batches(20), steps_per_epoch=4, epochs=2, verbose=0, callbacks=[saver])
    with pytest.raises(lamina.StructureError, match="ended before the place where the interrupted run was"):
        compiled().fit(batches(3), steps_per_epoch=4, epochs=2, verbose=0, resume_from=tmp_path / "a.lamina")


def test_a_state_that_a_file_has_no_word_for_is_named(tmp_path):
    class Odd(Callback):
        def state_dict(self):
            return {"best": {1, 2}}

    with pytest.raises(SavingError, match="no word for this value") as caught:
        fit(compiled(), callbacks=[Odd(), Saver(tmp_path / "a.lamina", "on_epoch_end", 1)])
    assert "callback Odd" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_states_keep_their_types(tmp_path):
    kept = {
        "plain": [1, 2.5, None, True, "a", float("nan"), float("-inf")], "numbers": {1: 0.1, 2: 0.2}, "pair": (1, 2),
        "tensor": torch.arange(3, dtype=torch.bfloat16), "array": np.arange(4.0).reshape(2, 2), "zero": np.float32(0.1),
    }  # fmt: skip

    class Holder(Callback):
        def __init__(self, state):
            super().__init__()
            self.state = state

        def state_dict(self):
            return self.state

        def load_state_dict(self, state):
            self.state = state

    fit(compiled(), callbacks=[Holder(kept), Saver(tmp_path / "a.lamina", "on_train_batch_end", 1)])
    fresh = Holder({})
    fit(compiled(), resume_from=tmp_path / "a.lamina", callbacks=[fresh])
    assert repr(fresh.state["plain"]) == repr(kept["plain"])
    assert (fresh.state["numbers"], fresh.state["pair"]) == (kept["numbers"], kept["pair"])
    assert torch.equal(fresh.state["tensor"], kept["tensor"])
    assert np.array_equal(fresh.state["array"], kept["array"])
    assert isinstance(fresh.state["array"], np.ndarray)
    assert fresh.state["zero"] == float(np.float32(0.1))


# -- seeds


def test_a_seed_repeats_a_fit_and_leaves_the_global_generators_alone():
    weights = []
    for scramble in (3, 4):
        seed_all(1)
        model = network()
        model.compile(Adam(0.01), "mse")
        seed_all(scramble)
        before = random.getstate(), np.random.get_state(), torch.get_rng_state()
        x, y = arrays()
        model.fit(x, y, batch_size=8, epochs=2, verbose=0, seed=7)
        after = random.getstate(), np.random.get_state(), torch.get_rng_state()
        assert before[0] == after[0]
        assert all(np.array_equal(a, b) for a, b in zip(before[1], after[1], strict=True))
        assert torch.equal(before[2], after[2])
        weights.append([w.detach().clone() for w in model.weights])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
