"""TimeDistributed around layers that give several tensors."""

import numpy as np
import pytest
import torch

import lamina
from lamina import layers


def two_heads(form):
    step = lamina.Input((3,))
    one, two = layers.Dense(2, name="one")(step), layers.Dense(4, name="two")(step)
    return lamina.Model(step, {"a": one, "b": two} if form is dict else form([one, two]))


INNER = {
    "a list": lambda: two_heads(list),
    "a dict": lambda: two_heads(dict),
    "an LSTM with states": lambda: layers.LSTM(4, return_state=True),
    "a GRU with steps and states": lambda: layers.GRU(4, return_state=True, return_sequences=True),
}


@pytest.mark.parametrize("name", INNER)
def test_each_of_several_outputs_gets_the_time_axis(name):
    inner = INNER[name]()
    shape = (5, 6, 3) if "states" in name else (5, 3)
    x = torch.rand(2, *shape)
    layer = layers.TimeDistributed(inner)
    drawn_in = lamina.Input((None, *shape[1:]))
    model = lamina.Model(drawn_in, layer(drawn_in))
    steps = [lamina.tree.flatten(inner(x[:, t])) for t in range(5)]
    wanted = [torch.stack(parts, 1) for parts in zip(*steps, strict=True)]
    for found in (model(x), layer(x)):
        for a, b in zip(lamina.tree.flatten(found), wanted, strict=True):
            torch.testing.assert_close(a, b)
    shapes = layer.compute_output_shape((None, *shape))
    assert shapes == lamina.tree.map_structure(lambda t: (None, *t.shape[1:]), layer(x))


def test_it_is_trained_and_saved(tmp_path):
    x = lamina.Input((5, 3))
    model = lamina.Model(x, layers.TimeDistributed(two_heads(dict))(x))
    model.compile("adam", "mse")
    data, y = np.ones((4, 5, 3)), {"a": np.zeros((4, 5, 2)), "b": np.zeros((4, 5, 4))}
    losses = model.fit(data, y, epochs=9, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for name in ("m.keras", "m.lamina"):
        model.save(tmp_path / name)
        found = lamina.models.load_model(tmp_path / name)(data)
        torch.testing.assert_close(found["b"], model(data)["b"])


def test_padded_words_in_padded_sentences():
    words = lamina.Input((None, None), dtype="int32")
    embedded = layers.Embedding(9, 4, mask_zero=True)(words)
    sentences = layers.TimeDistributed(layers.LSTM(3))(embedded)
    model = lamina.Model(words, layers.LSTM(2)(sentences))
    text = np.array([[[1, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]], [[4, 5, 6, 0], [7, 8, 0, 0], [1, 0, 0, 0]]])
    wider = np.pad(text, ((0, 0), (0, 2), (0, 3)))
    torch.testing.assert_close(model(wider), model(text))
    kept = layers.TimeDistributed(layers.Dropout(0.5))(embedded)
    assert kept._keras_mask.shape == (None, None, None)
