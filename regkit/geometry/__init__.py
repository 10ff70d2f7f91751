"""Grids, affines and orientation: pure maths, no files."""

from regkit.geometry.grid import Grid

__all__ = ["Grid"]
