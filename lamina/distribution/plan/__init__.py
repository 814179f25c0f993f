"""`plan`: what training on many devices will cost, before there are any."""

from .estimate import Plan, Row, plan

__all__ = ["Plan", "Row", "plan"]
