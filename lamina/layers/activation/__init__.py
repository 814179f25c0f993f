"""Activation functions as layers."""

from lamina.layers.activation.elementwise import ELU, Activation, LeakyReLU, ReLU
from lamina.layers.activation.prelu import PReLU
from lamina.layers.activation.softmax import Softmax

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]
