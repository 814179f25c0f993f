"""The words by which guides go on from a data set that a loader returns."""

import numpy as np
import pytest
import torch
from PIL import Image

import lamina
from lamina import layers, utils


@pytest.fixture
def folder(tmp_path):
    for name, colour in (("cats", 40), ("dogs", 200)):
        (tmp_path / name).mkdir()
        for i in range(5):
            Image.fromarray(np.full((6, 6, 3), colour + i, "uint8")).save(tmp_path / name / f"{i}.png")
    return tmp_path


def pictures(folder, **options):
    return utils.image_dataset_from_directory(folder, image_size=(6, 6), verbose=False, batch_size=4, **options)


def test_a_guides_pipeline_of_pictures_trains(folder):
    train, validation = pictures(folder, validation_split=0.4, subset="both", seed=3)
    rescale = layers.Rescaling(1 / 255)
    train = train.map(lambda x, y: (rescale(x), y), num_parallel_calls=2).cache().shuffle(100).prefetch(buffer_size=2)
    validation = validation.map(lambda x, y: (rescale(x), y)).prefetch(2)
    assert train.class_names == ["cats", "dogs"]
    assert (len(train), len(validation), int(validation.cardinality())) == (2, 1, 1)
    model = lamina.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")])
    model.compile(lamina.optimizers.Adam(0.3), "binary_crossentropy")
    losses = model.fit(train, validation_data=validation, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.predict(validation.map(lambda x, y: x), verbose=0).shape == (4, 1)


def test_take_skip_and_numpy(folder):
    loader = pictures(folder, shuffle=False)
    whole = list(loader)
    for images, labels in loader.take(1):
        assert torch.equal(images, whole[0][0])
        assert labels.numpy().tolist() == [0, 0, 0, 0]
    assert [len(x) for x, _ in loader.skip(1)] == [4, 2]
    assert (len(loader.take(9)), len(loader.skip(9)), len(loader.take(-1)), len(loader.skip(-1))) == (3, 0, 3, 0)
    assert isinstance(next(loader.as_numpy_iterator())[0], np.ndarray)
    assert [i for i, _ in loader.enumerate()] == [0, 1, 2]
    assert len(loader.concatenate(loader)) == len(list(loader.concatenate(loader))) == 6


def test_unbatch_filter_and_batch(folder):
    rows = pictures(folder, shuffle=False).unbatch()
    assert len(list(rows)) == 10
    dogs = rows.filter(lambda x, y: y == 1).batch(2, drop_remainder=True)
    assert [(x.shape, y.tolist()) for x, y in dogs] == [((2, 6, 6, 3), [1, 1])] * 2
    with pytest.raises(TypeError, match="only iterating tells"):
        len(dogs)
    assert int(dogs.cardinality()) == -2


def test_samples_of_a_folder_in_batches(folder):
    samples = utils.image_dataset_from_directory(
        folder, image_size=(6, 6), verbose=False, batch_size=None, shuffle=False
    )
    batches = samples.map(lambda x, y: {"x": x / 255, "y": y}).batch(3)
    assert len(batches) == 4
    assert [len(batch["x"]) for batch in batches] == [3, 3, 3, 1]
    assert len(list(batches.unbatch())) == 10


def test_texts(tmp_path):
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        for i in range(2):
            (tmp_path / name / f"{i}.txt").write_text(f"{name} text {i}")
    loader = utils.text_dataset_from_directory(tmp_path, batch_size=2, shuffle=False, verbose=False)
    lengths = loader.map(lambda texts, y: (torch.tensor([len(text) for text in texts]), y))
    assert [x.tolist() for x, _ in lengths] == [[10, 10], [10, 10]]
    assert [text for text, _ in loader.unbatch()] == ["neg text 0", "neg text 1", "pos text 0", "pos text 1"]
    alone = utils.text_dataset_from_directory(tmp_path, labels=None, batch_size=2, shuffle=False, verbose=False)
    assert list(alone.map(len)) == [2, 2]


def test_windows_of_a_series():
    series = np.arange(20.0, dtype="float32")
    loader = utils.timeseries_dataset_from_array(series[:, None], series[4:], sequence_length=4, batch_size=8)
    (x, y), *_ = loader.map(lambda x, y: (x * 2, y)).take(1)
    assert x.shape == (8, 4, 1)
    torch.testing.assert_close(y, x[:, -1, 0] / 2 + 1)
    assert len(utils.timeseries_dataset_from_array(series, None, 4, batch_size=None).batch(3)) == 6


def numbers(n=7, size=1):
    return utils.pipeline.LoaderWithWords(torch.arange(n), batch_size=size)


def test_shuffle():
    order = [int(x) for x in numbers().shuffle(3, seed=1)]
    assert sorted(order) == list(range(7))
    assert order == [int(x) for x in numbers().shuffle(3, seed=1)]
    assert order[0] <= 3
    kept = numbers().shuffle(9, reshuffle_each_iteration=False)
    assert list(map(int, kept)) == list(map(int, kept))
    anew = numbers(40).shuffle(40, seed=2)
    assert list(map(int, anew)) != list(map(int, anew))


def test_cache_reads_once_and_repeat_reads_again():
    reads = []

    def note(x):
        reads.append(int(x))
        return x

    cached = numbers(3).map(note).cache().repeat(2)
    assert [int(x) for x in cached] == [0, 1, 2, 0, 1, 2]
    assert reads == [0, 1, 2]
    again = numbers(2).map(note).repeat()
    assert [int(x) for x in again.take(5)] == [0, 1, 0, 1, 0]
    assert len(cached) == 6
    assert reads == [0, 1, 2, 0, 1, 0, 1, 0]
    with pytest.raises(lamina.ArgumentError, match="in memory"):
        numbers().cache("file")
    with pytest.raises(lamina.ArgumentError, match=r"batch\(\) takes a number"):
        numbers().batch(0)


def test_map_keeps_no_gradient_and_repr():
    dense = layers.Dense(2)
    pipeline = utils.pipeline.LoaderWithWords(torch.ones(4, 3), batch_size=2).map(dense)
    assert not next(iter(pipeline)).requires_grad
    assert repr(pipeline) == "<Pipeline from a LoaderWithWords: 2 elements>"


def test_an_interrupted_fit_on_a_shuffled_pipeline_goes_on_as_it_was(tmp_path):
    x, y = torch.rand(12, 3), torch.rand(12, 1)

    def data():
        generator = torch.Generator().manual_seed(5)
        rows = torch.utils.data.TensorDataset(x, y)
        loader = utils.pipeline.LoaderWithWords(rows, batch_size=2, shuffle=True, generator=generator)
        return loader.map(lambda x, y: (x * 2, y)).shuffle(3, seed=7)

    def model():
        made = lamina.Sequential([lamina.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
        made.compile(lamina.optimizers.SGD(0.1), "mse")
        return made

    class Stop(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                self.model.save_checkpoint(tmp_path / "c.lamina")
                raise KeyboardInterrupt

    whole, part, rest = model(), model(), model()
    whole.fit(data(), epochs=2, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        part.fit(data(), epochs=2, verbose=0, callbacks=[Stop()])
    rest.fit(data(), epochs=2, verbose=0, resume_from=tmp_path / "c.lamina")
    for a, b in zip(whole.get_weights(), rest.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
