"""What is to be done with one column of a table, and with several of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.graph.dtypes import name_of, to_torch
from lamina.layers import Layer
from lamina.layers.arguments import choice, refuse, whole
from lamina.layers.parts import part_config, part_from_config

TEXTS = "string"


class Feature:
    """One column: what kind of values it has, the layer that takes them, and what becomes of the layer's result.

    Args:
        dtype: "string" for texts, else the dtype that the column's numbers are brought to.
        preprocessor: a layer that is called on the column (B, 1), or the config of one.
        output_mode: "float" and "int" leave the layer's result as it is; "one_hot" makes vectors of the whole numbers
            that the layer gives.

    Raises:
        ArgumentError: an argument cannot be.
        DtypeError: `dtype` is none.

    >>> Feature("int64", lamina.layers.Hashing(3), "one_hot").get_config()["output_mode"]
    'one_hot'
    """

    def __init__(
        self, dtype: Any, preprocessor: Any, output_mode: str, custom_objects: Mapping[str, Any] | None = None
    ) -> None:
        self.dtype = TEXTS if dtype in (TEXTS, str) else name_of(to_torch(dtype))
        self.preprocessor = part_from_config(preprocessor, custom_objects)
        if not isinstance(self.preprocessor, Layer):
            raise refuse(self, "preprocessor", preprocessor, "a layer", "layers.Lambda(function)")
        self.output_mode = choice(self, "output_mode", output_mode, ("int", "one_hot", "float"))

    @property
    def is_texts(self) -> bool:
        """Whether the column holds texts, of which there are no tensors."""
        return self.dtype == TEXTS

    @property
    def torch_dtype(self) -> torch.dtype:
        """Of the tensor that the layer is called on; of what it gives, for texts."""
        return self.preprocessor.compute_output_dtype(torch.int64) if self.is_texts else to_torch(self.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments, as JSON types."""
        return {"dtype": self.dtype, "preprocessor": part_config(self.preprocessor), "output_mode": self.output_mode}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Feature:
        """A new feature from what `get_config` gave."""
        return cls(**config, custom_objects=custom_objects)


class Cross:
    """Several columns as one: each combination of their values falls into one of `crossing_dim` bins, by its hash.

    Args:
        feature_names: two or more names.
        crossing_dim: how many bins.
        output_mode: "int" for the bin, "one_hot" for a vector.

    Raises:
        ArgumentError: an argument cannot be.

    >>> Cross(("age", "sex"), crossing_dim=32).name
    'age_X_sex'
    """

    def __init__(self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> None:
        names = feature_names if isinstance(feature_names, (list, tuple)) else ()
        if len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise refuse(self, "feature_names", feature_names, "two or more names of features", '("age", "sex")')
        self.feature_names = tuple(names)
        self.crossing_dim = whole(self, "crossing_dim", crossing_dim)
        self.output_mode = choice(self, "output_mode", output_mode, ("int", "one_hot"))

    @property
    def name(self) -> str:
        """What the result is called."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        """The arguments, as JSON types."""
        return {
            "feature_names": list(self.feature_names),
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Cross:
        """A new cross from what `get_config` gave."""
        return cls(**config)


def refuse_unknown_names(label: str, crosses: Iterable[Cross], known: Iterable[str]) -> None:
    """Raise ArgumentError where a cross is of features that are not there, or has the name of something else."""
    taken = set(known)
    features = set(taken)
    for cross in crosses:
        unknown = [name for name in cross.feature_names if name not in features]
        if unknown:
            raise ArgumentError(
                f"{label} cannot cross what is no feature.",
                got=", ".join(map(repr, unknown)),
                expected=f"some of {', '.join(map(repr, sorted(features)))}",
            )
        if cross.name in taken:
            raise ArgumentError(f"{label} has two results called {cross.name!r}.", hint="another name for a feature")
        taken.add(cross.name)
