"""Weights: which are published, where they are installed, how they are fetched and read."""
