"""Models that only remember what callbacks do to them, for Lamina's callbacks and for Keras' alike."""

from __future__ import annotations

from types import SimpleNamespace

import torch


class FakeModel(torch.nn.Module):
    """Has what callbacks ask of a model: weights, an optimizer, a flag, and a list of what was saved."""

    def __init__(self, learning_rate=1.0, metrics=()):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2))
        self.register_buffer("moving_mean", torch.zeros(2))
        self.optimizer = SimpleNamespace(learning_rate=learning_rate, iterations=0, name="fake")
        self.metrics = list(metrics)
        self.stop_training = False
        self.saved = []

    def get_weights(self):
        return [self.weight.detach().clone()]

    def set_weights(self, weights):
        self.weight.data.copy_(weights[0])

    def save(self, path, overwrite=True):
        self.saved.append(("model", path))

    def save_weights(self, path, overwrite=True):
        self.saved.append(("weights", path))


def play(callback, epochs, model, begin=True):
    """Feed the logs of epochs to a callback, as a training would, until it stops; yields after each epoch."""
    callback.set_model(model)
    if begin:
        callback.on_train_begin({})
    for epoch, logs in epochs:
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, logs)
        yield epoch
        if model.stop_training:
            return
