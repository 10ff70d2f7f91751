"""Data sets: images with labels, from the layouts that people have them in."""
