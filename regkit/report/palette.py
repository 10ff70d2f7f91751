"""Colours of charts, which any kind of colour vision tells apart (Okabe and Ito)."""

PAPER, INK, FAINT = "#ffffff", "#1f2328", "#d5d9de"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
