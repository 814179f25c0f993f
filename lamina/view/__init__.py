"""What a person sees of a model: summary, picture, training curves. Readers of the graph, nothing more."""

from lamina.callbacks.curves import plot_history

from .dot import Dot, model_to_dot
from .picture import Picture, model_to_svg, plot_model
from .summary import summary

__all__ = ["Dot", "Picture", "model_to_dot", "model_to_svg", "plot_history", "plot_model", "summary"]
