"""A small model learns from a large one: `Distiller`, and what is compared of the two."""

from lamina.public_names import names_of

from .distiller import Distiller
from .losses import DistillationLoss, FeatureDistillation, LogitsDistillation

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]

__getattr__, __dir__ = names_of(__name__, __all__)
