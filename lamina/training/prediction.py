"""Prediction: outputs for all rows, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from lamina._torch import modules
from lamina.arrays import as_tensor
from lamina.callbacks import CallbackList
from lamina.graph import ShapeError, StructureError, tree
from lamina.layers import Layer
from lamina.layers.mode import asking
from lamina.probing import parts_of
from lamina.processes import World, finding_lost, joined, laid_out

from .arguments import limited
from .data.cuts import checked_batch_size
from .data.part import Part
from .execution import packed
from .feed import Feed
from .memory import keep_freed_pages
from .own_steps import no_outputs
from .parallel import join_in, parted
from .progress import Progress
from .steps import has_own


def predict(model: Any, x: Any, batch_size: int | None, steps: int | None, callbacks: Any, verbose: Any = 0) -> Any:
    """Outputs for all rows as NumPy arrays, in the declared structure.

    Args:
        verbose: as for ``fit``; with "auto" data that are one batch show nothing, since that is done at once.

    Raises:
        StructureError: there is no data.
        ShapeError: the outputs of two batches cannot be joined.
    """
    own_step = has_own(model, "predict_step")
    if batch_size is not None:
        checked_batch_size(batch_size)
    if (
        type(x) in (np.ndarray, torch.Tensor)
        and not (callbacks or own_step or steps)
        and verbose in ("auto", 0)
        and x.ndim
        and 0 < len(x) <= (batch_size or 32)
    ):
        return predict_one(model, x)
    device = model._device()
    if device.type == "cpu":
        keep_freed_pages()
    world = joined()
    source = parted(model._source((x, None, None), batch_size), world, model)
    feed = Feed(source, limited(steps), device)
    verbose = 0 if verbose == "auto" and feed.length == 1 else verbose
    hooks = CallbackList(callbacks, model=model, steps=feed.length, verbose=verbose)
    work = (lambda batch: model.predict_step(packed(batch))) if own_step else _inference(model)
    try:
        with (
            nullcontext() if world is None else finding_lost(world),
            model._progress(verbose, 1, feed, "Prediction") as progress,
        ):
            if world is not None and model._running is None:
                join_in(world, model, feed)
            progress.start(0)
            structure, parts = _outputs(model, work, feed, hooks, progress)
            progress.finish(len(parts), {})
            if world is not None:
                laid = laid_out(model)
                parts = _gathered(world if laid is None else laid.parts, parts)
    finally:
        feed.close()
    return tree.pack_like(structure, (_joined(column) for column in zip(*parts, strict=True)))


def predict_one(model: Any, x: Any) -> Any:
    """Outputs for a single array of rows, on the shortest way."""
    if type(x) is np.ndarray and x.dtype.kind in "fiub":
        # A tensor before inference mode begins: there, `owned` could not tell a view of the user's rows.
        x = _placed(model, x)
    fresh = type(x) is torch.Tensor and not x.is_inference()
    with _no_gradients(model):
        folded = model._folded_form()
        if folded is not None:
            output = folded(x)
        elif _only_runs_graph(model):
            output = model.call(x, False)
        else:
            output = model(x, training=False)
    if type(output) is torch.Tensor:
        return _numpy(output if fresh and output.is_inference() and output.is_contiguous() else owned(output))
    taken: set[int] = set()
    return tree.map_leaves(
        lambda leaf: _numpy(owned(leaf, fresh, taken)) if isinstance(leaf, torch.Tensor) else leaf, output
    )


def _no_gradients(model: Any) -> Any:
    """Inference mode; not for a model's first call, which may make modules of PyTorch's: these could not be trained.

    Nor for weights that lie on several processes: PyTorch's `DTensor` cannot be looked at from another side there.
    """
    return torch.inference_mode() if model.built and laid_out(model) is None else torch.no_grad()


def _only_runs_graph(model: Any) -> bool:
    """Whether ``model.call`` is all that a call of it comes to: the rest is 3 of 16 us for a small model."""
    own, drawn = vars(model), getattr(model, "_drawn", None)
    return (
        drawn is not None
        and drawn.is_bare
        and model._losing is None
        and own["activity_regularizer"] is None
        and not (own["_forward_hooks"] or own["_forward_pre_hooks"] or "call" in own or "forward" in own)
        and model._compiled_call_impl is None
        and type(model).__call__ is Layer.__call__
        and type(model).forward is Layer.forward
        and not modules.any_global_hook()
    )


def _placed(model: Any, rows: np.ndarray[Any, Any]) -> torch.Tensor:
    """The rows as a tensor where the model's weights lie."""
    flags = rows.flags
    plain = flags.c_contiguous and flags.writeable and rows.dtype.isnative and 0 not in rows.strides
    tensor = torch.from_numpy(rows) if plain else as_tensor(rows)  # 1 us instead of 2.5
    weight = _some_weight(model)
    return tensor if weight is None or weight.is_cpu else tensor.to(weight.device)


def _some_weight(model: Any) -> torch.Tensor | None:
    """Any parameter of the model; as a rule one that lies right in a layer, found 1 us sooner than by a walk."""
    for part in model._modules.values():
        if part is not None:
            for weight in part._parameters.values():
                if weight is not None:
                    return weight  # type: ignore[no-any-return]
    return next((w for part in parts_of(model) for w in part._parameters.values() if w is not None), None)


def owned(tensor: torch.Tensor, fresh: bool = False, taken: set[int] | None = None) -> torch.Tensor:
    """The tensor in memory that nobody else has, each element in a place of its own; a copy where it is not yet so.

    Args:
        tensor: what a model returned under ``torch.inference_mode()``. PyTorch marks what is allocated there; an input,
            a weight, and a view of either are not marked, so the question costs 40 ns and no look at the weights.
        fresh: False where the input itself is marked, so that the mark tells nothing.
        taken: addresses of the memory that other results have; the tensor's is added.
    """
    if tensor.device.type != "cpu":
        return tensor  # it is copied to the host
    address = tensor.untyped_storage().data_ptr()
    taken = set() if taken is None else taken
    if fresh and tensor.is_inference() and address not in taken and _is_dense(tensor):
        taken.add(address)
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


def _is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements lie side by side, in any order of the axes: not a part of more, nor several in one place."""
    if tensor.is_contiguous():
        return True
    size = 1
    for stride, length in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if length != 1 and stride != size:
            return False
        size *= length
    return True


def _inference(model: Any) -> Callable[[Any], Any]:
    """What computes the outputs of a batch: the model, or what folding made of it for this call of `predict`."""
    with torch.inference_mode():
        folded = model._folded_form(afresh=True)
    run = model if folded is None else folded
    return lambda batch: run(batch[0])


def _outputs(
    model: Any, work: Callable[[Any], Any], feed: Feed, hooks: CallbackList, progress: Progress
) -> tuple[Any, list[list[Any]]]:
    """(the structure of the outputs, their leaves for each batch), on the host."""
    heard = hooks.listens("on_predict_batch_begin", "on_predict_batch_end")
    hooks.call("on_predict_begin", {})
    structure: Any = None
    parts: list[list[Any]] = []
    model.stop_predicting = False
    with asking(model, False), _no_gradients(model):
        for i, batch in enumerate(feed.epoch()):
            if heard:
                hooks.call("on_predict_batch_begin", i, {})
            structure = work(batch)
            flat = [structure] if type(structure) is torch.Tensor else list(tree.leaves(structure))
            # To the host batch by batch: the device never holds more than one batch of outputs.
            try:
                own = [leaf.cpu() if isinstance(leaf, torch.Tensor) else torch.as_tensor(leaf) for leaf in flat]
                parts.append(own if not isinstance(batch, Part) or batch.share.rows else [leaf[:0] for leaf in own])
            except (RuntimeError, TypeError, ValueError) as error:
                if all(isinstance(leaf, torch.Tensor) for leaf in flat):
                    raise
                raise no_outputs(model, structure) from error
            if heard:
                hooks.call("on_predict_batch_end", i, {"outputs": structure})
            if progress.wants_drawing():
                progress.draw(i + 1, {})
            if model.stop_predicting:  # said by a callback
                break
    hooks.call("on_predict_end", {})
    if structure is None:
        raise StructureError("There is no data to predict.", got="no batches")
    return structure, parts


def _gathered(world: World, parts: list[list[Any]]) -> list[list[Any]]:
    """The outputs of all processes, batch by batch in the order of the rows."""
    everyone = world.gathered(parts)
    return [batch for batches in zip(*everyone, strict=True) for batch in batches]


def _joined(column: tuple[Any, ...]) -> Any:
    if not column[0].ndim:
        return _numpy(torch.stack(column))
    if any(part.shape[1:] != column[0].shape[1:] for part in column):
        shapes = list(dict.fromkeys(str(tuple(part.shape)) for part in column))
        raise ShapeError(
            "The outputs of the batches cannot be joined into one array.",
            got=", ".join(shapes[:4]),
            expected="one shape beyond the batch",
            hint="predict_on_batch for each batch, or pad the inputs to one length",
        )
    return _numpy(torch.cat(column))


def _numpy(tensor: torch.Tensor) -> Any:
    """NumPy knows no bfloat16: such outputs come as float32."""
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(force=True)
