"""Colours of charts, which any kind of colour vision tells apart (Okabe and Ito)."""

PAPER, INK, FAINT = "#ffffff", "#1f2328", "#d5d9de"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
SERIES = (BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", INK)
"""Of one thing after the other in a chart."""
