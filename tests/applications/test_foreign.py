"""Files of torchvision and timm: networks that compute the same are read, all others refused with the reason."""

from __future__ import annotations

import importlib
import os

import numpy as np
import pytest
import torch
from torch import nn

from lamina import applications
from lamina.applications import densenet, vgg
from lamina.applications.foreign import Foreign, _as_here
from lamina.applications.variants import application
from lamina.saving.errors import LoadingError
from tests.applications.test_frame import PUBLISHED, Tiny

RANDOM = np.random.default_rng(0)


def library(name):
    """torchvision or timm, where it is installed and fits the PyTorch that is."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{name}: {error}")


def drawn(module):
    """A network whose weights are as training leaves them, in inference mode."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith(("running_var", "gamma", "layer_scale")):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("running_mean"):
                tensor.normal_(0, 0.1)
    return module.eval()


# Name in torchvision and timm, size of the pictures.
SAME = {
    "VGG16": ("vgg16", 224),
    "VGG19": ("vgg19", 224),
    "DenseNet121": ("densenet121", 64),
    "DenseNet169": ("densenet169", 64),
    "DenseNet201": ("densenet201", 64),
    "ConvNeXtTiny": ("convnext_tiny", 64),
    "ConvNeXtSmall": ("convnext_small", 64),
    "ConvNeXtBase": ("convnext_base", 64),
    "ConvNeXtLarge": ("convnext_large", 64),
    "ConvNeXtXLarge": ("convnext_xlarge", 64),
}


@pytest.mark.slow
@pytest.mark.parametrize("source", ("torchvision", "timm"))
@pytest.mark.parametrize("name", SAME)
def test_networks_that_compute_the_same_give_the_same(name, source, tmp_path):
    theirs_name, side = SAME[name]
    if (source, name) == ("torchvision", "ConvNeXtXLarge"):
        pytest.skip("torchvision has none")
    package = library(source)
    make = getattr(package.models, theirs_name) if source == "torchvision" else package.create_model
    theirs = drawn(make() if source == "torchvision" else make(theirs_name))
    path = tmp_path / "theirs.pth"
    torch.save(theirs.state_dict(), path)
    options = {"include_preprocessing": False} if name.startswith("ConvNeXt") else {}
    options |= {"weights": path, "input_shape": (side, side, 3)}
    x = torch.as_tensor(RANDOM.normal(0, 1, (2, 3, side, side)).astype("float32"))
    ours = getattr(applications, name)(classifier_activation=None, **options)
    with torch.no_grad():
        expected = theirs(x)
        found = ours(x.permute(0, 2, 3, 1))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
    features = getattr(applications, name)(include_top=False, pooling="avg", **options)
    assert all(torch.equal(a, b) for a, b in zip(features.weights, ours.weights, strict=False))
    path.unlink()


class Dense(nn.Module):
    """torchvision's DenseNet of one layer in each block, in modules of its names."""

    def __init__(self, classes=5):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 64, 7, 2, 3, bias=False))
        self.features.add_module("norm0", nn.BatchNorm2d(64))
        channels = 64
        for block in range(1, 5):
            layer = nn.Sequential()
            layer.add_module("norm1", nn.BatchNorm2d(channels))
            layer.add_module("conv1", nn.Conv2d(channels, 128, 1, bias=False))
            layer.add_module("norm2", nn.BatchNorm2d(128))
            layer.add_module("conv2", nn.Conv2d(128, 32, 3, padding=1, bias=False))
            self.features.add_module(f"denseblock{block}", nn.Sequential())
            self.features[-1].add_module("denselayer1", layer)
            channels += 32
            if block < 4:
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(channels))
                transition.add_module("conv", nn.Conv2d(channels, channels // 2, 1, bias=False))
                self.features.add_module(f"transition{block}", transition)
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = torch.relu(self.features.norm0(self.features.conv0(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for block in range(1, 5):
            layer = getattr(self.features, f"denseblock{block}").denselayer1
            found = layer.conv1(torch.relu(layer.norm1(x)))
            x = torch.cat([x, layer.conv2(torch.relu(layer.norm2(found)))], 1)
            if block < 4:
                transition = getattr(self.features, f"transition{block}")
                x = nn.functional.avg_pool2d(transition.conv(torch.relu(transition.norm(x))), 2)
        return self.classifier(torch.relu(self.features.norm5(x)).mean((2, 3)))


def small_densenet(**options):
    return application(
        "Small",
        "For tests.",
        lambda frame: densenet.densenet(frame, (1, 1, 1, 1)),
        PUBLISHED,
        Foreign(densenet._modules, ("classifier",)),
        module=__name__,
    )(input_shape=(48, 48, 3), **options)


@pytest.fixture
def theirs():
    return drawn(Dense())


@pytest.mark.parametrize("ending", (".pth", ".safetensors"))
def test_a_file_of_theirs_is_read(theirs, ending, tmp_path):
    path = tmp_path / f"theirs{ending}"
    if ending == ".pth":
        torch.save({"state_dict": theirs.state_dict()}, path)
    else:
        pytest.importorskip("safetensors.torch").save_file(theirs.state_dict(), path)
    ours = small_densenet(weights=path, classes=5, classifier_activation=None)
    x = torch.as_tensor(RANDOM.normal(0, 1, (2, 3, 48, 48)).astype("float32"))
    with torch.no_grad():
        torch.testing.assert_close(ours(x.permute(0, 2, 3, 1)), theirs(x), rtol=1e-4, atol=1e-4)
    features = small_densenet(weights=str(path), include_top=False)
    assert torch.equal(features.weights[0], ours.weights[0])


def test_names_of_2017_are_read(theirs, tmp_path):
    state = {name.replace("norm1", "norm.1").replace("conv1", "conv.1"): t for name, t in theirs.state_dict().items()}
    assert any("norm.1" in name for name in state)
    torch.save(state, tmp_path / "old.pth")
    ours = small_densenet(weights=tmp_path / "old.pth", classes=5)
    kernel = theirs.features.denseblock1.denselayer1.conv1.weight
    assert torch.equal(ours.get_layer("conv2_block1_1_conv").kernel, kernel.permute(2, 3, 1, 0))


def test_what_is_missing_left_or_of_another_shape_is_told_and_nothing_is_used(theirs, tmp_path):
    state = theirs.state_dict()
    del state["features.norm5.bias"]
    state["features.denseblock1.denselayer2.norm1.weight"] = torch.ones(3)
    torch.save(state, tmp_path / "wrong.pth")
    with pytest.raises(LoadingError) as caught:
        small_densenet(weights=tmp_path / "wrong.pth", classes=6)
    for text in ("bn.beta", "denselayer2.norm1.weight", "predictions.kernel", "not those of"):
        assert text in str(caught.value)


def test_dense_layers_behind_pictures_are_turned(tmp_path):
    """VGG's first dense layer reads channels first there, last here."""
    frame_convolutions = (1, 1, 1, 1, 1)
    foreign = vgg._foreign(frame_convolutions)
    assert foreign.modules("block3_conv1") == ["features.6"]
    kernel = torch.arange(2 * 512 * 2 * 2.0).reshape(2, 512, 2, 2)
    due = kernel.permute(2, 3, 1, 0).reshape(-1, 2)
    for given in (kernel.flatten(1), kernel):  # as torchvision has it, and as timm
        assert torch.equal(_as_here("fc1.kernel", given, torch.empty(2048, 2), foreign), due)


@pytest.mark.parametrize(
    "name, text",
    [
        ("ResNet50", "3 × 3 convolution"),
        ("ResNet50V2", "first block of a stage"),
        ("MobileNetV2", "zeros on both sides"),
        ("MobileNetV3Small", "zeros on both sides"),
        ("EfficientNetB0", "cannot be told"),
        ("EfficientNetV2B0", "cannot be told"),
        ("InceptionV3", "averages"),
        ("Xception", "pooling of stride 2"),
    ],
)
def test_networks_that_compute_something_else_are_refused(name, text, tmp_path):
    torch.save({"conv1.weight": torch.ones(64, 3, 7, 7)}, tmp_path / "theirs.pth")
    with torch.device("meta"), pytest.raises(LoadingError, match=f"another library(.|\n)*{text}(.|\n)*TorchModule"):
        getattr(applications, name)(weights=tmp_path / "theirs.pth")


def test_a_file_of_ours_with_these_endings_is_ours(tmp_path):
    model = Tiny(weights=None)
    torch.save(model.state_dict(), tmp_path / "ours.pth")
    again = Tiny(weights=os.fspath(tmp_path / "ours.pth"))
    assert torch.equal(again.weights[0], model.weights[0])
    torch.save({"other": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(LoadingError, match="it is tiny"):
        Tiny(weights=tmp_path / "other.pth")
