"""Triton kernels for the GPU. Nothing here is needed for correctness: see the PyTorch references.

Each module has the name of the one in :mod:`regkit.kernels` whose functions it is a twin of;
:func:`regkit.kernels.backend.with_triton` finds them. Kernels gather and never scatter, and keep
one partial sum a program, so the same input gives the same bytes.

What stays with PyTorch is what is elementwise or a single pass there already. How many bytes an
iteration must move, and how many these kernels do, is in ``benchmarks/README.md`` under *GPU*;
not yet measured: no device was at hand.
"""
