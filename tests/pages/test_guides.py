"""Patterns of the developer guides, small and in own words: models, training, steps and loops of one's own, files."""

import json
import math
import os

import numpy as np
import pytest
import torch

import lamina as keras
from lamina import layers, ops

RNG = np.random.default_rng(0)
X, Y = RNG.random((32, 6), dtype="float32"), RNG.integers(0, 3, 32)


def falls(losses):
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def classifier():
    inputs = keras.Input(shape=(6,), name="digits")
    x = layers.Dense(8, activation="relu", name="dense_1")(inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="predictions")(x))


# -- functional and sequential models


def test_functional_models():
    encoder_input = keras.Input(shape=(8, 8, 1), name="img")
    x = layers.Conv2D(4, 3, activation="relu")(encoder_input)
    encoder_output = layers.GlobalMaxPooling2D()(layers.MaxPooling2D(2)(x))
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    x = layers.Reshape((2, 2, 1))(encoder_output)
    decoder_output = layers.Conv2DTranspose(1, 3, activation="relu")(x)
    autoencoder = keras.Model(encoder_input, decoder_output, name="autoencoder")
    assert autoencoder(torch.rand(2, 8, 8, 1)).shape == (2, 4, 4, 1)
    ensemble_input = keras.Input(shape=(8, 8, 1))
    outputs = layers.average([keras.models.clone_model(encoder)(ensemble_input) for _ in range(3)])
    assert keras.Model(inputs=ensemble_input, outputs=outputs).predict(np.ones((1, 8, 8, 1)), verbose=0).shape == (1, 4)
    features = keras.Model(inputs=encoder.inputs, outputs=[layer.output for layer in encoder.layers])
    assert len(features(torch.rand(1, 8, 8, 1))) == 4


def test_several_inputs_and_outputs(tmp_path):
    title, body, tags = (
        keras.Input((None,), name="title"),
        keras.Input((None,), name="body"),
        keras.Input((4,), name="tags"),
    )
    shared = layers.Embedding(50, 8)
    x = layers.concatenate([layers.LSTM(4)(shared(title)), layers.LSTM(4)(shared(body)), tags])
    priority, department = layers.Dense(1, name="priority")(x), layers.Dense(3, name="department")(x)
    model = keras.Model(inputs=[title, body, tags], outputs={"priority": priority, "department": department})
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-2),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    data = {
        "title": RNG.integers(50, size=(8, 5)),
        "body": RNG.integers(50, size=(8, 7)),
        "tags": RNG.integers(2, size=(8, 4)),
    }
    targets = {"priority": RNG.random(size=(8, 1)), "department": np.eye(3)[RNG.integers(3, size=8)]}
    falls(model.fit(data, targets, epochs=3, batch_size=4, verbose=0).history["loss"])
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        loaded.predict(data, verbose=0)["priority"], model.predict(data, verbose=0)["priority"], atol=1e-6
    )


def test_sequential_models():
    model = keras.Sequential(name="my_sequential")
    model.add(layers.Dense(2, activation="relu", name="layer1"))
    model.add(layers.Dense(3, activation="relu", name="layer2"))
    model.add(layers.Dense(4, name="layer3"))
    model.pop()
    assert len(model.layers) == 2
    y = model(np.ones((1, 4)))
    assert (y.shape, len(model.weights)) == ((1, 3), 4)
    picture = keras.Sequential([keras.Input(shape=(12, 12, 3)), layers.Conv2D(4, 5, strides=2, activation="relu")])
    picture.add(layers.GlobalMaxPooling2D())
    picture.summary(print_fn=lambda line, **_: None)
    extractor = keras.Model(inputs=picture.inputs, outputs=[layer.output for layer in picture.layers])
    assert [tuple(t.shape) for t in extractor(ops.ones((1, 12, 12, 3)))] == [(1, 4, 4, 4), (1, 4)]
    frozen = keras.Sequential([picture, layers.Dense(2)])
    picture.trainable = False
    assert len(frozen.trainable_weights) == 2


# -- training with compile and fit


class TruePositives(keras.metrics.Metric):
    def __init__(self, name="categorical_true_positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.true_positives = self.add_variable(shape=(), name="ctp", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.reshape(ops.argmax(y_pred, axis=1), (-1, 1))
        values = ops.cast(ops.cast(y_true, "int32").reshape(-1, 1) == ops.cast(y_pred, "int32"), "float32")
        if sample_weight is not None:
            values = ops.multiply(values, ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1)))
        self.true_positives.assign_add(ops.sum(values))

    def result(self):
        return self.true_positives.value

    def reset_state(self):
        self.true_positives.assign(0.0)


class WithPenalty(layers.Layer):
    def call(self, inputs):
        self.add_loss(ops.sum(inputs) * 0.1)
        return inputs


def test_built_in_training():
    def custom_mean_squared_error(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    class CustomMSE(keras.losses.Loss):
        def __init__(self, regularization_factor=0.1, name="custom_mse"):
            super().__init__(name=name)
            self.regularization_factor = regularization_factor

        def call(self, y_true, y_pred):
            mse = ops.mean(ops.square(y_true - y_pred), axis=-1)
            return mse + ops.mean(ops.square(0.5 - y_pred), axis=-1) * self.regularization_factor

    one_hot = keras.utils.to_categorical(Y, 3)
    for loss in (custom_mean_squared_error, CustomMSE()):
        model = classifier()
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
        falls(model.fit(X, one_hot, batch_size=8, epochs=3, verbose=0).history["loss"])
    inputs = keras.Input((6,))
    x = WithPenalty()(layers.Dense(8, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(3)(x))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=10, decay_rate=0.96, staircase=True)
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[TruePositives()],
        weighted_metrics=["accuracy"],
    )
    weights = np.ones(32)
    weights[Y == 1] = 2.0
    history = model.fit(X, Y, sample_weight=weights, epochs=4, validation_data=(X, Y, weights), verbose=0).history
    falls(history["loss"])
    assert {"categorical_true_positives", "accuracy", "val_accuracy"} <= set(history)
    falls(
        model.fit(X, Y, class_weight={0: 1.0, 1: 1.0, 2: 2.0}, validation_split=0.2, epochs=3, verbose=0).history[
            "loss"
        ]
    )
    assert model.evaluate(X, Y, verbose=0, return_dict=True).keys() == {
        "loss",
        "categorical_true_positives",
        "accuracy",
    }


def test_data_by_a_sequence_and_by_torch():
    class Rows(keras.utils.PyDataset):
        def __init__(self, x, y, batch_size, **kwargs):
            super().__init__(**kwargs)
            self.x, self.y, self.batch_size = x, y, batch_size

        def __len__(self):
            return math.ceil(len(self.x) / self.batch_size)

        def __getitem__(self, idx):
            part = slice(idx * self.batch_size, (idx + 1) * self.batch_size)
            return self.x[part], self.y[part]

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=8)
    for data in (Rows(X, Y, 8), loader, Rows(X, Y, 8, workers=2)):
        model = classifier()
        model.compile(
            keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"]
        )
        falls(model.fit(data, epochs=3, validation_data=data, verbose=0).history["loss"])
        assert len(model.evaluate(data, verbose=0)) == 2


def test_callbacks(tmp_path):
    seen = []

    class Lines(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("start")
            self.best, self.wait, self.stopped_epoch = np.inf, 0, 0

        def on_epoch_begin(self, epoch, logs=None):
            rate = float(self.model.optimizer.learning_rate)
            self.model.optimizer.learning_rate = rate if epoch < 2 else rate * 0.5

        def on_train_batch_end(self, batch, logs=None):
            assert "loss" in (logs or {})

        def on_epoch_end(self, epoch, logs=None):
            current = logs.get("loss")
            if np.less(current, self.best):
                self.best, self.wait, self.best_weights = current, 0, self.model.get_weights()
            else:
                self.wait += 1
            if epoch == 3:
                self.stopped_epoch, self.model.stop_training = epoch, True
                self.model.set_weights(self.best_weights)

        def on_predict_batch_end(self, batch, logs=None):
            seen.append(tuple(np.shape(logs["outputs"])))

    model = classifier()
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    lines = Lines()
    callbacks = [
        lines,
        keras.callbacks.EarlyStopping(
            monitor="val_loss", min_delta=1e-2, patience=9, verbose=0, restore_best_weights=True
        ),
        keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), monitor="val_loss", save_best_only=True),
        keras.callbacks.CSVLogger(str(tmp_path / "log.csv")),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.99),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = model.fit(X, Y, epochs=9, validation_split=0.2, callbacks=callbacks, verbose=0)
    falls(history.history["loss"])
    assert (len(history.epoch), lines.stopped_epoch) == (4, 3)
    assert (tmp_path / "best.keras").exists()
    model.predict(X, batch_size=16, callbacks=[lines], verbose=0)
    assert seen == ["start", 0, 1, 2, 3, (16, 3), (16, 3)]
    keras.models.load_model(tmp_path / "best.keras").evaluate(X, Y, verbose=0)


# -- steps and loops of one's own


class CustomModel(keras.Model):
    def train_step(self, data):
        x, y, *rest = data
        sample_weight = rest[0] if rest else None
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
        loss.backward()
        trainable_weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred, sample_weight=sample_weight)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


@pytest.mark.parametrize("weighted", [False, True])
def test_a_train_step_of_ones_own(weighted):
    inputs = keras.Input(shape=(6,))
    model = CustomModel(inputs, layers.Dense(1)(inputs))
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse", metrics=["mae"])
    weights = {"sample_weight": RNG.random((32, 1))} if weighted else {}
    history = model.fit(X, X.sum(1, keepdims=True), epochs=4, **weights, verbose=0).history
    falls(history["loss"])
    assert set(history) == {"loss", "mae"}
    assert model.evaluate(X, X.sum(1, keepdims=True), verbose=0, return_dict=True).keys() == {"loss", "mae"}


def test_trackers_instead_of_compile():
    class Lower(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = keras.losses.MeanSquaredError()

        def train_step(self, data):
            x, y = data
            self.zero_grad()
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
            loss.backward()
            with torch.no_grad():
                self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    inputs = keras.Input(shape=(6,))
    model = Lower(inputs, layers.Dense(1)(inputs))
    model.compile(optimizer="adam")
    history = model.fit(X, X[:, :1], epochs=3, verbose=0).history
    falls(history["loss"])
    assert set(history) == {"loss", "mae"}


@pytest.mark.parametrize("optimizer", ["torch", "keras"])
def test_a_loop_of_ones_own(optimizer):
    model = classifier()
    loss_fn = keras.losses.SparseCategoricalCrossentropy()
    train_metric, val_metric = (keras.metrics.SparseCategoricalAccuracy() for _ in range(2))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=8)
    own = torch.optim.Adam(model.parameters(), lr=0.02) if optimizer == "torch" else keras.optimizers.Adam(0.02)
    losses = []
    for _ in range(4):
        for inputs, targets in loader:
            logits = model(inputs, training=True)
            loss = loss_fn(targets, logits)
            model.zero_grad()
            trainable_weights = list(model.trainable_weights)
            loss.backward()
            if optimizer == "torch":
                own.step()
            else:
                with torch.no_grad():
                    own.apply([v.value.grad for v in trainable_weights], trainable_weights)
            train_metric.update_state(targets, logits)
        losses.append(float(loss.detach()))
        train_metric.reset_state()
        for inputs, targets in loader:
            val_metric.update_state(targets, model(inputs, training=False))
        assert 0 <= float(val_metric.result()) <= 1
        val_metric.reset_state()
    falls(losses)


# -- layers and models by subclassing


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ComputeSum(layers.Layer):
    def __init__(self, input_dim):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(input_dim,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.linear_1, self.linear_2, self.linear_3 = Linear(4), Linear(4), Linear(1)
        self.dropout = layers.Dropout(0.5)
        self.dense = layers.Dense(4, kernel_regularizer=keras.regularizers.l2(1e-3))

    def call(self, inputs, training=None):
        x = ops.relu(self.linear_1(inputs))
        x = self.dropout(ops.relu(self.linear_2(x)), training=training)
        self.add_loss(1e-2 * ops.mean(x))
        return self.linear_3(self.dense(x))


def test_layers_by_subclassing():
    layer = ComputeSum(2)
    layer(ops.ones((2, 2)))
    assert layer(ops.ones((2, 2))).numpy().tolist() == [4.0, 4.0]
    assert (len(layer.weights), len(layer.trainable_weights)) == (1, 0)
    block = Block()
    block(ops.ones(shape=(3, 6)))
    assert (len(block.weights), len(block.trainable_weights), len(block.losses)) == (8, 8, 2)
    block(ops.zeros((1, 6)))
    assert len(block.losses) == 2
    config = Linear(7).get_config()
    assert Linear.from_config(config).units == 7

    class Network(keras.Model):
        def __init__(self, blocks=2):
            super().__init__()
            self.blocks = [Block() for _ in range(blocks)]
            self.classifier = layers.Dense(1)

        def call(self, inputs, training=False):
            x = sum(block(inputs, training=training) for block in self.blocks)
            return self.classifier(x)

    model = Network()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    falls(model.fit(X, X[:, 0], epochs=4, verbose=0).history["loss"])
    assert len(model.losses) == 4


# -- transfer learning


def test_transfer_learning():
    base = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
        ]
    )
    base.trainable = False
    inputs = keras.Input(shape=(8, 8, 3))
    x = base(layers.Rescaling(scale=1 / 127.5, offset=-1)(inputs), training=False)
    model = keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.2)(x)))
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (2, 6)
    model.compile(
        optimizer=keras.optimizers.Adam(0.05),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    x, y = RNG.random((16, 8, 8, 3)) * 255, np.arange(16) % 2
    x[y == 1] *= 0.5
    before = base.get_weights()
    with pytest.warns(UserWarning, match=r"Try BinaryAccuracy\(threshold=0.0\)"):  # the guide's own mistake
        falls(model.fit(x, y, epochs=4, verbose=0).history["loss"])
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    base.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, y, epochs=1, verbose=0)
    assert not np.array_equal(before[0], base.get_weights()[0])
    np.testing.assert_array_equal(before[4], base.get_weights()[4])  # moving averages: called in inference mode
    layer = layers.Dense(3)
    layer.build((None, 4))
    layer.trainable = False
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, 2)


# -- files


@keras.saving.register_keras_serializable(package="Pages")
class CustomDense(layers.Layer):
    def __init__(self, units, activation=None, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.inner = inner if inner is not None else layers.Dense(units)
        self.variables_of_vocabulary = np.arange(3.0)

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.built = True

    def call(self, x):
        return self.activation(self.inner(x))

    def get_config(self):
        own = {"units": self.units, "activation": keras.activations.serialize(self.activation)}
        return {**super().get_config(), **own, "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config):
        config["inner"] = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(**config)


@keras.saving.register_keras_serializable(package="Pages", name="double")
def double(x):
    return x * 2


class WithStore(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.vocabulary = None

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, x):
        return ops.matmul(x, self.kernel)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["extra"] = np.asarray([4.0, 2.0])

    def load_own_variables(self, store):
        self.extra = np.asarray(store["extra"])
        self.kernel.assign(store["0"])

    def save_assets(self, inner_path):
        with open(os.path.join(inner_path, "vocabulary.txt"), "w") as f:
            f.write(" ".join(self.vocabulary or []))

    def load_assets(self, inner_path):
        with open(os.path.join(inner_path, "vocabulary.txt")) as f:
            self.vocabulary = f.read().split()

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_saving_basics(tmp_path):
    model = classifier()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "my_model.keras")
    again = keras.models.load_model(tmp_path / "my_model.keras")
    np.testing.assert_allclose(model.predict(X, verbose=0), again.predict(X, verbose=0), atol=1e-6)
    np.testing.assert_allclose(
        again.fit(X, Y, verbose=0).history["loss"], model.fit(X, Y, verbose=0).history["loss"], atol=1e-5
    )
    model.save_weights(tmp_path / "my.weights.h5")
    other = keras.models.model_from_json(model.to_json())
    other.load_weights(tmp_path / "my.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    config = json.loads(json.dumps(model.get_config()))
    assert keras.Model.from_config(config).count_params() == model.count_params()
    target, source = layers.Dense(8), model.get_layer("dense_1")
    target.build((None, 6))
    target.set_weights(source.get_weights())
    partial = keras.Model(model.inputs, model.get_layer("dense_1").output)
    np.testing.assert_allclose(partial(X).detach(), ops.relu(target(X)).detach(), atol=1e-6)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())


def test_saving_customized(tmp_path):
    inputs = keras.Input((6,))
    x = CustomDense(4, activation=double)(inputs)
    model = keras.Model(inputs, WithStore(2, name="store")(x))
    model.get_layer("store").vocabulary = ["a", "b"]
    model.save(tmp_path / "custom.keras")
    with pytest.raises(Exception, match="WithStore"):
        keras.models.load_model(tmp_path / "custom.keras")
    with keras.saving.custom_object_scope({"WithStore": WithStore}):
        again = keras.models.load_model(tmp_path / "custom.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)
    assert again.get_layer("store").vocabulary == ["a", "b"]
    assert again.get_layer("store").extra.tolist() == [4, 2]
    assert keras.saving.get_registered_name(CustomDense) == "Pages>CustomDense"
    keras.config.disable_interactive_logging()
    keras.config.enable_interactive_logging()


@keras.saving.register_keras_serializable(package="Pages")
class CompiledOwn(keras.Model):
    def __init__(self, hidden_units, **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.dense_layers = [layers.Dense(u) for u in hidden_units]

    def call(self, inputs):
        x = inputs
        for layer in self.dense_layers:
            x = layer(x)
        return x

    def compile(self, optimizer, loss_fn, metrics):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.model_optimizer, self.loss_fn, self.loss_metrics = optimizer, loss_fn, metrics

    def get_compile_config(self):
        return {
            "model_optimizer": self.model_optimizer,
            "loss_fn": self.loss_fn,
            "metric": self.loss_metrics,
        }

    def compile_from_config(self, config):
        optimizer = keras.saving.deserialize_keras_object(config["model_optimizer"])
        loss_fn = keras.saving.deserialize_keras_object(config["loss_fn"])
        metrics = keras.saving.deserialize_keras_object(config["metric"])
        self.compile(optimizer=optimizer, loss_fn=loss_fn, metrics=metrics)

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        loss = self.loss_fn(y, self(x, training=True))
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        return {"loss": loss}

    def get_config(self):
        return {**super().get_config(), "hidden_units": self.hidden_units}


def test_a_compile_of_ones_own_is_saved(tmp_path):
    model = CompiledOwn([4, 1])
    model.compile(keras.optimizers.SGD(0.05), keras.losses.MeanSquaredError(), [keras.metrics.MeanAbsoluteError()])
    falls(model.fit(X, X[:, :1], epochs=4, verbose=0).history["loss"])
    model.save(tmp_path / "own.keras")
    again = keras.models.load_model(tmp_path / "own.keras")
    assert isinstance(again.loss_fn, keras.losses.MeanSquaredError)
    falls(again.fit(X, X[:, :1], epochs=3, verbose=0).history["loss"])
