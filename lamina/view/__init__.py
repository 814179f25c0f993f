"""What a person sees of a model: summary, picture, training curves. Readers of the graph, nothing more."""

from typing import TYPE_CHECKING

from lamina.callbacks.curves import plot_history
from lamina.public_names import names_of

from .dot import Dot, model_to_dot
from .picture import Picture, model_to_svg, plot_model
from .summary import summary

__all__ = ["Dot", "Picture", "model_to_dot", "model_to_svg", "plot_history", "plot_model", "summary"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
