"""FeatureSpace: a table's columns, each prepared in its way, as the input of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from lamina import layers
from lamina.config import floatx
from lamina.custom_objects import register_keras_serializable
from lamina.graph import ArgumentError
from lamina.layers import Layer
from lamina.layers.arguments import choice, whole
from lamina.layers.nested import adopt_nested_layers
from lamina.models.files import MODEL_CLASSES
from lamina.saving import SavingError, save_model

from . import kinds
from .columns import ColumnInBatches, columns_of, repeatable
from .encoding import encoded, encoder_of
from .features import Cross, Feature, refuse_unknown_names
from .learning import knows, learns


@register_keras_serializable("lamina")
class FeatureSpace(Layer):
    """Numbers for a model from a table: each column by a layer, crosses of columns by a hash, all side by side.

    Called on a table - a dict of columns (B,), (B, 1), a DataFrame, or a dict of the values of one row - it gives in
    mode "concat" one tensor (B, F), of one row (F,): first the features in the order of their names, then the crosses
    in the order of theirs. In mode "dict" it gives a dict with a tensor for each of them.

    | kind | layer | result |
    |---|---|---|
    | "float" | Identity | x |
    | "float_rescaled" | Rescaling | x * scale + offset |
    | "float_normalized" | Normalization | (x - mean) / deviation |
    | "float_discretized" | Discretization | one of `num_bins` |
    | "integer_categorical", "string_categorical" | IntegerLookup, StringLookup | one of the values of the data |
    | "integer_hashed", "string_hashed" | Hashing | one of `num_bins`, by hash |

    The static methods of these names make features with arguments; `feature(...)` takes a layer of yours. "One of"
    becomes a vector of zeros and a one, or with `output_mode="int"` stays a number, for "dict" alone.

    In a graph: `get_inputs()` and `get_encoded_features()`. There are no tensors of texts in PyTorch, so the input of a
    column of texts takes what its layer makes of them, and `model_inputs(table)` makes what such a model takes.

    Args:
        features: name of the column -> kind, or feature.
        output_mode: "concat" or "dict".
        crosses: tuples of names of features, or what `FeatureSpace.cross(...)` gives. Of a feature the number goes in
            that its layer gives, so floats cannot be crossed.
        crossing_dim: bins of those crosses that are tuples.
        hashing_dim: bins of features that are called "integer_hashed" or "string_hashed".
        num_discretization_bins: bins of features that are called "float_discretized".
        name: as in any layer.

    Raises:
        ArgumentError: an argument cannot be; or something learns from data, and `adapt(data)` was not called.
        StructureError: a table has other columns than the features.
        DtypeError: a column has values of another kind than its feature.

    >>> space = FeatureSpace({"age": "float_rescaled", "job": "string_categorical"})
    >>> space.adapt({"age": [30, 40, 50], "job": ["cook", "smith", "cook"]})
    >>> space({"age": [31, 41], "job": ["smith", "poet"]})
    tensor([[31.,  0.,  0.,  1.],
            [41.,  1.,  0.,  0.]])
    """

    # What a file asks of a model beside its config and its state: here is no graph, and no training.
    graph = _first_call = _running = _compiled = None

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Iterable[Any] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not isinstance(features, Mapping) or not features or not all(isinstance(key, str) for key in features):
            raise ArgumentError(
                f"{self.label} needs features.",
                got=f"{features!r}"[:80],
                expected="a dict from names of columns to kinds of features",
                hint='FeatureSpace({"age": "float_normalized"})',
            )
        self.output_mode = choice(self, "output_mode", output_mode, ("concat", "dict"))
        self.crossing_dim = whole(self, "crossing_dim", crossing_dim)
        self.hashing_dim = whole(self, "hashing_dim", hashing_dim)
        self.num_discretization_bins = whole(self, "num_discretization_bins", num_discretization_bins)
        self.features = {
            key: kinds.feature_of(key, given, self.hashing_dim, self.num_discretization_bins)
            for key, given in features.items()
        }
        self.crosses = [self._cross_of(given) for given in crosses or ()]
        refuse_unknown_names(self.label, self.crosses, self.features)
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=kinds.layer_name(cross.name))
            for cross in self.crosses
        }
        # A layer, whose rule tells the shape: the first time that a function's is found by trying takes seconds.
        self.concat = layers.Concatenate(dtype=floatx()) if self.output_mode == "concat" else None
        for layer in self.preprocessors.values():
            layer._build_once((None, 1))  # so that weights in a file find their places
        adopt_nested_layers(self)
        # In the state beside the weights that it speaks of: those of Normalization, and of layers of the user's.
        self.register_buffer("adapted", torch.tensor(False))
        self._forget()

    def _cross_of(self, given: Any) -> Cross:
        if isinstance(given, Cross):
            return given
        return Cross.from_config(given) if isinstance(given, dict) else Cross(given, self.crossing_dim)

    def _forget(self) -> None:
        """Forget what was made of what the layers had learned."""
        self.one_hot_encoders: dict[str, Any] = {}
        self._inputs: dict[str, Any] | None = None
        self._encoded: Any = None

    # -- features

    @staticmethod
    def feature(dtype: Any, preprocessor: Layer, output_mode: str) -> Feature:
        """A column that a layer of yours takes.

        Args:
            dtype: of the column's numbers; "string" for texts.
            preprocessor: the layer, called on (B, 1).
            output_mode: "float", "int", or "one_hot" where the layer is one that Lamina has for categories.
        """
        return Feature(dtype, preprocessor, output_mode)

    @staticmethod
    def cross(feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Several features as one, by the hash of their values together: one of `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    # `float` is Keras' name; torch.nn.Module.float, which would make float32 of weights, has nothing to do here.
    float = staticmethod(kinds.plain)  # type: ignore[assignment]  # see above
    float_rescaled = staticmethod(kinds.rescaled)
    float_normalized = staticmethod(kinds.normalized)
    float_discretized = staticmethod(kinds.discretized)
    integer_categorical = staticmethod(kinds.categorical_numbers)
    string_categorical = staticmethod(kinds.categorical_texts)
    integer_hashed = staticmethod(kinds.hashed_numbers)
    string_hashed = staticmethod(kinds.hashed_texts)

    # -- learning

    def adapt(self, dataset: Any) -> None:
        """Let each layer learn that learns from data, in place of what it knew.

        Args:
            dataset: a dict of columns, a DataFrame, or batches or rows of those: a `DataLoader`, `Dataset`, list or
                generator, also of (table, targets). It is gone through once for each column that is learned from; a
                generator's tables are kept in memory meanwhile. Other columns are not looked at.

        Raises:
            StructureError: no table, or a column is missing.
            DtypeError: a column has values of another kind than its feature.
        """
        data = repeatable(dataset)
        for name, layer in self.preprocessors.items():
            if learns(layer):
                layer.adapt(ColumnInBatches(self.label, name, self.features[name], data))
        adapted: Any = self.adapted
        adapted.fill_(True)
        self._forget()
        self.get_encoded_features()

    def _refuse_unlearned(self) -> None:
        learning = {name: knows(layer) for name, layer in self.preprocessors.items() if learns(layer)}
        lacking = [name for name, known in learning.items() if not (self.adapted if known is None else known)]
        if lacking:
            raise ArgumentError(
                f"{self.label} has yet to learn from data.",
                got=f"nothing known of {', '.join(map(repr, lacking))}",
                hint="space.adapt(table)",
            )

    # -- the graph

    def get_inputs(self) -> dict[str, Any]:
        """Name -> symbolic input (B, 1) of each column; of texts, for what their layer makes of them.

        Raises:
            ArgumentError: `adapt` was not called.
        """
        self._refuse_unlearned()
        if self._inputs is None:
            self._inputs = {name: self._input(name, feature) for name, feature in self.features.items()}
        return self._inputs

    def _input(self, name: str, feature: Feature) -> Any:
        shape = feature.preprocessor.compute_output_shape((None, 1)) if feature.is_texts else (None, 1)
        return layers.Input(batch_shape=shape, dtype=feature.torch_dtype, name=kinds.layer_name(name))

    def get_encoded_features(self) -> Any:
        """What the call gives, as symbolic tensors that come from `get_inputs()`: where a model can begin.

        Raises:
            ArgumentError: `adapt` was not called, or a feature cannot be encoded as it should be.
        """
        if self._encoded is None:
            inputs = self.get_inputs()
            self._encoded = self._combined({
                name: inputs[name] if feature.is_texts else feature.preprocessor(inputs[name])
                for name, feature in self.features.items()
            })  # fmt: skip
        return self._encoded

    def model_inputs(self, data: Any) -> dict[str, torch.Tensor]:
        """What a model of `get_inputs()` takes, from a table: its columns (B, 1), with numbers in place of texts.

        >>> space = FeatureSpace({"job": FeatureSpace.string_hashed(3)})
        >>> space.model_inputs({"job": ["A", "B"]})
        {'job': tensor([[1],
                [0]])}
        """
        self._refuse_unlearned()
        columns, _ = columns_of(self.label, data, self.features)
        return {
            name: feature.preprocessor(columns[name]) if feature.is_texts else columns[name]
            for name, feature in self.features.items()
        }

    # -- the call

    def __call__(self, data: Any) -> Any:
        self._refuse_unlearned()
        columns, is_row = columns_of(self.label, data, self.features)
        result = self._combined({name: layer(columns[name]) for name, layer in self.preprocessors.items()})
        if not is_row:
            return result
        return result[0] if self.output_mode == "concat" else {name: value[0] for name, value in result.items()}

    def _combined(self, values: dict[str, Any]) -> Any:
        specs = self.features | {cross.name: cross for cross in self.crosses}
        made_by = self.preprocessors | self.crossers
        crossed = {
            cross.name: self.crossers[cross.name]([values[name] for name in cross.feature_names])
            for cross in self.crosses
        }
        if not self.one_hot_encoders:
            found = {name: encoder_of(name, spec, made_by[name]) for name, spec in specs.items()}
            self.one_hot_encoders = {name: encoder for name, encoder in found.items() if encoder is not None}
        ordered = {name: part[name] for part in (values, crossed) for name in sorted(part)}
        return encoded(ordered, self.one_hot_encoders, self.concat)

    # -- saving

    def get_config(self) -> dict[str, Any]:
        """The arguments, with what lookups and bins have learned; statistics of Normalization are in the state."""
        return {
            "features": {name: feature.get_config() for name, feature in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [cross.get_config() for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> FeatureSpace:
        """A new space from what `get_config` gave."""
        features = {
            name: Feature.from_config(given, custom_objects) if isinstance(given, dict) else given
            for name, given in config["features"].items()
        }
        return cls(**{**config, "features": features})

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Write all of it into one file, which `lamina.models.load_model` reads; as safe as that of a model.

        Args:
            filepath: ends in ``.lamina``.
            overwrite: replace a file that is there.

        Raises:
            SavingError: another name, or a layer that a file has no word for.
        """
        if not str(filepath).endswith(".lamina"):
            raise SavingError(
                "The file of a FeatureSpace is called *.lamina.", got=repr(str(filepath)), hint='"features.lamina"'
            )
        save_model(self, filepath, overwrite, models=MODEL_CLASSES)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_inputs": None, "_encoded": None}
