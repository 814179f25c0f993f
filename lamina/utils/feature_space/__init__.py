"""FeatureSpace: the columns of a table as numbers for a model."""

from .space import FeatureSpace

__all__ = ["FeatureSpace"]
