"""A model's weights for TensorBoard: histograms, images, embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError

_MOST_PIXELS = 1024

Array = np.ndarray[Any, Any]


def write_histograms(writer: Any, model: torch.nn.Module, epoch: int) -> None:
    """``dense/kernel/histogram`` of each weight; of its finite values, if there are any."""
    for path, values in _weights(model):
        finite = values[np.isfinite(values)]
        if finite.size:
            writer.add_histogram(f"{path}/histogram", finite, epoch)


def write_images(writer: Any, model: torch.nn.Module, epoch: int) -> None:
    """``dense/kernel/image`` of each weight of at most four axes."""
    for path, values in _weights(model):
        image = as_image(values)
        if image is not None:
            writer.add_image(f"{path}/image", image, epoch, dataformats="HW")


def as_image(values: Array) -> Array | None:
    """A weight as a picture, in [0, 1] from its least to its greatest value; None for more than four axes.

    Axes of one element are left out. A vector is a row; a matrix lies on its side where it is higher than wide; of a
    kernel (H, W, in, out) the filters stand in a grid, inputs downwards and outputs to the right. At most 1024 by 1024
    values are shown.

    >>> as_image(np.array([[1.0], [3.0], [2.0]]))
    array([[0. , 1. , 0.5]])
    >>> as_image(np.zeros((3, 3, 2, 8))).shape
    (6, 24)
    """
    values = values.squeeze()
    if values.ndim > 4 or not values.size:
        return None
    if values.ndim < 2:
        values = values.reshape(1, -1)
    elif values.ndim == 2 and values.shape[0] > values.shape[1]:
        values = values.T
    elif values.ndim == 3:
        values = values.transpose(0, 2, 1).reshape(values.shape[0], -1)
    elif values.ndim == 4:
        height, width, inputs, outputs = values.shape
        values = values.transpose(2, 0, 3, 1).reshape(inputs * height, outputs * width)
    values = values[:_MOST_PIXELS, :_MOST_PIXELS]
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return np.nan_to_num((values - low) / ((high - low) or 1.0), nan=0.0, posinf=1.0, neginf=0.0)


def _weights(model: torch.nn.Module) -> Iterator[tuple[str, Array]]:
    """Path and values of each weight, those that are not trained too."""
    for named in (model.named_parameters(), model.named_buffers()):
        for name, tensor in named:
            if tensor.numel():
                yield name.replace(".", "/"), tensor.detach().cpu().double().numpy()


def embedding_layers(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Name -> matrix of each layer that looks up vectors."""
    matrices = {
        getattr(module, "name", path): getattr(module, "embeddings", None) for path, module in model.named_modules()
    }
    return {name: m for name, m in matrices.items() if isinstance(m, torch.Tensor) and m.ndim == 2}


def metadata_files(metadata: Any, names: list[str], log_dir: Path) -> dict[str, Path]:
    """Layer -> file with the labels of its rows.

    Args:
        metadata: one file for each layer, or a dict of them by layer; relative to the working folder or to `log_dir`.

    Raises:
        ArgumentError: a layer that is not there, or looks up nothing; or a file that is not there.
    """
    if metadata is None:
        return {}
    given = dict(metadata) if isinstance(metadata, Mapping) else dict.fromkeys(names, metadata)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ArgumentError(
            "TensorBoard(embeddings_metadata=) names layers that are no embeddings.",
            got=", ".join(unknown),
            expected=", ".join(names) or "a model with Embedding layers",
        )
    files = {name: next((p for p in (Path(f), log_dir / f) if p.is_file()), None) for name, f in given.items()}
    for name, file in files.items():
        if file is None:
            raise ArgumentError(f"There is no file with the labels of {name!r}.", got=repr(given[name]))
    return {name: file for name, file in files.items() if file is not None}


def write_embeddings(writer: Any, model: torch.nn.Module, files: Mapping[str, Path], epoch: int) -> None:
    """Each embedding's rows as points, with labels where there is a file of them: a line per row, tabs between columns.

    As for TensorBoard's projector, a file of several columns begins with their names, a file of one column does not.

    Raises:
        ArgumentError: another number of labels than rows.
    """
    for name, matrix in embedding_layers(model).items():
        labels: list[Any] | None = None
        header = None
        if name in files:
            labels = files[name].read_text(encoding="utf-8").splitlines()
            if labels and "\t" in labels[0]:
                header, *labels = (line.split("\t") for line in labels)
            if len(labels) != len(matrix):
                raise ArgumentError(
                    f"The labels of {name!r} do not fit its rows.",
                    got=f"{len(labels)} in {str(files[name])!r}",
                    expected=f"{len(matrix)}",
                )
        writer.add_embedding(matrix.detach(), metadata=labels, metadata_header=header, tag=name, global_step=epoch)
