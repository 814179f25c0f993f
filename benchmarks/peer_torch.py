"""The yardstick: each workload as a good PyTorch user writes it by hand.

Convolutions in channels_last, fused Adam, gradients set to None, scaled_dot_product_attention, nn.LSTM, rows gathered
by a random permutation, the loss summed without a sync per step, inference_mode for predict.

In every model the sub-modules are created in the order in which the Keras code of `peer_keras.py` creates its layers:
the parity test pairs them so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from workloads import ADAM, BATCH_NORM, LAYER_NORM, SEED, WORKLOADS, Arrays

Hp = Mapping[str, Any]


def conv(channels_in: int, channels: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, bias=False)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM["epsilon"], momentum=1 - BATCH_NORM["momentum"])


def layer_norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=LAYER_NORM["epsilon"])


class LastState(nn.LSTM):
    """An LSTM over (B, T, F) that gives its last state (B, units).

    The redundant second bias stays at zero: the same function and the same number of parameters as in Keras.
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__(features, units, batch_first=True)
        nn.init.zeros_(self.bias_hh_l0).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[1][0][0]


class MLP(nn.Sequential):
    def __init__(self, hp: Hp) -> None:
        widths = [hp["features"], *hp["hidden"]]
        hidden = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
        super().__init__(*hidden, nn.Linear(widths[-1], hp["classes"]))


class CNNStage(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = conv(channels_in, channels), batch_norm(channels)
        self.conv2, self.norm2 = conv(channels, channels), batch_norm(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        x = F.relu(self.norm2(self.conv2(x)) + x, inplace=True)
        return F.max_pool2d(x, 2)


class CNN(nn.Module):
    def __init__(self, hp: Hp) -> None:
        super().__init__()
        widths = [hp["image"][-1], *hp["stages"]]
        self.stages = nn.Sequential(*(CNNStage(a, b) for a, b in pairwise(widths)))
        self.head = nn.Linear(widths[-1], hp["classes"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.stages(x).mean((2, 3)))


class BasicBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = conv(channels_in, channels, 3, stride), batch_norm(channels)
        self.conv2, self.norm2 = conv(channels, channels), batch_norm(channels)
        projection = (conv(channels_in, channels, 1, stride), batch_norm(channels)) if stride != 1 else ()
        self.shortcut = nn.Sequential(*projection)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class ResNet20(nn.Module):
    def __init__(self, hp: Hp) -> None:
        super().__init__()
        width = hp["stages"][0]
        self.stem = nn.Sequential(conv(hp["image"][-1], width), batch_norm(width), nn.ReLU(inplace=True))
        self.blocks = nn.Sequential()
        for stage, channels in enumerate(hp["stages"]):
            for block in range(hp["blocks"]):
                self.blocks.append(BasicBlock(width, channels, 2 if stage > 0 and block == 0 else 1))
                width = channels
        self.head = nn.Linear(width, hp["classes"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class LSTMClassifier(nn.Sequential):
    def __init__(self, hp: Hp) -> None:
        super().__init__(
            nn.Embedding(hp["vocab"], hp["embed"]),
            LastState(hp["embed"], hp["units"]),
            nn.Linear(hp["units"], hp["classes"]),
        )


class CausalSelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, heads, T, F)
        x = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(x.transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention, self.norm1 = CausalSelfAttention(width, heads), layer_norm(width)
        self.up, self.down, self.norm2 = nn.Linear(width, hidden), nn.Linear(hidden, width), layer_norm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Transformer(nn.Sequential):
    def __init__(self, hp: Hp) -> None:
        blocks = (TransformerBlock(hp["width"], hp["heads"], hp["hidden"]) for _ in range(hp["blocks"]))
        super().__init__(nn.Embedding(hp["vocab"], hp["width"]), *blocks, nn.Linear(hp["width"], hp["vocab"]))


class Tickets(nn.Module):
    """Gives logits, which the loss takes as they are; `ticket_probabilities` makes the outputs of predict."""

    def __init__(self, hp: Hp) -> None:
        super().__init__()
        self.title = nn.Sequential(nn.Embedding(hp["vocab"], hp["embed"]), LastState(hp["embed"], hp["title_units"]))
        self.body = nn.Sequential(nn.Embedding(hp["vocab"], hp["embed"]), LastState(hp["embed"], hp["body_units"]))
        width = hp["title_units"] + hp["body_units"] + hp["tags"]
        self.priority, self.department = nn.Linear(width, 1), nn.Linear(width, hp["departments"])

    def forward(self, title: torch.Tensor, body: torch.Tensor, tags: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = torch.cat([self.title(title), self.body(body), tags], 1)
        return self.priority(x), self.department(x)


class ConvPair(nn.Sequential):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(
            conv(channels_in, channels), batch_norm(channels), nn.ReLU(inplace=True),
            conv(channels, channels), batch_norm(channels), nn.ReLU(inplace=True),
        )  # fmt: skip


class UpStep(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.grow, self.merge = nn.ConvTranspose2d(channels_in, channels, 2, 2), ConvPair(2 * channels, channels)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.merge(torch.cat([skip, self.grow(x)], 1))


class UNet(nn.Module):
    def __init__(self, hp: Hp) -> None:
        super().__init__()
        widths = [hp["image"][-1], *hp["levels"], hp["bottleneck"]]
        *down, middle = (ConvPair(a, b) for a, b in pairwise(widths))
        self.down, self.middle = nn.ModuleList(down), middle
        self.up = nn.ModuleList(UpStep(a, b) for a, b in pairwise(widths[:0:-1]))
        self.head = nn.Conv2d(hp["levels"][0], hp["classes"], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level in self.down:
            skips.append(level(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.middle(x)
        for step in self.up:
            x = step(x, skips.pop())
        return self.head(x)


Loss = Callable[[Hp, Any, list[torch.Tensor]], torch.Tensor]


def class_loss(hp: Hp, logits: torch.Tensor, targets: list[torch.Tensor]) -> torch.Tensor:
    return F.cross_entropy(logits, targets[0])


def token_loss(hp: Hp, logits: torch.Tensor, targets: list[torch.Tensor]) -> torch.Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets[0].flatten())


def ticket_loss(hp: Hp, logits: tuple[torch.Tensor, ...], targets: list[torch.Tensor]) -> torch.Tensor:
    weights = hp["loss_weights"]
    priority = F.binary_cross_entropy_with_logits(logits[0], targets[0])
    return weights["priority"] * priority + weights["department"] * F.cross_entropy(logits[1], targets[1])


def ticket_probabilities(logits: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return logits[0].sigmoid(), logits[1].softmax(-1)


@dataclass(frozen=True)
class Recipe:
    """A model, its loss, whether it reads images, and what turns its result into the tuple of outputs."""

    model: Callable[[Hp], nn.Module]
    loss: Loss = class_loss
    images: bool = False
    outputs: Callable[[Any], tuple[torch.Tensor, ...]] = lambda logits: (logits,)


RECIPES: Mapping[str, Recipe] = {
    "mlp": Recipe(MLP),
    "cnn": Recipe(CNN, images=True),
    "resnet20": Recipe(ResNet20, images=True),
    "lstm": Recipe(LSTMClassifier),
    "transformer": Recipe(Transformer, token_loss),
    "tickets": Recipe(Tickets, ticket_loss, outputs=ticket_probabilities),
    "unet": Recipe(UNet, images=True),
}


class TorchPeer:
    """Hand-written PyTorch as a `peers.Peer`."""

    def build(self, case: str, device: str) -> None:
        torch.manual_seed(SEED)
        self.recipe, self.device = RECIPES[case], torch.device(device)
        self.hp, self.batch_size = WORKLOADS[case].hp, WORKLOADS[case].batch_size
        layout = torch.channels_last if self.recipe.images else torch.preserve_format
        self.model = self.recipe.model(self.hp).to(self.device, memory_format=layout)

    def compile(self) -> None:
        self.optimizer = torch.optim.Adam(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=ADAM["learning_rate"], betas=(ADAM["beta_1"], ADAM["beta_2"]), eps=ADAM["epsilon"], fused=True,
        )  # fmt: skip

    def fit(self, inputs: Arrays, targets: Arrays) -> float:
        self.model.train()
        xs, ys = self._tensors(inputs), self._tensors(targets)
        total = torch.zeros((), device=self.device)
        batches = torch.randperm(len(xs[0]), device=self.device).split(self.batch_size)
        for rows in batches:
            logits = self.model(*(self._view(x[rows]) for x in xs))
            loss = self.recipe.loss(self.hp, logits, [y[rows] for y in ys])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / len(batches)

    @torch.inference_mode()
    def predict(self, inputs: Arrays) -> list[np.ndarray]:
        self.model.eval()
        batches = zip(*(x.split(self.batch_size) for x in self._tensors(inputs)), strict=True)
        results = [self.recipe.outputs(self.model(*map(self._view, batch))) for batch in batches]
        return [torch.cat(parts).cpu().numpy() for parts in zip(*results, strict=True)]

    @torch.inference_mode()
    def call(self, inputs: Arrays) -> list[np.ndarray]:
        result = self.model(*map(self._view, self._tensors(inputs)))
        return [part.cpu().numpy() for part in self.recipe.outputs(result)]

    def trainable_params(self) -> int:
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def _tensors(self, arrays: Arrays) -> list[torch.Tensor]:
        """Ids and labels as int64, all on the device: a data set of this size fits there whole."""
        tensors = (torch.from_numpy(a).to(self.device) for a in arrays.values())
        return [t if t.is_floating_point() else t.long() for t in tensors]

    def _view(self, x: torch.Tensor) -> torch.Tensor:
        """NHWC memory seen as NCHW is a channels_last tensor: nothing is copied."""
        return x.permute(0, 3, 1, 2) if self.recipe.images else x
