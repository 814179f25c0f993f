"""Layers that change pictures at random: what cases beside Keras cannot say."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers
from lamina.graph import ArgumentError, DtypeError, ShapeError, StructureError
from lamina.layers.preprocessing.augmentation import pieces

RNG = np.random.default_rng(5)
BATCH = RNG.uniform(0, 255, size=(5, 8, 10, 3)).astype("float32")


def same(value: float) -> tuple[float, float]:
    return value, value


# Layers in which nothing is left to chance, each argument as both libraries take it.
FIXED: list[tuple[str, dict[str, Any]]] = [
    ("RandomBrightness", {"factor": same(0.3)}),
    ("RandomBrightness", {"factor": same(-0.9), "value_range": (-10, 300)}),
]
# One of each, with chance in it.
CHANCE: list[tuple[str, dict[str, Any]]] = [
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.2}),
    ("RandomZoom", {"height_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.2}),
    ("RandomCrop", {"height": 4, "width": 5}),
    ("RandomContrast", {"factor": 0.3}),
    ("RandomBrightness", {"factor": 0.3}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": 0.2}),
    ("RandomPerspective", {"factor": same(0.9), "scale": 0.3}),
    ("RandomElasticTransform", {}),
    ("RandomGaussianBlur", {}),
    ("RandomSharpness", {"factor": 0.9}),
    ("RandomGrayscale", {}),
    ("RandomColorDegeneration", {"factor": 0.5}),
    ("RandomHue", {"factor": 0.5}),
    ("RandomSaturation", {"factor": (0.2, 0.8), "value_range": (0, 1)}),
    ("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.2, "hue_factor": 0.1}),
    ("RandomInvert", {}),
    ("RandomPosterization", {"factor": 5}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.9}),
    ("RandomErasing", {"fill_value": 3.0}),
    ("MixUp", {"alpha": 1.0}),
    ("CutMix", {"factor": same(1.0)}),
    ("RandAugment", {}),
    ("AugMix", {}),
]
WARPS = ["RandomRotation", "RandomZoom", "RandomTranslation", "RandomShear"]
MOVING = ["RandomFlip", "RandomCrop", "RandomPerspective", *WARPS]
MIXING = ["MixUp", "CutMix"]


def made(name: str, arguments: dict[str, Any], **more: Any) -> Any:
    return getattr(layers, name)(**{**arguments, **more})


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    """The batch as whole numbers."""
    return images.round().to(torch.uint8)


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@pytest.mark.parametrize("name, arguments", FIXED)
def test_training_is_that_of_keras(name: str, arguments: dict[str, Any], first: bool) -> None:
    data_format = "channels_first" if first else "channels_last"
    batch = BATCH.transpose(0, 3, 1, 2).copy() if first else BATCH
    theirs = getattr(keras.layers, name)(**arguments, data_format=data_format)
    ours = made(name, arguments, data_format=data_format)
    expected = theirs(torch.tensor(batch), training=True)
    torch.testing.assert_close(ours(batch, training=True), expected, rtol=1e-5, atol=1e-3)
    single = theirs(torch.tensor(batch[1]), training=True)
    torch.testing.assert_close(ours(batch[1], training=True), single, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name, arguments", CHANCE)
class TestChance:
    def test_a_seed_says_all(self, name: str, arguments: dict[str, Any]) -> None:
        batch = torch.tensor(BATCH)
        first, second, other = (made(name, arguments, seed=seed) for seed in (3, 3, 4))
        found = [first(batch) for _ in range(3)]
        assert all(torch.equal(mine, second(batch)) for mine in found)
        assert not torch.equal(found[0], found[1])
        assert not torch.equal(found[0], other(batch))

    def test_without_a_seed_the_global_generator_draws(self, name: str, arguments: dict[str, Any]) -> None:
        layer, batch = made(name, arguments), torch.tensor(BATCH)
        results = []
        for _ in range(2):
            torch.manual_seed(1)
            results.append(layer(batch))
        assert torch.equal(*results)

    def test_each_picture_has_its_own(self, name: str, arguments: dict[str, Any]) -> None:
        batch = torch.tensor(BATCH[:1]).repeat(24, 1, 1, 1)
        if name in MIXING:  # which make nothing of equal pictures
            batch = batch * torch.linspace(0, 1, 24).reshape(-1, 1, 1, 1)
        changed = made(name, arguments, seed=1)(batch)
        assert len({picture.numpy().tobytes() for picture in changed}) > 1

    def test_one_picture_is_a_batch_of_one(self, name: str, arguments: dict[str, Any]) -> None:
        one, many = (made(name, arguments, seed=3) for _ in range(2))
        batch = torch.tensor(BATCH[:1])
        assert torch.equal(one(batch[0]), many(batch)[0])

    def test_bytes_come_as_floats(self, name: str, arguments: dict[str, Any]) -> None:
        layers_ = [made(name, arguments, seed=3) for _ in range(2)]
        bytes_ = as_bytes(torch.tensor(BATCH))
        results = [layer(x) for layer, x in zip(layers_, (bytes_, bytes_.float()), strict=True)]
        assert results[0].dtype == torch.float32
        torch.testing.assert_close(*results)
        assert layers_[0](bytes_, training=False).dtype == torch.float32

    def test_a_layer_of_bytes_gives_bytes(self, name: str, arguments: dict[str, Any]) -> None:
        bytes_ = as_bytes(torch.tensor(BATCH))
        plain = made(name, arguments, seed=3)(bytes_)
        result = made(name, arguments, seed=3, dtype="uint8")(bytes_)
        assert result.dtype == torch.uint8
        torch.testing.assert_close(result.float(), plain.clamp(0, 255), atol=0.501, rtol=0)

    def test_layouts_agree(self, name: str, arguments: dict[str, Any]) -> None:
        last, first = (made(name, arguments, seed=3, data_format=f"channels_{word}") for word in ("last", "first"))
        batch = torch.tensor(BATCH)
        torch.testing.assert_close(last(batch), first(batch.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))

    def test_a_graph_is_drawn_saved_and_goes_on(self, name: str, arguments: dict[str, Any], tmp_path: Any) -> None:
        x = Input((8, 10, 3))
        model = Model(x, made(name, arguments, seed=3)(x))
        batch = torch.tensor(BATCH)
        model(batch, training=True)
        resting = model.predict(BATCH, verbose=0)
        for suffix in ("lamina", "keras"):
            model.save(tmp_path / f"model.{suffix}")
        copied = copy.deepcopy(model)
        following = model(batch, training=True)
        read = lamina.models.load_model(tmp_path / "model.lamina")
        assert torch.equal(read(batch, training=True), following)
        assert torch.equal(copied(batch, training=True), following)
        theirs = lamina.models.load_model(tmp_path / "model.keras")
        for loaded in (read, theirs):
            assert np.array_equal(loaded.predict(BATCH, verbose=0), resting)
            assert loaded.layers[1].get_config() == model.layers[1].get_config()

    def test_inference_changes_nothing(self, name: str, arguments: dict[str, Any]) -> None:
        of_its_size = {"height": 8, "width": 10} if name == "RandomCrop" else {}
        layer, batch = made(name, {**arguments, **of_its_size}), torch.tensor(BATCH)
        assert torch.equal(layer(batch, training=False), batch)
        assert torch.equal(layer.eval()(batch), batch)

    def test_a_dict_changes_together(self, name: str, arguments: dict[str, Any]) -> None:
        """Masks and boxes lie where the picture shows what they mark."""
        if name in ("RandomElasticTransform", *MIXING, "RandAugment", "AugMix"):
            return  # which have tests of their own
        gray = name not in ("RandomHue", "RandomSaturation", "RandomColorDegeneration", "RandomColorJitter")
        batch = torch.zeros(6, 20, 24, 1 if gray else 3)
        batch[:, 5:14, 6:15] = 1 if name == "RandomSaturation" else 255
        masks = (batch[..., :1] > 0).to(torch.int32)
        boxes = {"boxes": torch.tensor([6.0, 5.0, 15.0, 14.0]).expand(6, 1, 4), "labels": torch.full((6, 1), 7)}
        given = {"images": batch, "segmentation_masks": masks, "bounding_boxes": boxes, "labels": torch.arange(6)}
        more = {"bounding_box_format": "xyxy", **({"fill_mode": "constant"} if name in WARPS else {})}
        if name == "RandomCrop":
            more.update(height=15, width=16)
        before = copy.deepcopy(given)
        found = made(name, arguments, seed=3, **more)(given)
        assert all(torch.equal(given[key], before[key]) for key in ("images", "segmentation_masks", "labels"))
        assert found["segmentation_masks"].dtype == torch.int32
        assert torch.equal(found["labels"], torch.arange(6))
        if name not in MOVING:
            assert torch.equal(found["bounding_boxes"]["boxes"], boxes["boxes"])
            assert torch.equal(found["segmentation_masks"], masks)
            return
        for image, mask, box in zip(
            found["images"], found["segmentation_masks"], found["bounding_boxes"]["boxes"], strict=True
        ):
            assert float(((image > 127) != (mask == 1)).float().mean()) < 0.03
            rows, columns = (torch.nonzero(mask[..., 0].any(axis)).flatten() for axis in (1, 0))
            seen = torch.stack((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)).float()
            assert float((box[0] - seen).abs().max()) < (1.8 if name != "RandomPerspective" else 2.5)


@pytest.mark.parametrize("form", ["xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_xywh"])
@pytest.mark.parametrize("name", MOVING)
def test_boxes_of_every_format_move_alike(name: str, form: str) -> None:
    arguments = dict(CHANCE)[name]
    convert = lamina.utils.bounding_boxes.convert_format
    corners = torch.tensor([[2.0, 1.0, 6.0, 7.0], [0.0, 0.0, 3.0, 4.0]]).expand(5, 2, 4)
    labels = torch.ones(5, 2, dtype=torch.int64)
    results = []
    for word in ("xyxy", form):
        boxes = {"boxes": convert(corners, "xyxy", word, 8, 10), "labels": labels}
        layer = made(name, arguments, seed=3, bounding_box_format=word)
        found = layer({"images": BATCH, "bounding_boxes": boxes})
        height, width = found["images"].shape[1:3]
        results.append((convert(found["bounding_boxes"]["boxes"], word, "xyxy", height, width), found))
    torch.testing.assert_close(results[0][0], results[1][0], atol=1e-4, rtol=1e-4)
    assert torch.equal(*(found["bounding_boxes"]["labels"] for _, found in results))


def test_a_box_that_leaves_the_picture_loses_its_label() -> None:
    layer = layers.RandomTranslation(0.0, same(0.5), bounding_box_format="xyxy")
    boxes = {"boxes": torch.tensor([[[6.0, 1.0, 9.0, 5.0], [1.0, 1.0, 3.0, 5.0]]]), "labels": torch.tensor([[4, 5]])}
    found = layer({"images": BATCH[:1], "bounding_boxes": boxes})["bounding_boxes"]
    assert found["labels"].tolist() == [[-1, 5]]
    assert found["boxes"][0, 1].tolist() == [6.0, 1.0, 8.0, 5.0]


def test_lists_of_boxes_of_different_lengths_are_filled_up() -> None:
    layer = layers.RandomFlip("horizontal", seed=2, bounding_box_format="xywh")
    boxes = {"boxes": [[[1, 2, 3, 4]], [[1, 2, 3, 4], [2, 2, 2, 2]]], "labels": [[1], [2, 3]]}
    found = layer({"images": BATCH[:2], "bounding_boxes": boxes}, training=False)["bounding_boxes"]
    assert found["boxes"].shape == (2, 2, 4)
    assert found["labels"].tolist() == [[1, -1], [2, 3]]


class TestWrongBoxes:
    @pytest.mark.parametrize(
        "form, box, hint",
        [
            ("xyxy", [6.0, 5.0, 4.0, 3.0], "'xywh'"),
            ("rel_xyxy", [1.0, 1.0, 6.0, 7.0], "'xyxy'"),
            ("xywh", [0.1, 0.1, 0.5, 0.5], "'rel_xywh'"),
        ],
    )
    def test_of_another_format(self, form: str, box: list[float], hint: str) -> None:
        layer = layers.RandomFlip(bounding_box_format=form)
        boxes = {"boxes": torch.tensor([[box]]), "labels": torch.ones(1, 1)}
        with pytest.raises(ArgumentError, match=f"not of the format '{form}'(.|\n)*{hint}"):
            layer({"images": BATCH[:1], "bounding_boxes": boxes})

    def test_of_no_format(self) -> None:
        boxes = {"boxes": torch.ones(1, 1, 4), "labels": torch.ones(1, 1)}
        with pytest.raises(ArgumentError, match="does not know their format(.|\n)*bounding_box_format"):
            layers.RandomFlip()({"images": BATCH[:1], "bounding_boxes": boxes})

    def test_of_three_numbers(self) -> None:
        boxes = {"boxes": torch.ones(1, 1, 3), "labels": torch.ones(1, 1)}
        with pytest.raises(ShapeError, match="cannot take these boxes"):
            layers.RandomFlip(bounding_box_format="xyxy")({"images": BATCH[:1], "bounding_boxes": boxes})

    def test_without_labels(self) -> None:
        with pytest.raises(StructureError, match="cannot take these bounding_boxes"):
            layers.RandomFlip()({"images": BATCH[:1], "bounding_boxes": {"boxes": torch.ones(1, 1, 4)}})

    def test_a_dict_of_something_else(self) -> None:
        with pytest.raises(StructureError, match="cannot take this dict(.|\n)*'images'"):
            layers.RandomFlip()({"image": BATCH})


class TestValueRange:
    def test_bytes_for_a_range_to_one_are_told_of_once(self) -> None:
        layer = layers.RandomBrightness(0.2, value_range=(0, 1))
        with pytest.warns(UserWarning, match=r"value_range=\(0, 1\).*lie outside.*value_range=\(0, 255\)"):
            layer(as_bytes(torch.tensor(BATCH)))
        layer(as_bytes(torch.tensor(BATCH)))

    def test_fractions_for_a_range_to_255_are_told_of(self) -> None:
        with pytest.warns(UserWarning, match=r"a small part.*value_range=\(0, 1\)"):
            layers.RandomBrightness(0.2)(BATCH / 255)

    def test_in_fit_too(self) -> None:
        x = Input((8, 10, 3))
        y = layers.Dense(1)(layers.Flatten()(layers.RandomBrightness(0.2, (0, 1))(x)))
        model = Model(x, y)
        model.compile("sgd", "mse")
        with pytest.warns(UserWarning, match="value_range"):
            model.fit(BATCH, np.zeros((5, 1), "float32"), verbose=0)

    def test_what_fits_is_silent(self) -> None:
        layers.RandomBrightness(0.2)(np.zeros((2, 4, 4, 3), "uint8"))
        layers.RandomBrightness(0.2, value_range=(0, 1))(BATCH / 255)
        layers.RandomContrast(0.2)(BATCH / 255)  # which scales by nothing


def test_workers_draw_different_numbers() -> None:
    flip = layers.RandomRotation(0.2, seed=3)
    torch.manual_seed(0)

    class Pictures(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            return flip(torch.tensor(BATCH[0]))

    loader = torch.utils.data.DataLoader(Pictures(), batch_size=2, num_workers=2)
    epochs = [torch.cat(list(loader)) for _ in range(2)]
    every = [picture.numpy().tobytes() for epoch in epochs for picture in epoch]
    assert len(set(every)) == len(every)


def test_mapped_over_a_dataset() -> None:
    dataset = lamina.utils.timeseries_dataset_from_array(BATCH, np.arange(5), sequence_length=1, batch_size=2)
    layer = layers.RandomFlip("horizontal", seed=1)
    mapped = dataset.map(lambda x, y: (layer(x[:, 0]), y))
    assert [tuple(x.shape) for x, _ in mapped] == [(2, 8, 10, 3), (2, 8, 10, 3), (1, 8, 10, 3)]


def test_rotations_are_spread_evenly() -> None:
    angles = layers.RandomRotation((-0.1, 0.3), seed=1).get_random_transformation(torch.zeros(4000, 2, 2, 1))["angle"]
    assert float(angles.min()) >= -36
    assert float(angles.max()) <= 108
    assert abs(float(angles.mean()) - 36) < 3
    flips = layers.RandomFlip(seed=1).get_random_transformation(torch.zeros(4000, 2, 2, 1))["flips"]
    assert abs(float(flips.float().mean()) - 0.5) < 0.03


def test_crops_are_spread_evenly_and_are_parts() -> None:
    picture = torch.arange(30.0).reshape(1, 5, 6, 1)
    crops = layers.RandomCrop(3, 4, seed=1)(picture.repeat(3000, 1, 1, 1))
    corners, counts = torch.unique(crops[:, 0, 0, 0], return_counts=True)
    assert corners.tolist() == [6.0 * row + column for row in range(3) for column in range(3)]
    assert int(counts.min()) > 260
    assert torch.equal(crops[:, 2, 3, 0] - crops[:, 0, 0, 0], torch.full((3000,), 15.0))


@pytest.mark.parametrize("size, wanted", [((8, 10), (4, 4)), ((8, 10), (12, 5)), ((5, 20), (10, 10))])
def test_a_crop_at_rest_is_the_middle(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    batch = torch.tensor(RNG.uniform(size=(2, *size, 3)), dtype=torch.float32)
    expected = lamina.ops.image.resize(batch, wanted, crop_to_aspect_ratio=True)
    torch.testing.assert_close(layers.RandomCrop(*wanted)(batch, training=False), expected)


@pytest.mark.parametrize("name, arguments", [row for row in CHANCE if row[0] not in ("RandAugment", "AugMix")])
def test_compiles_as_one_graph_in_training(name: str, arguments: dict[str, Any]) -> None:
    layer, batch = made(name, arguments), torch.tensor(BATCH)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    results = []
    for run in (layer, compiled):
        torch.manual_seed(3)
        results.append(run(batch))
    torch.testing.assert_close(*results)


# Both libraries change by the same parameters, in Keras' words.
GIVEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("RandomFlip", {"mode": "horizontal"}, {"flips": np.array([True, False, True, True, False]).reshape(5, 1, 1, 1)}),
    ("RandomFlip", {}, {"flips": np.array([True, False, True, True, False]).reshape(5, 1, 1, 1)}),
    (
        "RandomZoom",
        {"height_factor": 0.5},
        {"height_zoom": RNG.uniform(0.5, 1.5, (5, 1)), "width_zoom": np.ones((5, 1))},
    ),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, {"translations": RNG.uniform(-4, 4, (5, 2))}),
    ("RandomShear", {"x_factor": 0.5}, {"shear_factor": RNG.uniform(-0.5, 0.5, (5, 2))}),
    ("MixUp", {}, {"mix_weight": RNG.uniform(0, 1, 5), "permutation_order": np.array([2, 0, 1, 4, 3])}),
    ("RandomHue", {"factor": 0.5}, {"factor": RNG.uniform(-0.5, 0.5, 5)}),
    ("RandomSaturation", {"factor": 0.5}, {"factor": RNG.uniform(0, 2, 5)}),
    ("RandomSharpness", {"factor": 0.5}, {"factor": RNG.uniform(0, 1, 5)}),
    ("RandomContrast", {"factor": 0.5}, {"contrast_factor": RNG.uniform(0.5, 1.5, (5, 1, 1, 1))}),
    ("RandomPosterization", {"factor": 5}, {"shift_factor": np.array([0, 3, 7, 5, 1], "uint8")}),
    (
        "Solarization",
        {},
        {"additions": RNG.uniform(0, 99, (5, 1, 1, 1)), "thresholds": RNG.uniform(0, 255, (5, 1, 1, 1))},
    ),
    (
        "CutMix",
        {},
        {
            "permutation_order": np.array([2, 0, 1, 4, 3]),
            "batch_masks": RNG.uniform(size=(5, 8, 10, 3)) > 0.5,
            "mix_weight": RNG.uniform(0, 1, 5),
        },
    ),
    (
        "RandomPerspective",
        {"interpolation": "bilinear"},
        {
            "apply_perspective": np.array([True, False, True, True, False]),
            "start_points": np.array([[[0, 0], [9, 0], [0, 7], [9, 7]]] * 5, "float32"),
            "end_points": np.array([[[0, 0], [8, 1], [1, 6], [9, 8]]] * 5, "float32"),
        },
    ),
]


@pytest.mark.parametrize("name, arguments, transformation", GIVEN)
def test_the_same_parameters_change_alike(name: str, arguments: dict[str, Any], transformation: dict[str, Any]) -> None:
    given = {
        key: torch.tensor(value.astype("float32") if value.dtype.kind == "f" else value)
        for key, value in transformation.items()
    }
    expected = getattr(keras.layers, name)(**arguments).transform_images(
        torch.tensor(BATCH), {**copy.deepcopy(given), "input_shape": BATCH.shape}, training=True
    )
    found = made(name, arguments).transform_images(BATCH, given, training=True)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("name, arguments, transformation", [row for row in GIVEN if row[0] in MOVING])
def test_boxes_move_as_in_keras(name: str, arguments: dict[str, Any], transformation: dict[str, Any]) -> None:
    if name == "RandomShear":
        return  # Keras shears boxes as if pictures were square; ours lie where the picture shows them
    given = {
        key: torch.tensor(value.astype("float32") if value.dtype.kind == "f" else value)
        for key, value in transformation.items()
    }
    boxes = {
        "boxes": torch.tensor([[2.0, 1.0, 6.0, 7.0], [0.5, 1.0, 3.0, 4.0]]).repeat(5, 1, 1),
        "labels": torch.ones(5, 2, dtype=torch.int64),
    }
    theirs = getattr(keras.layers, name)(**arguments, bounding_box_format="xyxy")
    expected = theirs.transform_bounding_boxes(
        copy.deepcopy(boxes), {**copy.deepcopy(given), "input_shape": BATCH.shape}, training=True
    )
    ours = made(name, arguments, bounding_box_format="xyxy")
    found = ours.transform_bounding_boxes(boxes, {**given, "input_shape": BATCH.shape}, training=True)
    torch.testing.assert_close(found["boxes"], expected["boxes"], rtol=1e-4, atol=1e-3)
    assert torch.equal(found["labels"], expected["labels"].to(torch.int64))


@pytest.mark.parametrize("turn", [0.0, 0.1, -0.3])
def test_boxes_turn_as_in_keras(turn: float) -> None:
    boxes = {"boxes": torch.tensor([[[2.0, 1.0, 6.0, 7.0]]] * 5), "labels": torch.ones(5, 1, dtype=torch.int64)}
    found, expected = (
        space.RandomRotation(same(turn), bounding_box_format="xyxy")(
            {"images": torch.tensor(BATCH), "bounding_boxes": copy.deepcopy(boxes)}, training=True
        )["bounding_boxes"]
        for space in (layers, keras.layers)
    )
    torch.testing.assert_close(found["boxes"], expected["boxes"], rtol=1e-4, atol=1e-3)


RESIZED = [
    ("Resizing", {"height": 4, "width": 7}),
    ("Resizing", {"height": 12, "width": 9, "pad_to_aspect_ratio": True}),
    ("Resizing", {"height": 12, "width": 9, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 5, "width": 5, "crop_to_aspect_ratio": True}),
    ("CenterCrop", {"height": 4, "width": 7}),
    ("CenterCrop", {"height": 12, "width": 5}),
]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("form", ["xyxy", "rel_xyxy", "center_xywh"])
@pytest.mark.parametrize("name, arguments", RESIZED)
def test_dicts_get_another_size_as_in_keras(name: str, arguments: dict[str, Any], form: str, single: bool) -> None:
    corners = torch.tensor([[2.0, 1.0, 6.0, 7.0], [0.5, 1.0, 3.0, 4.0], [0, 0, 0, 0]]).repeat(5, 1, 1)
    boxes = lamina.utils.bounding_boxes.convert_format(corners, "xyxy", form, 8, 10)
    given = {
        "images": torch.tensor(BATCH),
        "labels": torch.arange(5),
        "bounding_boxes": {"boxes": boxes, "labels": torch.tensor([[1, 2, -1]] * 5)},
        "segmentation_masks": torch.tensor((BATCH[..., :1] > 99).astype("uint8")),
    }
    if single:
        given = lamina.tree.map_structure(lambda leaf: leaf[0], given)
    ours = made(name, arguments, bounding_box_format=form)(given)
    expected = getattr(keras.layers, name)(**arguments, bounding_box_format=form)(copy.deepcopy(given))
    torch.testing.assert_close(ours["images"], expected["images"], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        ours["bounding_boxes"]["boxes"], expected["bounding_boxes"]["boxes"], rtol=1e-4, atol=1e-3
    )
    assert torch.equal(ours["bounding_boxes"]["labels"], expected["bounding_boxes"]["labels"])
    assert torch.equal(ours["labels"], expected["labels"])
    if name == "Resizing":
        assert torch.equal(ours["segmentation_masks"], expected["segmentation_masks"])
    assert ours["segmentation_masks"].dtype == torch.uint8


def test_a_dict_of_symbols_is_resized() -> None:
    given = {"images": Input((None, None, 3)), "segmentation_masks": Input((None, None, 1), dtype="uint8")}
    found = layers.Resizing(4, 5)(given)
    assert found["images"].shape == (None, 4, 5, 3)
    assert found["segmentation_masks"].shape == (None, 4, 5, 1)
    assert found["segmentation_masks"].dtype == torch.uint8


class TestMixing:
    def given(self) -> dict[str, Any]:
        return {
            "images": torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 4, 5, 3),
            "labels": torch.eye(6),
            "segmentation_masks": torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 4, 5, 1),
        }

    def test_mixup_mixes_labels_as_pictures(self) -> None:
        found = layers.MixUp(alpha=1.0, seed=3)(self.given())
        means = found["images"].mean((1, 2, 3))
        torch.testing.assert_close(means, found["labels"] @ torch.arange(6.0))
        torch.testing.assert_close(found["segmentation_masks"].mean((1, 2, 3)), means)

    def test_mixup_gives_the_boxes_of_both(self) -> None:
        boxes = {"boxes": torch.rand(6, 2, 4) * 4, "labels": torch.arange(12).reshape(6, 2)}
        layer = layers.MixUp(seed=3)
        found = layer({**self.given(), "bounding_boxes": boxes})["bounding_boxes"]
        assert found["boxes"].shape == (6, 4, 4)
        assert torch.equal(found["labels"][:, :2], boxes["labels"])
        assert sorted(found["labels"][:, 2].tolist()) == [0, 2, 4, 6, 8, 10]

    def test_cutmix_mixes_labels_by_area(self) -> None:
        given = self.given()
        given["images"] = torch.arange(6.0).reshape(6, 1, 1, 1).repeat(1, 200, 200, 1)
        given["segmentation_masks"] = given["images"]
        found = layers.CutMix(same(1.0), seed=3)(given)
        means = found["images"].mean((1, 2, 3))
        torch.testing.assert_close(means, found["labels"] @ torch.arange(6.0), atol=0.05, rtol=0)
        assert torch.equal(found["segmentation_masks"], found["images"])

    @pytest.mark.parametrize("name", MIXING)
    def test_names_of_classes_are_refused(self, name: str) -> None:
        with pytest.raises(DtypeError, match="names of classes(.|\n)*one_hot"):
            getattr(layers, name)()({"images": BATCH, "labels": np.arange(5)})

    @pytest.mark.parametrize("name", ["CutMix", "RandomElasticTransform"])
    def test_boxes_that_cannot_go_along_are_refused(self, name: str) -> None:
        boxes = {"boxes": torch.rand(5, 2, 4), "labels": torch.ones(5, 2)}
        with pytest.raises(StructureError, match="does not know where boxes go"):
            getattr(layers, name)()({"images": BATCH, "bounding_boxes": boxes})

    def test_mixup_weights_are_of_beta(self) -> None:
        weights = layers.MixUp(0.2, seed=1).get_random_transformation(torch.zeros(4000, 1, 1, 1))["mix_weight"]
        expected = torch.distributions.Beta(0.2, 0.2)
        assert abs(float(weights.mean()) - 0.5) < 0.02
        assert abs(float(weights.var()) - float(expected.variance)) < 0.01


def test_noise_fills_the_rectangle_alone() -> None:
    picture = torch.full((40, 20, 20, 3), 99.0)
    found = layers.RandomErasing(same(1.0), scale=(0.1, 0.3), seed=1)(picture)
    changed = (found != 99).any(-1)
    assert 0.05 < float(changed.float().mean()) < 0.35
    assert float(found.min()) >= 0
    assert float(found.max()) <= 255
    for mask in changed:
        rows, columns = (torch.nonzero(mask.any(axis)).flatten() for axis in (1, 0))
        area = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
        assert int(mask.sum()) == int(area)


def test_elastic_moves_masks_alike() -> None:
    batch = torch.zeros(4, 30, 30, 1)
    batch[:, 8:20, 8:20] = 255
    given = {"images": batch, "segmentation_masks": (batch > 0).long()}
    found = layers.RandomElasticTransform(same(1.0), seed=3)(given)
    assert not torch.equal(found["images"], batch)
    assert float(((found["images"] > 127).long() != found["segmentation_masks"]).float().mean()) < 0.03


def test_each_picture_is_equalized_with_its_batch_as_in_keras() -> None:
    batch = torch.tensor(BATCH)
    alone = torch.stack([layers.Equalization()(picture) for picture in batch])
    assert not torch.equal(layers.Equalization()(batch), alone)


class TestChoosers:
    def test_each_picture_takes_changes_of_its_own(self) -> None:
        layer = layers.RandAugment(num_ops=1, seed=1)
        parameters = layer.get_random_transformation(torch.zeros(300, 4, 4, 3))
        rows = torch.cat([rows for _, rows, _ in parameters["steps"][0]])
        assert torch.equal(rows.sort().values, torch.arange(300))
        assert len(parameters["steps"][0]) == 11

    def test_a_dict_changes_together(self) -> None:
        batch = torch.zeros(40, 20, 24, 3)
        batch[:, 5:14, 6:15] = 255
        boxes = {"boxes": torch.tensor([6.0, 5.0, 15.0, 14.0]).expand(40, 1, 4), "labels": torch.full((40, 1), 7)}
        masks = (batch[..., :1] > 0).int()
        found = layers.RandAugment(num_ops=1, factor=0.1, seed=3, bounding_box_format="xyxy")(
            {"images": batch, "segmentation_masks": masks, "bounding_boxes": boxes}
        )
        moved = 0
        for mask, box in zip(found["segmentation_masks"], found["bounding_boxes"]["boxes"], strict=True):
            rows, columns = (torch.nonzero(mask[..., 0].any(axis)).flatten() for axis in (1, 0))
            seen = torch.stack((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)).float()
            assert float((box[0] - seen).abs().max()) < 1.8
            moved += not torch.equal(mask, masks[0])
        assert 3 < moved < 25

    def test_compiled_all_are_computed(self) -> None:
        layer = layers.RandAugment(num_ops=1)
        layer(BATCH)
        compiled = torch.compile(layer, fullgraph=True, backend="eager")
        assert compiled(torch.tensor(BATCH)).shape == BATCH.shape


def test_only_so_many_boxes() -> None:
    boxes = {"boxes": torch.rand(2, 3, 4), "labels": torch.arange(6).reshape(2, 3)}
    given = {"images": as_bytes(torch.tensor(BATCH[:2])), "bounding_boxes": boxes}
    for number in (2, 5):
        found = layers.MaxNumBoundingBoxes(number)(given)
        expected = keras.layers.MaxNumBoundingBoxes(number, bounding_box_format="xyxy")(copy.deepcopy(given))
        assert torch.equal(found["bounding_boxes"]["boxes"], expected["bounding_boxes"]["boxes"])
        assert torch.equal(found["bounding_boxes"]["labels"], expected["bounding_boxes"]["labels"])
        assert found["images"].dtype == torch.uint8
    inputs = {
        "images": Input((8, 10, 3)),
        "bounding_boxes": {"boxes": Input((None, 4)), "labels": Input((None,), dtype="int64")},
    }
    drawn = layers.MaxNumBoundingBoxes(4)(inputs)["bounding_boxes"]
    assert (drawn["boxes"].shape, drawn["labels"].shape) == ((None, 4, 4), (None, 4))
    with pytest.raises(StructureError, match="'confidence' beside them"):
        layers.MaxNumBoundingBoxes(2)({**given, "bounding_boxes": {**boxes, "confidence": torch.ones(2, 3)}})


def test_a_signal_without_a_batch() -> None:
    signal = torch.rand(2, 400)
    layer = layers.MelSpectrogram(64, 16, num_mel_bins=8, power_to_db=False)
    torch.testing.assert_close(layer(signal)[1], layer(signal[1]))


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@pytest.mark.parametrize("name, arguments", CHANCE)
def test_in_pieces_the_same(name: str, arguments: dict[str, Any], first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is changed piece by piece comes out as one that is changed at once."""
    batch = torch.tensor(BATCH.transpose(0, 3, 1, 2).copy() if first else BATCH)
    more = {"seed": 3, "data_format": "channels_first" if first else "channels_last"}
    whole = made(name, arguments, **more)(batch)
    monkeypatch.setattr(pieces, "_PIECE", 2 * batch[0].numel() * batch.element_size())
    in_pieces = made(name, arguments, **more)(batch)
    torch.testing.assert_close(in_pieces, whole, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name, arguments", CHANCE)
def test_gradients_flow_to_the_pictures(name: str, arguments: dict[str, Any]) -> None:
    """As in a generator that is trained through augmentation; a batch with gradients is drawn as one without."""
    batch = torch.tensor(BATCH, requires_grad=True)
    result = made(name, arguments, seed=3)(batch)
    torch.testing.assert_close(result, made(name, arguments, seed=3)(batch.detach()), rtol=1e-5, atol=1e-3)
    if name != "RandomPosterization":  # which is flat
        (gradient,) = torch.autograd.grad(result.sum(), batch)
        assert torch.isfinite(gradient).all()


def test_pictures_of_no_batch_and_of_one_pixel() -> None:
    for name, arguments in CHANCE:
        if name == "RandomCrop":
            continue  # which is larger
        assert made(name, arguments)(torch.zeros(0, 8, 10, 3)).shape == (0, 8, 10, 3)
        assert made(name, arguments)(torch.zeros(2, 1, 1, 3)).shape == (2, 1, 1, 3)


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@pytest.mark.parametrize(
    "name, arguments",
    [
        *(row for row in CHANCE if row[0] not in MIXING),
        ("RandomErasing", {}),
        ("RandomInvert", {"factor": (0.2, 0.9)}),
        ("RandomCrop", {"height": 9, "width": 12}),
    ],
)
def test_a_picture_alone_is_as_in_a_batch_of_one(name: str, arguments: dict[str, Any], first: bool) -> None:
    """Alone it draws numbers where a batch draws tensors: the same ones, so that seeds and checkpoints say the same."""
    picture = torch.tensor(BATCH[0]) / (255 if arguments.get("value_range") == (0, 1) else 1)
    picture = picture.permute(2, 0, 1).contiguous() if first else picture
    layer, other = (made(name, arguments, seed=3, data_format="channels_first" if first else None) for _ in range(2))
    for _ in range(6):
        alone, batch = layer(picture, training=True), other(picture[None], training=True)
        torch.testing.assert_close(alone, batch[0], rtol=1e-6, atol=1e-4)
    assert torch.equal(layer(picture, training=False), other(picture[None], training=False)[0])


def test_the_first_call_may_be_under_vmap() -> None:
    """Where values cannot be read, the look at the range of values waits for a later call."""
    pictures = torch.rand(3, 8, 8, 3)
    found = torch.vmap(layers.RandomInvert(same(1.0), value_range=(0, 1)), randomness="different")(pictures)
    torch.testing.assert_close(found, 1 - pictures)
