"""What a layer knows of a weight by its name, whatever tensor stands there: regularizer, constraint, path, autocast.

PyTorch puts other tensors in the place of a weight: ``load_state_dict(assign=True)``, `swap_tensors`, parametrizations,
pruning, sharding. So these facts are a record in ``layer.weight_facts[name]``, and a `Variable` reads the same record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from lamina._torch.sharding import whole
from lamina.graph import StructureError

Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(eq=False)
class WeightFacts:
    """What holds of a weight besides its values.

    Attributes:
        name: the weight's own name, e.g. "kernel".
        path: the name with those of the layers around it, e.g. "encoder/dense/kernel".
        regularizer: gives the penalty that is added to the loss.
        constraint: gives the values that replace the weight's after each step of the optimizer.
        autocast: whether ``call`` sees a trainable weight in the compute dtype of a mixed policy.
        is_buffer: whether it stands among the layer's buffers: a moving average, a counter.
        layer_has_it: whether the record stands in the table of a layer.
        aggregation, synchronization: Keras' words for several devices.
        overwrite_with_gradient: the optimizer replaces the values by the gradient.
        made: in which call it was made, for one that a call has made.
    """

    name: str
    path: str
    regularizer: Change | None = None
    constraint: Change | None = None
    autocast: bool = True
    is_buffer: bool = False
    layer_has_it: bool = False
    aggregation: str = "none"
    synchronization: str = "auto"
    overwrite_with_gradient: bool = False
    made: Any = None


class Place:
    """Where a weight stands: a module and a name. It holds no tensor, so it is right whatever stands there later.

    Args:
        module: owner of the weight.
        name: of the parameter or buffer, as in ``module.state_dict()`` before anything took its place.
        facts: what is known of the weight.
    """

    def __init__(self, module: torch.nn.Module, name: str, facts: WeightFacts) -> None:
        self.module, self.name, self.facts = module, name, facts

    @property
    def tensor(self) -> torch.Tensor:
        """What the layer computes with: the parameter, or what a parametrization or a hook has computed."""
        own: Any = self.module._parameters.get(self.name)
        if own is None:
            own = self.module._buffers.get(self.name)
        found: torch.Tensor = getattr(self.module, self.name) if own is None else own
        return found

    @property
    def sources(self) -> list[torch.Tensor]:
        """The parameters that the optimizer changes: the weight itself, or those that it is computed from."""
        own = self.module._parameters.get(self.name)
        if own is not None:
            return [own]
        parametrized: Any = self.module._modules.get("parametrizations")
        if parametrized is not None and self.name in parametrized:
            return list(parametrized[self.name].parameters())
        parts = self.module._parameters.items()
        return [p for key, p in parts if p is not None and key.startswith(f"{self.name}_") and _is_made_of(key)]

    @property
    def is_trained(self) -> bool:
        """Whether the optimizer may change it."""
        return any(source.requires_grad for source in self.sources)

    @property
    def carries_facts(self) -> bool:
        """Whether a parameter stands there that knows itself what is known of the weight."""
        return getattr(self.module._parameters.get(self.name), "facts", None) is self.facts

    @property
    def is_found(self) -> bool:
        """Whether there is still a tensor; a weight may have been deleted."""
        return isinstance(getattr(self.module, self.name, None), torch.Tensor)

    def penalty(self) -> torch.Tensor:
        """The regularizer of what the layer computes with."""
        return whole(self.facts.regularizer(self.tensor))  # type: ignore[misc]

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring the weight to what the constraint allows.

        A parametrized weight is set to it, through the ``right_inverse`` of its parametrizations. Of a pruned weight
        the values that are kept are constrained.

        Raises:
            StructureError: the weight is computed in a way that cannot be gone back.
        """
        change: Any = self.facts.constraint
        own = self.module._parameters.get(self.name)
        if own is not None:
            own.copy_(change(own))
            return
        parametrized: Any = self.module._modules.get("parametrizations")
        if parametrized is not None and self.name in parametrized:
            one_way = [step for step in parametrized[self.name] if not hasattr(step, "right_inverse")]
            if one_way:
                raise self._one_way(type(one_way[0]).__name__)
            setattr(self.module, self.name, change(self.tensor))
            return
        original, mask = (getattr(self.module, f"{self.name}_{end}", None) for end in ("orig", "mask"))
        if original is None or mask is None:
            raise self._one_way("a hook")
        original.copy_(torch.where(mask != 0, change(original * mask), original))

    def _one_way(self, by: str) -> StructureError:
        return StructureError(
            f"The constraint of the weight {self.facts.path!r} cannot be kept.",
            got=f"{type(self.facts.constraint).__name__} of a weight that {by} computes",
            expected="a parametrization with right_inverse, or torch.nn.utils.prune",
            hint=f"layer.weight_facts[{self.name!r}].constraint = None, or a parametrization with right_inverse",
        )


def _is_made_of(key: str) -> bool:
    """Whether a hook of `torch.nn.utils` gives a parameter such a name: pruning, the old weight and spectral norm."""
    return key.rpartition("_")[2] in ("orig", "g", "v")


def places(parts: Iterable[torch.nn.Module], what: str) -> list[Place]:
    """The weights of these modules that have one: a "regularizer" or a "constraint". Each tensor comes once."""
    found: dict[int, Place] = {}
    for part in parts:
        table: dict[str, WeightFacts] = part.__dict__.get("weight_facts", {})
        slots: list[tuple[str, Any]] = [*part._parameters.items(), *part._buffers.items()]
        known = [(name, facts) for name, facts in table.items() if getattr(facts, what) is not None]
        loose = [(name, weight.facts) for name, weight in slots if name not in table and hasattr(weight, "facts")]
        for name, facts in (*known, *loose):
            place = Place(part, name, facts)
            if getattr(facts, what) is not None and place.is_found:
                found.setdefault(id((place.sources or [place.tensor])[0]), place)
    return list(found.values())
