"""Move the eight voxels of a block between places and channels."""

from __future__ import annotations

from numba import prange

from regkit.kernels.cpu.jit import parallel


@parallel
def gather(image, out):
    """``image (I, J, K, C)`` to ``out (i, j, k, 8 C)``, 0 beyond the end of an odd axis."""
    n0, n1, n2, channels = image.shape
    for i in prange(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                for p in range(8):
                    x, y, z = 2 * i + (p >> 2), 2 * j + ((p >> 1) & 1), 2 * k + (p & 1)
                    inside = x < n0 and y < n1 and z < n2
                    for c in range(channels):
                        value = image[x, y, z, c] if inside else image.dtype.type(0)
                        out[i, j, k, p * channels + c] = value


@parallel
def scatter(blocks, out):
    """``blocks (i, j, k, 8 C or more)`` to ``out (I, J, K, C)``."""
    n0, n1, n2, channels = out.shape
    for i in prange(n0):
        for j in range(n1):
            for k in range(n2):
                first = ((i & 1) * 4 + (j & 1) * 2 + (k & 1)) * channels
                for c in range(channels):
                    out[i, j, k, c] = blocks[i >> 1, j >> 1, k >> 1, first + c]
