"""The report of a motion correction."""
