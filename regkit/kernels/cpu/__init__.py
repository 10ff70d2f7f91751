"""Numba loops for the CPU. Nothing here is needed for correctness: see the PyTorch references.

Every loop runs in parallel over the first axis and keeps one partial sum a slice, so the same
input gives the same bytes whatever the number of threads.
"""
