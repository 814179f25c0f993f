"""A model of a class that is not at hand: its call is what was traced when it was saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.saving import LoadingError
from lamina.saving.traced import Traced

from .model import Model


class TracedModel(Traced, Model):
    """A subclassed model whose class is not at hand: `TracedLayer`, with `fit`, `predict` and the rest of a model.

    Args:
        class_name, config: as they stand in the file, for whoever has the class.
        data: weights, constants and traced calls.
    """

    def __init__(self, class_name: str, config: Any, data: dict[str, Any], name: str) -> None:
        super().__init__(name=name)
        self._take_traced(class_name, config, data)

    def call(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        mode = self.training if training is None else bool(training)
        return self.run_traced((inputs, *args), {k: v for k, v in kwargs.items() if v is not None}, mode)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Refused: what it does stands in a file."""
        raise LoadingError("A traced model is read from the file that holds what was traced.", hint="load_model(path)")
