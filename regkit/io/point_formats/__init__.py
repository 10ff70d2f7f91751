"""Formats of points: landmarks and surfaces, in RAS+ mm once they are read."""
