"""How a model is trained comes along: a loaded model goes on as if it had never been away."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lamina import Model, Sequential, layers, losses, metrics, optimizers
from lamina.layers import Dense, Input
from lamina.models import load_model
from lamina.saving import LoadingError
from lamina.saving.archive import OPTIMIZER, read_archive, write_archive

ROOT = Path(__file__).resolve().parents[2]

GO_ON = """
import sys, torch
import numpy as np
from pathlib import Path
from lamina.models import load_model
for path in sorted(Path(sys.argv[1]).glob("*.lamina")):
    model = load_model(path)
    data = torch.load(path.with_suffix(".data"), weights_only=False)
    logs = model.train_on_batch(*data, return_dict=True)
    torch.save((dict(model.state_dict()), logs, model.optimizer.iterations), path.with_suffix(".after"))
"""


def images() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((16, 8, 8, 2)).astype("float32"), rng.integers(0, 3, 16)


def small_network(**last: Any) -> Model:
    torch.manual_seed(1)
    x = Input((8, 8, 2))
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu", kernel_constraint="max_norm")(x))
    y = Dense(6, activation="relu", kernel_regularizer="l2", activity_regularizer="l1")(layers.Flatten()(y))
    return Model(x, Dense(3, name="logits", **last)(y))


def with_adam() -> Model:
    model = small_network()
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def with_schedule() -> Model:
    model = small_network()
    rate = optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    sgd = optimizers.SGD(rate, momentum=0.9, nesterov=True, clipnorm=1.0)
    model.compile(sgd, {"logits": losses.SparseCategoricalCrossentropy(from_logits=True)}, metrics={"logits": ["acc"]})
    return model


def with_exceptions_from_decay() -> Model:
    model = small_network(activation="softmax")
    adam = optimizers.AdamW(0.01, weight_decay=0.1, use_ema=True, ema_overwrite_frequency=2)
    adam.exclude_from_weight_decay(var_names=["bias", "gamma"], var_list=[model.layers[1].kernel])
    model.compile(adam, "sparse_categorical_crossentropy", weighted_metrics=[metrics.SparseCategoricalAccuracy("hits")])
    return model


def with_frozen_layers() -> Model:
    model = small_network()
    model.layers[1].trainable = False
    model.compile(optimizers.RMSprop(0.01), losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


MODELS: dict[str, Callable[[], Model]] = {
    build.__name__: build for build in (with_adam, with_schedule, with_exceptions_from_decay, with_frozen_layers)
}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """(what this process has after one more step, what a fresh process has that loaded the model) by case."""
    folder = tmp_path_factory.mktemp("training")
    x, y = images()
    ours = {}
    for name, build in MODELS.items():
        model = build()
        model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
        model.save(folder / f"{name}.lamina")
        torch.save((x[:8], y[:8]), folder / f"{name}.data")
        logs = model.train_on_batch(x[:8], y[:8], return_dict=True)
        ours[name] = dict(model.state_dict()), logs, model.optimizer.iterations
    process = subprocess.run([sys.executable, "-c", GO_ON, folder], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return {name: (ours[name], torch.load(folder / f"{name}.after", weights_only=False)) for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_one_more_step_is_bit_equal(after: dict[str, tuple[Any, Any]], name: str) -> None:
    (weights, logs, steps), (their_weights, their_logs, their_steps) = after[name]
    assert steps == their_steps == 5
    assert logs == their_logs
    assert list(weights) == list(their_weights)
    assert all(torch.equal(weights[path], their_weights[path]) for path in weights)


def test_moving_averages_come_along(tmp_path: Path) -> None:
    model = with_adam()
    x, y = images()
    model.fit(x, y, epochs=1, verbose=0)
    model.save(tmp_path / "m.lamina")
    norm = load_model(tmp_path / "m.lamina").layers[2]
    assert torch.equal(norm.moving_mean, model.layers[2].moving_mean)
    assert norm.moving_mean.abs().sum() > 0
    assert not norm.moving_mean.requires_grad


def test_a_model_that_was_compiled_but_not_trained(tmp_path: Path) -> None:
    model = with_adam()
    model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    x, y = images()
    assert loaded.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(x, y, verbose=0, return_dict=True)
    assert isinstance(loaded.optimizer, optimizers.Adam)


def test_compile_false_leaves_it_alone(tmp_path: Path) -> None:
    with_adam().save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina", compile=False)
    assert loaded.optimizer is None
    with pytest.raises(ValueError, match="not compiled yet"):
        loaded.evaluate(*images())


def own_loss(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return (y_true - y_pred).abs().mean(-1)


def regression(**compiled: Any) -> Model:
    model = Sequential([Input((3,)), Dense(1)])
    model.compile(**compiled)
    model.fit(np.ones((8, 3), "float32"), np.ones((8, 1), "float32"), verbose=0)
    return model


def test_a_loss_of_the_users_comes_from_custom_objects(tmp_path: Path) -> None:
    model = regression(optimizer="adam", loss=own_loss, metrics=["mae", own_loss])
    model.save(tmp_path / "m.lamina")
    data = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    loaded = load_model(tmp_path / "m.lamina", custom_objects={"own_loss": own_loss})
    assert loaded.train_on_batch(*data) == model.train_on_batch(*data)
    with pytest.warns(UserWarning, match="loaded but not compiled: it was compiled with own_loss"):
        loaded = load_model(tmp_path / "m.lamina")
    loaded.compile(loaded.optimizer, loss=own_loss)  # the state of the optimizer is there
    assert loaded.optimizer.iterations == 1


def test_a_loss_without_a_name_is_left_out_with_a_warning(tmp_path: Path) -> None:
    model = regression(optimizer="sgd", loss=lambda y_true, y_pred: (y_true - y_pred).square().mean(-1))
    with pytest.warns(UserWarning, match="saved without its losses and metrics: This loss cannot be saved"):
        model.save(tmp_path / "m.lamina")
    loaded = load_model(tmp_path / "m.lamina")
    assert loaded.optimizer.iterations == 1
    assert loaded._compiled is None


def test_an_optimizer_of_pytorch_is_left_out_with_a_warning(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Dense(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile(torch.optim.SGD(model.parameters(), 0.1), "mse")
    with pytest.warns(UserWarning, match="saved without its optimizer: It is one of PyTorch's"):
        model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match="loaded but not compiled: it was compiled with its optimizer"):
        load_model(tmp_path / "m.lamina")


def test_an_optimizer_that_serves_two_models_is_left_out_with_a_warning(tmp_path: Path) -> None:
    model, other = (Sequential([Input((3,)), Dense(1)]) for _ in range(2))
    adam = optimizers.Adam()
    adam.build([*model.parameters(), *other.parameters()])
    model.compile(adam, "mse")
    with pytest.warns(UserWarning, match="without its optimizer: It was built on parameters that are not this model's"):
        model.save(tmp_path / "m.lamina")


def test_state_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    adam, sgd = tmp_path / "adam.lamina", tmp_path / "sgd.lamina"
    regression(optimizer="adam", loss="mse").save(adam)
    regression(optimizer=optimizers.SGD(0.1, momentum=0.9), loss="mse").save(sgd)
    write_archive(adam, {**read_archive(adam), OPTIMIZER: read_archive(sgd)[OPTIMIZER]}, overwrite=True)
    with pytest.raises(LoadingError, match="The config of the optimizer or its state is malformed"):
        load_model(adam)


class CompiledItsWay(Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.out = Dense(1)

    def call(self, x):
        return self.out(x)

    def compile(self, step):
        super().compile(optimizers.SGD(step), "mse")


def test_a_class_with_a_compile_of_its_own_is_said_to_be_loaded_without_it(tmp_path):
    model = CompiledItsWay()
    model.compile(0.1)
    x = np.ones((4, 2), "float32")
    model.fit(x, np.ones((4, 1), "float32"), verbose=0)
    model.save(tmp_path / "m.lamina")
    with pytest.warns(UserWarning, match=r"loaded but not compiled(?s:.*)get_compile_config"):
        again = load_model(tmp_path / "m.lamina", custom_objects={"CompiledItsWay": CompiledItsWay})
    assert not again.compiled
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0))
