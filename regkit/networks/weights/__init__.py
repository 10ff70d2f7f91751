"""Weights: which are known, where they lie, how they come there, and how they are read."""
