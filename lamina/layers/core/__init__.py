"""Layers that are a model's plain building stones."""

from .added_loss import AddedLoss
from .dense import Dense
from .einsum_dense import EinsumDense
from .embedding import Embedding
from .identity import Identity
from .input_layer import Input, InputLayer
from .lambda_ import Lambda
from .masking import Masking
from .pipeline import Pipeline
from .reversible_embedding import ReversibleEmbedding
from .torch_module import TorchModule, TorchModuleWrapper
from .wrapper import Wrapper

__all__ = [
    "AddedLoss",
    "Dense",
    "EinsumDense",
    "Embedding",
    "Identity",
    "Input",
    "InputLayer",
    "Lambda",
    "Masking",
    "Pipeline",
    "ReversibleEmbedding",
    "TorchModule",
    "TorchModuleWrapper",
    "Wrapper",
]
