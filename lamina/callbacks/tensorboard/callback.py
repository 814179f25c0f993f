"""TensorBoard: what a training does, as event files that TensorBoard shows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from lamina.callbacks.base import Callback, Logs
from lamina.callbacks.batches import batches_of_call
from lamina.callbacks.rates import learning_rates
from lamina.graph import ArgumentError, Graph

from .graph import graph_def
from .profile import BatchProfiler
from .weights import embedding_layers, metadata_files, write_embeddings, write_histograms, write_images
from .writers import Writers, require_tensorboard


class TensorBoard(Callback):
    """Writes event files; ``tensorboard --logdir logs`` shows them.

    In ``log_dir/train`` and ``log_dir/validation``, under the same tags, so that their curves share a chart:
    ``epoch_loss``, ``epoch_accuracy``, ... by epoch; ``batch_loss``, ... by training step, with `update_freq`; in
    training also ``epoch_learning_rate``; in validation ``evaluation_loss_vs_iterations``, ... by optimizer step. A run
    that is resumed cuts its files back to where it was saved, so each point is there once.

    Args:
        log_dir: the folder, used by nothing else.
        histogram_freq: epochs from one histogram of each weight to the next; 0: none.
        write_graph: the model's graph; of a subclassed model, its summary as a text.
        write_images: with each histogram, the weight as a picture.
        write_steps_per_second: also ``epoch_steps_per_second`` and, with `update_freq`, ``batch_steps_per_second``.
        update_freq: "epoch"; "batch"; or the number of steps from one ``batch_...`` value to the next. Only those steps
            wait for their numbers.
        profile_batch: a training step, or a first and a last one, counted from 1, to run under PyTorch's profiler.
        embeddings_freq: epochs from one picture of the embeddings' rows to the next; 0: none.
        embeddings_metadata: a file with a label for each row, or a dict: name of an embedding layer -> file.

    Raises:
        ArgumentError: the package tensorboard is not installed; an argument has another form.

    >>> board = TensorBoard("logs", update_freq=100)
    >>> board.listens_to("on_train_batch_end"), TensorBoard("logs").listens_to("on_train_batch_end")
    (True, False)
    """

    first_only = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        require_tensorboard()
        if update_freq not in ("epoch", "batch") and not (isinstance(update_freq, int) and update_freq > 0):
            raise ArgumentError(
                "TensorBoard(update_freq=) is unknown.",
                got=repr(update_freq),
                expected='"epoch", "batch", or a number of steps > 0',
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._writers = Writers(Path(self.log_dir))
        self._profiler = BatchProfiler(profile_batch, Path(self.log_dir, "train"))
        self._in_fit = False
        self._reset()

    def _reset(self) -> None:
        # Calls of the batch hooks since training began; batches of this epoch; whether the graph is written.
        self._step, self._batches, self._drawn = 0, 0, False
        self._in_step = False
        self._epoch_began = self._step_began = time.perf_counter()

    # -- which steps it is interested in

    def listens_to(self, hook: str) -> bool:
        counts = self.update_freq != "epoch" or bool(self._profiler)
        if hook == "on_train_batch_begin":
            return counts or self.write_steps_per_second
        if hook == "on_train_batch_end":
            return self._is_due() or self._profiler.ends_with(self._step) if self._in_step else counts
        return super().listens_to(hook)

    def _is_due(self) -> bool:
        """Whether the numbers of this step are written."""
        return self.update_freq != "epoch" and self._step % self.update_freq == 0  # type: ignore[operator]

    # -- training

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._writers.close()
        self._in_fit = True
        self._reset()
        self._writers.of("train")  # opened now, so that a state that is saved before anything is written knows the file
        self._metadata = (
            metadata_files(self.embeddings_metadata, list(embedding_layers(self.model)), Path(self.log_dir))
            if self.embeddings_freq
            else {}
        )

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._profiler.stop()
        self._writers.close()
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_began, self._batches, self._in_step = time.perf_counter(), 0, False
        if self.write_graph and not self._drawn and isinstance(getattr(self.model, "graph", None), Graph):
            self._write_graph()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._step, self._in_step = self._step + 1, True
        self._batches += batches_of_call(self.model, self.params, batch)
        self._profiler.begin(self._step)
        self._step_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._in_step = False
        if self._is_due():
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                values["batch_steps_per_second"] = 1.0 / max(time.perf_counter() - self._step_began, 1e-9)
            self._writers.scalars("train", values, self._step)
        self._profiler.end(self._step)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        held = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        train |= learning_rates(self.model)
        if self.write_steps_per_second:
            train["steps_per_second"] = self._batches / max(time.perf_counter() - self._epoch_began, 1e-9)
        for folder, values in (("train", train), ("validation", held)):
            self._writers.scalars(folder, {f"epoch_{name}": value for name, value in values.items()}, epoch)
        self._write_weights(epoch)
        if self.write_graph and not self._drawn:  # a subclassed model, which has its weights by now
            self._write_summary()
        self._writers.flush()

    def _write_weights(self, epoch: int) -> None:
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            write_histograms(self._writers.of("train"), self.model, epoch)
            if self.write_images:
                write_images(self._writers.of("train"), self.model, epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            write_embeddings(self._writers.of("train"), self.model, self._metadata, epoch)

    def _write_graph(self) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        drawing = graph_def(self.model.graph).SerializeToString()
        self._writers.of("train").file_writer.add_event(Event(graph_def=drawing))
        self._drawn = True

    def _write_summary(self) -> None:
        lines: list[str] = []
        self.model.summary(print_fn=lines.append)
        # Four spaces are Markdown for text that is shown as it is.
        self._writers.of("train").add_text("model", "\n".join(f"    {line}" for line in lines), 0)
        self._drawn = True

    # -- evaluation, within ``fit`` or by itself

    def on_test_end(self, logs: Logs | None = None) -> None:
        step = getattr(self.model.optimizer, "iterations", None)
        if step is not None:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
            self._writers.scalars("validation", values, int(step))
        if not self._in_fit:
            self._writers.close()

    # -- what an interrupted run keeps

    def state_dict(self) -> dict[str, Any]:
        return {"step": self._step, "drawn": self._drawn, "files": self._writers.sizes()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._step, self._drawn = state["step"], state["drawn"]
        self._writers.cut(state["files"])
