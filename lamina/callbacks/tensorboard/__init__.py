"""What TensorBoard shows of a training: curves, weights, the graph, a profile."""

from .callback import TensorBoard

__all__ = ["TensorBoard"]
