"""Trainer: compile, fit, evaluate, predict. The part of a model that trains it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from lamina import optimizers
from lamina.callbacks import CallbackList, History
from lamina.graph import ArgumentError, tree
from lamina.graph.dtypes import to_torch
from lamina.graph.source import caller
from lamina.mixed_precision import needs_loss_scaling
from lamina.processes import is_first
from lamina.tracebacks import door

from .arguments import check_counts, check_names, limited, refuse_others
from .checks import check_data
from .class_weights import ClassWeights
from .data import Source, source_of
from .execution import Execution, evaluate
from .feed import Feed
from .fitting import Plan, fit
from .parallel import Team, join_in, parted, teamed
from .prediction import predict
from .progress import Progress
from .run import Run
from .scores import Scores
from .step import Step
from .steps import Steps
from .swapped import refuse_metrics_as_weights, refuse_swapped
from .texts import conversion_for
from .torch_optimizer import TorchOptimizer


class Trainer(Steps):
    """``compile``, ``fit``, ``evaluate``, ``predict`` and their friends, by Keras' names. Mixed into `Model`."""

    optimizer: Any = None
    loss: Any = None
    stop_training = stop_evaluating = stop_predicting = False
    jit_compile = False
    run_eagerly = False
    steps_per_execution = 1
    _compiled: dict[str, Any] | None = None
    _compiled_at: Any = None
    _step: Step | None = None
    _running: Run | None = None
    _validation_batch_size: int | None = None

    @door
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
        **others: Any,
    ) -> None:
        """Say how the model is trained.

        Args:
            optimizer: name, `lamina.optimizers` object, or a plain ``torch.optim`` optimizer.
            loss: name, function or `Loss`; for several outputs a dict by output name, or a list. An output without a
                loss needs no targets.
            loss_weights: factors of the losses, by name or position.
            metrics, weighted_metrics: names or objects, by name or position for several outputs.
            run_eagerly: True runs without ``torch.compile``, whatever `jit_compile` says.
            steps_per_execution: batches from one call of the callbacks' batch hooks to the next.
            jit_compile: True runs the model through ``torch.compile``; "auto" does not.
            auto_scale_loss: scale the loss of a ``mixed_float16`` model, as its small gradients need.

        Raises:
            ArgumentError: an unknown optimizer, loss or metric; steps_per_execution below 1; what PyTorch's
                ``Module.compile`` takes.
        """
        refuse_others(others)
        compiled = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        refuse_swapped(optimizer, loss)
        refuse_metrics_as_weights(loss_weights)
        check_names(compiled)
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ArgumentError("compile(steps_per_execution=) is a number of batches.", got=repr(steps_per_execution))
        plain_torch = isinstance(optimizer, torch.optim.Optimizer)
        self.optimizer = TorchOptimizer(optimizer) if plain_torch else optimizers.get(optimizer)
        scaled = plain_torch or isinstance(self.optimizer, optimizers.LossScaleOptimizer)
        if auto_scale_loss and not scaled and needs_loss_scaling(self):  # type: ignore[arg-type]
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer)
        self.run_eagerly, self.steps_per_execution = bool(run_eagerly), steps_per_execution
        self.jit_compile = jit_compile is True and not run_eagerly
        if loss is not None or self._compiled is not None:  # one that the model set itself stays
            # Not set: modules of PyTorch's would become parts of the model, with their weights.
            self.__dict__["loss"] = loss
        self.__dict__["_compiled"] = compiled
        self._compiled_at = caller()
        self._step = None

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    # -- the public verbs

    @door
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
        seed: int | None = None,
        resume_from: Any = None,
        resume_learning_rate: float | None = None,
    ) -> History:
        """Train for some epochs. Numbers of an epoch are means while weights move; ``val_`` ones are taken at its end.

        Args:
            x: arrays, tensors or data frames in the structure of the inputs (or by input names); a DataLoader, Dataset,
                generator or `PyDataset`, which give ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.
            y: targets in the structure of the outputs, or by output names.
            batch_size, validation_batch_size: rows per step, 32 by default.
            initial_epoch, epochs: number of the first epoch, from 0; of the last, from 1.
            verbose: "auto", 1: a live display on a terminal, elsewhere a line an epoch; 2: that everywhere; 0: nothing.
            callbacks: `lamina.callbacks`, and PyTorch's learning-rate schedulers.
            validation_split: this part of the rows, the last ones, is kept for validation.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or anything that `x` may be.
            shuffle: rows in a new order at each epoch; only of data that has rows.
            class_weight: class -> weight; for several outputs a dict of them by output name.
            sample_weight: (B,), or (B, T) for steps; for several outputs one for all, or each by name or position.
            steps_per_epoch, validation_steps: batches of an epoch; by default all that there are.
            validation_freq: epochs from one validation to the next, or a list of the epochs that end with one.
            seed: for all that is random in this fit; the global generators are as before afterwards.
            resume_from: a file that `save_checkpoint`, `ModelCheckpoint` or `BackupAndRestore` wrote during a fit.
            resume_learning_rate: one to go on with instead of the one in that file; epochs and steps are counted on.

        Returns:
            A `History`: ``history["loss"]``, ``history["val_accuracy"]``, ...

        Raises:
            ShapeError, DtypeError, StructureError, ArgumentError: data that do not fit, before any weight changes.
        """
        plan = Plan(
            batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight,
            initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq, seed,
            resume_from, resume_learning_rate,
        )  # fmt: skip
        return fit(self, (x, y, sample_weight), plan)

    @door
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

        No gradient, no optimizer and, within a fit, no running mean of the training is touched.

        Args:
            batch_size: by default that of the last validation in ``fit``, so that both give the same numbers, or 32.
            The others: see `fit`.

        Returns:
            The loss where there is nothing else; else `Scores`, a list in the order of ``metrics_names`` that also
            answers to names (``scores["accuracy"]``); a dict with ``return_dict=True``.
        """
        step = self._require_compiled()
        check_counts(steps=steps)
        own_batch_size = self._validation_batch_size if batch_size is None else batch_size
        with teamed(step, self) as team:
            data = self._parted((x, y, sample_weight), own_batch_size, team)
            feed = Feed(data, limited(steps), self._device(), "evaluation")
            try:
                check_data(self, step, feed, "evaluate")
                self._joins(team, feed)
                hooks = CallbackList(callbacks, model=self, steps=feed.length, verbose=verbose)
                with self._numbers_kept(), self._progress(verbose, 1, feed, "Evaluation") as progress:
                    progress.start(0)
                    done, logs = evaluate(Execution(self, step, training=False), feed, hooks, progress)
                    progress.finish(done, logs)
            finally:
                feed.close()
        return logs if return_dict else Scores.of(logs)

    @door
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Outputs for all rows as NumPy arrays, in the declared structure; batch by batch, in inference mode.

        Outputs go to the host batch by batch, so the device never holds more than one batch of them.

        Args:
            verbose: as for `fit`; with "auto" data that are a single batch show nothing.
            The others: see `fit`.
        """
        check_counts(steps=steps)
        return predict(self, x, batch_size, steps, callbacks, verbose)

    @door
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One training step; returns the loss and metrics of this batch, like `evaluate`."""
        step = self._require_compiled()
        step.class_weight = ClassWeights(class_weight) if class_weight is not None else None
        try:
            return self._on_batch(step, (x, y, sample_weight), return_dict, training=True)
        finally:
            step.class_weight = None

    @door
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch, like `evaluate`."""
        with self._numbers_kept():
            return self._on_batch(self._require_compiled(), (x, y, sample_weight), return_dict, training=False)

    @door
    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch as NumPy arrays."""
        return predict(self, x, 2**62, None, None)

    # -- pieces

    def _numbers_kept(self) -> AbstractContextManager[None]:
        return self._running.numbers_kept() if self._running is not None else nullcontext()

    def _on_batch(self, step: Step, data: Any, return_dict: bool, training: bool) -> Any:
        with teamed(step, self) as team:
            feed = Feed(self._parted(data, 2**62, team), None, self._device())
            check_data(self, step, feed, "train_on_batch" if training else "test_on_batch")
            self._joins(team, feed)
            execution = Execution(self, step, training)
            execution.begin()
            with execution.mode(), torch.set_grad_enabled(training):
                for batch in feed.epoch():
                    execution.run(batch)
            logs = execution.logs()
            execution.end()
        return logs if return_dict else Scores.of(logs)

    def _parted(self, data: Any, batch_size: int | None, team: Team | None) -> Source:
        source = self._source(data, batch_size)
        return source if team is None else parted(source, team.world, self)

    def _joins(self, team: Team | None, feed: Feed) -> None:
        """Outside of a fit, which has done so: the first process's weights for all."""
        if team is not None and self._running is None:
            join_in(team.world, self, feed)

    def _progress(self, verbose: Any, epochs: int, feed: Feed, what: str = "Epoch") -> Progress:
        graph, optimizer = self.graph, self.optimizer  # type: ignore[attr-defined]
        shows_rate = what == "Epoch" and hasattr(optimizer, "learning_rate")
        return Progress(
            verbose if is_first() else 0, epochs, feed.length, what,
            outputs=graph.output_names if graph is not None else (),
            batch_size=getattr(feed.source, "batch_size", None),
            device=self._device(),
            learning_rate=(lambda: optimizer.learning_rate) if shows_rate else None,
        )  # fmt: skip

    def _source(self, data: Any, batch_size: int | None, **options: Any) -> Source:
        graph = self.graph  # type: ignore[attr-defined]
        conversion = None
        if graph is not None:
            options |= {"inputs": graph.input_names, "outputs": graph.output_names}
            conversion = conversion_for(graph)
        if conversion is None:
            return source_of(*data, batch_size=batch_size, **options)
        source = source_of(conversion.of_all(data[0]), *data[1:], batch_size=batch_size, **options)
        source.convert = conversion.of_batch
        return source

    def _require_compiled(self) -> Step:
        if self._compiled is None:
            raise ArgumentError(
                f"{self.label} is not compiled yet.",  # type: ignore[attr-defined]
                hint='model.compile("adam", loss=...) before fit, evaluate and train_on_batch',
            )
        if self._step is None:
            self._step = Step(self.optimizer, self._compiled, self._compiled_at)
        return self._step

    def _forward(self) -> Callable[[Any], Any]:
        """What calls the model in a step: itself, in fewer steps where it can, or what ``torch.compile`` made of it."""
        if not self.jit_compile:
            model: Any = self  # a Trainer is part of a Model
            return model._joined_form() or model  # type: ignore[no-any-return]
        return self._compiled_forward

    def _compiled_forward(self, inputs: Any) -> Any:
        """A call by ``torch.compile``.

        The first one of a model without weights runs as it is: how weights are made cannot be traced. Floats of another
        dtype, which layers cast, are cast before: the compiler takes what it is given.
        """
        model: Any = self
        if not model.built:
            return model(inputs)
        if "_jit" not in self.__dict__:
            # Not an attribute: an nn.Module would take it for a part of itself.
            self.__dict__["_jit"] = torch.compile(model)
        if model.graph is None:
            dtype = to_torch(model.compute_dtype)
            inputs = tree.map_leaves(lambda x: x.to(dtype) if _holds_floats(x) else x, inputs)
        return self.__dict__["_jit"](inputs)

    def _device(self) -> torch.device:
        return next((p.device for p in self.parameters()), torch.device("cpu"))  # type: ignore[attr-defined]


def _holds_floats(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
