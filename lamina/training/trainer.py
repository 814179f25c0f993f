"""Trainer: compile, fit, evaluate, predict. The part of a model that trains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lamina import optimizers
from lamina.callbacks import Callback, CallbackList, History
from lamina.graph import ArgumentError, StructureError, tree
from lamina.layers.base import in_mode

from .arrays import Arrays
from .feed import Feed
from .memory import keep_freed_pages
from .progress import Progress
from .scores import Scores
from .step import Step
from .streams import batches_of, unpack
from .torch_optimizer import TorchOptimizer


class Trainer:
    """``compile``, ``fit``, ``evaluate``, ``predict`` and their friends, by Keras' names. Mixed into `Model`."""

    optimizer: Any = None
    loss: Any = None
    stop_training = False
    _compiled: dict[str, Any] | None = None
    _step: Step | None = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is trained.

        Args:
            optimizer: name, `lamina.optimizers` object, or a plain ``torch.optim`` optimizer.
            loss: name, function or `Loss`; for several outputs a dict by output name, or a list. An output without a
                loss needs no targets.
            loss_weights: factors of the losses, by name or position.
            metrics, weighted_metrics: names or objects, by name or position for several outputs.
            jit_compile: True runs the model through ``torch.compile``; "auto" does not.
            run_eagerly, steps_per_execution, auto_scale_loss: accepted so that Keras code runs.
        """
        plain_torch = isinstance(optimizer, torch.optim.Optimizer)
        self.optimizer = TorchOptimizer(optimizer) if plain_torch else optimizers.get(optimizer)
        self.loss = loss
        self.jit_compile = jit_compile is True
        self._compiled = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        self._step = None

    # -- the public verbs

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:
        """Train for some epochs.

        Args:
            x: arrays or tensors in the structure of the inputs (or by input names), a DataLoader, Dataset or generator.
            y: targets in the structure of the outputs, or by output names.
            batch_size: rows per step, 32 by default.
            validation_split: this part of the rows, the last ones, is kept for validation.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or a DataLoader.
            class_weight: class -> weight; for several outputs a dict of them by output name.
            callbacks: `lamina.callbacks`.
            verbose: "auto" or 1: a bar on a terminal, one line per epoch elsewhere; 2: one line per epoch; 0: nothing.

        Returns:
            A `History`: ``history["loss"]``, ``history["val_accuracy"]``, ...
        """
        step = self._require_compiled()
        if self._device().type == "cpu":
            keep_freed_pages()
        data = batches_of(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, device=self._device())
        data, validation = self._split(data, validation_split, validation_data, validation_batch_size or batch_size)
        feed = Feed(data, steps_per_epoch)
        held = Feed(validation, validation_steps) if validation is not None else None
        self.history = History()
        params = {"epochs": epochs, "steps": feed.length, "verbose": verbose}
        hooks = CallbackList([*_as_list(callbacks), self.history], self, params)
        step.class_weight = class_weight
        try:
            self._train(
                range(initial_epoch, epochs), feed, held, validation_freq, hooks, Progress(verbose, epochs, feed.length)
            )
        finally:
            step.class_weight = None
        return self.history

    def _train(
        self,
        epochs: range,
        feed: Feed,
        held: Feed | None,
        validation_freq: Any,
        hooks: CallbackList,
        progress: Progress,
    ) -> None:
        self.stop_training = False
        hooks.call("on_train_begin", {})
        try:
            for epoch in epochs:
                logs = self._train_epoch(epoch, feed, held if _due(validation_freq, epoch) else None, hooks, progress)
                hooks.call("on_epoch_end", epoch, logs)
                if self.stop_training or feed.ended:
                    break
        finally:  # whatever ends a training, Ctrl-C too, callbacks get to do what they promised
            progress.stop()
            hooks.call("on_train_end", {})

    def _split(self, data: Any, fraction: float, given: Any, batch_size: int | None) -> tuple[Any, Any]:
        """(training data, validation data): as given, or the last rows cut off, or none."""
        if given is not None or not fraction:
            return data, self._validation_data(given, batch_size)
        if not isinstance(data, Arrays):
            raise ArgumentError(
                "validation_split needs arrays.", got=type(data.source).__name__, hint="validation_data=(x, y)"
            )
        return data.split(fraction)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data, in inference mode.

        Returns:
            The loss where there is nothing else; else `Scores`, a list in the order of ``metrics_names`` that also
            answers to names (``scores["accuracy"]``); a dict with ``return_dict=True``.
        """
        self._require_compiled()
        data = batches_of(x, y, sample_weight, batch_size=batch_size, device=self._device())
        feed = Feed(data, steps)
        progress = Progress(verbose, 1, feed.length, "Evaluation")
        progress.start(0)
        hooks = CallbackList(_as_list(callbacks), self)
        logs = self._evaluate(feed, hooks)
        progress.finish(feed.length or 0, logs)
        return logs if return_dict else Scores.of(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Outputs for all rows as NumPy arrays, in the declared structure; batch by batch, in inference mode."""
        if (
            not callbacks
            and steps is None
            and isinstance(x, (np.ndarray, torch.Tensor))
            and len(x) <= (batch_size or 32)
        ):
            return self.predict_on_batch(x)
        feed = Feed(batches_of(x, batch_size=batch_size, device=self._device()), steps)
        hooks = CallbackList(_as_list(callbacks), self)
        hooks.call("on_predict_begin", {})
        parts: list[list[np.ndarray[Any, Any]]] = []
        structure: Any = None
        with in_mode(self, False):  # type: ignore[arg-type]
            for i, (batch, _, _) in enumerate(feed.epoch()):
                hooks.call("on_predict_batch_begin", i, {})
                with torch.inference_mode():
                    structure = self(batch)  # type: ignore[operator]
                # To the host batch by batch: the device never holds more than one batch of outputs.
                parts.append([leaf.numpy(force=True) for leaf in tree.leaves(structure)])
                hooks.call("on_predict_batch_end", i, {})
        hooks.call("on_predict_end", {})
        if structure is None:
            raise StructureError("There is no data to predict.")
        joined = (np.concatenate(column) if column[0].ndim else np.stack(column) for column in zip(*parts, strict=True))
        return tree.pack_like(structure, joined)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch as NumPy arrays."""
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiub" and x.flags.writeable:
            x = torch.from_numpy(x)
        output = self._infer(x)
        if isinstance(output, torch.Tensor):
            return output.numpy(force=True)
        return tree.map_leaves(lambda t: t.numpy(force=True) if isinstance(t, torch.Tensor) else t, output)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One training step; returns the loss and metrics of this batch, like `evaluate`."""
        return self._on_batch(x, y, sample_weight, class_weight, return_dict, training=True)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch, like `evaluate`."""
        return self._on_batch(x, y, sample_weight, None, return_dict, training=False)

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, known after the first batch."""
        objective = self._step.objective if self._step is not None else None
        return list(objective.logs()) if objective is not None else []

    @property
    def metrics(self) -> list[Any]:
        """The metric objects, known after the first batch."""
        objective = self._step.objective if self._step is not None else None
        return objective.all_metrics() if objective is not None else []

    # -- loops

    def _train_epoch(
        self, epoch: int, feed: Feed, held: Feed | None, hooks: CallbackList, progress: Progress
    ) -> dict[str, Any]:
        step = self._require_compiled()
        listens = hooks.listens("on_train_batch_end", "on_batch_end")
        forward = self._forward()
        hooks.call("on_epoch_begin", epoch, {})
        progress.start(epoch)
        step.begin_epoch()
        done = 0
        with in_mode(self, True):  # type: ignore[arg-type]
            for batch in feed.epoch():
                hooks.call("on_train_batch_begin", done, {})
                hooks.call("on_batch_begin", done, {})
                step.train(self, forward, batch)
                done += 1
                if listens:
                    logs = step.logs()
                    hooks.call("on_train_batch_end", done - 1, logs)
                    hooks.call("on_batch_end", done - 1, logs)
                if progress.wants_drawing():
                    progress.draw(done, step.logs())
                if self.stop_training:
                    break
        if not done:
            raise StructureError(
                "There is no data to train on.", got="no batches", hint="a source that can be iterated anew"
            )
        logs = step.logs()
        if held is not None:
            logs |= {f"val_{name}": value for name, value in self._evaluate(held, hooks).items()}
        progress.finish(done, logs)
        return logs

    def _evaluate(self, feed: Feed, hooks: CallbackList) -> dict[str, Any]:
        step = self._require_compiled()
        hooks.call("on_test_begin", {})
        step.begin_epoch()
        done = 0
        with in_mode(self, False), torch.no_grad():  # type: ignore[arg-type]
            for batch in feed.epoch():
                hooks.call("on_test_batch_begin", done, {})
                step.test(self, self, batch)
                hooks.call("on_test_batch_end", done, step.logs() if hooks.listens("on_test_batch_end") else {})
                done += 1
        if not done:
            raise StructureError("There is no data to evaluate.", got="no batches")
        logs = step.logs()
        hooks.call("on_test_end", logs)
        return logs

    def _on_batch(
        self, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool, training: bool
    ) -> Any:
        step = self._require_compiled()
        batch = next(iter(Arrays(x, y, sample_weight, batch_size=2**62, device=self._device())))
        step.begin_epoch()
        step.class_weight = class_weight
        with in_mode(self, training), torch.set_grad_enabled(training):  # type: ignore[arg-type]
            (step.train if training else step.test)(self, self._forward() if training else self, batch)
        step.class_weight = None
        logs = step.logs()
        return logs if return_dict else Scores.of(logs)

    # -- pieces

    def _infer(self, x: Any) -> Any:
        with torch.inference_mode():
            return self(x, training=False)  # type: ignore[operator]

    def _require_compiled(self) -> Step:
        if self._compiled is None:
            raise ArgumentError(
                f"{self.label} is not compiled yet.",  # type: ignore[attr-defined]
                hint='model.compile("adam", loss=...) before fit, evaluate and train_on_batch',
            )
        if self._step is None:
            self._step = Step(self.optimizer, self._compiled)
        return self._step

    def _forward(self) -> Callable[[Any], Any]:
        """What calls the model in a step: the model, or what ``torch.compile`` makes of it."""
        if not self.jit_compile:
            return self  # type: ignore[return-value]
        if "_jit" not in self.__dict__:
            # Not an attribute: an nn.Module would take it for a part of itself.
            self.__dict__["_jit"] = torch.compile(self)  # type: ignore[call-overload]
        return self.__dict__["_jit"]  # type: ignore[no-any-return]

    def _device(self) -> torch.device:
        return next((p.device for p in self.parameters()), torch.device("cpu"))  # type: ignore[attr-defined]

    def _validation_data(self, given: Any, batch_size: int | None) -> Any:
        if given is None:
            return None
        if isinstance(given, (tuple, list)):
            x, y, weight = unpack(tuple(given))
            return batches_of(x, y, weight, batch_size=batch_size, device=self._device())
        return batches_of(given, batch_size=batch_size, device=self._device())


def _as_list(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _due(frequency: Any, epoch: int) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency
