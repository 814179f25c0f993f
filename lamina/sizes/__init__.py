"""Shapes and sizes while a graph is drawn: what stands for those that only run time tells. Knows no node or layer."""

__all__: list[str] = []
