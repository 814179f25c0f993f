"""What stands in a file of a model or of weights, told without building it, and without reading a tensor."""

from .facts import FileFacts, LayerFacts, NeededObject, TensorFacts
from .files import inspect_file

__all__ = ["FileFacts", "LayerFacts", "NeededObject", "TensorFacts", "inspect_file"]
