"""`shard_model`: a model's weights laid out as a distribution says. `prepare`: the same for a loop of the user's."""

from __future__ import annotations

from typing import Any

from lamina.graph.errors import ArgumentError
from lamina.processes import joined, laid_out
from lamina.tracebacks import door

from .kinds import DataParallel, Distribution, distribution


@door
def shard_model(model: Any, to: Distribution | None = None) -> Any:
    """Lay the weights of a model out, in place, on all processes together. Process 0's weights are those that count.

    - `ModelParallel`: each weight is cut as its layout says. A layer that has such a weight runs on its part; what goes
      in and what comes out is whole, so the layers around it need not know.
    - ``DataParallel(shard_weights=True)``: PyTorch's FSDP2, `fully_shard`, with one unit for each nested model and each
      block that is repeated.
    - `DataParallel`: every process keeps all weights, those of process 0.

    ``model(x)`` takes the rows of this process and works as before, in `train_step` and in loops of one's own. After
    ``loss.backward()`` each weight's gradient, laid out as the weight, is the mean over the copies of the model.

    Args:
        model: built, and before its optimizer has made a step.
        to: `distribution()` by default.

    Returns:
        The same model.

    Raises:
        ArgumentError: no distribution; the mesh has another number of devices than there are processes; the optimizer
            has state already.
        StructureError: the model is not built, or is laid out already.
        ShapeError: a layout has another number of axes than the weight that its path names.
    """
    to = to if to is not None else distribution()
    if not isinstance(to, Distribution):
        raise ArgumentError(
            "It is not said how the weights are to be laid out.", got=repr(to),
            hint="shard_model(model, DataParallel(shard_weights=True)), or set_distribution(...) before",
        )  # fmt: skip
    to.lay_out(model)
    return model


@door
def prepare(model: Any, to: Distribution | None = None) -> Any:
    """Have a loop of one's own train a model on all processes: after ``loss.backward()`` each has the mean gradient.

    Starts the process group where torchrun's environment describes one. Each process computes the mean loss of its
    rows, as many as the others have. With one process, and of a model that is laid out already, nothing changes; so the
    same script runs alone.

    Args:
        model: built.
        to: how its weights lie, as for `shard_model`; `distribution()` by default, or a copy on each process.

    Returns:
        The same model.

    Raises:
        ArgumentError, StructureError, ShapeError: as of `shard_model`.

    >>> import torch
    >>> from lamina import Input, Model, layers
    >>> x = Input((3,))
    >>> model = prepare(Model(x, layers.Dense(1)(x)))
    >>> model(torch.ones(2, 3)).sum().backward()
    """
    if joined() is None or laid_out(model) is not None:
        return model
    return shard_model(model, to or distribution() or DataParallel())
