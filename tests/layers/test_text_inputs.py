"""`Input(dtype="string")`: texts go into a model, where a lookup or hashing layer comes next."""

import numpy as np
import pandas as pd
import pytest
import torch

import lamina
from lamina import layers

TOWNS = np.array(["paris", "rome", "oslo", "paris", "somewhere", ""])


def town_model(layer, shape=(), mask=None):
    town = lamina.Input(shape, dtype="string", name="town")
    return lamina.Model(town, layer(town))


LAYERS = {
    "lookup": lambda: layers.StringLookup(vocabulary=["oslo", "paris", "rome"]),
    "lookup with several unknown": lambda: layers.StringLookup(vocabulary=["oslo", "rome"], num_oov_indices=3),
    "lookup with a mask": lambda: layers.StringLookup(vocabulary=["oslo", "rome"], mask_token=""),
    "one_hot": lambda: layers.StringLookup(vocabulary=["oslo", "paris", "rome"], output_mode="one_hot"),
    "one_hot with a mask": lambda: layers.StringLookup(vocabulary=["oslo"], mask_token="", output_mode="one_hot"),
    "hashing": lambda: layers.Hashing(7),
    "hashing with a mask": lambda: layers.Hashing(7, mask_value=""),
    "hashing one_hot": lambda: layers.Hashing(5, output_mode="one_hot"),
}


@pytest.mark.parametrize("form", [lambda t: t, list, lambda t: t.astype(object), lambda t: t.astype("S"), pd.Series])
@pytest.mark.parametrize("name", LAYERS)
def test_a_model_of_texts_does_what_the_layer_does_with_them(name, form):
    layer = LAYERS[name]()
    model = town_model(layer)
    assert (model.inputs[0].dtype, model.layers[0].dtype) == (torch.int64, "string")
    wanted = layer(TOWNS)
    torch.testing.assert_close(model(form(TOWNS)), wanted)
    np.testing.assert_array_equal(model.predict(form(TOWNS), verbose=0), wanted)


def test_crossed_texts():
    a, b = (lamina.Input((1,), dtype="string", name=name) for name in "ab")
    layer = layers.HashedCrossing(9)
    model = lamina.Model([a, b], layer([a, b]))
    pair = TOWNS[:, None], TOWNS[::-1, None]
    torch.testing.assert_close(model(list(pair)), layer(list(pair)))


@pytest.mark.parametrize("kind", ["dict", "frame", "loader", "dataset", "generator", "pydataset"])
def test_training_on_texts_and_numbers(kind, tmp_path):
    lookup = layers.StringLookup()
    lookup.adapt(TOWNS)
    town, size = lamina.Input((), dtype="string", name="town"), lamina.Input((1,), name="size")
    x = layers.concatenate([layers.Embedding(lookup.vocabulary_size(), 3)(lookup(town)), size])
    model = lamina.Model({"town": town, "size": size}, layers.Dense(1)(x))
    model.compile(lamina.optimizers.Adam(0.1), "mse")
    sizes, y = np.arange(6.0, dtype="float32"), (TOWNS == "paris").astype("float32")
    rows = [({"town": str(t), "size": s}, v) for t, s, v in zip(TOWNS, sizes, y, strict=True)]

    class Parts(lamina.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            part = slice(3 * i, 3 * i + 3)
            return {"town": TOWNS[part], "size": sizes[part]}, y[part]

    def batches():
        yield {"town": TOWNS, "size": sizes[:, None]}, y

    data = {
        "dict": ({"town": TOWNS, "size": sizes}, y),
        "frame": (pd.DataFrame({"size": sizes, "town": TOWNS}), y),
        "loader": (torch.utils.data.DataLoader(rows, batch_size=3),),
        "dataset": (rows_as_dataset(rows),),
        "generator": (batches,),
        "pydataset": (Parts(),),
    }[kind]
    losses = model.fit(*data, epochs=9, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for name in ("m.keras", "m.lamina"):
        model.save(tmp_path / name)
        again = lamina.models.load_model(tmp_path / name)
        given = {"town": TOWNS, "size": sizes}
        np.testing.assert_allclose(again.predict(given, verbose=0), model.predict(given, verbose=0), atol=1e-6)


def rows_as_dataset(rows):
    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(rows)

        def __getitem__(self, i):
            return rows[i]

    return Rows()


def test_a_lookup_that_learns_after_it_was_drawn():
    layer = layers.StringLookup(vocabulary=["x"])
    model = town_model(layer)
    layer.set_vocabulary(["rome", "oslo"])
    assert model(TOWNS[:3]).tolist() == [0, 1, 2]


def test_what_texts_cannot_do_in_a_graph():
    town = lamina.Input((), dtype="string")
    with pytest.raises(lamina.ArgumentError, match="without invert and salt"):
        layers.StringLookup(vocabulary=["a"], salt=3)(town)
    with pytest.raises(lamina.ArgumentError, match="salt cannot be"):
        layers.Hashing(3, salt=2)(town)
    with pytest.raises(lamina.ArgumentError, match="cannot be drawn"):
        layers.StringLookup(vocabulary=["a"])(lamina.Input((), dtype="int64"))
    strict = town_model(layers.StringLookup(vocabulary=["rome"], num_oov_indices=0))
    with pytest.raises(lamina.ArgumentError, match="not in its vocabulary"):
        strict(TOWNS)
    with pytest.raises(lamina.LaminaError, match="texts"):
        lamina.Model(town, layers.Dense(2)(layers.Reshape((1,))(town)))


def test_each_step_of_a_graph_is_looked_at_once():
    """Whether numbers come from texts is asked of what they were computed from: 40 steps with two ways each."""
    inputs = lamina.Input((2,), dtype="int64")
    numbers = inputs
    for _ in range(40):
        numbers = numbers + torch.abs(numbers)
    assert layers.Hashing(4)(numbers).shape == (None, 2)
