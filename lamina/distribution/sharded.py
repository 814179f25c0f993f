"""The weights of a model that is built, laid out on all processes; in place.

What stands where a weight stood is PyTorch's `DTensor`. Gradients are the means over the copies of the model, as those
of PyTorch's own FSDP and DDP are: each process computes the loss of its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import distributed, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, Shard

from lamina.graph.errors import ArgumentError, StructureError
from lamina.layers.base import Layer
from lamina.processes import LaidOut, World, laid_out, mark

from .devices import rank, size
from .regions import make_region, regions
from .units import units_of

if TYPE_CHECKING:
    from .kinds import ModelParallel


def check(model: Any) -> None:
    label = getattr(model, "label", type(model).__name__)
    if isinstance(model, Layer) and not model.built:
        raise StructureError(f"{label} has no weights yet.", hint="call it once, or model.build(shape)")
    if laid_out(model) is not None or any(isinstance(p, DTensor) for p in model.parameters()):
        raise StructureError(f"The weights of {label} are laid out already.", hint="shard_model() once, for each model")
    optimizer = getattr(model, "optimizer", None)
    if getattr(optimizer, "built", False):
        raise ArgumentError(
            f"The optimizer of {label} has the weights that were there before.",
            got=f"{type(optimizer).__name__} after build or a step",
            hint="shard_model() before the first fit, or compile() again after it",
        )


def cut_weights(model: Any, to: ModelParallel) -> None:
    """`ModelParallel`: layers run on their parts; what the batch's axis cuts is gathered while it is needed (FSDP2)."""
    mesh, batch = to.device_mesh.backend_mesh, to.batch_dim_name or to.device_mesh.axis_names[0]
    layouts: dict[int, Any] = {}
    for weight in model.weights:
        layouts[id(weight)] = layout = to.get_variable_layout(weight)
        layout.check_shape(weight.shape, f"the weight {weight.path!r}")
    known = facts_of(model)
    _share_first(model)
    rest = tuple(name for name in to.device_mesh.axis_names if name != batch)
    by_path = {weight.path: layouts[id(weight)] for weight in model.weights}
    done: dict[int, Any] = {}
    for part in list(regions(model, layouts, rest)):
        make_region(part, mesh[rest], layouts, done)
    tell_facts(known)
    copies = World(to.data_shard_id, to.num_model_replicas, mesh[batch].get_group())
    how = LaidOut(copies)
    mark(model, how)
    if any(batch in layout.axes for layout in layouts.values()):
        _fully_shard(model, mesh[batch], how, {p: x.axes.index(batch) for p, x in by_path.items() if batch in x.axes})
    elif to.num_model_replicas > 1:
        mean_gradients(model.parameters(), how)


def share_weights(model: Any, mesh: Any) -> None:
    """``DataParallel(shard_weights=True)``: each process keeps its part of every weight."""
    _share_first(model)
    mesh = mesh[mesh.mesh_dim_names[0]] if mesh.ndim > 1 else mesh
    how = LaidOut(World(mesh.get_local_rank(), mesh.size(), mesh.get_group()))
    mark(model, how)
    _fully_shard(model, mesh, how, {})


def copy_weights(model: Any) -> None:
    """`DataParallel`: each process keeps all weights."""
    if size() > 1:
        _share_first(model)
        how = LaidOut(World(rank(), size(), distributed.group.WORLD))
        mark(model, how)
        mean_gradients(model.parameters(), how)


def _fully_shard(model: nn.Module, mesh: Any, how: LaidOut, axes: dict[str, int]) -> None:
    """PyTorch's FSDP2, for units that the graph tells.

    Args:
        mesh: of one axis.
        axes: path of a weight -> the axis that is cut; the first that can be cut into equal parts by default.
    """
    known, count = facts_of(model), mesh.size()

    def place(parameter: nn.Parameter) -> Shard:
        even = [axis for axis, length in enumerate(parameter.shape) if length % count == 0]
        return Shard(axes.get(getattr(parameter, "path", ""), even[0] if even else 0))

    kinds = [(module, type(module)) for module in model.modules()]
    for unit in [*units_of(model), [model]]:
        # The model's own unit, too: PyTorch leaves it whole until a backward pass, which never comes after `predict`.
        modules = unit if len(unit) > 1 else unit[0]
        fully_shard(modules, mesh=mesh, reshard_after_forward=True, shard_placement_fn=place)
    for module, _ in kinds:
        if isinstance(module, FSDPModule):  # gathered once: what `predict` gathers first could not be trained
            module.unshard()
            module.reshard()
            module.set_custom_reduce_scatter(_Weighed(how))  # type: ignore[arg-type]  # has what PyTorch's has
    for module, kind in kinds:  # PyTorch makes subclasses, which are not what files and shape rules know
        module.__class__ = kind
    tell_facts(known)


def _share_first(model: nn.Module) -> None:
    """Give each process the weights of process 0."""
    if size() > 1:
        for tensor in [*model.parameters(), *model.buffers()]:
            distributed.broadcast(tensor.detach(), src=0)


# The older name, which PyTorch 2.11 has alone, is deprecated in 2.13.
_reduce_scatter: Any = getattr(distributed, "reduce_scatter_single", None) or distributed.reduce_scatter_tensor


class _Weighed:
    """FSDP2's reduction of gradients, in which each process counts by its weight."""

    def __init__(self, how: LaidOut) -> None:
        self.how = how

    def allocate(self, size: Any, *, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return torch.empty(*size, dtype=dtype, device=device)

    def __call__(
        self, output_tensor: torch.Tensor, input_tensor: torch.Tensor, group: Any, op: Any, async_op: bool = False
    ) -> Any:
        self.how.weigh(input_tensor)
        return _reduce_scatter(output_tensor, input_tensor, op=op, group=group, async_op=async_op)


def mean_gradients(parameters: Any, how: LaidOut) -> None:
    """Have each gradient be the mean over the copies of the model, when a backward pass has computed it."""

    def mean(parameter: torch.Tensor) -> None:
        gradient = parameter.grad.to_local() if isinstance(parameter.grad, DTensor) else parameter.grad
        distributed.all_reduce(how.weigh(gradient), group=how.parts.group)
        gradient.div_(how.parts.size)  # type: ignore[union-attr]  # there is one when this is called

    for parameter in parameters:
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(mean)


Known = list[tuple[nn.Module, str, Any]]


def facts_of(model: nn.Module) -> Known:
    """What is known of each weight: (module, name, facts)."""
    return [
        (module, name, weight.facts)
        for module in model.modules()
        for slot in (module._parameters, module._buffers)
        for name, weight in slot.items()
        if weight is not None and hasattr(weight, "facts")
    ]


def tell_facts(known: Known) -> None:
    """Have the tensors that stand there now say the same: their paths, above all."""
    for module, name, facts in known:
        weight: Any = module._parameters.get(name)
        weight = module._buffers[name] if weight is None else weight
        if isinstance(weight, DTensor):
            weight.facts, weight.path = facts, facts.path  # type: ignore[attr-defined]  # as a `Variable` has
