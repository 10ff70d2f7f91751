"""Grids, affines and orientation: pure maths, no files."""

from regkit.geometry.grid import Grid
from regkit.geometry.world import World

__all__ = ["Grid", "World"]
