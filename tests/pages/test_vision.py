"""Patterns of public examples on pictures, small and in own words, as `import lamina as keras` runs them."""

import numpy as np
import pytest
import torch

import lamina as keras
from lamina import layers, ops

RNG = np.random.default_rng(0)


def pictures(n=8, size=8, channels=1):
    return RNG.random((n, size, size, channels), dtype="float32")


def falls(losses):
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


# -- a vision transformer


class Patches(layers.Layer):
    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, images):
        shape = ops.shape(images)
        batch, height, width, channels = shape
        rows, columns = height // self.patch_size, width // self.patch_size
        patches = ops.image.extract_patches(images, size=self.patch_size)
        return ops.reshape(patches, (batch, rows * columns, self.patch_size * self.patch_size * channels))

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


class PatchEncoder(layers.Layer):
    def __init__(self, num_patches, width, **kwargs):
        super().__init__(**kwargs)
        self.num_patches = num_patches
        self.projection = layers.Dense(width)
        self.places = layers.Embedding(input_dim=num_patches, output_dim=width)

    def call(self, patch):
        positions = ops.expand_dims(ops.arange(start=0, stop=self.num_patches, step=1), axis=0)
        return self.projection(patch) + self.places(positions)


def test_vision_transformer():
    inputs = keras.Input(shape=(8, 8, 3))
    encoded = PatchEncoder(16, 8)(Patches(2)(inputs))
    for _ in range(2):
        x1 = layers.LayerNormalization(epsilon=1e-6)(encoded)
        attended = layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.1)(x1, x1)
        x2 = layers.Add()([attended, encoded])
        x3 = layers.LayerNormalization(epsilon=1e-6)(x2)
        for units in (16, 8):
            x3 = layers.Dropout(0.1)(layers.Dense(units, activation=keras.activations.gelu)(x3))
        encoded = layers.Add()([x3, x2])
    features = layers.Dropout(0.5)(layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(encoded)))
    model = keras.Model(inputs=inputs, outputs=layers.Dense(3)(features))
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=0.01, weight_decay=0.0001),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseTopKCategoricalAccuracy(2, name="top-2-accuracy"),
        ],
    )
    x, y = pictures(16, 8, 3), np.arange(16) % 3
    history = model.fit(x, y, batch_size=8, epochs=6, validation_split=0.25, verbose=0).history
    falls(history["loss"])
    assert {"accuracy", "top-2-accuracy", "val_accuracy"} <= set(history)
    patches = Patches(2)(ops.convert_to_tensor(x[:1]))
    assert patches.shape == (1, 16, 12)
    np.testing.assert_array_equal(patches[0, 0].reshape(2, 2, 3), x[0, :2, :2])


class MLPMixer(layers.Layer):
    """Its first network mixes positions, so the weights of that hang on their number."""

    def __init__(self, positions, width, **kwargs):
        super().__init__(**kwargs)
        self.mlp1 = keras.Sequential([layers.Dense(positions, activation="gelu"), layers.Dense(positions)])
        self.mlp2 = keras.Sequential([layers.Dense(positions, activation="gelu"), layers.Dense(width)])
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def build(self, input_shape):
        return super().build(input_shape)

    def call(self, inputs):
        channels = ops.transpose(self.normalize(inputs), axes=(0, 2, 1))
        x = ops.transpose(self.mlp1(channels), axes=(0, 2, 1)) + inputs
        return x + self.mlp2(self.normalize(x))


def test_mlp_mixer_in_a_sequential():
    inputs = keras.Input((8, 8, 3))
    x = layers.Reshape((16, 4))(layers.Conv2D(4, 2, strides=2)(inputs))
    blocks = keras.Sequential([MLPMixer(16, 4) for _ in range(2)])
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(blocks(x))))
    assert blocks.layers[0].mlp1.layers[0].kernel.shape == (16, 16)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.01), loss)
    falls(model.fit(pictures(8, 8, 3), np.arange(8) % 3, epochs=3, verbose=0).history["loss"])


# -- siamese networks


class Distance(layers.Layer):
    def call(self, anchor, positive, negative):
        return ops.sum(ops.square(anchor - positive), -1), ops.sum(ops.square(anchor - negative), -1)


class Siamese(keras.Model):
    def __init__(self, network, margin=0.5):
        super().__init__()
        self.network, self.margin = network, margin
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def call(self, inputs):
        return self.network(inputs)

    def train_step(self, data):
        loss = self._loss(data)
        self.zero_grad()
        loss.backward()
        weights = list(self.network.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([w.value.grad for w in weights], weights)
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}

    def test_step(self, data):
        self.loss_tracker.update_state(self._loss(data))
        return {"loss": self.loss_tracker.result()}

    def _loss(self, data):
        near, far = self.network(data)
        return ops.mean(ops.maximum(near - far + self.margin, 0.0))

    @property
    def metrics(self):
        return [self.loss_tracker]


def embedding_network():
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(4)]
    )


def test_siamese_by_triplets():
    embedding = embedding_network()
    anchor, positive, negative = (
        keras.Input(name=name, shape=(8, 8, 1)) for name in ("anchor", "positive", "negative")
    )
    distances = Distance()(embedding(anchor), embedding(positive), embedding(negative))
    model = Siamese(keras.Model(inputs=[anchor, positive, negative], outputs=distances))
    model.compile(optimizer=keras.optimizers.Adam(0.01), weighted_metrics=[])
    x = pictures(16)
    rows = torch.utils.data.TensorDataset(*map(torch.tensor, (x, x + 0.01, x[::-1].copy())))
    loader = torch.utils.data.DataLoader([tuple(row) for row in rows], batch_size=8)
    falls(model.fit(loader, epochs=5, validation_data=loader, verbose=0).history["val_loss"])
    cosine = keras.metrics.CosineSimilarity()
    assert float(cosine(embedding(x[:2]), embedding(x[:2]))) == pytest.approx(1, abs=1e-5)


def test_siamese_by_pairs_and_a_contrastive_loss():
    def distance(vectors):
        x, y = vectors
        total = ops.sum(ops.square(x - y), axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(total, keras.backend.epsilon()))

    def loss(margin=1):
        def contrastive_loss(y_true, y_pred):
            square, margin_square = ops.square(y_pred), ops.square(ops.maximum(margin - y_pred, 0))
            return ops.mean((1 - y_true) * square + y_true * margin_square)

        return contrastive_loss

    embedding = embedding_network()
    left, right = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    merged = layers.Lambda(distance, output_shape=(1,))([embedding(left), embedding(right)])
    outputs = layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(merged))
    model = keras.Model(inputs=[left, right], outputs=outputs)
    model.compile(loss=loss(margin=1), optimizer="RMSprop", metrics=["accuracy"])
    x = pictures(16)
    y = np.arange(16) % 2
    pairs = [x, np.where(y[:, None, None, None], x[::-1], x)]
    history = model.fit(pairs, y, validation_data=(pairs, y), batch_size=4, epochs=6, verbose=0).history
    falls(history["loss"])
    assert len(model.evaluate(pairs, y, verbose=0)) == 2


# -- U-Net


def test_unet():
    inputs = keras.Input(shape=(16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    previous = x
    for filters in (4, 8):
        x = layers.Activation("relu")(x)
        x = layers.BatchNormalization()(layers.SeparableConv2D(filters, 3, padding="same")(x))
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2, padding="same")(previous)
        x = previous = layers.add([x, residual])
    for filters in (8, 4, 4):
        x = layers.Activation("relu")(x)
        x = layers.BatchNormalization()(layers.Conv2DTranspose(filters, 3, padding="same")(x))
        x = layers.UpSampling2D(2)(x)
        residual = layers.Conv2D(filters, 1, padding="same")(layers.UpSampling2D(2)(previous))
        x = previous = layers.add([x, residual])
    model = keras.Model(inputs, layers.Conv2D(3, 3, activation="softmax", padding="same")(x))
    assert model.output_shape == (None, 16, 16, 3)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="sparse_categorical_crossentropy")
    x, y = pictures(4, 16, 3), RNG.integers(0, 3, (4, 16, 16, 1)).astype("uint8")
    falls(model.fit(x, y, epochs=4, verbose=0).history["loss"])
    assert np.argmax(model.predict(x, verbose=0)[0], axis=-1).shape == (16, 16)


# -- Grad-CAM


def small_classifier():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = layers.Conv2D(4, 3, activation="relu", name="last_conv")(x)
    return keras.Model(inputs, layers.Dense(3, name="predictions")(layers.GlobalAveragePooling2D(name="pool")(x)))


def test_grad_cam():
    model = small_classifier()
    model.layers[-1].activation = None
    grad_model = keras.models.Model(model.inputs, [model.get_layer("last_conv").output, model.output])
    features, predictions = grad_model(torch.tensor(pictures(1, 8, 3)))
    features.retain_grad()
    predictions[0, ops.argmax(predictions[0])].backward()
    pooled = ops.mean(features.grad, axis=(0, 1, 2))
    heatmap = ops.squeeze(features[0] @ pooled[..., None])
    heatmap = ops.maximum(heatmap, 0) / ops.maximum(ops.max(heatmap), 1e-9)
    assert ops.convert_to_numpy(heatmap).shape == (4, 4)


# -- adversarial networks


class Gan(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator, self.generator, self.latent_dim = discriminator, generator, latent_dim
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.built = True

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss_metric, self.g_loss_metric]

    def train_step(self, real_images):
        if isinstance(real_images, tuple):
            real_images = real_images[0]
        batch_size = real_images.shape[0]
        latent = keras.random.normal(shape=(batch_size, self.latent_dim), seed=self.seed_generator)
        combined = ops.concatenate([self.generator(latent), ops.convert_to_tensor(real_images)], axis=0)
        labels = ops.concatenate([ops.ones((batch_size, 1)), ops.zeros((batch_size, 1))], axis=0)
        labels += 0.05 * keras.random.uniform(labels.shape, seed=self.seed_generator)
        self.zero_grad()
        d_loss = self.loss_fn(labels, self.discriminator(combined))
        d_loss.backward()
        weights = list(self.discriminator.trainable_weights)
        with torch.no_grad():
            self.d_optimizer.apply([w.value.grad for w in weights], weights)
        self.zero_grad()
        latent = keras.random.normal(shape=(batch_size, self.latent_dim), seed=self.seed_generator)
        g_loss = self.loss_fn(ops.zeros((batch_size, 1)), self.discriminator(self.generator(latent)))
        g_loss.backward()
        weights = list(self.generator.trainable_weights)
        with torch.no_grad():
            self.g_optimizer.apply([w.value.grad for w in weights], weights)
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {"d_loss": self.d_loss_metric.result(), "g_loss": self.g_loss_metric.result()}


class Drawings(keras.callbacks.Callback):
    def __init__(self, latent_dim, seen):
        super().__init__()
        self.latent_dim, self.seen = latent_dim, seen

    def on_epoch_end(self, epoch, logs=None):
        images = self.model.generator(keras.random.normal((2, self.latent_dim), seed=1)) * 255
        self.seen.append(keras.utils.array_to_img(images.detach()[0]).size)


def test_gan():
    discriminator = keras.Sequential(
        [
            keras.Input(shape=(8, 8, 1)),
            layers.Conv2D(4, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )
    generator = keras.Sequential(
        [
            keras.Input(shape=(4,)),
            layers.Dense(4 * 4 * 4),
            layers.Reshape((4, 4, 4)),
            layers.Conv2DTranspose(8, kernel_size=4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, kernel_size=5, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )
    gan, seen = Gan(discriminator=discriminator, generator=generator, latent_dim=4), []
    gan.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.001),
        g_optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss_fn=keras.losses.BinaryCrossentropy(),
    )
    before = generator.get_weights()
    history = gan.fit(pictures(8), epochs=3, batch_size=4, callbacks=[Drawings(4, seen)], verbose=0).history
    assert np.isfinite(history["d_loss"] + history["g_loss"]).all()
    assert seen == [(8, 8)] * 3
    assert not np.array_equal(before[0], generator.get_weights()[0])


def test_wasserstein_gan_with_a_gradient_penalty():
    critic = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    real, fake = torch.rand(6, 4), torch.rand(6, 4)
    alpha = keras.random.uniform((6, 1))
    mixed = (real + alpha * (fake - real)).requires_grad_()
    (grads,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    penalty = ops.mean((ops.norm(grads, axis=1) - 1.0) ** 2)
    loss = ops.mean(critic(fake)) - ops.mean(critic(real)) + 10 * penalty
    loss.backward()
    assert all(w.grad is not None and w.grad.isfinite().all() for w in critic.trainable_weights[:3])


# -- diffusion


def sinusoidal_embedding(x):
    frequencies = ops.exp(ops.linspace(ops.log(1.0), ops.log(100.0), 4))
    angular = ops.cast(2.0 * np.pi * frequencies, "float32")
    return ops.concatenate([ops.sin(angular * x), ops.cos(angular * x)], axis=3)


def denoiser():
    noisy, variances = keras.Input((8, 8, 1)), keras.Input((1, 1, 1))
    e = layers.Lambda(sinusoidal_embedding, output_shape=(1, 1, 8))(variances)
    e = layers.UpSampling2D(size=8, interpolation="nearest")(e)
    x = layers.Concatenate()([layers.Conv2D(8, kernel_size=1)(noisy), e])
    x = skip = layers.Conv2D(8, 3, padding="same", activation="swish")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="swish")(layers.AveragePooling2D(2)(x))
    x = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(x), skip])
    return keras.Model([noisy, variances], layers.Conv2D(1, 1, kernel_initializer="zeros")(x), name="residual_unet")


@keras.saving.register_keras_serializable(package="pages")
class Diffusion(keras.Model):
    def __init__(self):
        super().__init__()
        self.normalizer = layers.Normalization()
        self.network, self.ema_network = denoiser(), keras.models.clone_model(denoiser())

    def compile(self, **kwargs):
        super().compile(**kwargs)
        self.noise_loss_tracker = keras.metrics.Mean(name="n_loss")

    @property
    def metrics(self):
        return [self.noise_loss_tracker]

    def denormalize(self, images):
        images = self.normalizer.mean + images * self.normalizer.variance**0.5
        return ops.clip(images, 0.0, 1.0)

    def schedule(self, times):
        start, end = ops.cast(ops.arccos(0.95), "float32"), ops.cast(ops.arccos(0.02), "float32")
        angles = start + times * (end - start)
        return ops.sin(angles), ops.cos(angles)

    def denoise(self, noisy, noise_rates, signal_rates, training):
        network = self.network if training else self.ema_network
        noises = network([noisy, noise_rates**2], training=training)
        return noises, (noisy - noise_rates * noises) / signal_rates

    def generate(self, num_images, steps):
        noisy = keras.random.normal(shape=(num_images, 8, 8, 1))
        for step in range(steps):
            times = ops.ones((num_images, 1, 1, 1)) - step / steps
            noises, images = self.denoise(noisy, *self.schedule(times), training=False)
            noise_rates, signal_rates = self.schedule(times - 1 / steps)
            noisy = signal_rates * images + noise_rates * noises
        return self.denormalize(images)

    def train_step(self, images):
        images = self.normalizer(images[0] if isinstance(images, tuple) else images, training=True)
        noises = keras.random.normal(shape=ops.shape(images))
        times = keras.random.uniform(shape=(ops.shape(images)[0], 1, 1, 1), minval=0.0, maxval=1.0)
        noise_rates, signal_rates = self.schedule(times)
        predicted, _ = self.denoise(signal_rates * images + noise_rates * noises, noise_rates, signal_rates, True)
        loss = ops.mean(self.loss(noises, predicted))
        self.zero_grad()
        loss.backward()
        weights = self.network.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([w.value.grad for w in weights], weights)
        self.noise_loss_tracker.update_state(loss)
        for weight, average in zip(self.network.weights, self.ema_network.weights, strict=True):
            average.assign(0.9 * average + (1 - 0.9) * weight)
        return {m.name: m.result() for m in self.metrics}


def test_diffusion(tmp_path):
    x = pictures(16)
    model = Diffusion()
    model.normalizer.adapt(x)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=0.01, weight_decay=1e-4), loss=keras.losses.mean_absolute_error
    )
    falls(model.fit(x, epochs=5, batch_size=4, verbose=0).history["n_loss"])
    generated = model.generate(2, steps=3)
    assert generated.shape == (2, 8, 8, 1)
    assert float(generated.detach().min()) >= 0
    model.save_weights(tmp_path / "diffusion.weights.h5")
    other = Diffusion()
    other.normalizer.build((None, 8, 8, 1))
    other.load_weights(tmp_path / "diffusion.weights.h5")
    np.testing.assert_array_equal(other.network.get_weights()[0], model.network.get_weights()[0])


# -- knowledge distillation


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher, self.student = teacher, student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        teacher_pred = self.teacher(x, training=False)
        student_loss = self.student_loss_fn(y, y_pred)
        distillation_loss = self.distillation_loss_fn(
            ops.softmax(teacher_pred / self.temperature, axis=1), ops.softmax(y_pred / self.temperature, axis=1)
        ) * (self.temperature**2)
        return self.alpha * student_loss + (1 - self.alpha) * distillation_loss

    def call(self, x):
        return self.student(x)


def test_knowledge_distillation():
    def network(width, name):
        return keras.Sequential(
            [
                keras.Input(shape=(8, 8, 1)),
                layers.Conv2D(width, 3, strides=2, padding="same"),
                layers.LeakyReLU(negative_slope=0.2),
                layers.MaxPooling2D(pool_size=2, strides=1, padding="same"),
                layers.Flatten(),
                layers.Dense(3),
            ],
            name=name,
        )

    teacher, student = network(8, "teacher"), network(4, "student")
    scratch = keras.models.clone_model(student)
    x, y = pictures(12), np.arange(12) % 3
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    teacher.compile(keras.optimizers.Adam(), loss, metrics=[keras.metrics.SparseCategoricalAccuracy()])
    teacher.fit(x, y, epochs=2, verbose=0)
    teacher.trainable = False
    before = teacher.get_weights()
    distiller = Distiller(student=student, teacher=teacher)
    distiller.compile(
        optimizer=keras.optimizers.Adam(0.01),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
        student_loss_fn=loss,
        distillation_loss_fn=keras.losses.KLDivergence(),
        alpha=0.1,
        temperature=10,
    )
    history = distiller.fit(x, y, epochs=5, verbose=0).history
    falls(history["loss"])
    assert "sparse_categorical_accuracy" in history
    assert len(distiller.evaluate(x, y, verbose=0)) == 2
    assert all(np.array_equal(a, b) for a, b in zip(before, teacher.get_weights(), strict=True))
    assert not np.array_equal(scratch.get_weights()[0], student.get_weights()[0])


# -- next frames, detection, convolutional autoencoder


def test_conv_lstm_of_next_frames():
    inputs = layers.Input(shape=(None, 8, 8, 1))
    x = layers.ConvLSTM2D(4, kernel_size=(5, 5), padding="same", return_sequences=True, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ConvLSTM2D(4, kernel_size=(1, 1), padding="same", return_sequences=True, activation="relu")(x)
    x = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(x)
    model = keras.models.Model(inputs, x)
    model.compile(loss=keras.losses.binary_crossentropy, optimizer=keras.optimizers.Adam(0.01))
    movie = (RNG.random((6, 5, 8, 8, 1)) > 0.7).astype("float32")
    x, y = movie[:, 0 : movie.shape[1] - 1], movie[:, 1 : movie.shape[1]]
    callbacks = [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=10),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=5),
    ]
    falls(
        model.fit(x, y, batch_size=3, epochs=3, validation_data=(x, y), callbacks=callbacks, verbose=0).history["loss"]
    )
    frames = movie[0, :2]
    for _ in range(3):
        new = model.predict(np.expand_dims(frames, axis=0), verbose=0)
        frames = np.concatenate((frames, np.expand_dims(np.squeeze(new, axis=0)[-1], axis=0)), axis=0)
    assert frames.shape == (5, 8, 8, 1)


class DetectionLoss(keras.losses.Loss):
    def __init__(self, num_classes=3, delta=1.0):
        super().__init__(reduction="sum", name="RetinaNetLoss")
        self.num_classes, self.delta = num_classes, delta

    def call(self, y_true, y_pred):
        y_pred = ops.cast(y_pred, dtype="float32")
        box_labels, box_predictions = y_true[:, :, :4], y_pred[:, :, :4]
        classes = ops.one_hot(ops.cast(y_true[:, :, 4], "int32"), self.num_classes, dtype="float32")
        positive = ops.cast(ops.greater(y_true[:, :, 4], -1.0), "float32")
        ignored = ops.cast(ops.equal(y_true[:, :, 4], -2.0), "float32")
        focal = keras.losses.BinaryFocalCrossentropy(from_logits=True, reduction="none")
        class_loss = focal(classes[..., None], y_pred[:, :, 4:, None]).sum(-1)
        difference = ops.absolute(box_labels - box_predictions)
        smooth = ops.where(ops.less(difference, self.delta), 0.5 * difference**2, difference - 0.5)
        box_loss = ops.where(ops.equal(positive, 1.0), ops.sum(smooth, axis=-1), 0.0)
        class_loss = ops.where(ops.equal(ignored, 1.0), 0.0, class_loss)
        normalizer = ops.maximum(ops.sum(positive, axis=-1), 1.0)
        return ops.divide(ops.sum(class_loss, -1) + ops.sum(box_loss, -1), normalizer)


class Detector(keras.Model):
    """Two levels of features, heads that are shared by both, one row of numbers for each anchor."""

    def __init__(self, num_classes=3, **kwargs):
        super().__init__(name="RetinaNet", **kwargs)
        self.levels = [layers.Conv2D(8, 3, 2, padding="same", activation="relu") for _ in range(2)]
        self.lateral, self.upsample = layers.Conv2D(8, 1), layers.UpSampling2D(2)
        prior = keras.initializers.Constant(-np.log((1 - 0.01) / 0.01))
        self.cls_head = self.head(num_classes, prior)
        self.box_head = self.head(4, "zeros")
        self.num_classes = num_classes

    def head(self, outputs, bias):
        head = keras.Sequential([keras.Input(shape=[None, None, 8])])
        head.add(layers.Conv2D(8, 3, padding="same", kernel_initializer=keras.initializers.RandomNormal(0.0, 0.01)))
        head.add(layers.ReLU())
        head.add(layers.Conv2D(outputs, 3, padding="same", bias_initializer=bias))
        return head

    def call(self, image, training=False):
        first = self.levels[0](image, training=training)
        second = self.levels[1](first, training=training)
        features = [first + self.upsample(self.lateral(second)), second]
        n = ops.shape(image)[0]
        boxes = [ops.reshape(self.box_head(f), [n, -1, 4]) for f in features]
        classes = [ops.reshape(self.cls_head(f), [n, -1, self.num_classes]) for f in features]
        return ops.concatenate([ops.concatenate(boxes, axis=1), ops.concatenate(classes, axis=1)], axis=-1)


def test_detection():
    model = Detector()
    model.compile(loss=DetectionLoss(3), optimizer=keras.optimizers.SGD(0.001, momentum=0.9))
    x = pictures(4, 16, 3)
    targets = np.concatenate(
        [RNG.random((4, 80, 4)), RNG.integers(-2, 3, (4, 80, 1))], axis=-1, dtype="float32", casting="unsafe"
    )
    falls(model.fit(x, targets, batch_size=2, epochs=4, verbose=0).history["loss"])
    assert model.predict(x, verbose=0).shape == (4, 80, 7)
    iou = keras.utils.bounding_boxes.compute_iou(targets[0, :2, :4], targets[0, :3, :4], bounding_box_format="xywh")
    assert iou.shape == (2, 3)


def test_autoencoder_and_its_parts():
    inputs = layers.Input(shape=(8, 8, 1))
    x = layers.MaxPooling2D((2, 2), padding="same")(layers.Conv2D(4, (3, 3), activation="relu", padding="same")(inputs))
    code = layers.MaxPooling2D((2, 2), padding="same", name="code")(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.Conv2DTranspose(4, (3, 3), strides=2, activation="relu", padding="same")(code)
    x = layers.Conv2DTranspose(4, (3, 3), strides=2, activation="relu", padding="same")(x)
    autoencoder = keras.Model(inputs, layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x))
    autoencoder.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    x = pictures()
    noisy = np.clip(x + 0.4 * RNG.normal(size=x.shape), 0.0, 1.0)
    falls(
        autoencoder.fit(x=noisy, y=x, epochs=4, batch_size=4, shuffle=True, validation_data=(x, x), verbose=0).history[
            "loss"
        ]
    )
    assert keras.Model(inputs, autoencoder.get_layer("code").output).predict(x, verbose=0).shape == (8, 2, 2, 4)


def test_super_resolution_by_depth_to_space():
    def depth_to_space(x, block=2):
        batch, height, width, depth = ops.shape(x)
        x = ops.reshape(x, (batch, height, width, block, block, depth // block**2))
        x = ops.transpose(x, [0, 1, 3, 2, 4, 5])
        return ops.reshape(x, (batch, height * block, width * block, depth // block**2))

    inputs = keras.Input(shape=(None, None, 1))
    x = layers.Conv2D(4, 3, activation="relu", padding="same", kernel_initializer="orthogonal")(inputs)
    model = keras.Model(inputs, depth_to_space(layers.Conv2D(4, 3, padding="same")(x)))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=keras.losses.MeanSquaredError())
    falls(model.fit(pictures(6, 4), pictures(6, 8), epochs=4, verbose=0).history["loss"])
    assert model.predict(pictures(2, 6), verbose=0).shape == (2, 12, 12, 1)


def test_mixup_and_label_smoothing_in_a_step_of_ones_own():
    class Mixed(keras.Model):
        def train_step(self, data):
            x, y = data
            share = keras.random.beta((ops.shape(x)[0],), 0.2, 0.2)
            other = keras.random.shuffle(ops.arange(ops.shape(x)[0]))
            s = ops.reshape(share, (-1, 1, 1, 1))
            x = x * s + ops.take(x, other, axis=0) * (1 - s)
            y = y * share[:, None] + ops.take(y, other, axis=0) * (1 - share[:, None])
            return super().train_step((x, y))

    inputs = keras.Input((8, 8, 1))
    model = Mixed(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(inputs)))
    model.compile("adam", keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])
    y = keras.utils.to_categorical(np.arange(8) % 3, 3)
    history = model.fit(pictures(), y, epochs=2, verbose=0).history
    assert set(history) == {"loss", "accuracy"}
