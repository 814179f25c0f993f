"""Patterns of public examples on texts, series, graphs and tables, small and in own words."""

import numpy as np
import torch

import lamina as keras
from lamina import layers, ops
from lamina.layers import LSTM, Bidirectional, Dense, Embedding

RNG = np.random.default_rng(0)


def falls(losses):
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


# -- transformers


def causal_attention_mask(batch_size, n_dest, n_src, dtype):
    i = ops.arange(n_dest)[:, None]
    j = ops.arange(n_src)
    mask = ops.cast(i >= j - n_src + n_dest, dtype)
    mask = ops.reshape(mask, [1, n_dest, n_src])
    times = ops.concatenate([ops.expand_dims(batch_size, -1), ops.convert_to_tensor([1, 1])], 0)
    return ops.tile(mask, times)


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, causal=False, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.causal = causal
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1, self.dropout2 = layers.Dropout(rate), layers.Dropout(rate)

    def call(self, inputs, training=None):
        mask = None
        if self.causal:
            input_shape = ops.shape(inputs)
            mask = causal_attention_mask(input_shape[0], input_shape[1], input_shape[1], "bool")
        attended = self.dropout1(self.att(inputs, inputs, attention_mask=mask), training=training)
        out1 = self.layernorm1(inputs + attended)
        return self.layernorm2(out1 + self.dropout2(self.ffn(out1), training=training))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        maxlen = ops.shape(x)[-1]
        return self.token_emb(x) + self.pos_emb(ops.arange(0, maxlen, 1))


class TextGenerator(keras.callbacks.Callback):
    def __init__(self, max_tokens, start_tokens, top_k, seen):
        super().__init__()
        self.max_tokens, self.start_tokens, self.k, self.seen = max_tokens, start_tokens, top_k, seen

    def sample_from(self, logits):
        logits, indices = ops.top_k(logits, k=self.k, sorted=True)
        indices = np.asarray(indices).astype("int32")
        preds = keras.activations.softmax(ops.expand_dims(logits, 0))[0]
        preds = np.asarray(preds).astype("float32")
        return np.random.choice(indices, p=preds / preds.sum())

    def on_epoch_end(self, epoch, logs=None):
        start = list(self.start_tokens)
        while len(start) <= self.max_tokens:
            x = np.array([start + [0] * (6 - len(start))])[:, :6]
            y, _ = self.model.predict(x, verbose=0)
            start.append(int(self.sample_from(y[0][min(len(start), 6) - 1])))
        self.seen.append(start)


def test_miniature_gpt():
    inputs = layers.Input(shape=(6,), dtype="int32")
    x = TokenAndPositionEmbedding(6, 11, 8)(inputs)
    x = TransformerBlock(8, 2, 8, causal=True)(x)
    model = keras.Model(inputs=inputs, outputs=[layers.Dense(11)(x), x])
    model.compile("adam", loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])
    tokens, seen = (np.arange(7)[None, :] + np.arange(16)[:, None]) % 11, []
    history = model.fit(
        tokens[:, :-1], tokens[:, 1:], epochs=3, batch_size=8, verbose=0, callbacks=[TextGenerator(8, [1, 2], 3, seen)]
    )
    falls(history.history["loss"])
    assert [len(text) for text in seen] == [9] * 3
    first = model(tokens[:1, :-1])[0]
    changed = tokens[:1, :-1].copy()
    changed[0, -1] = 3
    torch.testing.assert_close(model(changed)[0][:, :-1], first[:, :-1])  # no step sees one behind it


def test_text_classification_with_a_transformer():
    inputs = layers.Input(shape=(10,))
    x = TokenAndPositionEmbedding(10, 20, 8)(inputs)
    x = layers.GlobalAveragePooling1D()(TransformerBlock(8, 2, 8)(x))
    x = layers.Dropout(0.1)(layers.Dense(8, activation="relu")(layers.Dropout(0.1)(x)))
    model = keras.Model(inputs=inputs, outputs=layers.Dense(2, activation="softmax")(x))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    sequences = keras.utils.pad_sequences([RNG.integers(1, 20, n) for n in range(4, 20)], maxlen=10)
    y = (sequences[:, -1] > 10).astype("int64")
    falls(model.fit(sequences, y, batch_size=8, epochs=6, validation_data=(sequences, y), verbose=0).history["loss"])


class PositionalEmbedding(layers.Layer):
    def __init__(self, sequence_length, vocab_size, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.token_embeddings = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.position_embeddings = layers.Embedding(input_dim=sequence_length, output_dim=embed_dim)
        self.sequence_length, self.vocab_size, self.embed_dim = sequence_length, vocab_size, embed_dim

    def call(self, inputs):
        length = ops.shape(inputs)[-1]
        return self.token_embeddings(inputs) + self.position_embeddings(ops.arange(0, length, 1))

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)

    def get_config(self):
        names = ("sequence_length", "vocab_size", "embed_dim")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class TransformerEncoder(layers.Layer):
    def __init__(self, embed_dim, dense_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.dense_dim, self.num_heads = embed_dim, dense_dim, num_heads
        self.attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.dense_proj = keras.Sequential([layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm_1, self.layernorm_2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        padding = ops.cast(mask[:, None, :], dtype="int32") if mask is not None else None
        attended = self.attention(query=inputs, value=inputs, key=inputs, attention_mask=padding)
        projected = self.layernorm_1(inputs + attended)
        return self.layernorm_2(projected + self.dense_proj(projected))

    def get_config(self):
        names = ("embed_dim", "dense_dim", "num_heads")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class TransformerDecoder(layers.Layer):
    def __init__(self, embed_dim, latent_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim, self.latent_dim, self.num_heads = embed_dim, latent_dim, num_heads
        self.attention_1 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.attention_2 = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.dense_proj = keras.Sequential([layers.Dense(latent_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorms = [layers.LayerNormalization() for _ in range(3)]
        self.add = layers.Add()
        self.supports_masking = True

    def call(self, inputs, mask=None):
        inputs, encoder_outputs = inputs
        causal_mask = self.get_causal_attention_mask(inputs)
        inputs_padding_mask, encoder_padding_mask = (None, None) if mask is None else mask
        attended = self.attention_1(
            query=inputs, value=inputs, key=inputs, attention_mask=causal_mask, query_mask=inputs_padding_mask
        )
        out_1 = self.layernorms[0](self.add([inputs, attended]))
        attended = self.attention_2(
            query=out_1,
            value=encoder_outputs,
            key=encoder_outputs,
            query_mask=inputs_padding_mask,
            key_mask=encoder_padding_mask,
        )
        out_2 = self.layernorms[1](self.add([out_1, attended]))
        return self.layernorms[2](self.add([out_2, self.dense_proj(out_2)]))

    def get_causal_attention_mask(self, inputs):
        input_shape = ops.shape(inputs)
        batch_size, sequence_length = input_shape[0], input_shape[1]
        i = ops.arange(sequence_length)[:, None]
        j = ops.arange(sequence_length)
        mask = ops.cast(i >= j, dtype="int32")
        mask = ops.reshape(mask, (1, input_shape[1], input_shape[1]))
        times = ops.concatenate([ops.expand_dims(batch_size, -1), ops.convert_to_tensor([1, 1])], axis=0)
        return ops.tile(mask, times)

    def get_config(self):
        names = ("embed_dim", "latent_dim", "num_heads")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def test_translation_with_a_transformer():
    encoder_inputs = keras.Input(shape=(None,), dtype="int64", name="encoder_inputs")
    encoded = TransformerEncoder(8, 16, 2)(PositionalEmbedding(10, 15, 8)(encoder_inputs))
    encoder = keras.Model(encoder_inputs, encoded)
    decoder_inputs = keras.Input(shape=(None,), dtype="int64", name="decoder_inputs")
    encoded_seq_inputs = keras.Input(shape=(None, 8), name="decoder_state_inputs")
    x = PositionalEmbedding(10, 15, 8)(decoder_inputs)
    x = TransformerDecoder(8, 16, 2)([x, encoder_outputs := encoder(encoder_inputs)])
    x = layers.Dropout(0.1)(x)
    transformer = keras.Model(
        {"encoder_inputs": encoder_inputs, "decoder_inputs": decoder_inputs}, layers.Dense(15, activation="softmax")(x)
    )
    assert encoder_outputs.shape == (None, None, 8)
    assert encoded_seq_inputs.shape == (None, None, 8)
    transformer.compile(
        "rmsprop", loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=0), metrics=["accuracy"]
    )
    source = keras.utils.pad_sequences(
        [RNG.integers(1, 15, n) for n in (3, 5, 7, 8, 4, 6, 2, 8)], maxlen=8, padding="post"
    )
    target = np.concatenate([np.ones((8, 1), "int64"), source], axis=1)
    data = {"encoder_inputs": source, "decoder_inputs": target[:, :-1]}
    falls(transformer.fit(data, target[:, 1:], epochs=3, batch_size=4, verbose=0).history["loss"])
    decoded = transformer({"encoder_inputs": source[:1], "decoder_inputs": target[:1, :3]})
    assert decoded.shape == (1, 3, 15)


class FNetEncoder(layers.Layer):
    def __init__(self, embed_dim, dense_dim, **kwargs):
        super().__init__(**kwargs)
        self.dense_proj = keras.Sequential([layers.Dense(dense_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm_1, self.layernorm_2 = layers.LayerNormalization(), layers.LayerNormalization()

    def call(self, inputs):
        fft_result = ops.fft2((ops.cast(inputs, "float32"), ops.zeros_like(inputs)))[0]
        proj_input = self.layernorm_1(inputs + fft_result)
        return self.layernorm_2(proj_input + self.dense_proj(proj_input))


def test_fnet():
    inputs = keras.Input((None,), dtype="int64")
    x = FNetEncoder(8, 16)(layers.Embedding(12, 8)(inputs))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    x = RNG.integers(0, 12, (16, 6))
    falls(model.fit(x, x[:, 0] > 5, epochs=4, verbose=0).history["loss"])


# -- recurrent ones


def test_sequence_to_sequence_with_states():
    encoder_inputs = keras.Input(shape=(None, 5))
    _, state_h, state_c = keras.layers.LSTM(6, return_state=True)(encoder_inputs)
    decoder_inputs = keras.Input(shape=(None, 5))
    decoder_lstm = keras.layers.LSTM(6, return_sequences=True, return_state=True)
    decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=[state_h, state_c])
    decoder_dense = keras.layers.Dense(5, activation="softmax")
    model = keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    x = np.eye(5, dtype="float32")[RNG.integers(0, 5, (8, 7))]
    falls(model.fit([x, x[:, :-1]], x[:, 1:], batch_size=4, epochs=3, validation_split=0.25, verbose=0).history["loss"])
    encoder_inputs = model.input[0]
    _, state_h_enc, state_c_enc = model.layers[2].output
    encoder_model = keras.Model(encoder_inputs, [state_h_enc, state_c_enc])
    decoder_inputs = model.input[1]
    states_inputs = [keras.Input(shape=(6,)), keras.Input(shape=(6,))]
    decoder_outputs, h, c = model.layers[3](decoder_inputs, initial_state=states_inputs)
    decoder_model = keras.Model([decoder_inputs, *states_inputs], [model.layers[4](decoder_outputs), h, c])
    states = encoder_model.predict(x[:1], verbose=0)
    token = np.zeros((1, 1, 5))
    token[0, 0, 1] = 1.0
    for _ in range(3):
        output, h, c = decoder_model.predict([token, *states], verbose=0)
        states = [h, c]
        token = np.eye(5)[[[np.argmax(output[0, -1, :])]]]
    assert output.shape == (1, 1, 5)


def test_bidirectional_lstm_on_padded_texts():
    inputs = keras.Input(shape=(None,), dtype="int32")
    x = Embedding(20, 8, mask_zero=True)(inputs)
    x = Bidirectional(LSTM(4))(Bidirectional(LSTM(4, return_sequences=True))(x))
    model = keras.Model(inputs, Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    x = keras.utils.pad_sequences([RNG.integers(1, 20, n) for n in range(2, 14)], maxlen=8)
    falls(model.fit(x, np.arange(12) % 2, batch_size=6, epochs=4, verbose=0).history["loss"])


def test_masking_and_padding():
    padded = keras.utils.pad_sequences([[711, 632, 71], [73, 8, 3215, 55, 927]], padding="post")
    embedding = layers.Embedding(input_dim=5000, output_dim=4, mask_zero=True)
    assert embedding.compute_mask(padded).tolist() == (padded != 0).tolist()
    assert embedding(padded)._keras_mask.tolist() == (padded != 0).tolist()
    expanded = ops.cast(ops.tile(ops.expand_dims(padded, axis=-1), [1, 1, 10]), "float32")
    assert layers.Masking()(expanded)._keras_mask.shape == (2, 5)

    class Skim(layers.Layer):
        def call(self, inputs, mask):
            assert mask is not None
            broadcast = ops.expand_dims(ops.cast(mask, "float32"), -1)
            scores = ops.exp(inputs) * broadcast
            return inputs * scores / ops.sum(scores, axis=-1, keepdims=True).clamp(min=1e-9)

    class Halves(layers.Layer):
        def call(self, inputs):
            return ops.split(inputs, 2, axis=1)

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else ops.split(mask, 2, axis=1)

    class Same(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, inputs):
            return ops.relu(inputs)

    inputs = keras.Input((6,), dtype="int32")
    x = Same()(layers.Embedding(input_dim=10, output_dim=4, mask_zero=True)(inputs))
    first, second = Halves()(x)
    assert first._keras_mask is not None
    outputs = layers.Dense(1)(layers.LSTM(3)(Skim()(x))) + layers.LSTM(1)(second)
    model = keras.Model(inputs, outputs)
    y = model.predict(np.array([[1, 2, 3, 4, 0, 0]]), verbose=0)
    assert np.isfinite(y).all()


def test_recurrent_guide():
    class MinimalCell(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
            self.recurrent = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent")

        def call(self, inputs, states):
            output = ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent)
            return output, [output]

    x = torch.rand(3, 5, 4)
    stacked = layers.RNN([MinimalCell(6), layers.LSTMCell(5)], return_sequences=True)
    assert stacked(x).shape == (3, 5, 5)
    lstm = layers.LSTM(6, stateful=True)
    first, second = lstm(x), lstm(x)
    lstm.reset_state()
    torch.testing.assert_close(lstm(x), first)
    assert not torch.allclose(first, second)
    states = lstm.states
    assert layers.LSTM(6)(x, initial_state=states).shape == first.shape
    model = keras.Sequential([keras.Input((5, 4)), layers.Bidirectional(layers.LSTM(6, return_sequences=True))])
    model.add(layers.Bidirectional(layers.LSTM(3), merge_mode="sum"))
    assert model.output_shape == (None, 3)


# -- series


def test_time_series_forecasting_by_windows():
    series = np.sin(np.arange(60) / 3)[:, None] + RNG.normal(0, 0.05, (60, 2))
    split = 40
    mean, std = series[:split].mean(axis=0), series[:split].std(axis=0)
    series = (series - mean) / std
    train = keras.preprocessing.timeseries_dataset_from_array if hasattr(keras, "preprocessing") else None
    make = train or keras.utils.timeseries_dataset_from_array
    data_train = make(series[:split], series[6 : split + 6, 1], sequence_length=6, sampling_rate=1, batch_size=8)
    data_val = make(series[split:-6], series[split + 6 :, 1], sequence_length=6, sampling_rate=1, batch_size=8)
    for inputs, targets in data_train.take(1):
        assert inputs.numpy().shape == (8, 6, 2)
        assert targets.numpy().shape == (8,)
    inputs = keras.layers.Input(shape=(inputs.shape[1], inputs.shape[2]))
    model = keras.Model(inputs=inputs, outputs=keras.layers.Dense(1)(keras.layers.LSTM(8)(inputs)))
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
    callbacks = [keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=5)]
    history = model.fit(data_train, epochs=4, validation_data=data_val, callbacks=callbacks, verbose=0).history
    falls(history["loss"])
    for x, _ in data_val.take(2):
        assert model.predict(x, verbose=0).shape == (len(x), 1)


def test_time_series_classification_and_anomalies():
    inputs = keras.layers.Input((16, 1))
    x = inputs
    for filters in (8, 8):
        x = keras.layers.Conv1D(filters=filters, kernel_size=3, padding="same")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.GlobalAveragePooling1D()(x))
    model = keras.models.Model(inputs=inputs, outputs=outputs)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    x = RNG.normal(size=(16, 16, 1)) + (np.arange(16) % 2)[:, None, None]
    falls(model.fit(x, np.arange(16) % 2, batch_size=8, epochs=5, validation_split=0.25, verbose=0).history["loss"])
    encoder = keras.Sequential(
        [
            layers.Input(shape=(16, 1)),
            layers.Conv1D(4, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(rate=0.2),
            layers.Conv1DTranspose(4, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(filters=1, kernel_size=7, padding="same"),
        ]
    )
    encoder.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse")
    falls(encoder.fit(x, x, epochs=5, batch_size=8, validation_split=0.1, verbose=0).history["loss"])
    errors = np.mean(np.abs(encoder.predict(x, verbose=0) - x), axis=1)
    assert errors.shape == (16, 1)


# -- recommenders, graphs, tables


class Recommender(keras.Model):
    def __init__(self, num_users, num_items, embedding_size, **kwargs):
        super().__init__(**kwargs)
        options = {"embeddings_initializer": "he_normal", "embeddings_regularizer": keras.regularizers.l2(1e-6)}
        self.user_embedding = layers.Embedding(num_users, embedding_size, **options)
        self.user_bias = layers.Embedding(num_users, 1)
        self.item_embedding = layers.Embedding(num_items, embedding_size, **options)
        self.item_bias = layers.Embedding(num_items, 1)

    def call(self, inputs):
        user, item = self.user_embedding(inputs[:, 0]), self.item_embedding(inputs[:, 1])
        product = ops.tensordot(user, item, 2)
        return ops.nn.sigmoid(product + self.user_bias(inputs[:, 0]) + self.item_bias(inputs[:, 1]))


def test_collaborative_filtering():
    model = Recommender(9, 12, 4)
    model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(learning_rate=0.02))
    x = np.stack([RNG.integers(0, 9, 40), RNG.integers(0, 12, 40)], 1)
    y = RNG.random(40)
    falls(model.fit(x=x, y=y, batch_size=8, epochs=3, verbose=0, validation_data=(x, y)).history["loss"])
    ratings = model.predict(np.hstack(([[3]] * 12, np.arange(12)[:, None])), verbose=0).flatten()
    assert ratings.argsort()[-3:][::-1].shape == (3,)


class GraphAttention(layers.Layer):
    def __init__(self, units, kernel_initializer="glorot_uniform", kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], self.units),
            trainable=True,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.kernel_attention = self.add_weight(
            shape=(self.units * 2, 1), trainable=True, initializer=self.kernel_initializer, name="kernel_attention"
        )
        self.built = True

    def call(self, inputs):
        node_states, edges = inputs
        transformed = ops.matmul(node_states, self.kernel)
        expanded = ops.reshape(ops.take(transformed, edges, axis=0), (ops.shape(edges)[0], -1))
        scores = ops.squeeze(ops.leaky_relu(ops.matmul(expanded, self.kernel_attention)), -1)
        scores = ops.exp(ops.clip(scores, -2, 2))
        total = ops.segment_sum(scores, edges[:, 0], num_segments=ops.shape(node_states)[0])
        normalized = scores / ops.take(total, edges[:, 0])
        neighbours = ops.take(transformed, edges[:, 1], axis=0)
        return ops.segment_sum(neighbours * normalized[:, None], edges[:, 0], num_segments=ops.shape(node_states)[0])


class GraphNetwork(keras.Model):
    def __init__(self, node_states, edges, units, heads, outputs, **kwargs):
        super().__init__(**kwargs)
        self.node_states, self.edges = node_states, edges
        self.preprocess = layers.Dense(units * heads, activation="relu")
        self.heads = [GraphAttention(units) for _ in range(heads)]
        self.output_layer = layers.Dense(outputs)

    def call(self, inputs):
        node_states, edges = inputs
        x = self.preprocess(node_states)
        x = ops.concatenate([head([x, edges]) for head in self.heads], axis=-1) + x
        return self.output_layer(x)

    def train_step(self, data):
        indices, labels = data
        outputs = self([self.node_states, self.edges])
        loss = self.compute_loss(y=labels, y_pred=ops.take(outputs, indices, axis=0))
        self.zero_grad()
        loss.backward()
        self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(labels, ops.take(outputs, indices, axis=0))
        return {m.name: m.result() for m in self.metrics}

    def predict_step(self, data):
        indices = data
        return ops.softmax(ops.take(self([self.node_states, self.edges]), indices, axis=0))


def test_graph_attention():
    states = ops.convert_to_tensor(RNG.random((10, 6), dtype="float32"))
    edges = ops.convert_to_tensor(np.stack([np.repeat(np.arange(10), 3), RNG.integers(0, 10, 30)], 1), dtype="int64")
    model = GraphNetwork(states, edges, 4, 2, 3)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
    )
    indices, y = np.arange(10), np.arange(10) % 3
    falls(model.fit(x=indices, y=y, batch_size=5, epochs=6, verbose=0).history["loss"])
    assert model.predict(indices, verbose=0).shape == (10, 3)


def test_structured_data_of_several_kinds():
    import pandas as pd

    frame = pd.DataFrame(
        {"age": RNG.integers(20, 70, 24), "member": RNG.random(24) > 0.5, "town": RNG.choice(["a", "b", "c"], 24)}
    )
    y = (frame["age"] > 45).to_numpy().astype("float32")
    normalizer = layers.Normalization()
    normalizer.adapt(frame[["age", "member"]])
    lookup = layers.StringLookup(output_mode="one_hot")
    lookup.adapt(frame["town"])
    numbers, town = keras.Input((2,), name="numbers"), keras.Input((4,), name="town")
    x = layers.concatenate([normalizer(numbers), town])
    model = keras.Model([numbers, town], layers.Dense(1, activation="sigmoid")(layers.Dense(8, activation="relu")(x)))
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    data = {"numbers": frame[["age", "member"]].astype("float32"), "town": lookup(frame["town"])}
    history = model.fit(data, y, epochs=6, class_weight={0: 1.0, 1: 2.0}, verbose=0).history
    falls(history["loss"])


def test_variational_autoencoder():
    class Sampling(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            z_mean, z_log_var = inputs
            batch, dim = ops.shape(z_mean)[0], ops.shape(z_mean)[1]
            epsilon = keras.random.normal(shape=(batch, dim), seed=self.seed_generator)
            return z_mean + ops.exp(0.5 * z_log_var) * epsilon

    class VAE(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.decoder = encoder, decoder
            names = ("total_loss", "reconstruction_loss", "kl_loss")
            self.trackers = [keras.metrics.Mean(name=name) for name in names]

        @property
        def metrics(self):
            return self.trackers

        def train_step(self, data):
            data = data[0] if isinstance(data, tuple) else data
            z_mean, z_log_var, z = self.encoder(data, training=True)
            reconstruction = self.decoder(z, training=True)
            reconstruction_loss = ops.mean(ops.sum(keras.losses.binary_crossentropy(data, reconstruction), axis=-1))
            kl = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            kl_loss = ops.mean(ops.sum(kl, axis=1))
            total = reconstruction_loss + kl_loss
            self.zero_grad()
            total.backward()
            with torch.no_grad():
                self.optimizer.apply([w.value.grad for w in self.trainable_weights], self.trainable_weights)
            for tracker, value in zip(self.trackers, (total, reconstruction_loss, kl_loss), strict=True):
                tracker.update_state(value)
            return {m.name: m.result() for m in self.metrics}

    inputs = keras.Input(shape=(6, 6))
    x = layers.Dense(8, activation="relu")(layers.Flatten()(inputs))
    z_mean, z_log_var = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
    encoder = keras.Model(inputs, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])], name="encoder")
    latent = keras.Input(shape=(2,))
    decoder = keras.Model(
        latent, layers.Reshape((6, 6))(layers.Dense(36, activation="sigmoid")(latent)), name="decoder"
    )
    vae = VAE(encoder, decoder)
    vae.compile(optimizer=keras.optimizers.Adam(0.01))
    history = vae.fit(RNG.random((32, 6, 6), dtype="float32"), epochs=4, batch_size=8, verbose=0).history
    falls(history["total_loss"])
    assert set(history) == {"total_loss", "reconstruction_loss", "kl_loss"}
    assert vae.decoder.predict(np.array([[0.0, 1.0]]), verbose=0).shape == (1, 6, 6)
