"""Layers in which positions of one sequence gather from positions of another."""

from .additive import AdditiveAttention
from .dot_product import Attention
from .group_query import GroupQueryAttention
from .multi_head import MultiHeadAttention

__all__ = ["AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"]
