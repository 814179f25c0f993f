"""Low-rank adapters (LoRA): a frozen kernel plus the product of two thin matrices, which are what is trained.

``layer.kernel`` is then computed: the frozen values lie beside it as ``layer._kernel``. Layers without adapters pay
nothing for that: `Adapted` answers for ``kernel`` where ``nn.Module`` would have to search.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, ClassVar

import torch

from lamina import initializers
from lamina.arrays import as_array
from lamina.graph import ArgumentError
from lamina.graph.source import caller

from .arguments import number
from .base import Layer
from .first_values import made_by


class Adapted:
    """The attribute of a weight that may have adapters: the weight itself, or the sum with what they add.

    Not a property: what a call lends to a layer lies in its ``__dict__``, which comes first.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.base = name, f"_{name}"

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None:
            return self
        weights = layer.__dict__.get("_parameters", {})
        weight = weights.get(self.name)
        if weight is not None:
            return weight
        if self.base in weights and layer.lora_enabled:
            base = layer.base_weight()
            wide = torch.promote_types(base.dtype, torch.float32)
            down, up = (matrix.to(wide) for matrix in layer.adapters())
            return base + (layer.lora_scale * torch.matmul(down, up)).to(base.dtype)
        return torch.nn.Module.__getattr__(layer, self.name)


class LowRank(Layer):
    """Base of layers whose largest weight takes adapters. A subclass names it, and calls `begin_adapters` at the end
    of its ``build``.

    Args:
        lora_rank: rank of the adapters that ``build`` adds; None for none.
        lora_alpha: what they add is multiplied by ``lora_alpha / lora_rank``; the rank by default.
    """

    adapted: ClassVar[str] = "kernel"
    """The weight that adapters are added to; its last axis is that of the outputs."""
    lora_enabled = False

    def __init__(
        self, *args: Any, lora_rank: int | None = None, lora_alpha: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if lora_rank is not None:
            lora_rank = _checked_rank(type(self).__name__, lora_rank)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else number(self, "lora_alpha", lora_alpha, 0.0)

    @property
    def lora_scale(self) -> float:
        """What the product of the adapters is multiplied by."""
        return float(self.lora_alpha or 0) / self.lora_rank if self.lora_rank else 0.0

    def adapters(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The two matrices: (..., F, rank) and (rank, units)."""
        return getattr(self, f"lora_{self.adapted}_a"), getattr(self, f"lora_{self.adapted}_b")

    def base_weight(self) -> torch.Tensor:
        """The frozen values of a layer with adapters."""
        base: torch.Tensor = getattr(self, f"_{self.adapted}")
        return base

    def begin_adapters(self) -> None:
        """Add those that the constructor asked for."""
        if self.lora_rank is not None:
            self._add_adapters(self.lora_rank, self.lora_alpha, "he_uniform", "zeros")

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the kernel and train two thin matrices in its place.

        From then on the layer computes with ``kernel + lora_alpha / rank * a @ b``; ``a`` (``lora_kernel_a``) and ``b``
        (``lora_kernel_b``) are float32 weights, the kernel's own values stay in ``_kernel``. The bias is trained as
        before. A `.lamina` file keeps all three; Keras' files hold the sum, and whoever reads one into a layer with
        adapters begins with adapters that add nothing.

        Args:
            rank: length of the axis between the two matrices.
            lora_alpha: strength of what they add; the rank by default.
            a_initializer, b_initializer: how they begin. With ``b`` zero the layer computes what it did.

        Raises:
            ArgumentError: the layer is not built, has adapters already, or a constraint, which would have to hold for
                the sum.

        >>> from lamina.layers import Dense
        >>> layer = Dense(64)
        >>> layer.build((None, 32))
        >>> layer.enable_lora(4)
        >>> [(w.name, tuple(w.shape)) for w in layer.trainable_weights]
        [('bias', (64,)), ('lora_kernel_a', (32, 4)), ('lora_kernel_b', (4, 64))]
        """
        if not self.built:
            raise self._no_adapters("it is not built", "layer.build(input_shape), or call the model once, first")
        if self.lora_enabled:
            raise self._no_adapters(f"it has some, of rank {self.lora_rank}", "this can be done once per layer")
        alpha = None if lora_alpha is None else number(self, "lora_alpha", lora_alpha, 0.0)
        self._add_adapters(_checked_rank(self.label, rank), alpha, a_initializer, b_initializer)
        self._look()

    def _add_adapters(self, rank: int, alpha: float | None, a_initializer: Any, b_initializer: Any) -> None:
        name = self.adapted
        if getattr(self, f"{name}_constraint") is not None:
            raise self._no_adapters(f"it has a {name}_constraint", f"the layer without {name}_constraint")
        base = self._parameters[name]
        regularizer = getattr(self, f"{name}_regularizer")
        self._rename_weight(name, f"_{name}")
        self.frozen_for_good = frozenset((f"_{name}",))
        base.requires_grad_(False)  # type: ignore[union-attr]  # a built layer has it
        shape = tuple(base.shape)  # type: ignore[union-attr]
        for letter, size, initializer in (
            ("a", (*shape[:-1], rank), a_initializer),
            ("b", (rank, shape[-1]), b_initializer),
        ):
            key = f"lora_{name}_{letter}"
            made = initializers.get(initializer)
            setattr(self, key, self.add_weight(size, made, torch.float32, regularizer=regularizer, name=key))
        self.lora_rank, self.lora_alpha = rank, rank if alpha is None else alpha
        self._first_a = initializers.get(a_initializer)
        self.lora_enabled = True

    def _rename_weight(self, old: str, new: str) -> None:
        """Another attribute for a weight, which keeps its place among the others and its name."""
        self._parameters.update({new if key == old else key: self._parameters.pop(key) for key in [*self._parameters]})
        self.weight_facts[new] = self.weight_facts.pop(old)
        self.__dict__.setdefault("_attribute_weights", set()).add(new)

    def _no_adapters(self, why: str, hint: str) -> ArgumentError:
        return ArgumentError(f"{self.label} cannot be given adapters: {why}.", where=str(caller()), hint=hint)

    # -- Keras' files

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """As every layer's; adapters are added to the weight, so that the file is one of a layer without them."""
        if not self.lora_enabled:
            return super().save_own_variables(store)
        store.update((str(place), as_array(weight)) for place, weight in enumerate(self._merged_weights()))
        return None

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """As every layer's; where the layer has adapters, they begin anew and add nothing."""
        if not self.lora_enabled:
            return super().load_own_variables(store)
        own = dict(self._parameters)
        try:
            kept = [key for key in own if key.startswith("lora_")]
            for key in kept:
                del self._parameters[key]
            super().load_own_variables(store)
        finally:
            self._parameters.clear()
            self._parameters.update(own)
        down, up = self.adapters()
        with torch.no_grad():
            down.copy_(made_by(self._first_a, tuple(down.shape), down.dtype, self, f"lora_{self.adapted}_a"))
            up.zero_()
        return None

    def _merged_weights(self) -> list[torch.Tensor]:
        names = [name for name in self._parameters if not name.startswith("lora_")]
        weights = (getattr(self, self.adapted if name == f"_{self.adapted}" else name) for name in names)
        return [weight for weight in weights if weight is not None]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return (
            config if self.lora_rank is None else {**config, "lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        )


def adapters_in(model: torch.nn.Module) -> dict[str, str]:
    """Path of each layer with adapters -> "rank alpha"."""
    found = ((path, part) for path, part in model.named_modules() if isinstance(part, LowRank) and part.lora_enabled)
    return {path: f"{part.lora_rank} {part.lora_alpha}" for path, part in found}


def add_adapters(model: torch.nn.Module, told: Mapping[str, str]) -> None:
    """Add what `adapters_in` told, where there are none: to layers whose config is that of the layer around them.

    Raises:
        ArgumentError: a path that leads to no layer that takes them, or no two numbers.
    """
    parts = dict(model.named_modules())
    for path, text in told.items():
        part = parts.get(path)
        rank, _, alpha = text.partition(" ")
        if not isinstance(part, LowRank) or not (rank.isdigit() and alpha.replace(".", "", 1).isdigit()):
            raise ArgumentError("There is no layer that these adapters belong to.", got=f"{path[:80]!r}: {text[:80]!r}")
        if not part.lora_enabled:
            part.enable_lora(int(rank), float(alpha) if "." in alpha else int(alpha))


def _checked_rank(owner: str, rank: Any) -> int:
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ArgumentError(
            f"{owner}: the rank of its adapters cannot be {rank!r}.",
            where=str(caller()),
            expected="a positive whole number, much smaller than the layer's width",
        )
    return rank
